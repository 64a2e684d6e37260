"""How collapse unfolds, in tables: when loss becomes lasting, what is lost, what comes back, what is gone for good."""

from collections import Counter
from collections.abc import Sequence
from statistics import median

from src.core.metric_specs import compact, listed
from src.report.document import Cell, Table
from src.report.figures.shares import ABSENT, MOST_CLASSES
from src.report.figures.survival import recorded
from src.report.grouping import Section, Summary
from src.report.trajectories import ModeTrajectory, fates, few, in_seeds, outcomes_of

QUARTERS = (0.25, 0.5, 0.75, 1.0)
FEW_NAMES = 6  # more are counted in a sentence, and named in the table


def onset_table(section: Section) -> Table | None:
    """Onset over seeds per name, and in how many seeds no loss had become lasting a quarter, a half … through."""
    drawn = [summary for summary in section.summaries if recorded(summary)]
    if not drawn:
        return None
    header = ["name", "seeds", "collapsed", "learning", "covering"]
    header += ["with an onset", "median onset", "without one at ¼ · ½ · ¾ · the end"]
    caption = (
        "Outcome: collapsed, still learning, or covering the modes, in how many seeds, where it is known. "
        f"Onset: {section.unit} seen when the loss of modes became lasting; median over the seeds that have one, below "
        "it their range. Seeds that never covered half the modes had nothing to lose and can have none. Last column: "
        "in how many of the others there was no lasting loss yet at these parts of the training."
    )
    if section.family.levels:  # whose outcome is that of the levels
        header[2:5] = []
        caption = caption[caption.index("Onset") :]
    return Table(header, [_onset_row(summary, not section.family.levels) for summary in drawn], caption)


def _onset_row(summary: Summary, with_outcomes: bool) -> list[Cell]:
    runs = summary.included
    found = [run.mode_onset for run in runs if run.mode_onset is not None]
    able = [run for run in runs if not run.onset_reason]
    never = len(runs) - len(able)
    free = (
        sum(run.mode_onset is None or run.mode_onset > part * (run.images_seen or 0) for run in able)
        for part in QUARTERS
    )
    ended = outcomes_of(runs)
    known = any(key for key in ended)
    counts = [Cell(str(ended[key]) if known else "–") for key in ("collapsed", "learning", "covering")]
    return [
        Cell(f"`{summary.label}`"),
        Cell(str(len(runs))),
        *(counts if with_outcomes else []),
        Cell(str(len(found)), f"{never} never covered half" if never else ""),
        _spread(found),
        Cell(" · ".join(map(str, free))),
    ]


def _spread(values: Sequence[float]) -> Cell:
    """Median of samples seen, below it the range."""
    if not values:
        return Cell("–")
    low, high = compact(min(values)), compact(max(values))
    return Cell(compact(median(values)), f"{low}–{high}" if low != high else "")


def onset_sentence(section: Section) -> str:
    """Under which names loss becomes lasting in every seed, in some, in none; with their number where they are few."""
    groups: dict[str, list[str]] = {"every seed": [], "some seeds": [], "no seed": []}
    for summary in section.summaries:
        runs, found = len(summary.included), sum(run.mode_onset is not None for run in summary.included)
        if not recorded(summary):
            continue
        if found in (0, runs):
            groups["every seed" if found else "no seed"].append(f"`{summary.label}`{few(runs)}")
        else:
            groups["some seeds"].append(f"`{summary.label}` ({found} of {runs})")
    told = {
        share: listed(names) if len(names) <= FEW_NAMES else f"{len(names)} names" for share, names in groups.items()
    }
    parts = [f"in {share} under {told[share]}" for share, names in groups.items() if names]
    return f"Loss becomes lasting {'; '.join(parts)}." if parts else ""


def loss_table(section: Section) -> Table | None:
    """How many modes a run loses, gets back, and loses for good, a row per name."""
    drawn = [(summary, [fates(run, ABSENT) for run in recorded(summary)]) for summary in section.summaries]
    drawn = [(summary, runs) for summary, runs in drawn if runs]
    if not drawn:
        return None
    header = ["name", "lost at some time", "of these back at the end", "gone for good", "never covered"]
    rows = [[Cell(f"`{summary.label}`"), *_losses(runs)] for summary, runs in drawn]
    noun = "modes"
    if _has_names(section):
        header, noun = [*header, "which"], section.dataset.noun
        rows = [[*row, Cell(_which(runs))] for row, (_, runs) in zip(rows, drawn, strict=True)]
    caption = (
        f"{noun.capitalize()} a run: median over seeds, below it the range. Lost: missing at an evaluation after "
        "having been covered at an earlier one."
    )
    return Table(header, rows, caption, wide=(5,))


