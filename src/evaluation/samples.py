"""What the evaluators of both model families share: metrics, controls and artifacts of samples."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from src.core.validation import SAMPLES
from src.data.module import ResidentData
from src.evaluation.artifacts import Artifact
from src.evaluation.coverage import Coverage
from src.evaluation.drum_metrics import DrumMetrics

NUM_BARS_IN_TRAINING = 300


class SampleEvaluator(ABC):
    """Metrics, controls and artifacts of a model family.

    Args:
        num_samples: samples at the end; fewer during training.
        cache: folder of trained oracles.
    """

    headline: tuple[str, ...]  # the most important metrics; with LEVEL in it, of each latent level
    charts: Mapping[str, Mapping[str, str]]  # TensorBoard's *Custom Scalars*: chapter, title, pattern of the tags
    coverage: Coverage | None  # by `prepare`, like the next; None where they do not fit the data
    drum_metrics: DrumMetrics | None

    def __init__(self, num_samples: int, cache: str):
        SAMPLES.check("evaluator.num_samples", num_samples)
        self.num_samples = num_samples
        self.cache = Path(cache)

    @abstractmethod
    def prepare(self, data: ResidentData, device: torch.device) -> None:
        """Trains or loads the oracle, and measures the held-out splits."""

    @abstractmethod
    def evaluate(self, model: Any, split: str) -> tuple[dict[str, Any], dict[str, Artifact]]:
        """Metrics by name, and artifacts; more of both at the end (test) than during training (val)."""

    def num_samples_of(self, split: str) -> int:
        """Number of samples of an evaluation: all at the end (test), usually fewer during training (val)."""
        if self.coverage:
            return self.coverage.num_samples_of(split)
        return self.num_samples if split == "test" else min(self.num_samples, NUM_BARS_IN_TRAINING)

    def controls(self) -> dict[str, dict[str, Any]]:
        """The same metrics of samples of known quality."""
        drums = self.drum_metrics.controls() if self.drum_metrics else {}
        if not self.coverage:
            return drums
        return {name: control | drums.get(name, {}) for name, control in self.coverage.controls().items()}

    def facts(self) -> dict[str, Any]:
        """Further entries of results.json."""
        return self.coverage.facts() if self.coverage else {}

    def over_training(self, history: Sequence[Mapping[str, Any]], metrics: Mapping[str, Any]) -> dict[str, Any]:
        """`outcome`, `onset`, `onset_reason` and late `metrics`, from the evaluations and the final metrics."""
        return self.coverage.over_training(history) if self.coverage else {}

    def timeline(self, history: Sequence[Mapping[str, Any]]) -> dict[str, Artifact]:
        """Pictures over the whole run."""
        return self.coverage.timeline(history) if self.coverage else {}
