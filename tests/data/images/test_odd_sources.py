"""Archives of other systems, arrays of other scales, and options that exclude each other."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from src.data.images.arrays import read_npy
from src.data.images.sources import usual_name
from tests.data.images.conftest import drawn


def test_clusters_and_given_classes_exclude_each_other(folder, images, tmp_path):
    with pytest.raises(ValueError, match=r"data\.label=\{label\}_\*: data\.classes=2 makes clusters instead"):
        images(folder, classes=2, label="{label}_*")
    np.save(tmp_path / "a.npy", np.stack([drawn(number) for number in range(30)]))
    with pytest.raises(ValueError, match="an npy file has no names of files"):
        images("a.npy", label="{label}_*")


@pytest.mark.parametrize("change", ["./{}", "{}", "./data/{}"])
@pytest.mark.parametrize("slash", ["/", "\\"])
def test_names_of_odd_archives(tmp_path, images, change, slash):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        for number in range(30):
            picture = io.BytesIO()
            Image.fromarray(drawn(number)).save(picture, "PNG")
            name = change.format(f"{'AB'[number % 2]}/{number}.png").replace("/", slash)
            file.writestr(name, picture.getvalue())
    assert images("x.zip").spec.classes == ("A", "B")


def test_a_mac_s_utf_8_names_in_an_archive():
    member = zipfile.ZipInfo("Müller/1.png".encode().decode("cp437"))
    assert usual_name(member) == "Müller/1.png"
    member.filename, member.flag_bits = "Müller/1.png", 0x800
    assert usual_name(member) == "Müller/1.png"
    assert usual_name(zipfile.ZipInfo("Böse/1.png")) == "Böse/1.png", "of an old Western tool"


@pytest.mark.parametrize(
    ("array", "factor"),
    [
        (np.ones((2, 8, 8), np.uint8), 255),
        (np.ones((2, 8, 8), int), 255),
        (np.full((2, 8, 8), 1.0000001), 255),
        (np.full((2, 8, 8), 255, np.uint16), 257),
    ],
)
def test_values_that_would_be_black_are_refused(tmp_path, array, factor):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(ValueError, match=f"nearly black among .* multiply by {factor}"):
        read_npy(tmp_path / "a.npy")
