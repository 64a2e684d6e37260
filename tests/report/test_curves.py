import numpy as np
import pytest
from scipy import stats

from src.report.collect import collect
from src.report.figures.curves import averaged, curves
from src.report.grouping import group


def histories(make_run, values: dict[int, list[float | None]], key: str = "modes") -> None:
    for seed, column in values.items():
        rows = [{"images_seen": 100 * n, key: "" if v is None else v} for n, v in enumerate(column, 1)]
        make_run("gan_standard", seed, history=rows)


@pytest.fixture
def baseline(tmp_path):
    return lambda: group(collect([tmp_path]))[0].summaries[0]


def test_the_band_is_students_interval_of_the_seeds(make_run, baseline) -> None:
    histories(make_run, {0: [10, 20], 1: [12, 26], 2: [17, 23]})
    seen, mean, low, high = averaged(baseline(), "modes")
    assert seen.tolist() == [100, 200]
    for turn, column in enumerate(([10, 12, 17], [20, 26, 23])):
        expected = stats.t.interval(0.95, 2, np.mean(column), stats.sem(column))
        assert mean[turn] == pytest.approx(np.mean(column))
        assert (low[turn], high[turn]) == pytest.approx(expected)


def test_on_a_logarithmic_scale_it_is_that_of_the_logarithms(make_run, baseline) -> None:
    histories(make_run, {0: [0.01], 1: [0.1], 2: [1.0]}, "kl")
    _, mean, low, high = averaged(baseline(), "kl")
    logs = np.log([0.01, 0.1, 1.0])
    assert mean[0] == pytest.approx(0.1)
    assert np.log([low[0], high[0]]) == pytest.approx(stats.t.interval(0.95, 2, logs.mean(), stats.sem(logs)))
    assert low[0] > 0


def test_only_where_every_seed_has_a_value(make_run, baseline) -> None:
    histories(make_run, {0: [10, 20, 21], 1: [12, None, 26], 2: [17, 23, 20]})
    assert averaged(baseline(), "modes")[0].tolist() == [100, 300]


@pytest.mark.parametrize("names", [1, 4, 5, 33])
def test_any_number_of_names_is_drawn(make_run, tmp_path, names: int) -> None:
    for number in range(names):
        make_run(f"gan_{number:02d}", 0)
    (section,) = group(collect([tmp_path]))
    chart = curves(section, "modes")
    assert chart.png().startswith(b"\x89PNG")
    assert chart.marks == {"seeds", "steps"}
    assert [line["name"] for line in chart.data["lines"]] == [summary.label for summary in section.summaries]
    assert chart.data["lines"][0]["runs"] == [["0", False, [100, 200, 300], [23, 26, 24]]]
    assert curves(section, "absent") is None
