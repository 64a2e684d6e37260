import os

import pytest

from src.report.collect import ReportError, collect, read_run
from src.report.figures.curves import averaged
from src.report.grouping import group
from src.report.write import write_report

pytestmark = pytest.mark.usefixtures("undrawn")


def test_only_completed_runs_are_averaged(study) -> None:
    (section,) = group(collect([study]))
    summaries = {summary.name: summary for summary in section.summaries}
    assert [len(summaries[name].included) for name in ("gan_standard", "gan_fm", "gan_hinge")] == [3, 3, 3]
    assert [run.status for run in summaries["gan_hinge"].excluded] == ["failed"]
    assert [run.status for run in summaries["gan_fm"].excluded] == ["unfinished"]
    assert summaries["gan_fm"].mean("modes") == pytest.approx((26 + 26 + 25) / 3)


def test_differences_are_paired_by_seed(make_run) -> None:
    runs = [read_run(make_run("gan_standard", seed, kl=0.5 + seed)) for seed in (0, 1, 2, 3)]
    runs += [read_run(make_run("gan_fm", seed, kl=0.4 + 1.1 * seed)) for seed in (1, 2, 3, 7)]
    (section,) = group(runs)
    difference = section.comparisons["kl"]["gan_fm"].difference
    assert difference.n == 3
    assert difference.mean == pytest.approx((1.5 - 1.5 + 2.6 - 2.5 + 3.7 - 3.5) / 3)
    assert section.differences("kl", "gan_fm") == pytest.approx([0.0, 0.1, 0.2])


def test_two_data_sets_are_never_averaged(make_run, tmp_path) -> None:
    other = {"name": "emnist", "source": "emnist", "digest": "ff00", "classes": ["A"], "sizes": {}}
    make_run("gan_standard", 0, kl=1.0)
    make_run("gan_standard", 0, kl=3.0, dataset=other, folder="other")
    sections = group(collect([tmp_path]))
    assert [section.summaries[0].mean("kl") for section in sections] == [1.0, 3.0]
    assert all(len(section.included) == 1 for section in sections)


def test_data_without_a_digest_are_told_apart_by_name_and_source(make_run, tmp_path) -> None:
    for kl, (name, source) in enumerate((("emnist", "emnist"), ("emnist", "strokes"), ("strokes", "strokes"))):
        make_run("gan_standard", kl=float(kl), dataset={"name": name, "source": source}, folder=str(kl))
    sections = group(collect([tmp_path]))
    assert [section.summaries[0].mean("kl") for section in sections] == [0.0, 1.0, 2.0]
    assert len({section.slug for section in sections}) == 3


def test_no_number_of_a_report_mixes_two_data_sets(make_run, tmp_path) -> None:
    """The same names and seeds on other data: 0.1 to 0.3 and 1.1 to 1.3, whose common mean would be 0.7."""
    other = {"name": "emnist", "source": "emnist", "digest": "ff00", "classes": ["A"], "sizes": {}}
    for seed in range(3):
        for name in ("gan_standard", "gan_fm"):
            kl = 0.1 * (seed + 1)
            make_run(name, seed, kl=kl, onset=100)
            make_run(name, seed, kl=1 + kl, onset=300, dataset=other, folder=f"other_{name}_{seed}")
    report = write_report([tmp_path], tmp_path / "out")
    assert [section.dataset.digest for section in report.sections] == ["ab12cd34ef56", "ff00"]
    for section, expected in zip(report.sections, (0.2, 1.2), strict=True):
        assert {run.dataset.digest for run in section.runs} == {section.dataset.digest}
        assert [summary.mean("kl") for summary in section.summaries] == [pytest.approx(expected)] * 2
        changes = [section.comparisons["kl"][summary.name].difference.mean for summary in section.remedies]
        assert changes == [pytest.approx(0)]
        assert averaged(section.summaries[0], "kl")[0].size
    text = (tmp_path / "out" / "report.md").read_text()
    assert "| 0.200 [" in text
    assert "| 1.20 [" in text
    assert "0.700" not in text


