"""Samples from a finished run."""

import re
import shutil
import wave
from collections.abc import Callable
from pathlib import Path

import mido
import numpy as np
import pytest
from omegaconf import OmegaConf
from PIL import Image

from src.data.spec import DataSpec
from src.gan.module import GAN
from src.sample import __main__ as sample
from src.sample import draw, restore
from src.training.run_record import PARTS
from tests.end_to_end.conftest import SMALL, Command


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first test that needs a run leaves it for the others."""
    return tmp_path_factory.mktemp("trained") / "run"


@pytest.fixture
def run(command: Command, trained: Path) -> Path:
    if not trained.exists():
        outcome = command("experiment=gan_fm", "gan.tricks=[ema]", *SMALL, f"hydra.run.dir={trained}")
        assert outcome.status == 0, outcome.errors
    return shutil.copytree(trained, Path("run"))


def test_the_same_seed_draws_the_same_samples(run: Path, capsys: pytest.CaptureFixture[str]):
    assert sample.main([str(run), "num=20"]) == 0
    assert capsys.readouterr().out.strip() == str(run / "samples" / "drawn_0.png")
    assert sample.main([str(run), "num=20", "out=again.png"]) == 0
    assert sample.main([str(run), "num=20", "seed=1", "checkpoint=best"]) == 0
    drawn, again, other = (
        np.asarray(Image.open(path))
        for path in (run / "samples" / "drawn_0.png", "again.png", run / "samples" / "drawn_1.png")
    )
    assert np.array_equal(drawn, again)
    assert not np.array_equal(drawn, other)


def test_they_come_from_the_evaluated_generator(run: Path):
    model = restore.restored(run, "last")
    drawn = model.sample(4, seed=0)
    model.tricks["ema"].average.upsample[-2].bias.fill_(10)
    assert not drawn.equal(model.sample(4, seed=0))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["nowhere"], "nowhere"),
        (["run", "num=0"], "num=0"),
        (["run", "num=many"], "a whole number"),
        (["run", "num="], "a whole number"),
        (["run", "20"], "key=value"),
        (["run", "tempo=90"], "bpm"),
        (["run", "checkpoint=first"], "last or best"),
        (["run", "out=take.mid"], "FILE.png"),
        (["run", "num=3", "style=jazz"], "num=3 style=jazz"),
        (["run", "class=A"], "class=A: this model takes no labels"),
        (["run", "rejection=none"], "rejection=none: choose discriminator or metropolis_hastings"),
        (["run", "rejection=discriminator", "class=A"], "rejection=discriminator class=A: choose one of them"),
    ],
)
def test_mistakes_get_one_line(run: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str):
    capsys.readouterr()
    assert sample.main(arguments) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert expected in said
    assert said.count("\n") == 1


def test_accepted_samples_are_drawn_and_their_share_is_said(run: Path, capsys: pytest.CaptureFixture[str]):
    """By a run's own options where it has the same rejection, else by those of conf/."""
    record = run / ".hydra" / "config.yaml"
    config = OmegaConf.load(record)
    config.evaluator.rejection = {"_target_": "src.evaluation.rejection.DiscriminatorRejection", "most_draws": 1}
    OmegaConf.save(config, record)
    assert sample.main([str(run), "num=40"]) == 0
    shares = []
    for rejection in ("discriminator", "metropolis_hastings"):
        capsys.readouterr()
        assert sample.main([str(run), "num=40", f"rejection={rejection}"]) == 0
        written, said = capsys.readouterr()
        shares.append(float(re.search(r"(\S+) of the generator's samples were accepted", said)[1]))
        assert ("in place of 40" in said) == (rejection == "discriminator"), (
            "one draw for each, of the run's own record"
        )
        picture = np.asarray(Image.open(written.strip()))
        assert not np.array_equal(picture, np.asarray(Image.open(run / "samples" / "drawn_0.png")))
    assert 0 < min(shares) <= max(shares) <= 1
    assert {path.stem for path in (run / "samples").glob("accepted_*_0.png")} == {
        "accepted_discriminator_0",
        "accepted_metropolis-hastings_0",
    }


def test_an_unfinished_run_is_refused(run: Path, capsys: pytest.CaptureFixture[str]):
    (run / "results.json").unlink()
    assert sample.main([str(run)]) == 1
    assert "not finished" in capsys.readouterr().err


