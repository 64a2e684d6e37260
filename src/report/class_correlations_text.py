"""What a report says about the classes that survive: the properties' names, the answer, and its terms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from src.core.metric_specs import MetricSpec
from src.report.class_correlations import Correlation, Why, spearman
from src.report.statistics import CHANCE, MIN_SEEDS, p_text

ASKED = (("O", "A"), ("Q", "X", "Z"))  # letters that GANs are said to keep, and to lose
WORST = 3  # how many of the classes that fare worst are named
RHO = MetricSpec("ρ", decimals=2)


@dataclass(frozen=True)
class Property:
    """How a property is called, its unit, and what is true of a class that has more of it, or less."""

    label: str
    unit: str = ""
    more: str = ""
    less: str = ""


PROPERTIES = {
    "ink": Property("ink", "mean share of full ink", "have more ink", "have less ink"),
    "skeleton": Property("stroke length", "pixels", "have longer strokes", "have shorter strokes"),
    "perimeter": Property("outline", "pixel edges", "have longer outlines", "have shorter outlines"),
    "holes": Property("holes", "mean number", "have more holes", "have fewer holes"),
    "within_variance": Property(
        "variance within", "squared distance to the mean", "vary more among themselves", "vary less among themselves"
    ),
    "nearest_neighbour": Property(
        "nearest neighbour", "distance", "have farther nearest neighbours", "have closer nearest neighbours"
    ),
    "oracle_error": Property(
        "oracle's error",
        "share of held-out data",
        "are mistaken more often by the oracle",
        "are mistaken less often by the oracle",
    ),
    "distance_to_others": Property(
        "distance to others", "oracle's features", "lie farther from the others", "lie closer to the others"
    ),
    "frequency": Property(
        "frequency", "share of training data", "are more frequent in the data", "are rarer in the data"
    ),
}


def property_named(key: str) -> Property:
    """The known property, or a plain one under the key's own name."""
    label = key.replace("_", " ")
    return PROPERTIES.get(key) or Property(label, more=f"have more {label}", less=f"have less {label}")


def answer(found: Why) -> str:
    """Why some survive and others vanish, as far as the runs tell, and how those fared that one asks about."""
    fared = f" {_fared(found)}" if found.differs else ""
    return f"{_verdict(found)}{fared}"


def _verdict(found: Why) -> str:
    noun, total, seeds = found.noun, len(found.classes), found.num_seeds
    if not found.enough_seeds:
        few = f"{seeds} seed{'s' * (seeds > 1)}"
        return f"**No conclusion** from {few}: at least {MIN_SEEDS} are needed to tell a reason from chance."
    if not found.differs:
        return _all_alike(found)
    if not found.properties:
        return f"**No answer**: nothing that was measured on the {noun} differs between them."
    if not found.enough_classes:
        return (
            f"**No conclusion** from {total} {noun}: with {len(found.properties)} properties to choose from, "
            "not even a perfect order could be told from chance."
        )
    findings = [correlation for correlation in found.correlations if correlation.holds]
    if findings:
        first, *others = findings
        claims = [f"{_claim(correlation)} (ρ = {RHO.text(correlation.rho, True)})" for correlation in others]
        also = f" They also {_and(claims)}." if claims else ""
        return f"**The {noun} that survive {_claim(first)}**: {_strength(first)}.{also}"
    strongest = found.correlations[0]
    best = f"the strongest, {property_named(strongest.key).label}, has {_strength(strongest)}"
    if found.chance < CHANCE:
        return (
            f"**No property explains it**: the same {noun} vanish in {seeds} seeds more often than chance would have "
            f"it ({p_text(found.chance)}), but of what was measured {best}."
        )
    return (
        f"**Chance, as far as {seeds} seeds tell**: the {noun} that vanish agree between seeds no better than shuffled "
        f"ones would ({p_text(found.chance)}), and no property goes with survival; {best}."
    )


