"""The VAE's objective, its samples and its optimiser, against few lines that know none of the project's seams.

B batch, K importance samples, N grids, C channels, H height, W width, T steps, V voices.
"""

import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from functools import partial
from itertools import product

import pytest
import torch
from lightning import Callback
from torch import Tensor
from torch.distributions import Bernoulli, Normal, kl_divergence
from torch.nn.functional import softplus

from src.metrics.bound import importance_weighted_nll
from src.vae.anneal import Constant, Linear
from src.vae.decoders import Parallel
from src.vae.module import VAE, log_likelihood, warm_cosine
from src.vae.networks import BottomUp, Conditional, Encoder, Standard, TopDown

ALL_NTV = torch.tensor(list(product((0.0, 1.0), repeat=6))).view(64, 2, 3)
PARALLEL = partial(Parallel, width=8, depth=1, dropout=0.1)


@pytest.fixture
def cells(bars) -> Tensor:
    return bars[:16].float()


@pytest.mark.parametrize(("channels", "levels"), [(1, 1), (2, 1), (1, 255), (2, 255), (3, 255)])
def test_cells_are_rows_with_their_channels_side_by_side(make_vae, bar_spec, channels, levels):
    vae = make_vae(spec=replace(bar_spec, shape=(channels, 4, 3), levels=levels))
    images_BCHW = torch.randint(0, levels + 1, (40, channels, 4, 3), dtype=torch.uint8)
    cells_BTV = vae.to_cells(images_BCHW)
    assert cells_BTV.shape == (40, 4, 3 * channels) == (40, *vae.shape)
    for c, h, w in product(range(channels), range(4), range(3)):
        assert torch.equal(cells_BTV[:, h, 3 * c + w], images_BCHW[:, c, h, w] / levels)
    assert vae.to_images(cells_BTV).dtype == torch.uint8
    assert torch.equal(vae.to_images(cells_BTV), images_BCHW)


def test_every_shade_survives_the_way_to_cells_and_back(make_vae, bar_spec):
    vae = make_vae(spec=replace(bar_spec, shape=(1, 16, 16), levels=255))
    shades = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    assert torch.equal(vae.to_images(vae.to_cells(shades)), shades)


def negative_elbo(vae: VAE, cells_BTV: Tensor) -> dict[str, Tensor]:
    """Top-down inference and a conditional prior, written down."""

    def posterior(output, mean=0.0, std=1.0):
        shift, raw = output.chunk(2, -1)
        return Normal(mean + std * shift, std * (softplus(raw + 0.5413) + 1e-3))

    features = vae.encoder(cells_BTV)
    q_high = posterior(vae.inference.high(features))
    z_high = q_high.rsample()
    p_low = posterior(vae.prior.network(z_high))
    q_low = posterior(vae.inference.low(torch.cat([features, z_high], 1)), p_low.mean, p_low.stddev)
    z_low = q_low.rsample()
    logits = vae.decoder(torch.cat([z_high, z_low], 1), 2 * cells_BTV - 1)
    reconstruction = -Bernoulli(logits=logits).log_prob(cells_BTV).sum((1, 2))
    kl_high, kl_low = kl_divergence(q_high, Normal(0, 1)).sum(1), kl_divergence(q_low, p_low).sum(1)
    loss = (reconstruction + kl_high + kl_low).mean()
    return {"loss": loss, "reconstruction": reconstruction, "kl_high": kl_high, "kl_low": kl_low}


def gradients(vae: VAE, loss: Tensor) -> list[Tensor]:
    return torch.autograd.grad(loss, list(vae.parameters()))


def test_without_annealers_the_objective_is_the_negative_elbo(make_vae, cells):
    vae = make_vae().eval()
    ours, plain = (seeded(objective, cells) for objective in (vae.objective, partial(negative_elbo, vae)))
    for name, value in plain.items():
        torch.testing.assert_close(ours[name], value, msg=name)
    for mine, theirs in zip(gradients(vae, ours["loss"]), gradients(vae, plain["loss"]), strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-4)
    assert {name: ours[f"anneal/{name}"] for name in ("beta_high", "beta_low", "temperature")} == {
        "beta_high": 1,
        "beta_low": 1,
        "temperature": 1,
    }


def seeded(objective: Callable[[Tensor], dict[str, Tensor]], cells_BTV: Tensor) -> dict[str, Tensor]:
    torch.manual_seed(5)
    return objective(cells_BTV)


