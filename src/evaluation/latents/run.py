"""Everything that a VAE on drum bars is asked at the end of its run, beside how likely it finds them."""

from pathlib import Path

import torch
from torch import Tensor

from src.data.module import ResidentData
from src.evaluation.drum_metrics import Listener
from src.evaluation.latents.control import control
from src.evaluation.latents.dimensions import dimensions
from src.evaluation.latents.encode import Findings, coded
from src.evaluation.latents.hierarchy import hierarchy
from src.evaluation.latents.interpolation import interpolation
from src.evaluation.latents.musicality import musicality
from src.evaluation.latents.transfer import transfer
from src.evaluation.oracles.factory import oracle_of
from src.vae.module import VAE


class Examiner:
    """Asks what each latent dimension controls, what the levels hold, whether style can be moved, and for music.

    What is fitted is fitted on the validation split, and everything is scored on the test split.

    Args:
        data: set up; bars of one channel.
        listener: judges how bars sound.
        num_bars: of each held-out split, at most.
        cache: folder of trained oracles.
    """

    def __init__(self, data: ResidentData, listener: Listener, num_bars: int, cache: Path, device: torch.device):
        self.data = data
        self.listener = listener
        self.num_bars = num_bars
        self.train_NTV = data.splits["train"].images.to(device)
        self.oracle = oracle_of(data, cache, device) if len(data.spec.classes) > 1 else None

    def examine(self, vae: VAE, drawn_NTV: Tensor) -> Findings:
        """All findings about a model in evaluation mode and the bars that it drew from its prior."""
        fit, held = (coded(vae, self.data, split, self.num_bars) for split in ("val", "test"))
        return (
            dimensions(vae, fit, held)
            | hierarchy(vae, fit, held, self.oracle)
            | transfer(vae, fit, held, self.oracle)
            | interpolation(vae, fit, held, self.oracle)
            | control(vae, fit, held, self.listener)
            | musicality(vae, fit, held, self.train_NTV, drawn_NTV, self.listener)
        )
