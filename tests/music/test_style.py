import pytest
import torch

from src.data.spec import Split
from src.music import style
from src.music.style import trained_style_classifier


def three_styles(num: int, seed: int, flipped: float = 0.05) -> Split:
    """Bars of three rhythms, the last of them rare, each cell wrong with a small probability."""
    generator = torch.Generator().manual_seed(seed)
    rhythms = torch.zeros(3, 16, 9, dtype=torch.bool)
    rhythms[0, ::4, 0] = rhythms[1, 2::4, 0] = rhythms[2, ::3, 8] = True
    labels = torch.multinomial(torch.tensor([0.6, 0.3, 0.1]), num, replacement=True, generator=generator)
    wrong = torch.rand(num, 16, 9, generator=generator) < flipped
    return Split((rhythms[labels] ^ wrong).byte(), labels)


@pytest.fixture
def briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(style, "STEPS", 60)


def test_styles_are_told_apart(briefly):
    test = three_styles(300, seed=1)
    classifier = trained_style_classifier(three_styles(1000, seed=0), test, 3)
    predicted = classifier.predict(test.images)
    assert classifier.accuracy > 0.95
    assert classifier.accuracy.item() == pytest.approx((predicted == test.labels).float().mean().item())
    assert predicted.unique().tolist() == [0, 1, 2]


def test_accuracy_is_that_of_held_out_bars(briefly):
    """Of labels that follow from nothing, those learned by heart are worth nothing."""
    train, test = three_styles(300, seed=0, flipped=0.5), three_styles(600, seed=1, flipped=0.5)
    classifier = trained_style_classifier(train, test, 3)
    assert (classifier.predict(train.images) == train.labels).float().mean() > classifier.accuracy + 0.1
    assert classifier.accuracy < 0.7


def test_the_same_bars_give_the_same_classifier_and_leave_randomness_alone(briefly):
    train, test = three_styles(200, seed=0), three_styles(50, seed=1)
    states = []
    for seed in (3, 4):
        torch.manual_seed(seed)
        states.append(trained_style_classifier(train, test, 3).state_dict())
        after = torch.rand(3)
        torch.manual_seed(seed)
        assert torch.equal(after, torch.rand(3))
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_classes_and_cells_that_never_occur_do_no_harm(briefly):
    """A style without bars is never predicted, and a cell that is never struck scales to nothing infinite."""
    train = three_styles(200, seed=0, flipped=0.0)
    classifier = trained_style_classifier(train, train, 5)
    assert classifier.accuracy == 1
    assert classifier.predict(torch.ones(4, 16, 9, dtype=torch.uint8)).max() < 3
