"""A user's mistake: exit status 1 and one short message that names the key, the value and the ways out."""

import socket
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.cli.conftest import SMALL, VAE_SMALL, Command, Outcome, only, results


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
    assert_one_line(outcome, expected)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("vae.anneal=[free_bits,target_rate]",), ("vae.anneal=[free_bits,target_rate]", "choose one")),
        (("vae.decoder_sees=hgih",), ("vae.decoder_sees=hgih", "both", "low")),
        (("vae.z_high=0",), ("vae.z_high=0", "at least one")),
        (("vae.anneal=[linear,word_dropout]", "vae.decoder=parallel"), ("word_dropout", "vae.decoder=autoregressive")),
        (("vae.anneal.linear.over=2",), ("vae.anneal.linear.over=2", "at most 1")),
        (("evaluator.importance_samples=0",), ("evaluator.importance_samples=0",)),
        (("data=grids",), ("data.path",)),
        (("data=grids", "data.path=nowhere.npz"), ("data.path=nowhere.npz", "data.root")),
        (("data=grids", "data.path=narrow.npz"), ("narrow.npz", "[20, 16, 8]", "9 voices")),
        (("data=grids", "data.path=loud.npz"), ("loud.npz", "127", "0 and 1")),
        (("data=grids", "data.path=text.npz"), ("text.npz", "npz file")),
    ],
    ids=lambda value: " ".join(value),
)
@pytest.mark.usefixtures("few_bars")
def test_mistakes_with_a_vae(command: Command, arguments: tuple[str, ...], expected: tuple[str, ...]):
    np.savez("narrow.npz", patterns=np.zeros((20, 16, 8), np.uint8))
    np.savez("loud.npz", patterns=np.full((20, 16, 9), 127, np.uint8))
    Path("text.npz").write_text("no archive")
    assert_one_line(command(*VAE_SMALL, *arguments), expected)


def test_real_drums_without_files_or_network(command: Command, monkeypatch: pytest.MonkeyPatch):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setattr("src.data.groove.URL", f"http://127.0.0.1:{unused.getsockname()[1]}/groove.zip")
        outcome = command(*VAE_SMALL, "data=groove")
    assert_one_line(outcome, ("groove/info.csv", "data.root", "data=drums"))


def assert_one_line(outcome: Outcome, expected: tuple[str, ...]) -> None:
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
        (("vae.anneal=liner",), ("liner", "linear", "cyclical", "free_bits")),
        (("vae.anneal=[linear,cylical]",), ("vae.anneal/cylical",)),
        (("vae.anneal=linear", "vae.anneal.cyclical.cycles=2"), ("vae.anneal.cyclical",)),
        (("vae.decoder=paralel",), ("paralel", "parallel", "autoregressive")),
    ],
    ids=lambda value: " ".join(value),
)
def test_what_hydra_refuses_before_a_run_begins(command: Command, arguments, expected):
    outcome = command(*arguments)
    assert outcome.status == 1
    assert all(text in outcome.errors + outcome.said for text in expected)
    assert "Traceback" not in outcome.errors + outcome.said
    assert not Path("multirun").exists()
