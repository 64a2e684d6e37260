"""Jinja templates of the report: pages, sentences and captions, and the phrases that they share with tables."""

import base64
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from src.core.metric_families import CONTROLS
from src.core.metric_specs import LEAST_KL, MetricSpec, compact, listed, metric_spec
from src.evaluation.metrics.onset import ACTIVE_NATS
from src.report.records import NEVER_STARTED
from src.report.statistics import CHANCE, MIN_SEEDS, Estimate, p_text
from src.report.verdicts import effects_text

MOST_NAMES = 4
ENOUGH_SEEDS = 5  # from here on "more seeds" is not the first advice


def rendered(template: str, **values: Any) -> str:
    return environment().get_template(template).render(**values)


def say(sentence: str, *values: Any) -> str:
    """A sentence of sentences.j2, cautions.j2 or captions.j2 by its macro's name, in one line."""
    return " ".join(_macros()[sentence](*values).split())


@cache
def _macros() -> dict[str, Any]:
    files = ("sentences.j2", "cautions.j2", "captions.j2")
    environment_of_text = environment().overlay(trim_blocks=False, lstrip_blocks=False)
    return {key: macro for file in files for key, macro in vars(environment_of_text.get_template(file).module).items()}


def count(number: int, noun: str) -> str:
    """As in "3 seeds", "1 seed" and "2 strategies"."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


def few(seeds: int) -> str:
    """What follows a label whose seeds are too few for a conclusion, as in " (1 seed)"."""
    return f" ({count(seeds, 'seed')})" if seeds < MIN_SEEDS else ""


def interval(value: Estimate, spec: MetricSpec, signed: bool = False) -> str:
    """As in "4.3 [1.2, 7.4]", the brackets left out where there is no interval."""
    ends = "" if value.low is None else f" [{spec.text(value.low, signed)}, {spec.text(value.high, signed)}]"
    return f"{spec.text(value.mean, signed)}{ends}"


def of_seeds(number: int, runs: int) -> str:
    if runs == 1:
        return "in the only seed"
    if number == runs:
        return "in both seeds" if runs == 2 else f"in all {runs} seeds"
    return f"in {number} of {runs}"


def in_seeds(counts: Counter[str], runs: int, classes: Sequence[str] = ()) -> str:
    """Names by the number of seeds they are absent in: "Q, X in all 3 seeds; J in 1 of 3".

    More than three in four of the classes are named by the others: "all but I in all 3 seeds".
    """
    names: dict[int, list[str]] = {}
    for name, number in sorted(counts.items()):
        names.setdefault(number, []).append(name)
    return "; ".join(f"{_most(names[n], classes)} {of_seeds(n, runs)}" for n in sorted(names, reverse=True))


def _most(names: Sequence[str], classes: Sequence[str]) -> str:
    if not classes or len(names) <= 3 / 4 * len(classes) or not set(names) <= set(classes):
        return listed(names)
    return f"all but {listed(sorted(set(classes) - set(names)))}" if len(names) < len(classes) else f"all {len(names)}"


def joined(parts: Iterable[str]) -> str:
    """As in "O, A and Q"."""
    *others, last = parts
    return f"{', '.join(others)} and {last}" if others else last


def some(labels: Sequence[str]) -> str:
    """The first few names in code, and how many more."""
    more = [f"{len(labels) - MOST_NAMES} more"] if len(labels) > MOST_NAMES else []
    return joined([*(f"`{label}`" for label in labels[:MOST_NAMES]), *more])


def percent(share: float) -> str:
    """As in "97.3 %"; 100 and 0 only where it is exactly that."""
    rounded = round(100 * share, 1)
    return f"{share * 100 if share in (0, 1) else min(max(rounded, 0.1), 99.9):g} %"


def inline(text: str) -> Markup:
    """Escaped text with `code` and **bold**."""
    marked = re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text)))
    return Markup(re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", marked))


def entities(text: str) -> str:
    return text.replace("<", "&lt;").replace(">", "&gt;")


def line(text: str) -> str:
    """One line of Markdown without raw HTML, links and pictures, whatever names it holds.

    Within code, too: where a name holds backticks, readers differ in what is code.
    """
    return entities(" ".join(text.split()).replace("](", "]\\("))


@cache
def environment() -> Environment:
    made = Environment(
        loader=PackageLoader("src.report"),
        autoescape=lambda name: bool(name) and name.endswith(".html.j2"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.policies["json.dumps_kwargs"] = {}  # names stay in their order
    made.globals |= {
        "ACTIVE_NATS": ACTIVE_NATS,
        "LEAST_KL": LEAST_KL,
        "CHANCE": CHANCE,
        "MIN_SEEDS": MIN_SEEDS,
        "ENOUGH_SEEDS": ENOUGH_SEEDS,
        "CONTROLS": CONTROLS,
        "NEVER_STARTED": NEVER_STARTED,
        "say": say,
        "source": lambda name: Markup((Path(__file__).parent / "templates" / name).read_text(encoding="utf-8")),
    }
    phrases = (inline, entities, line, count, few, interval, of_seeds, in_seeds, joined, some, percent)
    made.filters |= {one.__name__: one for one in (*phrases, compact, listed, median)}
    made.filters |= {
        "metric": metric_spec,
        "p": p_text,
        "effects": effects_text,
        "clause": lambda text: text.partition(". ")[0].rstrip("."),
        "uncapital": lambda text: text if text.startswith("IWAE") else text[:1].lower() + text[1:],
        "capital": lambda text: re.sub(r"^(\**)(\w)", lambda first: first[1] + first[2].upper(), text),
        "code": lambda label: f"`{label}`",
        "cell": lambda text: text.replace("|", "\\|"),
        "row": lambda cells: f"| {' | '.join(cells)} |",
        "kind": lambda block: type(block).__name__,
        "sha256": lambda text: base64.b64encode(sha256(text.encode()).digest()).decode(),
        "base64": lambda content: base64.b64encode(content).decode("ascii"),
    }
    return made
