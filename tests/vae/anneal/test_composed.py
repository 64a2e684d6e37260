"""Several annealers as one, their progress, and where their state is kept."""

import pytest
import torch
from lightning import Trainer
from torch.utils.data import DataLoader

from src.data.loader import ResidentLoader
from src.vae.anneal import GECO, Annealer, Capacity, ComposedAnnealer, Constant, FreeBits, Linear, Temperature


def test_values_multiply(kls, at):
    annealing = ComposedAnnealer(
        {
            "constant": Constant({"high": 0.5, "low": 2}),
            "linear": at(Linear(1.0), 0.25),
            "temperature": at(Temperature(3, 3), 0.1),
            "geco": GECO(),
        }
    )
    annealing.annealers[3].weight = torch.tensor(1.5)
    assert annealing.beta(kls) == (0.125, 0.5)
    assert annealing.temperature() == 3
    assert annealing.reconstruction_weight() == 1.5
    high_B, low_B = kls.levels_B
    torch.testing.assert_close(annealing.penalty(kls, (0.3, 0.6)), 0.3 * high_B.mean() + 0.6 * low_B.mean())


def test_no_annealer_is_the_bound(kls):
    annealing = ComposedAnnealer({})
    assert annealing.beta(kls) == (1, 1)
    assert annealing.temperature() == annealing.reconstruction_weight() == 1
    assert annealing.charts() == {}
    cells_BTV = torch.randn(2, 3, 4)
    assert annealing.history(cells_BTV) is cells_BTV


def test_a_transform_gets_the_product_of_all_betas(kls):
    transform = FreeBits(0.2)
    annealing = ComposedAnnealer({"constant": Constant(0.5), "free_bits": transform})
    assert annealing.penalty(kls, (0.5, 0.25)) == transform.penalty(kls, (0.5, 0.25))
    assert annealing.charts() == {"free_bits_high": 0.2, "free_bits_low": 0.2}


def test_two_transforms_are_refused():
    message = r"vae\.anneal=\[free_bits,linear,capacity\]: free_bits and capacity each replace the KL"
    with pytest.raises(ValueError, match=message):
        ComposedAnnealer({"free_bits": FreeBits(), "linear": Linear(), "capacity": Capacity()})


def test_the_objective_is_observed_only_on_request(make_vae, bars):
    class Counter(Annealer):
        observations = 0

        def observe(self, distortion_B, kls):
            self.observations += 1

    vae = make_vae(anneal={"counter": Counter()})
    for observe, expected in ((True, 1), (False, 1), (True, 2)):
        vae.objective(vae.to_cells(bars[:8, None]), observe=observe)
        assert vae.annealers[0].observations == expected


class Progress(Annealer):
    """Writes down the progress at which β is asked for."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def beta(self, kls):
        self.asked.append(self.progress)
        return 1.0, 1.0


def test_progress_is_the_share_of_steps_done(make_vae, fit_vae):
    progress = Progress()
    fit_vae(make_vae(anneal={"progress": progress}), 8)
    assert progress.asked == [step / 8 for step in range(8)]


def test_progress_goes_on_after_a_resume_and_stays_below_one(make_vae, fit_vae, tmp_path):
    path, longer = tmp_path / "last.ckpt", Progress()
    fit_vae(make_vae(anneal={"progress": Progress()}), 6, save=(4, path))
    fit_vae(make_vae(anneal={"progress": longer}), 9, resume=path)  # against the length it was first started with
    assert longer.asked == [4 / 6, 5 / 6, 5 / 6, 5 / 6, 5 / 6]


def test_progress_is_not_advanced_by_validation(make_vae, bars):
    progress = Progress()
    vae = make_vae(anneal={"progress": progress})
    vae.validation_step = lambda batch, batch_idx: vae.infer(vae.to_cells(batch)) and None
    quiet = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    trainer = Trainer(accelerator="cpu", max_epochs=1, val_check_interval=2, **quiet)
    trainer.fit(vae, ResidentLoader(bars, 8, 6, seed=0), DataLoader(bars[:, None], batch_size=16))
    assert progress.asked == [step / 6 for step in range(6)]


def test_two_of_one_class_keep_their_states_apart(make_vae, fit_vae, tmp_path):
    path, annealers = tmp_path / "last.ckpt", {"slow": GECO(speed=0.001), "fast": GECO(speed=0.1)}
    fit_vae(make_vae(anneal=annealers), 3, save=(3, path))
    states = torch.load(path, weights_only=True)["callbacks"]
    assert states["vae.anneal.slow"]["weight"] == annealers["slow"].weight
    assert states["vae.anneal.fast"]["weight"] == annealers["fast"].weight != annealers["slow"].weight
