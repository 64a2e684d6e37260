import shutil
from pathlib import Path
from types import SimpleNamespace

import torch
from torch import nn

from src.training import checkpoints
from src.training.checkpoints import PARTS, checkpoint, match_memory_layout, save


def test_moments_are_laid_out_as_their_weights_are():
    network = nn.Conv2d(3, 4, 2)
    optimizer = torch.optim.Adam(network.parameters(), fused=True)
    network(torch.randn(2, 3, 5, 5)).sum().backward()
    optimizer.step()
    before = {name: moment.clone() for name, moment in optimizer.state[network.weight].items()}
    network.to(memory_format=torch.channels_last)
    assert optimizer.state[network.weight]["exp_avg"].stride() != network.weight.stride()
    match_memory_layout(optimizer)
    for name, moment in optimizer.state[network.weight].items():
        assert torch.equal(moment, before[name])
        assert moment.ndim == 0 or moment.stride() == network.weight.stride()


def test_what_is_no_tensor_has_no_layout():
    weight = nn.Parameter(torch.ones(3))
    optimizer = torch.optim.SGD([weight], lr=0.1)
    optimizer.state[weight] = {"momentum_buffer": None, "count": 3}
    match_memory_layout(optimizer)
    assert optimizer.state[weight] == {"momentum_buffer": None, "count": 3}


def state(number: int) -> dict[str, int]:
    return dict.fromkeys(PARTS, number)


def saved(run: Path, name: str) -> int:
    return torch.load(checkpoint(run, name), weights_only=True)["loops"]


def trainer_at(number: int) -> SimpleNamespace:
    return SimpleNamespace(save_checkpoint=lambda path: torch.save(state(number), path), is_global_zero=True)


def test_the_one_before_is_kept_and_a_torn_one_is_not(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(checkpoints, "written", set())
    (tmp_path / "checkpoints").mkdir()
    save(trainer_at(1), tmp_path)
    save(trainer_at(2), tmp_path)
    assert (saved(tmp_path, "last"), saved(tmp_path, "previous")) == (2, 1)
    checkpoints.written.clear()  # as in a process that goes on
    checkpoint(tmp_path, "last").write_bytes(checkpoint(tmp_path, "last").read_bytes()[:-100])
    save(trainer_at(3), tmp_path)
    assert (saved(tmp_path, "last"), saved(tmp_path, "previous")) == (3, 1)


def test_a_run_that_starts_anew_in_the_same_process(tmp_path: Path):
    for number in (1, 2):
        (tmp_path / "checkpoints").mkdir()
        save(trainer_at(number), tmp_path)
        assert saved(tmp_path, "last") == number
        shutil.rmtree(tmp_path / "checkpoints")
