"""Sentences that say what the numbers do not support."""

from collections import Counter
from collections.abc import Callable, Iterable

from src.core.metric_specs import compact, listed, metric_spec
from src.evaluation.metrics.onset import ACTIVE_NATS
from src.report.grouping import Section
from src.report.measurement_warnings import (
    fooled,
    importance,
    junk_modes,
    one_oracle,
    sample_sizes,
    useless_oracle,
    weak_oracle,
)
from src.report.records import Run
from src.report.statistics import MIN_SEEDS
from src.report.verdicts import equal_budgets, equal_samples, equal_updates, kl_at_floor

MANY_COMPARISONS = 4
MANY_NAMES = 5  # to be counted one by one where all have the same number of seeds


def cautions(section: Section) -> list[str]:
    """Everything that limits the conclusions, the most_severe first."""
    checks = (*GRAVE, _updates, fooled, _floor, _commits, _repeats, _many)
    return [text for check in checks if (text := check(section))]


def most_severe(section: Section) -> tuple[str, str]:
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
    failed = "Failed and diverged ones count as the worst in every test. " * bool(section.failed)
    unknown = "The others are missing: what is compared are the rest." * any(not run.failed for run in lost)
    return f"{len(lost)} of {len(section.runs)} runs did not complete: {parts}. {failed}{unknown}".strip()


def _lost_in_short(section: Section) -> str:
    lost = [run for run in section.runs if run.lost]
    return f"{len(lost)} of {len(section.runs)} runs did not complete ({statuses(lost)})"


def statuses(runs: Iterable[Run]) -> str:
    """As in "2 unfinished, 1 never started"."""
    return ", ".join(f"{count} {status}" for status, count in sorted(Counter(run.status for run in runs).items()))


def _no_baseline(section: Section) -> str:
    if section.summaries[0].included:
        return ""
    return f"The baseline `{section.baseline_label}` has no completed run, so nothing can be compared with it."


def _assumed_baseline(section: Section) -> str:
    if not section.assumed or not section.remedies:
        return ""
    words = " or ".join(f"“{word}”" for word in section.family.baselines)
    return (
        f"No name says {words}, so the first of them, `{section.baseline_label}`, was taken as the baseline. "
        "Every difference and verdict is against it; `--baseline NAME` chooses another."
    )


def _undeclared(section: Section) -> str:
    """The runs declared another primary metric than the one that had to decide."""
    declared = sorted({run.facts.get("primary") for run in section.runs} - {None})
    if not declared or section.primary in declared or set(declared) <= set(section.family.primary):
        return ""
    label = metric_spec(section.primary).label if section.primary else "no metric"
    return f"The runs declared {' and '.join(declared)} as primary metric, which they do not have: {label} decides."


def _few_seeds(section: Section) -> str:
    few = {s.label: len(s.included) for s in section.summaries if len(s.included) < MIN_SEEDS}
    if not few:
        return ""
    counts = ", ".join(f"`{name}` {count}" for name, count in few.items())
    if len(few) == len(section.summaries) > MANY_NAMES and len(set(few.values())) == 1:
        counts = f"{min(few.values())} of each name"
    return f"Fewer than {MIN_SEEDS} completed seeds: {counts}. No conclusion is drawn from them."


def _budgets(section: Section) -> str:
    if equal_budgets(*section.summaries):
        return ""
    seen = [run.images_seen for run in section.included if run.images_seen]
    low, high = compact(min(seen)), compact(max(seen))
    return (
        f"Budgets differ, from {low} to {high} {section.unit}, and generator updates differ too: this is not a "
        "comparison at equal budgets."
    )


def _updates(section: Section) -> str:
    """At equal images a recipe with several critic steps makes fewer generator updates, and the other way round."""
    runs = [run for run in section.included if run.images_seen]
    steps = [run.generator_steps for run in runs]
    if None in steps or equal_samples(runs) == equal_updates(runs):
        return ""
    if equal_samples(runs):
        low, high = compact(min(steps)), compact(max(steps))
        return (
            f"At equal {section.unit}, but not at equal generator updates ({low} to {high}): with "
            "`budget_in=generator_steps` recipes with several discriminator updates make as many as the others."
        )
    seen = [run.images_seen for run in runs]
    return (
        f"At equal generator updates, but not at equal {section.unit} ({compact(min(seen))} to {compact(max(seen))}): "
        "what the discriminator saw in between is on top."
    )


def _hollow(section: Section) -> str:
    """A level can have a KL, forced by its loss, and tell the decoder nothing."""
    found = []
    for summary in section.summaries:
        for level in section.family.levels:
            kl, usage = summary.mean(f"kl_{level}"), summary.mean(f"usage_{level}")
            if kl is not None and usage is not None and kl >= ACTIVE_NATS > usage:
                rate, cost = metric_spec(f"kl_{level}").text(kl), metric_spec(f"usage_{level}").text(usage)
                found.append(f"`{summary.label}` {level} (KL {rate}; shuffling it costs {cost} nats)")
    return f"Alive by their KL, but not used by the decoder: {', '.join(found)}." if found else ""


def _floor(section: Section) -> str:
    at_floor = [f"`{summary.label}`" for summary in section.summaries if kl_at_floor(summary)]
    if not at_floor:
        return ""
    floor = metric_spec("kl_floor").text(section.summaries[0].mean("kl_floor"))
    return (
        f"KL at the floor of a perfect sampler ({floor}): {', '.join(at_floor)}. "
        "Differences among them are sampling noise."
    )


def _commits(section: Section) -> str:
    commits = sorted({run.facts["git"] for run in section.included if run.facts.get("git")})
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
    _lost: "`python -m src.train study.resume=FOLDER` runs what is missing, and “All runs” has the errors",
    _no_baseline: "run it too",
    _assumed_baseline: "rebuild the report with the `--baseline` that you mean",
    _undeclared: "set `study.primary.gan=` or `study.primary.vae=` to a metric in results.json",
    _few_seeds: f"run at least {MIN_SEEDS} seeds of every name before concluding anything",
    junk_modes: "look at the samples before believing any count",
    useless_oracle: "rely on no count of classes, and look at what does not need the oracle",
    weak_oracle: "believe no difference that is smaller than its error",
    _budgets: "repeat with the same `budget=` for all, of samples or with `budget_in=generator_steps`",
    _hollow: "count a level as alive only where shuffling it costs nats too",
    importance: "evaluate all of them with one k",
    sample_sizes: "repeat with the same `evaluator.num_samples=` and `evaluator.num_held_out=` for all",
    one_oracle: "compare only runs that one oracle has judged",
}
