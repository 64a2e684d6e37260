"""The README's examples of a new remedy work as they stand, and its commands name what exists."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from src.gan.interfaces import ScoredImages, Step

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def block(language: str, index: int) -> str:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)[index]


def test_the_example_of_a_new_trick_computes_what_it_says():
    names: dict[str, Any] = {}
    exec(block("python", 0), names)
    logits = torch.tensor([3.0, -1.0])
    scored = ScoredImages(torch.zeros(2, 1, 4, 4), None, logits, logits.unsqueeze(1))
    assert names["Drift"](weight=0.5).discriminator_penalty(Step(None, scored, scored)).item() == pytest.approx(0.5 * 5)


def test_the_example_of_a_new_annealing_computes_what_it_says():
    names: dict[str, Any] = {}
    exec(block("python", 1), names)
    assert names["Quadratic"]().shape(0.5) == 0.25


@pytest.mark.parametrize("module", sorted(set(re.findall(r"python -m (src\.\w+)", README))))
def test_commands_name_modules_that_exist(module: str):
    path = ROOT.joinpath(*module.split("."))
    assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()


def test_the_users_commands_stand_in_it_to_the_letter():
    for command in (
        "make study",
        "make test",
        "python -m src.train experiment=gan_fm trainer.accelerator=gpu",
        "python -m src.train -m vae.anneal=linear,cyclical,free_bits",
    ):
        assert command in README


def test_it_can_be_read_in_one_go():
    assert len(README.splitlines()) <= 250
    assert len(README.encode()) <= 15_000
