from collections.abc import Sequence
from itertools import count
from pathlib import Path

import pytest
from scipy import stats

from src.comparison.collapse import phase
from src.comparison.collect import collect, read_run
from src.comparison.page import compose
from src.comparison.render_markdown import markdown
from src.comparison.sections import Section, group
from src.comparison.statistics import Interval, Significance
from src.comparison.tables import difference_table
from src.comparison.verdicts import Judgement, Verdict, judge


@pytest.fixture
def pair(make_run):
    """A section of a baseline (KL 0.5) and one remedy with the given KLs, one per seed."""

    def make(kls: Sequence[float], **remedy) -> Section:
        runs = [read_run(make_run("gan_standard", seed, kl=0.5)) for seed in range(len(kls))]
        runs += [read_run(make_run("gan_fm", seed, kl=kl, **remedy)) for seed, kl in enumerate(kls)]
        return group(runs)[0]

    return make


def said(section: Section) -> str:
    return markdown(compose([section], Path()))


def verdict(section: Section, key: str = "kl") -> Verdict:
    return judge(section, section.remedies[0], key).verdict


def test_two_seeds_give_no_verdict(pair) -> None:
    section = pair([0.1, 0.1001])
    assert verdict(section) is Verdict.WITHHELD
    assert "`gan_fm`: **no verdict**" in said(section)
    assert "2 paired seeds, at least 3 are needed" in said(section)
    assert "Fewer than 3 completed seeds: `gan_standard` 2, `gan_fm` 2" in said(section)
    assert "helps" not in said(section)


def test_many_names_with_equally_few_seeds_are_not_all_listed(make_run, tmp_path) -> None:
    for number in range(6):
        make_run(f"gan_{number}", 0)
    (section,) = group(collect([tmp_path]))
    assert "Fewer than 3 completed seeds: 1 of each name. No conclusion" in said(section)


def test_three_seeds_may_help_or_hurt(pair) -> None:
    section = pair([0.1, 0.11, 0.12], missing="")
    assert "`gan_fm`: **helps: modes, KL**" in said(section)
    assert "KL −0.390 [−0.415, −0.365]" in said(section)
    assert "Fewer than" not in said(section)


def test_worse_hurts(pair) -> None:
    assert verdict(pair([0.9, 0.91, 0.92])) is Verdict.HURTS


def test_interval_with_zero_shows_no_difference(pair) -> None:
    section = pair([0.1, 0.9, 0.4])
    assert verdict(section) is Verdict.UNCLEAR
    assert "`gan_fm`: **no difference shown**" in said(section)
    assert "“No difference shown” is not “no difference”" in said(section)


def test_other_budget_gives_no_verdict(pair) -> None:
    section = pair([0.1, 0.11, 0.12], images_seen=600)
    assert verdict(section) is Verdict.WITHHELD
    assert "Budgets differ, from 300 to 600 images" in said(section)


def test_kl_at_the_floor_is_noise(make_run) -> None:
    runs = [read_run(make_run("gan_standard", seed, kl=0.002)) for seed in range(3)]
    runs += [read_run(make_run("gan_fm", seed, kl=0.001 + seed * 1e-5)) for seed in range(3)]
    (section,) = group(runs)
    assert verdict(section) is Verdict.WITHHELD
    assert "at the floor of the sample size" in said(section)
    assert "KL at the floor of a perfect sampler (0.00125): `gan_standard`, `gan_fm`" in said(section)


def test_failed_runs_are_told(study) -> None:
    (section,) = group(collect([study]))
    text = said(section)
    assert "2 of 11 runs did not complete and are not averaged: `gan_fm` (1 unfinished)" in text
    assert "`gan_hinge` (1 failed)" in text
    assert "1 of its 4 runs did not complete; this is of the rest" in text


def test_baseline_letters_and_their_time(study) -> None:
    text = said(group(collect([study]))[0])
    assert "missing letters: Q, X, Z in all 3 seeds; J in 1 of 3" in text
    assert "of 26." in text
    assert "Collapse sets in midway in seeds 0, 1, 2 (from 200 images on); training saw 300 images" in text
    assert "Present at first, then gone for good: J from 300, Q from 300" in text


