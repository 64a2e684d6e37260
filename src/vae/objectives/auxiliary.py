"""Objectives that ask of z, beside the ELBO, what an autoregressive decoder might not.

B batch, T steps, V voices (cells of a step), Z latent dims that the decoder receives.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from src.core.validation import COUNT, NOT_NEGATIVE, PART
from src.vae.anneal import Annealer, BatchNormMean
from src.vae.decoders import BERNOULLI
from src.vae.interfaces import VAEInterface
from src.vae.objectives.objective import Objective, Step


class BagOfWords(Objective):
    """−ELBO − weight · E log p(x_bow|z): z alone predicts what occurs, not when (Zhao et al. 2017, arXiv:1703.10960).

    A bar's bag of words are the hits of each voice: a network of one hidden layer gives each voice one probability,
    with which it is on in every step. Where z says nothing, this term is lost. Of images the voices are the columns.

    Args:
        weight: of the additional term.
        width: of the hidden layer.
    """

    def __init__(self, weight: float = 1.0, width: int = 400):
        super().__init__()
        self.weight = self.number("weight", weight, NOT_NEGATIVE)
        self.width = self.number("width", width, COUNT)

    def attach(self, vae: VAEInterface, annealers: Sequence[Annealer]) -> None:
        super().attach(vae, annealers)
        if not vae.likelihood.binary:
            raise ValueError(
                "vae.objective=bag_of_words counts the cells that are on, and these have many levels; "
                "choose vae.likelihood=bernoulli, or vae.objective=elbo"
            )
        num_latents = vae.decoder_input([torch.zeros(size) for size in vae.levels.values()]).numel()
        self.bag = nn.Sequential(nn.Linear(num_latents, self.width), nn.Tanh(), nn.Linear(self.width, vae.shape[1]))

    def loss(self, step: Step) -> Tensor:
        logits_BV = self.bag(step.vae.decoder_input(step.decoded)).float()
        log_bag_B = BERNOULLI.log_prob(logits_BV.unsqueeze(-2).expand_as(step.cells_BTV), step.cells_BTV)
        self.charts = {"bag_of_words": -log_bag_B.detach().mean()}
        return step.negative_elbo - self.weight * log_bag_B.mean()


class LatentReconstruction(Objective):
    """−ELBO + weight(t) ‖E_μ(D(z)) − z‖²: the encoder finds z again in what is decoded (Song et al. 2025).

    arXiv:2508.12530. If encoder after decoder is the identity, the decoder is injective: no two z mean the same x, as
    all do after a collapse. D(z) is the expectation of each cell, and E_μ the posterior means of the latents that the
    decoder receives, all levels or the lowest one. Of an autoregressive decoder D(z) is its output where the whole
    history is unknown, so that nothing but z tells what was decoded.

    Args:
        weight: α, its value after the warm-up.
        duration: share of the run over which it rises from 0.
    """

    def __init__(self, weight: float = 1.0, duration: float = 0.3):
        super().__init__()
        self.weight = self.number("weight", weight, NOT_NEGATIVE)
        self.duration = self.number("duration", duration, PART)

    def refusal(self, annealer: Annealer) -> str:
        if isinstance(annealer, BatchNormMean):
            return (
                "its means would be normalised over decoded samples too; choose vae.objective=elbo, or vae.anneal=none"
            )
        return ""

    def loss(self, step: Step) -> Tensor:
        vae, latents_BZ = step.vae, step.vae.decoder_input(step.decoded)
        decoded_BTV = vae.likelihood.mean(vae.decoder(latents_BZ, torch.zeros_like(step.cells_BTV)))
        found_BZ = vae.decoder_input(vae.inference.means(vae.encoder(decoded_BTV), vae.prior).z)
        error = (found_BZ - latents_BZ).square().sum(-1).mean()
        weight = self.weight * min(1.0, vae.progress / self.duration if self.duration else 1.0)
        self.charts = {"latent_error": error.detach(), "weight": weight}
        return step.negative_elbo + weight * error
