"""Mode collapse under the baseline, in sentences, and what becomes of each name in a run."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from src.core.metric_specs import compact, listed, metric_spec
from src.report.grouping import Section
from src.report.records import Run
from src.report.statistics import MIN_SEEDS
from src.report.verdicts import interval

EARLY, LATE = 1 / 3, 2 / 3


def absence(section: Section, key: str) -> str:
    """Which names of a list metric the baseline loses, and in how many seeds."""
    baseline, family = section.summaries[0], section.family
    if not baseline.included or key not in section.name_keys:
        return ""
    runs = len(baseline.included)
    counts = baseline.absences(key)
    noun = section.dataset.noun
    opening = f"Under `{section.baseline_label}` ({runs} seed{'s' * (runs != 1)})"
    if not counts:
        told = f"{opening} no {noun} are {key} in any seed"
        if key != family.absent:
            return f"{told}."
        if runs < MIN_SEEDS:
            return f"{told}. {no_conclusion(runs)}"
        if set(outcomes_of(baseline.included)) - {"covering", "alive", ""}:
            return f"{told} at the end, though {outcomes(baseline.included)}."
        return f"{told}: there is no collapse here for a {family.remedy} to cure."
    text = f"{opening}, {key} {noun}: {in_seeds(counts, runs, section.classes)}."
    modes = baseline.estimates.get("modes")
    if modes is None or section.num_modes is None:
        return text
    return f"{text} Covered: {interval(modes, metric_spec('modes'))} of {section.num_modes}."


def few(seeds: int) -> str:
    """What follows a label whose seeds are too few for a conclusion, as in " (1 seed)"."""
    return f" ({seeds} seed{'s' * (seeds != 1)})" if seeds < MIN_SEEDS else ""


def no_conclusion(seeds: int) -> str:
    return f"No conclusion from {seeds} seed{'s' * (seeds != 1)}: at least {MIN_SEEDS} are needed."


def in_seeds(counts: Counter[str], runs: int, classes: Sequence[str] = ()) -> str:
    """Names by the number of seeds they are absent in: "Q, X in all 3 seeds; J in 1 of 3".

    Most of the classes are told by those that are not among them: "all but I in all 3 seeds".
    """
    by_count: dict[int, list[str]] = {}
    for name, count in sorted(counts.items()):
        by_count.setdefault(count, []).append(name)
    return "; ".join(
        f"{most(names, classes) or listed(names)} {of_seeds(count, runs)}"
        for count, names in sorted(by_count.items(), reverse=True)
    )


def most(names: Sequence[str], classes: Sequence[str]) -> str:
    """ "all 26" or "all but I", "" for no more than three in four of the classes."""
    if len(names) <= 3 / 4 * len(classes) or not classes or not set(names) <= set(classes):
        return ""
    return f"all but {listed(sorted(set(classes) - set(names)))}" if len(names) < len(classes) else f"all {len(names)}"


def of_seeds(count: int, runs: int) -> str:
    if runs == 1:
        return "in the only seed"
    if count == runs:
        return "in both seeds" if runs == 2 else f"in all {runs} seeds"
    return f"in {count} of {runs}"


OUTCOMES = {
    "collapsed": "collapsed",
    "without effect": "without effect of a level",
    "learning": "still learning",
    "covering": "covering the modes",
    "alive": "alive",
    "": "with no outcome recorded",
}


def outcomes_of(runs: Iterable[Run]) -> Counter[str]:
    """How many runs have each outcome; "" stands for none recorded."""
    return Counter(run.outcome or "" for run in runs)


def outcomes(runs: Sequence[Run]) -> str:
    """As in "collapsed in 5 of 8, still learning in 3 of 8"; "" where no run has an outcome recorded."""
    found = outcomes_of(runs)
    if not set(found) - {""}:
        return ""
    known = [*(key for key in OUTCOMES if key in found), *sorted(found.keys() - OUTCOMES.keys())]
    return ", ".join(f"{OUTCOMES.get(key, key)} {of_seeds(found[key], len(runs))}" for key in known)


def onset(section: Section) -> str:
    """What becomes of the baseline's runs, and when those collapse that do."""
    runs = section.summaries[0].included
    if not runs:
        return ""
    ended = outcomes(runs)
    told = [f"Outcome under `{section.baseline_label}`: {ended}."] if ended else []
    nothing = Counter(run.onset_reason for run in runs if run.onset_reason)
    told += [f"No onset is possible {of_seeds(count, len(runs))}: {reason}." for reason, count in nothing.items()]
    if any(run.onsets.get("") is not None for run in runs):
        told.append(f"Collapse sets in {phases(runs, section.unit)}.")
    elif not nothing:
        told.append(f"Collapse has no onset in {_none_of(len(runs))}: no lasting loss of what had been reached.")
    return " ".join(told)


