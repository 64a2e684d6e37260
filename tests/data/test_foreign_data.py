"""Foreign data are read correctly or raise a one-line error.

Never another exception, code that runs, a reader that does not come back, or memory by the gigabyte.
"""

import gzip
import io
from collections.abc import Callable
from pathlib import Path

import mido
import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from src.core.errors import USER_ERRORS
from src.data.drums.grids import read_grids
from src.data.drums.groove import SPLITS, Recording, parse, read_hits, read_info
from src.data.drums.midi import write_midi
from src.data.letters.idx import read_pair
from src.data.voices import LOW_TOM
from tests.data.conftest import idx_bytes
from tests.foreign import archive, foreign, fuzzed

pytestmark = [
    pytest.mark.usefixtures("modest_memory"),
    pytest.mark.filterwarnings("ignore"),  # as for users, whom NumPy's hints about odd headers do not stop
]


def reading(path: Path, read: Callable[[], object]) -> object:
    """What is read, or None for an error that names the file."""
    try:
        return read()
    except USER_ERRORS as error:
        if path.name not in str(error):
            raise
        return None


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("foreign")


def saved(save: Callable = np.savez, **arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    save(file, **arrays)
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
        assert [name.partition(" ")[0] for name in bars.damaged] in ([], ["b"])
        assert grids_NTV.dtype == np.uint8
        assert grids_NTV.max() == 1
        assert len(grids_NTV) == 3 or not bars.damaged

    check()


def test_erased_midi_is_not_read_as_one_number():
    with pytest.raises(OSError, match="more than 4 bytes"):
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
