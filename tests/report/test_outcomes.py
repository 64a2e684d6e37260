"""What collapses under the baseline, which remedies help, and how sure one can be."""

from math import log
from pathlib import Path

import pytest

from src.report.answers import opening
from src.report.cautions import cautions
from src.report.collect import collect, read_run
from src.report.figures.curves import level_curves
from src.report.grouping import group
from src.report.outcomes import Conclusion, State, collapse, effect, prevention, readability
from src.report.section import Section
from src.report.tables import main_table
from src.report.verdicts import Verdict, Withheld, judge
from src.report.write import write_report
from tests.report.conftest import gan_metrics


def section_of(folder: Path) -> Section:
    (section,) = group(collect([folder]))
    sentences = opening(section)
    assert len(sentences) == 3
    assert all(sentence.text.endswith(".") and "  " not in sentence.text for sentence in sentences)
    return section


def compare(make_run, plain: dict[int, str], helped: dict[int, str]) -> None:
    for seed in plain:
        make_run("gan_standard", seed, missing=plain[seed], kl=0.5 + 0.01 * seed, onset=200)
        make_run("gan_fm", seed, missing=helped[seed], kl=0.1 + 0.012 * seed, onset=None)


def test_what_collapses_which_remedy_helps_and_how_sure(make_run, tmp_path) -> None:
    """Modes 20, 20, 19 against 26, 26, 25; KL 0.5 against 0.1."""
    compare(make_run, {0: "QXZJKV", 1: "QXZJKV", 2: "QXZJKVA"}, {0: "", 1: "", 2: "Q"})
    section = section_of(tmp_path)
    found, plain = effect(section), section.summaries[0]
    assert (collapse(section)[0], len(plain.included)) == (State.COLLAPSE, 3)
    assert plain.always("missing") == list("JKQVXZ")
    assert plain.mean("modes") == pytest.approx(59 / 3)
    assert plain.onsets == [200] * 3
    assert (found.conclusion, found.best.summary.label, found.kind) == (Conclusion.HELPS, "gan_fm", "helps")
    assert found.best.difference.mean == pytest.approx(-0.398)
    assert [one.subject for one in found.effects] == ["modes"]
    assert section.images_seen == 300
    assert not any(caution.grave for caution in cautions(section))


def test_two_seeds_allow_no_conclusion(make_run, tmp_path) -> None:
    compare(make_run, {0: "QX", 1: "QX"}, {0: "", 1: ""})
    section = section_of(tmp_path)
    assert effect(section).conclusion is Conclusion.WITHHELD
    assert effect(section).withheld.withheld is Withheld.PAIRS
    limit = cautions(section)[0]
    assert (limit.key, limit.facts) == ("few_seeds", {"gan_standard": 2, "gan_fm": 2})


def test_overlapping_intervals_show_no_help(make_run, tmp_path) -> None:
    for seed, (kl, other) in enumerate(((0.5, 0.6), (0.6, 0.5), (0.7, 0.8))):
        make_run("gan_standard", seed, missing="QX", kl=kl)
        make_run("gan_fm", seed, missing="QXZ"[: 1 + seed], kl=other)
    found = effect(section_of(tmp_path))
    assert (found.conclusion, found.kind, found.by_verdict) == (
        Conclusion.NONE_HELPS,
        "unclear",
        {Verdict.UNCLEAR: ["gan_fm"]},
    )


def test_a_remedy_that_hurts_is_named(make_run, tmp_path) -> None:
    for seed in range(3):
        make_run("gan_standard", seed, missing="QX", kl=0.2 - 0.01 * (seed == 1))
        make_run("gan_bad", seed, missing="QXZJKVA", kl=0.9 + 0.01 * seed)
        make_run("gan_dull", seed, missing="QX", kl=0.2 + 0.01 * (seed - 1))
    found = effect(section_of(tmp_path))
    assert (found.conclusion, found.best.summary.label, found.kind) == (Conclusion.NONE_HELPS, "gan_dull", "hurts")
    assert found.best.could_show[0] == "difference"
    assert found.by_verdict == {Verdict.UNCLEAR: ["gan_dull"], Verdict.HURTS: ["gan_bad"]}


def test_nothing_collapses_and_nothing_was_compared(make_run, tmp_path) -> None:
    for seed in range(3):
        make_run("gan_standard", seed, missing="", onset=None)
    section = section_of(tmp_path)
    assert collapse(section)[0] is State.NOTHING
    assert effect(section).conclusion is Conclusion.NOT_RUN


def test_one_sound_seed_is_no_proof(make_run, tmp_path) -> None:
    make_run("gan_standard", 0, missing="", onset=None)
    assert collapse(section_of(tmp_path))[0] is State.UNPROVEN


def test_lost_runs_come_first_of_all_limits(study) -> None:
    limit = cautions(section_of(study))[0]
    assert limit.key == "lost_runs"
    assert {label: [run.status for run in runs] for label, runs in limit.facts.items()} == {
        "gan_fm": ["unfinished"],
        "gan_hinge": ["failed"],
    }


