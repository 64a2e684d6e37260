"""Data files of the source name what there is."""

import importlib
import inspect
from importlib.util import find_spec

import pytest
from lightning import Trainer

from src.cli.trainer_options import REFUSED, TEXTS
from src.core import earlier_names
from src.core.levels import OF_TWO, expanded
from src.core.metric_families import FAMILIES
from src.core.metric_specs import METRICS
from src.evaluation import CHARTS

SIGNALS = {*FAMILIES["gan"].signals}


@pytest.mark.parametrize("model", FAMILIES)
def test_families_show_registered_metrics(model):
    family = FAMILIES[model]
    shown = expanded([*family.main, *family.primary, *family.headline, *family.curves, *family.samples], OF_TWO)
    assert {*shown} <= METRICS.keys()


def test_charts_show_metrics_of_evaluations():
    patterns = [pattern for chapters in CHARTS.values() for charts in chapters.values() for pattern in charts.values()]
    shown = expanded([pattern.removeprefix("val/") for pattern in patterns if pattern.startswith("val/")], OF_TWO)
    assert shown
    assert {*shown} - SIGNALS <= METRICS.keys()


def test_earlier_names_lead_to_present_ones():
    for module in earlier_names.MODULES.values():
        assert find_spec(module), module
    for path in earlier_names.CLASSES.values():
        module, _, name = path.rpartition(".")
        assert hasattr(importlib.import_module(module), name), path
    for old, new in earlier_names.OPTIONS.items():
        assert old.rpartition(".")[0] == new.rpartition(".")[0], "only the last part may differ"


def test_refused_options_are_lightnings_with_harmless_defaults():
    parameters = inspect.signature(Trainer).parameters
    for name, (_, instead) in REFUSED.items():
        assert name in parameters
        assert instead.format(**TEXTS, steps=1, batch_size=2, samples=2)
