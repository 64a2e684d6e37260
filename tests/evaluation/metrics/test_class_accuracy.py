"""How often samples are of the class that was asked for, against counts by hand."""

import math

import pytest
import torch

from src.evaluation.metrics.modes import class_accuracy
from tests.evaluation.metrics.test_modes import predictions


def test_shares_are_of_the_samples_asked_for():
    predicted = predictions(torch.ones(6), [0, 1, 1, 0, 2, 2])
    recognised = torch.tensor([True, True, False, True, True, True])
    requested = torch.tensor([[0], [0], [1], [1], [2], [2]])
    found = class_accuracy(predicted, recognised, requested, torch.ones(4, dtype=torch.bool))
    assert found["class_accuracies"][:3] == [0.5, 0.0, 1.0]
    assert math.isnan(found["class_accuracies"][3]), "nobody asked for it"
    assert found["class_accuracy"] == 0.5
    assert found["class_accuracy_any"] == pytest.approx((0.5 + 0.5 + 1) / 3), "one is right and not recognisable"


def test_a_class_that_cannot_be_judged_is_left_out():
    predicted, requested = predictions(torch.ones(4), [0, 0, 1, 1]), torch.tensor([[0], [0], [1], [0]])
    found = class_accuracy(predicted, torch.ones(4, dtype=torch.bool), requested, torch.tensor([True, False]))
    assert found["class_accuracy"] == pytest.approx(2 / 3)


def test_stacked_samples_count_one_by_one():
    predicted = predictions(torch.ones(2), [[0, 1], [1, 1]])
    requested = torch.tensor([[0, 1], [1, 0]])
    found = class_accuracy(predicted, torch.tensor([True, True]), requested, torch.ones(2, dtype=torch.bool))
    assert found["class_accuracies"] == [0.5, 1.0]
