"""VAEs on letters, whose samples have modes, and GANs on drums, whose samples sound."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imsave

from src.report.collect import collect, read_run
from src.report.figures.heatmaps import share_map, survival_map
from src.report.grouping import group
from src.report.outcomes import State, collapse
from src.report.section import Section
from src.report.tables import absence_table, controls_table, main_table, other_table, samples_table
from src.report.trajectories import onset_table
from src.report.write import write_report
from tests.report.conftest import DRUM_CONTROLS, DRUMS, STROKES, gan_metrics, vae_history

pytestmark = pytest.mark.usefixtures("undrawn")

CLASSES = DRUMS["classes"]


@pytest.fixture
def letters(make_vae, tmp_path) -> Path:
    """Three seeds of a VAE on letters, whose samples lose Q on the way and X at the end of one."""
    for seed in range(3):
        missing = "QX"[: 1 + (seed == 0)]
        rows = vae_history(2.0, 2.0, 90.0)
        for turn, row in enumerate(rows):
            lost = missing if turn > 3 else ""
            row |= {"modes": 26 - len(lost), "missing": " ".join(lost), "shares": " ".join(["0.04"] * 26)}
        run = make_vae(
            "linear",
            seed,
            nll=90.0,
            history=rows,
            dataset=STROKES,
            metrics=gan_metrics(missing, 0.3) | {"mse": 0.02},
            controls={"real": gan_metrics("", 0.002), "noise": gan_metrics("BCDEFGHIJKLMNOPQRSTUVWXYZ", 3.2)},
            onset={"high": None, "low": None, "modes": 320_000},
            oracle_accuracy=0.98,
        )
        imsave(run / "samples" / "sorted.png", np.full((8, 8), 0.5), vmin=0, vmax=1)
    return tmp_path / "study"


@pytest.fixture
def letters_section(letters) -> Section:
    (section,) = group(collect([letters]))
    return section


def rows(table) -> dict[str, list[str]]:
    return {row[0].text: [cell.text for cell in row[1:]] for row in table.rows}


def test_modes_of_letters_stand_beside_their_controls(letters_section):
    table = samples_table(letters_section)
    assert list(table.header)[2].startswith("modes")
    found = rows(table)
    (name, *_) = found
    assert found[name][:2] == ["3", "24.7"]
    assert (found["real, held out"][1], found["noise"][1]) == ("26.0", "1.0")
    assert [*rows(controls_table(letters_section))] == ["KL floor"], "the others stand there already"
    assert "KL high" in " ".join(main_table(letters_section).header)
    assert "KL floor" in " ".join(other_table(letters_section).header)


def test_what_letters_lack_is_told_apart_from_levels(letters_section):
    table = absence_table(letters_section)
    assert list(table.header)[1:5] == ["collapsed", "missing", "outcome", "onset by seed"]
    (row,) = rows(table).values()
    assert row[0] == "no level"
    assert row[1] == "Q in all 3 seeds; X in 1 of 3"
    assert row[2] == "alive in all 3 seeds"
    assert row[3] == "modes: 320k, 320k, 320k"
    assert letters_section.summaries[0].absences("missing") == {"Q": 3, "X": 1}
    assert collapse(letters_section)[0] is State.UNKNOWN


def test_letters_of_a_vae_have_shares_and_a_survival_map(letters_section):
    assert share_map(letters_section)
    assert survival_map(letters_section)
    (onset,) = rows(onset_table(letters_section)).values()
    assert onset[:3] == ["3", "3", "320k"]


def test_the_report_shows_samples_sorted(letters):
    report = write_report([letters])
    text = (report.folder / "report.md").read_text()
    assert "oracle accuracy 0.980" in text
    assert list((report.folder / "figures").glob("curves_*_modes.png"))


def test_every_metric_that_has_controls_stands_beside_them(make_run):
    further = {"density": 0.9, "top_share": 0.05, "modes_any": 25, "kl_any": 0.1, "effective_modes": 24.0}
    real = gan_metrics("", 0.002) | {key: value + 0.01 for key, value in further.items()} | {"num_samples": 10_000}
    controls = {"real": real, "noise": gan_metrics("BCDEFGHIJKLMNOPQRSTUVWXYZ", 3.2) | dict.fromkeys(further)}
    runs = [
        read_run(make_run(name, metrics=gan_metrics("Q" * lost, 0.2) | further, controls=controls))
        for lost, name in enumerate(("gan_fm", "gan_standard"))
    ]
    table = controls_table(group(runs)[0])
    found = rows(table)
    assert list(table.header) == ["metric", "these runs", "real, held out", "noise"]
    assert [*found][:2] == ["modes", "KL"]
    assert {"density", "top share", "modes, any sample", "KL, any sample", "effective modes"} <= found.keys()
    assert found["density"] == ["0.90", "0.91", "–"]
    assert found["modes"] == ["25.0\N{NO-BREAK SPACE}…\N{NO-BREAK SPACE}26.0", "26.0", "1.0"]
    assert "num samples" not in found


def test_vaes_on_drums_count_no_modes(annealing):
    (section,) = group(collect([annealing]))
    assert "modes" not in " ".join(samples_table(section).header)
    assert list(absence_table(section).header)[1:4] == ["collapsed", "outcome", "onset by seed"]
    assert onset_table(section) is None
    assert share_map(section) is None


def test_gans_on_drums_are_heard_and_have_styles_as_modes(make_run):
    metrics = {
        "modes": 3,
        "missing": ["latin"],
        "unjudged": ["hiphop"],
        "kl": 0.2,
        "kl_floor": 0.001,
        "recognisable": 0.6,
        "shares": [0.5, 0.3, 0.0, 0.2, 0.0],
        "validity": 0.95,
        "diversity": 0.2,
        "feature_distance": 3.0,
    }
    controls = {
        name: {"modes": modes, "kl": 0.01, "shares": [0.25, 0.25, 0, 0.25, 0.25]} | DRUM_CONTROLS[name]
        for name, modes in (("real", 4), ("noise", 0), ("single", 1))
    }
    for seed in range(3):
        make_run("drums_gan", seed, dataset=DRUMS, metrics=metrics, controls=controls, onset=None)
    (section,) = group(collect([make_run("drums_gan", 3, dataset=DRUMS, metrics=metrics, controls=controls).parent]))
    assert section.num_modes == 4
    assert rows(samples_table(section))["noise"][1:] == ["0.999", "0.420", "95.0"]
    assert rows(controls_table(section))["modes"] == ["3.0", "4.0", "0.0", "1.0"]
    assert "validity" not in rows(controls_table(section)), "it stands there already"
    assert list(absence_table(section).header)[1:3] == ["missing", "unjudged"]
    assert rows(absence_table(section))["`drums_gan`"][:2] == ["latin in all 4 seeds", "hiphop in all 4 seeds"]
    assert share_map(section)
    assert section.summaries[0].always("missing") == ["latin"]
