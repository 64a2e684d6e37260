"""Which classes of the data a model's samples show: both model families are asked this, by the same measures.

N images, C channels, K classes or modes, E evaluations.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from src import pictures
from src.data.module import ResidentData
from src.exhibits import Exhibit, Picture
from src.metrics.fidelity import Fidelity
from src.metrics.modes import ModeCoverage
from src.metrics.onset import mode_collapse_onset
from src.oracle import Opinion, trained_oracle

SEED = 20_26  # of the noise control: the same in every run
PER_CLASS = 12


class Coverage:
    """The oracle and the held-out splits, ready to judge samples.

    Args:
        data: set up; its oracle is trained, or loaded from `cache`, on `device`.
        num_samples: N, of which each control is made; of held-out images there may be fewer.
        cache: folder of trained oracles.
    """

    def __init__(self, data: ResidentData, num_samples: int, cache: Path, device: torch.device):
        self.spec = data.spec
        self.num_samples = num_samples
        self.device = device
        self.oracle = trained_oracle(
            data.splits["train"],
            data.splits["test"],
            len(data.spec.classes),
            data.spec.levels,
            data.spec.digest,
            cache,
            device,
        )
        self.real_images = {name: data.held_out(name).images for name in ("val", "test")}
        self.real = {name: self.oracle.opinion(images.to(device)) for name, images in self.real_images.items()}
        self.modes = {name: ModeCoverage(real, len(self.spec.classes)).to(device) for name, real in self.real.items()}

    def evaluate(self, images_NCHW: Tensor, split: str) -> tuple[dict[str, Any], dict[str, Exhibit]]:
        """Metrics of uint8 images by name, and the images sorted by class."""
        opinion = self.oracle.opinion(images_NCHW)
        metrics = self.score(opinion, split)
        return metrics, {"sorted": Picture(self._sorted(images_NCHW, opinion, self.modes[split], metrics["missing"]))}

    def score(self, opinion: Opinion, split: str) -> dict[str, Any]:
        """Every metric of images with this opinion, against the real images of `split`."""
        modes = self.modes[split]
        modes.reset()
        modes.update(opinion)
        found = modes.compute()
        covered_K, shares_K = found.pop("covered").tolist(), found.pop("shares")
        fidelity = Fidelity(self.real[split].features_NF)
        fidelity.update(opinion.features_NF)
        values = {name: value.item() for name, value in (found | fidelity.compute()).items()}
        return values | {
            "num_samples": len(opinion.confidence_N),
            "missing": [self._mode_name(mode) for mode, covered in enumerate(covered_K) if not covered],
            "shares": self._class_shares(shares_K).tolist(),
        }

    def controls(self) -> dict[str, dict[str, Any]]:
        """What the metrics say of images whose quality is known, measured like the final samples.

        `real`: the validation split, which neither the oracle nor the reference has seen. `noise`: uniform pixels.
        `grey`: one level a picture, from black to white. `single`: one recognisable real image over and over.
        """
        real = self.real_images["val"][: self.num_samples]
        shape = (self.num_samples, *self.spec.shape)
        random = torch.Generator().manual_seed(SEED)
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
        """The share of each class over the whole run so far."""
        seen, shares_EK = [row["images_seen"] for row in history], np.array([row["shares"] for row in history])
        return {"shares": Picture(pictures.timeline(seen, shares_EK, self.spec.classes))}

    def _sorted(self, images_NCHW: Tensor, opinion: Opinion, modes: ModeCoverage, missing: list[str]) -> np.ndarray:
        """A row a class; of stacked characters the first channel's class counts."""
        recognised_N = modes.recognise(opinion) >= 0
        class_N = torch.where(recognised_N, opinion.classes_NC[:, 0], -1)
        rows = {}
        for index, name in enumerate(self.spec.classes):
            found = images_NCHW[class_N == index][:PER_CLASS]
            rows[name] = found if len(found) and name not in missing else None
        return pictures.sorted_grid(rows, PER_CLASS)

    def _mode_name(self, mode: int) -> str:
        names = []
        for _ in range(self.spec.shape[0]):
            mode, index = divmod(mode, len(self.spec.classes))
            names.append(self.spec.classes[index])
        return "".join(reversed(names))

    def _class_shares(self, shares_K: Tensor) -> Tensor:
        """Shares of the classes, averaged over the channels of stacked characters."""
        channels = self.spec.shape[0]
        cube = shares_K.view([len(self.spec.classes)] * channels)
        margins = [cube.sum([c for c in range(channels) if c != keep]) for keep in range(channels)]
        return torch.stack(margins if channels > 1 else [cube]).mean(0)
