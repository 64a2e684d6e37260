"""The Jinja environment of the report's templates: pages, captions and sentences."""

import base64
import re
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape


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
    )
    made.filters |= {
        "inline": inline,
        "entities": entities,
        "line": line,
        "cell": lambda text: text.replace("|", "\\|"),
        "row": lambda cells: f"| {' | '.join(cells)} |",
        "kind": lambda block: type(block).__name__,
        "base64": lambda content: base64.b64encode(content).decode("ascii"),
    }
    return made


def rendered(template: str, **values: Any) -> str:
    return environment().get_template(template).render(**values)
