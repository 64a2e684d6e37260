"""The rules that decide the homework's claims, on made-up results."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import pytest

from docs._results.claim_rules import EPOCH, Verdict, first_loss, mostly
from docs._results.claims import RULES, claims, settings
from src.core.dataset import Dataset
from src.report.records import History, Run

LETTERS = tuple(ascii_uppercase)
FONTS = Dataset("fonts", "fonts", "ab" * 32, LETTERS, (1, 28, 28))
BARS = Dataset("drums", "drums", "cd" * 32, ("rock", "jazz"), (1, 16, 9), levels=1)
SEEDS = range(8)
ONSET, LETTER, FM, COLLAPSE, BETA, LEVELS, VALID, FREE, TEMPERATURE = range(len(RULES))


def history(**columns: Sequence[Any]) -> History:
    turns = range(len(next(iter(columns.values()))))
    return History(tuple({key: str(values[turn]) for key, values in columns.items()} for turn in turns))


def gan(remedy: str, seed: int, modes_any: Sequence[int] = (26,) * 20, **metrics: Any) -> Run:
    """A run of 100 epochs of the homework's GAN; samples are readable, no letter is missing, unless said otherwise."""
    missing = metrics.pop("missing", [""] * len(modes_any))
    seen = [5 * EPOCH * (turn + 1) for turn in range(len(modes_any))]
    return Run(
        Path(f"{remedy}{seed}"),
        "completed",
        "gan_seed",
        "gan",
        seed,
        dataset=FONTS,
        metrics={"modes": 26, "missing": [], "kl_any_late": 0.1, "recognisable": 0.9} | metrics,
        controls={"real": {"recognisable": 0.95}},
        facts={"images_seen": 100 * EPOCH},
        history=history(images_seen=seen, modes_any=modes_any, missing=missing),
        overrides=(f"experiment=gan_seed{remedy and '_'}{remedy}",),
        class_properties={"ink": tuple(range(26))},
    )


def vae(annealing: str, seed: int, high: float = 2.0, low: float = 2.0, falls: bool = True, **metrics: Any) -> Run:
    collapsed = [name for name, kl in (("high", high), ("low", low)) if kl < 0.1]
    return Run(
        Path(f"{annealing}{seed}"),
        "completed",
        "vae_seed",
        "vae",
        seed,
        dataset=BARS,
        metrics={"kl_high": high, "kl_low": low, "collapsed": collapsed, "without_effect": []} | metrics,
        controls={"noise": {"validity": metrics.pop("noise", 0.999)}, "real": {"validity": 0.98}},
        facts={"images_seen": 512_000},
        history=history(images_seen=[1, 2], reconstruction=[30, 20] if falls else [20, 30]),
        overrides=("experiment=vae_seed", f"vae.anneal={annealing}"),
    )


def verdict(claim: int, runs: Sequence[Run]) -> str:
    return claims(runs)[claim].verdict


def losing(epoch: int) -> list[int]:
    """Letters shown at every fifth epoch; eight are lost from that epoch on."""
    return [26 if 5 * (turn + 1) < epoch else 18 for turn in range(20)]


@pytest.mark.parametrize(
    ("epochs", "expected"),
    [
        ([30, 35, 25, 30, 40, 30, 25, 35], Verdict.CONFIRMED),
        ([10, 5, 10, 15, 10, 10, 15, 10], Verdict.REFUTED),
        ([80, 85, 90, 80, 85, 95, 80, 85], Verdict.REFUTED),
        ([999] * 8, Verdict.REFUTED),  # never
        ([10, 90, 20, 80, 30, 70, 15, 60], Verdict.UNDECIDED),
        ([30, 35, 25, 30, 999, 999, 999, 999], Verdict.UNDECIDED),
        ([30, 30, 35], Verdict.UNDECIDED),  # too few seeds for a majority
    ],
)
def test_when_collapse_begins(epochs, expected):
    runs = [gan("", seed, losing(epoch) if epoch > 5 else [26, *losing(0)[1:]]) for seed, epoch in enumerate(epochs)]
    assert verdict(ONSET, runs) == expected


def test_short_runs_cannot_tell_when_collapse_begins_unless_it_came_at_once():
    short = [gan("", seed, [26, 26, 26]) for seed in SEEDS]
    short = [run.__class__(**(vars(run) | {"facts": {"images_seen": 15 * EPOCH}})) for run in short]
    assert verdict(ONSET, short) == Verdict.UNDECIDED
    early = [gan("", seed, [26, 26 - seed % 2, 15]) for seed in SEEDS]
    early = [run.__class__(**(vars(run) | {"facts": {"images_seen": 15 * EPOCH}})) for run in early]
    assert first_loss(early[0], 26) == 15 * EPOCH
    assert verdict(ONSET, early) == Verdict.UNDECIDED, "all at one epoch: no interval"


