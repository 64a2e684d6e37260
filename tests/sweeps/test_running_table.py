"""What a sweep shows while its jobs run."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from src.sweeps.plan import Job, Plan
from src.sweeps.running_table import State, line, running_jobs, seconds_left, so_far, state, states, summary, table
from tests.sweeps.conftest import end, start

ROOT = Path(__file__).parents[2]
PROGRAM = """
import os, sys, time
from pathlib import Path
from src.sweeps.plan import Plan
from src.sweeps.running_table import running_table
with running_table(Plan.read(Path(sys.argv[1]))):
    print("of this process", flush=True)
    os.system("echo of a child, a line that is wider than the terminal, which wraps it")
    time.sleep(1.5)
print("after")
"""


def running(job: Job, at: float, *modes: int) -> None:
    start(job.folder, at)
    (job.folder / ".hydra" / "config.yaml").write_text("{seed: 0, evaluations: 4, gan: {}, model: {}}\n")
    (job.folder / "history.csv").write_text(
        "\n".join(["images_seen,modes", *(f"{turn},{each}" for turn, each in enumerate(modes)), ""])
    )


@pytest.fixture
def half_way(plan: Plan) -> Plan:
    """One job done, one that has made two of its four evaluations, one that failed, three waiting."""
    plan.save()
    start(plan.jobs[0].folder, 1000)
    end(plan.jobs[0].folder, 1063, metrics={"modes": 14, "kl": 0.531})
    running(plan.jobs[3], 1063, 3, 8)
    start(plan.jobs[1].folder, 1000)
    end(plan.jobs[1].folder, 1010, status="failed")
    return plan


def test_a_row_shows_every_seed(half_way: Plan):
    found = states(half_way, {})
    assert so_far([found[half_way.jobs[index]] for index in (0, 3)]) == "modes 14, 8 (50%)"
    assert so_far([found[half_way.jobs[index]] for index in (1, 4)]) == "1 failed"
    assert running_jobs(found) == "gan_fm seed 1 (50%)"
    assert summary(half_way, found, "").startswith("1 of 6 jobs done · about ")


def test_a_vae_shows_the_kl_of_its_levels():
    done = State("completed", "vae", {"kl_high": 0.01, "kl_low": 3.5, "elbo": -20.0}, finished=True)
    assert so_far([done, State("running", "", {}, 0.0)]) == "KL high 0.01 · KL low 3.50 · running"


def test_what_is_finished_is_not_read_again(half_way: Plan):
    found = states(half_way, {})
    first, _, _, fourth, *_ = half_way.jobs
    (first.folder / "results.json").unlink()
    end(fourth.folder, 2000)
    again = states(half_way, found)
    assert again[first] is found[first]
    assert again[fourth].finished


def test_time_is_left_before_the_first_job_is_done(plan: Plan, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("time.time", lambda: 1100)
    assert seconds_left(plan, states(plan, {})) is None
    running(plan.jobs[0], 1000, 1, 2)
    assert seconds_left(plan, states(plan, {})) == 5.5 * 200


def test_a_line_after_a_job(half_way: Plan):
    first = half_way.jobs[0]
    shown = line(half_way, first)
    assert shown.startswith(
        "[1 of 6] gan_fm seed 0: modes 14, KL 0.531 · 1 of 2 seeds: modes 14, 8 (50%) · 1:03 min · "
    )
    assert shown.endswith(" min left")
    end(first.folder, 1063, status="diverged")
    assert line(half_way, first).startswith("[1 of 6] gan_fm seed 0: diverged · ")
    running(first, 2000, 5)
    end(first.folder, 1063)
    assert line(half_way, first).startswith("[0 of 6] gan_fm seed 0: no results"), "those there are an earlier start's"


def test_a_large_sweep_shows_what_has_begun(half_way: Plan):
    console = Console(width=60, record=True, file=io.StringIO())
    console.print(table(half_way, states(half_way, {}), 2))
    said = console.export_text()
    assert "gan_fm" in said
    assert "gan_r3" not in said
    assert state(half_way.jobs[2]).status == "waiting"


def test_on_a_terminal_output_stands_above_the_table(half_way: Plan):
    ours, theirs = os.openpty()
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "40"}
    command = [sys.executable, "-c", PROGRAM, str(half_way.folder)]
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, stdin=theirs, env=environment) as program:
        os.close(theirs)
        shown = b""
        while True:
            try:
                shown += os.read(ours, 65536)
            except OSError:  # the program has ended
                break
    os.close(ours)
    said = shown.decode()
    assert program.returncode == 0
    assert said.index("of this process") < said.index("gan_fm")
    assert said.index("of a child") < said.rindex("gan_fm")
    assert said.rstrip().endswith("after")
