"""Predictions made up for tests of mode coverage."""

import torch

from src.evaluation.metrics.modes import ModeCoverage
from src.evaluation.oracles.base import Predictions


def predictions(confidence, classes) -> Predictions:
    classes = torch.as_tensor(classes)
    classes = classes[:, None] if classes.ndim == 1 else classes
    return Predictions(torch.as_tensor(confidence), classes, torch.zeros(len(classes), 1))


def sure(classes) -> Predictions:
    return predictions(torch.ones(len(classes)), classes)


def measured(metric, *parts) -> dict:
    for each in parts:
        metric.update(each)
    return metric.compute()


def simulated_kl(share_K, num_real: int, num_fake: int, channels: int = 1, times: int = 300) -> tuple[float, float]:
    """Mean KL of a perfect sampler against references of their own, and the floor."""
    generator, values = torch.Generator().manual_seed(0), []

    def draw(num: int) -> Predictions:
        classes = torch.multinomial(share_K, num * channels, replacement=True, generator=generator)
        return predictions(torch.rand(num, generator=generator), classes.view(num, channels))

    for _ in range(times):
        values.append(measured(ModeCoverage(draw(num_real), len(share_K)), draw(num_fake)))
    return sum(value["kl"].item() for value in values) / times, values[0]["kl_floor"].item()
