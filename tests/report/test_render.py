"""Sounds that a page has no room for."""

from src.report.document import Audio, Details, Document, Heading, Paragraph, html
from src.report.write import PLAYER, fit_size_budget

FIRST, SECOND, LAST = (
    Audio("data:" + mark * 20_000, f"sound {mark}", rank) for mark, rank in (("a", 1), ("b", 2), ("c", 0))
)
BLOCKS = [Heading("Sounds"), Details("To hear", [FIRST, SECOND]), Details("More", [Paragraph("words"), SECOND]), LAST]
DOCUMENT = Document("Page", BLOCKS)
BARE = len(html(fit_size_budget(DOCUMENT, 0)).encode())


def test_what_fits_stays_as_it_is():
    assert fit_size_budget(DOCUMENT) == DOCUMENT


def test_the_lowest_ranks_stay_longest():
    """Wherever they stand; nothing else is touched."""
    for num, expected in ((1, [LAST]), (2, [Details("To hear", [FIRST]), LAST])):
        room = num * (20_005 + PLAYER)
        found = fit_size_budget(DOCUMENT, BARE + room)
        assert [block for block in found.blocks if block in expected] == expected
        assert Details("More", [Paragraph("words")]) in found.blocks
        assert html(found).count("<audio") == num
        assert BARE + 20_000 * num < len(html(found).encode()) <= BARE + room


def test_a_page_that_is_too_heavy_without_sounds_has_none():
    assert fit_size_budget(DOCUMENT, 0).blocks == [Heading("Sounds"), Details("More", [Paragraph("words")])]
