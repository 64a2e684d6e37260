"""Trials of tuned sweeps as data beside the runs."""

from pathlib import Path

from src.report.collect import collect
from src.report.export import table_csv
from src.report.stored import store
from src.report.trials import COLUMNS, TABLE, Trial, at_the_edge, beside, stored_trials

STROKES = "strokes-ab12cd34ef56-"


def tuned(sweep: Path, recipe: str, mean: str, rate: str = "0.001", beta1: str = "0.5") -> dict[str, str]:
    texts = {"recipe": recipe, "metric": "kl_late", "rate": rate, "beta1": beta1, "default": "no", "chosen": "yes"}
    return texts | {"seeds": "1000 1001", "values": f"{mean or 'none'} 0.5", "mean": mean, "overrides": ""}


def test_trials_of_a_sweep_are_stored_with_its_runs(make_run, tmp_path: Path):
    table, sweep = tmp_path / "results" / "gan.csv", tmp_path / "study"
    for name in ("gan_fm", "gan_r1"):
        make_run(name, 0)
    rows = [tuned(sweep, "gan_fm", "0.25"), tuned(sweep, "gan_r1", ""), tuned(sweep, "gan_never_run", "0.1")]
    (sweep / TABLE).write_text(table_csv(COLUMNS, rows))
    assert store(collect([sweep]), table) == 2
    first, second = stored_trials(table)
    assert first == Trial(STROKES, "", "gan_fm", "kl_late", 0.001, 0.5, False, 2, 0.25, True)
    assert (second.recipe, second.mean) == ("gan_r1", None), "a trial failed; what no run belongs to is left out"

    (sweep / TABLE).write_text(table_csv(COLUMNS, [tuned(sweep, "gan_r1", "0.75", beta1="")]))
    store(collect([sweep]), table)
    again = {trial.recipe: trial for trial in stored_trials(table)}
    assert (again["gan_r1"].mean, again["gan_r1"].beta1) == (0.75, None), "takes the place of the earlier ones"
    assert again["gan_fm"] == first


def test_untuned_sweeps_have_none(make_run, tmp_path: Path):
    make_run("gan_fm", 0)
    store(collect([tmp_path / "study"]), tmp_path / "gan.csv")
    assert not beside(tmp_path / "gan.csv").exists()
    assert stored_trials(tmp_path / "gan.csv") == []


def test_a_best_rate_at_the_edge_of_those_tried():
    def tried(recipe: str, chosen: float) -> list[tuple[str, float, bool]]:
        return [(recipe, rate, rate == chosen) for rate in (0.002, 0.0005, 0.004)]

    names = {"highest": 0.004, "within": 0.002, "lowest": 0.0005}
    assert at_the_edge(one for name, chosen in names.items() for one in tried(name, chosen)) == ["highest", "lowest"]
    assert at_the_edge([("one rate", 0.001, False), ("one rate", 0.001, True)]) == [], "nothing beyond was in question"
    assert at_the_edge([("β1", 0.001, False), ("β1", 0.001, True), ("β1", 0.01, False)]) == ["β1"]
