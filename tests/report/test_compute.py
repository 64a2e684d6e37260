from src.report.collect import collect
from src.report.compute import compute_table
from src.report.grouping import group


def history(passes: int, modes: list[int]) -> list[dict[str, float]]:
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
        make_run("gan_standard", seed, history=history(3, plain), metrics=cost(3.0))
        make_run("gan_dear", seed, history=history(6, dear), metrics=cost(6.0))
    (section,) = group(collect([tmp_path]))
    table = compute_table(section)
    rows = {row[0].text: [cell.text for cell in row[1:]] for row in table.rows}
    assert rows["`gan_standard`"][:2] == ["3.0", "4k"]
    assert rows["`gan_standard`"][3] == "8.0"
    assert rows["`gan_dear`"][:2] == ["6.0", "2k"]
    assert rows["`gan_dear`"][3].startswith("13.0 [")
    assert "12k" in table.caption
    assert "The generator's passes and second derivatives are not counted" in table.caption


def test_where_all_cost_the_same_there_is_nothing_to_compare(tmp_path, make_run):
    for name in ("gan_standard", "gan_other"):
        make_run(name, 0, history=history(3, [5, 6]), metrics=cost(3.0))
    (section,) = group(collect([tmp_path]))
    assert compute_table(section) is None


def test_older_runs_without_costs_are_left_out(tmp_path, make_run):
    rows = [{key: value for key, value in row.items() if key != "discriminator_images"} for row in history(3, [5, 6])]
    make_run("gan_standard", 0, history=rows)
    (section,) = group(collect([tmp_path]))
    assert compute_table(section) is None
