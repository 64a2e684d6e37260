"""The curve of temperatures against samples drawn one by one."""

import pytest
import torch

from src.data.spec import Split
from src.evaluation.drum_metrics import Listener
from src.evaluation.latents.temperature import NUM_BARS, TEMPERATURES, temperature
from src.evaluation.metrics.music import diversity, validity


@pytest.fixture
def listener(grammar_bars) -> Listener:
    train, test = grammar_bars(400, 0), grammar_bars(700, 1)
    return Listener(Split(train.grids_NTV, train.styles_N), test.grids_NTV, 100)


def test_every_temperature_is_judged_as_its_samples_are(small_vae, listener):
    vae = small_vae()
    found = temperature(vae, listener)
    curve = found.facts["temperatures"]
    assert [point["temperature"] for point in curve] == list(TEMPERATURES)
    for point in (curve[0], curve[-1]):
        random = torch.Generator().manual_seed(20_26)
        high_NL, noise_NL = torch.randn(NUM_BARS, 2, generator=random), torch.randn(NUM_BARS, 3, generator=random)
        uniform_NTV = torch.rand(NUM_BARS, 16, 9, generator=random)
        with torch.no_grad():
            latents_NZ = vae.decoder_input(high_NL, vae.low_from(high_NL, noise_NL))
            cells_NTV, _ = vae.decoder.generate(latents_NZ, uniform_NTV, point["temperature"])
        assert point["diversity"] == pytest.approx(diversity(cells_NTV).item())
        assert point["validity"] == pytest.approx(validity(cells_NTV).mean().item())
        assert point["feature_distance"] == pytest.approx(listener.measures(cells_NTV)["feature_distance"])
        heard_NTV = found.shown["temperature_bars"].grids_NTV.view(len(TEMPERATURES), 2, 16, 9)[curve.index(point)]
        assert torch.equal(heard_NTV.bool(), cells_NTV[:2].bool())
    assert len({point["diversity"] for point in curve}) == len(curve)


def test_the_best_is_the_nearest_to_real_bars_and_real_bars_stand_beside_it(world_vae, listener):
    found = temperature(world_vae(), listener)
    curve = found.facts["temperatures"]
    nearest = sorted(curve, key=lambda point: point["feature_distance"])[0]
    assert found.metrics == {"temperature_best": nearest["temperature"]}
    diversities = [point["diversity"] for point in curve]
    assert diversities == sorted(diversities), "this model has less chance the colder it is"
    assert found.facts["temperatures_real"] == listener.measures(listener.test_NTV[:500])
    assert found.shown["temperature"].pixels_HW3.shape[2] == 3
