"""A search for good settings by Optuna (Akiba et al. 2019, arXiv:1907.10902), kept in the sweep's folder.

Each setting is a trial of Optuna's, and is tried with several seeds: a run each, one seed after another.
"""

import json
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from hydra.core.override_parser.types import IntervalSweep, Override
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.samplers import TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import BaseTrial, FrozenTrial, TrialState

from src.core.files import write_atomically
from src.core.plain_data import is_number
from src.report.collect import read_history
from src.sweeps.plan import Job
from src.training.run_record import read_record

JOURNAL = "optuna.journal"
JOBS = "jobs"  # attribute of a trial: the names of its runs' folders, a seed each
OBJECTIVES = {"mean": np.mean, "median": np.median, "worst": np.min}
MIN_TRIALS = 4  # settings that came to their ends, below which no importance is told


def open_study(sweep: Path) -> optuna.Study:
    """Optuna's study of a sweep, from the journal that all its runs write to."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = JournalStorage(JournalFileBackend(str(sweep / JOURNAL)))
    return optuna.create_study(storage=storage, study_name="search", direction="maximize", load_if_exists=True)


def over_seeds(objective: str | float, values: Sequence[float]) -> float:
    """What a setting is worth whose seeds reached these values; `objective` as in `Search`."""
    if is_number(objective):
        return float(np.quantile(values, objective))
    return float(OBJECTIVES[str(objective)](values))


class Search:
    """Chooses settings for the highest monitor on the validation split, over seeds.

    Args:
        overrides: of the command line; those with several values are what to choose from.
        seeds: those that each setting is tried with; a single one is the command's own.
        objective: of the seeds' values, their "mean", "median" or "worst", or as a number q between 0 and 1 their
            quantile.

    Raises:
        ValueError: there is nothing to choose, or seeds, or no such objective.
    """

    def __init__(self, overrides: Sequence[Override], seeds: Sequence[int], objective: str | float):
        swept = [given for given in overrides if given.is_sweep_override()]
        self.space = {given.get_key_element(): distribution(given) for given in swept}
        fixed = [given for given in overrides if given not in swept]
        self.fixed = {given.get_key_element(): given.get_value_element_as_str() for given in fixed}
        if not self.space:
            raise ValueError("hydra/sweeper=optuna: there is nothing to choose; give a key several values")
        if "seed" in self.space:
            raise ValueError("seed: a search tries each setting with hydra.sweeper.seeds=3 of them; leave seed out")
        if objective not in OBJECTIVES and not (is_number(objective) and 0 < float(objective) < 1):
            ways = f"{', '.join(OBJECTIVES)} or a quantile between 0 and 1"
            raise ValueError(f"hydra.sweeper.objective={objective}: choose {ways}")
        self.seeds = seeds
        self.objective = objective

    def open(self, sweep: Path) -> None:
        """Raises: ValueError: the sweep's search was begun with other seeds or another objective."""
        self.sweep, self.study = sweep, open_study(sweep)
        told = {"seeds": len(self.seeds), "objective": self.objective}
        begun = self.study.user_attrs or {"seeds": 1, "objective": "mean"}  # as earlier versions began them
        for key, value in told.items():
            if self.study.trials and begun[key] != value:
                raise ValueError(f"hydra.sweeper.{key}={value}: the search in {sweep} was begun with {begun[key]}")
            self.study.set_user_attr(key, value)
        self.left = self.study.get_trials(states=[TrialState.RUNNING])  # by an earlier start
        with experimental():
            self.study.sampler = TPESampler(seed=len(self.study.trials), constant_liar=True)

    def choose(self, at_once: int, in_all: int) -> Sequence[BaseTrial]:
        """The next trials to run, none at the end."""
        left, self.left = self.left, []
        missing = in_all - len(self.study.trials)
        return left or [self.study.ask(self.space) for _ in range(min(at_once, missing))]

    def overrides(self, trial: BaseTrial, seed: int) -> list[str]:
        given = self.fixed | chosen(trial) | ({"seed": seed} if len(self.seeds) > 1 else {})
        return [f"{key}={value}" for key, value in given.items()]

    def tell(self, trial: BaseTrial, jobs: Sequence[Job]) -> None:
        """Ends a trial with the objective of its runs' last evaluations.

        One with a run that was given up or diverged counts as far as it came; one with a run that failed or was cut
        short stays open.
        """
        if any(is_lost(job) for job in jobs):
            self.study.tell(trial.number, state=TrialState.PRUNED)
        elif all(job.finished for job in jobs):
            self.study.tell(trial.number, over_seeds(self.objective, [last_monitor(job) for job in jobs]))

    @property
    def trials(self) -> list[FrozenTrial]:
        """Those that are over."""
        return self.study.get_trials(states=[TrialState.COMPLETE, TrialState.PRUNED])

    @property
    def completed(self) -> list[FrozenTrial]:
        """Those that came to their ends, the best first."""
        done = [trial for trial in self.trials if trial.state == TrialState.COMPLETE]
        return sorted(done, key=lambda trial: -trial.value)

    @property
    def best(self) -> str:
        """As in "best of 20, 5 of them pruned: -26.1 with vae.anneal=cosine"."""
        trials, completed = self.trials, self.completed
        if not completed:
            return "no setting came to its end"
        best = completed[0]
        settings = " ".join(f"{key}={value}" for key, value in chosen(best).items())
        seeds = f", {self.objective} over {len(self.seeds)} seeds" if len(self.seeds) > 1 else ""
        found = (
            f"best of {len(trials)}, {len(trials) - len(completed)} of them pruned: {best.value:.4g}{seeds} "
            f"with {settings}"
        )
        shares = ", ".join(f"{key} {share:.0%}" for key, share in self.importances().items())
        return f"{found}\nimportance: {shares}" if shares else found

    def importances(self) -> dict[str, float]:
        """The share of each choice in what tells the best settings from the others, by PED-ANOVA.

        Watanabe, Bansal and Hutter 2023, arXiv:2304.10255. Empty where too few settings came to their ends, or where
        all are worth the same.
        """
        values = {trial.value for trial in self.completed}
        if len(self.completed) < MIN_TRIALS or len(values) == 1:
            return {}
        with experimental():
            return get_param_importances(self.study, evaluator=PedAnovaImportanceEvaluator())

    def save(self) -> None:
        """Writes search.json, for the report."""
        content = {
            "seeds": len(self.seeds),
            "objective": self.objective,
            "pruned": len(self.trials) - len(self.completed),
            "importances": self.importances(),
            "trials": [{"value": trial.value, "settings": chosen(trial)} for trial in self.completed],
        }
        write_atomically(self.sweep / "search.json", json.dumps(content, indent=1) + "\n")


@contextmanager
def experimental() -> Iterator[None]:
    """Without the warnings of Optuna 4 that what is stable in Optuna 5 may change."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield


def is_lost(job: Job) -> bool:
    """Whether a run ended for good without coming to its end."""
    return job.finished and job.results["status"] != "completed"


def last_monitor(job: Job) -> float:
    history = read_history(job.folder / "history.csv")
    return float(history.column(read_record(job.folder).value("monitor"))[-1])


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
