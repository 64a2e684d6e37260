"""Runs grouped into what may be compared: one model family on one data set, against one baseline."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
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
from src.report.collect import ReportError
from src.report.naming import distinguished, labels, usual_baseline
from src.report.paired import Compared, Groups, comparisons, estimates, groups, table
from src.report.records import Run, is_names
from src.report.results import NO_DIGEST
from src.report.statistics import Estimate, Significance

Home = tuple[str, str, tuple[int, ...], str]  # family, data, shape of a sample, oracle
EARLIER = "an oracle of an earlier version"


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

    def mean(self, key: str) -> float | None:
        return self.estimates.get(key, Estimate(0)).mean

    def aligned(self, key: str) -> np.ndarray:
        """Samples seen and each seed's value of a column of the history, [E, 1 + S], where every seed has one."""
        tables = [run.history.points(key) for run in self.included]
        seen = sorted(set.intersection(*map(set, tables))) if tables else []
        return np.array([[x, *(table[x] for table in tables)] for x in seen]).reshape(-1, 1 + len(tables))

    def absences(self, key: str) -> Counter[str]:
        """In how many of the included runs each name of a list metric appears."""
        return Counter(name for run in self.included for name in run.names(key))


@dataclass(frozen=True)
class Section:
    """What may be compared: every run of one model family on one data set.

    Averaged are completed runs only, and of several with the same name and seed only the latest. `assumed`: the
    baseline is only the first by name, as none is known for one. `oracle` is what measured the runs, None where no run
    tells; `oracle_differs`: there are other runs on the same data, measured by another.
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
        digest = _identity(self.dataset, digits=8) if self.dataset else "unknown"
        stack = f"_stack{self.dataset.stack}" if self.dataset and self.dataset.stack > 1 else ""
        oracle = f"_{sha256((self.oracle or '').encode()).hexdigest()[:6]}" if self.oracle_differs else ""
        return re.sub(r"[^A-Za-z0-9]", "_", f"{self.model[:30]}_{digest[:50]}{stack}{oracle}")

    @cached_property
    def included(self) -> tuple[Run, ...]:
        return _latest(run for run in self.runs if run.completed and run.dataset)

    @cached_property
    def failed(self) -> tuple[Run, ...]:
        """Failed runs, one per name and seed that has no completed run: they count as the worst."""
        done = {(run.name, run.seed) for run in self.included}
        return _latest(run for run in self.runs if run.failed and (run.name, run.seed) not in done)

    @cached_property
    def repeats(self) -> tuple[Run, ...]:
        """Completed runs left out because a later one has the same name and seed."""
        done = [run for run in self.runs if run.completed and run.dataset and run not in self.included]
        return tuple(run for run in done if run.seed is not None)

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
        sign = -1 if metric_spec(self.primary).better == "higher" else 1
        means = [(s.mean(self.primary), s) for s in self.summaries]
        ordered_means = sorted(means, key=lambda m: (m[0] is None, sign * (m[0] or 0.0), m[1].name))
        return tuple(summary for _, summary in ordered_means)

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

    @cached_property
    def primary(self) -> str:
        """What decides: what most runs declare, else the family's first; rather a metric that all have. "" for none."""
        declared = Counter(key for run in self.runs if (key := run.facts.get("primary"))).most_common(2)
        undisputed = declared[:1] if len({times for _, times in declared}) == len(declared) else []
        keys = [*(key for key, _ in undisputed), *self.family.primary]
        keys = [key for key in dict.fromkeys(keys) if key in self.metric_keys]
        everywhere = [key for key in keys if all(key in run.metrics for run in self.included)]
        return next(iter([*everywhere, *keys]), "")

    @cached_property
    def headline(self) -> list[str]:
        """The primary metric and those that the family always shows beside it."""
        keys = dict.fromkeys([self.primary, *self.family.headline])
        return [key for key in keys if key in self.metric_keys]

    @cached_property
    def side_keys(self) -> list[str]:
        """Every other metric in which any two runs differ, those of the first table first."""
        onsets = {key for run in self.included for key in run.onset_columns}
        keys = self.metric_keys - NOT_QUANTITIES - onsets - {self.primary}
        varied = [key for key in ordered(keys) if len({run.scalars.get(key) for run in self.included}) > 1]
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
            tests = {(key, s.name): p for key in keys for s in self.remedies if (p := self.comparisons[key][s.name].p)}
            for test, p in zip(tests, holm([*tests.values()]), strict=True):
                corrected[test] = Significance(tests[test], p, len(tests))
        return corrected


