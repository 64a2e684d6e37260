"""What may be compared: the runs of one model family on one data set, by name, against one baseline."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from statistics import fmean

import numpy as np

from src.core.dataset import Dataset
from src.core.metric_families import Family, family
from src.core.metric_specs import NOT_QUANTITIES, metric_spec, ordered
from src.core.multiple_tests import holm
from src.core.plain_data import is_number
from src.report.compare import Compared, Groups, comparisons, estimates, groups, table
from src.report.naming import labels
from src.report.records import Run, is_names
from src.report.results import NO_DIGEST
from src.report.statistics import Estimate, Significance


@dataclass(frozen=True)
class Summary:
    """One name's runs: completed ones, one per seed, those that failed instead, and the rest.

    `label` is what the page calls it. `estimates` are over completed and failed runs, by metric.
    """

    name: str
    label: str
    included: tuple[Run, ...]
    failed: tuple[Run, ...]
    excluded: tuple[Run, ...]
    estimates: Mapping[str, Estimate]

    def estimate(self, key: str) -> Estimate:
        return self.estimates.get(key, Estimate(0))

    def mean(self, key: str) -> float | None:
        return self.estimate(key).mean

    @property
    def onsets(self) -> list[float]:
        """Images seen when the loss of modes became lasting, of the included runs that have such an onset."""
        return [run.mode_onset for run in self.included if run.mode_onset is not None]

    def aligned(self, key: str) -> np.ndarray:
        """Samples seen and each seed's value of a column of the history, [E, 1 + S], where every seed has one."""
        tables = [run.history.points(key) for run in self.included]
        seen = sorted(set.intersection(*map(set, tables))) if tables else []
        return np.array([[x, *(table[x] for table in tables)] for x in seen]).reshape(-1, 1 + len(tables))

    @property
    def outcomes(self) -> Counter[str]:
        """How many of the included runs have each outcome; "" stands for none recorded."""
        return Counter(run.outcome or "" for run in self.included)

    @property
    def reasons(self) -> Counter[str]:
        """How many of the included runs can have no onset, by reason."""
        return Counter(run.onset_reason for run in self.included if run.onset_reason)

    def absences(self, key: str) -> Counter[str]:
        """In how many of the included runs each name of a list metric appears."""
        return Counter(name for run in self.included for name in run.names(key))

    def always(self, key: str) -> list[str]:
        """What every included run lacks."""
        return sorted(name for name, count in self.absences(key).items() if count == len(self.included))


