"""What docs/results_gan.md and docs/results_vae.md say: which remedies help, each with a learning rate of its own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path
from statistics import fmean, geometric_mean, median
from typing import Any

import numpy as np

from docs._results import aggregate
from docs._results.planned import PLANNED, labelled
from src.core.metric_families import FAMILIES, Family
from src.core.metric_specs import metric_spec
from src.evaluation.metrics.onset import NEVER_HALF
from src.report.cautions import junk_beats_baseline
from src.report.class_correlations import ClassCorrelations, class_correlations
from src.report.compare import Compared
from src.report.early_warning import EarlyWarning, records, warning
from src.report.grouping import group
from src.report.naming import labels
from src.report.outcomes import Readability, readability
from src.report.records import Run
from src.report.section import Section, Summary
from src.report.stored import dataset_key, setting_of, stored
from src.report.templating import interval
from src.report.trials import Trial, at_the_edge, stored_trials
from src.report.verdicts import Comparison, Verdict, judge

LOST = ("collapsed", "without effect")  # outcomes of runs: what was covered or alive is lost


@dataclass(frozen=True)
class Found:
    """One remedy on one data set.

    Attributes:
        better: the probability that a run is better than one of the baseline's, as observed.
        seeds: how many show a difference like the observed one, None for too many.
    """

    summary: Summary
    decision: Comparison
    compared: Compared
    better: float
    seeds: int | None

    @property
    def verdict(self) -> Verdict:
        return self.decision.verdict

    @property
    def amount(self) -> str:
        """The difference with its interval; where seeds failed or fall into two groups, what ranks and counts say."""
        value, worse = self.compared.difference, self.compared.worse
        if value.mean is None:
            counts = f"in the worse group or failed: {worse[0]} of {value.n} seeds against {worse[1]}"
            return f"better with probability {self.better:.2f} ({counts})"
        return interval(value, metric_spec(self.decision.key), signed=True)


@dataclass(frozen=True)
class Rate:
    """A name's means over the trials: at its recipe's own rate, at the one chosen for the baseline, at the best."""

    label: str
    own: float | None
    at_baselines: float | None
    chosen: Trial


@dataclass(frozen=True)
class Rates:
    """How much of a difference is the learning rate: trials on the validation split, the baseline's first."""

    rows: Sequence[Rate]
    at_the_edge: Sequence[str]  # labels of names whose chosen rate is the highest or the lowest tried

    @classmethod
    def of(cls, section: Section, trials: Sequence[Trial]) -> "Rates | None":
        """None where the baseline's are not known."""
        by_name = {name: [trial for trial in trials if trial.recipe == name] for name in section.names}
        best = {name: next((t for t in tried if t.chosen), None) for name, tried in by_name.items()}
        baseline = best[section.baseline]
        if baseline is None or baseline.mean is None:
            return None
        rows = []
        for name, chosen in best.items():
            if chosen:
                own = next((t.mean for t in by_name[name] if t.default), None)
                settings = {(t.rate, t.beta1): t.mean for t in by_name[name]}
                rows.append(Rate(section.labels[name], own, settings.get((baseline.rate, baseline.beta1)), chosen))
        edge = at_the_edge((trial.recipe, trial.rate, trial.chosen) for trial in trials)
        return cls(rows, [section.labels[name] for name in edge if name in section.labels])

    @property
    def baseline(self) -> Rate:
        return self.rows[0]

    @property
    def metric(self) -> str:
        return self.baseline.chosen.metric

    def gain(self, value: float | None, over: float | None) -> float | None:
        """How much better a value is; None where either is not known."""
        return None if value is None or over is None else aggregate.sign(self.metric) * (value - over)

    def ahead(self, tuned: bool) -> tuple[int, int]:
        """How many remedies are better than the tuned baseline, at its rate or at their own, and of how many."""
        values = [row.chosen.mean if tuned else row.at_baselines for row in self.rows[1:]]
        gains = [gain for value in values if (gain := self.gain(value, self.baseline.chosen.mean)) is not None]
        return sum(gain > 0 for gain in gains), len(gains)

    @property
    def best(self) -> Rate | None:
        """The remedy that is best at its own rate, of those that were tried at the baseline's too."""
        known = [row for row in self.rows[1:] if row.at_baselines is not None]
        return max(known, key=lambda row: self.gain(row.chosen.mean, 0.0), default=None)


