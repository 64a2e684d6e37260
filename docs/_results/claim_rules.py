"""What decides the homework's claims: each rule takes a setting's runs, and gives what was measured and a verdict."""

from collections.abc import Callable, Iterable
from enum import StrEnum
from math import inf
from statistics import fmean

import numpy as np

from src.core.levels import OF_TWO
from src.core.metric_specs import metric_spec
from src.evaluation.metrics.onset import ACTIVE_NATS
from src.report.class_correlations import class_correlations
from src.report.counts import clopper_pearson, rank_sum_p
from src.report.records import Run
from src.report.section import Section
from src.report.statistics import CHANCE, MIN_SEEDS, Estimate, estimate
from src.report.templating import interval
from src.report.verdicts import grown

EPOCH = 5_200  # images of the homework's GAN
MIDDLE = (20, 50)  # epochs of 100 that count as "the middle, around epoch 30"
SCHEDULES = ("linear", "sigmoid", "cyclical")  # a small β early
VALID = 0.95  # of the homework's score, from where on it is called 1
READABLE = 0.5  # of the share that real letters reach: below it samples are "not so good"
PRESENT = 0.1  # mean share of late evaluations that cover a letter, below which none survives


class Verdict(StrEnum):
    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    UNDECIDED = "undecided"
    NOT_MEASURED = "not measured"


def named(section: Section, name: str) -> tuple[Run, ...]:
    return tuple(run for run in section.included if run.name == name)


def holds(section: Section, name: str, of: Callable[[Run], bool]) -> list[bool]:
    """Of every seed whether its run is such; a failed run is not."""
    return [*map(of, named(section, name)), *(False for run in section.failed if run.name == name)]


def mostly(count: int, n: int) -> bool | None:
    """Whether more than half of all seeds are such, by the exact 95 % interval; None where it includes half."""
    low, high = clopper_pearson(count, n) if n else (0.0, 1.0)
    return True if low > 0.5 else False if high < 0.5 else None


def _of(holds: bool | None) -> Verdict:
    return {True: Verdict.CONFIRMED, False: Verdict.REFUTED, None: Verdict.UNDECIDED}[holds]


def _text(value: Estimate, key: str, signed: bool = False) -> str:
    return interval(value, metric_spec(key), signed)


def _mean(runs: Iterable[Run], key: str) -> Estimate:
    return estimate((run.scalars[key] for run in runs if key in run.scalars), metric_spec(key).bounds())


def onset(section: Section) -> tuple[str, Verdict]:
    """First evaluation at which samples show max(2, K/10) classes fewer than the best before, once half were shown."""
    runs, num = named(section, "standard"), len(section.classes)
    losses, tried = [first_loss(run, num) for run in runs], len(holds(section, "standard", bool))
    epochs = estimate((loss / EPOCH for loss in losses if loss is not None), (0, inf))
    length = max((run.images_seen or 0 for run in runs), default=0) / EPOCH
    begun = sum(loss is not None for loss in losses)
    shown = "" if epochs.mean is None else f", first at epoch {interval(epochs, metric_spec('modes'))}"
    measured = f"letters are lost in {begun} of {tried} runs of {length:.0f} epochs{shown}"
    if length < MIDDLE[1]:
        late = epochs.high is not None and epochs.high < MIDDLE[0] and mostly(begun, tried)
        return measured, Verdict.REFUTED if late else Verdict.UNDECIDED
    if mostly(begun, tried) is not True:
        return measured, _of(mostly(begun, tried))
    if epochs.low is None:
        return measured, Verdict.UNDECIDED
    inside = MIDDLE[0] <= epochs.low and epochs.high <= MIDDLE[1]
    outside = epochs.high < MIDDLE[0] or epochs.low > MIDDLE[1]
    return measured, _of(True if inside else False if outside else None)


def first_loss(run: Run, num_classes: int) -> float | None:
    """Images seen when coverage by any sample first fell; None where it never did."""
    modes_E, seen_E = run.history.column("modes_any"), run.history.column("images_seen")
    if not len(modes_E):
        return None
    best_E = np.maximum.accumulate(modes_E)
    lost_E = (best_E >= num_classes / 2) & (modes_E <= best_E - max(2, num_classes / 10))
    return float(seen_E[lost_E.argmax()]) if lost_E.any() else None


