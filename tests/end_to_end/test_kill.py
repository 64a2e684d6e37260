"""Runs that are killed again and again, at random moments, end as if nothing had happened."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.end_to_end.conftest import SMALL, VAE_SMALL
from tests.end_to_end.test_resume import assert_same_run

ROOT = Path(__file__).parents[2]
KILLS = 10
EVERY_STATE = {
    "gan": (
        *SMALL,
        "gan.loss=feature_matching",
        "gan.tricks=[r1,lecam,ema,adaptive_augment,historical_averaging,burn_in,instance_noise]",
        "budget=38400",
    ),
    "gan with weights of its tricks": (
        *SMALL,
        "gan.tricks=[veegan,minibatch_discrimination,n_critic,spectral_norm]",
        "gan.discriminator.norm=none",
        "gan.tricks.n_critic.n=2",
        "budget=19200",
    ),
    "vae": (*VAE_SMALL, "vae.anneal=[control,geco,word_dropout,batch_norm_mean,cyclical,temperature]", "budget=64000"),
    "aggressive vae": (
        *VAE_SMALL,
        "vae.anneal=[pretrain_then_anneal,aggressive]",
        "vae.anneal.aggressive.window=2",
        "vae.anneal.aggressive.max_inner_updates=4",
        "budget=64000",
    ),
}
pytestmark = pytest.mark.slow


@pytest.fixture
def start(whole_cache: Path, tmp_path: Path):
    def start(*arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "src.train", *arguments, f"cache={whole_cache}"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.DEVNULL,
        )

    return start


def saved_at(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:  # not yet, or just being replaced
        return None


@pytest.mark.parametrize("states", EVERY_STATE)
def test_ten_kills_change_nothing(start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, states: str):
    monkeypatch.chdir(tmp_path)
    recipe = (*EVERY_STATE[states], "evaluations=40")
    assert start(*recipe, "hydra.run.dir=whole").wait(timeout=600) == 0
    moments = random.Random(0)
    last = Path("cut", "checkpoints", "last.ckpt")
    process = start(*recipe, "hydra.run.dir=cut")
    for _ in range(KILLS):
        before = saved_at(last)
        while saved_at(last) in (None, before):
            assert process.poll() is None, "it ended before it was killed often enough"
            time.sleep(0.01)
        time.sleep(moments.uniform(0, 0.7))
        process.kill()
        assert process.wait() < 0
        process = start("resume=cut")
    assert process.wait(timeout=600) == 0
    assert_same_run("whole", "cut")
