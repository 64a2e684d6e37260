import re
from collections import Counter

import pytest

from src.report import write_report
from src.report.answers import UNANSWERED, _on_a_click, answers, coverage, effectiveness
from src.report.collect import collect
from src.report.document import Cell, Details, Heading, Paragraph, Picture, Table
from src.report.grouping import group
from src.report.trajectories import in_seeds

GAN = ["Mode coverage with and without the fix", "When collapse begins", "How effective the chosen technique is"]
VAE = ["Evidence of posterior collapse", "How annealing prevented it", "Comparison of annealing strategies"]
AFTER = ["What limits these answers", "Ranking", "Controls: what real data and junk would score", "Samples"]
LAST = ["Cost", "All runs", "What was run"]


def section_of(folder):
    (section,) = group(collect([folder]))
    return section


def headings(text: str) -> list[str]:
    return re.findall(r"^### (.*)$", text, re.MULTILINE)


def answered(section) -> dict[str, list]:
    found: dict[str, list] = {}
    for block in answers(section):
        if isinstance(block, Heading):
            found[block.text] = []
        else:
            found[[*found][-1]].append(block)
    return found


def test_the_questions_on_modes_come_first_then_all_that_they_rest_on(study) -> None:
    text = (write_report([study]).folder / "report.md").read_text()
    assert headings(text) == [*GAN, *AFTER, "How collapse unfolds", *LAST]


def test_the_questions_on_latents_come_first_too(annealing, tmp_path) -> None:
    text = (write_report([annealing], tmp_path / "out").folder / "report.md").read_text()
    assert headings(text) == [*VAE, *AFTER, *LAST]


@pytest.mark.parametrize("kind", ["study", "annealing"])
def test_every_question_has_its_words_and_its_evidence(kind, request) -> None:
    for blocks in answered(section_of(request.getfixturevalue(kind))).values():
        assert isinstance(blocks[0], Paragraph)
        assert blocks[0].text != UNANSWERED
        assert any(isinstance(block, Picture | Table) for block in blocks[1:])


@pytest.mark.parametrize("kind", ["study", "annealing"])
def test_no_picture_and_no_table_stands_on_the_page_twice(kind, request, tmp_path) -> None:
    report = write_report([request.getfixturevalue(kind)], tmp_path / "out")
    text = (report.folder / "report.md").read_text()
    pictures = re.findall(r"\]\((figures/[^)]+)\)", text)
    tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert len(pictures) == len(set(pictures)) > 4
    assert len(tables) == len(set(tables)) > 4


def test_coverage_names_the_highest_mean_and_counts_what_is_shown(study) -> None:
    """Modes 26, 26, 25 with gan_fm; 24, 23, 22 with gan_hinge; 23, 22, 23 without."""
    told = coverage(section_of(study))
    assert "`gan_fm` covers 25.7 [" in told
    assert "the highest mean of 2 remedies" in told
    assert told.endswith("against 22.7 without.")


def test_coverage_shows_nothing_by_means_of_too_few_seeds(make_run, tmp_path) -> None:
    for name, missing in (("standard", "QXZJK"), ("fm", ""), ("hinge", "Q"), ("r1", "QXZJKV")):
        for seed in range(3):
            make_run(f"gan_{name}", seed, missing=missing)
    assert coverage(section_of(tmp_path)).endswith(", against 21.0 without.")
    for run in tmp_path.glob("study/*_[12]/results.json"):
        run.unlink()
    assert coverage(section_of(tmp_path)) == (
        "With a fix, `gan_fm` covers 26.0 on average (1 seed), the highest mean of 3 remedies, "
        "against 21.0 without (1 seed)."
    )


def test_effectiveness_is_the_share_of_the_gap_that_is_closed(make_run, tmp_path) -> None:
    for seed in range(3):
        make_run("gan_standard", seed, missing="QXZJKVAB"[seed:], kl=0.5)
        make_run("gan_fm", seed, missing="Q" * (seed == 0) + "X", kl=0.1)
    assert effectiveness(section_of(tmp_path)).endswith(
        "Of the 7.0 modes that `gan_standard` lacks on average it wins back 5.7 (81%)."
    )


def test_what_is_not_shown_is_not_told_as_a_gain(make_run, tmp_path) -> None:
    for seed, missing in enumerate(("Q", "QXZJ", "")):
        make_run("gan_standard", seed, missing="QX", kl=0.5)
        make_run("gan_fm", seed, missing=missing, kl=0.5 + 0.1 * (seed - 1))
    assert effectiveness(section_of(tmp_path)) == "`gan_fm`: **no difference shown**."


def test_a_question_that_no_run_can_answer_says_so(make_run, tmp_path) -> None:
    for seed in range(3):
        make_run("gan_standard", seed, history=[{"images_seen": 100, "modes": 24}])
    found = answered(section_of(tmp_path))
    assert found[GAN[2]][0].text == "No remedy was run beside it, so none can be judged."
    assert found[GAN[2]][1:] == []


def test_long_tables_beside_a_picture_open_on_a_click() -> None:
    short, long = (Table(["name"], [[Cell("x")]] * rows) for rows in (12, 13))
    assert _on_a_click("Title", short) is short
    assert _on_a_click("Title", long) == Details("Title", [long])
    assert _on_a_click("Title", None) is None


def test_most_of_the_letters_are_told_by_the_others():
    letters = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    assert in_seeds(Counter(letters), 1, letters) == "all 26 in the only seed"
    lost = Counter({letter: 3 for letter in letters} | {"I": 1, "F": 2})
    assert in_seeds(lost, 3, letters) == "all but F, I in all 3 seeds; F in 2 of 3; I in 1 of 3"
    assert in_seeds(Counter("ABCDE"), 2, letters) == "A, B, C, D, E in 1 of 2"