@pytest.mark.parametrize(
    ("lost", "expected"),
    [("QXZ", Verdict.CONFIRMED), ("OA", Verdict.REFUTED), ("OQ", Verdict.REFUTED), ("", Verdict.UNDECIDED)],
)
def test_which_letters_survive(lost, expected):
    runs = [gan("", seed, missing=["", *[" ".join(lost)] * 19]) for seed in SEEDS]
    assert verdict(LETTER, runs) == expected


def test_where_no_letter_is_readable_none_survives():
    runs = [gan("", seed, missing=[" ".join(LETTERS)] * 19 + [" ".join(LETTERS[seed % 3 :])]) for seed in SEEDS]
    assert verdict(LETTER, runs) == Verdict.UNDECIDED


def test_letters_that_every_seed_loses_anew_are_chance():
    runs = [gan("", seed, missing=[" ".join(LETTERS[3 * seed : 3 * seed + 3])] * 20) for seed in SEEDS]
    assert verdict(LETTER, runs) == Verdict.UNDECIDED


@pytest.mark.parametrize(
    ("kl", "readable", "expected"),
    [
        (0.1, 0.02, Verdict.CONFIRMED),
        (0.1, 0.9, Verdict.REFUTED),  # helps, and is good
        (2.0, 0.02, Verdict.REFUTED),  # hurts
        (1.0, 0.02, Verdict.UNDECIDED),
    ],
)
def test_feature_matching(kl, readable, expected):
    noise = [0.01 * ((7 * seed) % 5) for seed in SEEDS]
    runs = [gan("", seed, kl_any_late=1 + noise[seed]) for seed in SEEDS]
    runs += [gan("fm", seed, kl_any_late=kl + noise[-1 - seed], recognisable=readable + 0.001 * seed) for seed in SEEDS]
    assert verdict(FM, runs) == expected


def failed(run: Run) -> Run:
    """One that diverged early."""
    facts = run.facts | {"images_seen": 5_000}
    return replace(run, status="diverged", metrics={}, facts=facts)


def planned(runs: Sequence[Run]) -> list[Run]:
    return [replace(run, facts=run.facts | {"settings": {"budget": "520000"}}) for run in runs]


def test_failed_runs_count_against_a_claim():
    """The survivors of feature matching are better; most of its runs diverged."""
    noise = [0.01 * ((7 * seed) % 5) for seed in SEEDS]
    runs = [gan("", seed, kl_any_late=1 + noise[seed]) for seed in SEEDS]
    fm = [gan("fm", seed, kl_any_late=0.2 + noise[seed], recognisable=0.02 + 0.001 * seed) for seed in SEEDS]
    assert verdict(FM, planned([*runs, *fm])) == Verdict.CONFIRMED
    runs = planned([*runs, *map(failed, fm[:-2]), *fm[-2:]])
    assert claims(runs)[FM].verdict != Verdict.CONFIRMED
    (finding,) = claims(runs)[FM].findings
    assert finding.measured.endswith(f"{len(SEEDS) - 2} runs of the setting failed")


def test_a_failed_run_has_no_collapse_to_show():
    runs = [vae("none", seed, 0.01, 0.02) for seed in SEEDS]
    half = planned([*map(failed, runs[::2]), *runs[1::2]])
    assert verdict(COLLAPSE, planned(runs)) == Verdict.CONFIRMED
    assert verdict(COLLAPSE, half) == Verdict.UNDECIDED


@pytest.mark.parametrize(
    ("high", "low", "falls", "expected"),
    [
        (0.01, 0.02, True, Verdict.CONFIRMED),
        (0.01, 3.0, True, Verdict.REFUTED),
        (0.01, 0.02, False, Verdict.REFUTED),
    ],
)
def test_collapse_without_annealing(high, low, falls, expected):
    assert verdict(COLLAPSE, [vae("none", seed, high, low, falls) for seed in SEEDS]) == expected


def test_half_of_the_seeds_do_not_settle_it():
    assert (
        verdict(COLLAPSE, [vae("none", seed, 0.01, 0.01 if seed % 2 else 2.0) for seed in SEEDS]) == Verdict.UNDECIDED
    )


