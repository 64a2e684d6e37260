"""Musicality of a VAE's samples: copies, a two-sample test, sharpness, each beside its value for real bars.

N bars, M training bars, T steps, V voices, L latent dims.
"""

import numpy as np
import torch
from torch import Tensor
from torch.special import entr

from src.evaluation import SEED
from src.evaluation.latents.encode import AnalysisResult, EncodedSplit
from src.evaluation.latents.intervals import share
from src.evaluation.latents.probes import c2st_predict
from src.vae.module import VAE

MIN_BARS = 10  # of each kind, to train on and to test on
NUM_DRAWN = 500  # bars of the prior whose entropy is measured


def musicality(
    vae: VAE, fit: EncodedSplit, held: EncodedSplit, train_NTV: Tensor, samples_NTV: Tensor
) -> AnalysisResult:
    """Metrics of samples beside those of real bars; their intervals are the fact `musicality`.

    `copied`: the share of samples that equal a training bar, and `copied_real`, that of the test bars; `told_apart`:
    accuracy of a classifier of samples and test bars, ½ by chance, and `told_apart_real`, the same with training bars
    in place of samples; `cell_entropy`, beside which the fact `cell_entropy_independent` is that of independent cells
    with the rates of the training bars.

    The classifier is trained on the validation split and tested on the test split: two halves of one split share
    recordings, which it would recognise. The samples are those of the drum metrics in results.json.
    """
    random = torch.Generator().manual_seed(SEED)
    some_NTV = train_NTV[torch.randperm(len(train_NTV), generator=random)[: len(samples_NTV)].to(train_NTV.device)]
    hits = {
        "copied": _copies(samples_NTV, train_NTV),
        "copied_real": _copies(held.grids_NTV, train_NTV),
        "told_apart": _c2st(samples_NTV, fit, held),
        "told_apart_real": _c2st(some_NTV, fit, held),
    }
    facts = {name: None if hit_N is None else share(hit_N) for name, hit_N in hits.items()}
    independent = _entropy(train_NTV.sum(0).double() / len(train_NTV))
    return AnalysisResult(
        {name: fact and fact["share"] for name, fact in facts.items()} | {"cell_entropy": cell_entropy(vae)},
        facts={"musicality": facts | {"cell_entropy_independent": independent}},
    )


@torch.no_grad()
def cell_entropy(vae: VAE) -> float:
    """Mean entropy of a cell's probability while sampling from the prior at temperature 1, in nats.

    The uncertainty left given the latents and, for an autoregressive decoder, the preceding cells: 0 where everything
    is determined, ln 2 for a coin. The lower, the sharper the samples.
    """
    random = torch.Generator().manual_seed(SEED)
    z = vae.prior.draw([torch.randn(NUM_DRAWN, size, generator=random).to(vae.device) for size in vae.levels.values()])
    uniform_NTV = torch.rand(NUM_DRAWN, *vae.shape, generator=random).to(vae.device)
    _, probability_NTV = vae.decoder.generate(vae.decoder_input(z), uniform_NTV)
    return _entropy(probability_NTV.double())


def _entropy(probability_NTV: Tensor) -> float:
    return (entr(probability_NTV) + entr(1 - probability_NTV)).mean().item()


def _copies(grids_NTV: Tensor, train_MTV: Tensor) -> Tensor:
    """Which bars [N] are among the training bars."""
    known = set(_packed(train_MTV))
    return torch.tensor([bar in known for bar in _packed(grids_NTV)])


def _packed(grids_NTV: Tensor) -> list[bytes]:
    return [bar.tobytes() for bar in np.packbits(grids_NTV.bool().flatten(1).cpu().numpy(), axis=1)]


def _c2st(candidates_NTV: Tensor, fit: EncodedSplit, held: EncodedSplit) -> Tensor | None:
    """Which predictions for unseen candidates and test bars, equally many of each, are right; None with too few."""
    num = min(len(candidates_NTV) // 2, len(fit.grids_NTV), len(held.grids_NTV))
    if num < MIN_BARS:
        return None
    train_NTV, test_NTV = candidates_NTV[:num], candidates_NTV[num : 2 * num]
    is_real_N = c2st_predict(train_NTV, fit.grids_NTV[:num], torch.cat([test_NTV, held.grids_NTV[:num]]), fit.describe)
    return torch.cat([~is_real_N[:num], is_real_N[num:]])
