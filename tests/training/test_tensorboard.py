import math

import pytest
from lightning.pytorch.loggers import TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import api_pb2, metadata

from src.core.metric_families import SHOWN_FIRST
from src.training.tensorboard import Board

CHOICES = {"name": "gan_fm", "seed": 3, "dataset": "toy 01234567", "budget": 10, "precision": "32-true", "alpha": 0.5}
OWN = {
    "gan": ["test/modes", "test/recognisable", "test/kl", "test/fid"],
    "vae": ["test/iwae_nll", "test/elbo", "test/kl_high", "test/kl_low"],
}


@pytest.fixture
def announced(tmp_path):
    """What TensorBoard finds after a run that announced itself, logged some and ended somehow."""

    def read(family, status, logged=(), folder=tmp_path):
        board = Board(folder, name="", version="")
        board.log_hyperparams(CHOICES, dict.fromkeys(OWN[family], math.nan))
        board.log_metrics(dict(logged), step=10)
        board.finalize(status)
        return EventAccumulator(str(folder)).Reload()

    return read


def columns(read):
    content = read.summary_metadata[metadata.EXPERIMENT_TAG].plugin_data.content
    experiment = metadata.parse_experiment_plugin_data(content)
    return experiment.hparam_infos, [info.name.tag for info in experiment.metric_infos]


@pytest.mark.parametrize("family", OWN)
def test_the_page_opens_with_what_runs_of_every_family_have(announced, family):
    _, metrics = columns(announced(family, "success"))
    assert metrics[:5] == [f"final/{name}" for name in SHOWN_FIRST], "it shows five, and plots only runs with them all"
    assert metrics[5:9] == OWN[family]
    assert len(metrics) == len(set(metrics))
    own = {"gan": {"final/kl_late", "test/vendi"}, "vae": {"test/mi_low", "test/style_accuracy"}}
    assert own[family] <= set(metrics)
    assert not own["vae" if family == "gan" else "gan"] & set(metrics), "columns that no run here fills"


def test_the_first_five_choices_stand_before_all_others(announced):
    choices, _ = columns(announced("gan", "success"))
    assert {info.name: info.differs for info in choices} == {name: name != "alpha" for name in CHOICES}


def test_choices_are_told_with_their_values(announced):
    content = announced("gan", "failed").summary_metadata[metadata.SESSION_START_INFO_TAG].plugin_data.content
    found = metadata.parse_session_start_info_plugin_data(content).hparams
    assert found["name"].string_value == "gan_fm"
    assert (found["seed"].number_value, found["alpha"].number_value) == (3, 0.5)


def test_announcing_logs_no_value(announced):
    assert announced("vae", "failed").Tags()["scalars"] == []
    found = announced("vae", "success", {"test/elbo": -3.0})
    assert [(event.step, event.value) for event in found.Scalars("test/elbo")] == [(10, -3.0)]


def test_only_a_run_that_ended_well_has_an_end(announced, tmp_path):
    content = announced("gan", "success").summary_metadata[metadata.SESSION_END_INFO_TAG].plugin_data.content
    assert metadata.parse_session_end_info_plugin_data(content).status == api_pb2.STATUS_SUCCESS
    failed = announced("gan", "failed", folder=tmp_path / "failed")
    assert metadata.SESSION_END_INFO_TAG not in failed.summary_metadata


def test_it_is_the_logger_of_lightning_in_all_else(tmp_path):
    assert isinstance(Board(tmp_path), TensorBoardLogger)
