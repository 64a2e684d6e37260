"""Are a VAE's bars musical? What can be counted says, each figure beside what it says of real bars and of noise.

N bars, M training bars, T steps, V voices, L latent dims.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.special import entr

from src.evaluation.drum_metrics import Listener
from src.evaluation.latents.codec import SEED
from src.evaluation.latents.encode import Coded, Findings
from src.evaluation.latents.intervals import wilson
from src.evaluation.latents.two_samples import guesses
from src.vae.module import VAE

FEWEST = 10  # bars of each kind to learn from and to be scored on
ENTROPY_BARS = 500


@dataclass(frozen=True)
class Share:
    """So many hits of so many trials."""

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
def musicality(vae: VAE, fit: Coded, held: Coded, train_NTV: Tensor, drawn_NTV: Tensor, listener: Listener) -> Findings:
    """What samples copy, what gives them away, how sharp they are, and a paragraph on it as the fact `musicality`.

    Metrics: `copied`, the share of samples that are exactly a training bar, and `copied_real`, that of the test bars;
    `told_apart`, how often a classifier tells samples from test bars, one half being chance, and `told_apart_real`, the
    same with training bars in the samples' place; `cell_entropy`, see there.

    The classifier learns on the validation split and is scored on the test split: on two halves of one split it would
    recognise the recordings that both of them are from.

    Args:
        train_NTV: all bars of the training split.
        drawn_NTV: samples of the prior, those that the listener's measures in results.json are of.
        listener: measures validity and feature distance, and knows their controls.
    """
    copied = {"copied": _copies(drawn_NTV, train_NTV), "copied_real": _copies(held.grids_NTV, train_NTV)}
    random = torch.Generator().manual_seed(SEED)
    some_NTV = train_NTV[torch.randperm(len(train_NTV), generator=random)[: len(drawn_NTV)].to(train_NTV.device)]
    told = {"told_apart": _told_apart(drawn_NTV, fit, held), "told_apart_real": _told_apart(some_NTV, fit, held)}
    entropy = cell_entropy(vae)
    words = [
        *_measured(listener.measures(drawn_NTV), listener.controls()),
        _copying(**copied),
        *_telling(**told),
        _sharpness(entropy, train_NTV),
        "All this judges one bar at a time, on a grid: neither how hard and how exactly in time a drummer strikes, nor "
        "how bars follow one another; and nobody has listened.",
    ]
    shares = {name: share.value if share else None for name, share in (copied | told).items()}
    return Findings(shares | {"cell_entropy": entropy}, facts={"musicality": " ".join(words)})


@torch.no_grad()
def cell_entropy(vae: VAE, num: int = ENTROPY_BARS) -> float:
    """Mean entropy of a cell's probability along sampling from the prior, at temperature 1, in nats.

    What is left to chance when a cell is drawn, given the latents and, for a decoder that sees them, the cells before:
    0 where everything is decided, ln 2 for a coin. The lower, the sharper the samples.
    """
    random = torch.Generator().manual_seed(SEED)
    high_NL = torch.randn(num, vae.z_high, generator=random).to(vae.device)
    low_NL = vae.low_from(high_NL, torch.randn(num, vae.z_low, generator=random).to(vae.device))
    uniform_NTV = torch.rand(num, *vae.shape, generator=random).to(vae.device)
    _, probability_NTV = vae.decoder.generate(vae.decoder_input(high_NL, low_NL), uniform_NTV)
    return _entropy(probability_NTV.double())


def _entropy(probability_NTV: Tensor) -> float:
    return (entr(probability_NTV) + entr(1 - probability_NTV)).mean().item()


def _copies(grids_NTV: Tensor, train_MTV: Tensor) -> Share:
    known = set(_packed(train_MTV))
    return Share(sum(bar in known for bar in _packed(grids_NTV)), len(grids_NTV))


def _packed(grids_NTV: Tensor) -> list[bytes]:
    return [bar.tobytes() for bar in np.packbits(grids_NTV.bool().flatten(1).cpu().numpy(), axis=1)]


def _told_apart(candidates_NTV: Tensor, fit: Coded, held: Coded) -> Share | None:
    """Guesses right about unseen candidates and test bars; as many of each kind everywhere."""
    num = min(len(candidates_NTV) // 2, len(fit.grids_NTV), len(held.grids_NTV))
    if num < FEWEST:
        return None
    seen_NTV, unseen_NTV = candidates_NTV[:num], candidates_NTV[num : 2 * num]
    real_N = guesses(seen_NTV, fit.grids_NTV[:num], torch.cat([unseen_NTV, held.grids_NTV[:num]]))
    return Share(int((~real_N[:num]).sum() + real_N[num:].sum()), 2 * num)


def _measured(found: dict[str, float], controls: dict[str, dict[str, float]]) -> list[str]:
    validity = {name: control["validity"] for name, control in controls.items()}
    distance = {name: control["feature_distance"] for name, control in controls.items()}
    nearer = "nearer than" if found["feature_distance"] < distance["real"] else "farther than"
    return [
        f"The homework's validity is {found['validity']:.3f} for samples and {validity['real']:.3f} for test bars, but "
        f"also {validity['noise']:.3f} for noise as dense as the training bars and {validity['single']:.3f} for a "
        "single bar over and over: on its own it says next to nothing.",
        f"In their musical features samples are {found['feature_distance']:.2f} away from the training bars, test bars "
        f"{distance['real']:.2f}, noise {distance['noise']:.1f}: samples are {nearer} real bars that the model has not "
        "seen.",
    ]


def _copying(copied: Share, copied_real: Share) -> str:
    said = f"Exact copies of training bars are {copied} of the samples and {copied_real} of the test bars: "
    if copied.interval[0] > copied_real.interval[1]:
        return f"{said}more than real bars recur, so that some must be known by heart."
    if copied.interval[1] < copied_real.interval[0]:
        return f"{said}fewer than real bars recur, so that what is common in the data is drawn too seldom."
    return f"{said}as many as real bars recur."


def _telling(told_apart: Share | None, told_apart_real: Share | None) -> list[str]:
    if not (told_apart and told_apart_real):
        return []
    said = (
        f"A small classifier tells samples from test bars in {told_apart} of all cases, and training bars in "
        f"their place in {told_apart_real}, where guessing gets one half: "
    )
    if told_apart.interval[0] > told_apart_real.interval[1]:
        return [f"{said}samples give themselves away."]
    return [f"{said}it cannot tell them better than real bars, though a better one, or an ear, might."]


def _sharpness(entropy: float, train_MTV: Tensor) -> str:
    alone = _entropy(train_MTV.double().mean(0))
    return (
        f"When a cell is drawn, {entropy:.3f} nats are left to chance; it would be {alone:.3f} if each cell were hit "
        "at its own rate in the training bars, whatever else sounds."
    )
