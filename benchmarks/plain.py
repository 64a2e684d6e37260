"""Training loops as one would write them by hand, without Lightning or seams: what this framework's are timed against.

Same networks, optimizers, batches and precision; nothing is logged, evaluated or saved.
"""

import math
from collections.abc import Callable, Iterator
from copy import deepcopy

import torch
from hydra.utils import instantiate
from omegaconf import DictConfig
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

from src.data.spec import DataSpec

Step = Callable[[Tensor], None]


def batches(images_NHW: Tensor, batch_size: int, num: int) -> Iterator[Tensor]:
    """Random uint8 batches [B, H, W]."""
    for _ in range(num):
        yield images_NHW.index_select(0, torch.randint(len(images_NHW), (batch_size,), device=images_NHW.device))


def gan_step(config: DictConfig, spec: DataSpec, device: torch.device, dtype: torch.dtype | None) -> Step:
    """One step of the standard GAN."""
    generator = instantiate(config.gan.generator)(shape=spec.shape).to(device)
    discriminator = instantiate(config.gan.discriminator)(shape=spec.shape).to(device)
    generator_optimizer = instantiate(config.gan.generator_optimizer)(generator.parameters())
    discriminator_optimizer = instantiate(config.gan.discriminator_optimizer)(discriminator.parameters())

    def step(images_BHW: Tensor) -> None:
        real = images_BHW.unsqueeze(1).float() / (spec.levels / 2) - 1
        z_discriminator, z_generator = torch.randn(2, len(real), generator.z, device=device)
        with torch.autocast(device.type, dtype, enabled=dtype is not None):
            with torch.no_grad():
                fake = generator(z_discriminator)
            logits_real, logits_fake = discriminator(real)[0], discriminator(fake)[0]
            loss = softplus(-logits_real).mean() + softplus(logits_fake).mean()
        discriminator_optimizer.zero_grad()
        loss.backward()
        discriminator_optimizer.step()

        discriminator.requires_grad_(False)
        with torch.autocast(device.type, dtype, enabled=dtype is not None):
            fake = generator(z_generator)
            loss = softplus(-discriminator(fake)[0]).mean()
        generator_optimizer.zero_grad()
        loss.backward()
        generator_optimizer.step()
        discriminator.requires_grad_(True)

    return step


