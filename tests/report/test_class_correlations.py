from dataclasses import replace
from string import ascii_uppercase

import numpy as np
import pytest

from src.core.class_properties import PROPERTIES, property_named
from src.report.class_correlations import ClassCorrelations, class_correlations, correlation_table
from src.report.collect import collect, read_run
from src.report.grouping import group
from src.report.templating import percent, say
from src.report.write import write_report

pytestmark = pytest.mark.usefixtures("undrawn")

LENGTHS = [float(20 + (7 * k) % 26) for k in range(26)]  # all different; of A, B, C, …: 20, 27, 34, 41, 22, …
NOISE = [float((3 * k) % 26) for k in range(26)]  # ranks that hardly go with the lengths
LONGEST = "".join(sorted(ascii_uppercase, key=lambda letter: -LENGTHS[ord(letter) - 65]))


def evaluations(*missing: str) -> list[dict]:
    """One every 100 images, with the letters that it misses."""
    return [
        {"images_seen": 100 * turn, "modes": 26 - len(names), "kl": 0.1, "missing": " ".join(names)}
        for turn, names in enumerate(missing, start=1)
    ]


def say_it(found: ClassCorrelations | None) -> ClassCorrelations | None:
    """Whatever the answer, there are sentences for it."""
    for sentence in ("classes", "class_terms") if found else ():
        assert say(sentence, found).endswith(".")
    return found


@pytest.fixture
def told(make_run):
    """What one name's runs tell, given the letters that each seed misses at its one late evaluation."""

    def make(missing: list[str], properties: dict | None = None, **results) -> ClassCorrelations | None:
        shown = {"skeleton": LENGTHS, "ink": NOISE} if properties is None else properties
        runs = [
            make_run("gan_standard", seed, history=evaluations("", names), class_properties=shown, **results)
            for seed, names in enumerate(missing)
        ]
        (section,) = group([read_run(run) for run in runs])
        return say_it(class_correlations(section))

    return make


def drawn_for(seeds: int, pool: str, number: int) -> list[str]:
    """Letters for each seed, drawn from a pool."""
    random = np.random.default_rng(0)
    return ["".join(random.choice(list(pool), number, replace=False)) for _ in range(seeds)]


def test_a_reason_is_found(told) -> None:
    found = told(drawn_for(8, LONGEST[:12], 7))
    assert found.answer == "a property"
    assert [(one.key, one.claim) for one in found.findings] == [("skeleton", "have shorter strokes")]


def test_sign_of_a_reason(told) -> None:
    longer = {"skeleton": [-length for length in LENGTHS]}
    assert told(drawn_for(8, LONGEST[:12], 7), longer).findings[0].claim == "have longer strokes"


def test_reasons_that_go_with_the_first(told) -> None:
    both = {"skeleton": LENGTHS, "ink": [length**2 for length in LENGTHS]}
    found = told(drawn_for(8, LONGEST[:12], 7), both)
    assert {one.key for one in found.findings} == {"skeleton", "ink"}
    assert (found.twin.key, found.twin.rho) == ("skeleton", pytest.approx(1))


def test_same_letters_without_a_reason(told) -> None:
    fixed = "".join(np.random.default_rng(7).permutation(list(ascii_uppercase))[:6])
    found = told([fixed] * 4)
    assert found.chance < 0.001
    assert found.answer == "no property"


def test_other_letters_in_every_seed_are_chance(told) -> None:
    found = told(["ABC", "DEF", "GHI", "JKL"])
    assert found.chance > 0.5
    assert (found.answer, found.outlive) == ("chance", None)
    assert [found.share(name) for name in "OAQXZ"] == [1, 0.75, 1, 1, 1]


def test_runs_of_one_seed_are_one_witness(told) -> None:
    """Ten recipes that lose the same letters on the same data order say no more than one."""
    found = told(["ABC", "DEF", "GHI"])
    many = replace(
        found, seeds=found.seeds * 10, labels=found.labels * 10, survival_RK=np.tile(found.survival_RK, (10, 1))
    )
    assert many.chance == found.chance


