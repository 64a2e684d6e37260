"""What the remedies did against the baseline, in one sentence."""

from collections import Counter
from collections.abc import Sequence

from src.comparison.collapse import of_seeds
from src.comparison.conclusions import Sentence
from src.comparison.measures import measure
from src.comparison.ranking import ranks
from src.comparison.sections import Section, Summary
from src.comparison.verdicts import BAD, GOOD, Judgement, Verdict, interval, judgements, losses, tone

Judged = tuple[Summary, list[Judgement]]
MOST_NAMES = 4
GROUPS = {"helps": "{} also help{}", "mixed": "{} gain{} some and lose{} some", "hurts": "{} hurt{}"}


def effect(section: Section) -> Sentence:
    """How many help and hurt, and the best one's numbers against the baseline; or why nothing can be concluded."""
    noun = section.family.remedy
    if not section.remedies:
        return Sentence(f"No {noun} was run beside it, so none can be judged.", "unclear")
    judged = _judged(section)
    decided = [pair for pair in judged if kind(pair[1])]
    if not decided:
        return Sentence(f"No conclusion on any {noun}: {_why_not(section, judged)}.", "unclear")
    groups = {name: [pair for pair in decided if kind(pair[1]) == name] for name in (*GROUPS, "unclear")}
    best = next(iter([*groups["helps"], *groups["mixed"]]), None)
    rest = _rest(section, groups, best)
    if best:
        tried = f"Of {counted(len(section.remedies), noun)} "
        alone = str(ranks(section).get(best[0].name)) == "1"
        first = "the best is " if alone else "the best mean is that of "
        lead = f"{tried}{first}" if groups["helps"] else f"{tried}none helps without hurting: "
        lead = lead if len(section.remedies) > 1 else ""
        which = ", which" if lead.startswith(f"{tried}{first}") else ""
        return Sentence(f"{lead}{_best(section, *best, which)}{rest}.", tone(best[1]))
    return Sentence(f"{_none(section, decided)}{rest}.", "hurts" if groups["hurts"] else "unclear")


def chosen(section: Section) -> Summary | None:
    """The best of the remedies that help, else of those that help and hurt, else of all; None without any."""
    judged = _judged(section)
    found = [
        summary for wanted in GROUPS if wanted != "hurts" for summary, verdicts in judged if kind(verdicts) == wanted
    ]
    return next(iter([*found, *section.ranked]), None)


def _judged(section: Section) -> list[Judged]:
    """The remedies with their verdicts, the best mean first."""
    return [(summary, found) for summary in section.ranked if (found := judgements(section, summary))]


def counted(number: int, noun: str) -> str:
    """As in "3 seeds" and "1 seed"."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


def some(labels: Sequence[str]) -> str:
    """The first few names in code, and how many more."""
    shown = [f"`{label}`" for label in labels[:MOST_NAMES]]
    if len(labels) > MOST_NAMES:
        return f"{', '.join(shown)} and {len(labels) - MOST_NAMES} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def kind(found: Sequence[Judgement]) -> str:
    """One of the GROUPS, "unclear", or "" where every verdict was withheld."""
    verdicts = {judgement.verdict for judgement in found}
    if verdicts == {Verdict.WITHHELD}:
        return ""
    return "mixed" if verdicts & GOOD and verdicts & BAD else tone(found)


def _best(section: Section, best: Summary, found: Sequence[Judgement], which: str) -> str:
    """As in "`gan_r1`: modes 22.0 against 1.7 under `gan_standard`, a difference of +20.3 [+17.5, +23.2] over …"."""
    shown = next(judgement for judgement in found if judgement.verdict in GOOD)
    known, baseline = measure(shown.key), section.summaries[0]
    alive = f"{which} keeps level {shown.subject} alive, with" if shown.verdict is Verdict.KEEPS else ":"
    price = [judgement.subject for judgement in found if judgement.verdict in BAD]
    but = f", but hurts {' and '.join(price)}" if price else ""
    lost = {level: losses(section, best, level) for level in section.family.levels}
    but += "".join(
        f"; level {level} collapses {of_seeds(count, len(best.counted))}" for level, count in lost.items() if count
    )
    return (
        f"`{best.label}`{alive} {known.label} {known.text(best.mean(shown.key))} against "
        f"{known.text(baseline.mean(shown.key))} under `{baseline.label}`, a difference of "
        f"{interval(shown.difference, known, signed=True)} over {counted(shown.difference.n, 'paired seed')}{but}"
    )


def _none(section: Section, decided: Sequence[Judged]) -> str:
    """That nothing is shown to help, and how far the one with the best mean comes."""
    nearest, found = decided[0]
    judgement = next(judgement for judgement in found if judgement.verdict is not Verdict.WITHHELD)
    known, seeds = measure(judgement.key), counted(judgement.difference.n, "paired seed")
    change = f"{known.label} {interval(judgement.difference, known, signed=True)} over {seeds}"
    if len(section.remedies) == 1:
        return f"`{nearest.label}` is not shown to help ({change})"
    return (
        f"None of {counted(len(section.remedies), section.family.remedy)} is shown to help; the nearest, "
        f"`{nearest.label}`, changes {change}"
    )


def _rest(section: Section, groups: dict[str, list[Judged]], best: Judged | None) -> str:
    """What becomes of the names that the sentence has not named yet, as further clauses."""
    clauses = []
    for name, words in GROUPS.items():
        labels = [summary.label for summary, _ in groups[name] if not (best and summary.name == best[0].name)]
        ending = "s" if len(labels) == 1 else ""
        clauses += [words.format(some(labels), ending, ending)] if labels else []
    unclear = len(groups["unclear"])
    several = len(section.remedies) > 1
    clauses += [f"{unclear} show{'s' * (unclear == 1)} no clear gain or loss"] if unclear and several else []
    silent = len(section.remedies) - sum(map(len, groups.values()))
    clauses += [f"no verdict on {silent}"] if silent else []
    return "".join(f"; {clause}" for clause in clauses)


def _why_not(section: Section, judged: Sequence[Judged]) -> str:
    """The commonest reason for withholding a verdict."""
    if not section.summaries[0].counted:
        return f"the baseline `{section.baseline_label}` has no completed run to compare with"
    reasons = Counter(judgement.reason for _, found in judged for judgement in found if judgement.reason)
    return reasons.most_common(1)[0][0] if reasons else "none of them has a completed run"