def letters(section: Section) -> tuple[str, Verdict]:
    outcome = class_correlations(section)
    if outcome is None or outcome.asked is None:
        return "no survival of single letters is recorded", Verdict.UNDECIDED
    kept, lost = (fmean(map(outcome.share, names)) for names in outcome.asked)
    measured = f"present at {100 * kept:.0f} % of late evaluations (O, A) against {100 * lost:.0f} % (Q, X, Z)"
    reasons = {
        "too few seeds": "too few seeds",
        "nothing vanishes": "no letter vanishes",
        "all alike": "all letters fare alike, as where hardly any sample is readable",
        "chance": f"seeds lose letters of their own, p = {outcome.chance:.2f}" if outcome.testable else "",
    }
    reason = reasons.get(outcome.answer, "")
    if fmean(map(outcome.share, section.classes)) < PRESENT:
        return f"{measured}; hardly any letter is drawn readably", Verdict.UNDECIDED
    return f"{measured}{f'; {reason}' if reason else ''}", _of(outcome.outlive)


def feature_matching(section: Section) -> tuple[str, Verdict]:
    key, fm = "kl_any_late", named(section, "fm")
    compared = section.comparisons[key]["fm"] if key in section.tables else None
    if compared is None or compared.p is None:
        return "too few paired seeds", Verdict.UNDECIDED
    means = {name: _mean(named(section, name), key) for name in ("fm", "standard")}
    readable, real = _mean(fm, "recognisable"), section.control("real", "recognisable")
    measured = (
        f"{metric_spec(key).label} {_text(means['fm'], key)} against {_text(means['standard'], key)}, "
        f"p = {compared.p:.3f}; readable {_text(readable, 'recognisable')}"
        f"{f', real letters {real:.2f}' if real is not None else ''}"
    )
    summary = next(summary for summary in section.summaries if summary.name == "fm")
    helps = not grown(section, summary, key, compared)  # by ranks where runs failed, as the test
    if compared.p >= CHANCE or readable.low is None or real is None:
        return measured, Verdict.UNDECIDED
    poor = True if readable.high < READABLE * real else False if readable.low >= READABLE * real else None
    return measured, _of(poor if helps else False)


def collapse(section: Section) -> tuple[str, Verdict]:
    runs = named(section, "none")
    ends = [(run.history.column("reconstruction")[:1], run.history.column("reconstruction")[-1:]) for run in runs]
    falls = [bool(len(first) and last[0] < first[0]) for first, last in ends]
    both = [all(run.scalars[f"kl_{level}"] < ACTIVE_NATS for level in OF_TWO) for run in runs]
    count, tried = sum(a and b for a, b in zip(both, falls, strict=True)), len(holds(section, "none", bool))
    means = "; ".join(f"KL {level} {_text(_mean(runs, f'kl_{level}'), f'kl_{level}')}" for level in OF_TWO)
    measured = f"both below {ACTIVE_NATS} nats in {sum(both)} of {tried}; {means}"
    measured += f"; the reconstruction error falls in {sum(falls)}"
    return measured, _of(mostly(count, tried))


def _alive(run: Run) -> bool:
    return not {*run.names("collapsed"), *run.names("without_effect")} & {*OF_TWO}


def small_beta(section: Section) -> tuple[str, Verdict]:
    alive = {name: holds(section, name, _alive) for name in ("none", *SCHEDULES)}
    none, tried = alive.pop("none"), {name: values for name, values in alive.items() if values}
    counts = ", ".join(f"{name} {sum(values)} of {len(values)}" for name, values in {"none": none, **tried}.items())
    measured = f"both levels alive: {counts}"
    most = {name: mostly(sum(values), len(values)) for name, values in tried.items()}
    level = CHANCE / max(1, len(tried))
    better = [
        name for name, values in tried.items() if fmean(values) > fmean(none) and rank_sum_p(values, none) < level
    ]
    if any(most[name] for name in better):
        return measured, Verdict.CONFIRMED
    return measured, Verdict.REFUTED if tried and set(most.values()) == {False} else Verdict.UNDECIDED


