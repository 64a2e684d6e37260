"""What no run can be started with, and what a run says of options that it cannot follow to the letter."""

import logging

import pytest
from omegaconf import OmegaConf

from src.core.config_checks import warn_of_short_run
from src.core.validation import COUNT, SEED


@pytest.mark.parametrize(
    ("range", "value", "expected"),
    [
        (COUNT, 1e5, "write 100000"),
        (SEED, 1e3, "write 1000"),
        (COUNT, 2.5, "whole number of at least 1$"),
        (COUNT, 0.2, "whole number of at least 1$"),
        (COUNT, True, "whole number of at least 1$"),
        (SEED, 2**64, "from 0 to 4294967295$"),
        (SEED, -1, "from 0 to 4294967295$"),
        (COUNT, float("inf"), "whole number of at least 1$"),
        (COUNT, None, "whole number of at least 1$"),
    ],
)
def test_what_is_no_whole_number(range, value, expected: str):
    with pytest.raises(ValueError, match=expected) as refusal:
        range.check("budget", value)
    assert str(refusal.value).startswith(f"budget={value}: ")


@pytest.mark.parametrize(
    ("budget", "evaluations", "expected"),
    [
        (320, 10, []),
        (320, 11, ["evaluations=11: the run is evaluated 10 times"]),
        (10, 1, ["budget=10: the run sees 32 samples"]),
        (33, 2, []),
    ],
)
def test_short_runs(budget: int, evaluations: int, expected: list[str], caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        warn_of_short_run(OmegaConf.create({"budget": budget, "evaluations": evaluations, "batch_size": 32}))
        warn_of_short_run(
            OmegaConf.create(
                {"budget": 10, "budget_in": "generator_steps", "evaluations": 10, "batch_size": 32},
            )
        )
    assert len(caplog.messages) == len(expected), "ten generator updates are ten steps"
    assert all(text in said for text, said in zip(expected, caplog.messages, strict=True))
