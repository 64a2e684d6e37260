"""Sentences on posterior collapse: which level dies under the baseline, what keeps it, how good the best model is."""

from statistics import fmean

from src.core.metric_specs import listed, metric_spec
from src.evaluation.metrics.onset import ACTIVE_NATS
from src.report.grouping import Section, Summary
from src.report.statistics import MIN_SEEDS, Estimate
from src.report.trajectories import few, no_conclusion, of_seeds, phases
from src.report.verdicts import interval, losses


def evidence(section: Section) -> list[str]:
    """Which levels collapse under the baseline, and which live; nothing where it has no completed run."""
    return [_baseline(section), *_alive(section)] if section.summaries[0].included else []


def prevention(section: Section) -> list[str]:
    """Level by level, under which strategies it lives."""
    return [text for level in section.family.levels if (text := _strategies(section, level))]


def _baseline(section: Section) -> str:
    """What collapses under the baseline and when; that nothing does is said as clearly."""
    baseline = section.summaries[0]
    runs = len(baseline.included)
    opening = f"Under `{baseline.label}`"
    levels = section.family.levels
    lost = [level for level in levels if losses(section, baseline, level)]
    idle = "".join(
        f"Level {level} is without effect {of_seeds(count, runs)}: neither its use by the decoder nor what it says of "
        "the sample exceeds what shuffled pairs give. "
        for level, count in sorted(baseline.absences("without_effect").items())
    )
    if not lost:
        return (
            f"{opening} ({runs} seed{'s' * (runs != 1)}) no level collapses: {_rates(baseline, levels)}; "
            f"a level counts as collapsed under {ACTIVE_NATS} nats. {idle or _nothing_to_cure(section)}".rstrip()
        )
    parts = []
    for level in lost:
        when = phases(baseline.included, section.unit, level)
        share = of_seeds(losses(section, baseline, level), runs)
        parts.append(f"level {level} collapsed {share} ({_rates(baseline, [level])}){': ' if when else ''}{when}")
    return f"{opening} {'. And '.join(parts)}. {idle}".rstrip()


def _nothing_to_cure(section: Section) -> str:
    """Only the plain bound shows what there is to cure; a strategy may have cured it already."""
    plain, baseline = section.family.baselines[0], section.summaries[0]
    if plain in baseline.name and len(baseline.included) < MIN_SEEDS:
        return no_conclusion(len(baseline.included))
    if plain in baseline.name:
        return f"There is no posterior collapse here for a {section.family.remedy} to cure."
    return f"Whether `{baseline.label}` prevented a collapse is not known: `{plain}` was not run."


def _alive(section: Section) -> list[str]:
    """The levels that live under a baseline that loses another."""
    baseline, levels = section.summaries[0], section.family.levels
    alive = [level for level in levels if not _dead(section, baseline, level)]
    if not alive or len(alive) == len(levels):
        return []
    under = f"`{baseline.label}`{few(len(baseline.included))}"
    return [f"Level {' and '.join(alive)} stays alive under {under}: {_rates(baseline, alive)}."]


def _rates(summary: Summary, levels: list[str] | tuple[str, ...]) -> str:
    texts = []
    for level in levels:
        key = f"kl_{level}"
        texts.append(
            f"{metric_spec(key).label} {interval(summary.estimates.get(key, Estimate(0)), metric_spec(key))} nats"
        )
    return ", ".join(texts)


def _dead(section: Section, summary: Summary, level: str) -> int:
    """In how many seeds a level collapsed or is without effect."""
    return losses(section, summary, level) + summary.absences("without_effect")[level]


def _strategies(section: Section, level: str) -> str:
    """Under which strategies a level lives in every seed, and under which it does not; few seeds are counted."""
    tried = [summary for summary in section.remedies if summary.included]
    lost = {s.label: _dead(section, s, level) for s in tried if _dead(section, s, level)}
    lively = [f"`{s.label}`{few(len(s.included))}" for s in tried if s.label not in lost]
    dead = listed(f"`{s.label}` ({of_seeds(lost[s.label], len(s.included))})" for s in tried if s.label in lost)
    baseline = section.summaries[0]
    lost_before = _dead(section, baseline, level)
    if not tried or not (lost or lost_before):
        return ""
    verb = "collapses" if not any(s.absences("without_effect")[level] for s in tried) else "collapses or has no effect"
    if lost and baseline.included and not lost_before:
        return f"Level {level}, alive under `{baseline.label}`{few(len(baseline.included))}, {verb} under {dead}."
    if not lively:
        return f"No {section.family.remedy} keeps level {level} alive in every seed: it {verb} under {dead}."
    ending = f"; it {verb} under {dead}" if lost else ""
    return f"Level {level} is alive in every seed under {listed(lively)}{ending}."


def reference(section: Section, key: str) -> float | None:
    """A number that belongs to the data, not to a model: the collapse floor, or the entropy."""
    known = [run.scalars[key] for run in section.included if key in run.scalars]
    return fmean(known) if known else None


def likelihood(section: Section) -> str:
    """The lowest IWAE NLL of the names with enough seeds, and where it lies between the collapse floor and the entropy.

    Where no name has enough, the lowest of all, with the number of its seeds.
    """
    shown = metric_spec("iwae_nll")
    scored = [summary for summary in section.summaries if summary.mean("iwae_nll") is not None]
    if not scored:
        return ""
    scored = [summary for summary in scored if summary.estimates["iwae_nll"].n >= MIN_SEEDS] or scored
    best = min(scored, key=lambda summary: summary.mean("iwae_nll"))
    value = best.mean("iwae_nll")
    floor, entropy = reference(section, "floor_nll"), reference(section, "entropy")
    places = []
    if floor is not None and value < floor:
        places.append(f"{shown.text(floor - value)} below the collapse floor of {shown.text(floor)}")
    elif floor is not None:
        places.append(f"no better than the collapse floor of {shown.text(floor)}, which needs no latents at all")
    if entropy is not None and value >= entropy:
        places.append(f"{shown.text(value - entropy)} above the entropy of {shown.text(entropy)}")
    elif entropy is not None:
        places.append(f"{shown.text(entropy - value)} below the entropy of {shown.text(entropy)} (chance, or a fault)")
    where = f", {' and '.join(places)}" if places else ""
    baseline = section.summaries[0]
    beside = ""
    if best is not baseline and baseline in scored:
        beside = f"; `{baseline.label}` reaches {interval(baseline.estimates['iwae_nll'], shown)}"
    reached = best.estimates["iwae_nll"]
    return (
        f"Lowest mean IWAE NLL: `{best.label}` {interval(reached, shown)} nats per {section.unit[:-1]}"
        f"{few(reached.n)}{where}{beside}."
    )
