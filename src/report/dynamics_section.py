"""The page's part on dynamics: what is lost when, and which signals moved before it."""

from src.report.document import Block, Bullets, Details, Heading, Paragraph
from src.report.dynamics import class_table, loss_table
from src.report.early_warning import records
from src.report.early_warning_text import definition, earliest, left_out, warning_table
from src.report.figures.all import signal_picture
from src.report.figures.shares import ABSENT
from src.report.grouping import Section
from src.report.trajectories import vanishing


def dynamics_section(section: Section) -> list[Block | None]:
    """What is lost and what comes back, then early warnings; nothing where no history tells."""
    return [*_unfolding(section), *_early_warnings(section)]


def _unfolding(section: Section) -> list[Block | None]:
    told, classes = " ".join(vanishing(section)), class_table(section)
    told = told if section.family.absent == ABSENT else ""
    blocks = [
        Bullets([(told, "finding")]) if told else None,
        loss_table(section),
        Details(f"Under `{section.baseline_label}`, one by one", [classes]) if classes else None,
    ]
    return [Heading("How collapse unfolds", 3), *blocks] if any(blocks) else []


def _early_warnings(section: Section) -> list[Block | None]:
    found = records(section)
    if not found:
        return []
    return [
        Heading("Early warnings", 3),
        Bullets([(earliest(found, section.unit), "finding")]),
        *(Paragraph(text, "note") for text in (definition(), left_out(section)) if text),
        warning_table(found, section.unit),
        signal_picture(section),
    ]
