"""Files as broken disks, cut-off downloads and strangers leave them, for tests that they are read as what they are."""

import io
import os
import zipfile

from hypothesis import settings
from hypothesis import strategies as st

EXAMPLES = int(os.environ.get("FUZZ", "30"))  # .ci/run takes more
fuzzed = settings(derandomize=True, deadline=None, database=None, max_examples=EXAMPLES)
PIECES = st.binary(max_size=8) | st.sampled_from((b"\xff" * 4, b"\x7f\xff\xff\xff", b"\x80\0\0\0", bytes(40)))


@st.composite
def damaged(draw: st.DrawFn, *files: bytes) -> bytes:
    """One of the files, up to four times with a part replaced: by other bytes, none, or a part of a file."""
    content = draw(st.sampled_from(files))
    for _ in range(draw(st.integers(1, 4))):
        begin, end = part(draw, content)
        other = draw(st.sampled_from(files))
        piece = draw(PIECES) if draw(st.integers(0, 3)) else other[slice(*part(draw, other))]
        content = content[:begin] + piece + content[end:]
    return content


def part(draw: st.DrawFn, content: bytes) -> tuple[int, int]:
    """Where a part begins and ends, more often a small one."""
    begin = draw(st.integers(0, len(content)))
    return begin, draw(st.integers(begin, min(begin + 8, len(content))) | st.integers(begin, len(content)))


def foreign(*files: bytes) -> st.SearchStrategy[bytes]:
    return damaged(*files) | st.binary(max_size=200)


def archive(**members: bytes) -> bytes:
    """A zip archive with the right check sums, whatever its members hold."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as opened:
        for name, content in members.items():
            opened.writestr(name, content)
    return file.getvalue()