def test_annealers_weigh_the_loss_and_leave_the_reports_raw(make_vae, cells):
    anneal = {"constant": Constant(beta={"high": 0.25, "low": 3.0})}
    vae = make_vae(anneal=anneal).eval()
    ours, plain = (seeded(objective, cells) for objective in (vae.objective, partial(negative_elbo, vae)))
    parts = {name: plain[name].mean() for name in ("reconstruction", "kl_high", "kl_low")}
    expected = parts["reconstruction"] + 0.25 * parts["kl_high"] + 3 * parts["kl_low"]
    torch.testing.assert_close(ours["loss"], expected)
    for name in parts:
        torch.testing.assert_close(ours[name], plain[name])
        assert not ours[name].requires_grad
    assert (ours["anneal/beta_high"], ours["anneal/beta_low"]) == (0.25, 3.0)
    assert vae.annealed == {"beta_high": 0.25, "beta_low": 3.0, "temperature": 1}


@pytest.mark.parametrize("inference", [TopDown, BottomUp])
@pytest.mark.parametrize("prior", [Conditional, Standard])
@pytest.mark.parametrize("sees", ["both", "low"])
@torch.no_grad()
def test_all_grids_together_have_probability_one(make_vae, bar_spec, inference, prior, sees):
    """Importance sampling estimates each p(x) without bias, so the estimates of all grids must add up to one."""
    vae = make_vae(
        spec=replace(bar_spec, shape=(1, 2, 3)),
        inference=partial(inference, width=8),
        prior=partial(prior, width=8) if prior is Conditional else prior,
        decoder_sees=sees,
        **({"decoder": PARALLEL} if sees == "low" else {}),
    ).eval()
    for parameter in vae.decoder.parameters():
        if parameter.ndim > 1:
            parameter.mul_(2)  # or the latents would hardly matter
    features_NF = vae.encoder(ALL_NTV)
    latents = vae.inference(features_NF.expand(2000, *features_NF.shape), vae.prior)
    logits_KNTV = vae.decoder(vae.seen(latents.high_BL, latents.low_BL), 2 * ALL_NTV - 1)
    log_weights_KN = log_likelihood(logits_KNTV, ALL_NTV) - latents.log_ratio_B()
    total = (-importance_weighted_nll(log_weights_KN)).exp().sum()
    error = log_weights_KN.exp().sum(1).std() / 2000**0.5
    assert (total - 1).abs() < 4 * error
    assert error < 0.05, "or the test would say nothing"


def test_grey_cells_count_as_the_expectation_over_their_binarisations():
    logits_BTV, grey_TV = torch.randn(1, 2, 3), torch.rand(2, 3)
    weight_N = Bernoulli(grey_TV).log_prob(ALL_NTV).sum((1, 2)).exp()
    likelihood_N = log_likelihood(logits_BTV.expand(64, -1, -1), ALL_NTV)
    torch.testing.assert_close(log_likelihood(logits_BTV, grey_TV.unsqueeze(0))[0], weight_N @ likelihood_N)


def test_importance_samples_are_judged_by_the_same_cells():
    logits_KBTV, cells_BTV = torch.randn(4, 5, 2, 3), ALL_NTV[20:25]
    expected = torch.stack([Bernoulli(logits=logits).log_prob(cells_BTV).sum((1, 2)) for logits in logits_KBTV])
    torch.testing.assert_close(log_likelihood(logits_KBTV, cells_BTV), expected)


def test_weight_decay_reaches_matrices_only(make_vae):
    vae = make_vae()
    matrices, vectors = vae.optimizer_of(list(vae.parameters())).param_groups
    assert (matrices["weight_decay"], vectors["weight_decay"]) == (0.1, 0)
    assert {id(p) for p in matrices["params"]} == {id(p) for p in vae.parameters() if p.dim() >= 2}
    assert len(matrices["params"]) + len(vectors["params"]) == len(list(vae.parameters()))
    assert id(vae.encoder.body[0][0].bias) in {id(p) for p in vectors["params"]}


@pytest.mark.parametrize(
    ("t", "factor"),
    [(0, 0), (0.05, 0.5), (0.1, 1), (0.325, 0.5 + 8**-0.5), (0.55, 0.5), (0.775, 0.5 - 8**-0.5), (1, 0), (1.5, 0)],
)
def test_warm_cosine(t, factor):
    assert warm_cosine(t, 0.1) == pytest.approx(factor, abs=1e-12)


def test_without_warmup_it_starts_at_the_top():
    assert warm_cosine(0, 0) == 1
    assert warm_cosine(0.5, 0) == pytest.approx(0.5)


