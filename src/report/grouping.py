"""Runs grouped into what may be compared, under names that tell recipes apart."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from hashlib import sha256

from src.core.metric_families import family
from src.core.run_names import RATES, concerns, key_of, recipe_overrides
from src.report.collect import ReportError
from src.report.naming import labels, usual_baseline
from src.report.records import Run
from src.report.section import Section, identity

Home = tuple[str, str, tuple[int, ...], str]  # family, data, shape of a sample, oracle
LONGEST = 500  # characters of a name


def group(runs: Iterable[Run], baseline: str | None = None) -> list[Section]:
    """Runs by family, data and the oracle that measured them, GANs first.

    A run that ended before it recorded its data joins the only section with runs of its name, else the only one of its
    family; if there are several, it is in one of its own. One that ended before it was measured joins one on its data.

    Raises:
        ReportError: no run has the baseline's name or label.
    """
    members: dict[Home, list[Run]] = {}
    for run in sorted(runs, key=lambda run: (run.dataset is None, not run.completed and not run.oracle)):
        home: Home = (run.model or "unknown", "", (), "")
        fitting = [key for key in members if key[1] and run.model in (None, key[0])]
        if run.dataset:
            home = (home[0], identity(run.dataset), run.dataset.shape, run.oracle)
            fitting = [] if run.completed or run.oracle else [key for key in members if key[:3] == home[:3]]
        called = [key for key in fitting if any(run.name == other.name for other in members[key])] or fitting
        members.setdefault(called[0] if len(called) == 1 else home, []).append(run)
    times = Counter(key[:3] for key in members)
    sections = [_section(key, members[key], baseline, oracle_differs=times[key[:3]] > 1) for key in sorted(members)]
    called_here = {name: label for section in sections for name, label in section.labels.items()}
    if baseline is not None and baseline not in {*called_here, *called_here.values()}:
        raise ReportError(f"--baseline {baseline}: no run has that name. Names here: {', '.join(sorted(called_here))}.")
    return sections


def _section(home: Home, runs: Sequence[Run], baseline: str | None, oracle_differs: bool) -> Section:
    runs = distinguished(runs)
    called = labels({run.name for run in runs})
    chosen = next((name for name in called if baseline in (name, called[name])), None)
    words = family(home[0]).baselines
    assumed = chosen is None and not any(word in name for name in called for word in words)
    datasets = [run.dataset for run in runs if run.dataset]
    dataset = min(datasets, key=lambda one: not one.is_fallback, default=None)
    chosen = chosen or usual_baseline(called, words)
    return Section(home[0], dataset, tuple(runs), chosen, assumed, home[3] or None, oracle_differs)


def distinguished(runs: Sequence[Run]) -> list[Run]:
    """Runs under one name that are not one recipe get names that tell them apart.

    A run's name holds only what its own sweep varied; beside runs from elsewhere that may not be enough. It gets its
    experiment's whole path, then the overrides that not all of its name have, then the settings in which it still
    differs: those of a study, those of a run that went on for longer, those of a recipe that has changed since.
    """
    for differences in (_path, _overrides, _settings):
        by_name: dict[str, list[Run]] = {}
        for run in runs:
            by_name.setdefault(run.name, []).append(run)
        whole = [differences(run, by_name[run.name]) for run in runs]
        ends = [f"…{sha256(name.encode()).hexdigest()[:8]}" if len(name) > LONGEST else "" for name in whole]
        runs = [replace(run, name=name[:LONGEST] + end) for run, name, end in zip(runs, whole, ends, strict=True)]
    return runs


def _path(run: Run, namesakes: Sequence[Run]) -> str:
    """`quick/vae_linear` beside a `vae_linear` that is another recipe."""
    if len({other.recipe for other in namesakes}) == 1:
        return run.name
    return " ".join([run.recipe, *run.name.split(" ")[1:]])


def _overrides(run: Run, namesakes: Sequence[Run]) -> str:
    """Learning rates, which tuning chooses, are no part of the name unless they alone tell runs apart.

    Nor is an override of which all know the value as a setting: settings tell them apart, or say what the others have.
    """
    own = {other.folder: recipe_overrides(other.overrides) for other in namesakes}
    unrated = {folder: [text for text in texts if not concerns(key_of(text), RATES)] for folder, texts in own.items()}
    if len({*map(frozenset, unrated.values())}) == len({*map(frozenset, own.values())}):
        own = unrated
    shared = set.intersection(*map(set, own.values()))
    known = set.intersection(*(set(other.facts.get("settings", {})) for other in namesakes))
    words = [text for text in own[run.folder] if text not in shared]
    words = [text for text in words if key_of(text).removeprefix("study.") not in known]
    return " ".join([run.name, *(text for text in words if text not in run.name.split())])


def _settings(run: Run, namesakes: Sequence[Run]) -> str:
    """A setting that only some have, being newer than the others, is no difference."""
    settings = [other.facts.get("settings", {}) for other in namesakes]
    own = run.facts.get("settings", {}).items()
    differing = [f"{key}={value}" for key, value in own if any(other.get(key, value) != value for other in settings)]
    return " ".join([run.name, *differing])
