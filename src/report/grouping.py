"""Runs grouped into what may be compared: one model family on one data set, against one baseline."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from statistics import fmean

import numpy as np

from src.core.dataset import Dataset
from src.core.metric_families import Family, family
from src.core.metric_specs import NOT_QUANTITIES, metric_spec, ordered
from src.core.multiple_tests import holm
from src.core.plain_data import is_number
from src.report.collect import NO_DIGEST, ReportError
from src.report.naming import labels, told_apart, usual_baseline
from src.report.paired import Compared, Groups, comparisons, estimates, groups, table
from src.report.records import Run, is_names
from src.report.statistics import Estimate, Significance

Home = tuple[str, str, tuple[int, ...], str]  # family, data, shape of a sample, oracle
EARLIER = "an oracle of an earlier version"
CONTROLS = {
    "real": "real, held out",
    "blurred": "real, blurred",
    "noisy": "real, noisy",
    "thick": "real, thick strokes",
    "noise": "noise",
    "grey": "plain grey",
    "cut_up": "real, cut up",
    "superposed": "real, superposed",
    "single": "one sample, repeated",
}
REAL_CONTROLS = ("real", "blurred", "noisy", "thick")  # of which every class can be seen


@dataclass(frozen=True)
class Summary:
    """One name's runs: completed ones, one per seed, those that failed instead, and the rest.

    `label` is what the page calls it, the name without what all names share. `estimates` are over completed and failed
    runs, `differences` are the completed pairs' by seed.
    """

    name: str
    label: str
    included: tuple[Run, ...]
    failed: tuple[Run, ...]
    excluded: tuple[Run, ...]
    estimates: Mapping[str, Estimate]
    differences: Mapping[str, Mapping[int, float]]

    def mean(self, key: str) -> float | None:
        return self.estimates.get(key, Estimate(0)).mean

    def absences(self, key: str) -> Counter[str]:
        """In how many of the included runs each name of a list metric appears."""
        return Counter(name for run in self.included for name in run.names(key))


@dataclass(frozen=True)
class Section:
    """What may be compared: every run of one model family on one data set.

    Averaged are completed runs only, and of several with the same name and seed only the latest. `assumed` says that
    the baseline is but the first by name, as none is known for one. `oracle` is what measured the runs, None where no
    run tells; `oracle_differs` says that there are other runs on the same data, measured by another.
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
        return family(self.model)

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

    @cached_property
    def slug(self) -> str:
        digest = _identity(self.dataset, digits=8) if self.dataset else "unknown"
        channels = self.dataset.shape[0] if self.dataset and self.dataset.shape else 1
        stack = f"_stack{channels}" if channels > 1 else ""
        oracle = f"_{sha256((self.oracle or '').encode()).hexdigest()[:6]}" if self.oracle_differs else ""
        words = f"{self.model[:30]}_{digest[:50]}{stack}{oracle}"
        return "".join(c if c.isascii() and c.isalnum() else "_" for c in words)

    @cached_property
    def included(self) -> tuple[Run, ...]:
        usable = [run for run in self.runs if run.completed and run.dataset and run.seed is not None]
        latest = {(run.name, run.seed): run for run in sorted(usable, key=lambda run: run.finished_at)}
        return tuple(sorted(latest.values(), key=lambda run: (run.name, run.seed)))

    @cached_property
    def failed(self) -> tuple[Run, ...]:
        """Failed runs, one per name and seed that has no completed run: they count as the worst."""
        kept = {(run.name, run.seed) for run in self.included}
        ended = [run for run in self.runs if run.failed and run.seed is not None and (run.name, run.seed) not in kept]
        latest = {(run.name, run.seed): run for run in sorted(ended, key=lambda run: run.finished_at)}
        return tuple(sorted(latest.values(), key=lambda run: (run.name, run.seed)))

    @cached_property
    def repeats(self) -> tuple[Run, ...]:
        """Completed runs left out because a later one has the same name and seed."""
        kept = {run.folder for run in self.included}
        seeded = (run for run in self.runs if run.completed and run.dataset and run.seed is not None)
        return tuple(run for run in seeded if run.folder not in kept)

    @cached_property
    def summaries(self) -> tuple[Summary, ...]:
        """One per name, the baseline first, the others by name."""
        made = {key: estimates(self.names, values, key, self.num_modes) for key, values in self.tables.items()}
        return tuple(self._summary(name, {key: found[name] for key, found in made.items()}) for name in self.names)

    @cached_property
    def remedies(self) -> tuple[Summary, ...]:
        return self.summaries[1:]

    @cached_property
    def primary(self) -> str:
        """The one metric that decides what helps: as declared by the runs, else the family's first that they have.

        A metric that only some of the runs have gives way to one that all have. "" where there is none.
        """
        declared = {run.facts.get("primary") for run in self.runs} - {None}
        keys = [*(declared if len(declared) == 1 else ()), *self.family.primary]
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
    def best_first(self) -> tuple[Summary, ...]:
        """All names by their mean in the primary metric; those without one last, by name."""
        sign = -1 if metric_spec(self.primary).better == "higher" else 1
        means = {s.name: s.mean(self.primary) for s in self.summaries}
        return tuple(
            sorted(self.summaries, key=lambda s: (means[s.name] is None, sign * (means[s.name] or 0.0), s.name))
        )

    @cached_property
    def ranked(self) -> tuple[Summary, ...]:
        """Remedies with completed or failed runs, the best mean first."""
        return tuple(s for s in self.best_first if (s.included or s.failed) and s.name != self.baseline)

    @cached_property
    def names(self) -> list[str]:
        """The baseline first, the others by name."""
        return sorted(self.labels, key=lambda name: (name != self.baseline, name))

    @cached_property
    def tables(self) -> Mapping[str, np.ndarray]:
        """Values by metric, [names, seeds]."""
        return {key: table(self.names, self.included, self.failed, key) for key in self.metric_keys}

    @cached_property
    def comparisons(self) -> Mapping[str, Mapping[str, Compared]]:
        """Of each remedy with the baseline, by metric and name."""
        return {key: comparisons(self.names, values, key, self.num_modes) for key, values in self.tables.items()}

    def compared(self, key: str, name: str) -> Compared:
        return self.comparisons[key][name]

    @cached_property
    def groups(self) -> Mapping[str, Groups]:
        """Names with failed seeds, or with seeds in two groups of the primary metric."""
        return groups(self.names, self.tables[self.primary], self.primary) if self.primary else {}

    @cached_property
    def significances(self) -> Mapping[tuple[str, str], Significance]:
        """By metric and name, corrected (Holm) over names for the primary metric, else over names × metrics."""
        found = {}
        for keys in ([self.primary] if self.primary else [], self.side_keys):
            tests = [(key, s.name, p) for key in keys for s in self.remedies if (p := self.compared(key, s.name).p)]
            corrected = holm([p for *_, p in tests])
            found |= {
                (key, name): Significance(p, own, len(tests))
                for (key, name, p), own in zip(tests, corrected, strict=True)
            }
        return found

    def significance(self, key: str, name: str) -> Significance | None:
        """Of one name's difference from the baseline; None where too few seeds have a pair."""
        return self.significances.get((key, name))

    @cached_property
    def metric_keys(self) -> set[str]:
        """Every number that any included run has."""
        return {key for run in self.included for key in run.scalars}

    @property
    def classes(self) -> tuple[str, ...]:
        return self.dataset.classes if self.dataset else ()

    @cached_property
    def num_modes(self) -> int | None:
        """Modes there are to cover: more than classes where characters are stacked."""
        totals = {
            int(run.metrics["modes"]) + len(run.metrics["missing"])
            for run in self.included
            if is_number(run.metrics.get("modes")) and is_names(run.metrics.get("missing"))
        }
        return max(totals, default=None)

    @cached_property
    def name_keys(self) -> list[str]:
        """Every metric that is a list of names in some included run."""
        return sorted({k for run in self.included for k, value in run.metrics.items() if is_names(value)})

    def _summary(self, name: str, found: Mapping[str, Estimate]) -> Summary:
        included = tuple(run for run in self.included if run.name == name)
        kept = {run.folder for run in included}
        return Summary(
            name=name,
            label=self.labels[name],
            included=included,
            failed=tuple(run for run in self.failed if run.name == name),
            excluded=tuple(run for run in self.runs if run.name == name and run.folder not in kept),
            estimates=found,
            differences={} if name == self.baseline else {key: self._paired(name, key) for key in self.metric_keys},
        )

    def _by_seed(self, name: str, key: str) -> dict[int, float]:
        return {run.seed: run.scalars[key] for run in self.included if run.name == name and key in run.scalars}

    def _paired(self, name: str, key: str) -> dict[int, float]:
        treated, baseline = self._by_seed(name, key), self._by_seed(self.baseline, key)
        return {seed: treated[seed] - baseline[seed] for seed in sorted(treated.keys() & baseline.keys())}