class Witness(Callback):
    """Notes the learning rate of each update, and the norm of its gradient."""

    def __init__(self):
        self.rates, self.norms = [], []

    def on_before_zero_grad(self, trainer, vae, optimizer):
        gradients = [p.grad.flatten() for p in vae.parameters() if p.grad is not None]
        if gradients:  # there are none before the first update
            self.norms.append(torch.cat(gradients).norm().item())

    def on_train_batch_start(self, trainer, vae, batch, batch_index):
        self.rates.append(trainer.optimizers[0].param_groups[0]["lr"])


def test_the_learning_rate_follows_the_run(make_vae, fit_vae):
    seen = Witness()
    fit_vae(make_vae(warmup=0.25), num_batches=8, callbacks=[seen])
    cosine = [0.5 * (1 + math.cos(math.pi * step / 6)) for step in range(6)]
    assert seen.rates == pytest.approx([1e-2 * factor for factor in (0, 0.5, *cosine)])


@pytest.mark.parametrize(("limit", "cut"), [(0.01, True), (1e6, False)])
def test_gradients_are_clipped(make_vae, fit_vae, limit, cut):
    seen = Witness()
    fit_vae(make_vae(max_gradient_norm=limit), num_batches=4, callbacks=[seen])
    assert len(seen.norms) >= 3
    if cut:
        assert seen.norms == pytest.approx([0.01] * len(seen.norms), rel=1e-3)
    else:
        assert min(seen.norms) > 0.1


def test_in_mixed_precision_too(make_vae, fit_vae):
    """With the optimizer of conf/, which is fused."""
    optimizer = partial(torch.optim.AdamW, lr=1e-2, weight_decay=0.1, fused=True)
    seen = Witness()
    fit_vae(make_vae(optimizer=optimizer, max_gradient_norm=0.01), callbacks=[seen], precision="bf16-mixed")
    assert seen.norms == pytest.approx([0.01] * len(seen.norms), rel=0.02)


def test_training_lowers_the_loss_and_reaches_every_weight(make_vae, fit_vae, cells):
    vae = make_vae()
    before = deepcopy(vae.state_dict())
    loss = seeded(vae.eval().objective, cells)["loss"]
    fit_vae(vae.train(), num_batches=60)
    assert seeded(vae.eval().objective, cells)["loss"] < 0.9 * loss
    assert (vae.steps, vae.images_seen) == (60, 480)
    assert not [name for name, tensor in vae.state_dict().items() if torch.equal(tensor, before[name])]


@pytest.mark.parametrize(
    "changes",
    [
        {"anneal": {"linear": Linear()}},
        {"inference": partial(BottomUp, width=8), "prior": Standard, "decoder": PARALLEL, "decoder_sees": "low"},
    ],
    ids=["top_down", "bottom_up"],
)
def test_resuming_equals_never_having_stopped(make_vae, fit_vae, tmp_path, changes):
    whole, cut = make_vae(**deepcopy(changes)), make_vae(**deepcopy(changes))
    end = fit_vae(whole, num_batches=9)
    fit_vae(cut, num_batches=9, save=(4, tmp_path / "cut.ckpt"))
    resumed, seen = make_vae(seed=1, **deepcopy(changes)), Witness()
    again = fit_vae(resumed, num_batches=9, callbacks=[seen], resume=tmp_path / "cut.ckpt")
    assert_same(whole, resumed)
    assert_same_moments(end.optimizers[0], again.optimizers[0])
    assert end.lr_scheduler_configs[0].scheduler.state_dict() == again.lr_scheduler_configs[0].scheduler.state_dict()
    assert (resumed.steps, resumed.images_seen) == (9, 72)
    assert seen.rates == pytest.approx([1e-2 * warm_cosine(step / 9, 0.1) for step in range(4, 9)])


def assert_same(one: VAE, other: VAE) -> None:
    for name, tensor in one.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name]), name


def assert_same_moments(one: torch.optim.Optimizer, other: torch.optim.Optimizer) -> None:
    for index, moments in one.state_dict()["state"].items():
        for name, value in moments.items():
            assert torch.equal(value, other.state_dict()["state"][index][name])


def test_a_resumed_run_of_another_length_goes_by_the_new_one(make_vae, fit_vae, tmp_path):
    fit_vae(make_vae(), num_batches=6, save=(4, tmp_path / "short.ckpt"))
    vae, seen = make_vae(), Witness()
    fit_vae(vae, num_batches=20, callbacks=[seen], resume=tmp_path / "short.ckpt")
    assert (vae.steps, vae.images_seen) == (20, 160)
    # The step that comes first was decided on before the interruption.
    assert seen.rates[1:] == pytest.approx([1e-2 * warm_cosine(step / 20, 0.1) for step in range(5, 20)])


