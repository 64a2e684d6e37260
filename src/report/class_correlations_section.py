"""The report's part on why some classes survive: the answer, a figure, and the numbers behind both."""

from src.report.class_correlations import Why, spearman, why
from src.report.class_correlations_text import RHO, answer, percent, property_named, terms
from src.report.document import Block, Bullets, Cell, Details, Heading, Paragraph, Table
from src.report.figures.all import why_picture
from src.report.grouping import Section


def why_section(section: Section) -> list[Block]:
    """Nothing where the runs tell no properties or no survival."""
    found = why(section)
    if found is None:
        return []
    picture, within = why_picture(section, found), correlation_table(found)
    return [
        Heading(f"Why these {found.noun}?", 3),
        Bullets([(answer(found), "finding")]),
        *([picture] if picture else []),
        Paragraph(terms(found), "note"),
        Details(f"All {found.noun}, and what was measured of them", [property_table(found)]),
        *([Details("The same within each name", [within])] if within else []),
    ]


def property_table(found: Why) -> Table:
    """Every class with its survival and its properties, the one that fared worst first."""
    keys = [*found.properties]
    known = [property_named(key) for key in keys]
    units = ", ".join(f"{each.label}: {each.unit}" for each in known if each.unit)
    order = sorted(range(len(found.classes)), key=lambda index: (found.survival_K[index], found.classes[index]))
    rows = [
        [
            Cell(found.classes[index]),
            Cell(percent(found.survival_K[index])),
            *(Cell(f"{found.properties[key][index]:.3g}") for key in keys),
        ]
        for index in order
    ]
    return Table(
        ["", "survival", *(each.label for each in known)], rows, f"Means over real data. {units.capitalize()}."
    )


def correlation_table(found: Why) -> Table | None:
    """ρ within each name that has enough seeds and loses anything unevenly; None if there is only one name."""
    rows = []
    for label, survival_K in found.by_name.items():
        rhos = [float(spearman(found.properties[c.key], survival_K)) for c in found.correlations]
        cells = [Cell(RHO.text(rho, True) if survival_K.min() < survival_K.max() else "–") for rho in rhos]
        rows.append([Cell(f"`{label}`"), Cell(percent(survival_K.mean())), *cells])
    if len(rows) < 2:
        return None
    header = ["name", "mean survival", *(property_named(c.key).label for c in found.correlations)]
    caption = "ρ within each name, too few runs for an interval: whether the signs agree is what can be read."
    return Table(header, rows, caption)
