"""Files as broken disks, cut-off downloads and strangers leave them: read as what they are, or refused in a sentence.

Never another exception, code that runs, a reader that does not come back, or memory by the gigabyte.
"""

import gzip
import io
import resource
import zipfile
from collections.abc import Callable
from pathlib import Path

import mido
import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from src.cache import cached
from src.checkpoints import PARTS, checkpoint, is_whole, newest_whole
from src.data.grids import read_grids
from src.data.groove import SPLITS, Recording, parse, read_hits, read_info
from src.data.idx import read_pair
from src.mistakes import MISTAKES
from src.music.midi import write_midi
from src.music.voices import LOW_TOM
from tests.data.conftest import idx_bytes
from tests.test_cache import numbers, packed

pytestmark = pytest.mark.filterwarnings("ignore")  # as for users, whom NumPy's hints about odd headers do not stop
fuzzed = settings(derandomize=True, deadline=None, database=None, max_examples=100)
PIECES = st.binary(max_size=8) | st.sampled_from((b"\xff" * 4, b"\x7f\xff\xff\xff", b"\x80\0\0\0", bytes(40)))
GIB = 2**20  # in kilobytes, as Linux counts


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


def reading(path: Path, read: Callable[[], object]) -> object:
    """What is read, or None where the file is refused by its name."""
    try:
        return read()
    except MISTAKES as mistake:
        if path.name not in str(mistake):
            raise
        return None


@pytest.fixture(autouse=True)
def modest_memory():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < GIB


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("foreign")


