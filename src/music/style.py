"""The style of a bar, judged by a small classifier.

N bars, B batch, T steps, V voices, F features, K styles.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from src.data.spec import Split
from src.music.features import features

WIDTH = 256
STEPS = 600
BATCH = 256
LEARNING_RATE = 3e-3


class StyleClassifier(nn.Module):
    """A perceptron of one hidden layer on a bar's cells and its standardised musical features.

    `accuracy` is measured on held-out bars by `trained_style_classifier`.
    """

    def __init__(self, inputs_NF: Tensor, num_classes: int):
        super().__init__()
        self.register_buffer("mean_F", inputs_NF.mean(0))
        self.register_buffer("scale_F", inputs_NF.std(0).clamp(min=0.05))  # rare hits stay of the order of 1
        self.register_buffer("accuracy", torch.tensor(0.0))
        self.body = nn.Sequential(
            nn.Dropout(0.1),
            nn.Linear(inputs_NF.shape[1], WIDTH),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(WIDTH, num_classes),
        )

    def forward(self, inputs_BF: Tensor) -> Tensor:
        """Logits [B, K]."""
        return self.body((inputs_BF - self.mean_F) / self.scale_F)

    @torch.no_grad()
    def predict(self, grids_NTV: Tensor) -> Tensor:
        """The likeliest style [N] of each bar."""
        return self(_inputs(grids_NTV)).argmax(1)


def trained_style_classifier(train: Split, test: Split, num_classes: int) -> StyleClassifier:
    """The classifier of these bars, the same every time; the global random state is left alone."""
    device = train.labels.device
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(0)
        inputs_NF = _inputs(train.images)
        classifier = StyleClassifier(inputs_NF, num_classes).to(device)
        _fit(classifier, inputs_NF, train.labels)
    classifier.eval().requires_grad_(False)
    classifier.accuracy.fill_((classifier.predict(test.images) == test.labels).float().mean())
    return classifier


def _fit(classifier: StyleClassifier, inputs_NF: Tensor, labels_N: Tensor) -> None:
    optimizer = torch.optim.AdamW(classifier.parameters(), weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=STEPS)
    for _ in range(STEPS):
        index_B = torch.randint(len(labels_N), (BATCH,), device=labels_N.device)
        loss = F.cross_entropy(classifier(inputs_NF[index_B]), labels_N[index_B])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()


def _inputs(grids_NTV: Tensor) -> Tensor:
    return torch.cat([grids_NTV.flatten(1).float(), features(grids_NTV)], 1)
