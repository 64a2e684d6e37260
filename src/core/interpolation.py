"""Resolves the interpolations of an untrusted record to plain values: few forms, no code."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from src.core.plain_data import MOST_LEVELS, MOST_NODES

INTERPOLATION = re.compile(r"\$\{([^${}]*)\}")  # the innermost, where they are nested
MOST_IN_A_TEXT = 20
LONGEST = 2000  # characters of a text with interpolations in it

Functions = Mapping[str, Callable[[str], Any]]


def resolved(node: Any, tree: Mapping[str, Any], functions: Functions = MappingProxyType({})) -> Any:
    """A copy of the node with all interpolations replaced.

    `${a.b}` stands for what the tree has there, `${name:argument}` for what the function of that name returns. Within
    longer text only text, numbers and flags can stand; what was put there is not looked through again.

    Args:
        node: plain content, of the tree or not.
        tree: what `${a.b}` refers to.

    Raises:
        ValueError: an interpolation of another form, to nowhere, or to itself; or more than MOST_NODES nodes.
    """
    return _Resolver(tree, functions).node(node, "", 0)


class _Resolver:
    def __init__(self, tree: Mapping[str, Any], functions: Functions):
        self.tree = tree
        self.functions = functions
        self.left = MOST_NODES

    def node(self, node: Any, key: str, level: int) -> Any:
        self.spend(key, level)
        if isinstance(node, dict):
            return {name: self.node(below, f"{key}.{name}".lstrip("."), level + 1) for name, below in node.items()}
        if isinstance(node, list):
            return [self.node(below, f"{key}[{index}]", level + 1) for index, below in enumerate(node)]
        return self.text(node, key, level) if isinstance(node, str) else node

    def text(self, text: str, key: str, level: int) -> Any:
        for _ in range(MOST_IN_A_TEXT):
            found = INTERPOLATION.search(text)
            if not found:
                break
            if len(text) > LONGEST:
                raise ValueError(f"{key}: an interpolated text of more than {LONGEST:,} characters")
            value = self.value(found[1], key, level + 1)
            if found[0] == text:
                return value
            if isinstance(value, dict | list) or set(str(value)) & set("${}"):
                raise ValueError(f"{key}: {found[0]} cannot stand within other text")
            text = f"{text[: found.start()]}{value}{text[found.end() :]}"
        if "${" in text:
            raise ValueError(f"{key}: {text[:100]} is no interpolation that a record may hold")
        return text

    def value(self, expression: str, key: str, level: int) -> Any:
        name, colon, argument = expression.partition(":")
        if not colon:
            return self.at(expression, key, level)
        self.spend(key, level)
        if name not in self.functions:
            raise ValueError(f"{key}: ${{{expression}}} is refused; a record may use {', '.join(self.functions)}")
        value = self.functions[name](argument)
        if isinstance(value, str) and "${" in value:
            raise ValueError(f"{key}: ${{{expression}}} gives an interpolation")
        return value

    def at(self, path: str, key: str, level: int) -> Any:
        self.spend(key, level)
        node: Any = self.tree
        for name in path.split("."):
            node = self.text(node, key, level + 1) if isinstance(node, str) else node
            if not isinstance(node, dict) or name not in node:
                raise ValueError(f"{key}: ${{{path}}} refers to nothing in the record")
            node = node[name]
        return self.node(node, key, level + 1)

    def spend(self, key: str, level: int) -> None:
        self.left -= 1
        if level > MOST_LEVELS or self.left < 0:
            raise ValueError(f"{key}: interpolated without end, or to more than {MOST_NODES:,} nodes")
