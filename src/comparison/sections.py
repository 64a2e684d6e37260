"""Runs grouped into what may be compared: one model family on one data set, against one baseline."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from statistics import fmean

from src.comparison.collect import NO_DIGEST, ReportError
from src.comparison.families import Family, family
from src.comparison.measures import measure
from src.comparison.naming import labels, told_apart, usual_baseline
from src.comparison.records import Dataset, Run, is_names, is_number
from src.comparison.statistics import (
    Estimate,
    Significance,
    estimate,
    paired_differences,
    significances,
)

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
    """One name's completed runs, one per seed, averaged; `differences` are paired with the baseline's.

    `label` is what the page calls it, the name without what all names share.
    """

    name: str
    label: str
    counted: tuple[Run, ...]
    others: tuple[Run, ...]
    estimates: Mapping[str, Estimate]
    differences: Mapping[str, Mapping[int, float]]

    def difference(self, key: str) -> Estimate:
        return estimate(self.differences.get(key, {}).values(), 2 * measure(key).rounding)

    def mean(self, key: str) -> float | None:
        return self.estimates.get(key, Estimate(0)).mean

    def absences(self, key: str) -> Counter[str]:
        """In how many of the counted runs each name of a list metric appears."""
        return Counter(name for run in self.counted for name in run.names(key))


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
    def counted(self) -> tuple[Run, ...]:
        usable = [run for run in self.runs if run.completed and run.dataset and run.seed is not None]
        latest = {(run.name, run.seed): run for run in sorted(usable, key=lambda run: run.finished_at)}
        return tuple(sorted(latest.values(), key=lambda run: (run.name, run.seed)))

    @cached_property
    def repeats(self) -> tuple[Run, ...]:
        """Completed runs left out because a later one has the same name and seed."""
        kept = {run.folder for run in self.counted}
        seeded = (run for run in self.runs if run.completed and run.dataset and run.seed is not None)
        return tuple(run for run in seeded if run.folder not in kept)

    @cached_property
    def summaries(self) -> tuple[Summary, ...]:
        """One per name, the baseline first, the others by name."""
        names = sorted(self.labels, key=lambda name: (name != self.baseline, name))
        return tuple(self._summary(name) for name in names)

    @cached_property
    def remedies(self) -> tuple[Summary, ...]:
        return self.summaries[1:]

    @cached_property
    def ranking_key(self) -> str:
        """The family's first headline metric that is better one way, "" where no run has any."""
        return next((key for key in self.family.headline if key in self.metric_keys and measure(key).better), "")

    @cached_property
    def best_first(self) -> tuple[Summary, ...]:
        """All names by their mean in the metric that ranks; those without one last, by name."""
        sign = -1 if measure(self.ranking_key).better == "higher" else 1
        means = {s.name: s.mean(self.ranking_key) for s in self.summaries}
        return tuple(
            sorted(self.summaries, key=lambda s: (means[s.name] is None, sign * (means[s.name] or 0.0), s.name))
        )

    @cached_property
    def ranked(self) -> tuple[Summary, ...]:
        """Remedies with completed runs, the best mean first."""
        return tuple(s for s in self.best_first if s.counted and s.name != self.baseline)

    @cached_property
    def significances(self) -> Mapping[str, Mapping[str, Significance]]:
        """Of the paired differences, by metric and name; all remedies on one metric are a family."""
        return {
            key: significances(
                {s.name: s.differences[key].values() for s in self.remedies}, rounding=2 * measure(key).rounding
            )
            for key in self.metric_keys
        }

    def significance(self, key: str, name: str) -> Significance | None:
        """Of one name's difference from the baseline; None where too few seeds have a pair."""
        return self.significances.get(key, {}).get(name)

    @cached_property
    def metric_keys(self) -> set[str]:
        """Every number that any counted run has."""
        return {key for run in self.counted for key in run.scalars}

    @property
    def classes(self) -> tuple[str, ...]:
        return self.dataset.classes if self.dataset else ()

    @cached_property
    def num_modes(self) -> int | None:
        """Modes there are to cover: more than classes where characters are stacked."""
        totals = {
            int(run.metrics["modes"]) + len(run.metrics["missing"])
            for run in self.counted
            if is_number(run.metrics.get("modes")) and is_names(run.metrics.get("missing"))
        }
        return max(totals, default=None)

    @cached_property
    def name_keys(self) -> list[str]:
        """Every metric that is a list of names in some counted run."""
        return sorted({k for run in self.counted for k, value in run.metrics.items() if is_names(value)})

    def _summary(self, name: str) -> Summary:
        counted = tuple(run for run in self.counted if run.name == name)
        kept = {run.folder for run in counted}
        compared = {} if name == self.baseline else {key: self._paired(name, key) for key in self.metric_keys}
        return Summary(
            name=name,
            label=self.labels[name],
            counted=counted,
            others=tuple(run for run in self.runs if run.name == name and run.folder not in kept),
            estimates={
                key: estimate(self._by_seed(name, key).values(), measure(key).rounding) for key in self.metric_keys
            },
            differences=compared,
        )

    def _by_seed(self, name: str, key: str) -> dict[int, float]:
        return {run.seed: run.scalars[key] for run in self.counted if run.name == name and key in run.scalars}

    def _paired(self, name: str, key: str) -> dict[int, float]:
        return paired_differences(self._by_seed(name, key), self._by_seed(self.baseline, key))


def control(section: Section, name: str, key: str) -> float | None:
    """What a metric says of a control, averaged over runs; None if none of them tells."""
    values = [run.controls.get(name, {}).get(key) for run in section.counted]
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
