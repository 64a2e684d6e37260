"""Runs grouped into what may be compared: one model family on one data set, against one baseline."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from src.comparison.collect import ReportError
from src.comparison.measures import Family, family, measure
from src.comparison.records import Dataset, Run, is_names, is_number
from src.comparison.statistics import Estimate, estimate, paired_differences
from src.names import recipe_overrides


@dataclass(frozen=True)
class Summary:
    """One name's completed runs, one per seed, averaged; `differences` are paired with the baseline's."""

    name: str
    counted: tuple[Run, ...]
    others: tuple[Run, ...]
    estimates: Mapping[str, Estimate]
    differences: Mapping[str, Mapping[int, float]]

    def difference(self, key: str) -> Estimate:
        return estimate(self.differences.get(key, {}).values())

    def mean(self, key: str) -> float | None:
        return self.estimates.get(key, Estimate(0)).mean

    def absences(self, key: str) -> Counter[str]:
        """In how many of the counted runs each name of a list metric appears."""
        return Counter(name for run in self.counted for name in run.names(key))


@dataclass(frozen=True)
class Section:
    """What may be compared: every run of one model family on one data set.

    Averaged are completed runs only, and of several with the same name and seed only the latest.
    """

    model: str
    dataset: Dataset | None
    runs: tuple[Run, ...]
    baseline: str

    @cached_property
    def family(self) -> Family:
        return family(self.model)

    @cached_property
    def slug(self) -> str:
        digest = self.dataset.digest if self.dataset else "unknown"
        channels = self.dataset.shape[0] if self.dataset and self.dataset.shape else 1
        stack = f"_stack{channels}" if channels > 1 else ""
        return "".join(c if c.isalnum() else "_" for c in f"{self.model}_{digest[:8]}{stack}")

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
        names = sorted({run.name for run in self.runs}, key=lambda name: (name != self.baseline, name))
        return tuple(self._summary(name) for name in names)

    @cached_property
    def remedies(self) -> tuple[Summary, ...]:
        return self.summaries[1:]

    @cached_property
    def ranked(self) -> tuple[Summary, ...]:
        """Remedies with completed runs, the largest gain in the family's first headline metric first."""
        key = next((key for key in self.family.headline if key in self.metric_keys), "")
        sign = -1 if measure(key).better == "higher" else 1
        gains = {s.name: sign * (s.difference(key).mean or 0.0) for s in self.remedies}
        return tuple(sorted((s for s in self.remedies if s.counted), key=lambda s: (gains[s.name], s.name)))

    @cached_property
    def metric_keys(self) -> set[str]:
        """Every number that any counted run has."""
        return {key for run in self.counted for key in run.scalars}

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
            counted=counted,
            others=tuple(run for run in self.runs if run.name == name and run.folder not in kept),
            estimates={key: estimate(self._by_seed(name, key).values()) for key in self.metric_keys},
            differences=compared,
        )

    def _by_seed(self, name: str, key: str) -> dict[int, float]:
        return {run.seed: run.scalars[key] for run in self.counted if run.name == name and key in run.scalars}

    def _paired(self, name: str, key: str) -> dict[int, float]:
        return paired_differences(self._by_seed(name, key), self._by_seed(self.baseline, key))


def group(runs: Sequence[Run], baseline: str | None = None) -> list[Section]:
    """Runs by family and data, GANs first.

    A run that ended before it recorded its data joins the only section it could belong to, and is listed
    there, never averaged; if there are several, it stands in a section of its own.
    """
    if baseline is not None and baseline not in {run.name for run in runs}:
        names = ", ".join(sorted({run.name for run in runs}))
        raise ReportError(f"--baseline {baseline}: no run has that name. Names here: {names}.")
    members: dict[tuple[str, str, tuple[int, ...]], list[Run]] = {}
    for run in runs:
        if run.dataset:
            members.setdefault((run.model or "unknown", run.dataset.digest, run.dataset.shape), []).append(run)
    homes = list(members)
    for run in runs:
        if not run.dataset:
            fitting = [key for key in homes if run.model in (None, key[0])]
            home = fitting[0] if len(fitting) == 1 else (run.model or "unknown", "", ())
            members.setdefault(home, []).append(run)
    return [_section(model, found, baseline) for (model, *_), found in sorted(members.items())]


def told_apart(runs: Sequence[Run]) -> list[Run]:
    """Runs under one name but with other overrides get those overrides added to their names.

    A run's name holds only what its own sweep varied; beside runs from elsewhere that may not be enough.
    """
    overrides = {run.folder: recipe_overrides(run.overrides) for run in runs}
    shared: dict[str, set[str]] = {}
    for run in runs:
        shared[run.name] = shared.get(run.name, set(overrides[run.folder])) & set(overrides[run.folder])
    own = {run.folder: [o for o in overrides[run.folder] if o not in shared[run.name]] for run in runs}
    return [
        replace(run, name=" ".join([run.name, *(o for o in own[run.folder] if o not in run.name.split())]))
        for run in runs
    ]


def _section(model: str, runs: Sequence[Run], baseline: str | None) -> Section:
    runs = told_apart(runs)
    names = {run.name for run in runs}
    chosen = baseline if baseline in names else _usual_baseline(names, family(model).baseline)
    datasets = [run.dataset for run in runs if run.dataset]
    fallback = next((dataset for dataset in datasets if dataset.is_fallback), None)
    return Section(model, fallback or (datasets[0] if datasets else None), tuple(runs), chosen)


def _usual_baseline(names: set[str], word: str) -> str:
    """The name that ends in the word, else contains it, else the first; of several the shortest."""
    return min(
        names,
        key=lambda name: (not name.endswith(word), word not in name, len(name) * (word in name), name),
    )
