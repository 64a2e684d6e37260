"""A page that stays light: sounds give way where there is no room for all of them."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import accumulate

from src.report.document import Audio, Block, Details, Document
from src.report.render_html import html

MOST_BYTES = 5_000_000
PLAYER = 500  # bytes of a page around a sound's own, at most


def light(document: Document, most: int = MOST_BYTES) -> Document:
    """The document with as many of its sounds as a page of `most` bytes has room for, those of lowest rank first."""
    sounds = sorted(_sounds(document.blocks), key=lambda sound: sound.rank)
    room = most - len(html(replace(document, blocks=_with(document.blocks, ()))).encode())
    sizes = accumulate(len(sound.source) + PLAYER for sound in sounds)
    kept = {sound for sound, size in zip(sounds, sizes, strict=True) if size <= room}
    return replace(document, blocks=_with(document.blocks, kept))


def _sounds(blocks: Sequence[Block]) -> list[Audio]:
    inner = [_sounds(block.blocks) if isinstance(block, Details) else [block] for block in blocks]
    return [block for some in inner for block in some if isinstance(block, Audio)]


def _with(blocks: Sequence[Block], kept: Collection[Audio]) -> list[Block]:
    """The blocks without any other sounds, and without what held nothing else."""
    found: list[Block] = []
    for block in blocks:
        if isinstance(block, Details):
            inner = _with(block.blocks, kept)
            found += [replace(block, blocks=inner)] if inner else []
        elif not isinstance(block, Audio) or block in kept:
            found.append(block)
    return found
