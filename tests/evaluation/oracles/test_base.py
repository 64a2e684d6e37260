"""What an oracle says of real images and of nonsense."""

import numpy as np
import pytest
import torch

from src.evaluation.oracles import base as oracle_file
from src.evaluation.oracles.base import Oracle, train_oracle
from src.evaluation.oracles.characters import CharacterOracle
from tests.conftest import shorten_oracle_training
from tests.evaluation.oracles.conftest import CLASSES, drawn


@pytest.fixture(scope="module")
def oracle(held_out) -> Oracle:
    """Trained on little, for a few seconds."""
    oracle = CharacterOracle(len(CLASSES))
    with pytest.MonkeyPatch.context() as patch:
        shorten_oracle_training(patch, 160)
        train_oracle(oracle, drawn(CLASSES, 100, seed=0), held_out)
    return oracle


@pytest.fixture(scope="module")
def threshold(oracle, held_out) -> float:
    """Kept by 95 % of the held-out real images."""
    return torch.quantile(oracle.predict(held_out.images[:, None]).confidence_N, 0.05, interpolation="lower").item()


@pytest.mark.ci
def test_accuracy_over_the_classes_and_with_none(oracle, held_out):
    assert oracle.accuracy >= 0.95
    predictions = oracle.predict(held_out.images[:, None])
    right = predictions.classes_NS[:, 0] == held_out.labels
    assert right.float().mean() == oracle.accuracy_k
    assert (right & (predictions.confidence_N > 0)).float().mean() == oracle.accuracy


def test_none_is_an_error_over_k_plus_1_only(held_out, monkeypatch):
    monkeypatch.setattr(oracle_file, "_fit", lambda *_: None)
    oracle = fixed(1.0, 0.0, 0.0, 2.0)
    for layer in oracle.modules():  # training would start from new weights
        layer.reset_parameters = lambda: None
    train_oracle(oracle, held_out, held_out)
    assert oracle.accuracy == 0
    assert oracle.accuracy_k == (held_out.labels == 0).float().mean()


@pytest.mark.parametrize(("native", "precision"), [(True, torch.bfloat16), (False, torch.float32)])
def test_no_emulated_bf16(monkeypatch, held_out, native, precision):
    """Where a processor has none it takes ten times as long as fp32."""
    seen = []
    oracle = CharacterOracle(len(CLASSES))
    oracle.head.register_forward_hook(lambda head, inputs, logits: seen.append(logits.dtype))
    shorten_oracle_training(monkeypatch, 1)
    monkeypatch.setattr(oracle_file, "multiplies_bf16", lambda device: native)
    train_oracle(oracle, held_out, held_out)
    assert seen[0] == precision


def patterns(make) -> torch.Tensor:
    """Uint8 [180, 1, 28, 28] of a pattern in periods of 2 to 10 pixels, 4 places and 5 brightnesses."""
    y, x = torch.meshgrid(torch.arange(28), torch.arange(28), indexing="ij")
    return torch.stack(
        [
            (make(x + place, y + place, period) * (255 - 40 * darker)).to(torch.uint8)
            for period in range(2, 11)
            for place in range(4)
            for darker in range(5)
        ]
    )[:, None]


