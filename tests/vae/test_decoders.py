"""Decoders as distributions over tiny grids, of which every single one can be listed.

B batch, K importance samples, N grids, T steps, V voices, Z latent dims.
"""

from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch import Tensor, nn

from src.vae.decoders import BERNOULLI, Decoder
from src.vae.inverse_lipschitz import GradientOfConvex, InverseLipschitz

CONF = Path(__file__).parents[2] / "conf" / "vae.decoder"
KINDS = ("parallel", "autoregressive", "skip", "inverse_lipschitz")
TINY = (2, 3)
ALL_NTV = torch.tensor(list(product((0.0, 1.0), repeat=6))).view(64, *TINY)


@pytest.fixture
def decoder() -> Callable[..., Decoder]:
    """Builds a small decoder of 3 latents as conf/ does, its weights large enough to have opinions."""

    def build(kind: str, shape: tuple[int, int] = TINY) -> Decoder:
        torch.manual_seed(0)
        made = instantiate(OmegaConf.load(CONF / f"{kind}.yaml"), width=8)(num_latents=3, shape=shape)
        for name, parameter in made.named_parameters():
            if parameter.ndim > 1 and "_map" not in name:
                nn.init.normal_(parameter, std=0.6)
        return made.eval()

    return build


@pytest.fixture
def latents_BZ() -> Tensor:
    return torch.randn(5, 3, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_a_cell_of_the_autoregressive_changes_only_what_comes_after_it(decoder, latents_BZ):
    chained = decoder("autoregressive", (4, 3))
    history_BTV = 2 * torch.randint(0, 2, (5, 4, 3)).float() - 1
    before = chained(latents_BZ, history_BTV).flatten(1)
    for cell in range(12):
        other_BTV = history_BTV.clone()
        other_BTV.view(5, 12)[:, cell] *= -1
        moved = (chained(latents_BZ, other_BTV).flatten(1) != before).all(0)
        assert moved.tolist() == [later > cell for later in range(12)], f"cell {cell}"


@torch.no_grad()
def test_the_parallel_ignores_the_past(decoder, latents_BZ):
    parallel = decoder("parallel")
    one, other = (parallel(latents_BZ, history_BTV) for history_BTV in (torch.ones(5, *TINY), -torch.ones(5, *TINY)))
    assert one.shape == (5, *TINY)
    assert torch.equal(one, other)
    assert not decoder("parallel").autoregressive
    assert decoder("autoregressive").autoregressive


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_every_cell_listens_to_the_latents(decoder, latents_BZ, kind):
    logits_BTV = decoder(kind)(latents_BZ, torch.zeros(5, *TINY))
    assert logits_BTV.std(0).min() > 1e-3


def all_probabilities(made: Decoder, latents_BZ: Tensor) -> Tensor:
    """p(x|z) [N, B] of all 64 grids."""
    latents_NBZ, grids_N1TV = latents_BZ.expand(64, *latents_BZ.shape), ALL_NTV.unsqueeze(1)
    history_NBTV = (2 * grids_N1TV - 1).expand(-1, len(latents_BZ), -1, -1)
    logits_NBTV = made(latents_NBZ.flatten(0, 1), history_NBTV.flatten(0, 1)).unflatten(0, (64, -1))
    return BERNOULLI.log_prob(logits_NBTV, grids_N1TV).double().exp()


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_all_grids_together_have_probability_one(decoder, latents_BZ, kind):
    probability_NB = all_probabilities(decoder(kind), latents_BZ)
    torch.testing.assert_close(probability_NB.sum(0), torch.ones(5, dtype=torch.double), atol=1e-5, rtol=0)
    assert probability_NB.max() > 0.05, "or it would be next to uniform"


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_grids_are_drawn_as_often_as_they_are_probable(decoder, latents_BZ, kind):
    made, num = decoder(kind), 20_000
    random = torch.Generator().manual_seed(2)
    cells_NTV, _ = made.generate(latents_BZ[:1].expand(num, -1), torch.rand(num, *TINY, generator=random))
    drawn_N = (cells_NTV.flatten(1) @ 2.0 ** torch.arange(5, -1, -1)).long()
    expected_N = num * all_probabilities(made, latents_BZ[:1])[:, 0]
    common_N = expected_N > 5
    squares_N = (drawn_N.bincount(minlength=64) - expected_N).square() / expected_N
    degrees = int(common_N.sum()) - 1
    assert degrees >= 10
    assert squares_N[common_N].sum() < degrees + 5 * (2 * degrees) ** 0.5


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_generated_cells_have_the_probabilities_that_scoring_gives_them(decoder, latents_BZ, kind):
    made, uniform_BTV = decoder(kind, (4, 3)), torch.rand(5, 4, 3)
    cells_BTV, probability_BTV = made.generate(latents_BZ, uniform_BTV)
    torch.testing.assert_close(made(latents_BZ, 2 * cells_BTV - 1).sigmoid(), probability_BTV)
    assert torch.equal(cells_BTV, (probability_BTV > uniform_BTV).float())
    assert cells_BTV.mean() not in (0, 1)


@pytest.mark.parametrize("temperature", [0.4, 2.5])
@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_the_temperature_divides_the_logits_of_every_cell_given_those_before_it(decoder, latents_BZ, kind, temperature):
    made, uniform_BTV = decoder(kind, (4, 3)), torch.rand(5, 4, 3)
    cells_BTV, probability_BTV = made.generate(latents_BZ, uniform_BTV, temperature)
    logits_BTV = made(latents_BZ, 2 * cells_BTV - 1)
    torch.testing.assert_close((logits_BTV / temperature).sigmoid(), probability_BTV)
    assert torch.equal(cells_BTV, (probability_BTV > uniform_BTV).float())
    assert (probability_BTV - logits_BTV.sigmoid()).abs().max() > 0.02


@torch.no_grad()
def test_even_odds_choose_the_likelier_cell_each_time(decoder, latents_BZ):
    chained = decoder("autoregressive")
    cells_BTV, _ = chained.generate(latents_BZ, torch.full((5, *TINY), 0.5))
    greedy_BTV = torch.zeros(5, *TINY)
    for step, voice in product(range(2), range(3)):
        logits_BTV = chained(latents_BZ, 2 * greedy_BTV - 1)  # what is not known yet, no logit up to here has seen
        greedy_BTV[:, step, voice] = (logits_BTV[:, step, voice] > 0).float()
    assert torch.equal(cells_BTV, greedy_BTV)


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_importance_samples_share_one_history(decoder, kind):
    made = decoder(kind)
    latents_KBZ, history_BTV = torch.randn(4, 5, 3), 2 * ALL_NTV[10:15] - 1
    together = made(latents_KBZ, history_BTV)
    assert together.shape == (4, 5, *TINY)
    for latents_BZ, logits_BTV in zip(latents_KBZ, together, strict=True):
        torch.testing.assert_close(logits_BTV, made(latents_BZ, history_BTV))


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_chance_in_training_only(decoder, latents_BZ, kind):
    made, history_BTV = decoder(kind).train(), torch.ones(5, *TINY)
    assert not torch.equal(made(latents_BZ, history_BTV), made(latents_BZ, history_BTV))
    made.eval()
    assert torch.equal(made(latents_BZ, history_BTV), made(latents_BZ, history_BTV))


@pytest.mark.parametrize("kind", KINDS)
def test_logits_have_full_precision_under_autocast(decoder, latents_BZ, kind):
    with torch.autocast("cpu", torch.bfloat16):
        assert decoder(kind)(latents_BZ, torch.zeros(5, *TINY)).dtype == torch.float32


def test_each_layer_of_the_skip_decoder_receives_the_latents(decoder, latents_BZ):
    """Also where all that the layers before it say of the latents is lost."""
    made = decoder("skip")
    received = []
    for layer in made.layers:
        layer.register_forward_hook(lambda module, inputs, output: received.append(inputs[0]))
    nn.init.zeros_(made.latents.weight)
    for layer in made.layers:
        nn.init.zeros_(layer[1].weight)
    logits_BTV = made(latents_BZ, torch.zeros(5, *TINY))
    assert all((inputs_BTW.std(0) > 1e-3).any(-1).all() for inputs_BTW in received)
    assert logits_BTV.std(0).min() > 1e-3, "and the cells as well"


@pytest.mark.parametrize("constant", [0.3, 4.0])
@torch.no_grad()
def test_different_latents_differ_by_l_in_the_logits_whatever_the_history(constant):
    torch.manual_seed(0)
    config = OmegaConf.load(CONF / "inverse_lipschitz.yaml")
    made = instantiate(config, width=8, constant=constant, map_width=16)(num_latents=3, shape=TINY).eval()
    for size in (0.1, 1.0, 10.0):
        for weight in (*made.inner_map.parameters(), *made.outer_map.parameters()):
            nn.init.normal_(weight, std=size)
        one_NZ, other_NZ = 3 * torch.randn(64, 3), 3 * torch.randn(64, 3)
        logits = [made(latents_NZ, 2 * ALL_NTV - 1) for latents_NZ in (one_NZ, other_NZ)]
        ratio_N = (logits[0] - logits[1]).flatten(1).norm(dim=1) / (one_NZ - other_NZ).norm(dim=1)
        assert ratio_N.min() >= constant * (1 - 1e-4)


def test_a_brenier_map_is_the_gradient_of_a_strongly_convex_function():
    brenier = GradientOfConvex(3, 16, constant=0.7).double()
    nn.init.normal_(brenier.raw_H)
    for point_D in torch.randn(20, 3, dtype=torch.double):
        jacobian_DD = torch.autograd.functional.jacobian(brenier, point_D)
        torch.testing.assert_close(jacobian_DD, jacobian_DD.T)
        assert torch.linalg.eigvalsh(jacobian_DD).min() >= 0.7


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"constant": -1.0}, r"vae\.decoder\.constant=-1\.0: choose a number of at least 0"),
        ({"num_latents": 7}, r"vae\.decoder=inverse_lipschitz: 7 latents .* choose fewer"),
    ],
)
def test_impossible_inverse_lipschitz_maps(changes, message):
    arguments = {"num_latents": 3, "shape": TINY, "width": 8, "depth": 1, "cell_width": 4, "dropout": 0.0}
    with pytest.raises(ValueError, match=message):
        InverseLipschitz(**(arguments | changes))
