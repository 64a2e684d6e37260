"""The data that a run used, as results and reports describe it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

CLUSTER = "cluster "  # begins the names of classes that are clusters of images


@dataclass(frozen=True)
class Dataset:
    """What results.json holds of a run's data; runs with different digests are never compared.

    `classes` are those of one sample: `stack` samples side by side make `len(classes) ** stack` modes. The channels of
    `shape` are the stacked samples, or in colour the red, green and blue of one. `digest` is a SHA-256 over the pixels
    and labels of all splits.
    """

    name: str
    source: str
    digest: str
    classes: tuple[str, ...] = ()
    shape: tuple[int, ...] = ()  # channels, height, width
    sizes: Mapping[str, int] = field(default_factory=dict)
    levels: int = 255  # the highest stored value: 255 for images, 1 for drum grids
    entropy: float | None = None  # nats per sample of the test split under the true distribution, where it is known
    steps_per_beat: int = 4  # of drum grids
    colour: bool = False  # the three channels of `shape` are one sample

    @property
    def is_fallback(self) -> bool:
        return self.source != self.name

    @property
    def stack(self) -> int:
        """Independent samples per image, each with a label of its own."""
        return 1 if self.colour or not self.shape else self.shape[0]

    @property
    def beats(self) -> float:
        """Of a drum grid."""
        return self.shape[1] / self.steps_per_beat if len(self.shape) == 3 and self.levels == 1 else 4

    @property
    def noun(self) -> str:
        """What the classes are called in a sentence."""
        if self.levels == 1:
            return "styles"
        if self.classes and all(name.startswith(CLUSTER) for name in self.classes):
            return "clusters"
        if self.classes and all(len(name) == 1 and name.isalpha() for name in self.classes):
            return "letters"
        if self.classes and all(len(name) == 1 and name.isdigit() for name in self.classes):
            return "digits"
        return "classes"

    @property
    def unit(self) -> str:
        """What the samples are called in a sentence."""
        if self.levels == 1:
            return "bars"
        return "images" if self.levels <= 255 else "points"