def _has_names(section: Section) -> bool:
    """Whether the modes are classes, and few enough to be named one by one."""
    return section.dataset is not None and len(section.dataset.classes) == section.num_modes <= MOST_CLASSES


def _losses(runs: Sequence[dict[str, ModeTrajectory]]) -> list[Cell]:
    lost = [sum(fate.first_loss is not None for fate in run.values()) for run in runs]
    gone = [sum(fate.gone is not None for fate in run.values()) for run in runs]
    back = [ever - final for ever, final in zip(lost, gone, strict=True)]
    never = [sum(not fate.present for fate in run.values()) for run in runs]
    return [_count(counts) for counts in (lost, back, gone, never)]


def _count(counts: Sequence[int]) -> Cell:
    low, high = min(counts), max(counts)
    return Cell(f"{median(counts):g}", f"{low}–{high}" if low != high else "")


def _which(runs: Sequence[dict[str, ModeTrajectory]]) -> str:
    """A sentence on the first to go, what is gone for good, and what never came."""
    losses = [(fate.first_loss, name) for run in runs for name, fate in run.items() if fate.first_loss is not None]
    gone = Counter(name for run in runs for name, fate in run.items() if fate.gone is not None)
    never = Counter(name for run in runs for name, fate in run.items() if not fate.present)
    parts = []
    if losses:
        earliest = min(losses)[0]
        names = sorted({name for when, name in losses if when == earliest})
        parts.append(f"first to go: {listed(names)} at {compact(earliest)}")
    parts += [f"for good: {in_seeds(gone, len(runs))}"] if gone else []
    parts += [f"never covered: {in_seeds(never, len(runs))}"] if never else []
    text = ". ".join(part[0].upper() + part[1:] for part in parts)
    return f"{text}." if text else "Nothing is ever lost."


def class_table(section: Section) -> Table | None:
    """Under the baseline, class by class: first loss, returns, last loss, over seeds; None if nothing was ever lost."""
    baseline = section.summaries[0]
    runs = [fates(run, ABSENT) for run in recorded(baseline)]
    if not _has_names(section):
        return None
    found = {name: [run[name] for run in runs if name in run] for name in section.dataset.classes}
    found = {name: members for name, members in found.items() if any(map(_suffers, members))}
    if not found:
        return None
    order = sorted(found, key=lambda name: _severity(found[name]))
    header = [_one(section), "lost at some time", "first lost at", "came back", "gone for good", "since"]
    unharmed = f"{len(section.dataset.classes) - len(found)} of {len(section.dataset.classes)}"
    caption = (
        f"`{baseline.label}`, {len(runs)} seed{'s' * (len(runs) != 1)}: in how many of them, and at how many "
        f"{section.unit} seen (median, below it the range). Never lost: {unharmed} {section.dataset.noun}."
    )
    return Table([*header, "never covered"], [_class_row(name, found[name]) for name in order], caption)


def _one(section: Section) -> str:
    """What one class is called."""
    return {"classes": "class"}.get(section.dataset.noun, section.dataset.noun[:-1])


def _suffers(fate: ModeTrajectory) -> bool:
    return fate.first_loss is not None or not fate.present


def _severity(members: Sequence[ModeTrajectory]) -> tuple[float, ...]:
    """Sorts the classes lost for good in most seeds first, of these the ones that go first."""
    final = sum(fate.gone is not None or not fate.present for fate in members)
    first = [fate.first_loss for fate in members if fate.first_loss is not None]
    return -final, median(first) if first else 0.0


def _class_row(name: str, members: Sequence[ModeTrajectory]) -> list[Cell]:
    first = [fate.first_loss for fate in members if fate.first_loss is not None]
    gone = [fate.gone for fate in members if fate.gone is not None]
    back = [fate.recoveries for fate in members if fate.recoveries]
    never = sum(not fate.present for fate in members)
    return [
        Cell(name),
        Cell(_or_dash(len(first))),
        _spread(first),
        Cell(_or_dash(len(back)), f"{sum(back)} times in all" if sum(back) > len(back) else ""),
        Cell(_or_dash(len(gone))),
        _spread(gone),
        Cell(_or_dash(never)),
    ]


def _or_dash(count: int) -> str:
    return str(count) if count else "–"
