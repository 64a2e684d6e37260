"""The README's two files make a new remedy: they are swept against what is there, and reported."""

import re
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from tests.end_to_end.conftest import SMALL, VAE_SMALL, Command, results

README = (Path(__file__).parents[2] / "README.md").read_text()


@pytest.mark.ci
@pytest.mark.usefixtures("few_bars")
@pytest.mark.parametrize(
    ("index", "choices"),
    [
        (0, ("gan.tricks=[r1],[r1,drift]", *SMALL)),
        (1, ("vae.anneal=linear,[quadratic,free_bits]", *VAE_SMALL)),
    ],
    ids=["trick", "annealing"],
)
def test_two_files_make_a_new_remedy(
    index: int, choices: tuple[str, ...], command: Command, monkeypatch: pytest.MonkeyPatch
):
    code, option = (block(language, index) for language in ("python", "yaml"))
    for text in (code, option):
        path = Path(place(text))
        path.parent.mkdir(parents=True)
        path.write_text(text)
    name = place(code).removesuffix(".py").replace("/", ".")
    module = module_from_spec(spec := spec_from_file_location(name, place(code)))
    spec.loader.exec_module(module)
    monkeypatch.setitem(sys.modules, name, module)
    searched = f"hydra.searchpath=[file://{Path('conf').resolve()}]"
    assert command("-m", *choices, searched, "hydra.sweep.dir=sweep").status == 0
    new = Path(place(option)).stem
    (run,) = (path.parent for path in Path("sweep").glob("*/results.json") if new in path.parent.name)
    assert results(run)["status"] == "completed"
    assert new in Path("sweep/report/report.md").read_text()


def block(language: str, index: int) -> str:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)[index]


def place(text: str) -> str:
    """Where a block says that it belongs, in its first line."""
    return text.splitlines()[0].removeprefix("# ")
