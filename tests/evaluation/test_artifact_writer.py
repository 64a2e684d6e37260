"""Artifacts are written beside training, in order, and none is lost without a word."""

from dataclasses import dataclass
from pathlib import Path
from threading import Event

import pytest
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

from src.evaluation import artifact_writer
from src.evaluation.artifact_writer import ArtifactWriter


@dataclass
class Note:
    """A file that is written when it may be, or cannot be."""

    allowed: Event | None = None
    fails: bool = False

    def save(self, folder: Path, name: str) -> list[Path]:
        if self.allowed:
            assert self.allowed.wait(20)
        if self.fails:
            raise OSError("No space left on device")
        path = folder / name
        path.write_text("note")
        return [path]

    def show(self, tensorboard, tag, images_seen) -> None:
        tensorboard.add_scalar(tag, 1.0, images_seen)


def test_nobody_waits_for_an_artifact(tmp_path: Path):
    writer, allowed = ArtifactWriter(tmp_path), Event()
    writer.write({"late": Note(allowed), "last": Note()}, "val", [TensorBoardLogger(tmp_path, "", "")], 10)
    assert not (tmp_path / "late").exists()
    assert not (tmp_path / "last").exists(), "in order, or an older picture could replace a newer one"
    allowed.set()
    writer.finish()
    assert (tmp_path / "late").exists()
    assert (tmp_path / "last").exists()


def test_that_one_cannot_be_written_is_told_when_others_are(tmp_path: Path):
    writer = ArtifactWriter(tmp_path)
    writer.write({"lost": Note(fails=True), "kept": Note()}, "val", [], 10)
    writer.wait()
    assert (tmp_path / "kept").exists()
    with pytest.raises(OSError, match="No space left"):
        writer.finish()


def test_loggers_that_take_files_get_them_in_the_order_of_the_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    logged = []
    monkeypatch.setattr(
        artifact_writer, "log_file", lambda logger, path, tag, step: logged.append((path.name, tag, step))
    )
    ArtifactWriter(tmp_path).write({"one": Note(), "two": Note()}, "val", [CSVLogger(tmp_path)], 10)
    assert logged == [("one", "val/one", 10), ("two", "val/two", 10)], "before anything of a later step"
