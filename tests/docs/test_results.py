"""No figure in the pages made from results/ differs from results/."""

from docs._results.__main__ import pages
from docs._results.claims import RULES


def test_a_page_is_what_its_results_make_of_it():
    made = pages()
    assert [path.name for path in made] == ["reproduction.md", "seed.md"]
    for path, content in made.items():
        assert path.read_text() == content, "run python -m docs._results"
        assert path.name != "seed.md" or all(f"| {rule.claim} | **" in content for rule in RULES)
