"""The sweeper that lets Optuna choose settings."""

from typing import Any

from hydra.core.override_parser.types import Override

from src.core.errors import import_optional
from src.core.validation import COUNT
from src.sweeps.plan import Plan
from src.sweeps.running_table import running_table
from src.sweeps.sweeper import ResumableSweeper


class OptunaSweeper(ResumableSweeper):
    """Chooses settings by a search, which can be resumed like any sweep.

    Args:
        trials: how many settings to try.
        at_once: how many of them are chosen and launched together.
        seeds: how many each is tried with, one after another: one that falls behind needs no further seeds.
        objective: of the seeds' values, see `Search`.
    """

    def __init__(self, trials: int, at_once: int, seeds: int, objective: str | float, **choices: Any):
        super().__init__(**choices)
        self.trials = trials
        self.at_once = at_once
        self.seeds = seeds
        self.objective = objective

    def run(self, products: list[list[Override]], overrides: list[Override]) -> None:
        if len(products) > 1:
            raise ValueError("hydra/sweeper=optuna: the study has several parts; choose one of them by experiment=")
        if self.config.study.tune:
            raise ValueError("study.tune=true: hydra/sweeper=optuna chooses settings itself; leave one of them out")
        import_optional("optuna", "optuna")
        from src.sweeps.search import JOBS, Search, is_lost

        for key in ("trials", "at_once", "seeds"):
            COUNT.check(f"hydra.sweeper.{key}", getattr(self, key))
        first = self.config.seed
        search = Search(overrides, range(first, first + self.seeds), self.objective)
        if self.dry_run:
            print(self.headline(search))
            raise SystemExit(0)
        with self.alone():
            print(self.headline(search))
            search.open(self.folder)
            while trials := search.choose(self.at_once, self.trials):
                seeds = [[search.overrides(trial, seed) for seed in search.seeds] for trial in trials]
                jobs = [self.plan(each, overrides).jobs for each in seeds]
                for trial, own in zip(trials, jobs, strict=True):
                    trial.set_user_attr(JOBS, [job.folder.name for job in own])
                for turn in range(self.seeds):
                    going_on = [own[turn] for own in jobs if not any(map(is_lost, own[:turn]))]
                    plan = Plan(self.folder, tuple(dict.fromkeys(going_on)))
                    plan.save()
                    with running_table(Plan.read(self.folder)):
                        self.launch(plan.pending)
                for trial, own in zip(trials, jobs, strict=True):
                    search.tell(trial, own)
                search.save()
        print(search.best)

    def headline(self, search: Any) -> str:
        seeds = f"{self.seeds} seeds each, " if self.seeds > 1 else ""
        return f"{self.trials} settings of {', '.join(search.space)}, {seeds}{self.at_once} at once, in {self.folder}"