def test_all_runs_of_a_seed_contribute(told) -> None:
    found = told(["ABC", "DEF", "GHI"])
    lost = np.where(np.isin(found.classes, list("QXZ")), 0.0, 1.0)
    doubled = replace(
        found,
        seeds=found.seeds * 2,
        labels=found.labels * 2,
        survival_RK=np.concatenate([found.survival_RK, np.tile(lost, (3, 1))]),
    )
    assert doubled.chance < 0.01 < 0.5 < found.chance


@pytest.mark.parametrize(
    ("missing", "outlive", "worst"),
    [
        (["QXZ", "QX", "Q", "Q"], True, ["Q", "X", "Z"]),
        (["OJ", "OJ", "OJ", "O"], False, ["O", "J"]),
        (["QA", "QA", "Q", "Q"], False, ["Q", "A"]),
    ],
)
def test_letters_that_are_said_to_survive(told, missing, outlive, worst) -> None:
    found = told(missing)
    assert (found.outlive, found.worst) == (outlive, worst)


def test_nothing_vanishes(told) -> None:
    assert told(["", "", ""]).answer == "nothing vanishes"


def test_two_seeds_are_no_reason(told) -> None:
    found = told([LONGEST[:8], LONGEST[:9]])
    assert (found.answer, found.outlive, found.share("Z")) == ("too few seeds", None, 0)
    assert correlation_table(found) is None


def styles(make_run, missing: list[str]) -> ClassCorrelations:
    """Five classes that are no letters."""
    names = ["rock", "jazz", "hiphop", "electronic", "latin"]
    data = {"name": "drums", "digest": "dd", "classes": names, "shape": [1, 16, 9], "levels": 1}
    shown = {key: [1.0, 2.0, 3.0, 4.0, 5.0] for key in ("ink", "within_variance", "oracle_error")}
    for seed, lost in enumerate(missing):
        rows = [{"images_seen": 100, "modes": 5 - len(lost.split()), "kl": 0.1, "missing": lost}]
        metrics = {"modes": 5 - len(lost.split()), "missing": lost.split()}
        run = make_run(seed=seed, history=rows, dataset=data, metrics=metrics, class_properties=shown)
    return say_it(class_correlations(group(collect([run.parent]))[0]))


def test_too_few_classes(make_run) -> None:
    found = styles(make_run, ["rock jazz", "rock jazz", "rock"])
    assert (found.answer, found.worst) == ("too few classes", ["rock", "jazz"])
    assert correlation_table(found) is None


def test_styles_that_survive(make_run) -> None:
    assert styles(make_run, ["", "", ""]).answer == "nothing vanishes"


def test_property_that_is_the_same_everywhere_explains_nothing(told) -> None:
    found = told(["QX", "Q", "Q"], {"holes": [0.0] * 26})
    assert found.answer == "nothing measured"
    assert correlation_table(found) is None


@pytest.mark.parametrize("damage", ["text", [1, 2], {"ink": None}, {"ink": [1.0] * 25 + [None]}, {"ink": [1.0]}])
def test_damaged_properties_do_no_harm(told, damage) -> None:
    found = told(["Q", "Q", "Q"], damage)
    assert found is None or not found.properties


def test_runs_without_properties_or_histories_tell_nothing(make_run) -> None:
    (section,) = group([read_run(make_run("gan_standard"))])
    assert class_correlations(section) is None
    bare = [{"images_seen": 100, "modes": 26, "kl": 0.1}]
    (section,) = group([read_run(make_run("gan_fm", history=bare, class_properties={"ink": NOISE}))])
    assert class_correlations(section) is None


def test_unknown_property_has_a_name() -> None:
    assert property_named("left_handedness").more == "have more left handedness"
    assert all(known.more and known.less and known.unit for known in PROPERTIES.values())


@pytest.mark.parametrize(
    ("share", "text"),
    [(1, "100 %"), (0.9999, "99.9 %"), (0.25, "25 %"), (1 / 3, "33.3 %"), (1e-5, "0.1 %"), (0, "0 %")],
)
def test_only_all_is_a_hundred(share: float, text: str) -> None:
    assert percent(share) == text


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
    assert "| stroke length | −" in part
    for folder in (tmp_path / "study").glob("gan_*/history.csv"):
        folder.unlink()
    assert "Why these letters?" not in (write_report([tmp_path / "study"]).folder / "report.md").read_text()
