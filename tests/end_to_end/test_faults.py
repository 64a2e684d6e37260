"""Jobs that go wrong in earnest: the others' results stand, and the report says what failed and why."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import torch
from hydra.core.hydra_config import HydraConfig
from torchvision.datasets import EMNIST

from src.gan.tricks import Trick
from src.report import __main__ as report
from tests.conftest import shorten_oracle_training
from tests.data.conftest import idx_bytes
from tests.data.letters.test_emnist_download import Mirror
from tests.end_to_end.conftest import SMALL, Command, results

pytestmark = pytest.mark.ci

ROOT = Path(__file__).parents[2]
TOY = ("experiment=toy_ring_standard", *SMALL[2:])  # without data and model
LETTERS = (*SMALL[1:], "data=emnist", "data.source=emnist", "evaluations=1")
FULL = "No space left on device"
REFUSED = "Read-only file system" if os.geteuid() == 0 else "Permission denied"


class Fault(Trick):
    """Goes wrong after the second step, or not at all."""

    def __init__(self, kind: str):
        super().__init__()
        self.kind = kind
        self.weight = 0.0

    def discriminator_penalty(self, step):
        return self.weight * step.real.logits_B.mean()

    def after_step(self, gan):
        if gan.steps == 2:
            getattr(self, self.kind)(Path(HydraConfig.get().runtime.output_dir))

    def none(self, folder: Path):
        pass

    late = none

    def error(self, folder: Path):
        raise KeyError("what the remedy never stored")

    def diverge(self, folder: Path):
        self.weight = float("nan")

    def memory(self, folder: Path):
        bytearray(2**60)

    def tensor(self, folder: Path):
        torch.empty(2**60)

    def history(self, folder: Path):
        (folder / f".history.csv.{os.getpid()}").symlink_to("/dev/full")

    def results(self, folder: Path):
        (folder / f".results.json.{os.getpid()}").symlink_to("/dev/full")
        raise RuntimeError("a fault before")

    def nearly(self, folder: Path):
        fill_disk(folder.parent / "ballast", spare=200_000)

    def full(self, folder: Path):
        fill_disk(folder.parent / "ballast", spare=0)


def fill_disk(path: Path, spare: int) -> None:
    """Leaves so many bytes on it."""
    with path.open("ab") as file:
        disk = os.statvfs(path)
        file.write(bytes(max(0, disk.f_bavail * disk.f_frsize - spare)))


def sweep(kinds: str) -> list[str]:
    fault = (f"+gan.tricks.fault._target_={__name__}.Fault", f"+gan.tricks.fault.kind={kinds}")
    return ["-m", *TOY, *fault, "hydra.sweep.dir=sweep"]


def ended() -> dict[str, dict]:
    """Results by the kind of fault."""
    return {path.parent.name.rpartition("-")[2]: results(path.parent) for path in Path("sweep").glob("*/results.json")}


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Toys need none."""
    return tmp_path / "cache"


@pytest.fixture
def mount() -> Iterator[Callable[..., None]]:
    """Mounts what `mount` takes at a folder, for as long as the test lasts."""
    mounted = []

    def run(*arguments: str, at: Path) -> None:
        done = subprocess.run(["mount", *arguments, at], capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"only who may mount can see this fault: {done.stderr.strip()}")
        mounted.append(at.resolve())

    yield run
    for at in mounted:
        subprocess.run(["umount", "--lazy", at], check=True)


def test_each_fault_is_named_and_takes_no_other_along(command: Command):
    kinds = "none,error,diverge,memory,tensor,history,results,late"
    outcome = command(*sweep(kinds))
    found = ended()
    statuses = {kind: run["status"] for kind, run in found.items()}
    well = {"none": "completed", "diverge": "diverged", "late": "completed"}
    assert statuses == dict.fromkeys(kinds.split(","), "failed") | well
    assert found["none"]["metrics"] == found["late"]["metrics"], "what failed in between left no trace"
    said = Path("sweep/report/report.md").read_text()
    for kind, error in {
        "error": "KeyError: 'what the remedy never stored'",
        "diverge": "train/generator_loss is nan after 96 images",
        "memory": "MemoryError",
        "tensor": "can't allocate memory",
        "history": FULL,
        "results": f"results.json cannot be written ([Errno 28] {FULL}); the run ended as failed: a fault before",
    }.items():
        assert error in found[kind]["error"]
        assert error in said
    assert outcome.status == 1
    assert not list(Path("sweep").glob("*/.*.*")), "nothing half-written"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning", "ignore::ResourceWarning")
