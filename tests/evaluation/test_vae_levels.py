"""The evaluation of VAEs with one or three levels."""

from functools import partial

import pytest
import torch
from torch import Tensor, nn

from src.evaluation.vae_likelihood import distortion
from src.vae.decoders import Decoder, Parallel
from src.vae.likelihoods import Likelihood
from src.vae.networks import Conditional, Ladder, TopDown

pytestmark = pytest.mark.ci

SIZES = [2, 3, 4]
KINDS = ("kl", "active", "mi", "usage")


class Without(Decoder):
    """A decoder to which one level is always 0."""

    autoregressive = False

    def __init__(self, num_latents: int, shape: tuple[int, int], likelihood: Likelihood, gone: slice):
        super().__init__(likelihood)
        self.inner, self.gone = Parallel(num_latents, shape, 8, 1, 0.0, likelihood), gone

    def left(self, latents_BZ: Tensor) -> Tensor:
        left_BZ = latents_BZ.clone()
        left_BZ[..., self.gone] = 0
        return left_BZ

    def forward(self, latents_BZ: Tensor, history_BTV: Tensor) -> Tensor:
        return self.inner(self.left(latents_BZ), history_BTV)

    def generate(self, latents_BZ: Tensor, uniform_BTV: Tensor, temperature: float = 1.0) -> tuple[Tensor, Tensor]:
        return self.inner.generate(self.left(latents_BZ), uniform_BTV, temperature)


@pytest.mark.parametrize("level", ["1", "2", "3"])
def test_a_level_that_is_switched_off_is_found(evaluation_of, vae_for, level):
    """It has no KL, no information and no use, and is the one that has collapsed."""
    evaluation, data = evaluation_of()
    first = sum(SIZES[: int(level) - 1])
    decoder = partial(Without, gone=slice(first, first + SIZES[int(level) - 1]))
    vae = vae_for(data, levels=SIZES, decoder=decoder)
    head = vae.inference[level]
    last = head[-1] if isinstance(head, nn.Sequential) else head
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    metrics, shown = evaluation.measure(vae, "test")
    assert metrics["collapsed"] == [level]
    assert [metrics[f"{kind}_{level}"] for kind in KINDS] == pytest.approx([0] * 4, abs=2e-4)
    for other in {"1", "2", "3"} - {level}:
        assert metrics[f"kl_{other}"] > 0.3
        assert metrics[f"mi_{other}"] > 0.05
        assert abs(metrics[f"usage_{other}"]) > 0.02
    assert {"z_1", "z_2", "z_3"} <= shown.keys()
    assert not {"kl_high", "kl_low"} & metrics.keys()
    kl = sum(metrics[f"kl_{each}"] for each in "123")
    assert metrics["elbo"] == pytest.approx(-metrics["reconstruction"] - kl)
    assert sum(sum(metrics[f"kl_{each}_dims"]) for each in "123") == pytest.approx(kl)
    history = [metrics | {"images_seen": 64 * turn} for turn in (1, 2)]
    found = evaluation.evaluator.over_training(history, metrics)
    assert found["outcome"] == "collapsed"
    assert found["onset"] == {each: 64 if each == level else None for each in "123"}
    assert evaluation.evaluator.timeline(history)["kl_dimensions"].pixels_HW3.shape[2] == 3


@pytest.mark.parametrize("inference", [TopDown, Ladder])
def test_the_bound_of_three_levels_is_the_mean_over_draws(evaluation_of, vae_for, inference):
    """Against many draws of log p(x, z) − log q(z|x), which it bounds from below as importance samples tighten it."""
    evaluation, data = evaluation_of(importance_samples=200)
    vae = vae_for(data, levels=SIZES, inference=partial(inference, width=8), prior=partial(Conditional, width=8)).eval()
    metrics, _ = evaluation.measure(vae, "test")
    torch.manual_seed(0)
    cells_NTV = vae.to_cells(data.held_out("test").images[:50])
    with torch.no_grad():
        draws = [vae.infer(cells_NTV) for _ in range(100)]
        elbo = torch.stack([-(distortion(vae, z.z, cells_NTV) + z.log_ratio_B()).mean() for z in draws])
    assert metrics["elbo"] == pytest.approx(elbo.mean().item(), abs=6 * elbo.std().item() / 4)
    assert -metrics["iwae_nll"] > metrics["elbo"]


def test_levels_that_the_decoder_does_not_see_have_no_usage(evaluation_of, vae_for):
    evaluation, data = evaluation_of()
    metrics, _ = evaluation.measure(vae_for(data, levels=SIZES, decoder_sees="low"), "test")
    assert (metrics["usage_1"], metrics["usage_2"]) == (None, None)
    assert metrics["usage_3"] is not None


@pytest.mark.parametrize("sizes", [[3], [2, 1, 2]])
def test_all_latents_are_examined(evaluation_of, vae_for, sizes):
    evaluation, data = evaluation_of(interpret=True)
    metrics, shown = evaluation.measure(vae_for(data, levels=sizes), "test")
    names = [str(number + 1) for number in range(len(sizes))]
    kinds = ("named", "mig", "style_probe", "style_variance", "distance_fixed", "transfer", "interpolation_monotone")
    assert {f"{kind}_{name}" for kind in kinds for name in names} <= metrics.keys()
    assert {"hierarchy", "latent_map", "temperature", *(f"traversal_{name}" for name in names)} <= shown.keys()
    assert len(evaluation.evaluator.facts()["latents"]) == sum(sizes)
