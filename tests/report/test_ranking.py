import pytest

from src.report.collect import collect, read_run
from src.report.grouping import group
from src.report.outcomes import effect
from src.report.statistics import Estimate
from src.report.tables import main_table, win_table
from src.report.templating import say
from src.report.verdicts import Rank, rank, ranks


def between(low: float, high: float, n: int = 3) -> Estimate:
    return Estimate(n, (low + high) / 2, 1.0, low, high)


def test_ranks_by_hand() -> None:
    """a stands apart; b overlaps c and c overlaps d, but b and d do not."""
    found = {"d": between(0, 3), "a": between(9, 10), "c": between(2, 5), "b": between(4, 6)}
    assert {name: str(place) for name, place in rank(found, "higher").items()} == {
        "a": "1",
        "b": "2–3",
        "c": "2–4",
        "d": "3–4",
    }
    assert rank(found, "lower") == {"d": Rank(1, 2), "c": Rank(1, 3), "b": Rank(2, 3), "a": Rank(4, 4)}


def test_intervals_that_touch_are_tied() -> None:
    assert rank({"a": between(1, 2), "b": between(2, 3)}, "lower") == {"a": Rank(1, 2), "b": Rank(1, 2)}
    same = {"a": between(26, 26), "b": between(26, 26), "c": between(25, 25)}
    assert [str(place) for place in rank(same, "higher").values()] == ["1–2", "1–2", "3"]


def test_two_seeds_have_no_rank_and_are_nobodys_rival() -> None:
    found = {"a": between(9, 10, n=2), "b": between(4, 5), "c": Estimate(1, 99.0), "d": between(1, 2)}
    assert rank(found, "higher") == {"b": Rank(1, 1), "d": Rank(2, 2)}
    assert rank({"a": Estimate(3, 0.5, 0.0), "b": between(4, 5)}, "higher") == {"b": Rank(1, 1)}, "it has no interval"
    assert rank({}, "higher") == {}


def test_gans_are_ranked_by_the_primary_metric(study) -> None:
    (section,) = group(collect([study]))
    assert section.primary == "kl"
    table = main_table(section)
    assert list(table.header)[:3] == ["rank", "name", "n"]
    rows = {row[1].text: [cell.text for cell in row] for row in table.rows}
    assert rows["`gan_fm`"][:3] == ["1", "`gan_fm`", "3"]
    assert rows["`gan_standard`"][0] == "2–3"
    assert rows["`gan_hinge`"][2] == "3 of 4", "one failed, and counts as the worst"
    assert [row[1].text for row in table.rows][-1] == "`gan_hinge`"
    assert [summary.label for summary in section.ranked] == ["gan_fm", "gan_hinge"]


def test_vaes_are_ranked_by_likelihood_where_lower_is_better(annealing) -> None:
    (section,) = group(collect([annealing]))
    assert section.primary == "iwae_nll"
    assert [(row[0].text, row[1].text) for row in main_table(section).rows] == [
        ("1", "`linear`"),
        ("2–3", "`[cyclical,free_bits]`"),
        ("2–3", "`none`"),
    ]


def test_names_without_enough_seeds_or_numbers_come_without_a_rank(make_run) -> None:
    runs = [read_run(make_run("gan_standard", seed)) for seed in range(3)]
    runs += [read_run(make_run("gan_fm", seed, missing="")) for seed in range(2)]
    runs += [read_run(make_run("gan_a", status="failed", metrics={}))]
    (section,) = group(runs)
    assert ranks(section) == {"gan_standard": Rank(1, 1)}
    assert [(row[0].text, row[1].text) for row in main_table(section).rows] == [
        ("–", "`gan_fm`"),
        ("1", "`gan_standard`"),
        ("–", "`gan_a`"),
    ]


def test_a_better_mean_of_few_seeds_is_not_hidden(make_run) -> None:
    runs = [make_run("gan_standard", seed, missing="Q", metrics={"kl": 1.0 + 0.01 * seed}) for seed in range(6)]
    runs += [make_run("gan_b", seed, metrics={"kl": 0.8 + 0.01 * seed}) for seed in range(6)]
    runs += [make_run("gan_a", seed, metrics={"kl": 0.39 + 0.01 * seed}) for seed in range(2)]
    (section,) = group([read_run(run) for run in runs])
    assert "of the names with at least 3 seeds" in say("ranking", section, ranks(section))
    assert say("effect", section, effect(section)).startswith("Of those shown to help the best")


def test_names_that_fail_in_every_seed_rank_last(make_run) -> None:
    runs = [read_run(make_run("gan_standard", seed, kl=0.5 + 0.01 * seed)) for seed in range(4)]
    runs += [read_run(make_run("gan_a", seed, status="diverged", metrics={})) for seed in range(4)]
    (section,) = group(runs)
    assert ranks(section) == {"gan_standard": Rank(1, 1), "gan_a": Rank(2, 2)}


def test_other_budgets_are_told(make_run) -> None:
    runs = [read_run(make_run(f"gan_{seen}", seed, images_seen=seen)) for seen in (300, 600) for seed in range(3)]
    equal = [read_run(make_run("gan_standard", seed)) for seed in range(3)]
    captions = [main_table(group(some)[0]).caption for some in (runs, equal)]
    assert "budgets differ" in captions[0].lower()
    assert "budgets differ" not in captions[1].lower()


@pytest.mark.parametrize("metrics", [{"strange_score": 4.5}, {"modes": None}])
def test_nothing_to_rank_by(make_run, metrics) -> None:
    (section,) = group([read_run(make_run(model="flow", metrics=metrics))])
    assert section.primary == ""
    assert ranks(section) == {}
    assert main_table(section).header[0] == "name"


def test_win_rates_are_shares_of_shared_seeds(make_run, tmp_path) -> None:
    """A tie counts half, and a failed seed loses; seeds that only one name has do not count."""
    kls = {"gan_standard": [0.5, 0.5, 0.5, 0.5], "gan_fm": [0.1, 0.5, 0.9], "gan_r1": [0.2, 0.2, None]}
    for name, values in kls.items():
        for seed, kl in enumerate(values):
            lost = {} if kl is not None else {"status": "failed", "metrics": {}, "error": "no memory"}
            make_run(name, seed, kl=kl or 0.0, **lost)
    (section,) = group(collect([tmp_path]))
    table = win_table(section)
    rates = {
        (row[0].text, column): (cell.text, cell.detail)
        for row in table.rows
        for column, cell in zip(table.header[1:], row[1:], strict=True)
    }
    assert rates["`gan_fm`", "`gan_standard`"] == ("0.50", "n = 3")
    assert rates["`gan_standard`", "`gan_fm`"] == ("0.50", "n = 3")
    assert rates["`gan_r1`", "`gan_fm`"] == ("0.33", "n = 3")
    assert rates["`gan_r1`", "`gan_standard`"] == ("0.67", "n = 3")
    assert rates["`gan_r1`", "`gan_r1`"] == ("–", "")


def test_one_name_has_nobody_to_beat(make_run) -> None:
    (section,) = group([read_run(make_run(seed=seed)) for seed in range(3)])
    assert win_table(section) is None
