"""Whatever the files of a run's folder hold, the report reads it or calls it damaged."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.report.collect import read_run
from tests.foreign import fuzzed
from tests.report.test_strangers import png

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.sampled_from(["Q", "completed"]),
    lambda below: (
        st.lists(below, max_size=3) | st.dictionaries(st.sampled_from(["a", "high", "train"]), below, max_size=2)
    ),
    max_leaves=6,
)
KEYS = ["status", "name", "model", "seed", "dataset", "metrics", "controls", "onset", "versions", "latents", "git"]
INNER = ["name", "source", "classes", "sizes", "shape", "levels", "modes", "missing", "kl", "shares", "entropy"]


@pytest.fixture
def place(make_run) -> Path:
    return make_run("gan_fm", 1)


def outcome(folder: Path) -> None:
    run = read_run(folder)
    assert run.status in ("completed", "damaged", "unfinished") or run.error or run.status.strip()
    assert all(abs(value) <= 1e38 for value in run.scalars.values())
    assert isinstance(run.name, str)
    assert "`" not in run.name


def test_any_results_are_read(place: Path) -> None:
    whole = json.loads((place / "results.json").read_text())

    @fuzzed
    @given(st.sampled_from(KEYS), st.sampled_from(INNER), VALUES, st.booleans())
    def check(key: str, inner: str, value: object, deep: bool) -> None:
        entry = whole[key] | {inner: value} if deep and isinstance(whole.get(key), dict) else value
        (place / "results.json").write_text(json.dumps(whole | {key: entry}))
        outcome(place)

    check()


def test_any_bytes_are_read(place: Path) -> None:
    files = ["results.json", "history.csv", ".hydra/config.yaml", ".hydra/overrides.yaml", "samples/sorted.png"]
    contents = {file: (place / file).read_bytes() if (place / file).exists() else png(8, 8) for file in files}

    @fuzzed
    @given(st.sampled_from(files), st.binary(max_size=100), st.integers(0, 1000), st.booleans())
    def check(file: str, piece: bytes, begin: int, whole: bool) -> None:
        old = contents[file]
        (place / file).write_bytes(piece if whole else old[:begin] + piece + old[begin + len(piece) :])
        outcome(place)
        read_run(place).picture("sorted")
        (place / file).write_bytes(old)

    check()
