"""What Python decides within a step is in the key of the step's CUDA graph."""

from collections import defaultdict
from copy import deepcopy
from typing import Any

import pytest
from torch import Tensor, nn
from torch.optim import Optimizer

from tests.gan.captured import Fading, made
from tests.gan.conftest import TRICKS, UPDATES

COUNTS = ("steps", "images_seen", "batch_images", "total_steps", "progress")
SHORT = {"lecam": ("gan.tricks.lecam.warm_up=5",), "d2gan": ("gan.loss=kl",)}  # or it would not begin


def plain(value: Any) -> Any:
    """A comparable copy of what a graph would freeze; None of tensors, which it would follow, and of methods."""
    if isinstance(value, Optimizer):
        return [plain({name: group[name] for name in group if name != "params"}) for group in value.param_groups]
    if isinstance(value, dict):
        return {key: plain(below) for key, below in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(below) for below in value]
    return value if isinstance(value, bool | int | float | str) else None


def values_read_by_key(gan: Any, fit: Any, images: Tensor) -> dict[Any, list[dict[str, Any]]]:
    """For each graph key the Python values of tricks, and the GAN's counts, that the steps with it read."""
    readings: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    current: dict[str, Any] | None = None

    def watch(owner: Any, label: str, names: tuple[str, ...] | None) -> None:
        class Watched(type(owner)):
            def __getattribute__(self, name: str) -> Any:
                value = super().__getattribute__(name)
                if current is not None and (name in names if names else name not in vars(nn.Module())):
                    current[f"{label}.{name}"] = deepcopy(plain(value))
                return value

        owner.__class__ = Watched

    step = gan.step

    def watched_step(*inputs: Tensor) -> Any:
        nonlocal current
        key = gan.graph_key()
        current = {}
        outputs = step(*inputs)
        readings[key].append(current)
        current = None
        return outputs

    for name, part in [*gan.tricks.items(), ("update", gan.update_rule)]:
        watch(part, name, None)
    watch(gan, "gan", COUNTS)
    gan.step = watched_step
    fit(gan, num_batches=12, images=images)
    return readings


def assert_frozen_values_are_in_the_key(readings: dict[Any, list[dict[str, Any]]]) -> None:
    for key, steps in readings.items():
        for name in sorted(set().union(*steps)):
            values = [values[name] for values in steps if name in values]
            assert key is None or all(value == values[0] for value in values), name


@pytest.mark.parametrize("name", TRICKS)
@pytest.mark.ci
def test_what_a_trick_reads_in_a_step_is_in_its_key(spec, fit, images, name):
    """Beside burn-in, which moves other tricks' values."""
    names = ["burn_in", "r1", "ema"] if name == "burn_in" else [name, "burn_in"]
    gan = made("gan_standard", spec, f"gan.tricks=[{','.join(names)}]", *SHORT.get(name, ()))
    readings = values_read_by_key(gan, fit, images)
    assert sum(map(len, readings.values())) == 12
    assert any(key.startswith(name) for steps in readings.values() for step in steps for key in step)
    assert_frozen_values_are_in_the_key(readings)


@pytest.mark.parametrize("name", UPDATES)
def test_what_an_update_rule_reads_in_a_step_is_in_its_key(spec, fit, images, name):
    readings = values_read_by_key(made("gan_standard", spec, f"gan.update={name}"), fit, images)
    assert len(readings) == (2 if name == "extragradient" else 1)
    assert_frozen_values_are_in_the_key(readings)


class WithoutKey(Fading):
    def graph_key(self, gan):
        return ()


class Late(WithoutKey):
    def discriminator_penalty(self, step):
        return (1 - step.gan.progress) * step.real.logits_B.square().mean(-1)


class Listing(WithoutKey):
    def before_step(self, gan):
        self.weights = [gan.steps]

    def discriminator_penalty(self, step):
        return self.weights[0] * step.real.logits_B.square().mean(-1)


@pytest.mark.parametrize(
    ("trick", "value"), [(WithoutKey(), "trick.weight"), (Late(), "gan.progress"), (Listing(), "trick.weights")]
)
def test_a_value_that_is_missing_in_the_key_is_noticed(make_gan, fit, toy_images, trick, value):
    readings = values_read_by_key(make_gan(tricks={"trick": trick}), fit, toy_images)
    with pytest.raises(AssertionError, match=value):
        assert_frozen_values_are_in_the_key(readings)
