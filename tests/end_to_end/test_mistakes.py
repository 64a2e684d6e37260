"""A user's mistake: exit status 1, one short message that says what is wrong, and nothing half-written."""

import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from filelock import FileLock

from tests.data.conftest import idx_bytes
from tests.end_to_end.conftest import SMALL, VAE_SMALL, Command, Outcome, results

pytestmark = pytest.mark.ci

IMAGES, LABELS = np.zeros((60, 28, 28)), np.arange(60) % 3
FILES = {
    "images": idx_bytes(IMAGES),
    "labels": idx_bytes(LABELS),
    "empty": b"",
    "truncated": idx_bytes(IMAGES)[:-1],
    "huge": b"\0\0\x08\x03" + b"\xff" * 12,
    "magic": b"\0\0\x0d\x03" + idx_bytes(IMAGES)[4:],
    "text": "Übung, no data".encode("latin-1"),
    "wide": idx_bytes(np.zeros((60, 28, 320))),
    "fewer": idx_bytes(LABELS[:50]),
    "strange": idx_bytes(LABELS + 7),
    "info/info.csv": b"drummer,\xff\xfe\n1,2\n",
    "bpm/info.csv": b"midi_filename,split,style,drummer,bpm,time_signature\na.mid,train,r\xfcck,d,fast,4-4\n",
    "waltz/info.csv": b"midi_filename,split,style,drummer,bpm,time_signature\na.mid,train,rock,d,120,3-4\n",
    "broken/info.csv": b"midi_filename,split,style,drummer,bpm,time_signature\na.mid,train,rock,d,120,4-4\n",
    "broken/a.mid": b"MThd\0\0\0\6\xff\xff\xff\xff\xff\xffMTrk\xff\xff\xff\xff",
}
BARS = np.zeros((20, 16, 9), np.uint8)
ARCHIVES = {
    "narrow": {"patterns": BARS[..., :8]},
    "short": {"patterns": BARS[:, :3]},
    "loud": {"patterns": BARS + 127},
    "nan": {"patterns": np.full(BARS.shape, np.nan)},
    "none": {"patterns": BARS[:0]},
    "pickled": {"patterns": np.array([object()], object)},
    "names": {"patterns": np.full(BARS.shape, "x")},
    "styles": {"patterns": BARS, "styles": np.zeros(7, int)},
    "other": {"bars": BARS, "more": BARS},
}
IDX = "data=idx data.images=images data.labels=labels"
# Of training, the last half-written. Not TensorBoard's events: they begin before what only training itself meets.
PRODUCTS = ("*.ckpt", "history.csv", "samples/*", ".*.*.*")
MISTAKES = [  # what is given, and what the message must hold
    ("gan.discriminator.norm=batch experiment=gan_r1", "gan.tricks=r1", "gan.discriminator.norm=none"),
    ("gan.loss=[standard,feature_matching]", "gan.loss", "exactly one"),
    ("gan.generator.norm=btach", "norm='btach'", "batch"),
    ("gan.generator.width=0", "gan.generator.width=0"),
    ("gan.discriminator.width=-4", "gan.discriminator.width=-4"),
    ("gan.generator.z=0", "gan.generator.z=0"),
    ("gan.tricks=[r1] gan.tricks.r1.gamma=-1", "gan.tricks.r1.gamma=-1"),
    ("gan.tricks=[r1] gan.tricks.r1.gamma=heavy", "gan.tricks.r1.gamma=heavy"),
    ("gan.tricks=[gradient_penalty] gan.tricks.gradient_penalty.weight=nan", "gradient_penalty.weight=nan"),
    ("gan.generator_optimizer.lr=-0.1", "gan.generator_optimizer.lr=-0.1"),
    ("gan.discriminator_optimizer.lr=inf", "discriminator_optimizer.lr=inf"),
    ("+gan.generator_optimizer.eps=heavy", "gan.generator_optimizer.eps=heavy: choose a number"),
    ("gan.generator_optimizer.betas=0.5", "gan.generator_optimizer.betas=0.5: choose [a number, a number]"),
    ("gan.generator_optimizer.betas=[0.5]", "gan.generator_optimizer.betas=[0.5]: choose [a number, a number]"),
    ("gan.generator=residual", "gan.generator=residual: choose settings with a _target_"),
    ("gan.loss.standard=5", "gan.loss={'standard': 5}: choose {name: settings with a _target_, …}"),
    ("gan.tricks=[lecam] gan.tricks.lecam.warm_up=1e3", "warm_up=1000.0: choose a whole number; write 1000"),
    ("callbacks.curves.every=0", "callbacks.curves.every=0: choose a whole number of at least 1"),
    ("callbacks.curves=null", "callbacks.curves=None", "~callbacks.curves"),
    ("monitor=[modes]", "monitor=['modes']: choose a text"),
    ("evaluator=5", "evaluator=5: choose settings with a _target_"),
    ("trainer.devices=x", "trainer.devices=x"),
    ("gan.loss=wasserstein", "gan.loss=wasserstein"),
    ("gan.tricks=[packing] gan.loss=relativistic", "packing", "relativistic"),
    ("data.split=latters", "data.split=latters", "digits"),
    ("data.stack=4", "data.stack=4", "1, 2 or 3"),
    ("data.stack=0", "data.stack=0", "1, 2 or 3"),
    ("data.resident=maybe", "data.resident=maybe", "true or false"),
    (f"{IDX} data.transposed=null", "data.transposed=None", "true or false"),
    ("batch_size=100000", "batch_size=100000", "3900"),
    ("batch_size=0", "batch_size=0", "at least 1"),
    ("batch_size=2.5", "batch_size=2.5", "whole number"),
    ("evaluations=0", "evaluations=0"),
    ("budget=many", "budget=many", "whole number"),
    ("budget=-5", "budget=-5", "at least 1"),
    ("budget=null", "budget=None", "whole number"),
    ("budget=true", "budget=True", "whole number"),
    ("seed=-1", "seed=-1"),
    ("seed=abc", "seed=abc"),
    ("monitor=beauty", "monitor=beauty", "modes"),
    ("evaluator.num_samples=3", "evaluator.num_samples=3"),
    ("evaluator.num_samples=some", "evaluator.num_samples=some"),
    ("trainer.accelerator=gpu", "trainer.accelerator=gpu", "accelerator=cpu"),
    ("trainer.accelerator=abacus", "abacus"),
    ("trainer.devices=0", "devices"),
    ("trainer.precision=16-mixed", "trainer.precision=16-mixed", "bf16-mixed"),
    ("trainer.precision=7", "precision", "7"),
    ("data=idx", "data.images"),
    ("data=idx data.images=nowhere data.labels=nowhere", "data.images=nowhere", "data.root"),
    (f"{IDX} data.images=empty", "empty is empty"),
    (f"{IDX} data.images=truncated", "truncated is truncated"),
    (f"{IDX} data.images=huge", "huge is truncated"),
    (f"{IDX} data.images=magic", "magic is 0x0D03"),
    (f"{IDX} data.images=text", "text is not an IDX file"),
    (f"{IDX} data.images=wide", "28×320"),
    (f"{IDX} data.images=.", "data.images=."),
    (f"{IDX} data.images=labels data.labels=images", "swapped"),
    (f"{IDX} data.labels=fewer", "60 images", "50 labels"),
    (f"{IDX} data.labels=empty", "empty is empty"),
    (f"{IDX} batch_size=16", "samples are too few"),
    (f"{IDX} data.test_images=images data.test_labels=strange", "unknown label"),
    (f"{IDX} data.test_images=images", "data.test_labels"),
    ("data=emnist data.split=leters", "data.split=leters", "letters"),
    ("vae.anneal=[free_bits,target_rate]", "vae.anneal=[free_bits,target_rate]", "choose one"),
    ("vae.decoder_sees=hgih", "vae.decoder_sees=hgih", "both", "low"),
    ("vae.z_high=0", "vae.z_high=0", "at least 1"),
    ("vae.z_low=-2", "vae.z_low=-2", "at least 1"),
    ("vae.z_low=few", "vae.z_low=few"),
    ("vae.levels=[8,0]", "vae.levels=[8, 0]", "at least 1"),
    ("vae.levels=[8,4,2] vae.anneal.linear.weight={1:1,2:1,3:1}", "vae.anneal.linear.weight=", "{name: a number"),
    ("vae.levels=[8,4,2] vae.anneal.linear.weight={high:1,low:1}", "vae.anneal.linear.weight=", "z_1 and z_2 and z_3"),
    ("vae.levels=3", "vae.levels=3", "[a whole number, …]"),
    ("vae.anneal=[linear,word_dropout] vae.decoder=parallel", "word_dropout", "vae.decoder=autoregressive"),
    ("vae.anneal.linear.duration=2", "vae.anneal.linear.duration=2", "at most 1"),
    ("vae.anneal=cyclical vae.anneal.cyclical.cycles=many", "vae.anneal.cyclical.cycles=many: choose a number"),
    ("vae.anneal.linear.duration=soon", "vae.anneal.linear.duration=soon"),
    ("vae.anneal=free_bits vae.anneal.free_bits.nats={high:-1,low:0}", "vae.anneal.free_bits.nats"),
    ("vae.anneal=cyclical vae.anneal.cyclical.cycles=0", "vae.anneal.cyclical.cycles=0"),
    ("evaluator.importance_samples=0", "evaluator.importance_samples=0"),
    ("evaluator.num_held_out=2", "num_held_out=2", "at least 10"),
    ("data=grids", "data.path"),
    ("data=grids data.path=nowhere.npz", "data.path=nowhere.npz", "data.root"),
    ("data=grids data.path=short.npz", "short.npz", "[20, 3, 9]", "4 to 128"),
    ("data=grids data.path=loud.npz", "loud.npz", "127", "0 and 1"),
    ("data=grids data.path=nan.npz", "nan.npz", "nan", "0 and 1"),
    ("data=grids data.path=none.npz", "none.npz", "is empty"),
    ("data=grids data.path=pickled.npz", "pickled.npz", "plain array"),
    ("data=grids data.path=names.npz", "names.npz", "expected numbers"),
    ("data=grids data.path=styles.npz", "styles.npz", "one for each bar"),
    ("data=grids data.path=other.npz", "other.npz", "train_patterns"),
    ("data=grids data.path=text", "text", "npz file"),
    ("data=grids data.path=empty", "empty", "npz file"),
    ("data=images", "data.path"),
    ("data=images data.path=nowhere", "data.path=nowhere", "data.root"),
    ("data=images data.path=text", "data.path=text", "data=idx"),
    ("data=images data.path=info", "info holds no images"),
    ("data=images data.path=narrow.npz", "narrow.npz", "no classes", "data.classes=50"),
    ("data=images data.path=. data.size=30", "data.size=30", "28, 32, 64"),
    ("data=images data.path=. data.fit=stretch", "data.fit=stretch", "pad or crop"),
    ("data=torchvision data.set=MNISTT", "data.set=MNISTT", "FashionMNIST"),
    ("data=groove data.root=info", "lacks the column midi_filename"),
    ("data=groove data.root=bpm", "has the bpm 'fast'"),
    ("data=groove data.root=waltz", "lists nothing in 4/4"),
    ("data=groove data.root=broken", "1 are damaged or missing"),
]  # fmt: skip