def test_a_checkpoint_of_other_data_is_refused(make_vae, fit_vae, bar_spec, tmp_path):
    fit_vae(make_vae(), num_batches=3, save=(2, tmp_path / "one.ckpt"))
    other = make_vae(spec=replace(bar_spec, digest="1" * 64))
    with pytest.raises(ValueError, match="trained on other data"):
        fit_vae(other, num_batches=3, resume=tmp_path / "one.ckpt")


def enlivened(vae: VAE) -> VAE:
    """With larger weights, so that samples differ from one another."""
    for parameter in vae.decoder.parameters():
        if parameter.ndim > 1:
            parameter.data.mul_(4)
    return vae


@pytest.mark.parametrize(("channels", "levels"), [(1, 1), (2, 1), (1, 255), (3, 255)])
def test_sampling_leaves_no_trace(make_vae, bar_spec, channels, levels):
    vae = enlivened(make_vae(spec=replace(bar_spec, shape=(channels, 4, 3), levels=levels)))
    weights, random = deepcopy(vae.state_dict()), torch.get_rng_state()
    first = vae.sample(40, seed=3)
    assert torch.equal(random, torch.get_rng_state())
    assert first.shape == (40, channels, 4, 3)
    assert first.dtype == torch.uint8
    assert not first.requires_grad
    assert (set(first.unique().tolist()) == {0, 1}) == (levels == 1)
    assert all(torch.equal(weights[name], tensor) for name, tensor in vae.state_dict().items())
    torch.manual_seed(99)
    assert torch.equal(first, vae.sample(40, seed=3))
    assert not torch.equal(first, vae.sample(40, seed=4))
    for mode in (True, False):
        vae.train(mode)
        assert torch.equal(first, vae.sample(40, seed=3)), "no dropout in samples"
        assert {module.training for module in vae.modules()} == {mode}


def test_samples_do_not_depend_on_chunks(make_vae, bar_spec):
    vae = enlivened(make_vae(spec=replace(bar_spec, levels=255)))
    whole = vae.sample(10, seed=0).int()
    assert (whole - vae.sample(10, seed=0, chunk=3)).abs().max() <= 1  # rounding alone
    assert whole.float().std(0).max() > 5


@pytest.mark.parametrize("prior", [Conditional, Standard])
@torch.no_grad()
def test_samples_come_from_the_prior_of_both_levels(make_vae, prior):
    """Mean of many samples = the decoder's mean over draws of both priors, drawn here in another way."""
    vae = enlivened(make_vae(decoder=PARALLEL, prior=partial(prior, width=8) if prior is Conditional else prior))
    for parameter in vae.prior.parameters():
        parameter.mul_(3)
    drawn = vae.eval().sample(20_000, seed=0).float().mean((0, 1))
    high_BL = torch.randn(20_000, 2)
    low_BL = vae.prior(high_BL).sample()
    expected = vae.decoder(torch.cat([high_BL, low_BL], 1), torch.zeros(1, 4, 3)).sigmoid().mean(0)
    torch.testing.assert_close(drawn, expected, atol=0.02, rtol=0)


@torch.no_grad()
def test_of_an_image_the_probability_is_shown(make_vae, bar_spec):
    vae = enlivened(make_vae(spec=replace(bar_spec, levels=255), decoder=PARALLEL))
    high_BL, low_BL = torch.randn(6, 2), torch.randn(6, 3)
    images = vae.decode(high_BL, low_BL, torch.rand(6, 4, 3))
    probability = vae.eval().decoder(torch.cat([high_BL, low_BL], 1), torch.zeros(6, 4, 3)).sigmoid()
    assert torch.equal(images[:, 0], (255 * probability).round().to(torch.uint8))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"z_high": 0}, r"vae\.z_high=0 vae\.z_low=3: each level needs at least one dimension"),
        ({"z_low": -1}, r"vae\.z_low=-1"),
        ({"warmup": 1.0}, r"vae\.warmup=1\.0: choose a share"),
        ({"warmup": -0.1}, r"vae\.warmup=-0\.1"),
        ({"decoder_sees": "hgih"}, r"vae\.decoder_sees=hgih: choose both or low"),
    ],
)
def test_impossible_choices(make_vae, changes, message):
    with pytest.raises(ValueError, match=message):
        make_vae(**changes)


def test_a_decoder_that_sees_low_alone_takes_no_other_latents(make_vae):
    vae = make_vae(decoder_sees="low", encoder=partial(Encoder, width=8))
    high_BL, low_BL = torch.randn(5, 2), torch.randn(5, 3)
    assert torch.equal(vae.seen(high_BL, low_BL), low_BL)
    assert make_vae().seen(high_BL, low_BL).tolist() == torch.cat([high_BL, low_BL], 1).tolist()
