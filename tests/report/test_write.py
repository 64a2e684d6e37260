import csv
import json
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from src.core.metric_specs import compact, metric_spec
from src.core.multiple_tests import holm
from src.report.write import write_report
from tests.report.conftest import gan_metrics

pytestmark = pytest.mark.usefixtures("undrawn")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def report(study: Path):
    (study / "gan_standard_2" / "results.json").write_text('{"status": "comp')
    return write_report([study])


def test_everything_is_written_and_nothing_else(report, study: Path) -> None:
    assert report.folder == study / "report"
    names = {path.name for path in report.folder.iterdir()}
    assert names == {"index.html", "report.md", "runs.csv", "summary.csv", "figures", "tensorboard"}
    figures = {path.name for path in (report.folder / "figures").iterdir()}
    assert all(path.startswith(("curves_", "differences_", "shares_", "survival_", "samples_")) for path in figures)
    assert {"curves_gan_ab12cd34_modes.png", "shares_gan_ab12cd34.png"} <= figures
    assert not any(path.name.startswith(".") for path in report.folder.rglob("*"))


def test_page_is_self_contained(report) -> None:
    page = report.page.read_text()
    assert not re.search(r"""src\s*=\s*(?!["']data:)""", page)
    anchors = re.findall(r"""href\s*=\s*["']([^"']*)["']""", page)
    assert anchors
    assert all(anchor.startswith("#") and f'id="{anchor[1:]}"' in page for anchor in anchors)
    assert not re.search(r"https?://|url\(|@import", page.replace("http://www.w3.org/2000/svg", "")), "but a namespace"
    assert page.count("data:image/png;base64,") == len(list((report.folder / "figures").iterdir()))


def test_page_lists_what_is_not_averaged(report) -> None:
    page = report.page.read_text()
    for status in ("failed", "unfinished", "damaged"):
        assert f'<span class="lost">{status}</span>' in page
    assert "RuntimeError: out of memory" in page
    assert "results.json cannot be read" in page


def test_no_machine_paths(report, tmp_path: Path) -> None:
    for name in ("index.html", "report.md", "runs.csv", "summary.csv"):
        assert str(tmp_path) not in (report.folder / name).read_text()


def test_runs_csv_has_a_row_per_run(report) -> None:
    table = rows(report.folder / "runs.csv")
    assert len(table) == 11
    assert {
        "name",
        "seed",
        "status",
        "averaged",
        "digest",
        "modes",
        "kl",
        "missing",
        "onset",
        "error",
    } <= set(table[0])
    assert sum(row["averaged"] == "yes" for row in table) == 8
    assert {row["averaged"] for row in table if row["status"] != "completed"} == {"no"}


def test_summary_csv_is_long(report) -> None:
    path = report.folder / "summary.csv"
    header = "name,metric,n,mean,sd,low,high,diff,diff_low,diff_high,p,p_holm"
    assert path.read_text().startswith(header)
    table = {(row["name"], row["metric"]): row for row in rows(path)}
    assert len(table) == len(rows(path))
    assert {name for name, _ in table} == {"gan_standard", "gan_fm", "gan_hinge"}
    for key in ("modes", "kl", "fid", "recognisable", "onset", "images_per_second"):
        assert ("gan_fm", key) in table
    assert table["gan_standard", "kl"]["n"] == "2"
    assert table["gan_standard", "kl"]["diff"] == ""
    assert table["gan_fm", "kl"]["pairs"] == "2"
    assert float(table["gan_fm", "kl"]["diff"]) == pytest.approx(-0.399)
    failed = table["gan_hinge", "worse_or_failed"]
    assert (failed["n"], failed["mean"], failed["failed"]) == ("4", "0.25", "1")


