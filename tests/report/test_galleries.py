import io

import numpy as np
import pytest
from PIL import Image

from src.report.collect import collect
from src.report.figures.gallery import galleries, thumbnail
from src.report.grouping import group


def png(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "png")
    return buffer.getvalue()


def decoded(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)


@pytest.fixture
def noisy() -> bytes:
    return png(np.random.default_rng(0).integers(0, 256, (300, 600, 3), dtype=np.uint8))


def test_thumbnails_are_narrow_light_and_keep_their_proportions(noisy: bytes) -> None:
    small = thumbnail(noisy, 200)
    assert decoded(small).shape == (100, 200, 3)
    assert len(small) < len(noisy) / 6


def test_few_colours_stay_what_they_are() -> None:
    """A rare red among greys, as of a missing letter's name."""
    image = np.zeros((100, 200, 3), np.uint8)
    image[:, :, :] = np.linspace(0, 255, 200, dtype=np.uint8)[None, :, None]
    image[2:5, 2:5] = (200, 20, 20)
    shown = decoded(thumbnail(png(image), 200))
    assert np.abs(shown - image).max() < 12


def test_a_picture_is_never_enlarged() -> None:
    assert decoded(thumbnail(png(np.zeros((8, 8, 3), np.uint8)), 200)).shape == (8, 8, 3)


def test_all_names_side_by_side_with_one_seed(make_run, tmp_path) -> None:
    for name, seeds in (("gan_standard", (0, 1)), ("gan_fm", (1, 2)), ("gan_late", (2,))):
        for seed in seeds:
            make_run(name, seed, missing="Q", pictures=True)
    (section,) = group(collect([tmp_path]))
    by_class, by_noise = galleries(section, section.family.grids)
    assert "seed 1 of each name" in by_class.note
    assert "the same noise under every name" in by_noise.title
    assert [picture.name for picture in by_noise.pictures] == ["gan_standard", "gan_fm", "gan_late"]
    captions = [picture.caption for picture in by_noise.pictures]
    assert captions == ["`gan_standard`: missing Q", "`gan_fm`: missing Q", "`gan_late`, seed 2: missing Q"]


def test_the_pictures_of_32_names_leave_the_page_under_5_megabytes(make_run, tmp_path, noisy: bytes) -> None:
    """Noise, which no palette and no compression makes small; 4/3 is what base64 adds."""
    for number in range(10):
        run = make_run(f"gan_{number}", 0)
        for stem in ("sorted", "random"):
            (run / "samples" / f"{stem}.png").write_bytes(noisy)
    (section,) = group(collect([tmp_path]))
    sizes = [
        len(picture.content) for gallery in galleries(section, section.family.grids) for picture in gallery.pictures
    ]
    assert len(sizes) == 20
    assert 32 / 10 * 4 / 3 * sum(sizes) < 4e6
