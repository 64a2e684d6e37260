"""Types of arguments: read off constructors, also where these hand keywords on to their bases."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
from omegaconf import OmegaConf
from torch import Tensor

from src.core.argument_types import ANY, arguments, kind, parameters
from src.data.spec import DataSpec
from src.sweeps.launchers import SlurmLauncher
from src.vae.flows import IAF

BETAS = tuple[float | Tensor, float | Tensor]


@pytest.mark.parametrize(
    ("annotation", "fitting", "others"),
    [
        (float, (1, 0.5, -2.0, float("nan")), ("heavy", "1", True, None, [1])),
        (int, (1, -2), (1.0, "1", False, None)),
        (bool, (True, False), (0, 1, "true", None)),
        (str, ("", "text"), (1, None, ["text"])),
        (float | None, (1, None), ("heavy", True)),
        (float | Tensor, (1, 0.5), ("heavy", None)),
        (BETAS, ([0.5, 1],), (0.5, [0.5], [0, 0.5, 1], ["a", "b"], "ab", [True, 0.5])),
        (tuple[int, ...], ([], [1, 2, 3]), ([0.5], 1)),
        (Sequence[str | int] | None, (None, ["kick", 36]), ("kick", [0.5], {"a": 1})),
        (float | Mapping[str, float], (1, {"high": 1, "low": 0.5}), ({"high": "a"}, [1, 2])),
        (Literal["high", 3] | None, ("high", 3, None), ("low", 4)),
        (Callable[..., Any], ({"_target_": "some.Class"},), ("adam", 5, {"lr": 1})),
        (DataSpec, ({"_target_": "some.Class"},), ("strokes", None)),
    ],
    ids=str,
)
def test_what_an_annotation_allows(annotation, fitting: tuple, others: tuple):
    expected = kind(annotation)
    assert all(expected.holds(OmegaConf.create({"key": value}).key) for value in fitting)
    for value in others:
        with pytest.raises(ValueError, match=r"^key=.*: choose ") as refusal:
            expected.check("key", OmegaConf.create({"key": value}).key)
        assert len(str(refusal.value).splitlines()) == 1


@pytest.mark.parametrize("annotation", [Any, Any | None, Path | None, Tensor, object, "unread", list])
def test_what_is_about_something_else_allows_anything(annotation):
    assert kind(annotation) is ANY


class Base:
    def __init__(self, width: int, rate: float = 0.5):
        self.width, self.rate = width, rate


class Child(Base):
    def __init__(self, rate: str, plain, **rest: Any):
        super().__init__(**rest)


class Unreadable:
    def __init__(self, width: "NotImported"):  # noqa: F821
        self.width = width


def found(**settings: Any) -> dict[str, str]:
    config = OmegaConf.create({"width": 3, "part": settings})
    return {key: expected.words for key, _, _, expected in arguments(config.part, "part")}


def test_arguments_of_a_class_and_of_its_bases():
    words = found(_target_=f"{__name__}.Child", width=1, rate=1, plain=1, other=1)
    assert words.pop("part._target_") == "anything"
    assert words == {
        "part.width": "a whole number",
        "part.rate": "a text",
        "part.plain": "anything",
        "part.other": "anything",
    }


def test_parameters_go_on_where_keywords_do():
    """What a class from outside does with other keywords is not known."""
    known, takes_any = parameters(Child)
    assert (set(known), takes_any) == ({"rate", "plain", "width"}, True)
    assert known["rate"].annotation is str
    assert parameters(SlurmLauncher)[1], "whose keywords no base takes"
    known, takes_any = parameters(IAF)
    assert (set(known), takes_any) == (
        {"features", "levels", "skips", "width", "dropout", "flow_depth", "flow_width"},
        False,
    )


def test_a_pointer_is_checked_by_the_key_to_which_it_points():
    assert "width" in found(_target_=f"{__name__}.Base", width="${width}")


def test_what_is_still_missing_or_comes_from_elsewhere_is_left_out():
    assert list(found(width="???", rate="${oc.env:NOWHERE}", other=1)) == ["part.other"]


@pytest.mark.parametrize("target", [f"{__name__}.Unreadable", "no.such.Class", "builtins.print"])
def test_classes_that_say_nothing_allow_anything(target: str):
    assert found(_target_=target, width="heavy")["part.width"] == "anything"
