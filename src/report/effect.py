"""What the remedies did against the baseline, in one sentence."""

from collections import Counter
from collections.abc import Sequence

from src.core.metric_specs import metric_spec
from src.report.conclusions import Sentence
from src.report.grouping import Section, Summary
from src.report.ranking import ranks
from src.report.trajectories import of_seeds
from src.report.verdicts import Comparison, Verdict, change, decision, effects_text, interval, losses, side_effects

Judged = tuple[Summary, Comparison]
MOST_NAMES = 4
MOST_EFFECTS = 4


def effect(section: Section) -> Sentence:
    """How many help and hurt, and the best one's numbers against the baseline; or why nothing can be concluded."""
    noun = section.family.remedy
    if not section.remedies:
        return Sentence(f"No {noun} was run beside it, so none can be judged.", "unclear")
    decided = [pair for pair in _judged(section) if pair[1].verdict is not Verdict.WITHHELD]
    if not decided:
        return Sentence(f"No conclusion on any {noun}: {_why_not(section)}.", "unclear")
    groups = {verdict: [pair for pair in decided if pair[1].verdict is verdict] for verdict in Verdict}
    helpful = groups[Verdict.HELPS]
    if not helpful:
        kind = "hurts" if groups[Verdict.HURTS] else "unclear"
        return Sentence(f"{_none(section, decided)}{_rest(section, groups, '')}.", kind)
    best, judgement = helpful[0]
    alone = str(ranks(section).get(best.name)) == "1"
    lead = f"Of {number_of(len(section.remedies), noun)} the best {'is' if alone else 'mean is that of'} "
    lead = lead if len(section.remedies) > 1 else ""
    return Sentence(f"{lead}{_best(section, best, judgement)}{_rest(section, groups, best.name)}.", "helps")


def chosen(section: Section) -> Summary | None:
    """The best of the remedies that help, else of those that do not hurt, else of all; None without any."""
    judged = _judged(section)
    found = [summary for summary, judgement in judged if judgement.verdict is Verdict.HELPS]
    found += [summary for summary, judgement in judged if judgement.verdict is Verdict.UNCLEAR]
    return next(iter([*found, *section.ranked]), None)


def _judged(section: Section) -> list[Judged]:
    """The remedies with their verdicts, the best mean first."""
    return [(summary, found) for summary in section.ranked if (found := decision(section, summary))]


def number_of(number: int, noun: str) -> str:
    """As in "3 seeds" and "1 seed"."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


def some(labels: Sequence[str]) -> str:
    """The first few names in code, and how many more."""
    shown = [f"`{label}`" for label in labels[:MOST_NAMES]]
    if len(labels) > MOST_NAMES:
        return f"{', '.join(shown)} and {len(labels) - MOST_NAMES} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def _best(section: Section, best: Summary, judgement: Comparison) -> str:
    """As in "`gan_r1`: KL 0.10 against 0.50 under `gan_standard`, a difference of −0.40 [−0.45, −0.35] over …"."""
    known, baseline = metric_spec(judgement.key), section.summaries[0]
    pairs = number_of(judgement.difference.n, "paired seed")
    if judgement.compared.exact:
        numbers = f"{change(judgement)} under `{baseline.label}`"
    else:
        difference = interval(judgement.difference, known, signed=True)
        middle = [known.text(s.mean(judgement.key)) for s in (best, baseline)]
        numbers = (
            f"{known.label} {middle[0]} against {middle[1]} under `{baseline.label}`, a difference of {difference} "
            f"over {pairs}"
        )
    effects = side_effects(section, best)
    aside = f"; it also {effects_text(effects, MOST_EFFECTS)}" if effects else ""
    lost = {level: losses(section, best, level) for level in section.family.levels}
    aside += "".join(
        f"; level {level} collapses {of_seeds(count, len(best.included))}" for level, count in lost.items() if count
    )
    return f"`{best.label}`: {numbers}{aside}"


def _none(section: Section, decided: Sequence[Judged]) -> str:
    """That nothing is shown to help, how far the one with the best mean comes, and what would have been shown."""
    nearest, judgement = decided[0]
    seeds = number_of(judgement.difference.n, "paired seed")
    reason = f"; {judgement.reason}" if judgement.reason else ""
    found = f"{change(judgement)} over {seeds}{reason}"
    if len(section.remedies) == 1:
        return f"`{nearest.label}` is not shown to help ({found})"
    return (
        f"None of {number_of(len(section.remedies), section.family.remedy)} is shown to help; the nearest is "
        f"`{nearest.label}` ({found})"
    )


def _rest(section: Section, groups: dict[Verdict, list[Judged]], best: str) -> str:
    """What becomes of the names that the sentence has not named yet, as further clauses."""
    clauses = []
    for verdict, words in {Verdict.HELPS: "also help", Verdict.HURTS: "hurt"}.items():
        labels = [summary.label for summary, _ in groups[verdict] if summary.name != best]
        clauses += [f"{some(labels)} {words}{'s' * (len(labels) == 1)}"] if labels else []
    unclear, several = len(groups[Verdict.UNCLEAR]), len(section.remedies) > 1
    clauses += [f"no difference is shown for {unclear}"] if unclear and several else []
    silent = len(section.remedies) - sum(map(len, groups.values()))
    clauses += [f"no verdict on {silent}"] if silent else []
    return "".join(f"; {clause}" for clause in clauses)


def _why_not(section: Section) -> str:
    """The commonest reason for withholding a verdict."""
    if not section.summaries[0].included:
        return f"the baseline `{section.baseline_label}` has no completed run to compare with"
    reasons = Counter(judgement.reason for _, judgement in _judged(section) if judgement.reason)
    return reasons.most_common(1)[0][0] if reasons else "none of them has a completed run"
