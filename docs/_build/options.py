"""What conf/ offers: each choice with its reason, its options, their defaults and meaning, and its class's docstring."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from os.path import commonprefix
from pathlib import Path
from typing import NamedTuple

from src.cli.synonyms import usual_choice
from src.core.commands import CONFIGURATION

ENTRY = re.compile(r"(?P<indent> *)(?P<key>[\w.]+):(?: +(?P<value>[^#\s][^#]*?))?(?: +# (?P<comment>.*))?")
LISTED = re.compile(r"\s*- (?:override )?/?(?P<group>[\w./]+): (?P<chosen>.+)")
ARGUMENT = re.compile(r"    (\w+): ")


@dataclass(frozen=True)
class Option:
    """One key of a file with its default; `target` is the class that takes it."""

    key: str
    default: str
    comment: str
    target: str

    @property
    def meaning(self) -> str:
        """What the class's docstring says of it, then what the file says."""
        told = arguments(self.target).get(self.key.rpartition(".")[2], "") if self.target.startswith("src.") else ""
        repeated = set(re.findall(r"\w+", self.comment)) <= set(re.findall(r"\w+", told))
        return "; ".join(filter(None, (told.rstrip("."), "" if repeated else self.comment)))


@dataclass(frozen=True)
class Choice:
    """One file of conf/."""

    path: Path
    lines: list[str] = field(repr=False)

    @property
    def group(self) -> str:
        """Its folder; recipes may lie deeper, and Hydra's own groups have two names."""
        parts = self.path.relative_to(CONFIGURATION).parent.parts
        return "/".join(parts[: 2 if "hydra" in parts else 1])

    @property
    def name(self) -> str:
        return self.path.relative_to(CONFIGURATION / self.group).with_suffix("").as_posix()

    @property
    def head(self) -> str:
        """Why one would choose it: the comment that the file opens with."""
        lines = [line for line in self.lines if not line.startswith("# @package")]
        end = next(index for index, line in enumerate([*lines, ""]) if not line.startswith("#"))
        return "\n".join(line.removeprefix("#").strip() for line in lines[:end])

    @property
    def package(self) -> str:
        package = re.match(r"# @package (\S+)", self.lines[0])
        named = package[1] if package else self.group.replace("/", ".")
        return "" if named == "_global_" or not self.group else f"{named}."

    @cached_property
    def defaults(self) -> dict[str, list[str]]:
        """What the file chooses in other groups."""
        found = [match for line in self.lines if (match := LISTED.fullmatch(line.partition(" #")[0]))]
        return {match["group"]: re.findall(r"[\w./-]+", match["chosen"]) for match in found}

    @cached_property
    def options(self) -> list[Option]:
        """Its keys in order; of those that hold others, the others."""
        options, targets, parents, before = [], {}, [], []
        for line in self.lines:
            if line.strip().startswith("#") and line.startswith(" "):
                before.append(line.strip(" #"))
            entry = ENTRY.fullmatch(line)
            if not entry:
                continue
            parents = [(depth, name) for depth, name in parents if depth < len(entry["indent"])]
            path = ".".join([*(name for _, name in parents), entry["key"]])
            if entry["key"] == "_target_":
                targets[path.rpartition(".")[0]] = entry["value"]
            elif entry["value"] is None:
                parents.append((len(entry["indent"]), entry["key"]))
            elif not entry["key"].startswith("_") and not path.startswith(("defaults", "hydra.")):
                holder = next((t for p in _above(path) if (t := targets.get(p))), "")
                comment = " ".join([*before, entry["comment"] or ""]).strip()
                options.append(Option(self.package + path, entry["value"], comment, holder))
            before = []
        return options

    @property
    def target(self) -> str:
        """The class that the file is about; empty where it is about several or none."""
        targets = re.findall(r"^(?:\w+:\n)?(?:  )?_target_: (\S+)", "\n".join(self.lines), re.MULTILINE)
        return targets[0] if targets and self.group.startswith(("gan.", "vae.", "data", "evaluator.")) else ""

    @property
    def command(self) -> str:
        family = self.group.partition(".")[0]
        model = "model=gan " if family in ("gan", "evaluator") else ""
        return f"python -m src.train {model}{self.group}={self.name}"


def _above(path: str) -> Iterator[str]:
    while path:
        path = path.rpartition(".")[0]
        yield path


def choices(group: str) -> list[Choice]:
    """The choices of a group, by name."""
    files = sorted((CONFIGURATION / group).rglob("*.yaml"), key=lambda path: (len(path.parts), path.stem))
    return [read(path) for path in files]


def read(path: Path) -> Choice:
    return Choice(path, path.read_text().splitlines())


def groups() -> list[str]:
    """All groups of conf/."""
    return sorted({Choice(path, []).group for path in CONFIGURATION.rglob("*/*.yaml")})


def recipes_with(choice: Choice) -> list[Choice]:
    """The recipes that use a choice, that of its own name first."""
    using = [each for each in choices("experiment") if choice.name in each.defaults.get(choice.group, ())]
    return sorted(using, key=lambda recipe: usual_choice(recipe.name) != usual_choice(choice.name))


def docstrings(target: str) -> list[str]:
    """The docstring of a class without its arguments, and of the abstract classes of its module that it derives from."""
    own, *bases = _lineage(target)
    chosen = {choice.target.rpartition(".")[2] for group in groups() for choice in choices(group)}
    texts = [own.text, *(base.text for base in bases if base.module == own.module and base.name not in chosen)]
    return [text.partition("\nArgs:")[0].strip() for text in texts if text]


def arguments(target: str) -> dict[str, str]:
    """What the docstrings of a class and its bases say of the arguments."""
    meanings: dict[str, str] = {}
    for each in reversed(_lineage(target)):
        text = each.text.partition("\nArgs:\n")[2]
        for part in re.split(r"\n(?=    \w)", text.split("\n\n")[0]):
            if name := ARGUMENT.match(part):
                meanings[name[1]] = " ".join(part[name.end() :].split())
    return meanings


class Documented(NamedTuple):
    """A class or function of src/, as its source has it."""

    name: str
    module: str
    text: str
    bases: tuple[str, ...]


def _lineage(target: str) -> list[Documented]:
    """A class and those that it derives from in src/."""
    package, _, name = target.rpartition(".")
    near = [each for each in _documented().get(name, ()) if f"{each.module}.".startswith(f"{package}.")]
    if not near:
        raise ValueError(f"conf/ names {target}, which src/ does not have")
    named = [_documented()[base] for base in near[0].bases if base in _documented()]
    bases = [max(each, key=lambda base: len(commonprefix([base.module, near[0].module]))) for each in named]
    return [near[0], *(each for base in bases for each in _lineage(f"{base.module}.{base.name}"))]


@cache
def _documented() -> dict[str, list[Documented]]:
    """All classes and functions of src/ by name. Nothing is imported: some need packages that are optional."""
    found: dict[str, list[Documented]] = {}
    for path in sorted((CONFIGURATION.parent / "src").rglob("*.py")):
        module = ".".join(path.relative_to(CONFIGURATION.parent).with_suffix("").parts)
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                bases = tuple(ast.unparse(base).rpartition(".")[2] for base in getattr(node, "bases", ()))
                found.setdefault(node.name, []).append(Documented(node.name, module, ast.get_docstring(node) or "", bases))
    return found
