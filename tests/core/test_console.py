"""Whatever happens to what is printed, a program goes on."""

import io
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from src.core import console

ROOT = Path(__file__).parents[2]
PROGRAM = r"""
import os, sys
from src.core.console import make_output_lossy
make_output_lossy()
make_output_lossy()
for number in range(2000):
    print("[1 of 2] r\u00e9sum\u00e9 \u00b7 \u592a\u9f13 \u2022", number)
    print("\u592a", file=sys.stderr)
print("\u201cend\u201d", flush=True)
opened = os.open(os.devnull, os.O_RDONLY)
os.write(int(sys.argv[1]), b"done %d" % opened)
"""


def finished(program: str, shell: str, **environment: str) -> tuple[int, str, bytes]:
    """Exit status of the program in a shell's line, what it says on a descriptor of its own, and its stdout."""
    read, write = os.pipe()
    with os.fdopen(read) as told:
        line = shell.replace("PROGRAM", f"'{sys.executable}' -c \"$CODE\" {write}")
        done = subprocess.run(
            ["bash", "-c", f"set -o pipefail; {line}"],
            env={**os.environ, "PYTHONPATH": str(ROOT), "CODE": program, **environment},
            pass_fds=[write],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        os.close(write)
        return done.returncode, told.read(), done.stdout


@pytest.mark.parametrize(
    ("shell", "environment"),
    [
        ("PROGRAM", {"PYTHONIOENCODING": "ascii"}),
        ("PROGRAM", {"PYTHONIOENCODING": "latin-1", "PYTHONUNBUFFERED": "1"}),
        ("PROGRAM", {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
        ("PROGRAM | head -1", {}),
        ("PROGRAM >/dev/full 2>/dev/full", {}),
        ("PROGRAM >&-", {}),
        ("PROGRAM >&- 2>&- <&-", {}),
        ("PROGRAM 2>&1 | true", {}),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(f"{key}={text}" for key, text in value.items()),
)
def test_what_cannot_be_printed_stops_nothing(shell: str, environment: dict[str, str]):
    status, told, _ = finished(PROGRAM, shell, **environment)
    assert status == 0
    word, opened = told.split()
    assert word == "done"
    assert int(opened) > 2, "no file is taken for a closed stream"


def test_signs_that_the_encoding_lacks_are_replaced():
    _, _, said = finished(PROGRAM, "PROGRAM", PYTHONIOENCODING="latin-1")
    assert said.decode("latin-1").splitlines()[0] == "[1 of 2] résumé · ?? ? 0"
    _, _, said = finished(PROGRAM, "PROGRAM", PYTHONIOENCODING="utf-8")
    assert said.decode().splitlines()[-1] == "“end”"


def test_without_it_the_same_program_fails():
    status, told, _ = finished(PROGRAM.replace("make_output_lossy()", ""), "PROGRAM", PYTHONIOENCODING="ascii")
    assert (status, told) == (1, "")


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_a_bar_on_a_terminal_and_a_line_elsewhere(monkeypatch, caplog, terminal):
    shown = Console(file=io.StringIO(), force_terminal=terminal)
    monkeypatch.setattr("rich.get_console", lambda: shown)
    monkeypatch.setattr(console, "LOG_SECONDS", 0)
    assert list(console.progress(range(3), "Drawing letters")) == [0, 1, 2]
    assert caplog.messages == ([] if terminal else [f"Drawing letters: {done} of 3" for done in (0, 1, 2)])
    assert ("Drawing letters" in shown.file.getvalue()) == terminal


def test_tasks_after_one_another_share_a_clock(monkeypatch, caplog):
    monkeypatch.setattr("rich.get_console", lambda: Console(file=io.StringIO()))
    monkeypatch.setattr(console.Task, "logged", time.monotonic() - console.LOG_SECONDS)
    for task in ("first", "second"):
        list(console.progress(range(3), task))
    assert caplog.messages == ["first: 0 of 3"]


def test_only_the_first_process_of_a_run_shows_progress(monkeypatch, caplog):
    monkeypatch.setattr(console, "process_rank", lambda: 1)
    monkeypatch.setattr(console, "LOG_SECONDS", 0)
    assert list(console.progress(range(2), "Drawing letters")) == [0, 1]
    assert caplog.messages == []