def _all_alike(found: Why) -> str:
    total, share = len(found.classes), found.survival_K[0]
    if share < 1:
        return f"**They fare alike, here**: all {total} {found.noun} are covered as often ({percent(share)})."
    asked = [name for group in ASKED for name in group]
    included = f", {_and(asked)} included" if set(asked) <= set(found.classes) else ""
    return (
        f"**They don't, here**: all {total} {found.noun} survive{included}; in the second half of training none was "
        f"ever missing in any of {len(found.seeds)} runs."
    )


def _fared(found: Why) -> str:
    """Survival of the letters that one asks about, and of the classes that fared worst."""
    shares = dict(zip(found.classes, found.survival_K.tolist(), strict=True))
    kept, lost = ASKED
    told = ""
    if {*kept, *lost} <= set(shares):
        told = f"{_shares(kept, shares)} {_outlive(shares)} outlive {_shares(lost, shares)}; "
        if not found.enough_seeds or found.chance >= CHANCE:
            each = _and([f"{name} in {percent(shares[name])}" for name in (*kept, *lost)])
            told = f"In these runs covered: {each} of the late evaluations; "
    worst = [name for name in sorted(shares, key=shares.get)[:WORST] if shares[name] < 1]
    return f"{told}{'covered' if told else 'Covered'} least often: {_shares(worst, shares)}."


def _outlive(shares: Mapping[str, float]) -> str:
    kept, lost = ASKED
    return "do" if min(shares[name] for name in kept) > max(shares[name] for name in lost) else "do not all"


def _shares(names: Sequence[str], shares: Mapping[str, float]) -> str:
    return _and([f"{name} ({percent(shares[name])})" for name in names])


def _and(parts: Sequence[str]) -> str:
    *others, last = parts
    return f"{', '.join(others)} and {last}" if others else last


def _claim(correlation: Correlation) -> str:
    known = property_named(correlation.key)
    return known.more if correlation.rho > 0 else known.less


def _strength(correlation: Correlation) -> str:
    low, high = RHO.text(correlation.low, True), RHO.text(correlation.high, True)
    return f"ρ = {RHO.text(correlation.rho, True)} [{low}, {high}], {p_text(correlation.p)} after Holm's correction"


def percent(share: float) -> str:
    """As in "97.3 %"; 100 and 0 only where it is exactly that."""
    rounded = round(100 * share, 1)
    return f"{share * 100 if share in (0, 1) else min(max(rounded, 0.1), 99.9):g} %"


def terms(found: Why) -> str:
    """What survival, ρ and the properties are."""
    noun, names = found.noun, len(set(found.labels))
    what = "" if found.channels == 1 else ", on average over the modes that contain it"
    text = (
        f"Survival: share of the evaluations in the second half of training that do not miss it{what}; mean over "
        f"{len(found.seeds)} completed runs ({names} name{'s' * (names > 1)}, {found.num_seeds} "
        f"seed{'s' * (found.num_seeds > 1)})."
    )
    if not found.testable:
        return text
    text += (
        f" ρ: Spearman's rank correlation over {len(found.classes)} {noun}, with a 95 % bootstrap interval over them; "
        f"p from shuffled survival, after Holm's correction for {len(found.properties)} properties. A correlation is "
        "no cause"
    )
    strongest, *others = found.correlations
    if others:
        between = {c.key: float(spearman(found.properties[strongest.key], found.properties[c.key])) for c in others}
        twin = max(between, key=lambda key: abs(between[key]))
        first, second = property_named(strongest.key).label, property_named(twin).label
        text += f", and properties overlap: {first} and {second} have ρ = {RHO.text(between[twin], True)} between them"
    judged = [property_named(key).label for key in ("oracle_error", "distance_to_others") if key in found.properties]
    return f"{text}. The oracle judges the samples, and gives {_and(judged)} too." if judged else f"{text}."
