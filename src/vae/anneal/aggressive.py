"""Aggressive training: the inference networks catch up with the decoder before each step.

B batch, N images, C channels, H height, W width, T steps, V voices.
"""

import math
from typing import Any, cast

import torch
from lightning import Trainer
from torch import Tensor, nn
from torch.optim import Optimizer

from src.core.validation import COUNT
from src.data.loader import ResidentLoader
from src.training.callbacks.randomness import own_randomness
from src.training.networks import evaluating
from src.vae.anneal.annealer import Annealer
from src.vae.information import information
from src.vae.interfaces import VAEInterface
from src.vae.latents import total
from src.vae.networks import TopDown

NUM_PROBES = 512  # fixed training samples on which mutual information is estimated
PROBE_SEED = 0  # of their choice and of the latents drawn for them


class Aggressive(Annealer):
    """Many updates of the encoder for each one of the decoder, early in training (He et al. 2019, arXiv:1901.05534).

    A posterior that lags behind the true one makes the latents useless to the decoder, which then learns to ignore
    them. Before each step:

        repeat                  update the inference networks on a fresh batch
        until                   the mean loss over `window` updates no longer falls
        step                    updates the generative networks alone

    Every `check_every` steps the mutual information between fixed training samples and their latents is estimated; as
    soon as it falls, training continues as usual. The inner updates come on top of the run's budget and are charted.
    They use the run's learning rate and the other annealers' present values, but no annealer observes them.

    Args:
        window: inner updates over which the loss is averaged.
        max_inner_updates: per step.
        check_every: steps between two estimates of mutual information.
    """

    def __init__(self, window: int = 10, max_inner_updates: int = 100, check_every: int = 100):
        super().__init__()
        self.window = self.number("window", window, COUNT)
        self.max_inner_updates = self.number("max_inner_updates", max_inner_updates, COUNT)
        self.check_every = self.number("check_every", check_every, COUNT)
        if window > max_inner_updates:
            raise ValueError(f"{self.key}.window={window}: choose at most max_inner_updates={max_inner_updates}")
        self.is_on = True
        self.information = 0.0
        self.inner_updates = 0
        self.random = torch.Generator().manual_seed(PROBE_SEED)
        self.optimizer: Optimizer | None = None
        self.resumed: dict[str, Any] | None = None

    @property
    def loader(self) -> ResidentLoader:
        return cast("ResidentLoader", self.vae.trainer.train_dataloader)

    def on_train_start(self, trainer: Trainer, vae: VAEInterface) -> None:
        if trainer.world_size > 1:
            raise ValueError(
                f"{self.key}: inner updates are not shared between the {trainer.world_size} devices; "
                "choose trainer.devices=1"
            )
        self.optimizer = vae.optimizer_of(inference_weights(vae))
        if self.resumed:
            self.optimizer.load_state_dict(self.resumed)

    def before_step(self) -> None:
        if self.is_on and self.vae.steps and self.vae.steps % self.check_every == 0:
            before, self.information = self.information, mutual_information(self.vae, self.loader)
            self.is_on = self.information >= before
        if self.is_on:
            self.catch_up()

    def catch_up(self) -> None:
        """Updates the inference networks until their loss no longer falls."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.vae.optimizers().param_groups[0]["lr"]
        before = math.inf
        for _ in range(self.max_inner_updates // self.window):
            loss = float(sum(self.update() for _ in range(self.window))) / self.window
            self.inner_updates += self.window
            if not loss < before:
                break
            before = loss

    def update(self) -> Tensor:
        """Makes one inner update; returns its loss, detached."""
        vae, loader, weights = self.vae, self.loader, inference_weights(self.vae)
        cells_BTV = vae.to_cells(draw(loader, loader.batch_size, self.random).to(vae.device))
        loss = vae.objective(cells_BTV, observe=False)["loss"]
        self.optimizer.zero_grad()
        with torch.autocast(vae.device.type, enabled=False):
            loss.backward(inputs=weights)
        nn.utils.clip_grad_norm_(weights, vae.max_gradient_norm)
        self.optimizer.step()
        torch.clear_autocast_cache()
        return loss.detach()

    def on_before_optimizer_step(self, trainer: Trainer, vae: VAEInterface, optimizer: Optimizer) -> None:
        if self.is_on:
            for weight in inference_weights(vae):
                weight.grad = None

    def charts(self) -> dict[str, float | Tensor]:
        return {
            "aggressive": float(self.is_on),
            "inner_updates": float(self.inner_updates),
            "mutual_information": self.information,
        }

    def state_dict(self) -> dict[str, Any]:
        return {
            "is_on": self.is_on,
            "information": self.information,
            "inner_updates": self.inner_updates,
            "random": self.random.get_state(),
            "optimizer": self.optimizer.state_dict() if self.is_on else None,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.is_on = state["is_on"]
        self.information = state["information"]
        self.inner_updates = state["inner_updates"]
        self.random.set_state(state["random"])
        self.resumed = state["optimizer"]


def inference_weights(vae: VAEInterface) -> list[nn.Parameter]:
    """The weights that the inner updates change."""
    weights = nn.ModuleList(vae.inference_networks()).parameters()
    return [weight for weight in weights if weight.requires_grad]


def draw(loader: ResidentLoader, num: int, random: torch.Generator) -> Tensor:
    """Random training samples, uint8 [B, C, H, W]; the loader's own order is not advanced."""
    index_BS = torch.randint(len(loader.images), (num, loader.stack), generator=random)
    return loader.indexed(index_BS.to(loader.images.device))


@torch.no_grad()
def mutual_information(vae: VAEInterface, loader: ResidentLoader) -> float:
    """Mutual information of a training sample and its latents of all levels, in nats; at most ln `NUM_PROBES`."""
    cells_NTV = vae.to_cells(draw(loader, NUM_PROBES, torch.Generator().manual_seed(PROBE_SEED)).to(vae.device))
    with (
        evaluating(cast("nn.Module", vae)),
        own_randomness(vae.device, PROBE_SEED),
        torch.autocast(vae.device.type, enabled=False),
    ):
        nats = information(vae.inference, vae.encoder(cells_NTV), vae.prior)
    # Top-down, a level's is conditional on those above, so they add up; bottom-up, all depend on x through the lowest.
    return (total(nats) if isinstance(vae.inference, TopDown) else nats[-1]).item()
