from collections.abc import Sequence
from itertools import count

import pytest
from scipy import stats

from src.report.cautions import Caution, cautions
from src.report.collect import read_run
from src.report.grouping import group
from src.report.outcomes import effect
from src.report.section import Section
from src.report.tables import difference_table
from src.report.verdicts import Comparison, Verdict, Withheld, judge, side_effects
from tests.report.conftest import gan_metrics


@pytest.fixture
def pair(make_run):
    """A section of a baseline (KL 0.5) and one remedy with the given KLs, one per seed."""

    def make(kls: Sequence[float], **remedy) -> Section:
        runs = [read_run(make_run("gan_standard", seed, kl=0.5)) for seed in range(len(kls))]
        runs += [read_run(make_run("gan_fm", seed, kl=kl, **remedy)) for seed, kl in enumerate(kls)]
        return group(runs)[0]

    return make


def verdict(section: Section, key: str = "kl") -> Verdict:
    return judge(section, section.remedies[0], key).verdict


def test_two_seeds_give_no_verdict(pair) -> None:
    section = pair([0.1, 0.1001])
    found = judge(section, section.remedies[0], "kl")
    assert (found.verdict, found.withheld, found.could_show) == (Verdict.WITHHELD, Withheld.PAIRS, None)


def test_three_seeds_may_help_or_hurt(pair) -> None:
    section = pair([0.1, 0.11, 0.12], missing="")
    assert verdict(section) is Verdict.HELPS
    assert verdict(section, "modes") is Verdict.RAISES


def test_worse_hurts(pair) -> None:
    assert verdict(pair([0.9, 0.91, 0.92])) is Verdict.HURTS


def test_interval_with_zero_shows_no_difference(pair) -> None:
    section = pair([0.1, 0.9, 0.4])
    assert verdict(section) is Verdict.UNCLEAR
    kind, value = judge(section, section.remedies[0], "kl").could_show
    assert kind == "difference"
    assert value > abs(section.comparisons["kl"]["gan_fm"].difference.mean)


def test_other_budget_gives_no_verdict(pair) -> None:
    section = pair([0.1, 0.11, 0.12], images_seen=600)
    assert judge(section, section.remedies[0], "kl").withheld is Withheld.BUDGET


def test_kl_at_the_floor_is_noise(make_run) -> None:
    runs = [read_run(make_run("gan_standard", seed, kl=0.002)) for seed in range(3)]
    runs += [read_run(make_run("gan_fm", seed, kl=0.001 + seed * 1e-5)) for seed in range(3)]
    (section,) = group(runs)
    assert judge(section, section.remedies[0], "kl").withheld is Withheld.FLOOR
    assert Caution("at_kl_floor", ["gan_standard", "gan_fm"], grave=False) in cautions(section)


@pytest.fixture
def among(make_run):
    """A section of a baseline (KL 0.5), a remedy with these differences from it, and as many idle ones as told."""

    def make(differences: Sequence[float], idle: int) -> Section:
        changes = {"gan_standard": [0.0] * len(differences), "gan_a": differences}
        changes |= {f"gan_idle_{number}": [0.01, -0.02, 0.03] for number in range(idle)}
        folders = count()
        return group(
            read_run(make_run(name, seed, kl=0.5 + change, folder=f"{differences} {next(folders)}"))
            for name, values in changes.items()
            for seed, change in enumerate(values)
        )[0]

    return make


def first(section: Section) -> Comparison:
    summary = next(summary for summary in section.remedies if summary.label == "gan_a")
    return judge(section, summary, "kl")


def test_many_names_make_a_verdict_dearer(among) -> None:
    differences = [-0.2, -0.25, -0.3]
    alone = first(among(differences, idle=0))
    assert alone.verdict is Verdict.HELPS
    assert alone.significance.p == pytest.approx(stats.ttest_1samp(differences, 0).pvalue)
    assert alone.significance.corrected == alone.significance.p
    many = first(among([-0.04, -0.05, -0.06], idle=4))
    assert many.significance.tests == 5
    assert many.significance.corrected == pytest.approx(5 * many.significance.p)


def test_names_with_two_pairs_are_not_tested_and_cost_the_others_nothing(make_run) -> None:
    runs = [read_run(make_run("gan_standard", seed, kl=0.5)) for seed in range(3)]
    runs += [read_run(make_run("gan_a", seed, kl=0.3 - 0.05 * seed)) for seed in range(3)]
    runs += [read_run(make_run("gan_b", seed, kl=0.3 - 0.05 * seed)) for seed in range(2)]
    (section,) = group(runs)
    assert first(section).significance.tests == 1
    assert judge(section, section.remedies[1], "kl").significance is None
    rows = {row[0].text: [cell.text for cell in row] for row in difference_table(section).rows}
    assert rows["`gan_a`"][1] == "3"
    assert rows["`gan_b`"][1] == "2"
    assert rows["`gan_b`"][3] == "–"


@pytest.mark.parametrize(("seeds", "shown"), [(3, Verdict.UNCLEAR), (4, Verdict.HELPS)])
def test_differences_without_spread_are_decided_by_ranks(among, seeds, shown) -> None:
    same = first(among([-0.25] * seeds, idle=0))
    assert same.verdict is shown
    assert same.exact
    if shown is Verdict.UNCLEAR:
        assert same.could_show == ("seeds", 4)


