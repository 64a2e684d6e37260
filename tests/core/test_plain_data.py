"""Plain values from files that may be a stranger's: as OmegaConf reads them, within limits."""

import io
import os
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from src.core.plain_data import (
    LARGEST,
    MOST_LEVELS,
    clean,
    is_inside,
    links_out,
    nodes,
    number,
    read_bytes,
    read_json,
    read_yaml,
)
from tests.foreign import fuzzed

WORDS = (
    *("1e-3", "1E5", "1.5", ".5", "-.5", "+1", "1_000", "1_0.5", "0x1f", "0o7", "017", "1:30", ".inf", "-.inf", "."),
    *("yes", "on", "true", "null", "~", "2020-01-01", "e5", "1e", "1.e5", "1.0e-05", "-1e-3", ".e5", "1_", "._"),
    *(".5e3", ".5e-3", "-"),
)


@pytest.mark.parametrize("word", [*WORDS, "'1e-3'", "${gan}"])
def test_yaml_is_read_as_omegaconf_reads_it(tmp_path: Path, word: str):
    path = tmp_path / "a.yaml"
    path.write_text(f"key: {word}\n" if word != "-" else "key: '-'\n")
    expected = OmegaConf.to_container(OmegaConf.load(path))
    found = read_yaml(path)
    assert found == expected
    assert type(found["key"]) is type(expected["key"])


@pytest.mark.parametrize(
    "content",
    [
        "[" * 200_000,
        "- " * 100_000,
        "a: &a [1]\nb: *a",
        "a: 2020-01-01T00:00:00Z\nb: !!timestamp 2020-01-01",
        "!!python/object/apply:os.getcwd []",
        "!!set {a}",
        "!!binary aGk=",
        "1: 2",
        "9" * 30,
        "9" * 5000,
        "[[], " * 100_000,
        "a: [",
        "\0",
        "x" * 2_000_000,
    ],
    ids=range(14),
)
def test_what_is_no_plain_yaml_is_refused(tmp_path: Path, content: str):
    (tmp_path / "a.yaml").write_text(content)
    with pytest.raises(ValueError, match=r"\S"):
        read_yaml(tmp_path / "a.yaml")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *[(word, None) for word in ("1e308", "-1e39", "1e400", "NaN", "-Infinity", "9" * 400, "null")],
        *[("1e38", 1e38), ("9" * 20, 1e20), ("12", 12), ("-0.5", -0.5), ("true", True), ('"1"', "1")],
    ],
)
def test_json_holds_numbers_that_a_run_can_compute(tmp_path: Path, text: str, expected: object):
    (tmp_path / "a.json").write_text(f"[{text}]")
    assert read_json(tmp_path / "a.json") == [expected]


@pytest.mark.parametrize("content", [b"[" * 200_000, b"[" * 60 + b"]" * 60, b"\xff", b"{", b"", b"9" * 20_000_000])
def test_what_is_no_json_is_refused(tmp_path: Path, content: bytes):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"\S"):
        read_json(tmp_path / "a.json")


def test_pipes_devices_and_folders_are_no_files(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    for name in ("pipe", "zero"):
        with pytest.raises(ValueError, match="not a regular file"):
            read_bytes(tmp_path / name)
    for name in (".", "gone"):
        with pytest.raises((OSError, ValueError)):
            read_bytes(tmp_path / name)


def test_links_out_of_a_folder(tmp_path: Path):
    folder = tmp_path / "run"
    (folder / "deep").mkdir(parents=True)
    for name, target in {
        "in": "deep",
        "loop": "loop",
        "up": "..",
        "deep/up": "../..",
        "abs": tmp_path,
        "no": "no/x",
    }.items():
        (folder / name).symlink_to(target)
    assert {path.relative_to(folder).as_posix() for path in links_out(folder)} == {"up", "deep/up", "abs"}
    assert is_inside(folder, folder / "gone")
    assert not is_inside(folder, folder / "gone" / ".." / ".." / "run2")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a\n\0b\tc", "a b c"), ("`x`", "'x'"), ("\ud800", "?"), ("x" * 3000, "x" * 2000 + "…"), ("ü é", "ü é")],
)
def test_clean_text_is_one_short_line(text: str, expected: str):
    assert clean(text) == expected


def test_levels_are_few():
    tree: list = []
    for _ in range(MOST_LEVELS):
        tree = [tree]
    assert len(list(nodes(tree))) == MOST_LEVELS + 1
    with pytest.raises(ValueError, match="more than"):
        list(nodes([tree]))


@fuzzed
@given(st.text(max_size=20) | st.floats().map(str) | st.integers().map(str))
def test_a_cell_is_a_number_or_none(text: str):
    found = number(text)
    assert found != found or abs(found) <= LARGEST


@fuzzed
@given(st.binary(max_size=100))
def test_any_bytes_are_yaml_or_a_mistake(tmp_path_factory: pytest.TempPathFactory, content: bytes):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(content)
    try:
        found = read_yaml(path)
    except ValueError:
        return
    assert all(isinstance(node, dict | list | str | int | float | None) for node in nodes(found))
    yaml.safe_dump(found, io.StringIO())
