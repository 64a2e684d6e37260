import math
from types import SimpleNamespace

import pytest
import torch
from lightning.pytorch.loggers import TensorBoardLogger

from src.training.callbacks.curves import DivergedError, TrainingCurves
from src.training.module import ProgressModule


def test_curves_every_so_many_steps(make_gan, evaluated_fit, monkeypatch):
    logged = []
    monkeypatch.setattr(TensorBoardLogger, "log_metrics", lambda self, values, step: logged.append((step, values)))
    evaluated_fit(make_gan(), 0, others=[TrainingCurves(every=4)])
    assert [step for step, _ in logged] == [32, 64, 80]
    names = {"train/discriminator_loss", "train/generator_loss", "train/logits_real", "train/logits_fake"}
    assert set(logged[0][1]) == names


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_curves_notice_divergence(value):
    callback = TrainingCurves(every=1)
    strategy = SimpleNamespace(reduce=lambda tensor: tensor)
    trainer = SimpleNamespace(loggers=[], strategy=strategy)
    module = ProgressModule(spec=None)
    module.layer = torch.nn.Linear(1, 1)
    module.steps, module.images_seen = 1, 1234
    callback.on_train_batch_end(trainer, module, {"loss": torch.tensor(1.0)}, None, 0)
    with pytest.raises(DivergedError, match=r"loss is (nan|inf|-inf) after 1,234 images"):
        callback.on_train_batch_end(trainer, module, {"loss": torch.tensor([1.0, value])}, None, 0)
    with torch.no_grad():
        module.layer.bias.fill_(value)
    with pytest.raises(DivergedError, match=r"layer.bias is not finite after 1,234 images"):
        callback.on_train_batch_end(trainer, module, {"loss": torch.tensor(1.0)}, None, 0)


def test_divergence_stops_a_cpu_at_once(make_gan, evaluated_fit, monkeypatch):
    """Weights lost in the third step of ten, between two points of the curves, show in the fourth step's loss."""

    def explodes(gan, *rest):
        if gan.steps == 3:
            with torch.no_grad():
                next(gan.generator.parameters()).fill_(math.nan)
        return whole_step(gan, *rest)

    gan = make_gan()
    whole_step = type(gan).update
    monkeypatch.setattr(type(gan), "update", explodes)
    with pytest.raises(DivergedError, match=r"is nan after 32 images"):
        evaluated_fit(gan, 0, others=[TrainingCurves(every=100)])


def test_nothing_is_saved_of_weights_that_are_not_finite(make_gan, evaluated_fit, monkeypatch, tmp_path):
    def explodes(self, trainer, gan, *rest):
        if gan.steps == 3:
            with torch.no_grad():
                next(gan.generator.parameters()).fill_(math.nan)

    monkeypatch.setattr(TrainingCurves, "on_train_batch_end", explodes)
    gan = make_gan()
    gan.breakpoints.add(3)
    with pytest.raises(DivergedError):
        evaluated_fit(gan, 5, others=[TrainingCurves(every=4)])
    weights = torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    assert all(tensor.isfinite().all() for tensor in weights.values())
