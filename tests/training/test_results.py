import json
import math
import os
import re
import shutil
import subprocess
from dataclasses import asdict, fields

import pytest
from omegaconf import OmegaConf

from src.core.files import write_atomically
from src.data.spec import DataSpec
from src.training import results
from src.training.results import commit, hyperparameters, write_results


def written(folder, results):
    write_results(folder, results)
    text = (folder / "results.json").read_text()
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_numbers_are_finite_or_null(tmp_path):
    results = {
        "status": "diverged",
        "kl": math.nan,
        "metrics": {"fid": math.inf, "modes": 3, "kl": 0.25, "missing": ["A"], "covered": True},
        "controls": {"noise": {"kl": -math.inf, "shares": [0.5, math.nan], "pair": (1, math.inf)}},
        "onset": None,
    }
    assert written(tmp_path, results) == {
        "status": "diverged",
        "kl": None,
        "metrics": {"fid": None, "modes": 3, "kl": 0.25, "missing": ["A"], "covered": True},
        "controls": {"noise": {"kl": None, "shares": [0.5, None], "pair": [1, None]}},
        "onset": None,
    }


def test_results_replace_those_before_and_leave_nothing_beside(tmp_path):
    written(tmp_path, {"status": "interrupted"})
    assert written(tmp_path, {"status": "completed"}) == {"status": "completed"}
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


def test_a_write_that_fails_leaves_the_old_content(tmp_path):
    written(tmp_path, {"status": "interrupted"})
    with pytest.raises(TypeError):
        write_results(tmp_path, {"status": object()})
    assert json.loads((tmp_path / "results.json").read_text()) == {"status": "interrupted"}


@pytest.mark.parametrize("content", ["β = 1\n", b"\x00\xff"])
def test_write_atomically(tmp_path, content):
    path = tmp_path / "some.file"
    path.write_text("something much longer than what comes")
    write_atomically(path, content)
    assert path.read_bytes() == (content if isinstance(content, bytes) else content.encode())
    assert list(tmp_path.iterdir()) == [path]


def test_the_data_set_is_rebuilt_from_results(tmp_path, spec, make_gan):
    rebuilt = DataSpec(**written(tmp_path, {"dataset": asdict(spec)})["dataset"])
    for field in fields(DataSpec):
        ours, theirs = getattr(spec, field.name), getattr(rebuilt, field.name)
        assert theirs == (list(ours) if isinstance(ours, tuple) else ours), field.name
    assert make_gan(spec=rebuilt).sample(3, seed=0).equal(make_gan().sample(3, seed=0))


def test_the_contract_is_in_the_data_set(spec):
    assert {"name", "source", "digest", "classes", "sizes"} <= set(asdict(spec))
    assert set(asdict(spec)["sizes"]) == {"train", "val", "test"}


def test_commit_is_one_line():
    found = commit()
    assert found is None or (found and "\n" not in found)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A clone of the project with one commit, as far as `commit` sees."""
    monkeypatch.setattr(results, "__file__", str(tmp_path / "src" / "training" / "results.py"))
    author = ("-c", "user.name=x", "-c", "user.email=x@x")
    for arguments in (("init", "-q"), (*author, "commit", "-q", "--allow-empty", "-m", "first")):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True)
    commit.cache_clear()
    yield tmp_path
    commit.cache_clear()


@pytest.mark.parametrize("elsewhere", [False, True])
def test_the_commit_is_that_of_the_code(repository, monkeypatch, elsewhere):
    """Also inside a hook of another repository, which sets GIT_DIR."""
    if elsewhere:
        monkeypatch.setenv("GIT_DIR", "/nowhere")
    assert re.fullmatch("[0-9a-f]{7,}", commit())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_commit_is_known_under_another_owner(repository):
    """As in a container that mounts its user's clone."""
    for path in (repository, *repository.rglob("*")):
        os.chown(path, 65534, 65534)
    assert re.fullmatch("[0-9a-f]{7,}", commit())


def test_it_is_said_why_no_commit_is_known(repository, caplog):
    (repository / ".git" / "HEAD").write_text("damaged")
    assert commit() is None
    assert "results.json names no commit" in caplog.text


def test_code_outside_a_repository_has_no_commit(repository, caplog):
    shutil.rmtree(repository / ".git")
    assert commit() is None
    assert not caplog.text


@pytest.fixture
def chosen():
    model = {
        "_target_": "src.gan.module.GAN",
        "_partial_": True,
        "_convert_": "all",
        "loss": {"relativistic": {"_target_": "src.gan.losses.Relativistic"}},
        "tricks": {"r1": {"_target_": "src.gan.tricks.R1", "gamma": 1.5}, "ema": {"_target_": "src.gan.tricks.EMA"}},
        "generator": {"_target_": "src.gan.networks.dcgan.Generator", "width": 8, "norm": "batch"},
        "optimizer": {"_target_": "torch.optim.Adam", "betas": [0.5, 0.9], "fused": True, "decay": None},
    }
    config = OmegaConf.create({"model": model, "seed": 3, "budget": 10, "batch_size": 2})
    config.callbacks = {"evaluation": {"primary": "kl_late"}}
    dataset = {"source": "strokes", "digest": "0123456789"}
    return hyperparameters(config, {"name": "gan_r3", "dataset": dataset, "precision": "32-true"})


def test_hyperparameters_are_numbers_and_words(chosen):
    assert chosen == {
        "name": "gan_r3",
        "seed": 3,
        "dataset": "strokes 01234567",
        "primary": "kl_late",
        "budget": 10,
        "precision": "32-true",
        "batch_size": 2,
        "loss": "relativistic",
        "tricks": "r1 + ema",
        "model": "GAN",
        "loss.relativistic": "Relativistic",
        "tricks.r1": "R1",
        "tricks.r1.gamma": 1.5,
        "tricks.ema": "EMA",
        "generator": "Generator",
        "generator.width": 8,
        "generator.norm": "batch",
        "optimizer": "Adam",
    }


def test_hyperparameters_begin_with_what_the_run_is(chosen):
    assert list(chosen)[:5] == ["name", "seed", "dataset", "primary", "budget"]
