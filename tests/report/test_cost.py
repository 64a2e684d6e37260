import pytest

from src.report.collect import collect, read_run
from src.report.cost import compute_table, cost_table, first_complete
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


# At equal discriminator passes


def spending(passes: int, modes: list[int]) -> list[dict[str, float]]:
    """An evaluation every 1,000 images."""
    return [
        {"images_seen": 1000 * turn, "discriminator_images": 1000 * turn * passes, "modes": value, "kl": 0.5}
        for turn, value in enumerate(modes, 1)
    ]


def cost(passes: float) -> dict[str, float]:
    return {"modes": 20, "kl": 0.5, "discriminator_passes": passes}


def test_a_dear_remedy_is_judged_where_the_cheap_one_ends(tmp_path, make_run):
    """The baseline ends after 4,000 × 3 passes; a remedy with 6 passes had then seen half its images."""
    for seed in range(3):
        plain, dear = [5, 6, 7, 8], [10, 12 + seed, 20, 26]
        make_run("gan_standard", seed, history=spending(3, plain), metrics=cost(3.0))
        make_run("gan_dear", seed, history=spending(6, dear), metrics=cost(6.0))
    (section,) = group(collect([tmp_path]))
    table = compute_table(section)
    rows = {row[0].text: [cell.text for cell in row[1:]] for row in table.rows}
    assert rows["`gan_standard`"][:2] == ["3.0", "4k"]
    assert rows["`gan_standard`"][3] == "8.0"
    assert rows["`gan_dear`"][:2] == ["6.0", "2k"]
    assert rows["`gan_dear`"][3].startswith("13.0 [")
    assert "12k" in table.caption


def test_late_averages_are_over_what_fits_into_the_common_expense(tmp_path, make_run):
    """After 2 of its 4 evaluations, of which the second is the later half."""
    for seed in range(2):
        for name, passes in (("gan_standard", 3), ("gan_dear", 6)):
            rows = [row | {"kl": 1 / turn} for turn, row in enumerate(spending(passes, [5, 6, 7, 8]), 1)]
            make_run(name, seed, history=rows, metrics=cost(passes) | {"kl_late": 7 / 24 if passes == 3 else 0.1})
    (section,) = group(collect([tmp_path]))
    assert section.primary == "kl_late"
    table = compute_table(section)
    place = table.header.index("KL, late")
    assert {row[0].text: row[place].text for row in table.rows} == {"`gan_standard`": "0.292", "`gan_dear`": "0.500"}


def test_where_all_cost_the_same_there_is_nothing_to_compare(tmp_path, make_run):
    for name in ("gan_standard", "gan_other"):
        make_run(name, 0, history=spending(3, [5, 6]), metrics=cost(3.0))
    (section,) = group(collect([tmp_path]))
    assert compute_table(section) is None


def test_older_runs_without_costs_are_left_out(tmp_path, make_run):
    rows = [{key: value for key, value in row.items() if key != "discriminator_images"} for row in spending(3, [5, 6])]
    make_run("gan_standard", 0, history=rows)
    (section,) = group(collect([tmp_path]))
    assert compute_table(section) is None
