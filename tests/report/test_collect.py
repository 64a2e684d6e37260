from pathlib import Path

import pytest

from src.core.dataset import Dataset
from src.report.collect import ReportError, collect, read_history, read_run
from src.report.write import write_report
from tests.report.conftest import LETTERS, gan_metrics


def test_finds_every_run_once_wherever_it_lies(study: Path) -> None:
    runs = collect([study, study / "gan_fm_0", study.parent])
    assert len(runs) == 11
    assert sorted(run.status for run in runs)[-2:] == ["failed", "unfinished"]


def test_report_folder_is_not_searched(study: Path) -> None:
    (study / "report").mkdir()
    (study / "report" / "results.json").write_text("{}")
    assert len(collect([study])) == 11


def test_reads_what_the_run_recorded(make_run) -> None:
    run = read_run(make_run("gan_fm", 4, missing="QX", kl=0.25))
    assert (run.name, run.seed, run.model, run.status) == ("gan_fm", 4, "gan", "completed")
    assert run.names("missing") == ("Q", "X")
    assert run.scalars["kl"] == 0.25
    assert run.scalars["onset"] == 200
    assert run.dataset.noun == "letters"
    assert run.overrides == ("experiment=gan_fm", "seed=4")


def test_a_run_none_of_whose_classes_can_be_judged_is_whole(make_run) -> None:
    nothing = gan_metrics("", 3.0) | {"modes": 0, "missing": [], "unjudged": LETTERS}
    records = [make_run("gan_fm", seed, metrics=nothing, outcome=None, onset=None) for seed in range(3)]
    for record in records:
        run = read_run(record)
        assert (run.status, run.error, run.outcome) == ("completed", None, None)
    page = write_report([records[0].parent]).page.read_text()
    assert "damaged" not in page
    assert read_run(make_run("gan_r1", metrics=nothing | {"unjudged": []})).status == "damaged"


def test_what_a_search_pruned_is_no_loss(make_run) -> None:
    pruned = read_run(make_run(status="interrupted", error="pruned: modes 3 is behind", metrics={}, controls={}))
    assert (pruned.status, pruned.completed, pruned.lost) == ("pruned", False, False)
    assert read_run(make_run("gan_fm", status="interrupted", error="interrupted by SIGTERM")).lost


def test_unfinished_run_is_known_by_its_configuration_and_history(make_run) -> None:
    run = read_run(make_run("gan_fm", 2, finished=False))
    assert (run.name, run.seed, run.model, run.status) == ("gan_fm", 2, "gan", "unfinished")
    assert run.images_seen == 300
    assert run.history.last("modes") == 24


@pytest.mark.parametrize("torn", ["", "hydra: {", "hydra: 3", "a: [1"])
def test_unfinished_run_of_a_sweep_with_a_torn_record_is_called_as_its_folder(make_run, torn: str) -> None:
    folder = make_run("gan_fm", 2, finished=False)
    (folder.parent / "multirun.yaml").write_text(torn)
    assert read_run(folder).name == folder.name


def test_unresolved_name_falls_back_to_the_recipe(make_run) -> None:
    folder = make_run("gan_fm", finished=False)
    (folder / ".hydra" / "config.yaml").write_text("name: ${run_name:x}\nseed: 0\ngan: {}\n")
    assert read_run(folder).name == "gan_fm"


@pytest.mark.parametrize(
    "content",
    ["", '{"status": "comple', "[1, 2]", "\x00\x01",
     '{"status": "completed"}', '{"status": 3, "name": "a", "model": "gan"}',
     '{"status": "completed", "name": "a", "model": "gan", "metrics": 7}',
     '{"status": "completed", "name": "a", "model": "gan", "dataset": {}}'],
)  # fmt: skip
def test_broken_results_are_damaged_not_fatal(make_run, content: str) -> None:
    folder = make_run("gan_fm", 1)
    (folder / "results.json").write_text(content)
    run = read_run(folder)
    assert (run.status, run.name, run.seed) == ("damaged", "gan_fm", 1)
    assert run.error.startswith("results.json cannot be read")


def test_undecodable_results_are_damaged(make_run) -> None:
    folder = make_run()
    (folder / "results.json").write_bytes(b"\xff\xfe{")
    assert read_run(folder).status == "damaged"


def test_null_and_not_finite_numbers_are_left_out(make_run) -> None:
    run = read_run(make_run(metrics={"modes": 5, "kl": None, "fid": float("nan"), "flag": True}))
    assert set(run.scalars) == {"modes", "onset", "images_per_second", "train_seconds"}


def test_history_survives_a_torn_row_blanks_and_repeats(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_text("images_seen,modes,kl\n200,9,\n100,5,0.5\n200,10,nan\n300,1")
    history = read_history(path)
    assert history.column("images_seen").tolist() == [100, 200]
    assert history.column("modes").tolist() == [5, 10]
    assert history.last("kl") == 0.5
    assert read_history(tmp_path / "absent.csv").rows == ()


def test_torn_picture_is_left_out(make_run) -> None:
    folder = make_run(pictures=True)
    assert read_run(folder).picture("sorted")
    whole = (folder / "samples" / "sorted.png").read_bytes()
    middle = len(whole) // 2
    for torn in (whole[:-20], whole[:middle] + bytes(20) + whole[middle + 20 :]):
        (folder / "samples" / "sorted.png").write_bytes(torn)
        assert read_run(folder).picture("sorted") is None
    assert read_run(folder).picture("absent") is None


def test_mistakes_name_the_folder(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="absent: no such folder"):
        collect([tmp_path / "absent"])
    with pytest.raises(ReportError, match="no run in it"):
        collect([tmp_path])


def test_numbers_of_a_column_of_lists_are_read_in_one_row(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_text("images_seen,lists,blank\n100,0.5 2e-3,\n200,1,\n")
    history = read_history(path)
    assert history.series("lists").tolist() == [0.5, 0.002, 1]
    assert history.series("blank").size == history.series("absent").size == 0


def test_bars_and_styles_are_known_by_their_levels(make_vae) -> None:
    dataset = read_run(make_vae()).dataset
    assert (dataset.unit, dataset.noun, dataset.entropy) == ("bars", "styles", 18.25)


def test_points_are_known_by_their_levels() -> None:
    assert Dataset("gaussian_ring", "gaussian_ring", "0" * 64, levels=2**20 - 1).unit == "points"
    assert Dataset("strokes", "strokes", "0" * 64).unit == "images"


def test_clusters_are_not_called_classes() -> None:
    assert Dataset("photos", "photos", "0" * 64, ("cluster 0", "cluster 1")).noun == "clusters"
    assert Dataset("photos", "photos", "0" * 64, ("cluster 0", "cat")).noun == "classes"
