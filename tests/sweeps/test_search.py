"""What a search chooses from, what a setting is worth over seeds, when it is given up, and what its choices weigh."""

import json
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

pytest.importorskip("optuna", reason="needs the extra [optuna]")
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from src.sweeps.pruning import Pruning
from src.sweeps.search import JOBS, Search, distribution, over_seeds


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


@pytest.mark.parametrize(("objective", "worth"), [("mean", 4), ("median", 2), ("worst", 1), (0.25, 1.5), (0.5, 2)])
def test_what_seeds_are_worth_together(objective, worth):
    assert over_seeds(objective, [9.0, 1.0, 2.0]) == worth


@pytest.fixture
def search(tmp_path: Path) -> Search:
    """A search over a number that matters and one that does not, with two seeds each."""
    overrides = OverridesParser.create().parse_overrides(["matters=interval(0,1)", "idle=interval(0,1)", "fixed=3"])
    search = Search(overrides, range(2), "mean")
    search.open(tmp_path)
    return search


def test_overrides_have_a_seed_where_there_are_several(search: Search):
    (trial,) = search.choose(1, 1)
    assert [words[0] for words in (search.overrides(trial, 0), search.overrides(trial, 1))] == ["fixed=3"] * 2
    assert [search.overrides(trial, seed)[-1] for seed in search.seeds] == ["seed=0", "seed=1"]
    search.seeds = range(5, 6)
    assert not any(word.startswith("seed=") for word in search.overrides(trial, 5)), "as in earlier versions"


def test_importance_is_that_of_what_matters(search: Search):
    assert search.importances() == {}
    for trial in [*search.choose(40, 40)]:
        search.study.tell(trial.number, trial.params["matters"])
    shares = search.importances()
    assert shares["matters"] > 0.7
    assert sum(shares.values()) == pytest.approx(1)
    search.save()
    told = json.loads((search.sweep / "search.json").read_text())
    assert next(iter(told["importances"])) == "matters"
    assert [trial["value"] for trial in told["trials"]] == sorted((t["value"] for t in told["trials"]), reverse=True)
    assert f"importance: matters {shares['matters']:.0%}" in search.best


def report(search: Search, trial, values: list[list[float]]) -> bool:
    """Evaluations of a trial's seeds, one after another; whether it was behind at the last."""
    behind = False
    done = search.study.get_trials(states=[TrialState.COMPLETE])
    for turn, of_seed in enumerate(values):
        pruning = Pruning(str(search.sweep / f"{trial.number}-{turn}"), startup=2)
        for time, value in enumerate(of_seed, 1):
            pruning.told = 100 * time
            _, seeds = pruning.report(trial, value)
            behind = pruning.is_behind(search.study.trials[trial.number], done, seeds)
    return behind


@pytest.mark.parametrize(
    ("values", "behind"),
    [
        ([[4.0, 4.0]], True),  # the first seeds of the others had 5 and 7 there
        ([[9.0, 4.0]], False),  # it was ahead once
        ([[9.0, 9.0], [0.0, 0.0]], True),  # over two seeds they had 4 and 6, and this has 4.5
        ([[9.0, 9.0], [2.0, 2.0]], False),
    ],
)
def test_a_setting_is_given_up_by_the_mean_of_as_many_seeds(search: Search, values, behind: bool):
    *others, mine = search.choose(3, 3)
    for trial in (*others, mine):
        trial.set_user_attr(JOBS, [f"{trial.number}-0", f"{trial.number}-1"])
    for trial, first in zip(others, (5.0, 7.0), strict=True):
        assert not report(search, trial, [[first, first], [first - 2, first - 2]])
        search.study.tell(trial.number, first)
    assert report(search, mine, values) == behind


def test_a_search_goes_on_as_it_was_begun(search: Search):
    search.choose(1, 1)
    Search(OverridesParser.create().parse_overrides(["matters=1,2"]), range(2), "mean").open(search.sweep)
    with pytest.raises(ValueError, match=r"hydra\.sweeper\.seeds=3: the search in .* was begun with 2"):
        Search(OverridesParser.create().parse_overrides(["matters=1,2"]), range(3), "mean").open(search.sweep)
