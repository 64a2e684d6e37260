"""A search for good settings by Optuna (Akiba et al. 2019, arXiv:1907.10902), kept in the sweep's folder."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna
from hydra.core.override_parser.types import IntervalSweep, Override
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import BaseTrial, TrialState

from src.sweeps.plan import Job
from src.training.run_record import read_record

JOURNAL = "optuna.journal"
JOB = "job"  # attribute of a trial: the name of its run's folder


def open_study(sweep: Path, **choices: Any) -> optuna.Study:
    """Optuna's study of a sweep, from the journal that all its runs write to.

    Args:
        choices: a pruner, which the journal does not hold.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = JournalStorage(JournalFileBackend(str(sweep / JOURNAL)))
    return optuna.create_study(
        storage=storage, study_name="search", direction="maximize", load_if_exists=True, **choices
    )


class Search:
    """Chooses trials for the highest monitor on the validation split.

    Args:
        overrides: of the command line; those with several values are what to choose from.

    Raises:
        ValueError: there is nothing to choose, or seeds.
    """

    def __init__(self, overrides: Sequence[Override]):
        swept = [given for given in overrides if given.is_sweep_override()]
        self.space = {given.get_key_element(): distribution(given) for given in swept}
        fixed = [given for given in overrides if given not in swept]
        self.fixed = {given.get_key_element(): given.get_value_element_as_str() for given in fixed}
        if not self.space:
            raise ValueError("hydra/sweeper=optuna: there is nothing to choose; give a key several values")
        if "seed" in self.space:
            raise ValueError("seed: a search has one; compare the best over seeds after")

    def open(self, sweep: Path) -> None:
        self.study = open_study(sweep)
        self.left = self.study.get_trials(states=[TrialState.RUNNING])  # by an earlier start
        self.study.sampler = TPESampler(seed=len(self.study.trials), constant_liar=True)

    def choose(self, at_once: int, in_all: int) -> Sequence[BaseTrial]:
        """The next trials to run, none at the end."""
        left, self.left = self.left, []
        missing = in_all - len(self.study.trials)
        return left or [self.study.ask(self.space) for _ in range(min(at_once, missing))]

    def overrides(self, trial: BaseTrial) -> list[str]:
        return [f"{key}={value}" for key, value in (self.fixed | chosen(trial)).items()]

    def tell(self, trial: BaseTrial, job: Job) -> None:
        """Ends a trial with the monitor at its run's last evaluation.

        A run that was given up or diverged counts as far as it came; one that failed or was cut short stays open.
        """
        if not job.finished:
            return
        if job.results["status"] != "completed":
            self.study.tell(trial.number, state=TrialState.PRUNED)
            return
        *_, last = csv.DictReader((job.folder / "history.csv").read_text(encoding="utf-8").splitlines())
        self.study.tell(trial.number, float(last[read_record(job.folder).value("monitor")] or "nan"))

    @property
    def best(self) -> str:
        """As in "best of 20, 5 of them pruned: -26.1 with vae.anneal=cosine"."""
        trials = self.study.get_trials(states=[TrialState.COMPLETE, TrialState.PRUNED])
        completed = [trial for trial in trials if trial.state == TrialState.COMPLETE]
        if not completed:
            return "no setting came to its end"
        best = max(completed, key=lambda trial: trial.value)
        settings = " ".join(f"{key}={value}" for key, value in chosen(best).items())
        return f"best of {len(trials)}, {len(trials) - len(completed)} of them pruned: {best.value:.4g} with {settings}"


def chosen(trial: BaseTrial) -> dict[str, Any]:
    """Its choices, numbers to four digits."""
    return {key: f"{value:.4g}" if isinstance(value, float) else value for key, value in trial.params.items()}


def distribution(override: Override) -> BaseDistribution:
    """What a key may be: one of the values listed, or a number in `interval(a,b)`.

    `int(interval(a,b))` means whole numbers, `tag(log,interval(a,b))` equally many of each order of magnitude.
    """
    choices = override.value()
    if not isinstance(choices, IntervalSweep):
        return CategoricalDistribution(list(override.sweep_string_iterator()))
    kind = IntDistribution if isinstance(choices.start, int) else FloatDistribution
    return kind(choices.start, choices.end, log="log" in choices.tags)
