import re
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import pytest
from scipy import stats

from src.report.collect import collect, read_run
from src.report.effect import effect
from src.report.grouping import Section, group
from src.report.page import compose
from src.report.render import markdown
from src.report.tables import difference_table
from src.report.trajectories import phase
from src.report.verdicts import Comparison, Verdict, judge, side_effects
from src.report.warnings import cautions
from tests.report.conftest import gan_metrics


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
    assert "`gan_fm` **no verdict**: " in said(section)
    assert "2 paired seeds, at least 3 are needed" in said(section)
    assert "Fewer than 3 completed seeds: `gan_standard` 2, `gan_fm` 2" in said(section)
    assert "helps" not in said(section).replace("blue: helps", "")


def test_many_names_with_equally_few_seeds_are_not_all_listed(make_run, tmp_path) -> None:
    for number in range(6):
        make_run(f"gan_{number}", 0)
    (section,) = group(collect([tmp_path]))
    assert "Fewer than 3 completed seeds: 1 of each name. No conclusion" in said(section)


def test_three_seeds_may_help_or_hurt(pair) -> None:
    section = pair([0.1, 0.11, 0.12], missing="")
    assert "`gan_fm` **helps**: KL −0.390 [" in said(section)
    assert verdict(section, "modes") is Verdict.RAISES
    assert "Fewer than" not in said(section)


def test_worse_hurts(pair) -> None:
    assert verdict(pair([0.9, 0.91, 0.92])) is Verdict.HURTS


def test_interval_with_zero_shows_no_difference(pair) -> None:
    section = pair([0.1, 0.9, 0.4])
    assert verdict(section) is Verdict.UNCLEAR
    assert "`gan_fm` **no difference shown**: KL " in said(section)
    assert "would have been shown in 4 of 5 cases" in said(section)
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
    assert "2 of 11 runs did not complete: `gan_fm` (1 unfinished), `gan_hinge` (1 failed). " in text
    assert "1 of its 4 runs failed: the worst." in text


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
    assert "**Helps** (8): `gan_0` (KL −0.390 [" in text
    assert "verdicts are corrected" in text


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
    rows = {row[0].text: [cell.text for cell in row] for row in difference_table(section).rows}
    assert rows["`gan_a`"][1] == "3"
    assert rows["`gan_b`"][1] == "2"
    assert rows["`gan_b`"][3] == "–"


@pytest.mark.parametrize(("seeds", "shown"), [(3, Verdict.UNCLEAR), (4, Verdict.HELPS)])
def test_differences_without_spread_are_decided_by_ranks(among, seeds, shown) -> None:
    same = first(among([-0.25] * seeds, idle=0))
    assert same.verdict is shown
    assert same.compared.exact
    if shown is Verdict.UNCLEAR:
        assert same.reason == "3 seeds cannot show a difference in counts here, 4 can"


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
    assert not {"helps", "hurts"} & set(re.findall(r"helps|hurts", effect(section).text))


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
    assert ("declared unknown as primary metric" in " ".join(cautions(section))) == (declared == "unknown")


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
    assert judged.compared.exact
    assert judged.compared.worse == (3, 0)
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
    assert section.compared("kl", "gan_fm").worse == (2, 0)
    assert verdict(section) is Verdict.UNCLEAR


def test_phases_of_training() -> None:
    phases = [phase(onset, 300) for onset in (None, 100, 150, 250)]
    assert phases == ["", "early", "midway", "late"]
