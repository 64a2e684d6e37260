"""A run that is asked to stop, once, twice, or at the very end."""

import os
import signal
from pathlib import Path

import pytest

from src.core.signals import SIGNALS
from src.evaluation.callback import Evaluation
from src.gan.tricks import EMA
from tests.end_to_end.conftest import Command, results
from tests.end_to_end.test_resume import RECIPE, asks_to_stop_at, assert_same_run, checkpoint, steps

pytestmark = pytest.mark.ci


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_a_run_asked_to_stop_does_after_the_step_and_goes_on(command: Command, monkeypatch, number: int):
    ours = [signal.getsignal(each) for each in SIGNALS]
    with monkeypatch.context() as patch:
        patch.setattr(EMA, "before_step", asks_to_stop_at(160, number))
        outcome = command(*RECIPE, "hydra.run.dir=cut")
    assert outcome.status == 128 + number
    assert signal.Signals(number).name in outcome.errors
    assert f"; python -m src.train resume={Path('cut').absolute()} goes on" in outcome.errors
    assert [signal.getsignal(each) for each in SIGNALS] == ours
    assert results(Path("cut"))["status"] == "interrupted"
    assert steps(checkpoint("cut")) == 192 / 32
    assert command("resume=cut").status == 0
    assert command(*RECIPE, "hydra.run.dir=whole").status == 0
    assert_same_run("whole", "cut")


def test_asked_twice_a_run_ends_at_once(command: Command, monkeypatch: pytest.MonkeyPatch):
    def asks_twice(self, gan):
        if gan.images_seen == 160:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)
            raise AssertionError("still here")

    monkeypatch.setattr(EMA, "before_step", asks_twice)
    assert command(*RECIPE, "hydra.run.dir=cut").status == 128 + signal.SIGTERM
    assert steps(checkpoint("cut")) == 128 / 32, "no other than the last evaluation's"


def test_asked_during_the_last_measurement_a_run_ends_at_once_and_finishes_later(command: Command, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Evaluation, "on_train_end", lambda self, *rest: os.kill(os.getpid(), signal.SIGTERM))
        assert command(*RECIPE, "hydra.run.dir=cut").status == 128 + signal.SIGTERM
    assert results(Path("cut"))["metrics"] == {}
    assert command("resume=cut").status == 0
    assert command(*RECIPE, "hydra.run.dir=whole").status == 0
    assert_same_run("whole", "cut")
