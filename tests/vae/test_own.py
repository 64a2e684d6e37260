"""Encoders and decoders of one's own: what they may take and return, and what is refused."""

from functools import partial

import pytest
import torch
from torch import nn

from src.vae.own import make_decoder, make_encoder

SHAPE = (4, 6)


class Convolutional(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Unflatten(1, (1, 4)), nn.Conv2d(1, 3, 2))


class Images(nn.Sequential):
    """Logits of images of two channels [B, 2, 4, 3]."""

    def __init__(self, num_latents, width=8):
        super().__init__(nn.Linear(num_latents, 24), nn.Unflatten(1, (2, 4, 3)))


def test_features_of_any_shape_are_counted():
    encoder = make_encoder(partial(Convolutional, width=256, dropout=0.3), SHAPE)
    assert encoder.num_features == 3 * 3 * 5
    assert encoder(torch.zeros(7, *SHAPE)).shape == (7, 45)


def test_channels_lie_side_by_side_in_a_row_and_latents_may_have_more_axes():
    decoder = make_decoder(partial(Images, cell_width=4), 5, SHAPE)
    latents = torch.randn(2, 3, 5)
    logits = decoder(latents, torch.zeros(3, *SHAPE))
    assert logits.shape == (2, 3, *SHAPE)
    own = decoder.network.network(latents[1])
    assert torch.allclose(logits[1, :, :, 3:], own[:, 1])
    cells, probability = decoder.generate(latents[0], torch.full((3, *SHAPE), 0.5))
    assert torch.equal(cells, (logits[0] > 0).float())
    assert torch.allclose(probability, logits[0].sigmoid())


def test_what_makes_no_features_or_logits_is_refused():
    with pytest.raises(ValueError, match=r"vae.encoder._target_=.*does not pass"):
        make_encoder(partial(nn.Linear, in_features=5, out_features=5), SHAPE)
    with pytest.raises(ValueError, match=r"makes \[2, 2, 4, 3\], and not logits \[2, 4, 5\]"):
        make_decoder(Images, 5, (4, 5))