@pytest.mark.parametrize(("gained", "shown"), [(1, Verdict.UNCLEAR), (26, Verdict.RAISES)])
def test_counts_that_all_agree_are_known_to_half_a_mode(make_run, gained, shown) -> None:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    runs = [read_run(make_run("gan_standard", seed, missing=letters[:gained])) for seed in range(3)]
    runs += [read_run(make_run("gan_fm", seed, missing="")) for seed in range(3)]
    assert verdict(group(runs)[0], "modes") is shown


def test_only_the_primary_metric_says_helps_or_hurts(make_run) -> None:
    """FID gets far worse and modes better, KL stays."""
    runs = []
    for seed in range(5):
        wobble = 0.01 * (-1) ** seed
        for name, fid, missing, change in (("gan_standard", 3.0, "QXZJKV", 0), ("gan_fm", 90.0, "Q", wobble)):
            metrics = gan_metrics(missing, 0.5 + change) | {"fid": fid + wobble + 0.001 * seed}
            runs.append(read_run(make_run(name, seed, metrics=metrics)))
    (section,) = group(runs)
    assert verdict(section) is Verdict.UNCLEAR
    assert {judgement.subject for judgement in side_effects(section, section.remedies[0])} >= {"FID", "modes"}
    assert effect(section).by_verdict == {Verdict.UNCLEAR: ["gan_fm"]}


@pytest.mark.parametrize(("declared", "expected"), [("modes", "modes"), ("kl", "kl"), ("unknown", "kl"), (None, "kl")])
def test_the_study_declares_the_primary_metric(make_run, declared, expected) -> None:
    runs = []
    for seed in range(3):
        folder = make_run("gan_standard", seed)
        if declared:
            path = folder / ".hydra" / "config.yaml"
            path.write_text(path.read_text() + f"study: {{primary: {{gan: {declared}}}}}\n")
        runs.append(read_run(folder))
    section = group(runs)[0]
    assert section.primary == expected
    undeclared = [caution.facts for caution in cautions(section) if caution.key == "undeclared_metric"]
    assert undeclared == ([["unknown"]] if declared == "unknown" else [])


def test_late_averages_decide_where_every_run_has_them(make_run) -> None:
    late = {**gan_metrics("QX", 0.2), "kl_late": 0.3}
    new = [read_run(make_run("gan_standard", seed, metrics=late)) for seed in range(2)]
    assert group(new)[0].primary == "kl_late"
    old = [read_run(make_run("gan_standard", 2))]
    assert group([*new, *old])[0].primary == "kl"


def test_a_recipe_that_dies_in_some_seeds_does_not_beat_one_that_never_does(make_run) -> None:
    runs = []
    for seed in range(8):
        runs.append(read_run(make_run("gan_standard", seed, kl=0.5 + 0.01 * seed)))
        dead = {"status": "diverged", "metrics": {}, "error": "loss is nan"} if seed % 3 == 0 else {}
        runs.append(read_run(make_run("gan_fm", seed, kl=0.3 + 0.01 * seed, **dead)))
    (section,) = group(runs)
    judged = judge(section, section.remedies[0], "kl")
    assert judged.exact
    assert judged.worse == (3, 0)
    assert judged.difference.n == 8
    assert judged.verdict is not Verdict.HELPS
    fm = section.remedies[0].estimates["kl"]
    assert (fm.n, fm.mean > 1) == (8, True), "ln(26/0.95) in the seeds that died"
    assert section.best_first[0].name == "gan_standard"


def test_a_value_that_is_null_is_the_worst(make_run) -> None:
    runs = []
    for seed in range(5):
        runs.append(read_run(make_run("gan_standard", seed, kl=0.5 + 0.01 * seed)))
        kl = None if seed > 2 else 0.1 + 0.01 * seed
        runs.append(read_run(make_run("gan_fm", seed, metrics=gan_metrics("", 0.0) | {"kl": kl})))
    (section,) = group(runs)
    assert section.comparisons["kl"]["gan_fm"].worse == (2, 0)
    assert verdict(section) is Verdict.UNCLEAR


def test_more_kl_in_a_living_level_is_not_better(make_vae) -> None:
    runs = []
    for strategy, rates, nll in (("none", (2.0, 1.0), 25.0), ("linear", (3.0, 0.5), 24.0)):
        for seed in range(3):
            wobble = 0.01 * (seed - 1)
            high, low = (rate * (1 + wobble) for rate in rates)
            runs.append(read_run(make_vae(strategy, seed, high, low, nll + wobble * (1 + sum(rates)))))
    (section,) = group(runs)
    assert {key: verdict(section, key) for key in section.headline} == {
        "iwae_nll": Verdict.HELPS,
        "elbo": Verdict.RAISES,
        "kl_high": Verdict.RAISES,
        "kl_low": Verdict.LOWERS,
    }


def test_a_level_kept_alive_does_not_make_up_for_a_worse_likelihood(make_vae) -> None:
    runs = [read_run(make_vae("none", seed, 2.0, 0.01, 25 + 0.01 * seed)) for seed in range(3)]
    runs += [read_run(make_vae("geco", seed, 2.0, 2.0 + 0.01 * seed, 28 + 0.02 * seed)) for seed in range(3)]
    (section,) = group(runs)
    assert verdict(section, "iwae_nll") is Verdict.HURTS
    assert Verdict.KEEPS in {found.verdict for found in side_effects(section, section.remedies[0])}