def test_a_run_that_was_killed_or_whose_record_is_torn_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    hydra = {"runtime": {"choices": {"experiment": "gan_fm", "model": "gan"}}, "overrides": {"task": []}}
    for part in (".hydra", "checkpoints"):
        (tmp_path / part).mkdir()
    OmegaConf.save({"hydra": hydra}, tmp_path / ".hydra" / "hydra.yaml")
    OmegaConf.save({part: {} for part in PARTS}, tmp_path / ".hydra" / "config.yaml")
    (tmp_path / "checkpoints" / "last.ckpt").touch()
    (tmp_path / "results.json").write_text('{"status": "failed", "dataset": null}')
    assert sample.main([str(tmp_path)]) == 1
    assert "not finished, there is no checkpoints/last.ckpt beside a results.json with its data" in (
        capsys.readouterr().err
    )
    (tmp_path / ".hydra" / "hydra.yaml").write_text("hydra: {runtime")
    assert sample.main([str(tmp_path)]) == 1
    assert f"error: {tmp_path}/.hydra/hydra.yaml is damaged" in capsys.readouterr().err


@pytest.mark.parametrize("word", ["bpm=90", "swing=0.3", "bars=8", "style=A"])
def test_what_only_drums_have_is_refused_elsewhere(run: Path, capsys: pytest.CaptureFixture[str], word: str):
    capsys.readouterr()
    assert sample.main([str(run), word]) == 1
    assert word.partition("=")[0] in capsys.readouterr().err
    assert not (run / "samples" / "drawn_0.png").exists()


def test_help_lists_every_option_and_the_literal_command(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as end:
        sample.main(["--help"])
    said = capsys.readouterr().out
    assert end.value.code == 0
    assert all(f"{name}=" in said for name in sample.OPTIONS)
    assert "python -m src.sample RUN style=jazz bars=8 bpm=110" in said


@pytest.fixture
def drums(make_gan: Callable[..., GAN], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a run that drew bars; its model, a tiny GAN, is not read from it."""
    sizes = {"train": 64, "val": 16, "test": 16}
    gan = make_gan(spec=DataSpec("toy", "toy", "0" * 64, ("rock", "jazz"), (1, 16, 9), sizes, levels=1))
    monkeypatch.setattr(sample, "read_record", lambda run: None)
    monkeypatch.setattr(draw, "restored", lambda run, checkpoint, trust: gan)
    (tmp_path / "run" / "samples").mkdir(parents=True)
    return tmp_path / "run"


def test_drums_are_drawn_written_and_played(drums: Path, capsys: pytest.CaptureFixture[str]):
    assert sample.main([str(drums), "num=3", "bpm=90", "seed=2"]) == 0
    written = [drums / "samples" / f"drawn_2.{kind}" for kind in ("png", "mid", "wav")]
    assert capsys.readouterr().out.split() == [str(path) for path in written]
    picture, notes, sound = written
    with Image.open(picture) as drawn:
        assert drawn.width > 600
    assert mido.MidiFile(notes).length == pytest.approx(3 * 4 * 60 / 90, abs=1e-3)
    with wave.open(str(sound)) as file:
        assert file.getnframes() / file.getframerate() > 3 * 4 * 60 / 90


def test_sixteen_bars_are_the_default(drums: Path):
    assert sample.main([str(drums)]) == 0
    assert mido.MidiFile(drums / "samples" / "drawn_0.mid").length == pytest.approx(16 * 4 * 60 / 110, abs=1e-3)


def test_a_track_is_as_long_as_asked_and_swings(drums: Path, capsys: pytest.CaptureFixture[str]):
    assert sample.main([str(drums), "bars=2", "bpm=90", "swing=0.25"]) == 0
    picture, notes, sound = (drums / "samples" / f"track_0.{kind}" for kind in ("png", "mid", "wav"))
    assert capsys.readouterr().out.split() == [str(picture), str(notes), str(sound)]
    file = mido.MidiFile(notes)
    assert file.length == pytest.approx(2 * 4 * 60 / 90, abs=1e-3)
    now, starts = 0, set()
    for each in file.tracks[0]:
        now += each.time
        if each.type == "note_on":
            starts.add(now % 240)
    assert starts <= {0, 150}, "an eighth is 240 ticks, its second half begins a quarter of a sixteenth late"
    assert 150 in starts


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["bpm=0"], "bpm=0"),
        (["swing=0.7"], "swing=0.7"),
        (["num=5000"], "num=5000"),
        (["num=0"], "num=0"),
        (["bars=5000"], "bars=5000"),
        (["style=polka"], "rock, jazz"),
        (["bars=2", "rejection=discriminator"], "rejection=discriminator bars=2: choose one of them"),
    ],
)
def test_mistakes_with_drums_get_one_line(
    drums: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
):
    assert sample.main([str(drums), *arguments]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert expected in said
    assert said.count("\n") == 1
    assert not list((drums / "samples").iterdir())
