"""The report as a list of blocks, which one renderer turns into HTML and another into Markdown.

Text may hold `code` and **bold**, nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Heading:
    """`anchor` is what a link on the page leads to, "" if none does."""

    text: str
    level: int = 2
    anchor: str = ""


@dataclass(frozen=True)
class Contents:
    """Links to headings: their texts and anchors. Markdown's readers make their own."""

    links: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Paragraph:
    """`kind` is "text", "lede", "note" or "warning"."""

    text: str
    kind: str = "text"


@dataclass(frozen=True)
class Bullets:
    """Sentences with their kinds ("finding", "helps", "hurts", "unclear", "caution")."""

    items: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Cell:
    """One table cell: a main line, a smaller line under it, and a tone ("", "helps", "hurts", "lost")."""

    text: str
    detail: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of cells; the first `text_columns` columns and those in `wide` are set left, the rest right."""

    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str = ""
    text_columns: int = 1
    wide: Sequence[int] = ()


@dataclass(frozen=True)
class Picture:
    """A PNG that also lies in figures/ under `file`."""

    file: str
    content: bytes
    caption: str
    alt: str


@dataclass(frozen=True)
class Gallery:
    """Pictures side by side under one caption, each at least `width` pixels wide where the page is that wide."""

    caption: str
    pictures: Sequence[Picture]
    width: int = 320


@dataclass(frozen=True)
class Audio:
    """A sound to play on the page; `source` is a data URI. The higher its rank, the sooner it gives way."""

    source: str
    caption: str
    rank: int = 0


@dataclass(frozen=True)
class Details:
    """Blocks that open on a click."""

    title: str
    blocks: Sequence["Block"]


@dataclass(frozen=True)
class Code:
    lines: Sequence[str]


Block = Heading | Contents | Paragraph | Bullets | Table | Picture | Gallery | Audio | Details | Code


@dataclass(frozen=True)
class Document:
    title: str
    blocks: Sequence[Block] = field(default_factory=tuple)

    @property
    def pictures(self) -> list[Picture]:
        """Every picture, for writing to figures/."""
        return _pictures(self.blocks)


def _pictures(blocks: Sequence[Block]) -> list[Picture]:
    found: list[Picture] = []
    for block in blocks:
        if isinstance(block, Picture):
            found.append(block)
        elif isinstance(block, Gallery):
            found.extend(block.pictures)
        elif isinstance(block, Details):
            found.extend(_pictures(block.blocks))
    return found