def saved(save: Callable = np.savez, **arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    save(file, **arrays)
    return file.getvalue()


def archive(**members: bytes) -> bytes:
    """A zip archive with the right check sums, whatever its members hold."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as opened:
        for name, content in members.items():
            opened.writestr(name, content)
    return file.getvalue()


BARS = (np.arange(3 * 16 * 9).reshape(3, 16, 9) % 5 == 0).astype(np.uint8)
BARS[..., LOW_TOM] = 0  # General MIDI's is read as the Roland's mid tom
BEGUN = b"MThd\0\0\0\6\0\0\0\1\1\xe0MTrk\0\0\1\0"


def midi() -> bytes:
    """A file with something of all that mido parses."""
    file = io.BytesIO()
    events = [mido.MetaMessage("text", text="a"), mido.MetaMessage("key_signature", key="C")]
    events += [mido.MetaMessage("smpte_offset"), mido.Message("sysex", data=[1, 2]), mido.Message("pitchwheel")]
    events += [mido.Message("note_on", note=36, time=100), mido.Message("note_on", note=38, time=480)]
    mido.MidiFile(type=1, tracks=[mido.MidiTrack(events), mido.MidiTrack(events)]).save(file=file)
    return file.getvalue()


def test_midi(place: Path):
    write_midi(torch.from_numpy(BARS), place / "bars.mid")
    good = (place / "bars.mid").read_bytes()

    @fuzzed
    @given(foreign(good, midi()))
    def check(content: bytes):
        recordings = [Recording(name, "train", "rock", "d", 120, read) for name, read in (("a", good), ("b", content))]
        bars = parse(recordings)
        grids_NTV = bars.grids["train"]
        assert np.array_equal(grids_NTV[:3], BARS), "of the file beside it"
        assert bars.damaged in ((), ("b",))
        assert grids_NTV.dtype == np.uint8
        assert grids_NTV.max() == 1
        assert len(grids_NTV) == 3 or not bars.damaged

    check()


def test_erased_midi_is_not_read_as_one_number():
    with pytest.raises(ValueError, match="say nothing"):
        read_hits(BEGUN + b"\xff" * 200_000)


INFO = (
    b"midi_filename,split,style,drummer,bpm,time_signature\n"
    b'a.mid,train,rock,d1,120,4-4\n"b.mid",test,jazz/swing,d2,99.5,4-4\nc.mid,validation,waltz,d3,60,3-4\n'
)


def test_groove_s_table(place: Path):
    path = place / "info.csv"

    @fuzzed
    @given(foreign(INFO))
    @example(INFO + b"x" * 200_000)
    @example(INFO.replace(b"a.mid", b"a\0mid"))
    @example(INFO.replace(b"120", b"inf"))
    def check(content: bytes):
        path.write_bytes(content)
        for recording in reading(path, lambda: read_info(place)) or ():
            assert 0 < recording.tempo < float("inf")
            assert recording.split in SPLITS.values()

    check()


IMAGES, LABELS = idx_bytes(np.arange(3 * 28 * 28).reshape(3, 28, 28)), idx_bytes(np.arange(3))


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("which", [0, 1], ids=["images", "labels"])
def test_idx(place: Path, which: int, pack: Callable[[bytes], bytes]):
    paths = place / "images", place / "labels"
    for path, content in zip(paths, (IMAGES, LABELS), strict=True):
        path.write_bytes(content)

    @fuzzed
    @given(foreign(pack((IMAGES, LABELS)[which]), IMAGES, LABELS))
    @example(pack(b"\0\0\x08\x03" + b"\xff" * 12))
    def check(content: bytes):
        paths[which].write_bytes(content)
        if read := reading(paths[which], lambda: read_pair(*paths, transposed=True)):
            images_NHW, labels_N = read
            assert images_NHW.shape == (3, 28, 28)
            assert images_NHW.dtype == np.uint8
            assert labels_N.shape == (3,)

    check()


NPY = [saved(np.save, arr=array) for array in (BARS, BARS.astype(float), np.arange(3), np.array(["a", "b", "ü"]))]


def claims(shape: tuple[int, ...], kind: str = "|u1") -> bytes:
    """An array's header and hardly anything behind it."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": kind, "fortran_order": False, "shape": shape})
    return file.getvalue() + bytes(100)


def check_grids(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    if read := reading(path, lambda: read_grids(path)):
        grids, styles, names = read
        "".join(names).encode()
        for split, grids_NTV in grids.items():
            assert grids_NTV.dtype == np.uint8
            assert grids_NTV.shape == (len(styles[split]), *BARS.shape[1:])
            assert grids_NTV.max() <= 1
            assert set(styles[split]) <= set(range(len(names)))


PLAIN = saved(patterns=BARS)
SPLIT = {"train_patterns": BARS, "val_patterns": BARS, "train_styles": np.arange(3), "val_styles": np.arange(3)}
METHOD = PLAIN.index(b"PK\1\2") + 10  # where the archive says how it is compressed


@fuzzed
@given(foreign(PLAIN, saved(np.savez_compressed, **SPLIT), saved(x=np.array([print], object))))
@example(PLAIN[:METHOD] + b"\x63" + PLAIN[METHOD + 1 :])
def test_grids(place: Path, content: bytes):
    check_grids(place / "a.npz", content)


@fuzzed
@given(patterns=st.sampled_from(NPY) | foreign(*NPY), styles=st.sampled_from(NPY) | foreign(*NPY))
@example(patterns=claims((10**10, 16, 9)), styles=NPY[2])
@example(patterns=claims((10**18, 16, 9)), styles=NPY[2])
@example(patterns=NPY[0], styles=claims((3,), "<U1000000000"))
@example(patterns=NPY[0], styles=NPY[3].replace(b"\xfc\0\0\0", b"\xfc\xff\xff\0"))
@example(patterns=NPY[0], styles=NPY[3].replace(b"\xfc\0\0\0", b"\0\xd8\0\0"))
@example(patterns=NPY[0][:60] + b"(" + NPY[0][61:], styles=NPY[2])
def test_arrays_in_a_whole_archive(place: Path, patterns: bytes, styles: bytes):
    check_grids(place / "b.npz", archive(**{"patterns.npy": patterns, "styles.npy": styles}))


@fuzzed
@given(foreign(packed()))
def test_a_cache_gives_what_was_put_there(place: Path, content: bytes):
    (place / "cache.npz").write_bytes(content)
    assert cached(place / "cache.npz", packed, numbers) == list(range(1000))


def state() -> bytes:
    """A checkpoint with all that one has: weights, an optimizer that has stepped, numbers and words."""
    layer = torch.nn.Linear(3, 2)
    adam = torch.optim.Adam(layer.parameters())
    layer(torch.ones(1, 3)).sum().backward()
    adam.step()
    parts = {"state_dict": layer.state_dict(), "optimizer_states": [adam.state_dict()], "loops": {"fit_loop": {"a": 1}}}
    file = io.BytesIO()
    torch.save({**dict.fromkeys(PARTS), **parts, "callbacks": {"evaluation": {"history": [{"kl": 0.5}]}}}, file)
    return file.getvalue()


STATE = state()


@fuzzed
@given(foreign(STATE))
def test_a_damaged_checkpoint_gives_way_to_the_one_before(place: Path, content: bytes):
    last, previous = checkpoint(place, "last"), checkpoint(place, "previous")
    last.parent.mkdir(exist_ok=True)
    last.write_bytes(content)
    previous.write_bytes(STATE)
    found = newest_whole(place)
    assert found in (last, previous)
    weights, expected = (torch.load(file, weights_only=True)["state_dict"] for file in (found, previous))
    assert all(torch.equal(weights[name], expected[name]) for name in expected)


WITHIN = zipfile.ZipFile(io.BytesIO(STATE))
PICKLE = next(name for name in WITHIN.namelist() if name.endswith("data.pkl"))


@fuzzed
@given(foreign(WITHIN.read(PICKLE)))
@example(b"\x80\2cos\nsystem\n(S'exit 1'\ntR.")
def test_a_checkpoint_with_right_check_sums_and_another_content(place: Path, pickled: bytes):
    members = {name: WITHIN.read(name) for name in WITHIN.namelist()} | {PICKLE: pickled}
    (place / "any.ckpt").write_bytes(archive(**members))
    if is_whole(place / "any.ckpt"):
        assert set(torch.load(place / "any.ckpt", weights_only=True)) >= PARTS
