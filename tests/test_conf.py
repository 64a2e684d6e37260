"""The configuration: every file composes, opens with why one would choose it, and is named after its class."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch import nn

from src.core import resolvers
from src.core.argument_types import arguments
from src.core.commands import CONFIGURATION
from src.core.config_checks import check_argument_types
from src.data.spec import POINT, DataSpec
from src.evaluation.vae import DRAWS

OPTIONS = sorted(path.relative_to(CONFIGURATION) for path in CONFIGURATION.rglob("*/*.yaml"))
RECIPES = [str(path.relative_to("experiment").with_suffix("")) for path in OPTIONS if path.parts[0] == "experiment"]
# Recipes of one remedy that the default tests take; .ci/run takes all. Others of theirs compose them too.
TYPICAL = ("gan_standard", "gan_fm", "gan_r3", "gan_conditional_projection", "vae_none", "vae_seed", "vae_three_levels")
SPEC = DataSpec("made", "made", "0", tuple("ABC"), (1, 28, 28), {"train": 0, "val": 0, "test": 0})


def marked(names, recipe=lambda name: name):
    """Parameters, of which recipes of one remedy are tested in CI, but for the typical ones."""
    slow = [recipe(name).startswith(("gan_", "vae_")) and recipe(name) not in TYPICAL for name in names]
    return [pytest.param(name, marks=[pytest.mark.ci] * of_ci) for name, of_ci in zip(names, slow, strict=True)]


@pytest.fixture(autouse=True)
def _hydra():
    resolvers.register()
    GlobalHydra.instance().clear()
    with initialize_config_dir(version_base="1.3", config_dir=str(CONFIGURATION)):
        yield


@cache
def composed(*overrides: str):
    """Kept for the next test, as composing takes longer than most of what is tested; to be left as it is."""
    return compose("train", overrides=list(overrides))


def chosen(option: Path):
    """What an option's file composes to, with the model that it is for."""
    path = option.with_suffix("").as_posix()
    group, choice = path.rsplit("/", 1) if path.startswith("hydra/") else path.split("/", 1)
    family = "gan" if group == "evaluator.rejection" else group.partition(".")[0]
    return composed(*([f"model={family}"] if family in ("gan", "vae") else []), f"{group}={choice}")


def given(config) -> dict[str, tuple[str, Any]]:
    """Every argument of a class by its key, but the trainer's: its part of the configuration, and its value."""
    found = {}
    for part in ("gan", "vae", "data", "evaluator", "callbacks"):
        for key, name, value, _ in arguments(config[part], part) if part in config else ():
            if not OmegaConf.is_dict(value) and not name.startswith("_"):
                found[key] = part, value
    return found


@cache
def usual() -> dict[str, tuple[str, Any]]:
    return given(composed())


def wrong(value: Any) -> tuple[Any, ...]:
    """Values of other types."""
    if OmegaConf.is_list(value):
        return "heavy", 0.5, [*value, 0.5], [*value[:-1], 0.5 if isinstance(value[-1], str) else "heavy"]
    if value is None or isinstance(value, str):
        return 0.5, [0.5]
    return "heavy", [value], {"a": "heavy"}, 1 if isinstance(value, bool) else True


@pytest.mark.parametrize("option", marked(OPTIONS, lambda option: option.stem * (len(option.parts) == 2)), ids=str)
def test_every_option_composes_and_every_argument_of_another_type_is_refused_by_its_key(option: Path):
    config = chosen(option)
    assert config.budget > 0
    check_argument_types(config)
    if option.parts[0] in ("experiment", "study"):  # whose arguments are those of other options
        return
    if option.stem == "optuna":
        pytest.importorskip("optuna")
    for key, (part, value) in given(config).items():
        if option != Path("model/vae.yaml") and usual().get(key) == (part, value):
            continue
        for other in wrong(value):
            OmegaConf.update(config, key, other, merge=False)
            with pytest.raises(ValueError, match=": choose ") as refusal:
                refuse_wrong_types(config, part)
            assert str(refusal.value).startswith(f"{key}={other}: "), "the key and the value as they were given"
        OmegaConf.update(config, key, value, merge=False)


def refuse_wrong_types(config, part: str) -> None:
    for key, _, value, expected in arguments(config[part], part):
        expected.check(key, value)


@pytest.mark.parametrize("option", [Path("train.yaml"), *OPTIONS], ids=str)
def test_every_file_opens_with_why(option: Path):
    comments = [line for line in (CONFIGURATION / option).read_text().splitlines()[:2] if line.startswith("# ")]
    assert any(not comment.startswith("# @package") for comment in comments)


