"""Musicality of a VAE's samples: copies, a two-sample test, sharpness, each beside its value for real bars.

N bars, M training bars, T steps, V voices, L latent dims.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.special import entr

from src.evaluation.drum_metrics import DrumMetrics
from src.evaluation.latents.encode import SEED, AnalysisResult, EncodedSplit
from src.evaluation.latents.intervals import wilson
from src.evaluation.latents.probes import c2st_predict
from src.vae.module import VAE

MIN_BARS = 10  # of each kind, to train on and to test on
ENTROPY_BARS = 500


@dataclass(frozen=True)
class Share:
    """A share of `hits` in `num` trials."""

    hits: int
    num: int

    @property
    def value(self) -> float:
        return self.hits / self.num

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.hits, self.num)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{100 * self.value:.1f} % (95 % interval {100 * low:.1f} to {100 * high:.1f} %)"


@torch.no_grad()
def musicality(
    vae: VAE,
    fit: EncodedSplit,
    held: EncodedSplit,
    train_NTV: Tensor,
    samples_NTV: Tensor,
    drum_metrics: DrumMetrics,
) -> AnalysisResult:
    """Metrics of samples beside those of real bars, and a paragraph about them as the fact `musicality`.

    `copied`: the share of samples that equal a training bar, and `copied_real`, that of the test bars; `told_apart`:
    accuracy of a classifier of samples and test bars, ½ by chance, and `told_apart_real`, the same with training bars
    in place of samples; `cell_entropy`.

    The classifier is trained on the validation split and tested on the test split: two halves of one split share
    recordings, which it would recognise.

    Args:
        train_NTV: all bars of the training split.
        samples_NTV: the samples of the prior that drum metrics in results.json are of.
    """
    copied = {"copied": _copies(samples_NTV, train_NTV), "copied_real": _copies(held.grids_NTV, train_NTV)}
    random = torch.Generator().manual_seed(SEED)
    some_NTV = train_NTV[torch.randperm(len(train_NTV), generator=random)[: len(samples_NTV)].to(train_NTV.device)]
    accuracy = {"told_apart": _c2st(samples_NTV, fit, held), "told_apart_real": _c2st(some_NTV, fit, held)}
    entropy = cell_entropy(vae)
    sentences = [
        *_drum_metrics_text(drum_metrics.measure(samples_NTV), drum_metrics.controls()),
        _copies_text(**copied),
        *_c2st_text(*accuracy.values()),
        _entropy_text(entropy, train_NTV),
        "All of this concerns single bars on a grid: neither dynamics and microtiming nor how bars follow one another. "
        "There was no listening test.",
    ]
    shares = {name: share.value if share else None for name, share in (copied | accuracy).items()}
    return AnalysisResult(shares | {"cell_entropy": entropy}, facts={"musicality": " ".join(sentences)})


@torch.no_grad()
def cell_entropy(vae: VAE, num: int = ENTROPY_BARS) -> float:
    """Mean entropy of a cell's probability while sampling from the prior at temperature 1, in nats.

    The uncertainty left given the latents and, for an autoregressive decoder, the preceding cells: 0 where everything
    is determined, ln 2 for a coin. The lower, the sharper the samples.
    """
    random = torch.Generator().manual_seed(SEED)
    z = vae.prior.draw([torch.randn(num, size, generator=random).to(vae.device) for size in vae.levels.values()])
    uniform_NTV = torch.rand(num, *vae.shape, generator=random).to(vae.device)
    _, probability_NTV = vae.decoder.generate(vae.decoder_input(z), uniform_NTV)
    return _entropy(probability_NTV.double())


def _entropy(probability_NTV: Tensor) -> float:
    return (entr(probability_NTV) + entr(1 - probability_NTV)).mean().item()


def _copies(grids_NTV: Tensor, train_MTV: Tensor) -> Share:
    known = set(_packed(train_MTV))
    return Share(sum(bar in known for bar in _packed(grids_NTV)), len(grids_NTV))


def _packed(grids_NTV: Tensor) -> list[bytes]:
    return [bar.tobytes() for bar in np.packbits(grids_NTV.bool().flatten(1).cpu().numpy(), axis=1)]


def _c2st(candidates_NTV: Tensor, fit: EncodedSplit, held: EncodedSplit) -> Share | None:
    """Correct predictions for unseen candidates and test bars, equally many of each; None with too few bars."""
    num = min(len(candidates_NTV) // 2, len(fit.grids_NTV), len(held.grids_NTV))
    if num < MIN_BARS:
        return None
    train_NTV, test_NTV = candidates_NTV[:num], candidates_NTV[num : 2 * num]
    is_real_N = c2st_predict(train_NTV, fit.grids_NTV[:num], torch.cat([test_NTV, held.grids_NTV[:num]]), fit.describe)
    return Share(int((~is_real_N[:num]).sum() + is_real_N[num:].sum()), 2 * num)


def _drum_metrics_text(metrics: dict[str, float], controls: dict[str, dict[str, float]]) -> list[str]:
    validity = {name: control["validity"] for name, control in controls.items()}
    distance = {name: control["feature_distance"] for name, control in controls.items()}
    nearer = "nearer than" if metrics["feature_distance"] < distance["real"] else "farther than"
    return [
        f"The homework's validity is {metrics['validity']:.3f} for samples and {validity['real']:.3f} for test bars, "
        f"but also {validity['noise']:.3f} for noise as dense as the training bars and {validity['single']:.3f} for "
        "one bar repeated: on its own it says next to nothing.",
        f"The distance to the training bars in musical features is {metrics['feature_distance']:.2f} for samples, "
        f"{distance['real']:.2f} for test bars and {distance['noise']:.1f} for noise: samples are {nearer} real bars "
        "that the model has not seen.",
    ]


def _copies_text(copied: Share, copied_real: Share) -> str:
    text = f"Exact copies of training bars are {copied} of the samples and {copied_real} of the test bars: "
    if copied.interval[0] > copied_real.interval[1]:
        return f"{text}more than among real bars, so the model has memorised some."
    if copied.interval[1] < copied_real.interval[0]:
        return f"{text}fewer than among real bars, so frequent bars are sampled too rarely."
    return f"{text}no difference shown."


def _c2st_text(accuracy: Share | None, accuracy_real: Share | None) -> list[str]:
    if not (accuracy and accuracy_real):
        return []
    text = (
        f"A small classifier distinguishes samples from test bars with an accuracy of {accuracy}, and training bars in "
        f"their place with {accuracy_real}; chance is 50 %: "
    )
    if accuracy.interval[0] > accuracy_real.interval[1]:
        return [f"{text}samples are recognisable."]
    return [f"{text}samples are no easier to recognise than real bars, for this classifier."]


def _entropy_text(entropy: float, train_MTV: Tensor) -> str:
    independent = _entropy(train_MTV.sum(0).double() / len(train_MTV))
    return (
        f"The entropy of a cell while sampling is {entropy:.3f} nats; independent cells with the rates of the training "
        f"bars would have {independent:.3f}."
    )
