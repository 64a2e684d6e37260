"""What limits the conclusions, as data; templates/cautions.j2 has the words and the advice."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from src.core.metric_families import REAL_CONTROLS
from src.core.metric_specs import metric_spec
from src.report.records import Run
from src.report.section import Section
from src.report.statistics import MIN_SEEDS
from src.report.verdicts import equal, equal_budgets, kl_at_floor

JUNK = ("noise", "single")  # controls without any class, or of one alone
TRUSTED_ORACLE = 0.9
SAME_ORACLE = 0.01  # accuracies of one oracle differ by less, on other parts of the held-out data


@dataclass(frozen=True)
class Caution:
    """One limit: `key` names its sentence, `facts` are the numbers in it; a grave one may overturn the answer."""

    key: str
    facts: Any
    grave: bool


def cautions(section: Section) -> list[Caution]:
    """The gravest first."""
    made = [Caution(check.__name__, check(section), check in GRAVE) for check in (*GRAVE, *OTHERS)]
    return [caution for caution in made if caution.facts not in (None, {}, [])]


def lost_runs(section: Section) -> dict[str, list[Run]]:
    """Runs without a result, by label."""
    lost = {summary.label: [run for run in summary.excluded if run.lost] for summary in section.summaries}
    return {label: lost[label] for label in sorted(lost) if lost[label]}


def no_baseline(section: Section) -> str | None:
    return None if section.summaries[0].included else section.baseline_label


def assumed_baseline(section: Section) -> str | None:
    """The first name by the alphabet, where no name is known for a baseline."""
    return section.baseline_label if section.assumed and section.remedies else None


def undeclared_metric(section: Section) -> list[str] | None:
    """Primary metrics that the runs declared and do not have."""
    known = section.primary in section.declared or {*section.declared} <= {*section.family.primary}
    return None if known else section.declared


def few_seeds(section: Section) -> dict[str, int]:
    """Completed seeds of the names that have too few."""
    return {s.label: len(s.included) for s in section.summaries if len(s.included) < MIN_SEEDS}


def junk_has_modes(section: Section) -> dict[str, float] | None:
    """Modes of controls without any class that score more than half of what real data do, and those of real data."""
    names = sorted({name for run in section.included for name in run.controls})
    scores = {name: score for name in names if (score := section.control(name, "modes"))}
    real = scores.get("real")
    junk = {name: score for name, score in scores.items() if name not in REAL_CONTROLS and real and score > real / 2}
    return junk | {"real": real} if junk else None


def useless_oracle(section: Section) -> list[str]:
    """What the runs themselves record of an oracle whose classes cannot be relied on."""
    reasons = (run.facts.get("oracle_weak") for run in section.included)
    return [*dict.fromkeys(reason for reason in reasons if isinstance(reason, str))]


def weak_oracle(section: Section) -> float | None:
    least = min(_accuracies(section), default=1.0)
    return least if least < TRUSTED_ORACLE else None


def unequal_budgets(section: Section) -> tuple[float, float] | None:
    """Fewest and most samples seen, where generator updates differ too."""
    return None if equal_budgets(*section.summaries) else _ends(run.images_seen for run in section.included)


def unequal_importance_samples(section: Section) -> list[float] | None:
    return _different(section, "importance_samples")


def unequal_sample_sizes(section: Section) -> dict[str, list[float]]:
    """Distances fall and modes come up as more samples are scored."""
    kinds = {"drawn": _different(section, "num_samples"), "held-out": _different(section, "num_held_out")}
    return {kind: sizes for kind, sizes in kinds.items() if sizes}


def _different(section: Section, key: str) -> list[float] | None:
    """Values of a metric that shall be the same in all runs, where they are not."""
    used = sorted({run.scalars[key] for run in section.included if key in run.scalars})
    return used if len(used) > 1 else None


def unequal_oracles(section: Section) -> tuple[float, float] | None:
    """Least and largest accuracy of oracles that differ between runs on one data set."""
    ends = _ends(_accuracies(section))
    return ends if ends and ends[1] - ends[0] >= SAME_ORACLE else None


def unequal_updates(section: Section) -> tuple[str, float, float] | None:
    """At equal images a recipe with several critic steps makes fewer generator updates, and the other way round."""
    runs = [run for run in section.included if run.images_seen]
    seen, steps = [run.images_seen for run in runs], [run.generator_steps for run in runs]
    if None in steps or equal(seen) == equal(steps):
        return None
    return ("updates", *_ends(steps)) if equal(seen) else ("samples", *_ends(seen))


def junk_beats_baseline(section: Section) -> dict[str, Any] | None:
    """The best junk, where it scores better than the baseline in the primary metric and as well as other names.

    `short`: labels of these names, whose lead over the baseline may be that of junk.
    """
    key, baseline = section.primary.removesuffix("_late"), section.summaries[0].mean(section.primary)
    names = {name for run in section.included for name in run.controls} - {*REAL_CONTROLS}
    scores = {name: score for name in sorted(names) if (score := section.control(name, key)) is not None}
    if baseline is None or not scores or not metric_spec(key).better:
        return None
    best = sorted(scores, key=lambda name: scores[name], reverse=metric_spec(key).better == "higher")[0]
    means = {summary.label: summary.mean(section.primary) for summary in section.ranked}
    ahead = {label: mean for label, mean in means.items() if mean is not None and _better(key, mean, baseline)}
    short = [label for label, mean in ahead.items() if not _better(key, mean, scores[best])]
    return {"key": key, "baseline": baseline, "best": best, "score": scores[best], "short": short} if short else None


def judged_by_controls(section: Section) -> list[str]:
    """Metrics of samples that are better when higher or lower, and known of real data and of junk."""
    keys = dict.fromkeys([*section.family.samples, *section.family.main])
    known = (key for key in keys if metric_spec(key).better and section.control("real", key) is not None)
    return [key for key in known if any(section.control(name, key) is not None for name in JUNK)]


def junk_passes(section: Section) -> dict[str, dict[str, float]]:
    """Metrics of samples by which junk is at least as good as held-out real data, with the scores of both."""
    passed = {}
    for key in judged_by_controls(section):
        real, scores = section.control("real", key), {name: section.control(name, key) for name in JUNK}
        junk = {name: one for name, one in scores.items() if one is not None and not _better(key, real, one)}
        passed |= {key: {"real": real} | junk} if junk else {}
    return passed


def _better(key: str, one: float, other: float) -> bool:
    return one > other if metric_spec(key).better == "higher" else one < other


def at_kl_floor(section: Section) -> list[str]:
    return [summary.label for summary in section.summaries if kl_at_floor(summary)]


def several_versions(section: Section) -> list[str] | None:
    commits = sorted({run.facts["git"] for run in section.included if run.facts.get("git")})
    return commits if len(commits) > 1 else None


def repeated_seeds(section: Section) -> int | None:
    done = [run for run in section.runs if run.completed and run.dataset and run.seed is not None]
    return len(done) - len(section.included) or None


def many_comparisons(section: Section) -> int | None:
    """Number of names compared; a word on "no difference shown" belongs beside any."""
    return len(section.ranked) or None


def _accuracies(section: Section) -> list[float]:
    return [run.facts["oracle_accuracy"] for run in section.included if run.facts.get("oracle_accuracy")]


def _ends(values: Iterable[float | None]) -> tuple[float, float] | None:
    known = [value for value in values if value]
    return (min(known), max(known)) if known else None


Check = Callable[[Section], Any]
GRAVE: tuple[Check, ...] = (
    *(lost_runs, no_baseline, assumed_baseline, undeclared_metric, few_seeds, junk_has_modes, useless_oracle),
    *(
        junk_beats_baseline,
        weak_oracle,
        unequal_budgets,
        unequal_importance_samples,
        unequal_sample_sizes,
        unequal_oracles,
    ),
)
OTHERS = (unequal_updates, junk_passes, at_kl_floor, several_versions, repeated_seeds, many_comparisons)
