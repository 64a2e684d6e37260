import pytest

from src.report.collect import collect, read_run
from src.report.cost import cost_table, first_complete
from src.report.grouping import group


def history(modes: list[int]) -> list[dict[str, float]]:
    """An evaluation every 1,000 images and every 5 seconds."""
    return [{"images_seen": 1000 * n, "seconds": 5 * n, "modes": value, "kl": 0.5} for n, value in enumerate(modes, 1)]


@pytest.mark.parametrize(
    ("modes", "when"), [([20, 26, 24, 26], 2000), ([26, 1], 1000), ([25, 25], None), ([20, 25, 26], 3000)]
)
def test_the_first_evaluation_that_covers_everything_counts(make_run, modes: list[int], when: int | None) -> None:
    run = read_run(make_run(history=history(modes)))
    assert first_complete(run, 26, "images_seen") == when
    assert first_complete(run, 26, "seconds") == (when and when / 200)


def test_medians_and_how_many_seeds_came_so_far(make_run, tmp_path) -> None:
    for seed, (modes, speed) in enumerate((([26, 26, 26], 100.0), ([20, 20, 26], 900.0), ([20, 25, 25], 300.0))):
        make_run("gan_fm", seed, history=history(modes), images_per_second=speed, train_seconds=10.0 * (seed + 1))
        make_run("gan_standard", seed, history=history([20, 20, 20]))
    (section,) = group(collect([tmp_path]))
    table = cost_table(section)
    assert table.header == ["name", "images/s", "training, s", "images until all 26", "seconds until all 26"]
    rows = {row[0].text: [(cell.text, cell.detail) for cell in row[1:]] for row in table.rows}
    assert rows["`gan_fm`"] == [("300", ""), ("20", ""), ("2k", "2 of 3 seeds"), ("10", "2 of 3 seeds")]
    assert rows["`gan_standard`"][2:] == [("–", "0 of 3 seeds"), ("–", "0 of 3 seeds")]


def test_without_times_there_is_no_table(make_run, tmp_path) -> None:
    make_run(train_seconds=None)
    (section,) = group(collect([tmp_path]))
    assert cost_table(section) is None
