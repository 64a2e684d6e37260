"""Tables in text files."""

import codecs
import csv
import io
from collections.abc import Iterator
from pathlib import Path

UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_table(path: Path) -> tuple[list[str], Iterator[dict[str, str]]]:
    """The header and, one at a time, the lines of a table in any form in which spreadsheets save it.

    UTF-8, UTF-16 or Windows' Western encoding, with or without a byte order mark, separated by commas, semicolons or
    tabs, with any case of the header and spaces around cells.

    Raises:
        ValueError: it is no table.
    """
    content = path.read_bytes()
    try:
        text = content.decode("utf-16" if content.startswith(UTF_16) else "utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    if text.count("\0") > len(text) // 4:
        raise ValueError(f"{path} is in UTF-16 without a byte order mark: save it as UTF-8")
    first, _, rest = text.partition("\n")
    if first.strip().lower().startswith("sep="):  # Excel's own first line
        text, first = rest, rest.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    rows = _rows(path, csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    header = next(rows, [])
    columns = [name.strip().lower() for name in header]
    cells = ([cell.strip() for cell in row] + [""] * (len(columns) - len(row)) for row in rows if row)
    return columns, (dict(zip(columns, row, strict=False)) for row in cells)


def _rows(path: Path, reader: Iterator[list[str]]) -> Iterator[list[str]]:
    try:
        yield from reader
    except csv.Error as error:
        raise ValueError(f"{path} is no table ({error})") from None