def test_a_baseline_without_runs(make_run, tmp_path) -> None:
    make_run("gan_standard", 0, status="failed", metrics={}, error="no memory")
    for seed in range(3):
        make_run("gan_fm", seed)
    section = section_of(tmp_path)
    assert collapse(section)[0] is State.NOT_RUN
    assert effect(section).conclusion is Conclusion.WITHHELD


def test_levels_that_die_and_the_strategy_that_keeps_them(annealing) -> None:
    section = section_of(annealing)
    state, (high, low) = collapse(section)
    assert state is State.COLLAPSE
    assert (high.dead, low.collapsed, low.onsets) == (0, 3, [128_000] * 3)
    assert low.kl.mean == pytest.approx(0.03)
    found = effect(section)
    assert (found.conclusion, found.best.summary.label, found.alone) == (Conclusion.HELPS, "linear", True)


def test_a_level_kept_alive_is_a_side_effect_and_no_help(make_vae, tmp_path) -> None:
    for seed, noise in enumerate((-0.2, 0.1, 0.2)):
        make_vae("none", seed, 2.4, 0.03, 25 + noise)
        make_vae("linear", seed, 2.4, 1.9 + 0.01 * seed, 24.9 - noise)
        make_vae("cyclical", seed, 2.4, 1.8 + 0.01 * seed, 25 - noise)
    section = section_of(tmp_path)
    found = effect(section)
    assert (found.conclusion, found.best.summary.label) == (Conclusion.NONE_HELPS, "linear")
    assert [judge(section, s, "kl_low").verdict for s in section.remedies] == [Verdict.KEEPS] * 2


@pytest.mark.parametrize("status", ["failed", "unfinished"])
def test_runs_without_data_have_three_sentences_too(make_run, tmp_path, status: str) -> None:
    make_run(finished=status != "unfinished", status=status, dataset=None, metrics={}, controls={})
    assert section_of(tmp_path).dataset is None


def test_an_unknown_family_has_three_sentences_too(make_run, tmp_path) -> None:
    make_run("flow", model="flow", metrics={"score": 4.5})
    section = section_of(tmp_path)
    assert collapse(section)[0] is State.UNMEASURED


def test_the_page_opens_with_them_and_the_report_hands_them_out(study, undrawn) -> None:
    report = write_report([study])
    text = (report.folder / "report.md").read_text()
    (section,) = report.sections
    places = [text.index(sentence.text) for sentence in opening(section)]
    assert places == sorted(places)
    assert places[-1] < text.index("\n## ")
    assert places[-1] < text.index("| --- |")
    assert [sentence.text for sentence in report.sentences] == [sentence.text for sentence in opening(section)]


def unreadable(make_run, precisions: dict[str, float], real: float | None = 0.6) -> Section:
    for name, precision in precisions.items():
        for seed in range(3):
            metrics = gan_metrics("QXZ", 0.5 + 0.01 * seed) | {"precision": precision, "modes_any": 25}
            controls = {"real": gan_metrics("", 0.002) | {"precision": real}}
            run = make_run(name, seed, metrics=metrics, controls=controls)
    return section_of(run.parent)


def test_samples_far_less_precise_than_real_data_are_not_readable(make_run) -> None:
    section = unreadable(make_run, {"gan_standard": 0.01, "gan_fm": 0.05, "gan_r1": 0.07})
    found = readability(section)
    assert (found.real, found.everywhere) == (pytest.approx(0.6), False)
    assert found.unreadable == pytest.approx({"gan_standard": 0.01, "gan_fm": 0.05})
    headline = opening(section)[0].text
    assert "not readable yet" in headline
    assert "25.0" in headline, "coverage is that by any sample"


@pytest.mark.parametrize(("precision", "real"), [(0.5, 0.6), (0.01, None)])
def test_readable_or_unmeasured_samples_are_not_spoken_of(make_run, precision, real) -> None:
    section = unreadable(make_run, {"gan_standard": precision}, real)
    assert readability(section) is None


# Latent levels


@pytest.fixture
def strategies(make_vae, tmp_path):
    """A section of strategies with (KL high, KL low, IWAE NLL), nearly the same in each seed."""

    def make(strategies: dict[str, tuple[float, float, float]], seeds: int = 3, **results) -> Section:
        for strategy, (high, low, nll) in strategies.items():
            for seed in range(seeds):
                wobble = 0.01 * (seed - 1)
                rates = (high * (1 + wobble), low * (1 + wobble))
                make_vae(strategy, seed, *rates, nll + wobble * (1 + high + low), **results)
        return section_of(tmp_path)

    return make


def dead(section: Section, name: str) -> dict[str, tuple[int, int]]:
    """In how many of how many seeds a level is dead, under the baseline and each strategy."""
    baseline, tried = prevention(section, name)
    return {label: (level.dead, level.seeds) for label, level in {"": baseline, **tried}.items()}


@pytest.mark.parametrize(
    ("names", "seeds", "state"),
    [
        (("none", "linear"), 3, State.NOTHING),
        (("none", "linear"), 1, State.UNPROVEN),
        (("linear", "cyclical"), 3, State.UNKNOWN),
    ],
)
def test_without_the_plain_objective_nobody_knows_what_was_prevented(strategies, names, seeds, state) -> None:
    section = strategies({name: (2.0, 1.0, 25.0) for name in names}, seeds)
    assert collapse(section)[0] is state
    assert prevention(section, "high") is None


