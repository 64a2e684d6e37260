"""The report as a list of blocks, which the templates turn into HTML and Markdown.

Text may hold `code` and **bold**, nothing else.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass


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
    """`kind` is "text", "lede", "answer", "note" or "warning"."""

    text: str
    kind: str = "text"


@dataclass(frozen=True)
class Bullets:
    """Sentences with their kinds ("finding", "helps", "hurts", "unclear", "caution")."""

    items: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Cell:
    """One table cell: a main line, a smaller line under it, and a tone ("", "helps", "hurts", "unclear", "lost")."""

    text: str
    detail: str = ""
    tone: str = ""

    @property
    def plain(self) -> str:
        return f"{self.text} [{self.detail}]" if self.detail else self.text


@dataclass(frozen=True)
class Table:
    """Rows of cells; the first `text_columns` columns and those in `wide` are set left, the rest right."""

    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str = ""
    text_columns: int = 1
    wide: Sequence[int] = ()

    def is_left(self, column: int) -> bool:
        return column < self.text_columns or column in self.wide

    @property
    def rules(self) -> list[str]:
        """Markdown's row under the header."""
        return ["---" if self.is_left(column) else "---:" for column in range(len(self.header))]


@dataclass(frozen=True)
class Picture:
    """A PNG that is also written to figures/ as `file`."""

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
    """A sound on the page; `source` is a data URI. The higher its rank, the sooner it is left out of a large page."""

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

    @property
    def fence(self) -> str:
        """Markdown's delimiter, longer than any run of backticks inside."""
        return "`" * max(3, *(len(run) + 1 for run in re.findall("`+", " ".join(self.lines)) or [""]))


Block = Heading | Contents | Paragraph | Bullets | Table | Picture | Gallery | Audio | Details | Code


@dataclass(frozen=True)
class Document:
    title: str
    blocks: Sequence[Block] = ()

    @property
    def pictures(self) -> list[Picture]:
        """Every picture, for writing to figures/."""
        pictures = [block.pictures if isinstance(block, Gallery) else [block] for block in flat(self.blocks)]
        return [picture for some in pictures for picture in some if isinstance(picture, Picture)]


def flat(blocks: Sequence[Block]) -> list[Block]:
    """All blocks, those inside of others too."""
    return [inner for block in blocks for inner in (flat(block.blocks) if isinstance(block, Details) else [block])]
