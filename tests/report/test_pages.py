"""No figure in the pages made from results/ differs from results/."""

import pytest

from src.report.answers import opening
from src.report.claims import RULES
from src.report.grouping import group
from src.report.pages import DOCS, RESULTS, ROOT, pages, write_pages
from src.report.stored import stored


@pytest.mark.parametrize("name", ["reproduction.md", "seed.md", "results.md"])
def test_a_page_is_what_its_results_make_of_it(name: str):
    assert (DOCS / name).read_text() == pages()[name], "run python -m src.report --docs"


def test_every_claim_has_a_verdict():
    page = (DOCS / "seed.md").read_text()
    for rule in RULES:
        assert f"| {rule.claim} | **" in page


def test_pages_are_written_where_asked(tmp_path):
    assert [path.name for path in write_pages(docs=tmp_path)] == ["reproduction.md", "seed.md", "results.md"]
    assert (tmp_path / "seed.md").read_text() == pages()["seed.md"]


def test_readme_quotes_what_the_results_say():
    readme = " ".join((ROOT / "README.md").read_text().split())
    (collapse, effect, _), *_ = (opening(section) for section in group(stored(RESULTS / "quick.csv")))
    assert collapse.text.partition(": under ")[2] in readme
    assert effect.text.partition("; side effects")[0] in readme
