"""Chapters of the report on analyses that only some data allow."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Chapter:
    """A question that runs examine at their end: what they measured for it, and pictures and sounds in samples/.

    The answer is `yes` where the metric `key` exceeds the largest of the metrics `against`, or of the same metric of
    `control` (0 without any), else `no`; `decides` says so. Where there are too many names to show pictures of all, the
    first metric decides of which. Of a sound there is also said what its first bars are, and how many of them to play.
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

MUSIC = (
    Chapter(
        "What each latent dimension controls",
        "named_high",
        (),
        "dimensions of z_high control a musical feature each",
        "no dimension of z_high controls a musical feature",
        "Decides: how many active dimensions of z_high have a feature's name (named, high).",
        "A dimension gets a feature's name if it is active, their rank correlation on held-out bars is strong and "
        "holds after Holm's correction over all pairs, and they share more information than shuffled bars do; "
        "samples/associations.csv of each run has every pair in numbers. MIG and DCI: whether one dimension answers "
        "for one of the known factors, and one factor for one dimension.",
        (
            *("named_high", "named_low", "mig"),
            *("dci_disentanglement", "dci_completeness", "dci_informativeness"),
        ),
        (
            ("associations_high", "z_high against musical features"),
            ("associations_low", "z_low against musical features"),
            ("traversal_high", "z_high, one dimension at a time"),
            ("traversal_low", "z_low, one dimension at a time"),
        ),
        (("traversal_high_bars", "the most active dimension of z_high at −2 σ, the typical bar, and at +2 σ", 3),),
    ),
    Chapter(
        "Does z_high hold the style, and z_low the variation?",
        "style_probe_high",
        ("style_probe_low",),
        "z_high tells the style better than z_low does",
        "z_high tells the style no better than z_low does",
        "Decides: the share of held-out bars whose style a linear probe reads off z_high, against z_low (probe).",
        "Probe: held-out bars whose style a linear classifier reads off a level's codes; its floor is the share of the "
        "commonest style. Variance: the share of a level's variance that lies between styles. Agreement and distance: "
        "how often bars with one level fixed and the other drawn anew sound like one style, and what share of their "
        "cells differs.",
        (
            *("style_probe_high", "style_probe_low", "style_probe_floor", "style_variance_high", "style_variance_low"),
            *("style_agreement_fixed_high", "style_agreement_fixed_low"),
            *("distance_fixed_high", "distance_fixed_low"),
        ),
        (("latent_map", "Both levels in two dimensions"), ("hierarchy", "One level kept, the other drawn anew")),
        (("hierarchy_bars", "two bars with one z_high, then two with one z_low", 4),),
    ),
    Chapter(
        "Style transfer and interpolation",
        "transfer_high",
        ("transfer_copy", "transfer_target", "transfer_mean"),
        "the target's z_high transfers the style better than any copy would",
        "the target's z_high transfers the style no better than a copy would",
        "Decides: the share of successful transfers by z_high, against the best of copy, target and mean.",
        "A transfer succeeds if the oracle hears the target's style and the rhythm stays as near to the source as real "
        "bars of one style are to each other; both were fixed beforehand. High and low: which level comes from the "
        "target. Copy, target and mean: the source as it is, the target's bar as it is, and the target style's typical "
        "bar; what transfer is worth, it must do better than these. Pairs: how many pairs of bars this is of.",
        (
            *("transfer_high", "transfer_low", "transfer_copy", "transfer_target", "transfer_mean", "transfer_pairs"),
            *("interpolation_straightness_high", "interpolation_straightness_low"),
            *("interpolation_straightness_both", "interpolation_straightness_fade", "interpolation_pairs"),
        ),
        (
            ("transfer", "Source, target and what transfer makes of them"),
            ("interpolation", "From one bar to another in nine steps"),
        ),
        (("transfer_bars", "source, target, the source with the target's z_high, and with the target's z_low", 4),),
    ),
    Chapter(
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
    ),
    Chapter(
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
    ),
)
