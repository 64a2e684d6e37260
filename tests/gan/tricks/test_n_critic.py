from copy import deepcopy

import pytest
import torch
from lightning import Callback

from src.gan.tricks import NCritic


class Moves(Callback):
    """Which networks moved in which step, and what was reported."""

    def __init__(self, gan):
        self.before = deepcopy(gan.state_dict())
        self.moved, self.reported = [], []

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_index):
        after = deepcopy(module.state_dict())
        for name in ("generator.project.0.weight", "discriminator.head.weight"):
            if not torch.equal(after[name], self.before[name]):
                self.moved.append((module.steps, name.split(".")[0]))
        self.before = after
        if "generator_loss" in outputs:
            self.reported.append(module.steps)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_generator_moves_in_every_nth_step(make_gan, fit, n):
    gan = make_gan(tricks={"n_critic": NCritic(n)})
    moves = Moves(gan)
    fit(gan, num_batches=7, callbacks=[moves])
    turns = [step for step in range(1, 8) if step % n == 0]
    assert [step for step, network in moves.moved if network == "generator"] == turns
    assert [step for step, network in moves.moved if network == "discriminator"] == list(range(1, 8))
    assert moves.reported == turns
    assert gan.generator_steps == len(turns)
    assert gan.discriminator_passes == 2 * 7 + len(turns)


def test_n_is_checked():
    for n in (0, 2.5):
        with pytest.raises(ValueError, match=f"gan.tricks.n_critic.n={n}: choose a whole number of at least 1"):
            NCritic(n)
