"""A document as HTML and Markdown, and the sounds that an HTML page has room for."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import accumulate

from src.report.document import Audio, Block, Details, Document, Part, flat
from src.report.templating import rendered

MOST_BYTES = 5_000_000
PLAYER = 500  # bytes of a page around a sound's own, at most


def html(document: Document) -> str:
    page = rendered("report.html.j2", document=document)
    return page.encode("utf-8", "replace").decode()  # names of folders may hold bytes that are no text


def markdown(document: Document) -> str:
    return rendered("report.md.j2", document=document)


def fit_size_budget(document: Document, most: int = MOST_BYTES) -> Document:
    """The document with as many of its sounds as a page of `most` bytes has room for, those of lowest rank first."""
    sounds = sorted((block for block in flat(document.blocks) if isinstance(block, Audio)), key=lambda one: one.rank)
    room = most - len(html(replace(document, blocks=_with(document.blocks, ()))).encode())
    sizes = accumulate(len(sound.source) + PLAYER for sound in sounds)
    kept = {sound for sound, size in zip(sounds, sizes, strict=True) if size <= room}
    return replace(document, blocks=_with(document.blocks, kept))


def _with(blocks: Sequence[Block], kept: Collection[Audio]) -> list[Block]:
    """The blocks without any other sounds, and without what held nothing else."""
    left: list[Block] = []
    for block in blocks:
        if isinstance(block, Details | Part):
            inner = _with(block.blocks, kept)
            left += [replace(block, blocks=inner)] if inner or isinstance(block, Part) else []
        elif not isinstance(block, Audio) or block in kept:
            left.append(block)
    return left
