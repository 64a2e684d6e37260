"""What a GAN is scored on: mode coverage and fidelity of its samples against a held-out split.

N images, C channels, K classes.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from src import pictures
from src.data.module import ResidentData
from src.exhibits import Exhibit, Picture
from src.gan.module import GAN
from src.metrics.fidelity import Fidelity
from src.metrics.modes import ModeCoverage
from src.metrics.onset import mode_collapse_onset
from src.oracle import Opinion, trained_oracle

SAMPLE_SEED = 20_26  # of the noise that samples are drawn from: the same at every evaluation of every run
GRID_COLUMNS = 16
PER_CLASS = 12


class GANEvaluator:
    """Draws samples and measures them with the oracle; the same weights give the same figures.

    Args:
        num_samples: N, images drawn at each evaluation.
        cache: folder of trained oracles.
    """

    headline = ("modes", "recognisable", "kl", "fid")
    charts: ClassVar = {
        "Modes covered": ("val/modes", "val/effective_modes"),
        "KL to the real shares": ("val/kl", "val/kl_floor"),
        "Recognisable samples, share of the top mode": ("val/recognisable", "val/top_share"),
        "Logits of real and fake": ("train/logits_real", "train/logits_fake"),
        "Losses": ("train/discriminator_loss", "train/generator_loss"),
        "Fidelity": ("val/precision", "val/recall", "val/coverage"),
    }

    def __init__(self, num_samples: int, cache: str):
        if num_samples < 10:
            raise ValueError(f"evaluator.num_samples={num_samples}: neighbourhoods need at least 10")
        self.num_samples = num_samples
        self.cache = Path(cache)

    def prepare(self, data: ResidentData, device: torch.device) -> None:
        """Trains or loads the oracle and shows it the held-out splits."""
        self.spec = data.spec
        self.device = device
        self.oracle = trained_oracle(
            data.splits["train"],
            data.splits["test"],
            len(data.spec.classes),
            data.spec.levels,
            data.spec.digest,
            self.cache,
            device,
        )
        self.real_images = {name: data.held_out(name).images for name in ("val", "test")}
        self.real = {name: self.oracle.opinion(images.to(device)) for name, images in self.real_images.items()}
        self.coverage = {
            name: ModeCoverage(real, len(self.spec.classes)).to(device) for name, real in self.real.items()
        }

    def evaluate(self, gan: GAN, split: str) -> tuple[dict[str, Any], dict[str, Exhibit]]:
        """Metrics by name, and pictures of the samples that they were measured on."""
        images = gan.sample(self.num_samples, SAMPLE_SEED)
        opinion = self.oracle.opinion(images)
        metrics = self.score(opinion, split)
        return metrics, {
            "random": Picture(pictures.grid(images[: GRID_COLUMNS * 10], GRID_COLUMNS)),
            "sorted": Picture(self._sorted(images, opinion, self.coverage[split], metrics["missing"])),
        }

    def score(self, opinion: Opinion, split: str) -> dict[str, Any]:
        """Every metric of images with this opinion, against the real images of `split`."""
        coverage = self.coverage[split]
        coverage.reset()
        coverage.update(opinion)
        modes = coverage.compute()
        covered_K, shares_K = modes.pop("covered").tolist(), modes.pop("shares")
        fidelity = Fidelity(self.real[split].features_NF)
        fidelity.update(opinion.features_NF)
        values = {name: value.item() for name, value in (modes | fidelity.compute()).items()}
        return values | {
            "num_samples": len(opinion.confidence_N),
            "missing": [self._mode_name(mode) for mode, covered in enumerate(covered_K) if not covered],
            "shares": self._letter_shares(shares_K).tolist(),
        }

    def controls(self) -> dict[str, dict[str, Any]]:
        """What the metrics say of images whose quality is known, measured like the final samples.

        `real`: the validation split, which neither the oracle nor the reference has seen. `noise`: uniform pixels.
        `grey`: one level a picture, from black to white. `single`: one recognisable real image over and over.
        """
        real = self.real_images["val"][: self.num_samples]
        shape = (self.num_samples, *self.spec.shape)
        random = torch.Generator().manual_seed(SAMPLE_SEED)
        noise = torch.randint(0, self.spec.levels + 1, shape, generator=random, dtype=torch.uint8)
        grey = torch.linspace(0, self.spec.levels, shape[0]).to(torch.uint8).view(-1, 1, 1, 1).expand(shape)
        single = real[self.real["val"].confidence_N[: len(real)].argmax().cpu()].expand(shape)
        images = {"real": real, "noise": noise, "grey": grey, "single": single}
        return {
            name: self.score(self.oracle.opinion(control.to(self.device)), "test") for name, control in images.items()
        }

    def facts(self) -> dict[str, Any]:
        """What else belongs into the results."""
        return {"oracle_accuracy": self.oracle.accuracy.item()}

    def onset(self, history: Sequence[Mapping[str, Any]]) -> int | None:
        return mode_collapse_onset(
            [row["images_seen"] for row in history],
            [row["modes"] for row in history],
            len(self.spec.classes) ** self.spec.shape[0],
        )

    def timeline(self, history: Sequence[Mapping[str, Any]]) -> dict[str, Exhibit]:
        """Pictures of the whole run so far."""
        shares = pictures.timeline(
            [row["images_seen"] for row in history],
            np.array([row["shares"] for row in history]),
            self.spec.classes,
        )
        return {"shares": Picture(shares)}

    def _sorted(self, images: Tensor, opinion: Opinion, coverage: ModeCoverage, missing: list[str]) -> np.ndarray:
        """A row a class; of stacked characters the first channel's class counts."""
        recognised_N = coverage.recognise(opinion) >= 0
        class_N = torch.where(recognised_N, opinion.classes_NC[:, 0], -1)
        rows = {}
        for index, name in enumerate(self.spec.classes):
            found = images[class_N == index][:PER_CLASS]
            rows[name] = found if len(found) and name not in missing else None
        return pictures.sorted_grid(rows, PER_CLASS)

    def _mode_name(self, mode: int) -> str:
        names = []
        for _ in range(self.spec.shape[0]):
            mode, index = divmod(mode, len(self.spec.classes))
            names.append(self.spec.classes[index])
        return "".join(reversed(names))

    def _letter_shares(self, shares_K: Tensor) -> Tensor:
        """Shares of the classes, averaged over the channels of stacked characters."""
        channels = self.spec.shape[0]
        cube = shares_K.view([len(self.spec.classes)] * channels)
        margins = [cube.sum([c for c in range(channels) if c != keep]) for keep in range(channels)]
        return torch.stack(margins if channels > 1 else [cube]).mean(0)
