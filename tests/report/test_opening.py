import pytest

from src.report import write_report
from src.report.collect import collect, read_run
from src.report.grouping import group
from src.report.opening import opening
from src.report.verdicts import Verdict, judge


def told(folder) -> list[str]:
    (section,) = group(collect([folder]))
    sentences = opening(section)
    assert len(sentences) == 3
    assert all(sentence.text.endswith(".") and ". " not in sentence.text for sentence in sentences)
    return [sentence.text for sentence in sentences]


def remedies(make_run, plain: dict[int, str], helped: dict[int, str], **kwargs) -> None:
    for seed in plain:
        make_run("gan_standard", seed, missing=plain[seed], kl=0.5 + 0.01 * seed, onset=200)
        make_run("gan_fm", seed, missing=helped[seed], kl=0.1 + 0.012 * seed, onset=None, **kwargs)


def test_what_collapses_which_remedy_helps_and_how_sure(make_run, tmp_path) -> None:
    """Modes 20, 20, 19 against 26, 26, 25; KL 0.5 against 0.1."""
    remedies(make_run, {0: "QXZJKV", 1: "QXZJKV", 2: "QXZJKVA"}, {0: "", 1: "", 2: "Q"})
    collapse, remedy, doubts = told(tmp_path)
    assert collapse.startswith("GANs on strokes: under the baseline `gan_standard` (3 seeds) 19.7 [")
    assert "of 26 letters are covered, J, K, Q, V, X, Z missing in every one" in collapse
    assert collapse.endswith("in all 3 seeds collapse sets in, at 200 of 300 images.")
    assert remedy.startswith("`gan_fm`: KL 0.112 against 0.510 under `gan_standard`, a difference of −0.398 [−0.403, ")
    assert remedy.endswith(" over 3 paired seeds; it also raises modes.")
    assert doubts.startswith("How sure: 3 seeds a name at 300 images show only large effects")


def test_two_seeds_allow_no_conclusion(make_run, tmp_path) -> None:
    remedies(make_run, {0: "QX", 1: "QX"}, {0: "", 1: ""})
    _, remedy, doubts = told(tmp_path)
    assert remedy == "No conclusion on any remedy: 2 paired seeds, at least 3 are needed."
    assert "fewer than 3 completed seeds: `gan_standard` 2, `gan_fm` 2" in doubts
    assert "run at least 3 seeds of every name" in doubts


def test_overlapping_intervals_show_no_help(make_run, tmp_path) -> None:
    for seed, (kl, other) in enumerate(((0.5, 0.6), (0.6, 0.5), (0.7, 0.8))):
        make_run("gan_standard", seed, missing="QX", kl=kl)
        make_run("gan_fm", seed, missing="QXZ"[: 1 + seed], kl=other)
    assert told(tmp_path)[1].startswith("`gan_fm` is not shown to help (KL ")


def test_a_remedy_that_hurts_is_named(make_run, tmp_path) -> None:
    for seed in range(3):
        make_run("gan_standard", seed, missing="QX", kl=0.2 - 0.01 * (seed == 1))
        make_run("gan_bad", seed, missing="QXZJKVA", kl=0.9 + 0.01 * seed)
        make_run("gan_dull", seed, missing="QX", kl=0.2 + 0.01 * (seed - 1))
    remedy = told(tmp_path)[1]
    assert remedy.startswith("None of 2 remedies is shown to help; the nearest is `gan_dull` (KL ")
    assert "would have been shown in 4 of 5 cases" in remedy
    assert "`gan_bad` hurts" in remedy


def test_nothing_collapses_and_nothing_was_compared(make_run, tmp_path) -> None:
    for seed in range(3):
        make_run("gan_standard", seed, missing="", onset=None)
    collapse, remedy, _ = told(tmp_path)
    assert collapse.endswith("all 26 letters are covered: there is no collapse here to cure.")
    assert remedy == "No remedy was run beside it, so none can be judged."


def test_one_sound_seed_is_no_proof(make_run, tmp_path) -> None:
    make_run("gan_standard", 0, missing="", onset=None)
    assert told(tmp_path)[0].endswith("all 26 letters are covered; fewer than 3 seeds prove nothing.")


def test_lost_runs_come_first_of_all_doubts(study) -> None:
    doubts = told(study)[2]
    assert "but 2 of 11 runs did not complete (1 failed, 1 unfinished)" in doubts
    assert "study.resume" in doubts


def test_a_baseline_without_runs(make_run, tmp_path) -> None:
    make_run("gan_standard", 0, status="failed", metrics={}, error="no memory")
    for seed in range(3):
        make_run("gan_fm", seed)
    collapse, remedy, _ = told(tmp_path)
    assert collapse.endswith("the baseline `gan_standard` has no completed run, so what collapses is not known.")
    assert "No conclusion on any remedy: the baseline `gan_standard` has no completed run" in remedy


def test_levels_that_die_and_the_strategy_that_keeps_them(annealing) -> None:
    collapse, remedy, _ = told(annealing)
    assert collapse == (
        "VAEs on drums: under the baseline `none` (3 seeds) level low collapses in all 3 seeds "
        "(KL low 0.03 [0.00, 0.07] nats; from 128k of 512k bars), while level high stays alive."
    )
    assert remedy.startswith("Of 2 strategies the best is `linear`: ")
    assert "against" in remedy


def test_a_level_kept_alive_is_a_side_effect_and_no_help(make_vae, tmp_path) -> None:
    for seed, noise in enumerate((-0.2, 0.1, 0.2)):
        make_vae("none", seed, 2.4, 0.03, 25 + noise)
        make_vae("linear", seed, 2.4, 1.9 + 0.01 * seed, 24.9 - noise)
        make_vae("cyclical", seed, 2.4, 1.8 + 0.01 * seed, 25 - noise)
    remedy = told(tmp_path)[1]
    assert remedy.startswith("None of 2 strategies is shown to help; the nearest is `linear` (IWAE NLL −0.17 [")
    section = group(collect([tmp_path]))[0]
    assert [judge(section, s, "kl_low").verdict for s in section.remedies] == [Verdict.KEEPS] * 2


@pytest.mark.parametrize("status", ["failed", "unfinished"])
def test_runs_without_data_have_three_sentences_too(make_run, tmp_path, status: str) -> None:
    make_run(finished=status != "unfinished", status=status, dataset=None, metrics={}, controls={})
    assert "data not recorded" in told(tmp_path)[0]


def test_an_unknown_family_has_three_sentences_too(make_run) -> None:
    (section,) = group([read_run(make_run("flow", model="flow", metrics={"score": 4.5}, seed=s)) for s in (0,)])
    assert "nothing was measured that would tell a collapse" in opening(section)[0].text


def test_the_page_opens_with_them_and_the_report_hands_them_out(study) -> None:
    report = write_report([study])
    text = (report.folder / "report.md").read_text()
    (section,) = report.sections
    places = [text.index(sentence.text) for sentence in opening(section)]
    assert places == sorted(places)
    assert places[-1] < text.index("\n## ")
    assert places[-1] < text.index("| --- |")
    assert [sentence.text for sentence in report.sentences] == [sentence.text for sentence in opening(section)]