def test_a_full_disk(command: Command, mount: Callable[..., None]):
    """The second job leaves too little space for its checkpoint, the third none at all."""
    Path("sweep").mkdir()
    mount("-t", "tmpfs", "-o", "size=12m", "tmpfs", at=Path("sweep"))
    outcome = command(*sweep("none,nearly,full,late"), "gan.discriminator.width=256")
    assert outcome.status == 1
    assert f"error: no report: [Errno 28] {FULL}" in outcome.errors
    for kind in ("full", "late"):
        assert any(kind in line and FULL in line for line in outcome.said.splitlines()), kind
    Path("sweep/ballast").unlink()
    assert report.main(["sweep"]) == 0
    found = ended()
    assert found["none"]["status"] == "completed"
    assert FULL in found["nearly"]["error"]
    assert FULL in Path("sweep/report/report.md").read_text()
    assert not list(Path("sweep").glob("*/checkpoints/next.ckpt")), "no part of a checkpoint"


def write_letters(root: Path) -> None:
    """Noise for EMNIST's letters."""
    raw = root / "EMNIST" / "raw"
    raw.mkdir(parents=True)
    images = np.random.default_rng(0).integers(0, 256, (520, 28, 28))
    for part in ("train", "test"):
        (raw / f"emnist-letters-{part}-images-idx3-ubyte").write_bytes(idx_bytes(images))
        (raw / f"emnist-letters-{part}-labels-idx1-ubyte").write_bytes(idx_bytes(np.arange(520) % 26 + 1))


def read_only(folder: Path, mount: Callable[..., None]) -> None:
    if os.geteuid():
        folder.chmod(0o555)
    else:  # permissions do not bind root
        mount("--bind", "-o", "ro", folder, at=folder)


def test_read_only_data(command: Command, mount: Callable[..., None], monkeypatch: pytest.MonkeyPatch):
    """What is there is read; what would have to be downloaded cannot be kept."""
    write_letters(Path("data/whole"))
    Path("data/empty").mkdir()
    for folder in ("data/whole", "data/empty"):
        read_only(Path(folder), mount)
    shorten_oracle_training(monkeypatch, 5)
    with Mirror(b"") as server:
        Thread(target=server.serve_forever, args=(0.01,)).start()
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setattr(EMNIST, "url", server.url)
        outcome = command("-m", *LETTERS, "data.root=data/whole,data/empty", "hydra.sweep.dir=sweep")
        server.shutdown()
    assert outcome.status == 1
    whole, empty = (results(Path(f"sweep/gan_data.root-data_{name}")) for name in ("whole", "empty"))
    assert whole["status"] == "completed"
    assert whole["dataset"]["source"] == "emnist"
    assert all(text in empty["error"] for text in ("data.root=data/empty", REFUSED, "data=strokes"))
    assert REFUSED in Path("sweep/report/report.md").read_text()


def test_two_sweeps_in_one_second_train_one_oracle(tmp_path: Path, cache: Path):
    """Two processes begin with nothing: each has a folder of its own, and one makes what the other waits for."""
    sooner = "from src.evaluation.oracles import oracle; oracle.STEPS = 20; from src.train import main; main()"
    folder = "hydra.sweep.dir=${sweep_folder:null,null,noon}"
    given = ("-m", *LETTERS, "data.root=.", f"cache={cache}", folder)
    write_letters(tmp_path)
    both = [
        subprocess.Popen(
            [sys.executable, "-c", sooner, *given],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=300)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert "".join(said).count("Oracle trained") == 1
    sweeps = tmp_path / "multirun" / "sweep"
    assert {path.name for path in sweeps.iterdir()} == {"noon", "noon-2"}
    first, second = (results(sweeps / name / "gan") for name in ("noon", "noon-2"))
    assert first["status"] == second["status"] == "completed"
    assert first["metrics"] == second["metrics"]
    for name in ("noon", "noon-2"):
        assert (sweeps / name / "report" / "index.html").is_file()
        assert f"multirun/sweep/{name}/report" in "".join(said)