def r3gan_step(config: DictConfig, spec: DataSpec, device: torch.device, dtype: torch.dtype | None) -> Step:
    """One step of R3GAN: the relativistic loss, burn-in schedules, an average of the weights and two penalties.

    They are R1 and R2, or both by finite differences.
    """
    generator = instantiate(config.gan.generator)(shape=spec.shape).to(device)
    discriminator = instantiate(config.gan.discriminator)(shape=spec.shape).to(device)
    average = deepcopy(generator).requires_grad_(False)
    generator_optimizer = instantiate(config.gan.generator_optimizer)(generator.parameters())
    discriminator_optimizer = instantiate(config.gan.discriminator_optimizer)(discriminator.parameters())
    first_lr, (beta1, first_beta2) = generator_optimizer.defaults["lr"], generator_optimizer.defaults["betas"]
    tricks = config.gan.tricks
    burn_in, differences = tricks.burn_in, tricks.get("r1_approx")
    first_weight = differences.weight if differences else tricks.r1.gamma / 2
    total = math.ceil(config.budget / config.batch_size)
    done = 0

    def step(images_BHW: Tensor) -> None:
        nonlocal done
        burnt = (1 - math.cos(math.pi * min(1.0, done / total / burn_in.share))) / 2
        for group in generator_optimizer.param_groups + discriminator_optimizer.param_groups:
            group["lr"] = first_lr * (1 + (burn_in.lr - 1) * burnt)
            group["betas"] = (beta1, first_beta2 + (burn_in.beta2 - first_beta2) * burnt)
        weight = first_weight * (1 + (burn_in.gamma - 1) * burnt)

        real = images_BHW.unsqueeze(1).float() / (spec.levels / 2) - 1
        z_discriminator, z_generator = torch.randn(2, len(real), generator.z, device=device)
        with torch.autocast(device.type, dtype, enabled=dtype is not None):
            with torch.no_grad():
                fake = generator(z_discriminator)
            real.requires_grad_(differences is None)
            fake.requires_grad_(differences is None)
            logits_real, logits_fake = discriminator(real)[0], discriminator(fake)[0]
            loss = softplus(logits_fake - logits_real).mean()
            for images, logits in ((real, logits_real), (fake, logits_fake)):
                if differences:
                    loss = loss + weight * moved(discriminator, images, differences).square().mean()
                else:
                    (slope,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
                    loss = loss + weight * slope.float().square().sum((1, 2, 3)).mean()
        discriminator_optimizer.zero_grad()
        loss.backward()
        discriminator_optimizer.step()

        discriminator.requires_grad_(False)
        with torch.autocast(device.type, dtype, enabled=dtype is not None):
            fake = generator(z_generator)
            loss = softplus(discriminator(real.detach())[0] - discriminator(fake)[0]).mean()
        generator_optimizer.zero_grad()
        loss.backward()
        generator_optimizer.step()
        discriminator.requires_grad_(True)

        half_life = max(1e-6, burn_in.half_life * total * burnt)
        with torch.no_grad():
            torch._foreach_lerp_(list(average.parameters()), list(generator.parameters()), 1 - 0.5 ** (1 / half_life))
        done += 1

    return step


def moved(discriminator: nn.Module, images_BCHW: Tensor, differences: DictConfig) -> Tensor:
    """How far the logits of some images move along random directions, per unit of length."""
    some = images_BCHW[: max(1, round(differences.share * len(images_BCHW)))].float()
    near = some + differences.epsilon * torch.randn_like(some)
    with torch.autocast(some.device.type, enabled=False):
        here, there = discriminator(torch.cat([some, near]))[0].chunk(2)
    return (there - here) / differences.epsilon


def vae_step(config: DictConfig, spec: DataSpec, device: torch.device, dtype: torch.dtype | None) -> Step:
    """One step of the default VAE: top-down, both levels seen, conditional prior, β and learning rate on schedules."""
    vae = config.vae
    shape = (spec.shape[1], spec.shape[2])
    encoder = instantiate(vae.encoder)(num_cells=math.prod(shape)).to(device)
    levels = {"high": vae.z_high, "low": vae.z_low}
    inference = instantiate(vae.inference)(features=encoder.num_features, levels=levels).to(device)
    prior = instantiate(vae.prior)(levels=levels).to(device)
    decoder = instantiate(vae.decoder)(num_latents=vae.z_high + vae.z_low, shape=shape).to(device)
    weights = [weight for part in (encoder, inference, prior, decoder) for weight in part.parameters()]
    matrices = {"params": [weight for weight in weights if weight.ndim > 1]}
    vectors = {"params": [weight for weight in weights if weight.ndim <= 1], "weight_decay": 0.0}
    optimizer = instantiate(vae.optimizer)([matrices, vectors])
    total = config.budget // config.batch_size
    warm = vae.warmup

    def rate(step: int) -> float:
        t = step / total
        return t / warm if t < warm else 0.5 + 0.5 * math.cos(math.pi * (t - warm) / (1 - warm))

    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
    done = 0

    def step(images_BHW: Tensor) -> None:
        nonlocal done
        cells = images_BHW.float() / spec.levels
        with torch.autocast(device.type, dtype, enabled=dtype is not None):
            features = encoder(cells)
            mean, raw = inference.high(features).float().chunk(2, -1)
            q_high = Normal(mean, softplus(raw + 0.5413) + 1e-3, validate_args=False)
            z_high = q_high.rsample()
            prior_low = prior([z_high])
            mean, raw = inference.low(torch.cat([features, z_high], -1)).float().chunk(2, -1)
            std = prior_low.stddev * (softplus(raw + 0.5413) + 1e-3)
            q_low = Normal(prior_low.mean + prior_low.stddev * mean, std, validate_args=False)
            logits = decoder(torch.cat([z_high, q_low.rsample()], -1), 2 * cells - 1)
            distortion = binary_cross_entropy_with_logits(logits, cells, reduction="none").sum((1, 2)).mean()
            prior_high = Normal(torch.zeros_like(q_high.mean), torch.ones_like(q_high.mean), validate_args=False)
            kl_high = kl_divergence(q_high, prior_high).sum(1).mean()
            kl_low = kl_divergence(q_low, prior_low).sum(1).mean()
            loss = distortion + min(1.0, 2 * done / total) * (kl_high + kl_low)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(weights, vae.max_gradient_norm)
        optimizer.step()
        scheduler.step()
        done += 1

    return step