def phases(runs: tuple[Run, ...], unit: str, level: str = "") -> str:
    """When loss became lasting, early or late in training, by seed; "" if it never did."""
    when = {run.seed: run.onsets.get(level) for run in runs}
    found = {run.seed: phase(when[run.seed], run.images_seen) for run in runs}
    parts = []
    for name in ("early", "midway", "late"):
        seeds = [seed for seed in found if found[seed] == name]
        if seeds:
            counts = ", ".join(dict.fromkeys(compact(when[seed]) for seed in seeds))
            parts.append(f"{name} in {_seeds(seeds)} (from {counts} {unit} on)")
    if not parts:
        return ""
    quiet = [seed for seed in found if not found[seed]]
    ending = f"; no lasting loss in {_seeds(quiet)}" if quiet else ""
    budget = max((run.images_seen or 0 for run in runs), default=0)
    return f"{', '.join(parts)}{ending}; training saw {compact(budget)} {unit}"


def phase(onset: float | None, images_seen: float | None) -> str:
    """One of "early" (first third), "midway", "late" (last third), or "" without one."""
    if onset is None:
        return ""
    progress = onset / images_seen if images_seen else 0.0
    return "early" if progress <= EARLY else "late" if progress > LATE else "midway"


def _none_of(runs: int) -> str:
    return "the only seed" if runs == 1 else "either seed" if runs == 2 else f"any of {runs} seeds"


def _seeds(seeds: list[int | None]) -> str:
    return f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}"


def vanishing(section: Section) -> list[str]:
    """From which evaluation on each name is gone for good, where the histories tell."""
    gone: dict[str, list[float]] = {}
    never: Counter[str] = Counter()
    runs = section.summaries[0].included
    for run in runs:
        for name, fate in fates(run, section.family.absent).items():
            if not fate.present:
                never[name] += 1
            elif fate.gone is not None:
                gone.setdefault(name, []).append(fate.gone)
    sentences = []
    if never:
        sentences.append(f"Never present at any evaluation: {in_seeds(never, len(runs))}.")
    if gone:
        first = sorted(gone, key=lambda name: (min(gone[name]), name))
        spans = [f"{name} from {_span(gone[name])}" for name in first]
        opening = f"Present at first, then gone for good{few(len(runs))}"
        sentences.append(f"{opening}: {listed(spans)} {section.unit} on.")
    return sentences


@dataclass(frozen=True)
class ModeTrajectory:
    """What became of one name in one run; times are samples seen at an evaluation.

    Attributes:
        present: at one evaluation at least.
        first_loss: the first evaluation at which it was absent after it had been present.
        recoveries: how often it was present again after a loss.
        gone: the evaluation from which on it stayed absent, of a name that had been present.
    """

    present: bool
    first_loss: float | None = None
    recoveries: int = 0
    gone: float | None = None


def fates(run: Run, key: str) -> dict[str, ModeTrajectory]:
    """By name, of every name absent at some evaluation; `key` is the history's column of absent names."""
    absences = run.history.absences(key) or []
    seen = run.history.column("images_seen")
    return {name: _fate([name not in absent for absent in absences], seen) for name in sorted(set().union(*absences))}


def _fate(present: list[bool], seen: np.ndarray) -> ModeTrajectory:
    turns = np.diff(np.array(present, dtype=int))
    losses, returns = np.flatnonzero(turns == -1) + 1, np.flatnonzero(turns == 1) + 1
    if not losses.size:
        return ModeTrajectory(any(present))
    gone = None if present[-1] else float(seen[losses[-1]])
    return ModeTrajectory(True, float(seen[losses[0]]), int((returns > losses[0]).sum()), gone)


def _span(values: list[float]) -> str:
    low, high = compact(min(values)), compact(max(values))
    return low if low == high else f"{low}–{high}"