def test_strategies_that_keep_a_level(annealing) -> None:
    assert dead(section_of(annealing), "low") == {"": (3, 3), "[cyclical,free_bits]": (0, 3), "linear": (0, 3)}


def test_a_strategy_that_collapses_what_was_alive(strategies) -> None:
    section = strategies({"none": (2.0, 1.0, 25.0), "capacity": (0.05, 1.0, 26.0)})
    assert dead(section, "high") == {"": (0, 3), "capacity": (3, 3)}
    assert judge(section, section.remedies[0], "kl_high").verdict is Verdict.LOSES
    assert judge(section, section.remedies[0], "iwae_nll").verdict is Verdict.HURTS


def test_a_level_alive_in_some_seeds_only_is_not_kept(make_vae, tmp_path) -> None:
    for seed, kl in enumerate((0.11, 0.09, 0.12)):
        make_vae("none", seed, kl_low=0.01)
        make_vae("linear", seed, kl_low=kl)
    section = section_of(tmp_path)
    assert judge(section, section.remedies[0], "kl_low").verdict is not Verdict.KEEPS
    assert dead(section, "low") == {"": (3, 3), "linear": (1, 3)}


def test_a_level_without_effect_is_no_sign_of_health(make_vae, tmp_path) -> None:
    """Its KL is high, so nothing has collapsed, and yet there is something to cure."""
    for seed in range(3):
        make_vae("none", seed, metrics={"without_effect": ["high"]}, outcome="without effect")
        make_vae("free_bits", seed, metrics={"without_effect": []})
    section = section_of(tmp_path)
    state, (high, low) = collapse(section)
    assert (state, high.without_effect, high.collapsed, low.dead) == (State.COLLAPSE, 3, 0, 0)
    assert dead(section, "high") == {"": (3, 3), "free_bits": (0, 3)}


def test_kl_without_effect_is_named_wherever_a_level_would_be_alive(make_vae, tmp_path) -> None:
    """Free bits raise the KL of z_high in every seed, and no decoder uses it: that keeps nothing alive."""
    for seed in range(3):
        make_vae("none", seed, kl_high=0.02 + 0.001 * seed, nll=25 + 0.01 * seed)
        metrics = {"without_effect": ["high"]}
        make_vae("free_bits", seed, kl_high=2 + 0.01 * seed, nll=25 + 0.01 * seed, metrics=metrics)
    section = section_of(tmp_path)
    free_bits = section.remedies[0]
    found = judge(section, free_bits, "kl_high")
    assert (found.verdict, found.subject) == (Verdict.RAISES, "KL high without effect")
    assert [(one.name, one.without_effect) for one in effect(section).lost_levels] == [("high", 3)]
    assert dead(section, "high") == {"": (3, 3), "free_bits": (3, 3)}
    assert [line.note for line in level_curves(section, "kl").lines if line.name == "free_bits"] == [
        "KL without effect",
        "",
    ]
    (cell,) = [row[5] for row in main_table(section).rows if row[1].text == "`free_bits`"]
    assert "without effect" in cell.detail
    assert opening(section)[1].text.count("KL without effect") == 1


def test_an_earlier_run_whose_decoder_ignores_a_level_has_no_effect_there(make_vae) -> None:
    """Its version recorded use and information, and no shuffled pairs to compare them with."""
    unused = {"usage_high": 0.02, "usage_low": 3.0}
    assert read_run(make_vae(kl_high=0.5, metrics=unused)).metrics["without_effect"] == ["high"]
    assert "without_effect" not in read_run(make_vae("linear", kl_high=0.5)).metrics
    assert "without_effect" not in read_run(make_vae("geco", kl_high=0.05, metrics=unused)).metrics


@pytest.mark.parametrize("metrics", [{"floor_nll": 24.0}, {"entropy": 24.75}, {"floor_nll": None, "entropy": None}])
def test_likelihood_that_nothing_explains(make_vae, tmp_path, metrics, undrawn) -> None:
    make_vae(nll=24.5, metrics=metrics)
    assert write_report([tmp_path]).page.is_file()


# Outcomes that runs recorded


@pytest.mark.parametrize("outcome", ["learning", "collapsed"])
def test_all_modes_at_the_end_are_no_proof_that_nothing_collapses(make_run, outcome) -> None:
    runs = [make_run("gan_standard", seed, missing="", onset=None, outcome=outcome) for seed in range(3)]
    (section,) = group(map(read_run, runs))
    assert (collapse(section)[0], section.summaries[0].outcomes) == (State.COLLAPSE, {outcome: 3})


def test_a_failed_run_has_the_largest_divergence(make_run, tmp_path) -> None:
    make_run("gan_standard", 0, kl=0.5)
    make_run("gan_standard", 1, status="diverged", metrics={}, error="loss is nan")
    assert section_of(tmp_path).summaries[0].mean("kl") == pytest.approx((0.5 + log(26 / 0.95)) / 2)