def with_its_mark(mistake: tuple[str, ...]) -> Any:
    """Files that cannot be read are tested one by one in tests/data; that commands say so, too, is for .ci/run."""
    of_a_file = any(word in mistake[0] for word in (IDX, "data.path=", "data.root="))
    return pytest.param(mistake, id=mistake[0], marks=[pytest.mark.ci] if of_a_file else [])


@pytest.mark.usefixtures("few_bars")
@pytest.mark.parametrize("mistake", [*map(with_its_mark, MISTAKES)])
def test_one_short_message(command: Command, mistake: tuple[str, ...]):
    given, *expected = mistake
    if "trainer.accelerator=gpu" in given and torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    for name, content in FILES.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_bytes(content)
    for name, arrays in ARCHIVES.items():
        np.savez(f"{name}.npz", **arrays)
    assert_one_line(command(*for_the_family(given)), expected)


def for_the_family(given: str) -> list[str]:
    """The mistake after small settings that suit it; what it says of a key comes last, as on a command line."""
    drums = any(word in given for word in ("vae.", "grids", "groove", "importance", "held_out"))
    last = {argument.partition("=")[0]: argument for argument in given.split()}
    base = VAE_SMALL if drums else SMALL
    return [option for option in base if option.partition("=")[0] not in last] + [*last.values()]