def test_no_collapse_nothing_to_cure(make_run) -> None:
    runs = [read_run(make_run("gan_standard", seed, missing="", onset=None)) for seed in range(3)]
    text = said(group(runs)[0])
    assert "no letters are missing in any seed: there is no collapse here for a remedy to cure" in text
    assert "Collapse has no onset in any of 3 seeds" in text


def test_one_seed_concludes_nothing(make_run) -> None:
    text = said(group([read_run(make_run("gan_standard", 0, missing="", onset=None))])[0])
    assert "Under `gan_standard` (1 seed) no letters are missing in any seed. No conclusion from 1 seed: at" in text
    assert "to cure" not in text
    text = said(group([read_run(make_run("gan_standard", 1))])[0])
    assert "Present at first, then gone for good (1 seed): Q from 300, X from 300 images on." in text


def test_baseline_without_completed_runs(make_run) -> None:
    runs = [read_run(make_run("gan_standard", status="diverged", error="loss is nan"))]
    runs += [read_run(make_run("gan_fm", seed)) for seed in range(3)]
    text = said(group(runs)[0])
    assert "The baseline `gan_standard` has no completed run" in text
    assert "`gan_standard` (1 diverged)" in text


def test_metric_that_likes_junk_is_distrusted(make_run) -> None:
    controls = {"real": {"modes": 18}, "noise": {"modes": 19}, "single": {"modes": 1}}
    text = said(group([read_run(make_run(controls=controls))])[0])
    assert "Distrust modes here: `noise` scores 19.0 modes where held-out real data score 18.0" in text


def test_weak_oracle_and_two_commits_are_told(make_run) -> None:
    runs = [read_run(make_run(seed=0, oracle_accuracy=0.7)), read_run(make_run(seed=1, git="fff"))]
    text = said(group(runs)[0])
    assert "right on only 70.0%" in text
    assert "2 versions of the code (abc123, fff)" in text


def test_many_names_are_grouped_and_chance_is_mentioned(make_run) -> None:
    runs = [read_run(make_run("gan_standard", seed, kl=0.5)) for seed in range(3)]
    for number in range(8):
        for seed in range(3):
            runs.append(read_run(make_run(f"gan_{number}", seed, kl=0.1 + 0.01 * seed)))
    text = said(group(runs)[0])
    assert "**Helps: KL** (8): `gan_0` (modes 0.0, KL −0.390)" in text
    assert "With 8 names, about one 95 % interval in twenty misses zero by chance alone; verdicts are corrected" in text


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


def first(section: Section) -> Judgement:
    summary = next(summary for summary in section.remedies if summary.label == "gan_a")
    return judge(section, summary, "kl")


def test_many_names_make_a_verdict_dearer(among) -> None:
    differences = [-0.2, -0.25, -0.3]
    p = stats.ttest_1samp(differences, 0).pvalue
    alone = first(among(differences, idle=0))
    assert (alone.verdict, alone.reason) == (Verdict.HELPS, "")
    assert alone.significance == Significance(pytest.approx(p), pytest.approx(p), 1)
    section = among(differences[::-1], idle=4)
    judged = first(section)
    assert judged.verdict is Verdict.UNCLEAR
    assert judged.difference.excludes_zero
    assert judged.significance == Significance(pytest.approx(p), pytest.approx(5 * p), 5)
    assert (p, 5 * p) == (pytest.approx(0.0131, abs=5e-5), pytest.approx(0.0654, abs=5e-5))
    expected = (
        "No difference shown in KL: its interval excludes zero, but Holm's correction for 5 names does not let it pass "
        "(p = 0.013 alone, p = 0.065 corrected)."
    )
    assert expected in said(section)


def test_many_names_are_told_apart_from_what_the_correction_overruled(among) -> None:
    text = said(among([-0.2, -0.25, -0.3], idle=7))
    assert "`gan_a` (modes 0.0, KL −0.250 with p = 0.10 corrected)" in text
    assert "KL +0.00667)" in text, "an interval with zero needs no such word"


