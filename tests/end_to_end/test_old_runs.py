"""Run folders of an earlier version go on, give samples, and are reported (see tests/old_runs/make.py)."""

import csv
import io
import lzma
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from hydra.utils import instantiate

from src.data.spec import DataSpec
from src.report import __main__ as report
from src.sample import __main__ as sample
from src.sample import restore
from src.training.run_config import trusted_config
from tests.end_to_end.conftest import Command, results

pytestmark = pytest.mark.ci

OLD = Path(__file__).parents[1] / "old_runs"
BATCH_SIZE = 8
OPTIONS = yaml.safe_load((OLD / "options.yaml").read_text())
JOBS = tuple(f"sweep/gan_gan.loss-{loss}_seed-0" for loss in ("standard", "feature_matching"))


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Copies a folder to an empty one, which becomes the present one, with its checkpoints unpacked."""
    monkeypatch.chdir(tmp_path)

    def copy(name: str) -> Path:
        shutil.copytree(OLD / name, tmp_path / name)
        for packed in (tmp_path / name).rglob("*.ckpt.xz"):
            packed.with_suffix("").write_bytes(lzma.decompress(packed.read_bytes()))
            packed.unlink()
        return Path(name)

    return copy


def rows(table: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table.read_text())))


def last(run: Path) -> dict[str, Any]:
    return torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)


def assert_went_on(run: Path, budget: int) -> None:
    """It is completed, its history begins with the old rows as they were, and no optimizer began anew."""
    found = results(run)
    assert (found["status"], found["images_seen"]) == ("completed", budget)
    before, now = rows(OLD / run / "history.csv"), rows(run / "history.csv")
    assert [int(row["images_seen"]) for row in now] == list(range(64, budget + 1, 64))
    for old, new in zip(before, now, strict=False):
        assert {key: new[key] for key in old} == old
    steps = [int(moments["step"]) for state in last(run)["optimizer_states"] for moments in state["state"].values()]
    assert set(steps) == {budget // BATCH_SIZE}


def draw(run: Path) -> None:
    assert sample.main([str(run), "num=4"]) == 0
    assert (run / "samples" / "drawn_0.png").is_file()


def reported(folder: Path) -> dict[str, str]:
    """The status of each run, by its name."""
    assert report.main([str(folder)]) == 0
    assert (folder / "report" / "index.html").is_file()
    return {row["name"]: row["status"] for row in rows(folder / "report" / "runs.csv")}


@pytest.mark.parametrize("name", ["gan", "vae", *JOBS])
@pytest.mark.usefixtures("few_bars")
def test_samples_are_those_that_the_old_code_drew(name: str, old: Callable[[str], Path]):
    run = old(name)
    drawn = restore.restored(run, "last").sample(4, seed=0).numpy().astype(float)
    expected = np.load(run / "samples.npy").astype(float)
    assert expected.std() > 0
    assert np.abs(drawn - expected).mean() <= 0.01 * expected.std(), "but for the rounding of another machine"
    draw(run)
    assert list(reported(run).values()) == [results(OLD / run)["status"]]


def test_a_gan_goes_on_in_the_middle(all_letters: Command, old: Callable[[str], Path]):
    run = old("gan")
    assert all_letters("resume=gan").status == 0
    assert_went_on(run, 256)
    draw(run)
    assert set(reported(run).values()) == {"completed"}


@pytest.mark.usefixtures("few_bars")
def test_a_vae_goes_on_after_its_end(command: Command, old: Callable[[str], Path]):
    run = old("vae")
    before = last(run)["callbacks"]["vae.anneal.aggressive"]["inner_updates"]
    assert command("resume=vae", "budget=384", "evaluations=6").status == 0
    assert_went_on(run, 384)
    betas = [float(row["beta_low"]) for row in rows(run / "history.csv")]
    assert betas == sorted(betas), "the controller goes on with its sum of errors"
    assert last(run)["callbacks"]["vae.anneal.aggressive"]["inner_updates"] > before
    draw(run)
    assert set(reported(run).values()) == {"completed"}


def test_a_toy_that_was_killed_goes_on(command: Command, old: Callable[[str], Path]):
    run = old("points")
    assert reported(run) == {"toy_ring_r3": "unfinished"}
    assert command("resume=points", "budget=384", "evaluations=6").status == 0
    assert_went_on(run, 384)
    draw(run)
    assert reported(run) == {"toy_ring_r3": "completed"}


def test_a_sweep_goes_on(all_letters: Command, old: Callable[[str], Path]):
    sweep = old("sweep")
    recorded = yaml.safe_load((sweep / "multirun.yaml").read_text())["hydra"]["overrides"]["task"]
    assert reported(sweep) == {"gan gan.loss=standard": "completed", "gan gan.loss=feature_matching": "interrupted"}
    done = Path(JOBS[0], "results.json").read_text()
    outcome = all_letters("-m", *recorded, "study.resume=sweep")
    assert outcome.status == 0
    assert "1 done, 1 to go on with, 0 to start" in outcome.said
    assert Path(JOBS[0], "results.json").read_text() == done
    assert_went_on(Path(JOBS[1]), 256)
    assert set(reported(sweep).values()) == {"completed"}


PLAIN = {
    "gan": {"loss": OPTIONS["gan.loss"]["standard"], "tricks": {}},
    "vae": {"anneal": OPTIONS["vae.anneal"]["none"]},
}


@pytest.mark.parametrize(("group", "name"), [(group, name) for group, options in OPTIONS.items() for name in options])
def test_every_option_is_built_as_it_was_recorded(group: str, name: str, old: Callable[[str], Path]):
    run = old("vae" if group.startswith("vae") else "gan")
    option = OPTIONS[group][name]
    spec = DataSpec(**results(run)["dataset"])
    path = run / ".hydra" / "config.yaml"
    recorded = yaml.safe_load(path.read_text())
    if group == "data":
        recorded["data"] = {key: "given" if value == "???" else value for key, value in option.items()}
    else:
        family, part = group.split(".")
        model = recorded[family] | PLAIN[family]
        model |= {key: option[key] for key in ("generator", "discriminator")} if part == "network" else {part: option}
        if name == "wasserstein":
            model["tricks"] = OPTIONS["gan.tricks"]["gradient_penalty"]
        if name == "mlp":
            spec = replace(spec, shape=(1, 1, 2), levels=2**16)
        recorded[family] = model
    path.write_text(yaml.safe_dump(recorded))
    config = trusted_config(run)
    if group == "data":
        instantiate(config.data)
    else:
        instantiate(config.model)(spec=spec)
