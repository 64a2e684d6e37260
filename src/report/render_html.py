"""A document as one self-contained HTML file: style and pictures inside, nothing fetched."""

import base64
import re
from html import escape

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
from src.report.stylesheet import STYLE


def html(document: Document) -> str:
    body = "\n".join(map(_block, document.blocks))
    title = escape(document.title)
    page = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n<h1>{title}</h1>\n{body}\n</main>\n</body>\n</html>\n"
    )
    return page.encode("utf-8", "replace").decode()  # names of folders may hold bytes that are no text


def _block(block: Block) -> str:
    match block:
        case Heading(text, level, anchor):
            name = f' id="{escape(anchor)}"' if anchor else ""
            return f"<h{level}{name}>{_inline(text)}</h{level}>"
        case Contents(links):
            items = (f'<a href="#{escape(anchor)}">{_inline(text)}</a>' for text, anchor in links)
            return f"<nav>{' '.join(items)}</nav>"
        case Paragraph(text, kind):
            role = ' role="alert"' if kind == "warning" else ""
            return f'<p class="{kind}"{role}>{_inline(text)}</p>'
        case Bullets(items):
            lines = "".join(f'<li class="{kind}">{_inline(text)}</li>' for text, kind in items)
            return f'<ul class="conclusions">{lines}</ul>'
        case Table():
            return _table(block)
        case Picture(_, _, caption, _):
            return f"<figure>{_image(block)}<figcaption>{_inline(caption)}</figcaption></figure>"
        case Gallery(caption, pictures, width):
            images = "".join(
                f"<div>{_image(picture)}<small>{_inline(picture.caption)}</small></div>" for picture in pictures
            )
            return (
                f'<figure class="gallery"><figcaption>{_inline(caption)}</figcaption>'
                f'<div class="tiles" style="--tile:{width}px">{images}</div></figure>'
            )
        case Audio(source, caption):
            player = f'<audio controls preload="metadata" src="{source}"></audio>'
            return f"<figure>{player}<figcaption>{_inline(caption)}</figcaption></figure>"
        case Details(title, blocks):
            inner = "\n".join(map(_block, blocks))
            return f"<details><summary>{_inline(title)}</summary>\n{inner}\n</details>"
        case Code(lines):
            return f"<pre><code>{escape(chr(10).join(lines))}</code></pre>"


def _image(picture: Picture) -> str:
    data = base64.b64encode(picture.content).decode("ascii")
    return f'<img src="data:image/png;base64,{data}" alt="{escape(picture.alt)}">'


def _table(table: Table) -> str:
    head = "".join(f"<th{_side(table, i)}>{_inline(text)}</th>" for i, text in enumerate(table.header))
    rows = "".join(f"<tr>{''.join(_cell(table, i, cell) for i, cell in enumerate(row))}</tr>" for row in table.rows)
    body = f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody>"
    caption = f'<p class="caption">{_inline(table.caption)}</p>' if table.caption else ""
    return f'<div class="table"><table>{body}</table></div>{caption}'


def _side(table: Table, column: int) -> str:
    return ' class="left"' if _is_left(table, column) else ""


def _is_left(table: Table, column: int) -> bool:
    return column < table.text_columns or column in table.wide


def _cell(table: Table, column: int, cell: Cell) -> str:
    text = f'<span class="{cell.tone}">{_inline(cell.text)}</span>' if cell.tone else _inline(cell.text)
    detail = f"<small>{_inline(cell.detail)}</small>" if cell.detail else ""
    kinds = (
        ["left"] * _is_left(table, column) + ["name"] * cell.text.startswith("`") + ["wide"] * (column in table.wide)
    )
    attribute = f' class="{" ".join(kinds)}"' if kinds else ""
    return f"<td{attribute}>{text}{detail}</td>"


def _inline(text: str) -> str:
    """Escaped text with `code` and **bold**."""
    marked = re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(text))
    return re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", marked)