@pytest.mark.parametrize(
    ("none", "linear", "expected"),
    [(0.0, 2.0, Verdict.CONFIRMED), (0.0, 0.0, Verdict.REFUTED), (2.0, 2.0, Verdict.UNDECIDED)],
)
def test_a_small_beta_early(none, linear, expected):
    runs = [vae(name, seed, 2.0, kl) for name, kl in (("none", none), ("linear", linear)) for seed in SEEDS]
    assert verdict(BETA, runs) == expected


@pytest.mark.parametrize(("sign", "expected"), [(1, Verdict.CONFIRMED), (-1, Verdict.REFUTED)])
def test_what_the_levels_control(sign, expected):
    def kept(seed: int) -> Run:
        style, apart = 0.3 + 0.01 * seed, 0.1 + 0.01 * seed
        return vae(
            "free_bits",
            seed,
            style_agreement_fixed_high=0.5 + sign * style,
            style_agreement_fixed_low=0.5,
            distance_fixed_high=0.2,
            distance_fixed_low=0.2 + apart,
        )

    collapsed = [vae("none", seed, 0.0, 0.0) for seed in SEEDS]
    assert verdict(LEVELS, [*collapsed, *map(kept, SEEDS)]) == expected
    assert verdict(LEVELS, collapsed) == Verdict.UNDECIDED


@pytest.mark.parametrize(
    ("score", "noise", "expected"),
    [(0.99, 0.999, Verdict.CONFIRMED), (0.8, 0.999, Verdict.REFUTED), (0.99, 0.4, Verdict.REFUTED)],
)
def test_valid_patterns(score, noise, expected):
    runs = [vae("none", seed, validity=score + 0.001 * seed, noise=noise) for seed in SEEDS]
    assert verdict(VALID, runs) == expected


@pytest.mark.parametrize(("active", "expected"), [(12, Verdict.CONFIRMED), (5, Verdict.REFUTED)])
def test_free_bits(active, expected):
    dims = {"kl_high_dims": [0.25] * 4, "kl_low_dims": [0.25] * 12}
    runs = [vae("free_bits", seed, **dims, au_high=4, au_low=active) for seed in SEEDS]
    assert verdict(FREE, runs) == expected


@pytest.mark.parametrize(
    ("change", "expected"), [(-0.05, Verdict.CONFIRMED), (0.05, Verdict.REFUTED), (0.0, Verdict.UNDECIDED)]
)
def test_temperature(change, expected):
    runs = [vae("none", seed, cell_entropy=0.2 + 0.01 * seed) for seed in SEEDS]
    runs += [vae("temperature", seed, cell_entropy=0.2 + 0.01 * seed + change + 0.005 * (-1) ** seed) for seed in SEEDS]
    assert verdict(TEMPERATURE, runs) == expected


def test_what_was_not_run_is_not_measured():
    assert {claim.verdict for claim in claims([])} == {Verdict.NOT_MEASURED}


def test_settings_that_disagree_are_said_to():
    other = Dataset("groove", "groove", "ef" * 32, ("rock", "jazz"), (1, 16, 9), levels=1)
    here = [vae("none", seed, 0.0, 0.0) for seed in SEEDS]
    there = [run.__class__(**(vars(vae("none", seed)) | {"dataset": other})) for seed, run in enumerate(here)]
    assert verdict(COLLAPSE, [*here, *there]) == "depends on the setting"
    assert list(settings([*here, *there])) == ["`vae_seed`, drums, 512k bars", "`vae_seed`, groove, 512k bars"]


def test_other_data_of_one_name_are_another_setting():
    larger = Dataset("fonts", "fonts", "ef" * 32, LETTERS, (1, 28, 28))
    both = [gan("", 0), gan("", 0).__class__(**(vars(gan("", 1)) | {"dataset": larger}))]
    label = "`gan_seed`, fonts of 28×28, 520k images"
    assert list(settings(both)) == [f"{label} (data abababab)", f"{label} (data efefefef)"]


def test_a_majority_needs_an_interval():
    assert [mostly(*counts) for counts in ((8, 8), (0, 8), (7, 8), (3, 3), (0, 0))] == [True, False, None, None, None]


def test_runs_below_a_tenth_of_the_homeworks_length_decide_nothing():
    runs = [vae("none", seed, 0.01, 0.01) for seed in SEEDS]
    assert verdict(COLLAPSE, runs) == Verdict.CONFIRMED
    claim = claims([replace(run, facts={"images_seen": 16_000}) for run in runs])[COLLAPSE]
    assert claim.verdict == Verdict.UNDECIDED
    assert claim.findings[0].measured.endswith("too short for a verdict")
