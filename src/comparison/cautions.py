"""Sentences that say what the numbers do not support."""

from collections import Counter

from src.comparison.measures import compact, measure
from src.comparison.records import is_number
from src.comparison.sections import Section
from src.comparison.statistics import MIN_SEEDS, estimate
from src.comparison.verdicts import equal_budgets, kl_at_floor

TRUSTED_ORACLE = 0.9
MANY_COMPARISONS = 4


def cautions(section: Section) -> list[str]:
    """Everything that limits the conclusions, the gravest first."""
    grave = (_lost, _no_baseline, _few_seeds, _controls, _oracle, _budgets)
    checks = (*grave, _floor, _commits, _repeats, _many)
    return [text for check in checks if (text := check(section))]


def _lost(section: Section) -> str:
    lost = [run for run in section.runs if not run.completed]
    if not lost:
        return ""
    by_name: dict[str, Counter[str]] = {}
    for run in lost:
        by_name.setdefault(run.name, Counter())[run.status] += 1
    parts = ", ".join(
        f"`{name}` ({', '.join(f'{n} {status}' for status, n in sorted(counts.items()))})"
        for name, counts in sorted(by_name.items())
    )
    return (
        f"{len(lost)} of {len(section.runs)} runs did not complete and are not averaged: {parts}. "
        "What is averaged are the survivors."
    )


def _no_baseline(section: Section) -> str:
    if section.summaries[0].counted:
        return ""
    return f"The baseline `{section.baseline}` has no completed run, so nothing can be compared with it."


def _few_seeds(section: Section) -> str:
    few = {s.name: len(s.counted) for s in section.summaries if len(s.counted) < MIN_SEEDS}
    if not few:
        return ""
    counts = ", ".join(f"`{name}` {count}" for name, count in few.items())
    return f"Fewer than {MIN_SEEDS} completed seeds: {counts}. No conclusion is drawn from them."


def _controls(section: Section) -> str:
    """The counts of modes mean something only if junk scores far below real data."""
    scores = {
        control: estimate(
            run.controls[control]["modes"]
            for run in section.counted
            if is_number(run.controls.get(control, {}).get("modes"))
        ).mean
        for control in sorted({name for run in section.counted for name in run.controls})
    }
    real = scores.pop("real", None)
    fooled = {name: score for name, score in scores.items() if real and score and score > real / 2}
    if not fooled:
        return ""
    shown = measure("modes")
    junk = " and ".join(f"`{name}` scores {shown.text(score)} modes" for name, score in fooled.items())
    return f"Distrust modes here: {junk} where held-out real data score {shown.text(real)}."


def _oracle(section: Section) -> str:
    known = [run.facts["oracle_accuracy"] for run in section.counted if run.facts.get("oracle_accuracy")]
    if not known or min(known) >= TRUSTED_ORACLE:
        return ""
    return (
        f"The oracle is right on only {min(known):.1%} of held-out data; modes and KL cannot be more exact than that."
    )


def _budgets(section: Section) -> str:
    if equal_budgets(*section.summaries):
        return ""
    seen = [run.images_seen for run in section.counted if run.images_seen]
    low, high = compact(min(seen)), compact(max(seen))
    return f"Budgets differ, from {low} to {high} samples: this is not a comparison at equal budgets."


def _floor(section: Section) -> str:
    at_floor = [f"`{summary.name}`" for summary in section.summaries if kl_at_floor(summary)]
    if not at_floor:
        return ""
    floor = measure("kl_floor").text(section.summaries[0].mean("kl_floor"))
    return (
        f"KL at the floor of a perfect sampler ({floor}): {', '.join(at_floor)}. "
        "Differences among them are sampling noise."
    )


def _commits(section: Section) -> str:
    commits = sorted({run.facts["git"] for run in section.counted if run.facts.get("git")})
    if len(commits) < 2:
        return ""
    return f"The runs come from {len(commits)} versions of the code ({', '.join(c[:9] for c in commits)})."


def _repeats(section: Section) -> str:
    if not section.repeats:
        return ""
    count = len(section.repeats)
    return (
        f"{count} completed run{'s' * (count > 1)} left out: a later one has the same name and seed, "
        "and a repeated seed is no new evidence."
    )


def _many(section: Section) -> str:
    compared = sum(bool(summary.counted) for summary in section.remedies)
    text = "“No difference shown” is not “no difference”: the interval says what remains possible."
    if compared < MANY_COMPARISONS:
        return text if compared else ""
    return (
        f"{text} With {compared} names, about one 95 % interval in twenty misses zero by chance alone: "
        "confirm a narrow verdict with fresh seeds."
    )
