import json
import subprocess
import sys
from pathlib import Path

import pytest

from src.report.__main__ import main


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "runs" / "one"
    folder.mkdir(parents=True)
    dataset = {"name": "strokes", "source": "strokes", "digest": "ab", "classes": ["A", "B"]}
    record = {"status": "completed", "name": "gan_fm", "model": "gan", "seed": 0, "dataset": dataset}
    (folder / "results.json").write_text(json.dumps(record | {"metrics": {"modes": 1, "missing": ["A"]}}))
    return folder


def test_writes_beside_the_runs(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(run.parent)]) == 0
    assert (run.parent / "report" / "index.html").is_file()
    assert capsys.readouterr().out.startswith("1 of 1 runs completed: ")


def test_writes_where_told(run: Path, tmp_path: Path) -> None:
    assert main([str(run), "--out", str(tmp_path / "deep" / "out"), "--baseline", "gan_fm"]) == 0
    assert (tmp_path / "deep" / "out" / "summary.csv").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["absent"], "absent: no such folder"),
        (["."], "no run in it"),
        (["runs", "--baseline", "nope"], "--baseline nope: no run has that name"),
        (["runs", "--out", "runs/one/results.json"], "results.json"),
    ],
)
def test_mistake_is_one_short_message(
    run: Path, arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    (run.parents[1] / "empty").mkdir()
    monkeypatch.chdir(run.parents[1] / "empty" if arguments == ["."] else run.parents[1])
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_command_starts_without_torch(run: Path) -> None:
    code = f"import sys; from src.report.__main__ import main; main([{str(run)!r}]); sys.exit('torch' in sys.modules)"
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, timeout=60).returncode == 0
