"""Choice of each recipe's learning rate and Adam's β1 before a study, on the validation split.

Untuned rates can decide a comparison (Lucic et al. 2018, arXiv:1711.10337), so every recipe is tried at the same grid,
budget and seeds. The study then runs with the best of each, and with other seeds.
"""

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from omegaconf import DictConfig, OmegaConf

from src.core.commands import override
from src.core.files import write_atomically
from src.core.metric_families import is_over_training
from src.core.metric_specs import metric_spec
from src.core.plain_data import is_number
from src.core.run_names import OPTIMIZERS, TUNING_FOLDER, TWO_TIME_SCALE, folder_name, key_of
from src.core.validation import BELOW_ONE, COUNT, POSITIVE
from src.report.collect import read_history
from src.report.export import table_csv
from src.report.records import History
from src.report.templating import say
from src.report.trials import COLUMNS, TABLE, at_the_edge, read_table
from src.sweeps.plan import Job, Plan

FIRST_SEED = 1000
UNREAD = {"interpret": "false", "importance_samples": "1"}  # most of a VAE's final evaluation, which decides no trial


@dataclass(frozen=True)
class Setting:
    """A learning rate and β1 to try, and the overrides that set them: none where they are the recipe's own.

    `rate` is the geometric mean of both networks' rates, whose ratio stays the recipe's. VAEs have no β1 to try.
    """

    rate: float
    beta1: float | None
    overrides: tuple[str, ...] = ()

    @property
    def is_default(self) -> bool:
        return not self.overrides

    @property
    def cells(self) -> dict[str, str]:
        """As tuning.csv has it."""
        return {"rate": f"{self.rate:.6g}", "beta1": "" if self.beta1 is None else f"{self.beta1:g}"}

    def __str__(self) -> str:
        return " ".join(f"{name}={text}" for name, text in self.cells.items() if text)


@dataclass(frozen=True)
class Result:
    """A setting's metric per seed; None, which counts as worst, where a trial has no finite one."""

    recipe: str
    setting: Setting
    metric: str
    values: tuple[float | None, ...]
    chosen: bool = False

    @property
    def mean(self) -> float | None:
        return None if None in self.values else statistics.fmean(self.values)


@dataclass(frozen=True)
class Objective:
    """The metric by which trials are compared: averaged over training, or of the last evaluation in history.csv.

    Both are of the validation split.
    """

    name: str

    @classmethod
    def of(cls, primary: str, model: str, trials: Iterable[Job]) -> "Objective":
        """The study's primary metric; its family's stand-in where only the test split has that one, as IWAE."""
        recorded = is_over_training(primary) or any(_history(job).has(primary) for job in trials)
        return cls(primary if recorded else STAND_INS[model])

    def better(self, values: Iterable[float]) -> float | None:
        best = max if metric_spec(self.name).better == "higher" else min
        return best(values, default=None)

    def value(self, job: Job) -> float | None:
        results = job.results
        if results.get("status") != "completed":
            return None
        last = _history(job).column(self.name)[-1:].tolist()
        found = results["metrics"].get(self.name) if is_over_training(self.name) else next(iter(last), None)
        return float(found) if is_number(found) else None


STAND_INS = {"gan": "kl_late", "vae": "elbo"}


def _history(job: Job) -> History:
    return read_history(job.folder / "history.csv")


def grid(config: DictConfig, rates: Sequence[float], beta1s: Sequence[float]) -> list[Setting]:
    """The recipe's own setting, then every other combination; a VAE's AdamW keeps its β1."""
    rate_keys, betas_keys = tuned_keys(config)
    own_rates = {key: OmegaConf.select(config, key) for key in rate_keys}
    own_betas = {key: list(OmegaConf.select(config, key)) for key in betas_keys}
    own_rate = math.exp(statistics.fmean(math.log(rate) for rate in own_rates.values()))
    own = Setting(own_rate, next((beta1 for beta1, _ in own_betas.values()), None))
    settings = [own]
    for rate in rates:
        for beta1 in beta1s if own_betas else [None]:
            if math.isclose(rate, own_rate) and all(first == beta1 for first, _ in own_betas.values()):
                continue
            scaled = [f"{key}={value * rate / own_rate:.6g}" for key, value in own_rates.items()]
            moved = [f"{key}=[{float(beta1)},{second}]" for key, (_, second) in own_betas.items()]
            settings.append(Setting(rate, beta1, (*scaled, *moved)))
    return settings


