"""A user's mistake: exit status 1 and one short message that names the key, the value and the ways out."""

from pathlib import Path

import pytest
import torch

from tests.cli.conftest import SMALL, Command, only, results


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("experiment=gan_r1", "gan.discriminator.norm=batch"), ("gan.tricks=r1", "gan.discriminator.norm=none")),
        (("gan.loss=[standard,feature_matching]",), ("gan.loss", "exactly one")),
        (("gan.generator.norm=btach",), ("norm='btach'", "batch")),
        (("data.split=latters",), ("data.split=latters", "digits")),
        (("data.stack=4",), ("data.stack=4", "1, 2 or 3")),
        (("batch_size=100000",), ("batch_size=100000", "39000")),
        (("evaluations=0",), ("evaluations=0",)),
        (("budget=many",), ("budget=many", "whole number")),
        (("evaluator.num_samples=3",), ("evaluator.num_samples=3",)),
        (("data=idx",), ("data.images",)),
        (("data=idx", "data.images=nowhere", "data.labels=nowhere"), ("data.images=nowhere", "data.root")),
        (("data=emnist", "data.split=leters"), ("data.split=leters", "letters")),
        (("trainer.accelerator=gpu",), ("trainer.accelerator=gpu", "accelerator=cpu")),
        (("trainer.precision=16-mixed",), ("trainer.precision=16-mixed", "bf16-mixed")),
    ],
    ids=lambda value: " ".join(value),
)
def test_one_short_message(command: Command, arguments: tuple[str, ...], expected: tuple[str, ...]):
    if "trainer.accelerator=gpu" in arguments and torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    small = [option for option in SMALL if option.split("=")[0] not in {a.split("=")[0] for a in arguments}]
    outcome = command(*small, *arguments)
    assert outcome.status == 1
    assert all(text in outcome.errors for text in expected), outcome.errors
    assert outcome.errors.startswith("error: ")
    assert outcome.errors.count("\n") == 1, "one line"
    assert "Traceback" not in outcome.said
    assert results(only("multirun/single/*"))["status"] == "failed"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("experiment=gan_mf",), ("gan_mf", "gan_fm")),
        (("model=gan", "gan.loss=standart"), ("standart", "feature_matching")),
        (("gan.generator.widht=8",), ("widht",)),
        (("experiment=gan_fm", "vae.anneal=linear"), ("vae.anneal",)),
    ],
    ids=lambda value: " ".join(value),
)
def test_what_hydra_refuses_before_a_run_begins(command: Command, arguments, expected):
    outcome = command(*arguments)
    assert outcome.status == 1
    assert all(text in outcome.errors + outcome.said for text in expected)
    assert "Traceback" not in outcome.errors + outcome.said
    assert not Path("multirun").exists()
