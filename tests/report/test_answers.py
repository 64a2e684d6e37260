import re
from collections import Counter

import pytest

from src.report.answers import answers
from src.report.collect import collect
from src.report.document import Picture, Table
from src.report.grouping import group
from src.report.templating import in_seeds
from src.report.write import write_report

pytestmark = pytest.mark.usefixtures("undrawn")


def section_of(folder):
    (section,) = group(collect([folder]))
    return section


def headings(text: str) -> list[str]:
    return re.findall(r"^### (.*)$", text, re.MULTILINE)


@pytest.mark.parametrize("kind", ["study", "annealing"])
def test_every_question_has_one_sentence_what_decides_and_evidence(kind, request) -> None:
    for part in answers(section_of(request.getfixturevalue(kind))):
        assert part.answer.endswith(".")
        assert ". " not in part.answer
        assert part.decides.startswith("Decides: ")
        assert any(isinstance(block, Picture | Table) for block in part.blocks)


@pytest.mark.parametrize("kind", ["study", "annealing"])
def test_no_picture_and_no_table_stands_on_the_page_twice(kind, request, tmp_path) -> None:
    report = write_report([request.getfixturevalue(kind)], tmp_path / "out")
    text = (report.folder / "report.md").read_text()
    pictures = re.findall(r"\]\((figures/[^)]+)\)", text)
    tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert len(pictures) == len(set(pictures)) > 4
    assert len(tables) == len(set(tables)) > 4


def test_a_question_that_no_run_can_answer_is_left_out(make_run, tmp_path) -> None:
    for seed in range(3):
        make_run("gan_standard", seed, history=[{"images_seen": 100, "kl": 0.2}], controls={})
    text = (write_report([tmp_path]).folder / "report.md").read_text()
    assert not {"How collapse unfolds", "Early warnings", "Samples"} & set(headings(text))
    (last,) = [part for part in answers(section_of(tmp_path / "study")) if part.heading.startswith("How effective")]
    assert not last.blocks, "a sentence, and nothing to show"


def test_most_of_the_letters_are_told_by_the_others():
    letters = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    assert in_seeds(Counter(letters), 1, letters) == "all 26 in the only seed"
    lost = Counter({letter: 3 for letter in letters} | {"I": 1, "F": 2})
    assert in_seeds(lost, 3, letters) == "all but F, I in all 3 seeds; F in 2 of 3; I in 1 of 3"
    assert in_seeds(Counter("ABCDE"), 2, letters) == "A, B, C, D, E in 1 of 2"
