"""What stays the same from bar to bar, what does not, and which theme a style gets.

N bars, M themes, L latent dims, T steps, V voices.
"""

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from src.data.spec import DataSpec
from src.evaluation.oracles.base import Predictions
from src.sample import drum_tracks as track_module
from src.sample.drum_tracks import CORRELATION, NUM_THEMES, GANThemes, VAEThemes, styled_track, track
from src.vae.latents import standard_normal


class Levels:
    """A VAE that shows its latents: z_high in the first column of a bar, z_low in the second, chance in the third."""

    levels, shape = {"high": 4, "low": 4}, (4, 3)
    prior = SimpleNamespace(below=lambda top, noise: (top, 10 * top + noise[0]), top=standard_normal)

    def decode(self, z: tuple[Tensor, Tensor], uniform_NTV: Tensor) -> Tensor:
        return torch.stack([*z, uniform_NTV[..., 0]], 2).unsqueeze(1)


def random(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_vae_keeps_z_high_and_draws_z_low_from_its_prior_and_the_cells_anew():
    theme_L = torch.tensor([1.0, -2.0, 0.5, 0.0])
    bars_NTV = VAEThemes(Levels()).bars(theme_L.expand(2000, -1), random())[:, 0]
    high_NL, low_NL, chance_NL = bars_NTV.unbind(2)
    assert torch.equal(high_NL, theme_L.expand(2000, -1))
    torch.testing.assert_close(low_NL.mean(0), 10 * theme_L, atol=0.1, rtol=0)
    torch.testing.assert_close(low_NL.std(0), torch.ones(4), atol=0.1, rtol=0)
    assert len(chance_NL.unique()) > 7900


class Mirror:
    """A GAN that shows its noise."""

    def images(self, z_NZ: Tensor, labels_NS: None) -> Tensor:
        return z_NZ


def test_a_gan_moves_about_its_theme_and_stays_where_noise_lies():
    themes_NL = torch.randn(4000, 8, generator=random(1))
    moved_NL = GANThemes(Mirror()).bars(themes_NL, random(2))
    assert moved_NL.std().item() == pytest.approx(1, abs=0.02)
    assert torch.corrcoef(torch.stack([moved_NL.flatten(), themes_NL.flatten()]))[0, 1].item() == pytest.approx(
        CORRELATION, abs=0.01
    )


class Tunes:
    """Themes are numbers from 0 to 1: the share of their bars with a kick on the first beat."""

    def draw(self, num: int, random: torch.Generator) -> Tensor:
        return torch.rand(num, 1, generator=random)

    def candidates(self, grids_NTV: Tensor, random: torch.Generator) -> Tensor:
        return torch.linspace(0, 1, len(grids_NTV)).unsqueeze(1)

    def bars(self, themes_NL: Tensor, random: torch.Generator) -> Tensor:
        bars_N1TV = torch.zeros(len(themes_NL), 1, 16, 9, dtype=torch.uint8)
        bars_N1TV[:, 0, 0, 0] = torch.rand(len(themes_NL), generator=random) < themes_NL[:, 0]
        return bars_N1TV


class Kick:
    """Recognises style 1 by a kick on the first beat, else style 0."""

    def predict(self, bars_N1TV: Tensor) -> Predictions:
        styles_N = bars_N1TV[:, 0, 0, 0].long()
        return Predictions(torch.ones(len(styles_N)), styles_N.unsqueeze(1), styles_N.unsqueeze(1).float())


@pytest.fixture
def tunes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(track_module, "themes_of", lambda *_: Tunes())


@pytest.mark.usefixtures("tunes")
@pytest.mark.parametrize("style", [0, 1])
def test_a_style_gets_the_theme_that_sounds_most_like_it(style: int):
    known_NTV = torch.zeros(11, 16, 9)
    bars_N1TV = styled_track(None, known_NTV, style, Kick(), 300, seed=0)
    assert bars_N1TV.shape == (300, 1, 16, 9)
    assert bars_N1TV[:, 0, 0, 0].float().mean().item() == pytest.approx(style, abs=0.2)


@pytest.mark.usefixtures("tunes")
def test_a_track_has_one_theme_and_its_seed_another():
    shares = [track(None, 400, seed)[:, 0, 0, 0].float().mean().item() for seed in range(12)]
    assert max(shares) - min(shares) > 0.4, "bars on themes of their own would all have a share of one half"
    assert torch.equal(track(None, 40, 3), track(None, 40, 3))


def test_themes_are_looked_for_in_some_bars_of_the_style():
    class Coder(Levels):
        def to_cells(self, grids_N1TV: Tensor) -> Tensor:
            return grids_N1TV[:, 0]

        def infer(self, cells_NTV: Tensor):
            posterior = type("Posterior", (), {"mean": cells_NTV[..., 0]})
            return SimpleNamespace(posteriors=(posterior,))

    grids_NTV = torch.arange(1000.0).view(-1, 1, 1).expand(-1, 4, 3)
    themes_ML = VAEThemes(Coder()).candidates(grids_NTV, random())
    assert themes_ML.shape == (NUM_THEMES, 4)
    assert len(themes_ML[:, 0].unique()) == NUM_THEMES
    assert VAEThemes(Coder()).candidates(grids_NTV[:5], random()).shape == (5, 4)


def test_a_gan_plays_tracks_with_and_without_a_style(make_gan):
    spec = DataSpec("toy", "toy", "0" * 64, ("other", "kick"), (1, 16, 9), {}, levels=1)
    gan = make_gan(spec=spec)
    bars_N1TV = track(gan, 6, seed=0)
    assert (bars_N1TV.shape, bars_N1TV.dtype) == ((6, 1, 16, 9), torch.uint8)
    assert len(bars_N1TV.flatten(1).unique(dim=0)) > 1, "varied"
    near, far = bars_N1TV.double().var(0).mean(), gan.sample(200, seed=0).double().var(0).mean()
    assert near < far, "bars on one theme are more alike"
    shares = [
        (styled_track(gan, torch.zeros(3, 16, 9), style, Kick(), 50, seed=0)[:, 0, 0, 0] == style).float().mean()
        for style in (0, 1)
    ]
    assert min(shares) > 0.6
