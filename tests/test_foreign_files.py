"""Caches and checkpoints that are not what was written: told from whole ones, and never run as code."""

import io
import zipfile
from pathlib import Path

import pytest
import torch
from hypothesis import example, given

from src.core.cache import cached
from src.training.checkpoints import PARTS, checkpoint, is_valid, newest_valid
from tests.core.test_cache import numbers, packed
from tests.foreign import archive, foreign, fuzzed

pytestmark = [pytest.mark.usefixtures("modest_memory"), pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("foreign")


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
    found = newest_valid(place)
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
    if is_valid(place / "any.ckpt"):
        assert set(torch.load(place / "any.ckpt", weights_only=True)) >= PARTS