@dataclass(frozen=True)
class Section:
    """What may be compared: every run of one model family on one data set.

    Averaged are completed runs only, and of several with the same name and seed only the latest.

    Attributes:
        assumed: whether the baseline is only the first by name, as none is known for one.
        oracle: what measured the runs, None where no run tells.
        oracle_differs: whether there are other runs on the same data, measured by another.
    """

    model: str
    dataset: Dataset | None
    runs: tuple[Run, ...]
    baseline: str
    assumed: bool = False
    oracle: str | None = None
    oracle_differs: bool = False

    @cached_property
    def family(self) -> Family:
        columns = (key for run in self.runs for row in run.history.rows[:1] for key in row)
        return family(self.model, {*self.metric_keys, *columns})

    @cached_property
    def labels(self) -> Mapping[str, str]:
        """What the page calls each name."""
        return labels({run.name for run in self.runs})

    @property
    def baseline_label(self) -> str:
        return self.labels[self.baseline]

    @property
    def unit(self) -> str:
        """What training sees, in the plural."""
        return self.dataset.unit if self.dataset else "samples"

    @property
    def classes(self) -> tuple[str, ...]:
        return self.dataset.classes if self.dataset else ()

    @cached_property
    def slug(self) -> str:
        digest = identity(self.dataset, digits=8) if self.dataset else "unknown"
        stack = f"_stack{self.dataset.stack}" if self.dataset and self.dataset.stack > 1 else ""
        oracle = f"_{sha256((self.oracle or '').encode()).hexdigest()[:6]}" if self.oracle_differs else ""
        return re.sub(r"[^A-Za-z0-9]", "_", f"{self.model[:30]}_{digest[:50]}{stack}{oracle}")

    @property
    def images_seen(self) -> float | None:
        """Samples that every included run saw, to three digits; None where they differ."""
        seen = {float(f"{run.images_seen:.3g}") for run in self.included if run.images_seen}
        return seen.pop() if len(seen) == 1 else None

    @property
    def budget(self) -> float:
        """Samples that the baseline's longest run saw."""
        return max((run.images_seen or 0 for run in self.summaries[0].included), default=0)

    @cached_property
    def included(self) -> tuple[Run, ...]:
        return _latest(run for run in self.runs if run.completed and run.dataset)

    @cached_property
    def failed(self) -> tuple[Run, ...]:
        """Failed runs, one per name and seed that has no completed run: they count as the worst."""
        done = {(run.name, run.seed) for run in self.included}
        return _latest(run for run in self.runs if run.failed and (run.name, run.seed) not in done)

    @cached_property
    def names(self) -> list[str]:
        """The baseline first, the others by name."""
        return sorted(self.labels, key=lambda name: (name != self.baseline, name))

    @cached_property
    def summaries(self) -> tuple[Summary, ...]:
        """One per name, the baseline first, the others by name."""
        made = {key: estimates(self.names, values, key, self.num_modes) for key, values in self.tables.items()}
        return tuple(
            Summary(
                name=name,
                label=self.labels[name],
                included=tuple(run for run in self.included if run.name == name),
                failed=tuple(run for run in self.failed if run.name == name),
                excluded=tuple(run for run in self.runs if run.name == name and run not in self.included),
                estimates={key: by_name[name] for key, by_name in made.items()},
            )
            for name in self.names
        )

    @property
    def remedies(self) -> tuple[Summary, ...]:
        return self.summaries[1:]

    @cached_property
    def best_first(self) -> tuple[Summary, ...]:
        """All names by their mean in the primary metric; those without one last, by name."""
        sign, key = -1 if metric_spec(self.primary).better == "higher" else 1, self.primary
        return tuple(sorted(self.summaries, key=lambda s: (s.mean(key) is None, sign * (s.mean(key) or 0.0), s.name)))

    @cached_property
    def ranked(self) -> tuple[Summary, ...]:
        """Remedies with completed or failed runs, the best mean first."""
        return tuple(s for s in self.best_first if (s.included or s.failed) and s.name != self.baseline)

    @cached_property
    def metric_keys(self) -> set[str]:
        """Every number that any included run has."""
        return {key for run in self.included for key in run.scalars}

    @cached_property
    def name_keys(self) -> list[str]:
        """Every metric that is a list of names in some included run."""
        return sorted({k for run in self.included for k, value in run.metrics.items() if is_names(value)})

    @property
    def declared(self) -> list[str]:
        """Primary metrics that the runs' studies declared."""
        return sorted({run.facts.get("primary") for run in self.runs} - {None})

    @cached_property
    def primary(self) -> str:
        """What decides: what most runs declare, else the family's first; rather a metric that all have. "" for none."""
        declared = Counter(key for run in self.runs if (key := run.facts.get("primary"))).most_common(2)
        undisputed = declared[:1] if len({times for _, times in declared}) == len(declared) else []
        keys = self.measured([*(key for key, _ in undisputed), *self.family.primary])
        everywhere = [key for key in keys if all(key in run.metrics for run in self.included)]
        return next(iter([*everywhere, *keys]), "")

    @cached_property
    def headline(self) -> list[str]:
        """The primary metric and those that the family always shows beside it."""
        return self.measured([self.primary, *self.family.headline])

    @cached_property
    def main(self) -> list[str]:
        """The primary metric and the family's main quantities."""
        return self.measured([self.primary, *self.family.main])

    def measured(self, keys: Iterable[str]) -> list[str]:
        """Those that any included run has, once each."""
        return [key for key in dict.fromkeys(keys) if key in self.metric_keys]

    @cached_property
    def quantities(self) -> list[str]:
        """All metrics but onsets and those that describe the measurement."""
        return ordered(self.metric_keys - NOT_QUANTITIES - {key for run in self.included for key in run.onset_columns})

    @cached_property
    def side_keys(self) -> list[str]:
        """Every other quantity in which any two runs differ, those of the first table first."""
        keys = [key for key in self.quantities if key != self.primary]
        varied = [key for key in keys if len({run.scalars.get(key) for run in self.included}) > 1]
        return sorted(varied, key=lambda key: key not in self.family.main)

    @cached_property
    def num_modes(self) -> int | None:
        """Modes there are to cover: more than classes where characters are stacked."""
        counted = [run.metrics for run in self.included if is_number(run.metrics.get("modes"))]
        totals = [int(m["modes"]) + len(m["missing"]) for m in counted if is_names(m.get("missing"))]
        return max(totals, default=None)

    @cached_property
    def tables(self) -> Mapping[str, np.ndarray]:
        """Values by metric, [names, seeds]."""
        return {key: table(self.names, self.included, self.failed, key) for key in self.metric_keys}

    def differences(self, key: str, name: str) -> list[float]:
        """Of the seeds that completed under a name and under the baseline."""
        values = np.where(np.isfinite(self.tables[key]), self.tables[key], np.nan)
        change = values[self.names.index(name)] - values[0]
        return change[np.isfinite(change)].tolist()

    @cached_property
    def comparisons(self) -> Mapping[str, Mapping[str, Compared]]:
        """By metric and name, of every remedy with the baseline."""
        return {key: comparisons(self.names, values, key, self.num_modes) for key, values in self.tables.items()}

    def control(self, name: str, key: str) -> float | None:
        """A metric of a control, averaged over runs; None if none of them has it."""
        known = [v for run in self.included if is_number(v := run.controls.get(name, {}).get(key))]
        return fmean(known) if known else None

    @cached_property
    def groups(self) -> Mapping[str, Groups]:
        """Names with failed seeds, or with seeds in two groups of the primary metric."""
        return groups(self.names, self.tables[self.primary], self.primary) if self.primary else {}

    @cached_property
    def significances(self) -> Mapping[tuple[str, str], Significance]:
        """By metric and name, with enough pairs; corrected (Holm) over names in the primary metric, else over all."""
        corrected = {}
        for keys in ([self.primary] if self.primary else [], self.side_keys):
            found = {(key, s.name): self.comparisons[key][s.name].p for key in keys for s in self.remedies}
            tests = {test: p for test, p in found.items() if p is not None}
            for test, p in zip(tests, holm([*tests.values()]), strict=True):
                corrected[test] = Significance(tests[test], p, len(tests))
        return corrected


def _latest(runs: Iterable[Run]) -> tuple[Run, ...]:
    """Of several runs of one name and seed the last; runs without a seed are left out."""
    in_time = sorted((run for run in runs if run.seed is not None), key=lambda run: run.finished_at)
    latest = {(run.name, run.seed): run for run in in_time}
    return tuple(latest[key] for key in sorted(latest))


def identity(dataset: Dataset, digits: int | None = None) -> str:
    """What distinguishes data from other data: its digest, or the first digits of it, else its name and source."""
    return dataset.digest[:digits] if dataset.digest != NO_DIGEST else f"{dataset.name} {dataset.source}"
