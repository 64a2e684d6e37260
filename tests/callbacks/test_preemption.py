"""Being asked to stop."""

from signal import SIGINT, SIGTERM, SIGUSR2

import pytest

from src.callbacks.preemption import Preemption
from src.interruption import Interrupted


@pytest.mark.parametrize("signals", [(SIGTERM, SIGUSR2), (SIGUSR2, SIGTERM)])
def test_what_slurm_sends_together_asks_once(signals):
    preemption = Preemption("run")
    for number in signals:
        preemption.ask(number)
    assert preemption.asked == SIGUSR2, "it queues again"


def test_asked_again_it_ends_at_once():
    preemption = Preemption("run")
    preemption.ask(SIGINT)
    with pytest.raises(Interrupted, match="SIGTERM"):
        preemption.ask(SIGTERM)
