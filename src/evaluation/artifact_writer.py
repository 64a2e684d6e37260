"""Writes artifacts beside training."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cached_property
from pathlib import Path

from lightning.pytorch.loggers import Logger, TensorBoardLogger

from src.evaluation.artifacts import Artifact
from src.training.loggers import boards, log_file


class ArtifactWriter:
    """Saves artifacts in a folder, over older ones, and adds them to the loggers, in a thread of its own.

    Making and compressing pictures takes as long as measuring the samples, and a GPU would wait for it.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.writing: list[Future[list[Path]]] = []

    @cached_property
    def thread(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(1, "artifacts")

    def write(self, artifacts: Mapping[str, Artifact], stage: str, loggers: list[Logger], images_seen: int) -> None:
        """Has them written; waits for it where a logger beside TensorBoard's takes the files.

        W&B takes nothing of a step after something of a later one.
        """
        others = [logger for logger in loggers if not isinstance(logger, TensorBoardLogger)]
        for name, artifact in artifacts.items():
            tag = f"{stage}/{name}"
            written = self.thread.submit(self._write, artifact, name, tag, boards(loggers), images_seen)
            self.writing.append(written)
            for logger in others:
                for path in written.result():
                    log_file(logger, path, tag, images_seen)

    def finish(self) -> None:
        """Waits until all is written; raises OSError where something could not be."""
        self.wait()
        for written in self.writing:
            written.result()
        self.writing.clear()

    def wait(self) -> None:
        """Waits until nothing is being written, whether or not it could be."""
        wait(self.writing)

    def _write(
        self, artifact: Artifact, name: str, tag: str, tensorboards: Sequence[TensorBoardLogger], images_seen: int
    ) -> list[Path]:
        paths = artifact.save(self.folder, name)
        for tensorboard in tensorboards:
            artifact.show(tensorboard.experiment, tag, images_seen)
        return paths
