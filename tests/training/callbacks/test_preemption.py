"""Being asked to stop."""

from signal import SIGINT, SIGTERM, SIGUSR2
from types import SimpleNamespace

import pytest

from src.core.signals import Interrupted
from src.training.callbacks.preemption import Preemption


@pytest.fixture
def preemption() -> Preemption:
    """Of a run at its tenth step."""
    callback = Preemption("run")
    callback.module = SimpleNamespace(steps=10, breakpoints={50})
    return callback


@pytest.mark.parametrize("signals", [(SIGTERM, SIGUSR2), (SIGUSR2, SIGTERM)])
def test_what_slurm_sends_together_asks_once(preemption, signals):
    for number in signals:
        preemption.ask(number)
    assert preemption.asked == SIGUSR2, "it queues again"


@pytest.mark.parametrize(
    "signals", [(SIGUSR2, SIGINT), (SIGINT, SIGUSR2), (SIGUSR2, SIGUSR2), (SIGUSR2, SIGTERM, SIGINT)]
)
def test_beyond_that_a_further_signal_ends_it(preemption, signals):
    *before, last = signals
    for number in before:
        preemption.ask(number)
    with pytest.raises(Interrupted, match=last.name):
        preemption.ask(last)


def test_asked_again_it_ends_at_once(preemption):
    preemption.ask(SIGINT)
    assert preemption.module.breakpoints == {11, 50}, "the step being made is the last"
    with pytest.raises(Interrupted, match="SIGTERM"):
        preemption.ask(SIGTERM)