def control(section: Section, name: str, key: str) -> float | None:
    """What a metric says of a control, averaged over runs; None if none of them tells."""
    values = [run.controls.get(name, {}).get(key) for run in section.included]
    known = [value for value in values if is_number(value)]
    return fmean(known) if known else None


def _identity(dataset: Dataset, digits: int | None = None) -> str:
    """What tells data from other data: its digest, or the first digits of it, else what it calls itself."""
    return dataset.digest[:digits] if dataset.digest != NO_DIGEST else f"{dataset.name} {dataset.source}"


def group(runs: Sequence[Run], baseline: str | None = None) -> list[Section]:
    """Runs by family, data and the oracle that measured them, GANs first.

    A run that ended before it recorded its data, or never began, joins the only section with runs of its name, else
    the only one of its family, and is listed there, never averaged; if there are several, it stands in one of its own.
    A run that ended before it was measured likewise joins a section on its data.

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
    sections = [
        replace(_section(key[0], found, baseline), oracle=key[3] or None, oracle_differs=times[key[:3]] > 1)
        for key, found in sorted(members.items())
    ]
    called = {summary.name: summary.label for section in sections for summary in section.summaries}
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


def _section(model: str, runs: Sequence[Run], baseline: str | None) -> Section:
    runs = told_apart(runs)
    called = labels({run.name for run in runs})
    chosen = next((name for name in called if baseline in (name, called[name])), None)
    words = family(model).baselines
    assumed = chosen is None and not any(word in name for name in called for word in words)
    chosen = chosen or usual_baseline(called, words)
    datasets = [run.dataset for run in runs if run.dataset]
    fallback = next((dataset for dataset in datasets if dataset.is_fallback), None)
    return Section(model, fallback or (datasets[0] if datasets else None), tuple(runs), chosen, assumed)
