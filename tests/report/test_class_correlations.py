from dataclasses import replace
from string import ascii_uppercase

import numpy as np
import pytest
from matplotlib.figure import Figure

from src.report import write_report
from src.report.class_correlations import Why, why
from src.report.class_correlations_section import why_section
from src.report.class_correlations_text import PROPERTIES, answer, percent, property_named, terms
from src.report.collect import collect, read_run
from src.report.figures.class_correlations import _names, why_figure
from src.report.grouping import group

LENGTHS = [float(20 + (7 * k) % 26) for k in range(26)]  # all different; of A, B, C, …: 20, 27, 34, 41, 22, …
NOISE = [float((3 * k) % 26) for k in range(26)]  # ranks that hardly go with the lengths
LONGEST = "".join(sorted(ascii_uppercase, key=lambda letter: -LENGTHS[ord(letter) - 65]))


def evaluations(*missing: str) -> list[dict]:
    """One every 100 images, with the letters that it misses."""
    return [
        {"images_seen": 100 * turn, "modes": 26 - len(names), "kl": 0.1, "missing": " ".join(names)}
        for turn, names in enumerate(missing, start=1)
    ]


@pytest.fixture
def told(make_run):
    """What one name's runs tell, given the letters that each seed misses at its one late evaluation."""

    def make(missing: list[str], properties: dict | None = None, **results) -> Why | None:
        shown = {"skeleton": LENGTHS, "ink": NOISE} if properties is None else properties
        runs = [
            make_run("gan_standard", seed, history=evaluations("", names), class_properties=shown, **results)
            for seed, names in enumerate(missing)
        ]
        (section,) = group([read_run(run) for run in runs])
        return why(section)

    return make


def drawn_for(seeds: int, pool: str, number: int) -> list[str]:
    """Letters for each seed, drawn from a pool."""
    random = np.random.default_rng(0)
    return ["".join(random.choice(list(pool), number, replace=False)) for _ in range(seeds)]


def test_a_reason_is_found(told) -> None:
    found = told(drawn_for(8, LONGEST[:12], 7))
    text = answer(found)
    assert text.startswith("**The letters that survive have shorter strokes**: ρ = −0.")
    assert "after Holm's correction" in text
    assert "more ink" not in text
    assert "less ink" not in text


def test_sign_of_a_reason(told) -> None:
    longer = {"skeleton": [-length for length in LENGTHS]}
    assert "**The letters that survive have longer strokes**" in answer(told(drawn_for(8, LONGEST[:12], 7), longer))


def test_reasons_that_go_with_the_first_are_told(told) -> None:
    both = {"skeleton": LENGTHS, "ink": [length**2 for length in LENGTHS]}
    found = told(drawn_for(8, LONGEST[:12], 7), both)
    assert "They also have shorter strokes (ρ = −0." in answer(found)
    assert "properties overlap: ink and stroke length have ρ = +1.00" in terms(found)


def test_same_letters_without_a_reason(told) -> None:
    fixed = "".join(np.random.default_rng(7).permutation(list(ascii_uppercase))[:6])
    found = told([fixed] * 4)
    assert found.chance < 0.001
    assert "**No property explains it**: the same letters vanish in 4 seeds more often than chance" in answer(found)


def test_other_letters_in_every_seed_are_chance(told) -> None:
    found = told(["ABC", "DEF", "GHI", "JKL"])
    assert found.chance > 0.5
    assert "**Chance, as far as 4 seeds tell**" in answer(found)
    told = "In these runs covered: O in 100 %, A in 75 %, Q in 100 %, X in 100 % and Z in 100 % of the late evaluations"
    assert told in answer(found)
    assert "outlive" not in answer(found)


def test_runs_of_one_seed_are_one_witness(told) -> None:
    """Ten recipes that lose the same letters on the same data order say no more than one."""
    found = told(["ABC", "DEF", "GHI"])
    many = replace(
        found, seeds=found.seeds * 10, labels=found.labels * 10, survival_RK=np.tile(found.survival_RK, (10, 1))
    )
    assert many.chance == found.chance


def test_all_runs_of_a_seed_are_heard(told) -> None:
    found = told(["ABC", "DEF", "GHI"])
    lost = np.where(np.isin(found.classes, list("QXZ")), 0.0, 1.0)
    doubled = replace(
        found,
        seeds=found.seeds * 2,
        labels=found.labels * 2,
        survival_RK=np.concatenate([found.survival_RK, np.tile(lost, (3, 1))]),
    )
    assert doubled.chance < 0.01 < 0.5 < found.chance


def test_letters_that_one_asks_about(told) -> None:
    assert (
        "O (100 %) and A (100 %) do outlive Q (0 %), X (50 %) and Z (75 %); covered least often: Q (0 %), X"
        in answer(told(["QXZ", "QX", "Q", "Q"]))
    )


def test_letters_that_one_asks_about_may_fare_otherwise(told) -> None:
    text = answer(told(["OJ", "OJ", "OJ", "O"]))
    assert "O (0 %) and A (100 %) do not all outlive Q (100 %), X (100 %) and Z (100 %)" in text
    assert "covered least often: O (0 %) and J (25 %)." in text


def test_letters_that_one_asks_about_may_be_mixed(told) -> None:
    assert "A (50 %) do not all outlive Q (0 %), X (100 %)" in answer(told(["QA", "QA", "Q", "Q"]))


