"""Networks from a module outside the package, as docs/own_networks.md has them: trained, resumed, sampled, refused."""

import re
import sys
from pathlib import Path

import pytest

from src.sample import __main__ as sample
from tests.end_to_end.conftest import SMALL, VAE_SMALL, Command, results

PAGE = (Path(__file__).parents[2] / "docs" / "own_networks.md").read_text()
OPTIONS = [word for word in SMALL if not word.startswith(("model=", "gan."))]
MINE = ("--config-dir", "my_conf", "model=gan", "gan.network=mine")


@pytest.fixture
def page(command: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command, in a folder with the page's two files."""
    for language in ("python", "yaml"):
        (text,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
        first, _, content = text.partition("\n")
        path = Path(first.removeprefix("# "))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    monkeypatch.syspath_prepend(".")
    yield command
    sys.modules.pop("my_networks", None)


@pytest.mark.ci
def test_a_pair_is_trained_resumed_and_sampled(page: Command, capsys: pytest.CaptureFixture[str]):
    options = (*MINE, "gan.loss=feature_matching", *OPTIONS, "hydra.run.dir=run")
    assert page(*options).status == 0
    assert page(*MINE, "resume=run", "budget=512").status == 0
    assert results(Path("run"))["images_seen"] == 512

    refused = page("model=gan", "resume=run", "budget=768")
    assert refused.status == 1
    assert "my_networks.Generator is refused" in refused.errors
    assert sample.main(["run"]) == 1
    assert "trust=my_networks" in capsys.readouterr().err
    assert sample.main(["run", "trust=my_networks"]) == 0


@pytest.mark.ci
@pytest.mark.usefixtures("few_bars")
def test_an_encoder_and_a_decoder_are_trained_resumed_and_sampled(page: Command):
    own = ("vae.encoder._target_=my_networks.Encoder", "vae.decoder._target_=my_networks.Decoder")
    assert page(*own, *VAE_SMALL, "hydra.run.dir=run").status == 0
    assert page(*own, "resume=run", "budget=512").status == 0
    assert results(Path("run"))["images_seen"] == 512
    assert sample.main(["run", "trust=my_networks"]) == 0


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("gan.generator._target_=my_networks.Nobody", "there is no my_networks.Nobody"),
        ("gan.generator._target_=my_networks.Generator gan.generator.depth=3", "my_networks.Generator takes no depth"),
        ("gan.discriminator.features=2", "nothing reads gan.discriminator.features"),
    ],
)
def test_options_that_nothing_reads_are_refused_before_a_folder_is_made(page: Command, words: str, expected: str):
    refused = page("model=gan", "data=strokes", *words.split())
    assert refused.status == 1
    assert expected in refused.errors
    assert not Path("multirun").exists()