def gaussian(mean: float, deviation: float) -> torch.Tensor:
    noise = torch.randn(400, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * deviation + mean
    return noise.clamp(0, 255).to(torch.uint8)


KINDS = {
    "uniform noise": lambda: torch.from_numpy(np.random.default_rng(0).integers(0, 256, (400, 1, 28, 28), np.uint8)),
    "every grey": lambda: torch.arange(256, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 28, 28),
    "checkerboards": lambda: patterns(lambda x, y, period: (x // period + y // period) % 2),
    "rows": lambda: patterns(lambda x, y, period: y // period % 2),
    "columns": lambda: patterns(lambda x, y, period: x // period % 2),
    "diagonals": lambda: patterns(lambda x, y, period: (x + y) // period % 2),
    "gaussian noise": lambda: gaussian(128, 64),
    "gaussian specks": lambda: gaussian(0, 64),
}


@pytest.mark.parametrize("kind", KINDS)
def test_nonsense_is_rejected(oracle, threshold, kind):
    recognised = oracle.predict(KINDS[kind]()).confidence_N >= threshold
    assert recognised.float().mean() <= 0.05


def test_a_stack_is_as_good_as_its_channels(oracle, threshold, held_out):
    pairs = torch.stack([held_out.images, held_out.images.flip(0)], 1)
    alone = [oracle.predict(pairs[:, channel : channel + 1]) for channel in (0, 1)]
    both = oracle.predict(pairs)
    torch.testing.assert_close(both.confidence_N, alone[0].confidence_N * alone[1].confidence_N)
    assert torch.equal(both.classes_NS, torch.cat([each.classes_NS for each in alone], 1))
    torch.testing.assert_close(both.features_NF, torch.cat([each.features_NF for each in alone], 1))
    assert both.features_NF.shape == (500, 256)


def test_a_stack_with_a_damaged_channel_is_rejected(oracle, threshold, held_out):
    noise = KINDS["uniform noise"]()[:, 0]
    damaged = torch.stack([held_out.images[:400], noise], 1)
    for order in ([0, 1], [1, 0]):
        assert (oracle.predict(damaged[:, order]).confidence_N >= threshold).float().mean() <= 0.05


def test_predictions_does_not_depend_on_chunks(oracle, held_out):
    images = held_out.images[:50, None]
    whole, parts = oracle.predict(images), oracle.predict(images, chunk=7)
    for field in ("confidence_N", "classes_NS", "features_NF"):
        torch.testing.assert_close(getattr(parts, field), getattr(whole, field), rtol=1e-4, atol=1e-5)


def fixed(*biases: float) -> Oracle:
    """An oracle of 3 classes that gives every image these logits."""
    oracle = CharacterOracle(3).eval()
    with torch.no_grad():
        oracle.head[1].weight.zero_()
        oracle.head[1].bias.copy_(torch.tensor(biases))
    return oracle


def test_what_the_oracle_calls_none_has_no_confidence_but_still_a_best_class():
    predictions = fixed(0.0, 1.0, 0.0, 5.0).predict(torch.zeros(2, 1, 28, 28, dtype=torch.uint8))
    assert predictions.classes_NS.tolist() == [[1], [1]]
    assert predictions.confidence_N.tolist() == [0, 0]


def test_confidence_is_the_probability_of_the_top_class():
    predictions = fixed(0.0, 1.0, 0.0, 0.9).predict(torch.zeros(2, 1, 28, 28, dtype=torch.uint8))
    expected = torch.tensor([0.0, 1.0, 0.0, 0.9]).softmax(0)[1].item()
    assert predictions.confidence_N.tolist() == pytest.approx([expected] * 2)
    stack = fixed(0.0, 1.0, 0.0, 0.9).predict(torch.zeros(2, 3, 28, 28, dtype=torch.uint8))
    assert stack.confidence_N.tolist() == pytest.approx([expected**3] * 2)


def test_levels(oracle):
    grids = torch.randint(0, 2, (4, 1, 16, 9), dtype=torch.uint8)
    binary = CharacterOracle(len(CLASSES), levels=1).eval()
    binary.load_state_dict(oracle.state_dict())
    torch.testing.assert_close(binary.predict(grids).features_NF, oracle.predict(grids * 255).features_NF)


def test_stacked_characters_need_not_be_looked_at_again(oracle, held_out):
    images, index = held_out.images[:12].unsqueeze(1), torch.randint(12, (30, 2))
    stacked = oracle.predict(images).stacked(index)
    seen = oracle.predict(images[index].squeeze(2))
    assert torch.equal(stacked.classes_NS, seen.classes_NS)
    torch.testing.assert_close(stacked.confidence_N, seen.confidence_N)
    torch.testing.assert_close(stacked.features_NF, seen.features_NF, atol=1e-4, rtol=1e-4)


def test_dark_ink_on_paper_is_the_same_to_an_oracle_as_bright_ink_on_black(letters):
    torch.manual_seed(0)
    bright, dark = CharacterOracle(5).eval(), CharacterOracle(5, dark_ink=True).eval()
    dark.load_state_dict(bright.state_dict())
    images = letters.images.unsqueeze(1)
    for expected, result in zip(
        vars(bright.predict(images)).values(), vars(dark.predict(255 - images)).values(), strict=True
    ):
        torch.testing.assert_close(result, expected)
