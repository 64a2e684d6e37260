"""Mode coverage and fidelity of samples, with the same metrics for both model families.

N images, C channels, K classes or modes, E evaluations.
"""

import logging
import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from src.core.console import progress
from src.data.drums import drawing
from src.data.gaussians import NEAR
from src.data.module import ResidentData
from src.data.spec import DataSpec, with_channels
from src.data.streaming import Rows, Stacks
from src.evaluation import SEED, image_grids
from src.evaluation.artifacts import Artifact, Deferred, Picture, Sound
from src.evaluation.class_statistics import class_properties, oracle_properties
from src.evaluation.metrics.copies import Copies
from src.evaluation.metrics.fidelity import Fidelity
from src.evaluation.metrics.modes import REAL_SHARE, ModeCoverage, class_accuracy
from src.evaluation.metrics.onset import onset_reason
from src.evaluation.metrics.outcome import lasting_loss, late_metrics, mode_outcome
from src.evaluation.oracles.base import READ, Predictions
from src.evaluation.oracles.controls import controls_of
from src.evaluation.oracles.factory import oracle_of
from src.evaluation.point_plots import Map
from src.training.callbacks.randomness import own_randomness

log = logging.getLogger(__name__)

PER_CLASS = 12  # samples in a picture
MIN_ACCURACY, MIN_THRESHOLD = 0.8, 0.2  # of a reliable oracle
EXPECTED_THRESHOLD = 0.5
NUM_IN_TRAINING = 2_500  # samples of an evaluation during training, or
PER_MODE = 20  # so many per mode: a mode at a tenth of its share, the minimum to be covered, then occurs twice
MAX_TRAINING = 10_000  # training images, copies of which are looked for
STACKINGS = 5  # random stackings of the held-out characters, to cover more combinations


