"""No figure in the pages made from results/ differs from results/."""

from docs._results.__main__ import RESULTS, ROOT, comparisons, pages
from docs._results.claims import RULES
from src.report.answers import opening
from src.report.grouping import group
from src.report.stored import stored


def test_a_page_is_what_its_results_make_of_it():
    made = pages()
    assert [path.name for path in made] == [
        *("reproduction.md", "seed.md", "results.md"),
        *("results_gan.md", "results_vae.md", "metrics.md", "speed.md"),
    ]
    for path, content in made.items():
        assert path.read_text() == content, "run python -m docs._results"
        assert path.name != "seed.md" or all(f"| {rule.claim} | **" in content for rule in RULES)


def test_readme_quotes_what_the_results_say():
    readme = " ".join((ROOT / "README.md").read_text().split())
    (collapse, effect, _), *_ = (opening(section) for section in group(stored(RESULTS / "quick.csv")))
    assert collapse.text.partition(": under ")[2] in readme
    assert effect.text.partition("; side effects")[0] in readme
    page = next(page for page in comparisons() if page.model == "gan")
    first, *_ = page.measured
    helps, hurts = first.of("helps"), first.of("hurts")
    letters = next(one for one in page.measured if one.label == "handwritten letters")
    for found in (helps[:4], hurts, letters.of("helps")):
        assert ", ".join(f"`{one.summary.label}` {one.amount}" for one in found) in readme
    assert (len(helps), len(hurts), len(first.found)) == (8, 2, 12), "README says how many"
