"""Chapters of the report on analyses that only some data allow."""

from collections.abc import Sequence
from dataclasses import dataclass

from src.core.levels import OF_TWO, expanded


@dataclass(frozen=True)
class Chapter:
    """A question that runs examine at their end: what they measured for it, and pictures and sounds in samples/.

    The answer is `yes` where the metric `key` exceeds the largest of the metrics `against`, or of the same metric of
    `control` (0 without any), else `no`; `decides` says so. Where there are too many names to show pictures of all, the
    first metric decides of which. Of a sound there is also said what its first bars are, and how many of them to play.
    `levels`: latent levels that it is about, and so the models that have them; empty for a chapter of all.
    """

    heading: str
    key: str
    against: tuple[str, ...]
    yes: str
    no: str
    decides: str
    note: str
    metrics: tuple[str, ...]
    grids: tuple[tuple[str, str], ...] = ()
    sounds: tuple[tuple[str, str, int], ...] = ()
    levels: tuple[str, ...] = ()
    control: str = ""


COPIES = Chapter(
    "Does it copy its training data?",
    "memorised",
    (),
    "samples repeat training data more often than unseen real data do",
    "samples repeat training data no more often than unseen real data do",
    "Decides: the share of samples less than a third as far from the nearest training sample as from the second "
    "nearest (memorised), against that of held-out real data.",
    "Distances are those of the oracle's features, to at most 10,000 different training samples: copies of others go "
    "unnoticed. Authentic: farther from the nearest training sample than that one is from any other, which junk is as "
    "well. C_T: far below 0 where samples are nearer to the training data than unseen real data are; copies are, but "
    "so are samples near the middle of their class.",
    ("memorised", "authenticity", "c_t"),
    control="real",
)


def music(hierarchies: Sequence[Sequence[str]]) -> tuple[Chapter, ...]:
    """What runs on drum bars examine, for models with each of these lists of latent levels, top level first."""
    several = [levels for levels in hierarchies if len(levels) > 1]
    by_levels = [*map(_dimensions, hierarchies), *map(_hierarchy, several), *map(_transfer, hierarchies)]
    return *by_levels, CONTROL, MUSICALITY


def _dimensions(levels: Sequence[str]) -> Chapter:
    top = f"z_{levels[0]}"
    return Chapter(
        f"What each latent dimension controls{_of(levels)}",
        f"named_{levels[0]}",
        (),
        f"dimensions of {top} control a musical feature each",
        f"no dimension of {top} controls a musical feature",
        f"Decides: how many active dimensions of {top} have a feature's name (named, {_called(levels[0])}).",
        "A dimension gets a feature's name if it is active, their rank correlation on held-out bars is strong and "
        "holds after Holm's correction over all pairs, and they share more information than shuffled bars do; "
        "samples/associations.csv of each run has every pair in numbers. MIG and DCI: whether one dimension answers "
        "for one of the known factors, and one factor for one dimension.",
        (
            *expanded(["named_LEVEL", "mig"], levels),
            *("dci_disentanglement", "dci_completeness", "dci_informativeness"),
        ),
        (
            *((f"associations_{level}", f"z_{level} against musical features") for level in levels),
            *((f"traversal_{level}", f"z_{level}, one dimension at a time") for level in levels),
        ),
        (
            (
                f"traversal_{levels[0]}_bars",
                f"the most active dimension of {top} at −2 σ, the typical bar, and at +2 σ",
                3,
            ),
        ),
        tuple(levels),
    )


