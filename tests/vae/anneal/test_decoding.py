"""The decoder's temperature and memory in training."""

import math
from functools import partial

import pytest
import torch

from src.vae.anneal import Temperature, WordDropout
from src.vae.decoders import Parallel


@pytest.mark.parametrize(("start", "end"), [(2.0, 0.5), (1.5, 1.0), (1.0, 0.5)])
@pytest.mark.parametrize("over", [1.0, 0.6])
def test_temperature_decays_exponentially_to_its_least(at, start, end, over):
    """τ = max(τ_min, τ₀ e^{−rt}) with the r that brings τ₀ to τ_min after `over`."""
    rate = (math.log(start) - math.log(end)) / over
    for t in (0.0, 0.05, 0.3, 0.6, 0.8, 0.999):
        expected = max(end, start * math.exp(-rate * t))
        assert at(Temperature(start, end, over), t).temperature() == pytest.approx(expected)


def test_temperature_ends_where_it_should():
    assert Temperature(2.0, 0.5, duration=0.5).tau(0.25) == pytest.approx(1.0)  # the geometric middle
    assert Temperature(2.0, 0.5, duration=0.5).tau(0.9) == 0.5


def test_temperature_divides_the_logits_of_the_loss(make_vae, bars):
    vaes = [make_vae(anneal={"temperature": Temperature(tau, tau)}).eval() for tau in (1.0, 4.0)]
    seen = []
    for vae in vaes:
        vae.total_steps = 1
        torch.manual_seed(5)
        seen.append(vae.objective(vae.to_cells(bars[:, None])))
    assert [output["anneal/temperature"] for output in seen] == [1.0, 4.0]
    assert torch.equal(seen[0]["kl_low"], seen[1]["kl_low"])
    certain = 12 * math.log(2)  # what undecided cells cost; dividing by four brings the cost near it
    assert (seen[1]["reconstruction"] - certain).abs().mean() < 0.5 * (seen[0]["reconstruction"] - certain).abs().mean()


@pytest.mark.parametrize("rate", [0.0, 0.3, 1.0])
def test_word_dropout_hides_whole_steps_at_its_rate(rate):
    torch.manual_seed(0)
    cells_BTV = 2.0 * torch.randint(0, 2, (2000, 16, 9)) - 1
    kept_BTV = WordDropout(rate).history(cells_BTV)
    hidden_BT = (kept_BTV == 0).all(-1)
    assert torch.equal(kept_BTV[~hidden_BT], cells_BTV[~hidden_BT])
    assert (kept_BTV[hidden_BT] == 0).all()
    assert hidden_BT.float().mean().item() == pytest.approx(rate, abs=0.01)  # σ = 0.0026
    per_bar_B = hidden_BT.float().mean(1)
    assert per_bar_B.std().item() == pytest.approx(math.sqrt(rate * (1 - rate) / 16), abs=0.01)  # independent steps


def test_word_dropout_hides_the_past_from_the_decoder(make_vae, bars):
    """With everything hidden, what came before no longer matters to the logits."""
    vae = make_vae(anneal={"word_dropout": WordDropout(1.0)}).eval()
    cells_BTV = vae.to_cells(bars[:, None])
    latents_BZ = torch.zeros(len(bars), 5)
    hidden = vae.decoder(latents_BZ, vae.anneal.history(2 * cells_BTV - 1))
    seen = vae.decoder(latents_BZ, 2 * cells_BTV - 1)
    torch.testing.assert_close(hidden, hidden[:1].expand_as(hidden))
    assert seen.std(0).max() > 0.01


def test_word_dropout_needs_a_history(make_vae):
    parallel = partial(Parallel, width=8, depth=1, dropout=0.1)
    with pytest.raises(
        ValueError, match=r"vae\.anneal\.word_dropout: parallel decoders .* vae\.decoder=autoregressive"
    ):
        make_vae(decoder=parallel, anneal={"word_dropout": WordDropout()})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Temperature(start=0), r"vae\.anneal\.temperature\.start=0"),
        (lambda: Temperature(start=1, end=2), r"vae\.anneal\.temperature\.end=2: it cools; choose at most start=1"),
        (lambda: Temperature(duration=2), r"vae\.anneal\.temperature\.duration=2"),
        (lambda: WordDropout(rate=1.1), r"vae\.anneal\.word_dropout\.rate=1\.1: choose a number from 0 to 1"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()
