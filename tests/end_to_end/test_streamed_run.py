"""A run whose training images are streamed from their file is the run whose images are resident."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.conftest import shorten_oracle_training
from tests.data.conftest import idx_bytes
from tests.end_to_end.conftest import VAE_SMALL, Command
from tests.end_to_end.test_resume import assert_same_run

pytestmark = pytest.mark.ci

SMALL = (
    "experiment=letters_vae",
    *(option for option in VAE_SMALL if option != "data=drums"),
    "data=idx",
    "data.images=images",
    "data.labels=labels",
    "data.transposed=true",
    "data.stack=2",
    "evaluations=1",
    "vae.anneal=[linear,aggressive]",
    "vae.anneal.aggressive.max_inner_updates=10",
)


def test_a_streamed_run_is_the_resident_one_bit_for_bit(command: Command, cache: Path, monkeypatch: pytest.MonkeyPatch):
    """Its oracle, its collapse floor and its inner updates look at the training images too."""
    shorten_oracle_training(monkeypatch, 5)
    images = np.random.default_rng(0).integers(0, 256, (400, 28, 28)).astype(np.uint8)
    Path("images").write_bytes(idx_bytes(images))
    Path("labels").write_bytes(idx_bytes(np.arange(400) % 3))
    oracles, before = [], set(cache.glob("oracle-*.pt"))
    for run, resident in (("resident", True), ("streamed", False)):
        assert command(*SMALL, f"data.resident={resident}", f"hydra.run.dir={run}").status == 0
        (made,) = set(cache.glob("oracle-*.pt")) - before
        oracles.append(torch.load(made, weights_only=True))
        made.unlink()
    assert all(torch.equal(weights, oracles[1][name]) for name, weights in oracles[0].items())
    assert_same_run("resident", "streamed")