def _latest(runs: Iterable[Run]) -> tuple[Run, ...]:
    """Of several runs of one name and seed the last; runs without a seed are left out."""
    in_time = sorted((run for run in runs if run.seed is not None), key=lambda run: run.finished_at)
    latest = {(run.name, run.seed): run for run in in_time}
    return tuple(latest[key] for key in sorted(latest))


def _identity(dataset: Dataset, digits: int | None = None) -> str:
    """What distinguishes data from other data: its digest, or the first digits of it, else its name and source."""
    return dataset.digest[:digits] if dataset.digest != NO_DIGEST else f"{dataset.name} {dataset.source}"


def group(runs: Iterable[Run], baseline: str | None = None) -> list[Section]:
    """Runs by family, data and the oracle that measured them, GANs first.

    A run that ended before it recorded its data joins the only section with runs of its name, else the only one of its
    family; if there are several, it is in one of its own. One that ended before it was measured joins one on its data.

    Raises:
        ReportError: no run has the baseline's name or label.
    """
    members: dict[Home, list[Run]] = {}
    unmeasured, unknown = [], []
    for run in runs:
        data = (run.model or "unknown", _identity(run.dataset), run.dataset.shape) if run.dataset else None
        if data is None:
            unknown.append(run)
        elif run.completed or _oracle(run):
            members.setdefault((*data, _oracle(run)), []).append(run)
        else:
            unmeasured.append((run, data))
    for run, data in unmeasured:
        _join(members, run, [key for key in members if key[:3] == data], (*data, ""))
    homes = list(members)
    for run in unknown:
        _join(members, run, [key for key in homes if run.model in (None, key[0])], (run.model or "unknown", "", (), ""))
    times = Counter(key[:3] for key in members)
    sections = [_section(key, members[key], baseline, oracle_differs=times[key[:3]] > 1) for key in sorted(members)]
    called = {name: label for section in sections for name, label in section.labels.items()}
    if baseline is not None and baseline not in {*called, *called.values()}:
        raise ReportError(f"--baseline {baseline}: no run has that name. Names here: {', '.join(sorted(called))}.")
    return sections


def _join(members: dict[Home, list[Run]], run: Run, fitting: list[Home], otherwise: Home) -> None:
    """Puts a run into the only fitting section with runs of its name, else into the only fitting one."""
    called = [key for key in fitting if any(run.name == other.name for other in members[key])] or fitting
    members.setdefault(called[0] if len(called) == 1 else otherwise, []).append(run)


def _oracle(run: Run) -> str:
    """What measured a run; earlier versions recorded the oracle's accuracy only. "" where nothing did."""
    named, accuracy = run.facts.get("oracle"), run.facts.get("oracle_accuracy")
    return named if isinstance(named, str) else EARLIER if is_number(accuracy) else ""


def _section(home: Home, runs: Sequence[Run], baseline: str | None, oracle_differs: bool) -> Section:
    model, *_, oracle = home
    runs = distinguished(runs)
    called = labels({run.name for run in runs})
    chosen = next((name for name in called if baseline in (name, called[name])), None)
    words = family(model).baselines
    assumed = chosen is None and not any(word in name for name in called for word in words)
    datasets = [run.dataset for run in runs if run.dataset]
    dataset = next((dataset for dataset in datasets if dataset.is_fallback), next(iter(datasets), None))
    chosen = chosen or usual_baseline(called, words)
    return Section(model, dataset, tuple(runs), chosen, assumed, oracle or None, oracle_differs)