def tuned_keys(config: DictConfig) -> tuple[list[str], list[str]]:
    """Keys of a recipe's learning rates and of Adam's βs."""
    if "vae" in config:
        return ["vae.optimizer.lr"], []
    betas = [f"{place}.betas" for place in OPTIMIZERS if "betas" in OmegaConf.select(config, place)]
    if OmegaConf.select(config, TWO_TIME_SCALE):  # it sets both rates
        return [f"{TWO_TIME_SCALE}.{network}_lr" for network in ("generator", "discriminator")], betas
    return [f"{place}.lr" for place in OPTIMIZERS], betas


def choose(results: Sequence[Result], better: Callable[[Iterable[float]], float | None]) -> list[Result]:
    """Marks the best setting of one recipe; of equals the first, which is the recipe's own."""
    best = better(result.mean for result in results if result.mean is not None)
    chosen = next((index for index, result in enumerate(results) if result.mean == best), 0)
    return [replace(result, chosen=index == chosen) for index, result in enumerate(results)]


class Tuning:
    """The tuning phase of a sweep, whose trials lie in its folder tuning/ and whose outcome in tuning.csv.

    Args:
        plan: of the study's jobs.
        composed: the configuration that a list of overrides leads to.
        options: `tune_seeds`, `tune_budget`, `tune_rates` and `tune_beta1` of `study`.

    Raises:
        ValueError: the study uses a seed of the trials, sets itself what is to be chosen, or was started untuned.
    """

    def __init__(self, plan: Plan, composed: Callable[[Sequence[str]], DictConfig], options: Mapping[str, Any]):
        check(options)
        self.study, self.folder = plan, plan.folder / TUNING_FOLDER
        self.seeds = range(FIRST_SEED, FIRST_SEED + options["tune_seeds"])
        used = {job.seed for job in plan.jobs} & set(map(str, self.seeds))
        if used:
            raise ValueError(f"seed={min(used)}: study.tune=true tries settings with it; choose another for the study")
        self.before = read_table(plan.folder / TABLE)
        if Plan.read(plan.folder).jobs and not self.before:
            raise ValueError(f"study.resume={plan.folder}: it was started without study.tune=true; leave it out")
        self.chosen: dict[str, Setting] = {}  # by an earlier start
        self.families: dict[str, tuple[str, str]] = {}  # model and primary metric of the recipes still to be tuned
        self.trials: dict[str, dict[Setting, list[Job]]] = {}  # of these, a job for each setting and seed
        for job in {job.name: job for job in plan.jobs}.values():
            config = composed(job.overrides)
            given = {key_of(text) for text in job.overrides} & {key for keys in tuned_keys(config) for key in keys}
            if given:
                raise ValueError(f"{min(given)}: study.tune=true chooses it; leave one of them out")
            settings = grid(config, options["tune_rates"], options["tune_beta1"])
            if any(row["recipe"] == job.name for row in self.before):
                self.chosen[job.name] = chosen_before(self.before, job.name, settings)
                continue
            self.families[job.name] = ("vae" if "vae" in config else "gan", config.primary)
            tried = {setting: self.try_out(job, config, setting, options["tune_budget"]) for setting in settings}
            self.trials[job.name] = tried

    def try_out(self, job: Job, config: DictConfig, setting: Setting, budget: int | None) -> list[Job]:
        """The study's job with another setting, and each of the trials' seeds."""
        replaced = {"seed", *(["budget"] if budget else [])}
        kept = [text for text in job.overrides if key_of(text) not in replaced]
        kept += [f"budget={budget}"] if budget else []
        kept += [f"evaluator.{key}={value}" for key, value in UNREAD.items() if key in config.evaluator]
        name = f"{job.name} {setting}"
        jobs = []
        for seed in self.seeds:
            path = self.folder / folder_name(f"{name} seed={seed}")
            place = (override("hydra.sweep.dir", self.folder), override("hydra.sweep.subdir", path.name))
            jobs.append(Job(path, name, (*kept, *setting.overrides, f"seed={seed}", *place)))
        return jobs

    @property
    def plan(self) -> Plan:
        jobs = (job for tried in self.trials.values() for several in tried.values() for job in several)
        return Plan(self.folder, tuple(jobs))

    def outcome(self) -> str:
        """The chosen settings, one line per recipe."""
        lines = [f"Chosen on the validation split ({self.study.folder / TABLE}):"]
        rows = read_table(self.study.folder / TABLE)
        for row in rows:
            if row["chosen"] == "yes":
                setting = " ".join(f"{key}={row[key]}" for key in ("rate", "beta1") if row[key])
                own = " (its own)" if row["default"] == "yes" else ""
                reached = f"validation {row['metric']} {row['mean']}" if row["mean"] else "no trial has a finite metric"
                lines.append(f"  {row['recipe']}: {setting}{own}, {reached}")
        edge = at_the_edge((row["recipe"], float(row["rate"]), row["chosen"] == "yes") for row in rows)
        return "\n".join(lines + [say("rates_at_the_edge", edge)] * bool(edge))

    def finish(self) -> Plan:
        """Writes tuning.csv and returns the study's plan with the chosen settings."""
        rows = list(self.before)
        for recipe, (model, primary) in self.families.items():
            tried = self.trials[recipe]
            objective = Objective.of(primary, model, (job for jobs in tried.values() for job in jobs))
            results = [
                Result(recipe, setting, objective.name, tuple(map(objective.value, jobs)))
                for setting, jobs in tried.items()
            ]
            compared = choose(results, objective.better)
            self.chosen[recipe] = next(result.setting for result in compared if result.chosen)
            rows += [as_row(result, self.seeds) for result in compared]
        write_atomically(self.study.folder / TABLE, table_csv(COLUMNS, rows))
        jobs = (replace(job, overrides=(*job.overrides, *self.chosen[job.name].overrides)) for job in self.study.jobs)
        return replace(self.study, jobs=tuple(jobs))