def test_families_are_separate(make_run, tmp_path) -> None:
    make_run("gan_standard")
    make_run("vae_linear", model="vae", metrics={"elbo": -90.0, "collapsed": ["high"]}, onset={"high": 20})
    make_run("vae_none", model="vae", metrics={"elbo": -95.0, "collapsed": []}, onset={"high": None})
    gan, vae = group(collect([tmp_path]))
    assert (gan.model, vae.model, vae.baseline) == ("gan", "vae", "vae_none")
    assert vae.remedies[0].mean("onset_high") == 20


def test_run_without_data_joins_the_only_section_it_fits(make_run, tmp_path) -> None:
    make_run("gan_standard")
    make_run("gan_fm", finished=False)
    assert len(group(collect([tmp_path]))) == 1
    make_run("gan_standard", 1, dataset={"name": "emnist", "digest": "ff00"})
    sections = group(collect([tmp_path]))
    assert [len(section.runs) for section in sections] == [1, 1, 1]
    assert sections[0].dataset is None


def test_completed_run_without_data_is_not_averaged(make_run, tmp_path) -> None:
    make_run("gan_standard", 0)
    make_run("gan_standard", 1, dataset=None)
    (section,) = group(collect([tmp_path]))
    assert len(section.included) == 1


def test_repeated_seed_counts_once_and_the_latest_wins(make_run, tmp_path) -> None:
    early = make_run("gan_standard", 0, kl=1.0, folder="b_early")
    make_run("gan_standard", 0, kl=2.0, folder="a_late")
    os.utime(early / "results.json", (1, 1))
    (section,) = group(collect([tmp_path]))
    assert section.summaries[0].mean("kl") == 2.0
    assert [run.folder.name for run in section.summaries[0].excluded] == ["b_early"]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["gan_a", "gan_standard"], "gan_standard"),
        (["gan_standard gan.tricks=[r1]", "gan_standard"], "gan_standard"),
        (["gan_standard x=1", "gan_fm"], "gan_standard x=1"),
        (["gan_hinge", "gan_b_longer"], "gan_b_longer"),
    ],
)
def test_usual_baseline(make_run, names: list[str], expected: str) -> None:
    (section,) = group([read_run(make_run(name, folder=str(i))) for i, name in enumerate(names)])
    assert section.baseline == expected


def test_chosen_baseline_must_exist(make_run) -> None:
    runs = [read_run(make_run("gan_fm")), read_run(make_run("gan_standard"))]
    assert group(runs, "gan_fm")[0].baseline == "gan_fm"
    with pytest.raises(ReportError, match=r"--baseline nope.*gan_fm, gan_standard"):
        group(runs, "nope")


def test_runs_of_one_name_that_were_told_other_things_are_not_averaged(make_run, tmp_path) -> None:
    for seed, width in enumerate((8, 8, 32)):
        folder = make_run("gan_fm", seed)
        (folder / ".hydra" / "overrides.yaml").write_text(
            f"- experiment=gan_fm\n- seed={seed}\n- budget=9\n- gan.discriminator.width={width}\n"
        )
    (section,) = group(collect([tmp_path]))
    assert {summary.name: len(summary.included) for summary in section.summaries} == {
        "gan_fm gan.discriminator.width=8": 2,
        "gan_fm gan.discriminator.width=32": 1,
    }


def test_baseline_is_looked_for_among_the_names_that_tell_runs_apart(make_run, tmp_path) -> None:
    for seed, width in enumerate((8, 32)):
        folder = make_run("gan_fm", seed)
        (folder / ".hydra" / "overrides.yaml").write_text(f"- experiment=gan_fm\n- gan.width={width}\n")
    runs = collect([tmp_path])
    assert group(runs, "gan_fm gan.width=32")[0].baseline == "gan_fm gan.width=32"
    with pytest.raises(ReportError, match=r"--baseline gan_fm: .*gan_fm gan.width=32, gan_fm gan.width=8"):
        group(runs, "gan_fm")
