"""What annealers and objectives may use of a VAE, so that they need not import it."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch
from lightning import Trainer
from torch import Tensor, nn
from torch.optim import Optimizer

from src.vae.decoders import Decoder
from src.vae.likelihoods import Likelihood
from src.vae.networks import BottomUp, TopDown
from src.vae.prior import Prior


class VAEInterface(Protocol):
    """What annealers and objectives read and change of a VAE."""

    steps: int
    levels: Mapping[str, int]
    shape: tuple[int, int]
    encoder: nn.Module
    inference: TopDown | BottomUp
    prior: Prior
    decoder: Decoder
    likelihood: Likelihood
    max_gradient_norm: float

    @property
    def progress(self) -> float:
        """Share of the run that is done, in [0, 1)."""
        ...

    @property
    def device(self) -> torch.device: ...

    @property
    def trainer(self) -> Trainer: ...

    def to_cells(self, images_BCHW: Tensor) -> Tensor: ...

    def objective(self, cells_BTV: Tensor, observe: bool = True) -> dict[str, Any]: ...

    def pass_through(self, cells_BTV: Tensor, features_BF: Tensor) -> Any: ...

    def decoder_input(self, z: Sequence[Tensor]) -> Tensor: ...

    def optimizers(self) -> Any: ...

    def optimizer_of(self, parameters: list[nn.Parameter]) -> Optimizer: ...

    def inference_networks(self) -> list[nn.Module]: ...