def chosen_before(rows: Sequence[Mapping[str, str]], recipe: str, settings: Sequence[Setting]) -> Setting:
    """The setting that tuning.csv names, looked up among these: overrides are never read from a file."""
    row = next(row for row in rows if row["recipe"] == recipe and row["chosen"] == "yes")
    for setting in settings:
        if row.items() >= setting.cells.items():
            return setting
    raise ValueError(
        f"{TABLE}: what it chose for {recipe} is not among study.tune_rates and study.tune_beta1; give the same"
    )


def check(options: Mapping[str, Any]) -> None:
    """Raises: ValueError: an option of `study.tune` that cannot be."""
    COUNT.check("study.tune_seeds", options["tune_seeds"])
    if options["tune_budget"] is not None:
        COUNT.check("study.tune_budget", options["tune_budget"])
    for rate in options["tune_rates"]:
        POSITIVE.check("study.tune_rates", rate)
    for beta1 in options["tune_beta1"]:
        BELOW_ONE.check("study.tune_beta1", beta1)
    if not options["tune_rates"] or not options["tune_beta1"]:
        raise ValueError("study.tune=true: study.tune_rates and study.tune_beta1 hold at least one number each")


def as_row(result: Result, seeds: Iterable[int]) -> dict[str, str]:
    setting, mean = result.setting, result.mean
    return {
        "recipe": result.recipe,
        "metric": result.metric,
        **setting.cells,
        "default": "yes" if setting.is_default else "no",
        "seeds": " ".join(map(str, seeds)),
        "values": " ".join("none" if value is None else f"{value:.6g}" for value in result.values),
        "mean": "" if mean is None else f"{mean:.6g}",
        "chosen": "yes" if result.chosen else "no",
        "overrides": " ".join(setting.overrides),
    }
