"""TensorBoard's means over seeds, beside the report."""

import struct
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar.layout_pb2 import Layout
from tensorboard.plugins.hparams import metadata

from src.core.metric_families import SHOWN_FIRST
from src.report.collect import collect
from src.report.write import write_report
from tests.report.conftest import STROKES

pytestmark = pytest.mark.usefixtures("undrawn")


def rows(*modes: float) -> list[dict]:
    return [{"images_seen": 100 * time, "seconds": time, "modes": value} for time, value in enumerate(modes, 1)]


@pytest.fixture
def sweep(make_run, tmp_path: Path) -> Path:
    """Two names, three seeds each, of which one was evaluated once less."""
    for seed, modes in enumerate([(3, 6, 10), (5, 6, 14), (4, 9)]):
        make_run("gan_fm", seed, history=rows(*modes), outcome="collapsed" if seed else "covering")
        make_run("gan_standard", seed, history=rows(2, 2, 2))
    return tmp_path / "study"


def opened(path: Path) -> EventAccumulator:
    return EventAccumulator(str(path)).Reload()


def points(board: EventAccumulator, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in board.Scalars(tag)]


def test_mean_and_ends_where_every_seed_was_evaluated(sweep: Path):
    board = opened(write_report([sweep]).folder / "tensorboard" / "gan_strokes" / "gan_fm")
    assert points(board, "val/modes") == [(100, 4), (200, 7)]
    assert points(board, "lowest/modes") == [(100, 3), (200, 6)]
    assert points(board, "highest/modes") == [(100, 5), (200, 9)]
    (event,) = board.Tensors("custom_scalars__config__")
    (category,) = Layout.FromString(event.tensor_proto.string_val[0]).category
    (chart,) = category.chart
    (series,) = chart.margin.series
    assert (series.value, series.lower, series.upper) == ("val/modes", "lowest/modes", "highest/modes")
    assert {series.value, series.lower, series.upper} <= {*board.Tags()["scalars"]}


def test_the_page_of_hyperparameters_has_no_blank(sweep: Path):
    boards = write_report([sweep]).folder / "tensorboard" / "gan_strokes"
    for name in ("gan_fm", "gan_standard"):
        board = opened(boards / name)
        content = {tag: board.summary_metadata[tag].plugin_data.content for tag in board.summary_metadata}
        experiment = metadata.parse_experiment_plugin_data(content[metadata.EXPERIMENT_TAG])
        tags = [info.name.tag for info in experiment.metric_infos]
        assert tags[:5] == [f"final/{key}" for key in SHOWN_FIRST]
        assert {*tags} <= {*board.Tags()["scalars"]}
        start = metadata.parse_session_start_info_plugin_data(content[metadata.SESSION_START_INFO_TAG])
        assert {info.name for info in experiment.hparam_infos} == {*start.hparams}
        assert (start.hparams["name"].string_value, start.hparams["seed"].string_value) == (name, "mean of 3")
        assert metadata.SESSION_END_INFO_TAG in content
    assert points(board, "final/primary") == [(300, pytest.approx(0.2))]


def test_collapsed_is_the_share_of_seeds(sweep: Path):
    board = opened(write_report([sweep]).folder / "tensorboard" / "gan_strokes" / "gan_fm")
    assert points(board, "final/collapsed") == [(200, pytest.approx(2 / 3))]


def test_the_same_runs_give_the_same_files_and_reports_ignore_them(sweep: Path):
    def files() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in sorted((sweep / "report" / "tensorboard").rglob("events*"))}

    write_report([sweep])
    first = files()
    assert len(first) == 2
    write_report([sweep])
    assert files() == first
    assert len(collect([sweep])) == 6
    for content in first.values():  # whole records: their lengths add up
        place = 0
        while place < len(content):
            place += struct.unpack_from("<Q", content, place)[0] + 16
        assert place == len(content)


def test_what_is_no_longer_a_name_goes_and_what_is_not_ours_stays(sweep: Path, tmp_path: Path):
    out = write_report([sweep]).folder / "tensorboard" / "gan_strokes"
    (out / "gan_fm" / "notes.txt").write_text("mine")
    for seed in range(3):
        (sweep / f"gan_fm_{seed}").rename(tmp_path / f"elsewhere_{seed}")
    write_report([sweep])
    assert [path.name for path in (out / "gan_fm").iterdir()] == ["notes.txt"]
    assert len(list(out.glob("gan_standard/events*"))) == 1


def test_a_link_in_a_stranger_s_folder_leads_nowhere(sweep: Path, tmp_path: Path):
    (sweep / "report" / "tensorboard").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (sweep / "report" / "tensorboard" / "gan_strokes").symlink_to(tmp_path / "elsewhere")
    write_report([sweep])
    assert not list((tmp_path / "elsewhere").iterdir())


def test_two_data_sets_of_one_name_have_a_folder_each(make_run, tmp_path: Path):
    for seed, digest in enumerate(["ab12cd34ef56", "cd34ef56ab12"]):
        make_run("gan_fm", seed, history=rows(1, 2), dataset=STROKES | {"digest": digest})
    out = write_report([tmp_path / "study"]).folder / "tensorboard"
    assert sorted(path.name for path in out.iterdir()) == ["gan_ab12cd34", "gan_cd34ef56"]
