"""The answer in three sentences: what collapses under the baseline, which remedies help, and how sure one can be."""

from collections import Counter
from collections.abc import Sequence
from statistics import median

from src.core.metric_specs import compact, listed, metric_spec
from src.evaluation.metrics.onset import ACTIVE_NATS
from src.report.conclusions import Sentence
from src.report.effect import effect, number_of
from src.report.grouping import Section, Summary
from src.report.statistics import MIN_SEEDS, Estimate
from src.report.trajectories import of_seeds, outcomes, outcomes_of
from src.report.verdicts import Verdict, decision, interval, losses
from src.report.warnings import cautions, most_severe

ENOUGH_SEEDS = 5  # from here on "more seeds" is not the first advice
MOST_NAMES = 8


def opening(section: Section) -> list[Sentence]:
    """Three sentences, whatever the runs: the collapse, the remedies, the doubts."""
    return [Sentence(_collapse(section)), effect(section), Sentence(_doubts(section), "caution")]


def title(section: Section) -> str:
    if section.dataset is None:
        return f"{section.family.title}: data not recorded"
    measured = f" (measured by {section.oracle})" if section.oracle_differs else ""
    return f"{section.family.title} on {section.dataset.source}{measured}"


def _collapse(section: Section) -> str:
    baseline, family = section.summaries[0], section.family
    where = title(section)
    if not baseline.included:
        return f"{where}: the baseline `{baseline.label}` has no completed run, so what collapses is not known."
    under = f"{where}: under the baseline `{baseline.label}` ({number_of(len(baseline.included), 'seed')})"
    if family.absent not in section.name_keys:
        return f"{under} nothing was measured that would tell a collapse."
    return f"{under} {_levels(section) if family.levels else _modes(section)}."


def _modes(section: Section) -> str:
    """How many modes are covered, which are always missing, and when loss becomes lasting."""
    baseline, dataset = section.summaries[0], section.dataset
    noun = dataset.noun if len(dataset.classes) == section.num_modes else "modes"
    lost, runs = baseline.absences(section.family.absent), len(baseline.included)
    ended = set(outcomes_of(baseline.included)) - {"covering", ""}
    if not lost and section.num_modes and not ended:
        return f"all {section.num_modes} {noun} are covered{_nothing_to_cure(runs)}"
    always = [name for name, count in sorted(lost.items()) if count == runs]
    covered = f"{interval(baseline.estimates.get('modes', Estimate(0)), metric_spec('modes'))} of {section.num_modes}"
    missing = f"{listed(always)} missing" if len(always) <= MOST_NAMES else f"{len(always)} missing"
    ending = f", {missing} in every one" if always and runs > 1 else f", {missing}" if always else ""
    return f"{covered} {noun} are covered{ending}; {begins(section)}"


def _levels(section: Section) -> str:
    """Which latent levels lose their information, and when."""
    baseline, parts = section.summaries[0], []
    levels = section.family.levels
    lost = [level for level in levels if losses(section, baseline, level)]
    for level in lost:
        count, runs = losses(section, baseline, level), len(baseline.included)
        parts.append(
            f"level {level} collapses {of_seeds(count, runs)} ({_rate(baseline, level)}; {_since(section, level)})"
        )
    idle = baseline.absences("without_effect")
    parts += [f"level {level} is without effect {of_seeds(idle[level], len(baseline.included))}" for level in idle]
    alive = [level for level in levels if level not in lost and not idle[level]]
    if not parts:
        rates = ", ".join(_rate(baseline, level) for level in levels)
        return f"no level falls below {ACTIVE_NATS} nats ({rates}){_prevented(section)}"
    ending = f", while level {' and '.join(alive)} stays alive" if alive else ""
    return f"{' and '.join(parts)}{ending}"


def _nothing_to_cure(runs: int) -> str:
    return (
        ": there is no collapse here to cure" if runs >= MIN_SEEDS else f"; fewer than {MIN_SEEDS} seeds prove nothing"
    )


def _prevented(section: Section) -> str:
    """Only the plain bound shows what there is to cure; a strategy may have cured it already."""
    plain = section.family.baselines[0]
    if plain in section.baseline:
        return _nothing_to_cure(len(section.summaries[0].included))
    return f"; whether it prevented a collapse is not known, `{plain}` was not run"


def _rate(summary: Summary, level: str) -> str:
    key = f"kl_{level}"
    return f"{metric_spec(key).label} {interval(summary.estimates.get(key, Estimate(0)), metric_spec(key))} nats"


def begins(section: Section) -> str:
    """What becomes of the baseline's runs, and when modes are lost for good, as clauses."""
    runs = section.summaries[0].included
    onsets = [run.mode_onset for run in runs if run.mode_onset is not None]
    never = Counter(run.onset_reason for run in runs if run.onset_reason)
    clauses = [outcomes(runs)] if outcomes(runs) and not section.family.levels else []
    clauses += [f"{of_seeds(count, len(runs))} it {reason} on the validation split" for reason, count in never.items()]
    if onsets:
        clauses.append(f"{of_seeds(len(onsets), len(runs))} collapse sets in, at {_median(section, onsets)}")
    elif not never:
        clauses.append("no loss becomes lasting" + (" in any seed" if len(runs) > 1 else ""))
    return "; ".join(clauses)


def _since(section: Section, level: str) -> str:
    onsets = [run.onsets.get(level) for run in section.summaries[0].included]
    found = [onset for onset in onsets if onset is not None]
    return f"from {_median(section, found)}" if found else "when is not recorded"


def _median(section: Section, onsets: Sequence[float]) -> str:
    budget = max((run.images_seen or 0 for run in section.summaries[0].included), default=0)
    typical = " in the median" if len(set(onsets)) > 1 else ""
    return f"{compact(median(onsets))} of {compact(budget)} {section.unit}{typical}"


def _doubts(section: Section) -> str:
    """What the answer rests on, its most_severe limit, and what to do next."""
    seeds = sorted({len(summary.included) for summary in section.summaries})
    seen = sorted({run.images_seen for run in section.included if run.images_seen})
    each = f"{seeds[0]} to {number_of(seeds[-1], 'seed')}" if len(seeds) > 1 else number_of(seeds[0], "seed")
    spent = f" at {compact(seen[-1])} {section.unit}" if seen and compact(seen[0]) == compact(seen[-1]) else ""
    limit, advice = most_severe(section)
    further = len(cautions(section)) - 1
    more = f"; {number_of(further, 'further caution')} below" if further > 0 else ""
    if limit:
        return f"How sure: {each} a name{spent}, but {limit}{more}; next: {advice}."
    if seeds[0] < ENOUGH_SEEDS:
        return (
            f"How sure: {each} a name{spent} show only large effects: confirm narrow ones, and what is undecided, with "
            f"{ENOUGH_SEEDS} or more seeds."
        )
    found = [decision(section, summary) for summary in section.ranked]
    undecided = sum(judgement is not None and judgement.verdict is Verdict.UNCLEAR for judgement in found)
    rest = f"; {undecided} still undecided, which more seeds may decide" if undecided else ""
    return f"How sure: {each} a name{spent}, and no caution that would overturn the answer{rest}."
