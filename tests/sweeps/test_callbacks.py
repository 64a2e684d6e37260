"""The report after a sweep."""

import pytest
from omegaconf import OmegaConf

from src.core.errors import UserExit
from src.report import write
from src.sweeps import ReportAfterSweep


@pytest.mark.parametrize("fault", [KeyError("modes"), OSError("disk full"), RuntimeError("no font")])
def test_a_report_that_cannot_be_made_ends_the_command_and_says_what_makes_it(fault, monkeypatch):
    def fails(folders):
        raise fault

    monkeypatch.setattr(write, "write_report", fails)
    with pytest.raises(UserExit) as end:
        ReportAfterSweep().on_multirun_end(OmegaConf.create({"hydra": {"sweep": {"dir": "sweep"}}}))
    assert end.value.code == 1
    said = end.value.text
    assert said.startswith("no report: ")
    assert fault.args[0] in said
    assert said.endswith("; once that is fixed, python -m src.report sweep makes it")
    assert "\n" not in said, "one line"
