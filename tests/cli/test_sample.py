"""Samples from a finished run."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from src import sample
from tests.cli.conftest import SMALL, Command


@pytest.fixture
def run(command: Command) -> Path:
    assert command("experiment=gan_fm", "gan.tricks=[ema]", *SMALL, "hydra.run.dir=run").status == 0
    return Path("run")


def test_the_same_seed_draws_the_same_samples(run: Path, capsys: pytest.CaptureFixture[str]):
    assert sample.main([str(run), "--num", "20"]) == 0
    assert capsys.readouterr().out.strip() == str(run / "samples" / "drawn_0.png")
    assert sample.main([str(run), "--num", "20", "--out", "again.png"]) == 0
    assert sample.main([str(run), "--num", "20", "--seed", "1", "--checkpoint", "best"]) == 0
    drawn, again, other = (
        np.asarray(Image.open(path))
        for path in (run / "samples" / "drawn_0.png", "again.png", run / "samples" / "drawn_1.png")
    )
    assert np.array_equal(drawn, again)
    assert not np.array_equal(drawn, other)


def test_they_come_from_the_evaluated_generator(run: Path):
    model = sample.restored(run, "last")
    drawn = model.sample(4, seed=0)
    model.tricks["ema"].average.upsample[-2].bias.fill_(10)
    assert not drawn.equal(model.sample(4, seed=0))


@pytest.mark.parametrize(("arguments", "expected"), [(["nowhere"], "nowhere"), (["run", "--num", "0"], "--num 0")])
def test_mistakes_get_one_line(run: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str):
    capsys.readouterr()
    assert sample.main(arguments) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert expected in said
    assert said.count("\n") == 1


def test_an_unfinished_run_is_refused(run: Path, capsys: pytest.CaptureFixture[str]):
    (run / "results.json").unlink()
    assert sample.main([str(run)]) == 1
    assert "not finished" in capsys.readouterr().err
