"""`python -m benchmarks.verdicts [replicates=N]`: how far the report's intervals and verdicts can be trusted.

Simulates studies and hands their values to the function by which the report compares names. Prints, and writes into
docs/statistics.md, per kind of outcome, number of names and number of seeds:

- coverage: how often the 95 % interval of a difference from the baseline contains the truth, names being different;
- false: in how many studies any name is said to help or hurt though all are the same;
- power: how often the one name that differs is shown, after correction for all names.

What an interval is about follows the report. Where t decides, it is the difference of the means of runs like those
seen: a collapse or failure that no seed of either name showed is not in it. Where seeds failed or fall into two groups,
it is the difference of the shares of seeds in the worse group.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import norm

from src.core.files import write_atomically
from src.core.multiple_tests import CHANCE, holm
from src.report.compare import Compared, compare
from src.report.counts import split
from src.training.results import commit

SEEDS, NAMES = (3, 5, 8, 10), (3, 31)
REPLICATES = 1600  # a quarter of them for 31 names
MODES = 26
COUNT = 1 / 12
STRESS = "noisy_baseline"  # what the shrinkage assumes away: shows its limit, not its promise
PAGE = Path(__file__).parents[1] / "docs" / "statistics.md"
START, END = "<!-- table: begin -->", "<!-- table: end -->"

Draw = Callable[[np.random.Generator, np.ndarray, int], "Drawn"]


@dataclass(frozen=True)
class Drawn:
    """R simulated studies of M names and n seeds.

    Attributes:
        values: [R, M, n], infinite where a run failed.
        means: what a mean over many runs like those seen would be, [R, M].
        below: the probability of a value on the worse side of a threshold, or of a failure, from [R] to [R, M].
    """

    values: np.ndarray
    means: np.ndarray
    below: Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Kind:
    """A kind of outcome: how it is drawn for given effects [R, M], and the effect whose power is printed."""

    title: str
    draw: Draw
    effect: float
    rounding: float = 0.0
    bounds: tuple[float, float] = (0.0, float(MODES))
    lower_is_better: bool = False


def normal(sd: float | None = 3.0, failing: float = 0.0, baseline: float = 1.0) -> Draw:
    """Around 8; without an `sd` each name has its own, from 0.75 to 4.5; the baseline's is multiplied by `baseline`."""

    def draw(random: np.random.Generator, effects_RM: np.ndarray, seeds: int) -> Drawn:
        own = np.exp(random.uniform(np.log(0.75), np.log(4.5), effects_RM.shape))
        sd_RM = own if sd is None else np.full(effects_RM.shape, sd)
        sd_RM[:, 0] *= baseline
        means = 8 + effects_RM
        values = means[..., None] + sd_RM[..., None] * random.normal(size=(*means.shape, seeds))
        values = np.where(random.random(values.shape) < failing, -np.inf, values)

        def below(threshold_R: np.ndarray) -> np.ndarray:
            worse = np.nan_to_num(norm.cdf((threshold_R[:, None] - means) / sd_RM))
            return failing + (1 - failing) * worse

        return Drawn(values, means, below)

    return draw


def counts(centre: float, sd: float = 4.0) -> Draw:
    """Whole numbers from 0 to MODES; what lies beyond is cut off."""

    def draw(random: np.random.Generator, effects_RM: np.ndarray, seeds: int) -> Drawn:
        hidden = centre + effects_RM
        values = hidden[..., None] + sd * random.normal(size=(*hidden.shape, seeds))
        steps = np.arange(1, MODES + 1) - 0.5
        means = norm.cdf((hidden[..., None] - steps) / sd).sum(-1)

        def below(threshold_R: np.ndarray) -> np.ndarray:
            return np.nan_to_num(norm.cdf((np.ceil(threshold_R)[:, None] - 0.5 - hidden) / sd))

        return Drawn(np.clip(np.round(values), 0, MODES), means, below)

    return draw


def bimodal(chance: float = 0.5, low: float = 2.0, high: float = 22.0, sd: float = 1.5) -> Draw:
    """Collapsed by chance, which the effect lowers."""

    def draw(random: np.random.Generator, effects_RM: np.ndarray, seeds: int) -> Drawn:
        chance_RM = np.clip(chance - effects_RM, 0, 1)
        collapsed = random.random((*chance_RM.shape, seeds)) < chance_RM[..., None]
        values = np.where(collapsed, low, high) + sd * random.normal(size=collapsed.shape)
        pure = collapsed.all(-1) | ~collapsed.any(-1)
        alike = pure & pure[:, :1]  # runs like those seen are of one mode
        alike[:, 0] = False  # the baseline's mean depends on whom it is compared with: `truth` subtracts it
        seen = np.where(collapsed.all(-1), low, high)
        both = high - (high - low) * chance_RM
        means = np.where(alike, seen - seen[:, :1] + both[:, :1], both)

        def below(threshold_R: np.ndarray) -> np.ndarray:
            between = (low < threshold_R) & (threshold_R < high)
            return np.where(between[:, None], chance_RM, 0)

        return Drawn(values, means, below)

    return draw