@pytest.mark.parametrize("mode", [(), ("-m",)], ids=["run", "sweep"])
def test_what_is_no_run_is_not_resumed_and_leaves_nothing(command: Command, mode: tuple[str, ...]):
    assert_one_line(command(*mode, "resume=nowhere"), ("nowhere is no run's folder", ".hydra/config.yaml"))
    assert not list(Path().iterdir())


@pytest.mark.parametrize("mode", [(), ("-m",)], ids=["run", "sweep"])
def test_a_run_whose_record_is_torn_is_not_resumed(command: Command, mode: tuple[str, ...]):
    Path("run", ".hydra").mkdir(parents=True)
    Path("run", ".hydra", "config.yaml").touch()
    Path("run", ".hydra", "hydra.yaml").write_text("hydra: {runtime")
    assert_one_line(command(*mode, "resume=run"), (".hydra/hydra.yaml is damaged",))
    assert not Path("multirun").exists()


def test_a_sweep_keeps_out_of_another_s_folder(command: Command):
    Path("sweep").mkdir()
    with FileLock("sweep/.lock"):
        outcome = command("-m", "seed=1,2", "hydra.sweep.dir=sweep")
    assert_one_line(outcome, ("hydra.sweep.dir=sweep: another sweep is running there",))
    assert [path.name for path in Path("sweep").iterdir()] == [".lock"]


