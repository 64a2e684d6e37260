"""Can a classifier tell two sets of bars apart, on bars that it has not seen?

N bars, T steps, V voices, D inputs.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from src.evaluation.latents.codec import SEED
from src.evaluation.oracles.drums import RARE, Description

WIDTH = 256
BATCH = 128
STEPS = 300
LEARNING_RATE = 3e-3


def guesses(first_NTV: Tensor, second_NTV: Tensor, unseen_NTV: Tensor) -> Tensor:
    """Whether each unseen bar is taken for one of the second set, by a perceptron that knows equally many of both.

    A classifier two-sample test (Lopez-Paz & Oquab 2017, arXiv:1610.06545) on cells and musical features.
    """
    describe = Description()
    inputs_ND = describe(torch.cat([first_NTV, second_NTV]).unsqueeze(1).float())
    second_N = torch.arange(2, device=inputs_ND.device).repeat_interleave(len(first_NTV))
    mean_D, scale_D = inputs_ND.mean(0), inputs_ND.std(0) + RARE
    device = inputs_ND.device
    with torch.random.fork_rng([device] if device.type == "cuda" else []), torch.enable_grad():
        torch.manual_seed(SEED)
        network = _fitted((inputs_ND - mean_D) / scale_D, second_N)
    return network((describe(unseen_NTV.unsqueeze(1).float()) - mean_D) / scale_D).argmax(1).bool()


def _fitted(inputs_ND: Tensor, second_N: Tensor) -> nn.Module:
    """Dropout also of the inputs, so that no single cell gives a bar away."""
    network = nn.Sequential(
        nn.Dropout(0.1), nn.Linear(inputs_ND.shape[1], WIDTH), nn.ReLU(), nn.Dropout(0.5), nn.Linear(WIDTH, 2)
    ).to(inputs_ND.device)
    optimizer = torch.optim.AdamW(network.parameters(), LEARNING_RATE, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=STEPS)
    for _ in range(STEPS):
        index_B = torch.randint(len(inputs_ND), (BATCH,), device=inputs_ND.device)
        loss = cross_entropy(network(inputs_ND[index_B]), second_N[index_B], label_smoothing=0.05)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return network.eval().requires_grad_(False)
