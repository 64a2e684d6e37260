"""Whatever bytes the record of a run holds, it is read, or refused in one line."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from src.training.run_config import trusted_config
from src.training.run_record import PARTS
from tests.foreign import fuzzed
from tests.training.record_fixtures import CONFIG, HYDRA, write

TEXTS = st.sampled_from(
    ["${gan}", "${model}", "${a}", "${a}${b}", "$", "{a}", "${oc.env:HOME}", "os.system", "src.gan.module.GAN", "x"]
)
KEYS = st.sampled_from([*PARTS, "gan", "a", "b", "_target_", "_args_", "_partial_", "folder", "cache", "hydra"])
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(KEYS, below, max_size=4),
    max_leaves=20,
)


def outcome(run: Path) -> None:
    """Whatever stands in it, the record is read, or refused as a user's mistake."""
    try:
        config = trusted_config(run)
    except (ValueError, FileNotFoundError):
        return
    assert set(config) >= set(PARTS)
    assert "${" not in str(OmegaConf.to_container(config, resolve=False))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("fuzzed") / "sweep" / "run"
    (run / ".hydra").mkdir(parents=True)
    OmegaConf.save({"hydra": HYDRA}, run / ".hydra" / "hydra.yaml")
    return run


@fuzzed
@given(TREES, KEYS)
def test_any_structure_is_a_record_or_a_mistake(place: Path, tree: object, key: str):
    write(place, CONFIG | {key: tree} | ({"model": "${a}", "a": tree} if key == "a" else {}))
    outcome(place)


@fuzzed
@given(st.binary(max_size=200), st.sampled_from(["config.yaml", "hydra.yaml"]))
def test_any_bytes_are_a_record_or_a_mistake(place: Path, content: bytes, file: str):
    write(place, CONFIG)
    OmegaConf.save({"hydra": HYDRA}, place / ".hydra" / "hydra.yaml")
    path = place / ".hydra" / file
    path.write_bytes(path.read_bytes()[: 7 * len(content)] + content)
    outcome(place)


@fuzzed
@given(TREES)
def test_any_sweep_beside_a_run_is_a_record_or_a_mistake(place: Path, tree: object):
    write(place, CONFIG)
    content = {"hydra": {"overrides": {"task": ["a=1,2", tree]}, "sweeper": {"params": {"seed": tree}}}}
    (place.parent / "multirun.yaml").write_text(yaml.safe_dump(content))
    outcome(place)


@pytest.mark.parametrize("times", [2, 20])
def test_interpolations_that_explode_end_soon(run: Path, times: int):
    """Each level is many times the one below."""
    wide = {f"a{n}": "".join([f"${{a{n + 1}}}"] * times) for n in range(30)} | {"a30": ""}
    deep = {f"b{n}": [f"${{b{n + 1}}}"] * times for n in range(30)} | {"b30": ""}
    for more in (wide, deep, {"c": ["${c}"] * times}):
        write(run, CONFIG | more)
        with pytest.raises(ValueError, match="interpolated without end"):
            trusted_config(run)
