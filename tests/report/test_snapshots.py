"""The report of one small study of each family, word for word: the only test of wording.

`RENEW_SNAPSHOTS=1 python -m pytest tests/report/test_snapshots.py` writes the files anew; the diff shows what changed.
"""

import os
import re
from pathlib import Path

import pytest

from src.report.write import write_report

SNAPSHOTS = Path(__file__).parent / "snapshots"


@pytest.mark.parametrize(
    ("fixture", "name"), [("study", "index.html"), ("study", "report.md"), ("annealing", "vae.md")]
)
def test_report_is_as_before(fixture: str, name: str, request, tmp_path) -> None:
    folder = write_report([request.getfixturevalue(fixture)], tmp_path / "out").folder
    text = (folder / ("index.html" if name.endswith("html") else "report.md")).read_text()
    text = re.sub(r"base64,[^\"]+", "base64,…", text)  # pictures change with Matplotlib's version
    text = re.sub(r"(<style>|<script>).+?(?=</style>|</script>)", r"\1…", text, flags=re.DOTALL)  # files of their own
    text = re.sub(r"sha256-[^']+", "sha256-…", text)
    if os.environ.get("RENEW_SNAPSHOTS"):
        (SNAPSHOTS / name).write_text(text)
    assert text == (SNAPSHOTS / name).read_text()
