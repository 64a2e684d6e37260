"""What a report writes of names, texts and runs that nobody checked."""

import csv
import io
import os
from pathlib import Path

import pytest

from src.core.files import write_atomically
from src.report import write
from src.report.collect import ReportError
from src.report.document import Cell, Code, Document, Heading, Paragraph, Picture, Table, html, markdown
from src.report.export import table_csv
from src.report.write import write_report
from tests.report.test_strangers import IMPOSSIBLE, changed

pytestmark = pytest.mark.usefixtures("undrawn")

NAMES = [
    "```<b>`",
    "`` `<b>` ``",
    "\\`<b>`",
    "a`<b>",
    "<b>",
    "\\`|`<b>",
    "[x](javascript:x)",
    "![](http://x)",
    "a\n\n# b\n<b>",
]


@pytest.mark.parametrize("name", [*NAMES, "a\n\n# b\n<b>"])
def test_no_name_is_html_or_a_link(name: str) -> None:
    text = f"`{name}` and {name}"
    table = Table([text], [[Cell(text, text)]], text)
    blocks = [Heading(text), Paragraph(text), table, Picture("a.png", b"", text, text), Code(["python", "x" + name])]
    page = html(Document(text, blocks))
    assert "<b>" not in page
    written, _, code = markdown(Document(text, blocks)).rpartition("python")
    assert "<" not in written
    assert "](" not in written.replace("](figures/a.png)", "")
    assert not any(line.startswith("# b") for line in written.splitlines())
    fence = written.splitlines()[-1]
    assert code.endswith(f"\n{fence}\n")
    assert fence not in code[: -len(fence) - 1]


def test_no_cell_is_a_formula() -> None:
    formulas = ["=1+1", "+1+1", "-1+1", "@A1", "\tx", "\rx", "-cmd|' /C calc'!A0", ["=1", "a"]]
    numbers = [-1, -0.5, "-0.5", [-1.5, 2e-7], "+1e-3", "a=b", {"=": 1}]
    rows = list(
        csv.reader(
            io.StringIO(table_csv(["=key", "b"], [{"=key": value} for value in [*formulas, *numbers]]), newline="")
        )
    )
    assert rows[0] == ["'=key", "b"]
    assert all(cell.startswith("'") for cell, _ in rows[1 : 1 + len(formulas)])
    assert [cell for cell, _ in rows[1 + len(formulas) :]] == [
        *("-1", "-0.5", "-0.5", "-1.5 2e-07", "+1e-3", "a=b", '{"=": 1}')
    ]


def test_a_folder_whose_name_is_no_text_is_reported(make_run, tmp_path: Path) -> None:
    folder = make_run("gan_fm", 1)
    folder.rename(os.fsdecode(os.fsencode(folder.parent) + b"/\xff"))
    write_report([tmp_path], tmp_path / "out")
    write_atomically(tmp_path / "x", "\udcff")
    assert (tmp_path / "x").read_text() == "?"


@pytest.mark.parametrize("link", ["report", "report/figures"])
def test_no_report_is_written_through_a_link(make_run, tmp_path: Path, link: str) -> None:
    place, outside = make_run("gan_fm", 1).parent, tmp_path / "outside"
    outside.mkdir()
    (place / link).parent.mkdir(exist_ok=True)
    (place / link).symlink_to(outside)
    with pytest.raises(ReportError, match="leads out of"):
        write_report([place])
    assert not list(outside.iterdir())


def test_a_run_that_breaks_the_report_is_left_out_of_it(make_run, tmp_path: Path, monkeypatch) -> None:
    for seed in range(3):
        make_run("gan_fm", seed)
    compose = write.compose

    def breaks(sections, root):
        if any(run.seed == 2 and run.completed for section in sections for run in section.runs):
            raise ZeroDivisionError("division by zero")
        return compose(sections, root)

    monkeypatch.setattr(write, "compose", breaks)
    report = write_report([tmp_path], tmp_path / "out")
    assert [run.status for run in report.runs] == ["completed", "completed", "damaged"]
    text = (report.folder / "report.md").read_text()
    assert "gan_fm_2 cannot be reported: ZeroDivisionError: division by zero" in text
    monkeypatch.setattr(write, "compose", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_report([tmp_path], tmp_path / "out")


def test_bad_runs_cost_a_line_each(make_run, tmp_path: Path) -> None:
    """Beside good ones, in one report."""
    good = [make_run(name, seed, missing="QX") for name in ("gan_standard", "gan_fm") for seed in (0, 1)]
    bad = [make_run("gan_r1", number, folder=f"bad_{number}") for number in range(len(IMPOSSIBLE) + 2)]
    for folder, values in zip(bad, IMPOSSIBLE, strict=False):
        changed(folder, **values)
    (bad[-2] / "results.json").write_text("[" * 200_000)
    (bad[-1] / "history.csv").write_text("images_seen\n" + "1\n" * 20_000)
    strange = make_run("gan_`<script>`", 7, folder="strange", error="```<script>`", git="`<script>`")
    changed(strange, metrics__missing=["`<script>`", "Q"], dataset__source="`<script>`", metrics__odd="=1+1")
    (strange / ".hydra" / "overrides.yaml").write_text("- 'gan.x=```<script>`'\n- experiment=gan_fm\n")
    report = write_report([tmp_path], tmp_path / "out")
    assert sum(run.completed for run in report.runs) == len(good) + 1
    text = (report.folder / "report.md").read_text()
    for folder in bad:
        assert f" cannot be read in {folder.name}:" in text
    assert "<script>" not in text
    assert report.page.read_text().count("<script>") == 1, "the page's own"
    rows = list(csv.DictReader(io.StringIO((report.folder / "runs.csv").read_text())))
    assert {row["odd"] for row in rows} == {"", "'=1+1"}
