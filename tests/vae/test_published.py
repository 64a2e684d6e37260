"""Burda's two-layer model as a recipe: its sizes, and two batches."""

import math
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from src.core import resolvers
from src.data.spec import DataSpec

CONF = Path(__file__).parents[2] / "conf"
DIGITS = DataSpec("digits", "digits", "0" * 64, tuple("0123456789"), (1, 28, 28), {"train": 64, "val": 8, "test": 8})


@pytest.mark.parametrize(("recipe", "draws"), [("burda_mnist", 1), ("burda_mnist_iwae", 50)])
def test_burdas_two_layers(fit_vae, recipe, draws):
    resolvers.register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", [f"experiment=paper/{recipe}"])
    vae = instantiate(config.model)(spec=DIGITS)
    fit_vae(vae, num_batches=2, images=torch.randint(0, 256, (16, 28, 28), dtype=torch.uint8))
    assert (vae.levels, vae.decoder_sees, config.batch_size) == ({"high": 50, "low": 100}, "low", 20)
    assert math.prod(vae.criterion.draws) == draws
    options = vae.optimizer_of([*vae.parameters()]).defaults
    assert (options["lr"], options["betas"], options["eps"]) == (1e-3, (0.9, 0.999), 1e-4)
    assert all(tensor.isfinite().all() for tensor in vae.state_dict().values())
