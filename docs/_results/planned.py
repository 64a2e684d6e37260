"""What the protocol measures: data sets, and networks other than the studies'."""

from dataclasses import dataclass

from src.core.dataset import Dataset


@dataclass(frozen=True)
class Planned:
    """A data set of the protocol: its name, the options that choose it (Markdown), and how its runs are known.

    `settings` are options under which it is measured once more.
    """

    label: str
    options: str
    sources: tuple[str, ...]
    noun: str
    settings: tuple[str, ...] = ()
    stack: int = 1

    def is_of(self, dataset: Dataset) -> bool:
        return (dataset.noun, dataset.stack) == (self.noun, self.stack) and dataset.source in self.sources


WIDTHS = ("gan.discriminator.width=32", "gan.discriminator.width=512")  # a quarter and four times the study's
PLANNED = {
    "gan": (
        Planned("typeset capitals", "`data=fonts_large`", ("fonts",), "letters", WIDTHS),
        Planned("handwritten letters", "`data=emnist`, or `data=idx` with letters", ("emnist", "idx"), "letters"),
        Planned("pen strokes", "`data=strokes`", ("strokes",), "letters"),
        Planned("handwritten digits", "`data=mnist`, or `data=idx` with digits", ("emnist", "idx"), "digits"),
        Planned("Stacked MNIST", "the same with `data.stack=3`", ("emnist", "idx"), "digits", stack=3),
    ),
    "vae": (
        Planned("bars of the drum grammar", "`data=drums`", ("drums",), "styles", ("vae.decoder=parallel",)),
        Planned("real drumming", "`data=groove`", ("groove",), "styles"),
    ),
}


def labelled(data: str, setting: str) -> str:
    """A data set under options of its own, as in "pen strokes with gan.discriminator.width=32"."""
    return f"{data} with {setting}" if setting else data
