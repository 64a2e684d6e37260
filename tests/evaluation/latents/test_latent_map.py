"""Principal components against numpy's, and maps of levels that hold nothing."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from src.evaluation.latents.charts import look
from src.evaluation.latents.latent_map import latent_map, principal


def test_principal_components_are_those_of_the_covariance():
    random = torch.Generator().manual_seed(0)
    mixing = torch.tensor([[3.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.2, 0.1, 0.3]])
    codes_NL = torch.randn(500, 3, generator=random) @ mixing + 4
    points_N2, explained_2 = principal(codes_NL, codes_NL)
    variance, vectors = np.linalg.eigh(np.cov(codes_NL.double().numpy().T))
    assert explained_2 == pytest.approx((variance[::-1] / variance.sum())[:2].tolist(), rel=1e-3)
    centred = codes_NL.double().numpy() - codes_NL.double().numpy().mean(0)
    np.testing.assert_allclose(np.abs(points_N2.numpy()), np.abs(centred @ vectors[:, [2, 1]]), atol=1e-3)


def test_directions_come_from_one_split_and_shares_from_the_other():
    wide = torch.tensor([[-2.0, 0.0], [2.0, 0.0], [0.0, 0.1], [0.0, -0.1]])
    points_N2, explained_2 = principal(wide, wide.flip(1))
    assert explained_2[0] < 0.01 < 0.99 < explained_2[1]
    assert points_N2[:, 1].abs().max() == pytest.approx(2)


@pytest.mark.parametrize("codes_NL", [torch.randn(20, 1), torch.zeros(20, 4)])
def test_levels_of_one_dimension_or_of_none_in_use_can_be_drawn(world, codes_NL):
    points_N2, explained_2 = principal(codes_NL, codes_NL)
    assert points_N2.shape == (20, 2)
    assert np.isfinite(explained_2).all()
    held = world(0)
    held = replace(held, styles_N=held.styles_N[:20], grids_NTV=held.grids_NTV[:20])
    picture = latent_map({"high": codes_NL, "low": codes_NL}, {"high": codes_NL, "low": codes_NL}, held)
    assert picture.dtype == np.uint8
    assert picture.shape[2] == 3


def test_many_styles_are_told_apart(world):
    assert len({look(style) for style in range(42)}) == 42
    held = replace(world(0), styles_N=torch.arange(120) % 18, style_names=tuple(f"style {i}" for i in range(18)))
    codes = {level: torch.randn(120, 2, generator=torch.Generator().manual_seed(0)) for level in ("high", "low")}
    legends = []
    for num in (1, 18):
        some = replace(held, styles_N=held.styles_N % num)
        legends.append((latent_map(codes, codes, some)[:, -185:] < 128).any((1, 2)).sum())
    assert legends[1] > 10 * legends[0], "each has a line of its own"
