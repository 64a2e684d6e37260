"""A conditional GAN as a user runs it: trained, resumed, asked for a class, reported."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from src import lab
from src.report.__main__ import main as report
from src.sample import __main__ as sample
from tests.end_to_end.conftest import SMALL, Command, check_bounds, results

PLAIN = ("experiment=gan_standard", "gan.conditional=projection", *SMALL)


@pytest.fixture
def run(command: Command) -> Path:
    outcome = command("experiment=gan_conditional_projection", *SMALL, "hydra.run.dir=run")
    assert outcome.status == 0, outcome.errors
    return Path("run")


@pytest.mark.ci
def test_its_classes_are_measured_asked_for_and_reported(
    run: Path, command: Command, capsys: pytest.CaptureFixture[str]
):
    found = results(run)
    metrics, real = found["metrics"], found["controls"]["real"]
    check_bounds(metrics)
    assert len(metrics["class_accuracies"]) == 26
    assert metrics["class_accuracy"] <= metrics["class_accuracy_any"]
    assert "class_accuracy" in real
    assert "class_accuracy" not in found["controls"]["noise"], "nobody asked for a class"
    rows = list(csv.DictReader((run / "history.csv").read_text().splitlines()))
    assert all(len(row["class_accuracies"].split()) == 26 for row in rows)

    assert sample.main([str(run), "class=Q", "num=12"]) == 0
    assert sample.main([str(run), "class=A", "num=12"]) == 0
    pictures = [np.asarray(Image.open(run / "samples" / f"drawn_{name}_0.png")) for name in "QA"]
    assert not np.array_equal(*pictures)
    loaded = lab.load(run)
    assert not loaded.samples(4, label="Q").equal(loaded.samples(4, label="A"))
    assert loaded.grid(4, label="Q").size[0] > 28
    capsys.readouterr()
    assert sample.main([str(run), "class=Ä"]) == 1
    assert "class=Ä: choose A, B, C" in capsys.readouterr().err

    assert report(["run"]) == 0
    assert "class as asked" in Path("run/report/report.md").read_text()
    outcome = command("resume=run", "budget=320")
    assert outcome.status == 0, outcome.errors
    assert results(run)["images_seen"] == 320


@pytest.mark.ci
def test_resuming_is_exact(command: Command):
    whole = (
        *PLAIN,
        "gan.network=residual",
        "gan.loss=relativistic",
        "gan.conditional=auxiliary",
        "gan.tricks=[ema,r1]",
    )
    assert command(*whole, "hydra.run.dir=whole", "budget=256").status == 0
    assert command(*whole, "hydra.run.dir=part", "budget=128", "evaluations=1").status == 0
    assert command("resume=part", "budget=256", "evaluations=2").status == 0
    one, other = lab.load("whole"), lab.load("part")
    assert one.samples(8).equal(other.samples(8))


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (("gan.tricks=[packing]",), "gan.conditional=projection: gan.tricks=packing shows several images"),
        (("gan.loss=feature_matching",), "gan.conditional=projection: gan.loss=feature_matching"),
        (("gan.conditional=prefix",), "concat"),
    ],
)
def test_what_does_not_fit_is_one_line(command: Command, overrides: tuple[str, ...], expected: str):
    outcome = command(*PLAIN, *overrides)
    assert outcome.status == 1
    assert expected in outcome.errors + outcome.said
    assert "Traceback" not in outcome.errors
