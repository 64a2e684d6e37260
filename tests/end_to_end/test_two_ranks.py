"""One run on two devices, here two CPU processes that DDP starts: it is the run on one device, up to rounding."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from src.gan.module import GAN
from src.training.callbacks.randomness import noise_stream
from tests.end_to_end.conftest import SMALL, Command, results
from tests.end_to_end.test_resume import checkpoint, steps

pytestmark = pytest.mark.ci

ROOT = Path(__file__).parents[2]
RECIPE = (
    "experiment=gan_r1",
    "gan.tricks=[r1,ema]",
    "gan.generator.norm=none",  # of batch statistics each rank has its own
    *SMALL,
    "budget=512",
    "callbacks.curves.every=1",
)
TWO_RANKS = ("accelerator=ddp", "trainer.accelerator=cpu", "trainer.devices=2", "trainer.precision=32-true")
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(whole_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts a command that starts another process for the second rank; what is left of it is killed in the end."""
    monkeypatch.chdir(tmp_path)
    started = []

    def start(*arguments: str, filled: Path = whole_cache) -> subprocess.Popen[str]:
        run = subprocess.Popen(
            [sys.executable, "-m", "src.train", *arguments, f"cache={filled}"],
            env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(run)
        return run

    yield start
    for run in started:
        with suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)


def end(run: subprocess.Popen[str], timeout: float = 120) -> tuple[str, str]:
    """What the command said on stdout and stderr, once all its processes have ended, for they hold both open."""
    return run.communicate(timeout=timeout)


def until_evaluated(run: subprocess.Popen[str], times: int) -> None:
    """Returns when that many evaluations have been written; training goes on."""
    history = Path("ddp", "history.csv")
    while not history.exists() or history.read_text().count("\n") <= times:
        assert run.poll() is None, run.stderr.read()
        time.sleep(0.01)


def noise_of_two_ranks(seed: int) -> Callable[[GAN, int], torch.Tensor]:
    """On one device, the noise that two ranks draw in training, each row beside the image that it has there."""
    streams = []
    for rank in (0, 1):
        with torch.random.fork_rng():
            torch.manual_seed(seed + rank)
            streams.append(noise_stream(torch.device("cpu"), rank))

    def training_noise(gan: GAN, num: int) -> torch.Tensor:
        parts = [torch.randn(2, num // 2, gan.generator.z, generator=stream) for stream in streams]
        return torch.stack(parts, 2).flatten(1, 2)

    return training_noise


def curve(run: str, name: str) -> dict[int, float]:
    board = EventAccumulator(run)
    board.Reload()
    return {event.step: event.value for event in board.Scalars(name)}


def assert_the_same_up_to_rounding(one: str, other: str) -> None:
    """Adam steps by its rate along gradients as small as rounding, too: weights may differ by a tenth of a step."""
    for name, weights in checkpoint(one)["state_dict"].items():
        torch.testing.assert_close(checkpoint(other)["state_dict"][name], weights, rtol=1e-4, atol=2e-5)
    for name in ("discriminator_loss", "logits_real", "logits_fake", "generator_loss"):
        assert curve(one, f"train/{name}") == pytest.approx(curve(other, f"train/{name}"), rel=1e-4, abs=1e-5)


def test_two_ranks_train_as_one_device_does(start: Start, all_letters: Command, monkeypatch, whole_cache: Path):
    oracles = {path: path.stat().st_mtime_ns for path in whole_cache.glob("oracle-*.pt")}
    run = start(*RECIPE, *TWO_RANKS, "hydra.run.dir=ddp")
    said, errors = end(run)
    assert run.returncode == 0, errors
    assert said.count("this run") == 1, "the first rank alone says how it went"
    found = results(Path("ddp"))
    assert found["status"] == "completed"
    assert found["images_seen"] == 512, "both ranks together"
    floor = 25 / 2 * (1 / 200 + 1 / found["dataset"]["sizes"]["test"])
    assert found["metrics"]["kl_floor"] == pytest.approx(floor), "the samples count once"
    assert len(list(Path("ddp").glob("events.*"))) == 1
    found = {path: path.stat().st_mtime_ns for path in whole_cache.glob("oracle-*.pt")}
    assert found == oracles, "none is trained again"
    monkeypatch.setattr(GAN, "training_noise", noise_of_two_ranks(seed=0))
    assert all_letters(*RECIPE, "hydra.run.dir=single").status == 0
    assert_the_same_up_to_rounding("ddp", "single")


@pytest.mark.slow
def test_with_an_empty_cache_one_rank_trains_the_oracle(start: Start, tmp_path: Path):
    """The other waits for it, and reads the same."""
    run = start(*RECIPE, *TWO_RANKS, "hydra.run.dir=ddp", filled=tmp_path / "cache")
    said, errors = end(run, timeout=900)
    assert run.returncode == 0, errors
    logs = "".join(path.read_text() for path in Path("ddp").rglob("*.log"))
    assert len(list(Path("cache").glob("oracle-*.pt"))) == 1
    assert (said + errors).count("Oracle trained") == 1, logs


@pytest.mark.slow
def test_asking_one_rank_is_enough_and_all_go_on_as_if_nothing_had_happened(
    start: Start, all_letters: Command, monkeypatch
):
    recipe = (*RECIPE, "evaluations=4")
    for requests, arguments in ((1, (*recipe, *TWO_RANKS, "hydra.run.dir=ddp")), (2, ("resume=ddp",))):
        run = start(*arguments)
        until_evaluated(run, times=requests)
        for _ in range(requests):
            run.send_signal(signal.SIGTERM)
        _, errors = end(run)
        assert run.returncode == 128 + signal.SIGTERM, errors
        assert errors.count("error: interrupted by SIGTERM") == 1
        assert "Traceback" not in errors
        assert results(Path("ddp"))["status"] == "interrupted"
        assert 4 <= steps(checkpoint("ddp")) < 16
    _, errors = end(start("resume=ddp"))
    assert results(Path("ddp"))["status"] == "completed", errors
    monkeypatch.setattr(GAN, "training_noise", noise_of_two_ranks(seed=0))
    assert all_letters(*recipe, "hydra.run.dir=single").status == 0
    assert_the_same_up_to_rounding("ddp", "single")
