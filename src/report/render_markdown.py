"""A document as Markdown, for terminals, issues and diffs."""

import re
from collections.abc import Sequence

from src.report.document import (
    Audio,
    Block,
    Bullets,
    Cell,
    Code,
    Contents,
    Details,
    Document,
    Gallery,
    Heading,
    Paragraph,
    Picture,
    Table,
)

MARKS = {"helps": "✓ ", "hurts": "✗ ", "caution": "⚠ "}


def markdown(document: Document) -> str:
    parts = [f"# {_safe(document.title)}", *(_block(block) for block in document.blocks)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _block(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"{'#' * level} {_safe(text)}"
        case Contents():
            return ""
        case Paragraph(text, kind):
            return f"> ⚠ {_safe(text)}" if kind == "warning" else _safe(text)
        case Bullets(items):
            return "\n".join(f"- {MARKS.get(kind, '')}{_safe(text)}" for text, kind in items)
        case Table():
            return _table(block)
        case Picture(file, _, caption, alt):
            return f"![{_safe(alt)}](figures/{file})\n\n*{_safe(caption)}*"
        case Gallery(caption, pictures):
            images = [f"![{_safe(p.alt)}](figures/{p.file})\n{_safe(p.caption)}" for p in pictures]
            return "\n\n".join([_safe(caption), *images])
        case Audio(_, caption):
            return f"*{_safe(caption)} (to be heard in index.html)*"
        case Details(title, blocks):
            return "\n\n".join([f"**{_safe(title)}**", *map(_block, blocks)])
        case Code(lines):
            fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", " ".join(lines)) or [""]))
            return "\n".join([fence, *(_escaped(line) for line in lines), fence])


def _table(table: Table) -> str:
    left = {*range(table.text_columns), *table.wide}
    rule = ["---" if i in left else "---:" for i in range(len(table.header))]
    rows = [list(map(_plain, table.header)), rule, *(list(map(_cell, row)) for row in table.rows)]
    lines = [_line(row) for row in rows]
    return "\n".join([*lines, "", f"*{_safe(table.caption)}*"] if table.caption else lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: Cell) -> str:
    return _plain(f"{cell.text} [{cell.detail}]" if cell.detail else cell.text)


def _plain(text: str) -> str:
    return _safe(text).replace("|", "\\|")


def _safe(text: str) -> str:
    """One line without raw HTML, links and pictures, whatever names it holds.

    Within code, too: where a name holds backticks, readers differ in what is code.
    """
    return _escaped(" ".join(text.split()).replace("](", "]\\("))


def _escaped(text: str) -> str:
    return text.replace("<", "&lt;").replace(">", "&gt;")
