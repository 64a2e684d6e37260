"""Splits and labels from names and tables."""

import json
from pathlib import Path

import numpy as np
import pytest

from src.data.images.columns import Column, indexed, joined, repeated
from src.data.images.labels import Fields, by_folder, by_pattern, by_table, split_folders

PLACE = Path("p")


def texts(column: Column) -> list[str]:
    return [column.names[index] for index in column.index_N]


def lists(fields: Fields) -> dict[str, list[str]]:
    return {name: texts(column) for name, column in fields.items()}


def test_split_folders():
    parts, names = split_folders(["train/a/1.png", "val/a/2.png", "test/b/3.png"], PLACE)
    assert (texts(parts), names) == (["train", "val", "test"], ["a/1.png", "a/2.png", "b/3.png"])
    parts, names = split_folders(["p/training/a/1.png", "p/valid/a/2.png"], PLACE)
    assert (texts(parts), names) == (["train", "val"], ["a/1.png", "a/2.png"])
    parts, names = split_folders(["Training/a/1.png", "Testing/a/2.png"], PLACE)
    assert (texts(parts), names) == (["train", "test"], ["a/1.png", "a/2.png"])


def test_splits_beside_something_else_are_refused():
    """Or the held-out images would be trained on."""
    for other in ("preview.png", "extra/a/3.png"):
        with pytest.raises(ValueError, match=r"beside the folders of splits \(test, train\)"):
            split_folders(["train/a/1.png", "test/a/2.png", other], PLACE)


@pytest.mark.parametrize(
    "names",
    [["a/1.png", "b/2.png"], ["train/1.png", "cars/2.png"], ["val/1.png", "test/2.png"], ["1.png", "2.png"]],
)
def test_other_folders_are_no_splits(names):
    parts, rest = split_folders(names, PLACE)
    assert (texts(parts), rest) == (["", ""], names)


def test_a_folder_around_all_is_left_out():
    assert split_folders(["photos/new/a/1.png", "photos/new/b/2.png"], PLACE)[1] == ["a/1.png", "b/2.png"]
    assert split_folders(["photos/1.png", "photos/2.png"], PLACE)[1] == ["1.png", "2.png"]


def test_classes_are_the_topmost_folders():
    assert lists(by_folder(["A & B/x/1.png", "C/2.png"], Path("p"))) == {"label": ["A & B", "C"]}
    assert by_folder(["1.png", "2.png"], Path("p")) == {}


@pytest.mark.parametrize(
    ("pattern", "name", "fields"),
    [
        ("{label}_*", "A_bold_0005.png", {"label": "A"}),
        ("{label}_*.png", "A_bold_0005.png", {"label": "A"}),
        ("{label}_{style}_*", "sub/A_bold_0005.png", {"label": "A", "style": "bold"}),
        ("*_{label}", "2024_11_cat.jpeg", {"label": "cat"}),
        ("?{label}", "xcat.gif", {"label": "cat"}),
        ("{label}", "cat.tar.png", {"label": "cat.tar"}),
        ("img[1]-{label}", "img[1]-cat.png", {"label": "cat"}),
        ("{style}/{label}/*", "bold/A/5.png", {"style": "bold", "label": "A"}),
    ],
)
def test_patterns(pattern, name, fields):
    assert lists(by_pattern([name], pattern)) == {field: [text] for field, text in fields.items()}


NAMES = ["a/1.png", "b/2.png"]
RECORDS = [{"File": "1.png", "Label": "cat"}, {"File": "2.png", "Label": 7}]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", "file,label\n1.png,cat\n2.png,7\n"),
        ("t.csv", "\ufeffID;Category;other\r\n1;cat;x\r\n2;7;y\r\n"),
        ("t.tsv", "file_name\tclass\na/1.png\tcat\n./b/2.png\t7\n"),
        ("t.csv", "path,label\nbase\\a\\1.png,none\na\\1.png,cat\nb\\2.png,7\n"),
        ("t.json", json.dumps({"1.png": "cat", "2.png": 7})),
        ("t.json", json.dumps({"a/1": {"class": "cat"}, "b/2": {"class": 7}})),
        ("t.json", json.dumps(RECORDS)),
        ("t.json", json.dumps({"version": 1, "samples": RECORDS})),
    ],
)
def test_tables(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    assert lists(by_table(NAMES, tmp_path / name)) == {"label": ["cat", "7"]}


def test_a_label_that_is_null_is_a_gap(tmp_path):
    records = [{"file": "1.png", "label": "cat"}, {"file": "2.png", "label": None}]
    (tmp_path / "t.json").write_text("\ufeff" + json.dumps(records))
    with pytest.raises(ValueError, match=r"1 of 2 images have no label"):
        by_table(NAMES, tmp_path / "t.json")


def test_a_file_with_two_labels_is_refused(tmp_path):
    (tmp_path / "t.csv").write_text("file,label\n1.png,cat\n2.png,dog\n1.png,dog\n")
    with pytest.raises(ValueError, match=r"1\.png is both 'cat' and 'dog'"):
        by_table(NAMES, tmp_path / "t.csv")


def test_names_of_a_mac_are_those_of_the_table(tmp_path):
    (tmp_path / "t.csv").write_text("file,label\n\u00e9.png,cat\n")
    assert lists(by_table(["e\u0301.png"], tmp_path / "t.csv")) == {"label": ["cat"]}


def test_folders_that_look_alike_in_a_terminal_are_refused():
    with pytest.raises(ValueError, match="would be the class"):
        by_folder(["`/1.png", "'/2.png"], PLACE)


def test_a_table_may_list_more_than_there_is(tmp_path):
    (tmp_path / "t.csv").write_text("file,label\n1.png,cat\n2.png,dog\n3.png,eel\n")
    assert lists(by_table(NAMES, tmp_path / "t.csv")) == {"label": ["cat", "dog"]}


@pytest.mark.parametrize(
    ("given", "names", "dtype"),
    [
        (["b", "a", "b"], ["a", "b"], "uint8"),
        (["10", "9", "2"], ["2", "9", "10"], "uint8"),
        (["1", "01", "1"], ["01", "1"], "uint8"),
        ([f"{n}" for n in range(300)], [f"{n}" for n in range(300)], "uint16"),
    ],
)
def test_columns(given, names, dtype):
    column = indexed(given)
    assert (texts(column), column.names, column.index_N.dtype) == (given, names, dtype)
    some = column.of(np.array([1, 2]))
    assert (texts(some), {*some.names}) == (given[1:3], {*given[1:3]}), "without texts of other images"


def test_joined_columns():
    column = joined([indexed(["x", "b"]), repeated(["a", "x"], [1, 2])])
    assert (texts(column), column.names) == (["x", "b", "a", "x", "x"], ["a", "b", "x"])
    assert column.rows("x").tolist() == [0, 3, 4]
    assert column.rows("y").tolist() == []


@pytest.mark.parametrize("num_parts", [2, 3])
def test_joined_columns_of_more_names_than_a_byte_counts(num_parts):
    part = indexed(f"class {number}" for number in range(200))
    assert part.index_N.dtype == np.uint8
    assert texts(joined([part] * num_parts)) == texts(part) * num_parts
