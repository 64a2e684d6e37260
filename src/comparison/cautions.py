"""Sentences that say what the numbers do not support."""

from collections import Counter
from collections.abc import Callable, Iterable

from src.comparison.collapse import listed
from src.comparison.measures import compact, measure
from src.comparison.records import Run
from src.comparison.sections import CONTROLS, Section, control
from src.comparison.statistics import MIN_SEEDS
from src.comparison.verdicts import equal_budgets, kl_at_floor
from src.metrics.onset import ACTIVE_NATS

TRUSTED_ORACLE = 0.9
MANY_COMPARISONS = 4
MANY_NAMES = 5  # to be counted one by one where all have the same number of seeds


def cautions(section: Section) -> list[str]:
    """Everything that limits the conclusions, the gravest first."""
    checks = (*GRAVE, _fooled, _floor, _commits, _repeats, _many)
    return [text for check in checks if (text := check(section))]


def gravest(section: Section) -> tuple[str, str]:
    """The first grave caution as a clause, and what to do about it; two empty texts where there is none."""
    for check, advice in GRAVE.items():
        if text := check(section):
            clause = _lost_in_short(section) if check is _lost else text.partition(". ")[0].rstrip(".")
            return clause if clause.startswith("IWAE") else clause[:1].lower() + clause[1:], advice
    return "", ""


def _lost(section: Section) -> str:
    lost = [run for run in section.runs if run.lost]
    if not lost:
        return ""
    by_name: dict[str, list[Run]] = {}
    for run in lost:
        by_name.setdefault(section.labels[run.name], []).append(run)
    parts = listed(f"`{name}` ({statuses(runs)})" for name, runs in sorted(by_name.items()))
    return (
        f"{len(lost)} of {len(section.runs)} runs did not complete and are not averaged: {parts}. "
        "What is averaged are the survivors."
    )


def _lost_in_short(section: Section) -> str:
    lost = [run for run in section.runs if run.lost]
    return f"{len(lost)} of {len(section.runs)} runs did not complete ({statuses(lost)})"


def statuses(runs: Iterable[Run]) -> str:
    """As in "2 unfinished, 1 never started"."""
    return ", ".join(f"{count} {status}" for status, count in sorted(Counter(run.status for run in runs).items()))


def _no_baseline(section: Section) -> str:
    if section.summaries[0].counted:
        return ""
    return f"The baseline `{section.baseline_label}` has no completed run, so nothing can be compared with it."


def _few_seeds(section: Section) -> str:
    few = {s.label: len(s.counted) for s in section.summaries if len(s.counted) < MIN_SEEDS}
    if not few:
        return ""
    counts = ", ".join(f"`{name}` {count}" for name, count in few.items())
    if len(few) == len(section.summaries) > MANY_NAMES and len(set(few.values())) == 1:
        counts = f"{min(few.values())} of each name"
    return f"Fewer than {MIN_SEEDS} completed seeds: {counts}. No conclusion is drawn from them."


def _controls(section: Section) -> str:
    """The counts of modes mean something only if junk scores far below real data."""
    scores = {
        name: control(section, name, "modes") for name in sorted({n for r in section.counted for n in r.controls})
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
    return f"Budgets differ, from {low} to {high} {section.unit}: this is not a comparison at equal budgets."


def _hollow(section: Section) -> str:
    """A level can have a KL, forced by its loss, and tell the decoder nothing."""
    found = []
    for summary in section.summaries:
        for level in section.family.levels:
            kl, usage = summary.mean(f"kl_{level}"), summary.mean(f"usage_{level}")
            if kl is not None and usage is not None and kl >= ACTIVE_NATS > usage:
                rate, cost = measure(f"kl_{level}").text(kl), measure(f"usage_{level}").text(usage)
                found.append(f"`{summary.label}` {level} (KL {rate}; shuffling it costs {cost} nats)")
    return f"Alive by their KL, but not used by the decoder: {', '.join(found)}." if found else ""


def _importance(section: Section) -> str:
    used = sorted({run.scalars["importance_samples"] for run in section.counted if "importance_samples" in run.scalars})
    if len(used) < 2:
        return ""
    counts = ", ".join(f"{number:.0f}" for number in used)
    return f"IWAE NLL was estimated with k = {counts}: more samples give a lower value, so these cannot be compared."


def _fooled(section: Section) -> str:
    """Metrics of samples by which junk is at least as good as held-out real data."""
    found = []
    for key in section.family.samples:
        shown, real = measure(key), control(section, "real", key)
        junk = {name: control(section, name, key) for name in ("noise", "single")}
        sign = 1 if shown.better == "higher" else -1
        liked = [name for name, score in junk.items() if None not in (score, real) and sign * (score - real) >= 0]
        if liked:
            scores = " and ".join(f"{CONTROLS[name]} {shown.text(junk[name])}" for name in liked)
            found.append(f"{shown.label} (real data {shown.text(real)}, {scores})")
    return f"Metrics that junk passes, to be read only beside the others: {'; '.join(found)}." if found else ""


def _floor(section: Section) -> str:
    at_floor = [f"`{summary.label}`" for summary in section.summaries if kl_at_floor(summary)]
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
    return f"The runs come from {len(commits)} versions of the code ({', '.join(commits)})."


def _repeats(section: Section) -> str:
    if not section.repeats:
        return ""
    count = len(section.repeats)
    return (
        f"{count} completed run{'s' * (count > 1)} left out: a later one has the same name and seed, "
        "and a repeated seed is no new evidence."
    )


def _many(section: Section) -> str:
    compared = len(section.ranked)
    text = "“No difference shown” is not “no difference”: the interval says what remains possible."
    if compared < MANY_COMPARISONS:
        return text if compared else ""
    return (
        f"{text} With {compared} names, about one 95 % interval in twenty misses zero by chance alone; "
        "verdicts are corrected for that (Holm), intervals are not."
    )


# By check, what its reader should do next.
GRAVE: dict[Callable[[Section], str], str] = {
    _lost: "the same command with `study.resume=FOLDER` runs what is missing, and “All runs” has the errors",
    _no_baseline: "run it too",
    _few_seeds: f"run at least {MIN_SEEDS} seeds of every name before concluding anything",
    _controls: "look at the samples before believing any count",
    _oracle: "believe no difference that is smaller than its error",
    _budgets: "repeat with the same `budget=` for all",
    _hollow: "count a level as alive only where shuffling it costs nats too",
    _importance: "evaluate all of them with one k",
}