def test_summary_csv_corrects_the_primary_metric_and_the_others_apart(study: Path) -> None:
    table = {(row["name"], row["metric"]): row for row in rows(write_report([study]).folder / "summary.csv")}
    alone, corrected = ([float(table[name, "kl"][key]) for name in ("gan_fm", "gan_hinge")] for key in ("p", "p_holm"))
    assert corrected == pytest.approx(holm(alone))
    assert {row["metric"] for row in table.values() if row["primary"] == "yes"} == {"kl"}
    others = [row for (_, key), row in table.items() if row["p_holm"] and key != "kl"]
    assert [float(row["p_holm"]) for row in others] == pytest.approx(holm([float(row["p"]) for row in others]))
    assert table["gan_fm", "kl"]["verdict"] == "helps"
    assert (table["gan_fm", "kl"]["rank_first"], table["gan_fm", "modes"]["rank_first"]) == ("1", "")


def test_no_two_columns_of_runs_csv_share_a_name(make_run, tmp_path) -> None:
    """Whatever a metric is called; the trainer's precision once stood in the place of the metric."""
    facts = ("precision", "seed", "device", "status", "name", "error", "images_seen", "onset")
    make_run(metrics={**gan_metrics("Q", 0.2), **{key: 0.75 for key in facts}})
    path = write_report([tmp_path]).folder / "runs.csv"
    header = path.read_text().splitlines()[0].split(",")
    assert len(header) == len(set(header))
    (row,) = rows(path)
    assert {row[key] for key in facts} == {"0.75"}
    assert (row["trainer_precision"], row["trainer_device"], row["trainer_name"]) == ("32-true", "cpu", "gan_standard")


def test_markdown_pictures_exist(report) -> None:
    text = (report.folder / "report.md").read_text()
    for file in re.findall(r"\]\(([^)]+)\)", text):
        assert (report.folder / file).is_file()
    assert "python -m src.train -m experiment=gan_fm seed=0,1,2,3" in text


def test_rebuilding_overwrites_drops_stale_figures_and_keeps_strangers(report, study: Path) -> None:
    stale, stranger = (report.folder / "figures" / name for name in ("curves_gan_old.png", "mine.png"))
    stale.write_bytes(b"old")
    stranger.write_bytes(b"mine")
    before = report.page.read_bytes()
    write_report([study])
    assert report.page.read_bytes() == before
    assert not stale.exists()
    assert stranger.exists()


def test_fallback_cannot_be_missed(make_run, tmp_path: Path) -> None:
    make_run(dataset={"name": "emnist", "source": "strokes", "digest": "ab"})
    page = write_report([tmp_path], tmp_path / "out").page.read_text()
    assert '<p class="warning" role="alert"><strong>Not emnist.</strong>' in page


def test_two_data_sets_make_two_parts(make_run, tmp_path: Path) -> None:
    make_run("gan_standard", 0)
    make_run("gan_standard", 1, dataset={"name": "emnist", "source": "emnist", "digest": "ff00"})
    report = write_report([tmp_path], tmp_path / "out")
    assert report.page.read_text().count("<h2>") == 2
    assert len({row["dataset"] for row in rows(tmp_path / "out" / "summary.csv")}) == 2


def test_unknown_family_metrics_and_names_are_shown_and_escaped(make_run, tmp_path: Path) -> None:
    make_run("<script> | x", model="flow", metrics={"strange_score": 4.5, "tags": ["a|b"]}, folder="odd")
    report = write_report([tmp_path], tmp_path / "out")
    page = report.page.read_text()
    assert "strange score" in page
    assert page.count("<script>") == 1, "the page's own"
    assert "a\\|b" in (tmp_path / "out" / "report.md").read_text()


HOSTILE = "<script>alert(1)</script>"


def poisoned(tree: Any, spared: Collection[str]) -> Any:
    """Every text of a record, but under these keys, made hostile; keys too where they name what is measured."""
    if isinstance(tree, dict):
        return {key: value if key in spared else poisoned(value, spared) for key, value in tree.items()}
    if isinstance(tree, list):
        return [poisoned(value, spared) for value in tree]
    return f"{tree}{HOSTILE}" if isinstance(tree, str) else tree