def test_many_names_without_a_verdict_say_why(make_run) -> None:
    runs = [read_run(make_run(f"gan_{name}", seed)) for name in ("standard", *"abcdefg") for seed in range(2)]
    assert "**No verdict** (7): `gan_a` (2 paired seeds, at least 3 are needed), " in said(group(runs)[0])


def test_names_with_two_pairs_are_not_tested_and_cost_the_others_nothing(make_run) -> None:
    runs = [read_run(make_run("gan_standard", seed, kl=0.5)) for seed in range(3)]
    runs += [read_run(make_run("gan_a", seed, kl=0.3 - 0.05 * seed)) for seed in range(3)]
    runs += [read_run(make_run("gan_b", seed, kl=0.3 - 0.05 * seed)) for seed in range(2)]
    (section,) = group(runs)
    assert first(section).significance.tests == 1
    assert judge(section, section.remedies[1], "kl").significance is None
    lines = {row[0].text: row for row in difference_table(section).rows}
    assert lines["`gan_a`"][3].detail.endswith("−0.126 · p = 0.013")
    assert "p =" not in lines["`gan_b`"][3].detail


def test_seeds_that_all_agree_exactly_show_nothing_by_themselves(among) -> None:
    section = among([-0.25] * 3, idle=0)
    same = first(section)
    assert (same.verdict, same.significance.p) == (Verdict.UNCLEAR, 0.25)
    assert same.reason == "all 3 are the same, so their spread is not known, and by their signs alone p = 0.25"
    assert "p of a paired t-test (of their signs alone where all are alike) after" in difference_table(section).caption
    many = first(among([-0.25] * 6, idle=0))
    assert (many.verdict, many.significance.p) == (Verdict.HELPS, 2 / 2**6)
    none = first(among([0.0] * 3, idle=4))
    assert (none.verdict, none.significance.p, none.reason) == (Verdict.UNCLEAR, 1, "")


@pytest.mark.parametrize(("gained", "verdict"), [(1, Verdict.UNCLEAR), (26, Verdict.HELPS)])
def test_counts_that_all_agree_are_known_to_half_a_mode(make_run, gained, verdict) -> None:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    runs = [read_run(make_run("gan_standard", seed, missing=letters[:gained])) for seed in range(3)]
    runs += [read_run(make_run("gan_fm", seed, missing="")) for seed in range(3)]
    (section,) = group(runs)
    judged = judge(section, section.remedies[0], "modes")
    assert judged.verdict is verdict
    assert judged.significance.p > 0
    assert judged.difference.high - judged.difference.low == pytest.approx(2.03, abs=0.005)
    assert "on the variance of rounding, 1/12, where all counts are alike" in said(section)


def test_a_bootstrap_alone_shows_no_difference(among) -> None:
    """Of skewed differences BCa may exclude zero where the t-test does not."""
    judged = first(among([*[-0.02] * 10, -0.3, -0.01], idle=0))
    assert judged.difference.interval is Interval.BCA
    assert judged.verdict is Verdict.UNCLEAR
    assert judged.reason == "its interval excludes zero, but the paired t-test has p = 0.097"


def test_differences_say_what_is_corrected(among) -> None:
    table = difference_table(among([-0.2, -0.25, -0.3], idle=4))
    assert "the 95 % interval (Student's t; " in table.caption
    assert "and p of a paired t-test after Holm's correction" in table.caption
    assert "The intervals are not corrected, the verdicts are" in table.caption
    (row,) = (row for row in table.rows if row[0].text == "`gan_a`")
    assert (row[3].text, row[3].detail, row[4].text) == (
        *("−0.250", "−0.374 … −0.126 · p = 0.065", "no difference shown"),
    )


def test_phases_of_training() -> None:
    phases = [phase(onset, 300) for onset in (None, 100, 150, 250)]
    assert phases == ["", "early", "midway", "late"]