def test_nothing_vanishes(told) -> None:
    text = answer(told(["", "", ""]))
    assert text.startswith("**They don't, here**: all 26 letters survive, O, A, Q, X and Z included")
    assert "none was ever missing in any of 3 runs" in text


def test_two_seeds_are_no_reason(told) -> None:
    found = told([LONGEST[:8], LONGEST[:9]])
    assert answer(found).startswith("**No conclusion** from 2 seeds: at least 3 are needed")
    assert "Z in 0 %" in answer(found), "how they fared is told all the same"
    assert "outlive" not in answer(found)
    assert why_figure(found) is None


def styles(make_run, missing: list[str]) -> Why:
    """Five classes that are no letters."""
    names = ["rock", "jazz", "hiphop", "electronic", "latin"]
    data = {"name": "drums", "digest": "dd", "classes": names, "shape": [1, 16, 9], "levels": 1}
    shown = {key: [1.0, 2.0, 3.0, 4.0, 5.0] for key in ("ink", "within_variance", "oracle_error")}
    for seed, lost in enumerate(missing):
        rows = [{"images_seen": 100, "modes": 5 - len(lost.split()), "kl": 0.1, "missing": lost}]
        metrics = {"modes": 5 - len(lost.split()), "missing": lost.split()}
        run = make_run(seed=seed, history=rows, dataset=data, metrics=metrics, class_properties=shown)
    return why(group(collect([run.parent]))[0])


def test_too_few_classes(make_run) -> None:
    found = styles(make_run, ["rock jazz", "rock jazz", "rock"])
    text = answer(found)
    assert text.startswith("**No conclusion** from 5 styles: with 3 properties to choose from")
    assert "Covered least often: rock (0 %) and jazz (33.3 %)." in text
    assert why_figure(found) is None


def test_styles_that_survive(make_run) -> None:
    assert answer(styles(make_run, ["", "", ""])).startswith(
        "**They don't, here**: all 5 styles survive; in the second"
    )


def test_property_that_is_the_same_everywhere_explains_nothing(told) -> None:
    found = told(["QX", "Q", "Q"], {"holes": [0.0] * 26})
    assert answer(found).startswith("**No answer**: nothing that was measured on the letters differs")
    assert why_figure(found) is None


@pytest.mark.parametrize("damage", ["text", [1, 2], {"ink": None}, {"ink": [1.0] * 25 + [None]}, {"ink": [1.0]}])
def test_damaged_properties_do_no_harm(told, damage) -> None:
    found = told(["Q", "Q", "Q"], damage)
    assert found is None or not found.properties


def test_runs_without_properties_or_histories_tell_nothing(make_run) -> None:
    (section,) = group([read_run(make_run("gan_standard"))])
    assert why(section) is None
    assert why_section(section) == []
    bare = [{"images_seen": 100, "modes": 26, "kl": 0.1}]
    (section,) = group([read_run(make_run("gan_fm", history=bare, class_properties={"ink": NOISE}))])
    assert why(section) is None


def test_unknown_property_has_a_name() -> None:
    assert property_named("left_handedness").more == "have more left handedness"
    assert all(known.more and known.less and known.unit for known in PROPERTIES.values())


@pytest.mark.parametrize(
    ("share", "text"),
    [(1, "100 %"), (0.9999, "99.9 %"), (0.25, "25 %"), (1 / 3, "33.3 %"), (1e-5, "0.1 %"), (0, "0 %")],
)
def test_only_all_is_a_hundred(share: float, text: str) -> None:
    assert percent(share) == text


def test_names_in_the_figure_touch_neither_each_other_nor_the_points() -> None:
    figure = Figure(figsize=(6, 5))
    axes = figure.add_subplot()
    random = np.random.default_rng(0)
    points = np.stack([random.normal(size=26), np.repeat([1.0, 0.6], 13)], 1)  # two crowded rows
    axes.plot(*points.T, "o", markersize=4)
    axes.set_ylim(0, 1.2)
    _names(axes, tuple(ascii_uppercase), points)
    figure.draw_without_rendering()
    boxes = [label.get_window_extent().padded(-1.5) for label in axes.texts]
    assert len(boxes) == 26
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    dots = axes.transData.transform(points)
    assert not any(box.contains(*dot) for box in boxes for dot in dots)


def test_report_has_the_section(make_run, tmp_path) -> None:
    for name in ("gan_standard", "gan_fm"):
        for seed, missing in enumerate(drawn_for(3, LONGEST[:12], 7)):
            make_run(name, seed, history=evaluations("", missing), class_properties={"skeleton": LENGTHS, "ink": NOISE})
    report = write_report([tmp_path / "study"])
    text = (report.folder / "report.md").read_text()
    part = text[text.index("### Why these letters?") :]
    assert "have shorter strokes" in part
    assert "mean over 6 completed runs (2 names, 3 seeds)" in part
    assert "| `gan_fm` |" in part
    content = (report.folder / "figures" / "why_gan_ab12cd34.png").read_bytes()
    assert content.startswith(b"\x89PNG")
    for folder in (tmp_path / "study").glob("gan_*/history.csv"):
        folder.unlink()
    write_report([tmp_path / "study"])
    assert not list((report.folder / "figures").glob("why_*")), "a stale figure would contradict the page"