@pytest.mark.filterwarnings("ignore:constrained_layout not applied")  # classes have long names here
@pytest.mark.parametrize("status", ["completed", "failed", f"completed{HOSTILE}"])
@pytest.mark.parametrize("family", ["gan", "vae", f"gan{HOSTILE}"])
def test_whatever_a_record_holds_is_escaped(request, tmp_path: Path, family: str, status: str) -> None:
    """Beside a harmless run, so that it is compared."""
    make = request.getfixturevalue("make_vae" if family == "vae" else "make_run")
    for run in (make(seed=0), make(seed=1)):
        record = json.loads((run / "results.json").read_text())
        if run.name.endswith("1"):
            record = poisoned(record | {"error": "why"}, ("status", "model", "name"))
            record |= {"status": status, "model": family, f"odd{HOSTILE}": HOSTILE}
            record["metrics"][f"odd{HOSTILE}"] = 1.0
            record["versions"][f"odd{HOSTILE}"] = HOSTILE
            (run / ".hydra" / "overrides.yaml").write_text(f"- experiment=odd\n- seed=1\n- 'gan.odd={HOSTILE}'\n")
            (run / ".hydra" / "config.yaml").write_text(f"name: odd\nseed: 1\n'odd{HOSTILE}': '{HOSTILE}'\n")
        (run / "results.json").write_text(json.dumps(record))
    page = write_report([tmp_path], tmp_path / "out").page.read_text()
    assert "<script>alert" not in page
    assert "alert(1)" in page, "it is shown, as text"


def test_nothing_but_an_unfinished_run(make_run, tmp_path: Path) -> None:
    folder = make_run(finished=False)
    (folder / "history.csv").unlink()
    assert "These runs ended before they recorded their data" in write_report([tmp_path]).page.read_text()


def test_many_names_draw_panels(make_run, tmp_path: Path) -> None:
    for number in range(9):
        make_run(f"gan_{number} gan.tricks=[one_trick,another_trick]", folder=str(number))
    figures = write_report([tmp_path]).folder / "figures"
    assert (figures / "curves_gan_ab12cd34_kl.png").is_file()


def test_numbers_are_readable() -> None:
    assert [compact(n) for n in (None, 0, 950, 12_800, 256_000, 1_500_000)] == [
        *("–", "0", "950", "12.8k", "256k", "1.5M")
    ]
    kl, modes = metric_spec("kl"), metric_spec("modes")
    assert [kl.text(value) for value in (0.00125, 0.5, 12.34, 1234.5, 0)] == [
        *("0.00125", "0.500", "12.3", "1,234", "0.000")
    ]
    assert modes.text(-0.25, signed=True) == "−0.2"
    assert modes.text(0.04, signed=True) == "+0.04"


def test_the_command_of_a_study_is_that_of_any_sweep_and_names_no_folder(make_run, tmp_path) -> None:
    for seed in (0, 1):
        run = make_run("gan_fm", seed)
        (run / ".hydra" / "overrides.yaml").write_text(
            f"- seed={seed}\n- experiment=gan_fm\n- study=quick\n- study.resume=/some/where\n"
        )
    report = write_report([tmp_path])
    text = (report.folder / "report.md").read_text()
    assert "python -m src.train -m experiment=gan_fm study=quick seed=0,1" in text
    assert "/some/where" not in text


def test_a_mean_over_fewer_runs_than_there_are_says_so(make_vae, tmp_path) -> None:
    for seed, kl in enumerate((2.0, None, 3.0)):
        make_vae("none", seed, metrics={"kl_high": kl})
    text = (write_report([tmp_path]).folder / "report.md").read_text()
    assert "· n = 2]" in text
    assert "n = 3" not in text


def test_every_version_that_some_machine_used_is_told(make_run, tmp_path) -> None:
    for seed, versions in enumerate(({"torch": "2.15.0", "numpy": "2.3"}, {"torch": "2.9.1"}, {})):
        make_run(seed=seed, versions=versions)
    assert "numpy 2.3, torch 2.15.0 and 2.9.1." in (write_report([tmp_path]).folder / "report.md").read_text()


def test_a_changed_commit_is_told_in_full(make_run, tmp_path) -> None:
    make_run(git="0123456789ab-dirty")
    assert "code `0123456789ab-dirty`" in (write_report([tmp_path]).folder / "report.md").read_text()
