"""Which classes of the data a model's samples show: both model families are asked this, by the same measures.

N images, C channels, K classes or modes, E evaluations.
"""

import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from src.data.drums import drawing
from src.data.gaussians import NEAR
from src.data.module import ResidentData
from src.data.spec import DataSpec
from src.evaluation import image_grids
from src.evaluation.artifacts import Artifact, Picture, Sound
from src.evaluation.class_statistics import class_properties, oracle_properties
from src.evaluation.metrics.fidelity import Fidelity
from src.evaluation.metrics.modes import REAL_SHARE, ModeCoverage
from src.evaluation.metrics.onset import mode_collapse_onset, onset_reason
from src.evaluation.metrics.outcome import late_metrics, mode_outcome
from src.evaluation.oracles.base import Opinion
from src.evaluation.oracles.controls import controls_of
from src.evaluation.oracles.factory import oracle_of
from src.evaluation.point_plots import Map

log = logging.getLogger(__name__)

SEED = 20_26  # of the controls: the same in every run
PER_CLASS = 12
LEAST_ACCURACY, LEAST_THRESHOLD = 0.8, 0.2  # of an oracle whose classes can be relied on
EXPECTED_THRESHOLD = 0.5
ALONG_TRAINING = 2_500  # samples that suffice between beginning and end,
PER_MODE = 20  # if they are so many a mode: a covered one, shown a tenth as often, is then still seen twice
STACKED_TIMES = 5  # how often the held-out characters are stacked anew, to show more of the combinations


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
        self.oracle = oracle_of(data, cache, device)
        times = STACKED_TIMES if data.spec.shape[0] > 1 else 1
        held_out = {name: data.held_out(name, times) for name in ("val", "test")}
        self.real_images = {name: split.images for name, split in held_out.items()}
        self.real_labels = held_out["val"].labels
        self.real = {
            name: self.oracle.opinion(data.splits[name].images.unsqueeze(1).to(device)).stacked(
                data.held_out_order(name, times).to(device)
            )
            for name in held_out
        }
        self.modes = {
            name: ModeCoverage(real, len(self.spec.classes), rejected_share(self.spec), times).to(device)
            for name, real in self.real.items()
        }
        self.fidelity = {name: Fidelity(real.features_NF) for name, real in self.real.items()}
        self.unjudged = {name: self._classes_without(modes.judged_K) for name, modes in self.modes.items()}
        self.class_properties = class_properties(data.spec, data.splits["train"]) | oracle_properties(
            len(data.spec.classes), held_out["test"].labels, self.real["test"]
        )
        self.weakness = self._weakness()
        if self.spec.kind == "points":
            self.map = Map(self.oracle.mixture, self.real["val"])

    def enough(self, split: str) -> int:
        """How many samples an evaluation on this split takes: N at the end, mostly fewer along training."""
        along = max(ALONG_TRAINING, PER_MODE * len(self.modes[split].judged_K))
        return self.num_samples if split == "test" else min(self.num_samples, along)

    def evaluate(self, images_NCHW: Tensor, split: str) -> tuple[dict[str, Any], dict[str, Artifact]]:
        """Metrics of stored images by name, and the images sorted by class; points are put on a map instead."""
        opinion = self.oracle.opinion(images_NCHW)
        metrics = self.score(opinion, split)
        if self.spec.kind == "points":
            points = {"points": self.map.some(opinion)} if split == "val" else {}
            return metrics | points, {"scatter": self.map.picture(opinion)}
        rows = self._rows(images_NCHW, opinion, split, metrics["missing"])
        shown: dict[str, Artifact] = {"sorted": Picture(self._sorted(rows))}
        heard = [found[:1, 0] for found in rows.values() if found is not None]
        if self.spec.kind == "drums" and self.spec.shape[0] == 1 and split == "test" and heard:
            shown["sorted_bars"] = Sound(torch.cat(heard), self.spec.kit)  # the first column
        return metrics, shown

    def score(self, opinion: Opinion, split: str) -> dict[str, Any]:
        """Every metric of images with this opinion, against the real images of `split`."""
        modes, fidelity = self.modes[split], self.fidelity[split]
        modes.reset()
        modes.update(opinion)
        found = modes.compute()
        lost_K, shares_K = modes.judged_K & ~found.pop("covered"), found.pop("shares")
        fidelity.reset()
        fidelity.update(opinion.features_NF)
        values = {name: value.item() for name, value in (found | fidelity.compute()).items()}
        return values | {
            "num_samples": len(opinion.confidence_N),
            "missing": [self._mode_name(mode) for mode in lost_K.nonzero().flatten().tolist()],
            "shares": self._class_shares(shares_K).tolist(),
            **({"unjudged": self.unjudged[split]} if self.unjudged[split] else {}),
        }

    def names(self, images_NCHW: Tensor, split: str) -> list[str]:
        """What the oracle recognises in each image, a question mark for nothing."""
        modes_N = self.modes[split].recognise(self.oracle.opinion(images_NCHW))
        return [self._mode_name(mode) if mode >= 0 else "?" for mode in modes_N.tolist()]

    def controls(self) -> dict[str, dict[str, Any]]:
        """The metrics of images whose quality is known, against the same reference as the final samples.

        `real`: the validation split, which neither the oracle nor the reference contains. `single`: one recognisable
        real image repeated. The others: `src.evaluation.oracles.controls`. All but `real` take as many
        images as an evaluation during training.
        """
        real = self.real_images["val"][: self.num_samples]
        num = self.enough("val")
        best = real[self.real["val"].confidence_N[: len(real)].argmax().cpu()]
        images = {"real": real, **self._made_from_real(num), "single": best.expand(num, *self.spec.shape)}
        return {
            name: self.score(self.oracle.opinion(control.to(self.device)), "test") for name, control in images.items()
        }

    def _made_from_real(self, num: int) -> dict[str, Tensor]:
        """At most `num` stored images [N, C, H, W] per control; characters on several channels are treated singly."""
        images_MHW, labels_M = self.real_images["val"][:num].flatten(0, 1), self.real_labels[:num].flatten()
        with torch.random.fork_rng([]):
            torch.manual_seed(SEED)
            made = controls_of(self.spec.kind, self.spec.ink(images_MHW.unsqueeze(1).double()), labels_M)
        return {name: self.spec.from_ink(inks).view(-1, *self.spec.shape) for name, inks in made.items()}

    def _weakness(self) -> str | None:
        """Why classes found by this oracle mean little, if they do; a lower threshold than expected is only logged."""
        accuracy, threshold = self.oracle.accuracy_k.item(), self.modes["test"].threshold.item()
        known = f"accuracy {accuracy:.2f} over the classes of held-out data, threshold {threshold:.2f}"
        if accuracy < LEAST_ACCURACY or threshold < LEAST_THRESHOLD:
            log.warning("The oracle is too weak to count classes: %s.", known)
            return known
        if threshold < EXPECTED_THRESHOLD:
            log.warning("The oracle is less certain than expected (threshold of at least 0.5): %s.", known)
        return None

    def facts(self) -> dict[str, Any]:
        """What else belongs into the results."""
        weak = {"oracle_weak": self.weakness} if self.weakness else {}
        return {
            "oracle": self.oracle.identity,
            "oracle_accuracy": self.oracle.accuracy.item(),
            "oracle_accuracy_k": self.oracle.accuracy_k.item(),
            "oracle_threshold": self.modes["test"].threshold.item(),
            "class_properties": self.class_properties,
        } | weak

    def over_training(self, history: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """`outcome`, `onset`, `onset_reason` and the late `metrics`, of the evaluations on the validation split."""
        num_modes, modes = int(self.modes["val"].judged_K.sum()), [row["modes"] for row in history]
        return {
            "outcome": mode_outcome(history, num_modes),
            "onset": mode_collapse_onset([row["images_seen"] for row in history], modes, num_modes),
            "onset_reason": onset_reason(modes, num_modes),
            "metrics": late_metrics(history),
        }

    def timeline(self, history: Sequence[Mapping[str, Any]]) -> dict[str, Artifact]:
        """The share of each class over the whole run so far."""
        seen, shares_EK = [row["images_seen"] for row in history], np.array([row["shares"] for row in history])
        shown: dict[str, Artifact] = {"shares": Picture(image_grids.timeline(seen, shares_EK, self.spec.classes))}
        if self.spec.kind == "points":
            shown["frames"] = self.map.frames(history)
        return shown

    def _rows(self, images_NCHW: Tensor, opinion: Opinion, split: str, missing: list[str]) -> dict[str, Tensor | None]:
        """Some samples of each class that is judged; of stacked characters the first channel's class counts."""
        recognised_N = self.modes[split].recognise(opinion) >= 0
        class_N = torch.where(recognised_N, opinion.classes_NC[:, 0], -1)
        rows = {}
        for index, name in enumerate(self.spec.classes):
            found = images_NCHW[class_N == index][:PER_CLASS]
            rows[name] = found if len(found) and name not in missing else None
        if self.spec.kind != "drums":
            return rows
        return {name: found for name, found in rows.items() if name not in self.unjudged[split]}

    def _sorted(self, rows: Mapping[str, Tensor | None]) -> np.ndarray:
        """A row a class."""
        if self.spec.kind != "drums":
            return image_grids.sorted_grid(rows, PER_CLASS)
        return drawing.sorted_bars(
            {name: None if found is None else drawing.side_by_side(found) for name, found in rows.items()},
            voices=self.spec.kit,
        )

    def _mode_name(self, mode: int) -> str:
        names = []
        for _ in range(self.spec.shape[0]):
            mode, index = divmod(mode, len(self.spec.classes))
            names.append(self.spec.classes[index])
        letters = all(len(name) == 1 for name in self.spec.classes)
        return ("" if letters else "+").join(reversed(names))

    def _classes_without(self, modes_K: Tensor) -> list[str]:
        """Names of the classes that are in none of these modes."""
        present_K = self._class_shares(modes_K.double()) > 0
        return [name for name, present in zip(self.spec.classes, present_K.tolist(), strict=True) if not present]

    def _class_shares(self, shares_K: Tensor) -> Tensor:
        """Shares of the classes, averaged over the channels of stacked characters."""
        channels = self.spec.shape[0]
        cube = shares_K.view([len(self.spec.classes)] * channels)
        margins = [cube.sum([c for c in range(channels) if c != keep]) for keep in range(channels)]
        return torch.stack(margins if channels > 1 else [cube]).mean(0)


def rejected_share(spec: DataSpec) -> float:
    """Share of real images that is not recognisable: by the threshold's definition, or that of points beyond 3 σ."""
    if spec.kind != "points":
        return 1 - REAL_SHARE
    return 1 - (1 - math.exp(-(NEAR**2) / 2)) ** spec.shape[0]