@pytest.mark.parametrize("experiment", marked(RECIPES))
def test_every_recipe_builds_its_model(experiment: str):
    recipe = composed(f"experiment={experiment}")
    size = POINT if "gaussians" in recipe.data._target_ else SPEC.shape[1:]
    model = instantiate(recipe.model)(spec=replace(SPEC, shape=(recipe.data.stack, *size)))
    assert sum(parameter.numel() for parameter in model.parameters()) > 1000


def test_a_gan_has_no_vae_and_one_loss():
    config = composed("experiment=gan_fm")
    assert "vae" not in config
    assert list(config.gan.loss) == ["feature_matching"]
    assert "tricks" not in config.gan


def test_tricks_come_as_a_list_and_keep_their_parameters():
    config = composed("experiment=gan_standard", "gan.tricks=[r1,ema]", "gan.tricks.r1.gamma=7")
    assert list(config.gan.tricks) == ["r1", "ema"]
    assert config.gan.tricks.r1.gamma == 7


def test_a_bare_command_is_the_vae_on_drums():
    """Or `-m vae.anneal=linear,cyclical,free_bits` would sweep nothing."""
    config = composed()
    assert config.model._target_ == "src.vae.module.VAE"
    assert config.data._target_ == "src.data.drums.datasets.Drums"
    assert list(config.vae.anneal) == ["linear"]
    assert "gan" not in config
    assert (config.evaluator.importance_samples, DRAWS) == (500, 16), "of the contract"
    assert composed("model=gan").evaluator.num_samples == 10_000


@pytest.mark.parametrize("experiment", marked([name for name in RECIPES if "vae" in name]))
def test_annealing_is_a_group_of_every_vae_recipe(experiment: str):
    """`vae.anneal` is chosen as a name or a list of them, and never becomes a string."""
    for choice, names in (("cosine", ["cosine"]), ("[cyclical,free_bits]", ["cyclical", "free_bits"]), ("[]", [])):
        config = composed(f"experiment={experiment}", f"vae.anneal={choice}")
        assert list(config.vae.get("anneal", {})) == names
    config = composed(f"experiment={experiment}", "vae.anneal=cyclical", "vae.anneal.cyclical.cycles=8")
    assert config.model.anneal.cyclical.cycles == 8


def test_the_homeworks_architecture():
    vae = composed("experiment=vae_seed").vae
    assert (vae.z_high, vae.z_low, vae.decoder_sees) == (4, 12, "low")
    classes = [vae[part]._target_.rpartition(".")[2] for part in ("inference", "prior", "decoder")]
    assert classes == ["BottomUp", "Standard", "Parallel"]


@pytest.mark.parametrize("inference", ["top_down", "bottom_up"])
@pytest.mark.parametrize("decoder", ["parallel", "autoregressive"])
@pytest.mark.parametrize("prior", ["conditional", "standard"])
def test_every_combination_of_a_vaes_parts_builds(inference: str, decoder: str, prior: str):
    parts = (f"vae.inference={inference}", f"vae.decoder={decoder}", f"vae.prior={prior}")
    for sees in ("both", "low"):
        vae = instantiate(composed(*parts, f"vae.decoder_sees={sees}").model)(spec=SPEC)
        assert vae.decoder.autoregressive == (decoder == "autoregressive")
        assert vae.prior.conditional == (prior == "conditional")


@pytest.mark.parametrize("override", ["accelerator=cpu", "trainer.accelerator=cpu"])
def test_the_accelerator_is_a_group_and_a_value(override: str):
    assert composed(override).trainer.accelerator == "cpu"


def test_the_discriminator_shrinks_with_one_override():
    generator, discriminator = (
        instantiate(composed("model=gan", "gan.discriminator.width=8").gan[name])(shape=SPEC.shape)
        for name in ("generator", "discriminator")
    )
    count = [sum(parameter.numel() for parameter in net.parameters()) for net in (generator, discriminator)]
    assert count[1] * 4 < count[0]


def test_nothing_in_the_configuration_is_left_unresolved():
    config = composed("data.images=x", "data.labels=y", "data=idx")
    for key in ("data", "model", "evaluator"):
        assert OmegaConf.to_container(config[key], resolve=True, throw_on_missing=True)


def test_the_homeworks_gan():
    config = composed("experiment=gan_seed")
    assert config.data._target_ == "src.data.letters.datasets.Fonts"
    assert (config.batch_size, config.gan.generator.z) == (64, 100)
    assert config.gan.generator_optimizer.lr == 20 * config.gan.discriminator_optimizer.lr == 1e-3
    assert all(config.gan[f"{side}_optimizer"].betas[0] == 0.5 for side in ("generator", "discriminator"))
    model = instantiate(config.model)(spec=SPEC)
    layers = list(model.discriminator.body)
    assert [layer.out_channels for layer in layers if isinstance(layer, nn.Conv2d)] == [64, 128]
    assert [layer.p for layer in layers if isinstance(layer, nn.Dropout2d)] == [0.25, 0.25]