def proportional(spread: float = 0.4) -> Draw:
    """Log-normal around 1, the standard deviation in proportion to the mean, as a KL has it."""

    def draw(random: np.random.Generator, effects_RM: np.ndarray, seeds: int) -> Drawn:
        means = np.exp(-effects_RM)
        noise = np.exp(random.normal(-(spread**2) / 2, spread, (*means.shape, seeds)))

        def below(threshold_R: np.ndarray) -> np.ndarray:
            middle = np.log(means) - spread**2 / 2
            return np.nan_to_num(norm.sf((np.log(threshold_R)[:, None] - middle) / spread))

        return Drawn(means[..., None] * noise, means, below)

    return draw


KINDS = {
    "normal": Kind("normal", normal(), 12.0),
    "floored": Kind("floored: most runs at 0 modes", counts(-2), 14.0, COUNT),
    "ceilinged": Kind("ceilinged: most runs at 26 modes", counts(28), -12.0, COUNT),
    "bimodal": Kind("bimodal: half of the runs collapse", bimodal(), 0.5),
    "failing_10": Kind("10 % of the runs fail", normal(failing=0.1), 12.0),
    "failing_30": Kind("30 % of the runs fail", normal(failing=0.3), 12.0),
    "unequal": Kind("names differ up to 6-fold in sd", normal(sd=None), 12.0),
    "heteroscedastic": Kind("skewed, sd in proportion to the mean", proportional(), 1.6, 0.0, (0.0, np.inf), True),
    STRESS: Kind("the baseline alone varies, 4 times as much", normal(sd=1.5, baseline=4.0), 12.0),
}


@dataclass(frozen=True)
class Row:
    """One line of the table; `exact` is the share of comparisons that the rank-sum test decides."""

    coverage: float
    false: float
    power: float
    exact: float


def measure(kind: Kind, names: int, seeds: int, replicates: int) -> Row:
    """Coverage, false verdicts and power of one kind of outcome."""
    random = np.random.default_rng([names, seeds, *kind.title.encode()])
    spread = random.uniform(-0.8, 0.8, (replicates, names)) * abs(kind.effect)
    drawn, found = _compared(kind, random, spread, seeds)
    same = np.zeros((replicates, names))
    _, null = _compared(kind, random, same, seeds)
    same[:, 1] = kind.effect
    _, one = _compared(kind, random, same, seeds)
    return Row(
        coverage=float(_covered(drawn, found, kind.rounding).mean()),
        false=float(np.mean([min(holm(p)) < CHANCE for p in null.p])),
        power=float(np.mean([holm(p)[0] < CHANCE for p in one.p])),
        exact=float(found.exact.mean()),
    )


def _compared(kind: Kind, random: np.random.Generator, effects: np.ndarray, seeds: int) -> tuple[Drawn, Compared]:
    drawn = kind.draw(random, effects, seeds)
    return drawn, compare(drawn.values, kind.lower_is_better, kind.rounding, kind.bounds)


def _covered(drawn: Drawn, found: Compared, rounding: float) -> np.ndarray:
    """Whether each interval contains what it is about, [R, M − 1]; one that is missing does not."""
    finite = np.where(np.isinf(drawn.values), np.nan, drawn.values)
    shares = drawn.below(split(finite, rounding).threshold)
    pairs = (
        (found.difference.low, found.difference.high, drawn.means[:, 1:] - drawn.means[:, :1]),
        (found.share.low, found.share.high, shares[:, 1:] - shares[:, :1]),
    )
    by_mean, by_share = ((low - 1e-9 <= truth) & (truth <= high + 1e-9) for low, high, truth in pairs)
    return np.where(found.exact, by_share, by_mean)


def table(replicates: int) -> list[str]:
    """Lines of Markdown."""
    lines = ["| outcome | names | " + " | ".join(f"{n} seeds" for n in SEEDS) + " |", "|---|---|" + "---|" * len(SEEDS)]
    for kind in KINDS.values():
        for names in NAMES:
            rows = [measure(kind, names, n, replicates if names < 10 else replicates // 4) for n in SEEDS]
            cells = [f"{row.coverage:.2f} / {row.false:.3f} / {row.power:.2f} ({row.exact:.0%})" for row in rows]
            lines.append(f"| {kind.title} | {names} | {' | '.join(cells)} |")
            print(lines[-1], flush=True)
    return lines


def main(arguments: list[str]) -> None:
    replicates = next((int(text.partition("=")[2]) for text in arguments if text.startswith("replicates=")), REPLICATES)
    started = time.perf_counter()
    lines = table(replicates)
    print(f"{time.perf_counter() - started:.0f} s")
    told = f"`python -m benchmarks.verdicts`, {replicates:,} studies per cell ({replicates // 4:,} of 31 names), "
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(START)
    after = rest.partition(END)[2]
    text = "\n".join([before + START, f"{told}commit {commit()}.", "", *lines, END + after])
    write_atomically(PAGE, text)


if __name__ == "__main__":
    main(sys.argv[1:])
