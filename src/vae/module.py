"""Hierarchical VAE training step; networks, objective and annealers are injected.

B batch, C channels, H height, W width, T steps, V voices (cells of a step), F features, L latent dims.
"""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from lightning import Callback
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from src.core.levels import level_names
from src.core.validation import POSITIVE
from src.data.spec import DataSpec
from src.training.multi_step import MultiStepModule
from src.training.networks import evaluating
from src.vae.anneal import Annealer, ComposedAnnealer
from src.vae.latents import Latents
from src.vae.likelihoods import Bernoulli, Likelihood
from src.vae.networks import BottomUp, TopDown
from src.vae.objectives import ELBO, Objective, Step
from src.vae.own import make_decoder, make_encoder
from src.vae.prior import Prior

log = logging.getLogger(__name__)

MOST_NUMBERS = 10_000_000  # of the decoder's output at once, outside training
MOST_POINTS = 100  # of a schedule between two evaluations
MOST_CELLS = 1_000  # that an autoregressive decoder draws in bearable time


class VAE(MultiStepModule):
    """A variational autoencoder with several levels of latents (Kingma & Welling 2014, arXiv:1312.6114).

    A sample is a sequence of T steps with V cells each: a drum grid as it is, an image row by row, its channels side by
    side. `levels` holds the dimensions of the latent levels by name, from the top, which is global, to the lowest.
    `annealed` holds β and temperature of the latest pass, `schedule` those of the steps since `take_schedule`.

    Args:
        spec: shape and kind of the data.
        z_high: dimensions of the global level.
        z_low: dimensions of the local level.
        encoder: builds the encoder from `num_cells`; it and the decoder may be of any class (`own.py`).
        inference: builds the posteriors from `features`, `levels`, `skips`.
        prior: builds p(z) from `levels`, `skips`.
        decoder: builds the decoder from `num_latents`, `shape`, `likelihood`.
        decoder_sees: "both" (all) levels, or "low", the lowest, alone.
        optimizer: builds the optimizer from parameter groups; weight decay applies to matrices only.
        warmup: share of the run over which the learning rate rises; then it falls to zero as a cosine.
        max_gradient_norm: gradients are clipped to it.
        anneal: any number of named annealers.
        likelihood: builds p(x|z) of the cells from `levels`, the highest stored value; Bernoulli unless given.
        levels: dimensions of any number of levels, top level first, in place of `z_high` and `z_low`.
        skips: whether a level sees all levels inferred or drawn before it instead of the last one.
        objective: what a step minimises; the negative ELBO unless given.

    Raises:
        ValueError: a choice is out of range, or an annealer does not fit the model or the objective.
    """

    def __init__(
        self,
        spec: DataSpec,
        z_high: int,
        z_low: int,
        encoder: Callable[..., nn.Module],
        inference: Callable[..., TopDown | BottomUp],
        prior: Callable[..., Prior],
        decoder: Callable[..., nn.Module],
        decoder_sees: str,
        optimizer: Callable[..., Optimizer],
        warmup: float,
        max_gradient_norm: float,
        anneal: Mapping[str, Annealer] | None = None,
        likelihood: Callable[..., Likelihood] = Bernoulli,
        levels: Sequence[int] | None = None,
        skips: bool = False,
        objective: Objective | None = None,
    ):
        super().__init__(spec)
        if decoder_sees not in ("both", "low"):
            raise ValueError(f"vae.decoder_sees={decoder_sees}: choose both or low")
        if not 0 <= warmup < 1:
            raise ValueError(f"vae.warmup={warmup}: choose a share of the run from 0 to less than 1")
        POSITIVE.check("vae.max_gradient_norm", max_gradient_norm)
        channels, height, width = spec.shape
        self.shape = (height, channels * width)
        sizes = (z_high, z_low) if levels is None else tuple(levels)
        if not sizes or min(sizes) < 1:
            raise ValueError(
                f"vae.levels={list(sizes)}: choose sizes of at least 1, from the top level down: [8,16,24]"
            )
        self.levels = dict(zip(level_names(len(sizes)), sizes, strict=True))
        self.decoder_sees = decoder_sees
        self.encoder = make_encoder(encoder, self.shape, channels)
        self.inference = inference(features=self.encoder.num_features, levels=self.levels, skips=skips)
        self.prior = prior(levels=self.levels, skips=skips)
        self.prior.attach(self.inference, self.encoder, self.shape)
        self.likelihood = likelihood(levels=spec.levels)
        if spec.colour and self.likelihood.binary:
            log.warning(
                "vae.likelihood=bernoulli takes the levels of colours for probabilities, as of ink: "
                "vae.likelihood=logistic_mixture has their likelihood and bits per dimension."
            )
        num_latents = sum(sizes) if decoder_sees == "both" else sizes[-1]
        self.decoder = make_decoder(decoder, num_latents, self.shape, self.likelihood, channels)
        if self.decoder.autoregressive and math.prod(self.shape) > MOST_CELLS:
            log.warning(
                "vae.decoder=autoregressive draws the %s cells of a sample one after another: for images choose "
                "vae.encoder=convolutional vae.decoder=convolutional.",
                f"{math.prod(self.shape):,}",
            )
        self.make_optimizer = optimizer
        self.warmup = warmup
        self.max_gradient_norm = max_gradient_norm
        self.annealers = list((anneal or {}).values())
        self.anneal = ComposedAnnealer(anneal or {})
        for annealer in self.annealers:
            annealer.attach(self)
        self.criterion = objective or ELBO()
        self.criterion.attach(self, self.annealers)
        self.annealed: dict[str, float | Tensor] = {}
        self.schedule: list[tuple[float | Tensor, ...]] = []

    @property
    def numbers(self) -> int:
        """Numbers that the decoder gives of one sample."""
        return math.prod(self.shape) * self.likelihood.num_parameters

    @property
    def generator_steps(self) -> int:
        return self.steps

    def update(self, batch_BCHW: Tensor) -> dict[str, Tensor | float]:
        """One step down the objective; returns the values to log, of which "loss" is always the annealed −ELBO."""
        self.anneal.before_step()
        outputs = self.objective(self.to_cells(batch_BCHW))
        self.schedule.append((self.images_seen, *self.annealed.values()))
        self.count(batch_BCHW)
        self.backward_and_step(self.optimizers(), outputs["loss"])
        self.lr_schedulers().step()
        outputs["loss"] = outputs.pop("negative_elbo")
        return outputs

    def take_schedule(self) -> dict[str, list[float]]:
        """β and temperature as the steps since the last call used them, by column; of many steps evenly chosen ones."""
        steps, self.schedule = self.schedule[:: len(self.schedule) // MOST_POINTS + 1], []
        names = ("images", *self.annealed)
        return {f"schedule_{name}": [float(step[i]) for step in steps] for i, name in enumerate(names)}

    def objective(self, cells_BTV: Tensor, observe: bool = True) -> dict[str, Any]:
        """What a step minimises under "loss", the annealed negative ELBO, and further values to log.

        Args:
            observe: whether annealers observe this pass, as they do in each step of the run.
        """
        features_BF = self.criterion.refine(self, cells_BTV, self.encoder(cells_BTV))
        step = self.pass_through(cells_BTV, features_BF)

        loss = self.criterion.loss(step)

        distortion_B = step.distortion_B.detach().reshape(-1, len(cells_BTV)).mean(0)  # over draws
        if observe:
            self.anneal.observe(distortion_B, step.kls.detach())
        own = {} if loss is step.negative_elbo else {"loss": loss.detach()}
        return {
            "loss": loss,
            "negative_elbo": step.negative_elbo.detach(),
            "reconstruction": distortion_B,
            **{f"kl_{level}": kl_B for level, kl_B in zip(self.levels, step.kls.detach().levels_B, strict=True)},
            **{f"anneal/{name}": value for name, value in (self.annealed | self.anneal.charts()).items()},
            **{f"objective/{name}": value for name, value in (own | self.criterion.charts).items()},
        }

    def pass_through(self, cells_BTV: Tensor, features_BF: Tensor) -> Step:
        """One pass: z ~ q(z|x), p(x|z) and the annealers' weights, with the objective's number of draws."""
        anneal, criterion = self.anneal, self.criterion
        latents = self.inference(features_BF.expand(*criterion.draws, *features_BF.shape), self.prior)
        decoded = criterion.decoded(latents)
        history_BTV = anneal.history(2 * cells_BTV - 1)
        parameters_BTX = self.decoder(self.decoder_input(decoded), history_BTV)
        temperature = anneal.temperature()
        distortion_B = -self.likelihood.log_prob(parameters_BTX, cells_BTV, temperature)  # −log p(x|z)
        kls = latents.kls().over_draws()  # KL(q(z|x) ‖ p(z)) of each level
        beta = anneal.beta(kls.detach())
        weight, penalty = anneal.reconstruction_weight(), anneal.penalty(kls, beta)
        betas = {f"beta_{level}": value for level, value in zip(self.levels, beta, strict=True)}
        self.annealed = betas | {"temperature": temperature}
        return Step(self, cells_BTV, latents, decoded, distortion_B, weight, kls, beta, penalty)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        checkpoint["schedule"] = [[float(value) for value in step] for step in self.schedule]

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_load_checkpoint(checkpoint)
        self.schedule = [tuple(step) for step in checkpoint.get("schedule", ())]  # earlier versions had none

    def compile_networks(self) -> None:
        """Compiles encoder and decoder in place; their weights keep their names.

        Raises:
            ValueError: the objective differentiates twice.
        """
        if self.criterion.differentiates_twice:
            raise ValueError(
                f"compile=true: PyTorch compiles nothing that is differentiated twice, as {self.criterion} does: "
                "choose vae.objective.exact=false, or leave one of them out"
            )
        self.encoder.compile()
        self.decoder.compile()

    def infer(self, cells_BTV: Tensor) -> Latents:
        return self.inference(self.encoder(cells_BTV), self.prior)

    def decoder_input(self, z: Sequence[Tensor]) -> Tensor:
        """The latents that the decoder receives [..., Z], of those of all levels."""
        return torch.cat([*z], -1) if self.decoder_sees == "both" else z[-1]

    def to_cells(self, images_BCHW: Tensor) -> Tensor:
        """Uint8 images as cells [B, T, V] in [0, 1]."""
        return images_BCHW.transpose(-3, -2).flatten(-2).float() / self.spec.levels

    def to_images(self, cells_BTV: Tensor) -> Tensor:
        """The inverse of `to_cells`, rounded."""
        channels, _, width = self.spec.shape
        rows_BHCW = cells_BTV.unflatten(-1, (channels, width))
        return (rows_BHCW * self.spec.levels).round().to(self.spec.dtype).transpose(-3, -2)

    @torch.no_grad()
    def sample(self, num: int, seed: int, chunk: int = 1000, temperature: float = 1.0) -> Tensor:
        """Draws uint8 [num, C, H, W] from the prior, the same for the same weights and seed.

        Grids are drawn cell by cell; an image shows the expectation of each pixel. The temperature applies to the
        cells' likelihood, not to the latents.
        """
        chunk = max(1, min(chunk, MOST_NUMBERS // self.numbers))
        random = torch.Generator().manual_seed(seed)
        noise = [torch.randn(num, size, generator=random).to(self.device) for size in self.levels.values()]
        uniform_NTV = torch.rand(num, *self.shape, generator=random).to(self.device)
        parts = zip(*(tensor.split(chunk) for tensor in (*noise, uniform_NTV)), strict=True)
        with evaluating(self):  # a learnt prior may use the encoder
            return torch.cat([self.decode(self.prior.draw(own), uniform, temperature) for *own, uniform in parts])

    def decode(self, z: Sequence[Tensor], uniform_BTV: Tensor, temperature: float = 1.0) -> Tensor:
        """Uint8 images of the latents of all levels; each cell of a grid is the quantile of 1 − `uniform`."""
        with evaluating(self):
            cells_BTV, mean_BTV = self.decoder.generate(self.decoder_input(z), uniform_BTV, temperature)
        return self.to_images(cells_BTV if self.spec.levels == 1 else mean_BTV)

    def configure_callbacks(self) -> Sequence[Callback]:
        return self.annealers

    def configure_optimizers(self) -> dict[str, Any]:
        optimizer = self.optimizer_of([parameter for parameter in self.parameters() if parameter.requires_grad])
        # Read late: here it would set up the loader before a resumed run restores its position.
        scheduler = LambdaLR(optimizer, lambda step: warm_cosine(step / self.trainer.num_training_batches, self.warmup))
        return {"optimizer": optimizer, "lr_scheduler": scheduler}

    def optimizer_of(self, parameters: Sequence[nn.Parameter]) -> Optimizer:
        """An optimizer with the run's options; weight decay applies to matrices only."""
        matrices = {"params": [p for p in parameters if p.ndim > 1]}
        vectors = {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0}
        return self.make_optimizer([matrices, vectors])

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        # Here, since annealers may have removed gradients in their own hook.
        weights = [weight for group in optimizer.param_groups for weight in group["params"]]
        nn.utils.clip_grad_norm_(weights, self.max_gradient_norm)

    def inference_networks(self) -> list[nn.Module]:
        """The networks of q(z|x); the others are those of p(x, z)."""
        return [self.encoder, self.inference]


def warm_cosine(t: float, warmup: float) -> float:
    """Factor of the learning rate at progress t: a linear rise, then half a cosine down."""
    if t < warmup:
        return t / warmup
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (t - warmup) / (1 - warmup))))
