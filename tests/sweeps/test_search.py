"""What a search chooses from, as the command line says it."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

pytest.importorskip("optuna", reason="needs the extra [optuna]")
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from src.sweeps.search import distribution


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("a,[b,c]", CategoricalDistribution(["a", "[b,c]"])),
        ("range(1,4)", CategoricalDistribution(["1", "2", "3"])),
        ("interval(1,8)", FloatDistribution(1, 8)),
        ("int(interval(1,8))", IntDistribution(1, 8)),
        ("tag(log,interval(0.01,1))", FloatDistribution(0.01, 1, log=True)),
    ],
)
def test_values_and_intervals(values: str, expected):
    (override,) = OverridesParser.create().parse_overrides([f"key={values}"])
    assert distribution(override) == expected
