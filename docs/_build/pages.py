"""Markdown of the site that is made from conf/ and docstrings."""

import re
from collections.abc import Iterable

from latex2mathml.converter import convert

from docs._build.options import Choice, Option, choices, docstrings, groups, read, recipes_with
from src.core.commands import CONFIGURATION

MARKER = re.compile(r"^<!-- option (?P<group>\S+)/(?P<name>\w+) -->$", re.MULTILINE)
MATH = re.compile(r"^```math\n(.*?)\n```$", re.MULTILINE | re.DOTALL)
MOST = 6  # recipes that are named beside a technique's own


def filled(text: str) -> str:
    """A page with its formulas as MathML, and what conf/ says in place of its markers."""
    text = MATH.sub(lambda found: f'<p class="formula">{convert(found[1], display="block")}</p>', text)
    return MARKER.sub(lambda found: technique(read(CONFIGURATION / found["group"] / f"{found['name']}.yaml")), text)


def technique(choice: Choice) -> str:
    """A choice as a page about techniques shows it: commands, purpose, options, and its recipe."""
    recipes = recipes_with(choice)
    commands = [f"python -m src.train experiment={recipe.name}" for recipe in recipes[:1]] + [choice.command]
    reference = f"[{choice.group}={choice.name}](../reference/{choice.group.replace('/', '.')}.md#{choice.name})"
    parts = [_code("sh", "\n".join(commands)), _head(choice.head), *docs_of(choice), table(choice.options)]
    if recipes:
        own, *others = recipes
        parts.append(f"**Recipe `{own.name}`.** {_head(own.head)}")
        more = f" and {len(others) - MOST} more" if len(others) > MOST else ""
        parts += [f"Also part of {_names(others[:MOST])}{more}."] if others else []
    return "\n\n".join(filter(None, [*parts, f"In the reference: {reference}."]))


def docs_of(choice: Choice) -> list[str]:
    return [_linked(text) for text in docstrings(choice.target)] if choice.target else []


def table(options: Iterable[Option]) -> str:
    """The options with defaults and meanings; empty without any."""
    rows = [f"| `{each.key}` | `{_cell(each.default)}` | {_cell(_linked(each.meaning))} |" for each in options]
    return "\n".join(["| option | default | meaning |", "|---|---|---|", *rows]) if rows else ""


def reference() -> dict[str, str]:
    """The pages of the reference by file name: an overview, and one for each group."""
    return {"index.md": overview(), **{f"{group.replace('/', '.')}.md": group_page(group) for group in groups()}}


def overview() -> str:
    rows = [
        f"| [`{group}`]({group.replace('/', '.')}.md) | {_cell(_names(choices(group)))} |"
        for group in groups()
    ]
    options = [each for each in read(CONFIGURATION / "train.yaml").options if not each.key.startswith("hydra")]
    return "\n\n".join(
        [
            "# Options",
            "Made from `conf/` and the docstrings of the classes. A group is chosen by `group=choice`, an option is set by "
            "`key=value`; `python -m src.train --help` prints the same.",
            "## Groups\n\n| group | choices |\n|---|---|\n" + "\n".join(rows),
            "## Of every run\n\n" + table(options),
        ]
    )


def group_page(group: str) -> str:
    parts = [f"# {group}"]
    for choice in choices(group):
        chosen = [f"`{key}={','.join(values)}`" for key, values in choice.defaults.items()]
        parts += [
            f"## {choice.name} {{ #{choice.name.replace('/', '-')} }}",
            _head(choice.head),
            *docs_of(choice),
            f"Chooses {' · '.join(chosen)}." if chosen and "null" not in str(chosen) else "",
            table(choice.options),
            f"Class: `{choice.target}`" if choice.target else "",
        ]
    return "\n\n".join(filter(None, parts))


def _names(several: Iterable[Choice]) -> str:
    return " · ".join(f"`{choice.name}`" for choice in several)


def _head(text: str) -> str:
    """The comment that a file opens with: commands as code, what it reached and costs as items of a list."""
    text = re.sub(r"(python -m src\..*)$", r"`\1`", text, flags=re.MULTILINE)
    first, *others = (_linked(" ".join(part.split())) for part in re.split(r"\n(?=Reached|Command|Cost)", text))
    return "\n".join([first, *[""][: len(others)], *(f"- {other}" for other in others)])


def _code(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```"


def _linked(text: str) -> str:
    """Text with arXiv and DOI numbers and pages of docs/ as links."""
    text = re.sub(r"docs/(\w+)\.md", r"[\1](../\1.md)", text)
    text = re.sub(r"arXiv:(\d{4}\.\d{4,5})", r"[arXiv:\1](https://arxiv.org/abs/\1)", text)
    return re.sub(r"\bdoi:(10\.[^\s),;]+)", r"[doi:\1](https://doi.org/\1)", text)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")
