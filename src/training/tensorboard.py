"""TensorBoard logger with one HParams table for all runs of a folder."""

from argparse import Namespace
from typing import Any

from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from torch.utils.tensorboard.summary import hparams

from src.core.metric_families import FAMILIES, SHOWN_FIRST, family, final_tag

NUM_FIRST = 5  # hyperparameters that the page lists before all others


class Board(TensorBoardLogger):
    """Lightning's logger with an HParams page without blank rows or columns, of one model family or of both.

    TensorBoard takes the page's columns from a single run, whichever it reads first, and shows the first five metrics.
    So these are the same in all runs; its family's own follow, to be ticked where no other family is in the folder. A
    cell is filled when a scalar of that name is logged.
    """

    @rank_zero_only
    def log_hyperparams(
        self, params: dict[str, Any] | Namespace, metrics: dict[str, Any] | None = None, step: int | None = None
    ) -> None:
        """Announces the run's choices and the names of its final metrics; the values of these are still to come."""
        self.hparams.update(params)
        experiment, start, _ = hparams(dict(params), dict.fromkeys(final_metrics(list(metrics or {}))))
        show_first(experiment, list(params)[:NUM_FIRST])
        for summary in (experiment, start):
            self.experiment.file_writer.add_summary(summary, step)

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Closes the file; a run that failed keeps the status "unknown", which the page can filter by."""
        if status == "success":
            *_, end = hparams({}, {})
            self.experiment.file_writer.add_summary(end)
        super().finalize(status)


def final_metrics(own: list[str]) -> list[str]:
    """Tags of what the page shows at first, then `own`, then what else reports show of the family that has these."""
    keys = [tag.rpartition("/")[2] for tag in own]
    families = [family(model, keys) for model in FAMILIES]
    tables = [[final_tag(key) for key in (*each.main, *each.samples)] for each in families]
    others = next((tags for tags in tables if set(own) <= set(tags)), [])
    return list(dict.fromkeys([*(f"final/{name}" for name in SHOWN_FIRST), *own, *others]))


def show_first(experiment: Summary, names: list[str]) -> None:
    """Marks hyperparameters as those in which runs differ, which TensorBoard lists before all others."""
    metadata = experiment.value[0].metadata.plugin_data
    content = HParamsPluginData.FromString(metadata.content)
    for column in content.experiment.hparam_infos:
        column.differs = column.name in names
    metadata.content = content.SerializeToString()