def levels(section: Section) -> tuple[str, Verdict]:
    """Of the name with the most seeds in which both levels are alive."""
    alive = {name: [run for run in named(section, name) if _alive(run)] for name in section.names}
    name = max(alive, key=lambda key: len(alive[key]))
    runs = [run for run in alive[name] if "distance_fixed_high" in run.scalars]
    if len(runs) < MIN_SEEDS:
        return "both levels are alive, and analysed, in too few seeds", Verdict.UNDECIDED
    keys = {"style agreement": "style_agreement_fixed", "distance": "distance_fixed"}
    fixed = {what: [_mean(runs, f"{key}_{level}") for level in OF_TWO] for what, key in keys.items()}
    texts = [
        f"{what} of bars with one z_high {high.mean:.2f}, with one z_low {low.mean:.2f}"
        for what, (high, low) in fixed.items()
        if high.mean is not None
    ]
    judged = [run for run in runs if "style_agreement_fixed_high" in run.scalars]
    style = estimate(_difference(run, "style_agreement_fixed", 1) for run in judged)
    apart = estimate(_difference(run, "distance_fixed", -1) for run in runs)
    ends = [(one.low, one.high) for one in (style, apart)]
    measured = f"under `{name}`, {len(runs)} seeds: {'; '.join(texts)}"
    if any(low is None for low, _ in ends):
        return measured, Verdict.UNDECIDED
    reversed_one = any(high < 0 for _, high in ends)
    return measured, _of(True if all(low > 0 for low, _ in ends) else False if reversed_one else None)


def _difference(run: Run, key: str, sign: int) -> float:
    return sign * (run.scalars[f"{key}_high"] - run.scalars[f"{key}_low"])


def validity(section: Section) -> tuple[str, Verdict]:
    scores = {name: _mean(named(section, name), "validity") for name in section.names}
    known = {name: value for name, value in scores.items() if value.mean is not None}
    noise, real = section.control("noise", "validity"), section.control("real", "validity")
    if not known or noise is None:
        return "no validity was measured", Verdict.UNDECIDED
    worst = min(known, key=lambda name: known[name].mean)
    measured = f"samples {_text(known[worst], 'validity')} at worst (`{worst}`), noise {noise:.3f}"
    measured += f", real bars {real:.3f}" if real is not None else ""
    low, high = (end if end is not None else known[worst].mean for end in (known[worst].low, known[worst].high))
    if noise < VALID or high < VALID:
        return measured, Verdict.REFUTED
    return measured, _of(True if low >= VALID and known[worst].n >= MIN_SEEDS else None)


def free_bits(section: Section) -> tuple[str, Verdict]:
    shares = {}
    for name in ("free_bits", "none"):
        runs = [run for run in named(section, name) if all(f"kl_{level}_dims" in run.metrics for level in OF_TWO)]
        dims = [sum(len(run.metrics[f"kl_{level}_dims"]) for level in OF_TWO) for run in runs]
        units = [sum(run.scalars[f"au_{level}"] for level in OF_TWO) for run in runs]
        shares[name] = [unit / num for unit, num in zip(units, dims, strict=True)]
    own, none = shares["free_bits"], estimate(shares["none"])
    all_active, tried = sum(share == 1 for share in own), len(holds(section, "free_bits", bool))
    measured = f"{_percent(estimate(own))} of all dimensions are active units, all in {all_active} of {tried} seeds"
    return f"{measured}; without annealing {_percent(none)}", _of(mostly(all_active, tried))


def _percent(value: Estimate) -> str:
    if value.mean is None:
        return "–"
    ends = "" if value.low is None else f" [{100 * max(value.low, 0):.0f}, {100 * min(value.high, 1):.0f}]"
    return f"{100 * value.mean:.0f} %{ends}"


def temperature(section: Section) -> tuple[str, Verdict]:
    key = "cell_entropy"
    change, likelihood = (_change(section, "temperature", one) for one in (key, "iwae_nll"))
    if change.n < MIN_SEEDS or change.low is None:
        return "too few paired seeds with the entropy of a cell", Verdict.UNDECIDED
    measured = f"entropy of a cell {_text(change, key, signed=True)} nats against `none`, {change.n} pairs"
    measured += (
        f"; {metric_spec('iwae_nll').label} {_text(likelihood, 'iwae_nll', signed=True)}" if likelihood.n else ""
    )
    return measured, _of(True if change.high < 0 else False if change.low > 0 else None)


def _change(section: Section, name: str, key: str) -> Estimate:
    """Paired by seed with no annealing."""
    own, plain = (
        {run.seed: run.scalars[key] for run in named(section, one) if key in run.scalars} for one in (name, "none")
    )
    return estimate(own[seed] - plain[seed] for seed in sorted(own.keys() & plain.keys()))
