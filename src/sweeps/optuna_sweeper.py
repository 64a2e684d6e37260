"""The sweeper that lets Optuna choose settings."""

from typing import Any

from hydra.core.override_parser.types import Override

from src.core.errors import import_optional
from src.sweeps.plan import Plan
from src.sweeps.running_table import running_table
from src.sweeps.sweeper import ResumableSweeper


class OptunaSweeper(ResumableSweeper):
    """Chooses settings by a search, which can be resumed like any sweep.

    Args:
        trials: how many settings to try.
        at_once: how many of them are chosen and launched together.
    """

    def __init__(self, trials: int, at_once: int, **choices: Any):
        super().__init__(**choices)
        self.trials = trials
        self.at_once = at_once

    def run(self, products: list[list[Override]]) -> None:
        if len(products) > 1:
            raise ValueError("hydra/sweeper=optuna: the study has several parts; choose one of them by experiment=")
        (overrides,) = products
        if self.config.study.tune:
            raise ValueError("study.tune=true: hydra/sweeper=optuna chooses settings itself; leave one of them out")
        import_optional("optuna", "optuna")
        from src.sweeps.search import JOB, Search

        search = Search(overrides)
        if self.dry_run:
            print(self.headline(search))
            raise SystemExit(0)
        with self.alone():
            print(self.headline(search))
            search.open(self.folder)
            while trials := search.choose(self.at_once, self.trials):
                jobs = [self.plan([search.overrides(trial)], overrides).jobs[0] for trial in trials]
                for trial, job in zip(trials, jobs, strict=True):
                    trial.set_user_attr(JOB, job.folder.name)
                plan = Plan(self.folder, tuple(dict.fromkeys(jobs)))
                plan.save()
                with running_table(Plan.read(self.folder)):
                    self.launch(plan.pending)
                for trial, job in zip(trials, jobs, strict=True):
                    search.tell(trial, job)
        print(search.best)

    def headline(self, search: Any) -> str:
        return f"{self.trials} settings of {', '.join(search.space)}, {self.at_once} at once, in {self.folder}"