@dataclass(frozen=True)
class Measured:
    """One family on one data set; `setting` are options beside the study's that all runs have."""

    data: str
    setting: str
    section: Section
    rates: Rates | None

    @property
    def label(self) -> str:
        return labelled(self.data, self.setting)

    @cached_property
    def found(self) -> list[Found]:
        """Every remedy with completed or failed runs, the best mean first."""
        section, key = self.section, self.section.primary
        decided = [(summary, judge(section, summary, key)) for summary in section.ranked]
        tests = max((one.significance.tests for _, one in decided if one.significance), default=1)
        return [
            Found(summary, decision, compared, better, aggregate.seeds_needed(compared, tests, better))
            for summary, decision in decided
            for compared, better in [(section.comparisons[key][summary.name], self.better(summary.name))]
        ]

    def better(self, name: str) -> float:
        """Probability that a run is better than one of the baseline's; NaN without runs of both."""
        values = self.section.tables[self.section.primary] * aggregate.sign(self.section.primary)
        own, baseline = values[self.section.names.index(name)], values[0]
        return float(aggregate.superiority(own[~np.isnan(own)], baseline[~np.isnan(baseline)]))

    def of(self, verdict: str) -> list[Found]:
        """Those with such a verdict, the largest difference first."""
        return sorted(
            (one for one in self.found if one.verdict == verdict),
            key=lambda one: -abs(one.compared.difference.mean or 0),
        )

    @property
    def lost(self) -> dict[str, list[str]]:
        """Labels by in how many seeds modes or a latent level are lost."""
        return self._in_seeds(lambda run: run.outcome in LOST)

    @property
    def never_covered(self) -> dict[str, list[str]]:
        """Labels by in how many other seeds too few modes were ever covered for a loss."""
        return self._in_seeds(lambda run: run.onset_reason == NEVER_HALF and run.outcome not in LOST)

    def _in_seeds(self, holds: Callable[[Run], bool]) -> dict[str, list[str]]:
        """Labels by in how many seeds something holds, as in "3 of 10", the most first; without those of none."""
        counts: dict[tuple[int, int], list[str]] = {}
        for summary in self.section.best_first:
            if number := sum(map(holds, summary.included)):
                counts.setdefault((number, len(summary.included)), []).append(summary.label)
        return {f"{number} of {n}": counts[number, n] for number, n in sorted(counts, reverse=True)}

    @property
    def junk(self) -> dict[str, Any] | None:
        return junk_beats_baseline(self.section)

    @property
    def unreadable(self) -> Readability | None:
        return readability(self.section)

    @property
    def facts(self) -> list[str]:
        """Commits, machines and precisions of its runs."""
        return [
            ", ".join(sorted({str(run.facts.get(key)) for run in self.section.runs}))
            for key in ("git", "device", "precision")
        ]

    @property
    def classes(self) -> ClassCorrelations | None:
        """Nothing where no name's samples are readable."""
        known = self.unreadable
        return None if known is not None and known.everywhere else class_correlations(self.section)

    @property
    def warning(self) -> EarlyWarning | None:
        """Nothing where no run could have warned, nor have given a false alarm."""
        found = records(self.section)
        return warning(found) if any(record.collapsed or record.sound for record in found) else None

    def time(self, name: str) -> float | None:
        """Training time over the baseline's: the median over seeds, whose runs follow each other on one machine."""

        def seconds(of: str) -> dict[int | None, float]:
            runs = (run for run in self.section.included if run.name == of)
            return {run.seed: run.facts["train_seconds"] for run in runs if run.facts.get("train_seconds")}

        own, baseline = seconds(name), seconds(self.section.baseline)
        ratios = [own[seed] / baseline[seed] for seed in own.keys() & baseline.keys()]
        return median(ratios) if ratios else None


@dataclass(frozen=True)
class Page:
    """Everything that a family's page says."""

    model: str
    measured: Sequence[Measured]

    @classmethod
    def read(cls, model: str, table: Path) -> "Page":
        """Of a table that need not exist; runs of another length or network than the study's are on their own."""
        runs = [run for run in (stored(table) if table.is_file() else ()) if run.model == model]
        trials, made = stored_trials(table), []
        for setting in sorted({setting_of(run) for run in runs}):
            for section in group(run for run in runs if setting_of(run) == setting):
                if section.dataset and section.primary and section.remedies:
                    data = next((p.label for p in PLANNED[model] if p.is_of(section.dataset)), section.dataset.name)
                    place = (dataset_key(section.dataset), setting)
                    own = [trial for trial in trials if (trial.dataset, trial.setting) == place]
                    made.append(Measured(data, setting, section, Rates.of(section, own)))
        order = [planned.label for planned in PLANNED[model]]
        return cls(model, sorted(made, key=lambda one: order.index(one.data) if one.data in order else len(order)))

    @property
    def family(self) -> Family:
        return FAMILIES[self.model]

    @property
    def missing(self) -> list[str]:
        """What the protocol names and no run has measured (Markdown)."""
        known = {one.label for one in self.measured}
        planned = [(one, setting) for one in PLANNED[self.model] for setting in ("", *one.settings)]
        return [
            f"{one.label} with `{setting}`" if setting else f"{one.label} ({one.options})"
            for one, setting in planned
            if labelled(one.label, setting) not in known
        ]

    @cached_property
    def labels(self) -> dict[str, str]:
        return labels({name for one in self.measured for name in one.section.names})

    @property
    def data_sets(self) -> list[Measured]:
        """Those under the study's own settings, one for each data set."""
        return [one for one in self.measured if not one.setting]

    @cached_property
    def scores(self) -> aggregate.Scores:
        return aggregate.scores([one.section for one in self.data_sets]) if self.data_sets else {}

    @cached_property
    def aggregates(self) -> list[aggregate.Aggregate]:
        return aggregate.aggregates(self.scores)

    @property
    def agreements(self) -> list[tuple[Measured, Measured, aggregate.Agreement]]:
        pairs = ((a, b, aggregate.agreement(a.section, b.section)) for a, b in combinations(self.measured, 2))
        return [(a, b, found) for a, b, found in pairs if found]

    def time(self, name: str) -> float | None:
        """Training time over the baseline's, the geometric mean over data sets."""
        known = [ratio for one in self.data_sets if (ratio := one.time(name)) is not None]
        return geometric_mean(known) if known else None

    @cached_property
    def points(self) -> dict[str, float]:
        """The time of each name of which it is known: those that the picture shows."""
        return {one.name: time for one in self.aggregates if (time := self.time(one.name)) is not None}

    @property
    def picture(self) -> str:
        """Its file beside the page; "" where there is nothing to compare."""
        return f"results_{self.model}.png" if len(self.points) > 1 else ""

    def passes(self, name: str) -> float | None:
        """Discriminator passes per step."""
        summaries = [s for one in self.data_sets for s in one.section.summaries if s.name == name]
        known = [mean for s in summaries if (mean := s.mean("discriminator_passes")) is not None]
        return fmean(known) if known else None
