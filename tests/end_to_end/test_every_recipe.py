"""All stabilisers in one sweep; in a file of its own, for it takes the longest of all."""

import pytest

from tests.end_to_end.conftest import SMALL, Command, only, results

pytestmark = pytest.mark.ci


def test_every_recipe_by_glob(command: Command):
    small = [option for option in SMALL if not option.startswith(("budget=", "evaluations="))]
    outcome = command("-m", "experiment=glob(gan_*)", *small, "budget=64", "evaluations=1")
    assert outcome.status == 0, outcome.errors
    names = {results(path.parent)["name"].split()[0] for path in only("multirun/sweep/*").glob("*/results.json")}
    assert names >= {"gan_standard", "gan_fm", "gan_r1"}