def _hierarchy(levels: Sequence[str]) -> Chapter:
    top, lower = f"z_{levels[0]}", " or ".join(f"z_{level}" for level in levels[1:])
    then = "".join(f", then two with one z_{level}" for level in levels[1:])
    return Chapter(
        f"Does {top} hold the style, and {lower} the variation?",
        f"style_probe_{levels[0]}",
        expanded(["style_probe_LEVEL"], levels[1:]),
        f"{top} tells the style better than {lower} does",
        f"{top} tells the style no better than {lower} does",
        f"Decides: the share of held-out bars whose style a linear probe reads off {top}, against {lower} (probe).",
        "Probe: held-out bars whose style a linear classifier reads off a level's codes; its floor is the share of the "
        "commonest style. Variance: the share of a level's variance that lies between styles. Agreement and distance: "
        "how often bars with one level fixed and all else drawn anew sound like one style, and what share of their "
        "cells differs.",
        expanded(
            [
                *("style_probe_LEVEL", "style_probe_floor", "style_variance_LEVEL"),
                *("style_agreement_fixed_LEVEL", "distance_fixed_LEVEL"),
            ],
            levels,
        ),
        (("latent_map", "Each level in two dimensions"), ("hierarchy", "One level kept, all else drawn anew")),
        (("hierarchy_bars", f"two bars with one z_{levels[0]}{then}", 2 * len(levels)),),
        tuple(levels),
    )


def _transfer(levels: Sequence[str]) -> Chapter:
    top = f"z_{levels[0]}"
    moved = " and ".join(map(_called, levels))
    exchanged = ", and ".join(f"with the target's z_{level}" for level in levels)
    return Chapter(
        f"Style transfer and interpolation{_of(levels)}",
        f"transfer_{levels[0]}",
        ("transfer_copy", "transfer_target", "transfer_mean"),
        f"the target's {top} transfers the style better than any copy would",
        f"the target's {top} transfers the style no better than a copy would",
        f"Decides: the share of successful transfers by {top}, against the best of copy, target and mean.",
        "A transfer succeeds if the oracle hears the target's style and the rhythm stays as near to the source as real "
        f"bars of one style are to each other; both were fixed beforehand. {moved.capitalize()}: which "
        "level comes from the target. Copy, target and mean: the source as it is, the target's bar as it is, and the "
        "target style's typical bar; what transfer is worth, it must do better than these. Pairs: how many pairs of "
        "bars this is of.",
        expanded(
            [
                *("transfer_LEVEL", "transfer_copy", "transfer_target", "transfer_mean", "transfer_pairs"),
                *("interpolation_straightness_LEVEL", "interpolation_straightness_both"),
                *("interpolation_straightness_fade", "interpolation_pairs"),
            ],
            levels,
        ),
        (
            ("transfer", "Source, target and what transfer makes of them"),
            ("interpolation", "From one bar to another in nine steps"),
        ),
        (("transfer_bars", f"source, target, the source {exchanged}", 2 + len(levels)),),
        tuple(levels),
    )


def _called(level: str) -> str:
    """As labels of metrics call it."""
    return level if level in OF_TWO else f"z_{level}"


def _of(levels: Sequence[str]) -> str:
    """What a heading says of models with another number of levels than two."""
    return "" if tuple(levels) == OF_TWO else f", z_{levels[0]} to z_{levels[-1]}"


CONTROL = Chapter(
    "Can it be controlled?",
    "control_density_correlation",
    (),
    "the density of bars follows what is asked for",
    "the density of bars does not follow what is asked for",
    "Decides: the rank correlation of asked and obtained density (density: ρ).",
    "Density and syncopation are changed along a direction measured on validation bars; the slope is 1 where what "
    "is asked for is what one gets.",
    (
        *("control_density_slope", "control_density_correlation"),
        *("control_syncopation_slope", "control_syncopation_correlation"),
    ),
    (("control", "Asked for, and obtained"), ("temperature", "Sampling hotter and colder")),
)

MUSICALITY = Chapter(
    "Is it musical?",
    "told_apart",
    ("told_apart_real",),
    "a classifier distinguishes samples from real bars",
    "a classifier distinguishes samples from real bars no better than real bars from real ones",
    "Decides: the accuracy of a classifier of samples and test bars, against that of real bars in their place "
    "(C2ST accuracy); there was no listening test.",
    "Copied: share of bars that are in the training set. C2ST accuracy: how often a small classifier distinguishes "
    "samples from real bars (classifier two-sample test); 0.5 is as good as real. Cell entropy: uncertainty of the "
    "decoder in nats per cell; lower is sharper.",
    ("validity", "feature_distance", "copied", "copied_real", "told_apart", "told_apart_real", "cell_entropy"),
)
