"""Options that nothing reads are told from those that mean something, and the nearest one is named."""

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf, open_dict

from src.cli.unknown_options import check_added_options, check_classes, hint
from src.core import resolvers
from src.core.commands import CONFIGURATION


@pytest.fixture(scope="module")
def composed() -> dict[str, DictConfig]:
    """By model."""
    resolvers.register()
    with initialize_config_dir(version_base="1.3", config_dir=str(CONFIGURATION)):
        return {
            "vae": compose("train", return_hydra_config=True),
            "gan": compose("train", overrides=["model=gan", "gan.tricks=[r1]"], return_hydra_config=True),
        }


def add(config: DictConfig, *options: str) -> None:
    """Checks options as if a command line had added them."""
    added = OverridesParser.create().parse_overrides(list(options))
    changed = config.copy()
    with open_dict(changed):
        for each in added:
            OmegaConf.update(changed, each.key_or_group, each.value(), force_add=True)
    check_added_options(config, changed, [each for each in added if each.is_add() or each.is_force_add()])


@pytest.mark.parametrize(
    ("model", "given", "expected"),
    [
        ("vae", "+epochs=3", "budget="),
        ("vae", "++num_epochs=3", "budget="),
        ("vae", "+trainer.max_step=10", "budget="),
        ("vae", "+lr=1", "vae.optimizer.lr="),
        ("gan", "+lr=1", "gan.generator_optimizer.lr=1 and gan.discriminator_optimizer.lr=1"),
        ("gan", "+gan.lr=1", "gan.generator_optimizer.lr="),
        ("vae", "+buget=3", "did you mean budget?"),
        ("gan", "+gan.generator.widht=8", "gan.generator.width"),
        ("vae", "+gan.generator.width=8", "model=gan"),
        ("vae", "+data.path=bars.npz", "nothing reads data.path"),
        ("vae", "+evaluator.samples=5", "evaluator.num_samples"),
        ("vae", "+study.seed=5", "study.seeds"),
        ("vae", "+callbacks.mine=5", "nothing reads callbacks.mine"),
        ("gan", "+gan.tricks.r2.gamma=5", "nothing reads gan.tricks.r2.gamma"),
        ("gan", "+gan.tricks.r1.gama=5", "gan.tricks.r1.gamma"),
        ("gan", "+gan.tricks.mine=5", "nothing reads gan.tricks.mine"),
        ("gan", "+gan.replay=false", "its name is now gan.cuda_graphs"),
        ("gan", "+gan.tricks.r1.evenly=true", "its name is now gan.tricks.r1.channel_max"),
        ("vae", "+vae.anneal.linear.over=0.3", "its name is now vae.anneal.linear.duration"),
        ("vae", "+hydra.foo=3", "nothing reads hydra.foo"),
        ("vae", "+hydra.launcher.foo=3", "nothing reads hydra.launcher.foo"),
        ("vae", "+mine._target_=src.gan.tricks.Trick", "nothing reads mine"),
    ],
)
def test_what_nothing_reads(composed, model: str, given: str, expected: str):
    with pytest.raises(ValueError, match=rf"^{given.replace('+', '[+]')}: ") as refusal:
        add(composed[model], given)
    assert expected in str(refusal.value)


@pytest.mark.parametrize(
    "given",
    [
        ("+width=8", "gan.generator.width=${width}"),
        ("+callbacks.mine._target_=lightning.Callback",),
        ("+callbacks.mine={_target_:lightning.Callback}",),
        ("+callbacks.mine._target_=no.such.Class", "+callbacks.mine.anything=3"),
        ("+gan.tricks.mine._target_=src.gan.tricks.Trick",),
        ("+gan.generator_optimizer.eps=1e-6",),
        ("+gan.generator._convert_=all",),
        ("++budget=500",),
        ("+hydra.job.env_set.A=b",),
        ("+hydra.sweeper.params.seed='1,2'",),
    ],
    ids=" ".join,
)
def test_what_something_reads(composed, given: tuple[str, ...]):
    add(composed["gan"], *given)


@pytest.mark.parametrize(
    "given",
    [
        "+callbacks.mine._target_=no.such.Class",
        "gan.generator._target_=src.gan.networks.dcgan.Generatr",
        "+callbacks.mine={_target_:lightning.Calback}",
    ],
)
def test_classes_that_do_not_exist(given: str):
    with pytest.raises(ValueError, match="there is no ") as refusal:
        check_classes(OverridesParser.create().parse_overrides([given]))
    assert "\n" not in str(refusal.value)


def test_classes_that_exist():
    given = ["+callbacks.mine._target_=lightning.Callback", "~callbacks.progress", "seed=0,1", "a={b:1}"]
    check_classes(OverridesParser.create().parse_overrides(given))


@pytest.mark.parametrize(
    ("model", "key", "expected"),
    [
        ("vae", "epochs", "budget="),
        ("vae", "learning_rate", "vae.optimizer.lr="),
        ("vae", "batch", "batch_size="),
        ("vae", "latent_dim", "vae.z_high= and vae.z_low="),
        ("gan", "z", "gan.generator.z="),
        ("gan", "generator.width", "gan.generator.width"),
        ("gan", "vae.z_high", "add model=vae"),
        ("vae", "output_dir", "hydra.run.dir="),
        ("vae", "dataset", "data="),
        ("vae", "gpus", "accelerator="),
        ("vae", "bugdet", "budget"),
        ("vae", "hydra.launcher.n_jobs", "hydra/launcher="),
    ],
)
def test_hints(composed, model: str, key: str, expected: str):
    assert expected in hint(key, composed[model])


def test_no_hint_where_nothing_is_near(composed):
    assert hint("qwertz", composed["vae"]) == ""