def test_real_drums_without_files_or_network(command: Command, monkeypatch: pytest.MonkeyPatch):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setattr("src.data.drums.groove.URL", f"http://127.0.0.1:{unused.getsockname()[1]}/groove.zip")
        outcome = command(*VAE_SMALL[1:], "data=groove")
    assert_one_line(outcome, ("groove/info.csv", "data.root", "data=drums"))


def assert_one_line(outcome: Outcome, expected: tuple[str, ...]) -> None:
    assert outcome.status == 1
    assert all(text in outcome.errors for text in expected), outcome.errors
    assert outcome.errors.startswith("error: ")
    assert outcome.errors.count("\n") == 1, "one line"
    assert "Traceback" not in outcome.said
    left = [path for product in PRODUCTS for path in Path().rglob(product)]
    assert not left, "nothing half-written"
    for path in Path().rglob("results.json"):
        assert results(path.parent)["status"] == "failed"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("experiment=gan_mf",), ("gan_mf", "gan_fm")),
        (("model=gan", "gan.loss=standart"), ("standart", "feature_matching")),
        (("gan.generator.widht=8",), ("widht",)),
        (("experiment=gan_fm", "vae.anneal=linear"), ("vae.anneal",)),
        (("vae.anneal=liner",), ("liner", "linear", "cyclical", "free_bits")),
        (("vae.anneal=[linear,cylical]",), ("vae.anneal=cylical", "cyclical")),
        (("vae.anneal=linear", "vae.anneal.cyclical.cycles=2"), ("vae.anneal.cyclical",)),
        (("vae.decoder=paralel",), ("paralel", "parallel", "autoregressive")),
        (("data=nist",), ("nist", "emnist")),
        (("accelerator=tpu",), ("tpu", "cpu")),
        (("study=everything",), ("everything", "quick")),
        (("budget",), ("budget",)),
        (("vae.anneal=[linear",), ("linear",)),
    ],
    ids=lambda value: " ".join(value),
)
def test_what_hydra_refuses_before_a_run_begins(command: Command, arguments, expected):
    outcome = command(*arguments)
    assert outcome.status == 1
    assert all(text in outcome.errors for text in expected)
    assert outcome.errors.count("\n") == 1
    assert "Traceback" not in outcome.errors + outcome.said
    assert not Path("multirun").exists()
