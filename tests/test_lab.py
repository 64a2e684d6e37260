"""The Python interface: errors are exceptions with the command's line, and nothing of the process is left changed."""

import logging
import signal
import sys
import threading
from pathlib import Path

import pytest
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig

from src import lab
from src.core.signals import SIGNALS, Interrupted
from src.training import run as running

GIVEN = ["model=gan", "data=strokes", "accelerator=cpu"]


@pytest.fixture
def ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Has every run end at once as wanted, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def end(status: str = "diverged", error: str | None = None, raised: BaseException | None = None) -> None:
        def run(config: DictConfig, folder: Path) -> dict[str, str | None]:
            logging.getLogger().warning("a line of the run's log")
            if raised:
                raise raised
            return {"status": status, "error": error}

        monkeypatch.setattr(running, "run", run)

    end()
    return end


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["experimant=gan_fm"], "experimant=gan_fm: there is no option experimant"),
        (["experiment=gan_fmm"], "did you mean gan_fm"),
        (["gan_fm"], "gan_fm: write experiment=gan_fm"),
        (["evaluations=0"], "evaluations=0"),
        (["seed=0,1"], "seed=0,1: chooses several runs; use lab.sweep"),
        (["study=quick"], "study=quick: chooses several runs; use lab.sweep"),
        (["resume=nowhere"], "nowhere"),
    ],
)
def test_a_mistake_is_an_exception_with_the_commands_line(ends, capsys, words: list[str], expected: str):
    with pytest.raises(ValueError, match=expected) as error:
        lab.run([*GIVEN, *words])
    assert "\n" not in str(error.value)
    assert "error:" not in capsys.readouterr().err, "it is not printed besides"
    assert not list(Path().iterdir()), "nothing was made"


def test_a_run_that_fails_raises_its_error(ends):
    ends("failed", "data.path=x: is empty")
    with pytest.raises(ValueError, match=r"data\.path=x: is empty"):
        lab.run(GIVEN)


def test_an_interruption_is_a_keyboard_interrupt(ends):
    ends(raised=Interrupted(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt, match="interrupted by SIGINT"):
        lab.run(GIVEN)


def test_a_fault_of_the_program_keeps_its_traceback(ends):
    ends(raised=KeyError("inside"))
    with pytest.raises(KeyError, match="inside"):
        lab.run(GIVEN)


@pytest.mark.ci
def test_the_process_is_as_before_also_from_another_thread(ends):
    before = [signal.getsignal(number) for number in SIGNALS], logging.getLogger().handlers[:], sys.argv[:]
    found: list[lab.Run] = []
    for target in (lambda: found.append(lab.run(GIVEN)),) * 2:
        target()
        thread = threading.Thread(target=target)
        thread.start()
        thread.join()
    assert len({run.folder for run in found}) == 4
    assert before == ([signal.getsignal(number) for number in SIGNALS], logging.getLogger().handlers, sys.argv)
    assert "a line of the run's log" in (found[0].folder / "train.log").read_text()
    assert not GlobalHydra.instance().is_initialized()


def test_a_configuration_of_ones_own(ends):
    Path("own/experiment").mkdir(parents=True)
    Path("own/experiment/mine.yaml").write_text("# @package _global_\ndefaults:\n  - gan_fm\nbudget: 77\n")
    run = lab.run(["experiment=mine", "accelerator=cpu"], config_dir="own")
    assert "budget: 77" in (run.folder / ".hydra" / "config.yaml").read_text()
    with pytest.raises(ValueError, match="config_dir=nowhere: there is no such folder"):
        lab.run(GIVEN, config_dir="nowhere")


def test_a_table_shows_its_first_columns(monkeypatch: pytest.MonkeyPatch):
    table = lab.Table([{"name": "<b>", "kl": 0.12345, "gone": None}, {"name": "c", "late": "A B"}])
    shown = table._repr_html_()
    assert "&lt;b&gt;" in shown
    assert "<b>" not in shown
    assert "more columns" not in shown
    wide = lab.Table([{str(number): number for number in range(lab.MOST_COLUMNS + 3)}])
    assert "3 more columns" in wide._repr_html_()
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ValueError, match="pandas is not installed"):
        table.to_pandas()