class Coverage:
    """Compares samples with the held-out splits, in the oracle's predictions and features.

    Args:
        data: set up; its oracle is trained, or loaded from `cache`, on `device`.
        num_samples: samples at the end, and images per control; there may be fewer held-out images.
        cache: folder of trained oracles.
    """

    def __init__(self, data: ResidentData, num_samples: int, cache: Path, device: torch.device):
        self.spec = data.spec
        self.num_samples = num_samples
        self.device = device
        self.oracle = oracle_of(data, cache, device)
        times = STACKINGS if data.spec.stack > 1 else 1
        splits, order = data.splits, {name: data.held_out_order(name, times) for name in ("val", "test")}
        self.real_images = {name: Stacks(splits[name].images, rows_NS) for name, rows_NS in order.items()}
        self.real_labels = splits["val"].labels[order["val"]]
        self.real = {name: self._predictions(splits[name].images, rows_NS) for name, rows_NS in order.items()}
        self.modes = {
            name: ModeCoverage(real, len(self.spec.classes), rejected_share(self.spec), times).to(device)
            for name, real in self.real.items()
        }
        self.fidelity = {name: Fidelity(real.features_NF, final=name == "test") for name, real in self.real.items()}
        self.train_images = splits["train"].images
        self.unmeasured = {name: self._classes_without(modes.measured_K) for name, modes in self.modes.items()}
        self.class_properties = class_properties(data.spec, splits["train"]) | oracle_properties(
            len(data.spec.classes), splits["test"].labels[order["test"]], self.real["test"]
        )
        self.weakness = self._weakness()
        if self.spec.kind == "points":
            self.map = Map(self.oracle.mixture, self.real["val"])

    def _predictions(self, images: Tensor | Rows, rows_NS: Tensor) -> Predictions:
        """For stacks of these stored images, each of which is read once."""
        rows_M, place_NS = rows_NS.unique(return_inverse=True)
        parts = Rows(images, rows_M).split(READ)
        predictions = [self.oracle.predict(with_channels(part).to(self.device)) for part in parts]
        return Predictions.joined(predictions).stacked(place_NS.to(self.device))

    def num_samples_of(self, split: str) -> int:
        """Number of samples of an evaluation: all at the end (test), usually fewer during training (val)."""
        if split == "test":
            return self.num_samples
        return min(self.num_samples, max(NUM_IN_TRAINING, PER_MODE * len(self.modes[split].measured_K)))

    @cached_property
    def training(self) -> Predictions:
        """Of different training images in a fixed random order, made when copies are first looked for."""
        order = torch.randperm(len(self.train_images), generator=torch.Generator().manual_seed(SEED))[:MAX_TRAINING]
        images = self.train_images[order]
        first = np.unique(images.flatten(1).numpy(), axis=0, return_index=True)[1]
        return self.oracle.predict(with_channels(images[np.sort(first)]).to(self.device))

    @cached_property
    def copies(self) -> Copies | None:
        """None for points and for stacked samples, of which hardly any stack repeats one that was trained on."""
        if self.spec.kind == "points" or self.spec.stack > 1:
            return None
        return Copies(self.training.features_NF, self.real["test"])

    def evaluate(
        self, images_NCHW: Tensor, split: str, requested_NS: Tensor | None = None
    ) -> tuple[dict[str, Any], dict[str, Artifact]]:
        """Metrics by name, and pictures: images sorted by class, or points on a map.

        Args:
            requested_NS: the classes that the images were asked to be of; then they are sorted by these.
        """
        predictions = self.oracle.predict(images_NCHW)
        metrics = self.score(predictions, split)
        if requested_NS is not None:
            metrics |= self.class_accuracy(predictions, requested_NS, split)
        if self.spec.kind == "points":
            points = {"points": self.map.some(predictions)} if split == "val" else {}
            return metrics | points, {"scatter": self.map.picture(predictions)}
        if requested_NS is None:
            recognised_N = self.modes[split].recognise(predictions) >= 0
            class_N, missing = torch.where(recognised_N, predictions.classes_NS[:, 0], -1), metrics["missing"]
        else:
            class_N, missing = requested_NS[:, 0], []
        rows = self._rows(images_NCHW.cpu(), class_N.cpu(), split, missing)
        artifacts: dict[str, Artifact] = {"sorted": self._sorted(rows)}
        first = [images[:1, 0] for images in rows.values() if images is not None]
        if self.spec.kind == "drums" and self.spec.stack == 1 and split == "test" and first:
            artifacts["sorted_bars"] = Sound(torch.cat(first), self.spec.kit)
        return metrics, artifacts

    def score(self, predictions: Predictions, split: str) -> dict[str, Any]:
        """All metrics of images with these predictions, against the real images of `split`."""
        modes, fidelity = self.modes[split], self.fidelity[split]
        modes.reset()
        modes.update(predictions)
        coverage = modes.compute()
        missing_K, shares_K = modes.measured_K & ~coverage.pop("covered"), coverage.pop("shares")
        fidelity.reset()
        fidelity.update(predictions.features_NF)
        copies = self.copies.measure(predictions) if split == "test" and self.copies else {}
        values = {name: value.item() for name, value in (coverage | fidelity.compute() | copies).items()}
        return values | {
            "num_samples": len(predictions.confidence_N),
            "missing": [self._mode_name(mode) for mode in missing_K.nonzero().flatten().tolist()],
            "shares": self._class_shares(shares_K).tolist(),
            **({"unjudged": self.unmeasured[split]} if self.unmeasured[split] else {}),
        }

    def class_accuracy(self, predictions: Predictions, requested_NS: Tensor, split: str) -> dict[str, Any]:
        """How often images with these predictions are of the classes asked for, among those that can be measured."""
        recognised_N = self.modes[split].recognise(predictions) >= 0
        judged_K = self._class_shares(self.modes[split].measured_K.double()) > 0
        return class_accuracy(predictions, recognised_N, requested_NS.to(recognised_N.device), judged_K)

    def names(self, images_NCHW: Tensor, split: str) -> list[str]:
        """The recognised mode of each image, or a question mark."""
        modes_N = self.modes[split].recognise(self.oracle.predict(images_NCHW))
        return [self._mode_name(mode) if mode >= 0 else "?" for mode in modes_N.tolist()]

    def controls(self) -> dict[str, dict[str, Any]]:
        """Metrics of images of known quality, against the same reference as the final samples.

        `real`: the validation split, which is neither in the oracle's training data nor in the reference. `train`:
        training images, as a model that copies them would draw. `single`: one recognisable real image repeated. The
        others: oracles/controls.py, with as many images as an evaluation during training.
        """
        real = self.real_images["val"][: self.num_samples]
        num = self.num_samples_of("val")
        best = real[self.real["val"].confidence_N[: len(real)].argmax().cpu()]
        images = {"real": real, **self._altered(num), "single": best.expand(num, *self.spec.shape)}
        scored = {
            name: self.score(self.oracle.predict(control.to(self.device)), "test")
            for name, control in progress(images.items(), "Scoring the controls")
        }
        if not self.copies:
            return scored
        copied_N1 = torch.arange(min(num, len(self.training.confidence_N)), device=self.device).unsqueeze(1)
        return {"real": scored.pop("real"), "train": self.score(self.training.stacked(copied_N1), "test"), **scored}

    def _altered(self, num: int) -> dict[str, Tensor]:
        """At most `num` stored images [N, C, H, W] per control, stacked samples altered separately."""
        images_MCHW, labels_M = self.spec.apart(self.real_images["val"][:num]), self.real_labels[:num].flatten()
        with own_randomness(self.device, SEED):
            made = controls_of(self.spec.kind, self.spec.ink(images_MCHW.double()), labels_M)
            return {name: self.spec.from_ink(inks).view(-1, *self.spec.shape) for name, inks in made}

    def _weakness(self) -> str | None:
        """Why this oracle is unreliable, or None; a threshold below the expected one is only logged."""
        accuracy, threshold = self.oracle.accuracy_k.item(), self.modes["test"].threshold.item()
        text = f"accuracy {accuracy:.2f} over the classes of held-out data, threshold {threshold:.2f}"
        if accuracy < MIN_ACCURACY or threshold < MIN_THRESHOLD:
            log.warning("The oracle is too weak to count classes: %s.", text)
            return text
        if threshold < EXPECTED_THRESHOLD:
            log.warning("The oracle is less certain than expected (threshold of at least 0.5): %s.", text)
        return None

    def facts(self) -> dict[str, Any]:
        """Further entries of results.json."""
        weak = {"oracle_weak": self.weakness} if self.weakness else {}
        return {
            "oracle": self.oracle.identity,
            "oracle_accuracy": self.oracle.accuracy.item(),
            "oracle_accuracy_k": self.oracle.accuracy_k.item(),
            "oracle_threshold": self.modes["test"].threshold.item(),
            "class_properties": self.class_properties,
        } | weak

    def over_training(self, history: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """`outcome`, `onset`, `onset_reason` and late `metrics` from the evaluations during training."""
        num_modes, modes = int(self.modes["val"].measured_K.sum()), [row["modes"] for row in history]
        return {
            "outcome": mode_outcome(history, num_modes),
            "onset": lasting_loss(history, num_modes),
            "onset_reason": onset_reason(modes, num_modes),
            "metrics": late_metrics(history),
        }

    def timeline(self, history: Sequence[Mapping[str, Any]]) -> dict[str, Artifact]:
        """Pictures over the whole run: class shares, and frames of points."""
        shares_EK = np.array([row["shares"] for row in history])
        picture = image_grids.timeline([row["images_seen"] for row in history], shares_EK, self.spec.classes)
        artifacts: dict[str, Artifact] = {"shares": Picture(picture)}
        if self.spec.kind == "points":
            artifacts["frames"] = self.map.frames(history)
        return artifacts

    def _rows(self, images_NCHW: Tensor, class_N: Tensor, split: str, missing: list[str]) -> dict[str, Tensor | None]:
        """Some samples per class [N] of the first stacked sample; None for a missing class."""
        rows: dict[str, Tensor | None] = {}
        for index, name in enumerate(self.spec.classes):
            of_class = images_NCHW[class_N == index][:PER_CLASS]
            rows[name] = of_class if len(of_class) and name not in missing else None
        if self.spec.kind != "drums":
            return rows
        return {name: images for name, images in rows.items() if name not in self.unmeasured[split]}

    def _sorted(self, rows: Mapping[str, Tensor | None]) -> Deferred:
        """A row per class."""
        if self.spec.kind != "drums":
            return Deferred(lambda num_blocks: image_grids.sorted_grid(rows, PER_CLASS, num_blocks), (2, 1))
        bars = {name: None if images is None else drawing.side_by_side(images) for name, images in rows.items()}
        return Deferred(lambda columns: drawing.sorted_bars(bars, columns, self.spec.kit), (4, 1))

    def _mode_name(self, mode: int) -> str:
        classes, stack = self.spec.classes, self.spec.stack
        letters = all(len(name) == 1 for name in classes)
        return ("" if letters else "+").join(classes[i] for i in np.unravel_index(mode, [len(classes)] * stack))

    def _classes_without(self, modes_K: Tensor) -> list[str]:
        """Names of the classes that occur in none of these modes."""
        present_K = self._class_shares(modes_K.double()) > 0
        return [name for name, present in zip(self.spec.classes, present_K.tolist(), strict=True) if not present]

    def _class_shares(self, shares_K: Tensor) -> Tensor:
        """Shares of the classes, averaged over stacked samples."""
        places = range(self.spec.stack)
        cube = shares_K.view([len(self.spec.classes) for _ in places])
        margins = [cube.sum([place for place in places if place != keep]) for keep in places]
        return torch.stack(margins if len(places) > 1 else [cube]).mean(0)


def rejected_share(spec: DataSpec) -> float:
    """Share of real images that are not recognisable: by definition of the threshold, or beyond 3 σ for points."""
    if spec.kind != "points":
        return 1 - REAL_SHARE
    return 1 - (1 - math.exp(-(NEAR**2) / 2)) ** spec.stack
