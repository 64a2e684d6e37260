"""Sentences on the baseline: what goes missing, and from when on."""

from collections import Counter
from collections.abc import Iterable

from src.comparison.measures import compact, measure
from src.comparison.records import Run
from src.comparison.sections import Section
from src.comparison.verdicts import interval

EARLY, LATE = 1 / 3, 2 / 3
MOST_NAMES = 30


def absence(section: Section) -> str:
    """Which names the baseline loses, and in how many seeds."""
    baseline, family = section.summaries[0], section.family
    if not baseline.counted or family.absent not in section.name_keys:
        return ""
    runs = len(baseline.counted)
    counts = baseline.absences(family.absent)
    noun = section.dataset.noun if family.absent == "missing" else "levels"
    opening = f"Under `{section.baseline}` ({runs} seed{'s' * (runs != 1)})"
    if not counts:
        return (
            f"{opening} no {noun} are {family.absent} in any seed: "
            f"there is no collapse here for a {family.remedy} to cure."
        )
    text = f"{opening}, {family.absent} {noun}: {in_seeds(counts, runs)}."
    modes = baseline.estimates.get("modes")
    if modes is None or section.num_modes is None:
        return text
    return f"{text} Covered: {interval(modes, measure('modes'))} of {section.num_modes}."


def in_seeds(counts: Counter[str], runs: int) -> str:
    """Names by the number of seeds they are absent in: "Q, X in all 3 seeds; J in 1 of 3"."""
    by_count: dict[int, list[str]] = {}
    for name, count in sorted(counts.items()):
        by_count.setdefault(count, []).append(name)
    return "; ".join(f"{listed(names)} {_of(count, runs)}" for count, names in sorted(by_count.items(), reverse=True))


def _of(count: int, runs: int) -> str:
    if runs == 1:
        return "in the only seed"
    if count == runs:
        return "in both seeds" if runs == 2 else f"in all {runs} seeds"
    return f"in {count} of {runs}"


def listed(names: Iterable[str]) -> str:
    """Names with commas, cut where the list would fill the page."""
    names = list(names)
    if len(names) <= MOST_NAMES:
        return ", ".join(names)
    return f"{', '.join(names[:MOST_NAMES])} and {len(names) - MOST_NAMES} more"


def onsets(section: Section) -> list[str]:
    """When collapse sets in under the baseline, early or late in training, a sentence per level."""
    runs = section.summaries[0].counted
    levels = list(dict.fromkeys(level for run in runs for level in run.onsets))
    return [_onset(runs, level) for level in levels]


def _onset(runs: tuple[Run, ...], level: str) -> str:
    when = {run.seed: run.onsets.get(level) for run in runs}
    phases = {run.seed: phase(run.onsets.get(level), run.images_seen) for run in runs}
    subject = f"Collapse of {level}" if level else "Collapse"
    shown = [phases[seed] for seed in phases if phases[seed]]
    if not shown:
        return f"{subject} has no onset in {_none_of(len(runs))}: no lasting loss of what had been reached."
    parts = []
    for name in ("from the start", "early", "midway", "late"):
        seeds = [seed for seed in phases if phases[seed] == name]
        if seeds and name == "from the start":
            never = "" if level else " (never covered half)"
            parts.append(f"from the start in {_seeds(seeds)}{never}")
        elif seeds:
            counts = ", ".join(dict.fromkeys(compact(when[seed]) for seed in seeds))
            parts.append(f"{name} in {_seeds(seeds)} (from {counts} samples on)")
    quiet = [seed for seed in phases if not phases[seed]]
    ending = f"; no lasting loss in {_seeds(quiet)}" if quiet else ""
    budget = max((run.images_seen or 0 for run in runs), default=0)
    return f"{subject} sets in {', '.join(parts)}{ending}; training saw {compact(budget)} samples."


def phase(onset: float | None, images_seen: float | None) -> str:
    """One of "from the start", "early" (first third), "midway", "late" (last third), or "" without one."""
    if onset is None:
        return ""
    if onset == 0:
        return "from the start"
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
    runs = section.summaries[0].counted
    for run in runs:
        for name, since in gone_since(run, section.family.absent).items():
            if since is None:
                never[name] += 1
            else:
                gone.setdefault(name, []).append(since)
    sentences = []
    if never:
        sentences.append(f"Never present at any evaluation: {in_seeds(never, len(runs))}.")
    if gone:
        first = sorted(gone, key=lambda name: (min(gone[name]), name))
        spans = [f"{name} from {_span(gone[name])}" for name in first]
        sentences.append(f"Present at first, then gone for good: {listed(spans)} samples on.")
    return sentences


def gone_since(run: Run, key: str) -> dict[str, float | None]:
    """Samples seen at the first evaluation from which a name stays absent; None if it never was present."""
    absences = run.history.absences(key)
    if not absences:
        return {}
    seen = run.history.column("images_seen")
    since: dict[str, float | None] = {}
    for name in sorted(absences[-1]):
        present = [row for row, absent in enumerate(absences) if name not in absent]
        since[name] = float(seen[present[-1] + 1]) if present else None
    return since


def _span(values: list[float]) -> str:
    low, high = compact(min(values)), compact(max(values))
    return low if low == high else f"{low}–{high}"
