"""The README's example of a new remedy works as it stands, and its commands name what exists."""

import re
import textwrap
from pathlib import Path

import pytest
import torch
import yaml
from torch import Tensor

from src.gan.step import Judged, Step
from src.gan.tricks import Trick
from src.vae.anneal import Schedule

README = (Path(__file__).parents[1] / "README.md").read_text()


def block(language: str, index: int) -> str:
    return textwrap.dedent(re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)[index])


def test_the_example_of_a_new_trick_is_a_trick():
    names = {"Trick": Trick, "Step": Step, "Tensor": Tensor}
    exec(block("python", 0), names)
    logits = torch.tensor([3.0, -1.0])
    judged = Judged(torch.zeros(2, 1, 4, 4), None, lambda: (logits, logits.unsqueeze(1)))
    assert names["Drift"](weight=0.5).discriminator_term(Step(None, judged, judged)).item() == pytest.approx(0.5 * 5)
    assert list(yaml.safe_load(block("yaml", 0))) == ["drift"]


def test_the_example_of_a_new_annealing_is_an_annealing():
    names = {"Schedule": Schedule}
    exec(block("python", 1), names)
    ((name, parameters),) = yaml.safe_load(block("yaml", 1)).items()
    schedule = names[parameters.pop("_target_").rpartition(".")[2]](**parameters)
    assert schedule.shape(0.5) == 0.25
    assert schedule.name == name


@pytest.mark.parametrize("module", sorted(set(re.findall(r"python -m (src\.\w+)", README))))
def test_commands_name_modules_that_exist(module: str):
    assert Path(__file__).parents[1].joinpath(*module.split(".")).with_suffix(".py").is_file()


def test_the_users_commands_stand_in_it_to_the_letter():
    for command in (
        "make study",
        "make test",
        "python -m src.train experiment=gan_fm trainer.accelerator=gpu",
        "python -m src.train -m vae.anneal=linear,cyclical,free_bits",
    ):
        assert command in README
