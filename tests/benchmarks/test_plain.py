"""The plain loops are fair rivals: given the same batches and the same chance they arrive at our weights."""

from pathlib import Path

import lightning
import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from lightning import Callback

from benchmarks.loops import RECIPES
from src.core import resolvers
from src.data.loader import ResidentLoader
from src.gan.module import GAN

pytestmark = pytest.mark.ci

SMALL_GAN = ("gan.generator.width=4", "gan.discriminator.width=4")
SMALL_VAE = ("vae.encoder.width=16", "vae.inference.width=16", "vae.decoder.width=16")
SMALL = {
    "gan_standard": SMALL_GAN,
    "gan_r3": SMALL_GAN,
    "vae_drums": SMALL_VAE,
    "gan_r3_approx": SMALL_GAN,
    "vae_parallel": SMALL_VAE,
}
STEPS, BATCH = 6, 16
# No loss or penalty of R3GAN depends on what all logits share, whose gradient is rounding, and Adam's step its sign.
WITHOUT_EFFECT = "discriminator.head.bias"


class Chance(Callback):
    """Starts the random stream of the steps anew."""

    def on_train_start(self, trainer, module):
        torch.manual_seed(1)


@pytest.mark.parametrize(
    ("recipe", "precision"),
    # The others round to bf16 at other places, which Adam's first steps blow up.
    [*((recipe, "32-true") for recipe in SMALL), ("gan_standard", "bf16-mixed")],
)
def test_a_plain_loop_trains_to_the_same_weights(
    recipe: str, precision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    resolvers.register()
    chosen, make_step = RECIPES[recipe].overrides, RECIPES[recipe].make_step
    with initialize_config_dir(version_base="1.3", config_dir=str(Path("conf").resolve())):
        config = compose(
            "train",
            [
                *chosen,
                *SMALL[recipe],
                f"cache={tmp_path}",
                f"batch_size={BATCH}",
                f"budget={STEPS * BATCH}",
                "accelerator=cpu",
                f"trainer.precision={precision}",
                "callbacks=no_progress",
            ],
        )
    # From the global stream, as in the plain loop.
    noise = lambda self, num: torch.randn(2, num, self.generator.z)  # noqa: E731
    monkeypatch.setattr(GAN, "training_noise", noise)
    data = instantiate(config.data)
    data.setup()
    lightning.seed_everything(0, verbose=False)
    model = instantiate(config.model)(spec=data.spec)
    instantiate(config.trainer, callbacks=[Chance()], logger=False).fit(model, data)

    built = []
    monkeypatch.setattr("benchmarks.plain.instantiate", lambda node: remembering(instantiate(node), built))
    lightning.seed_everything(0, verbose=False)
    step = make_step(config, data.spec, torch.device("cpu"), torch.bfloat16 if precision == "bf16-mixed" else None)
    torch.manual_seed(1)
    for batch_B1HW in ResidentLoader(data.splits["train"].images, BATCH, STEPS, seed=config.seed):
        step(batch_B1HW[:, 0])

    ours = model.state_dict()
    plain = {name: weights for part in built for name, weights in named(part, model)}
    assert len(plain) > 10
    for name, weights in plain.items():
        if name == WITHOUT_EFFECT and recipe == "gan_r3_approx":
            continue
        assert torch.allclose(weights, ours[name], atol=2e-5), name  # Adam turns rounding into a part of its rate, 2e-4


def remembering(make, built):
    def made(*arguments, **options):
        thing = make(*arguments, **options)
        built.append(thing)
        return thing

    return made


def named(part, model):
    """A network's weights under the names that they have in the model."""
    for name, own in model.named_children():
        if type(own) is type(part) and isinstance(part, torch.nn.Module):
            yield from ((f"{name}.{key}", weights) for key, weights in part.state_dict().items())
