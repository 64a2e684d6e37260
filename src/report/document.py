"""The report as a list of blocks, which the templates turn into HTML and Markdown.

Text may hold `code` and **bold**, nothing else.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from src.report.section import Section
from src.report.templating import rendered, say


@dataclass(frozen=True)
class Heading:
    """`anchor` is what a link on the page leads to, "" if none does."""

    text: str
    anchor: str = ""


@dataclass(frozen=True)
class Part:
    """A question: the sentence that answers it, what decides, and on a click all that both rest on."""

    heading: str
    answer: str
    decides: str
    blocks: Sequence["Block"]
    is_open: bool = False
    anchor: str = ""


@dataclass(frozen=True)
class Picker:
    """Names that the page's script can show side by side, the best first; Markdown has nothing of it."""

    names: Sequence[str]
    baseline: str


@dataclass(frozen=True)
class Paragraph:
    """`kind` is "text", "lede", "note" or "warning"."""

    text: str
    kind: str = "text"


class Sentence(NamedTuple):
    """One conclusion; `kind` is "finding", "helps", "hurts", "unclear" or "caution"."""

    text: str
    kind: str = "finding"


@dataclass(frozen=True)
class Bullets:
    items: Sequence[Sentence]


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
    """A PNG that is also written to figures/ as `file`.

    `data` is what the page's script draws in its place, `name` whose samples it shows.
    """

    file: str
    content: bytes
    caption: str
    alt: str
    data: Mapping[str, Any] | None = None
    name: str = ""


@dataclass(frozen=True)
class Gallery:
    """Pictures side by side under one caption; `size` is "large", "medium" or "small"."""

    title: str
    note: str
    pictures: Sequence[Picture]
    size: str = "medium"


@dataclass(frozen=True)
class Audio:
    """A sound of one name; `source` is a data URI. The higher its rank, the sooner it is left out of a large page."""

    source: str
    caption: str
    rank: int = 0
    name: str = ""


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


Block = Heading | Part | Picker | Paragraph | Bullets | Table | Picture | Gallery | Audio | Details | Code


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
    return [b for block in blocks for b in (flat(block.blocks) if isinstance(block, Details | Part) else [block])]


def part(
    section: Section,
    topic: str,
    *blocks: Block | None,
    facts: Sequence[object] = (),
    decides: str = "",
    is_open: bool = False,
) -> list[Part]:
    """A question with its heading, answer and rule from sentences.j2; nothing with neither an answer nor a block.

    Args:
        facts: what the answer is made of, beside the section.
        decides: the topic or metric by whose rule it is decided, if not its own.
    """
    answer, shown = say(topic, section, *facts), [block for block in blocks if block]
    rule = say("decides", section, decides or topic)
    return [Part(say("heading", topic), answer, rule, shown, is_open)] if answer or shown else []


def html(document: Document) -> str:
    page = rendered("report.html.j2", document=document)
    return page.encode("utf-8", "replace").decode()  # names of folders may hold bytes that are no text


def markdown(document: Document) -> str:
    return rendered("report.md.j2", document=document)
