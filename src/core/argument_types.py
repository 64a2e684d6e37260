"""Names and types of constructor arguments, to check a configuration's values against."""

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from inspect import Parameter
from types import NoneType, UnionType
from typing import Any, Literal, Union, cast, get_args, get_origin

from hydra._internal.utils import _locate
from omegaconf import DictConfig, OmegaConf

from src.core.validation import Kind

POINTER = re.compile(r"\$\{(\w[\w.]*)\}")  # to another option, which is the one to name

ANY = Kind("anything", lambda value: True)
NULL = Kind("null", lambda value: value is None)
BUILT = Kind("settings with a _target_", lambda value: OmegaConf.is_dict(value) and "_target_" in value)
SIMPLE = {
    int: Kind("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool)),
    float: Kind("a number", lambda value: isinstance(value, int | float) and not isinstance(value, bool)),
    bool: Kind("true or false", lambda value: isinstance(value, bool)),
    str: Kind("a text", lambda value: isinstance(value, str)),
    NoneType: NULL,
}


def arguments(node: DictConfig, key: str) -> Iterator[tuple[str, str, Any, Kind]]:
    """Yields key, name, value and expected kind of every entry below a node.

    Without what a sweep may be about to choose, and what is looked up elsewhere than in the configuration.
    """
    known, _ = parameters_of(node) if "_target_" in node else ({}, True)
    for name in cast("Iterable[str]", node):
        place, entry = f"{key}.{name}", node._get_node(name)
        if OmegaConf.is_interpolation(node, name):
            pointer = POINTER.fullmatch(entry._value())
            place = pointer[1] if pointer else ""
        if not place or OmegaConf.is_missing(node, name):
            continue
        value = node[name]
        yield place, name, value, kind(known[name].annotation) if name in known and not BUILT.holds(value) else ANY
        if OmegaConf.is_dict(value):
            yield from arguments(value, place)


def kind(annotation: Any) -> Kind:
    """The kind that an annotation describes; `ANY` for other types than numbers, texts, lists and mappings."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        kinds = [found for part in parts if (found := kind(part)) is not ANY]
        if Any in parts or kinds == [NULL]:
            return ANY
        return Kind(" or ".join(each.words for each in kinds), lambda value: any(each.holds(value) for each in kinds))
    if origin is Literal:
        return Kind(" or ".join(map(str, parts)), lambda value: value in parts)
    if origin is tuple and ... not in parts:
        kinds = [kind(part) for part in parts]
        return Kind(
            f"[{', '.join(each.words for each in kinds)}]",
            lambda value: (
                _is_list(value)
                and len(value) == len(kinds)
                and all(each.holds(element) for each, element in zip(kinds, value, strict=True))
            ),
        )
    if origin in (list, tuple, Sequence, Iterable):
        of = kind(parts[0])
        return Kind(f"[{of.words}, …]", lambda value: _is_list(value) and all(map(of.holds, value)))
    if origin in (dict, Mapping):
        of = kind(parts[1])
        return Kind(
            f"{{name: {of.words}, …}}",
            lambda value: (
                isinstance(value, Mapping)
                and all(isinstance(name, str) for name in value)
                and all(of.holds(value[name]) for name in value if not OmegaConf.is_interpolation(value, name))
            ),
        )
    if origin is Callable or (isinstance(annotation, type) and annotation.__module__.startswith("src.")):
        return BUILT
    return SIMPLE.get(annotation, ANY)


def parameters_of(node: DictConfig) -> tuple[dict[str, Parameter], bool]:
    """`parameters` of a node's class; that takes anything where it cannot be imported or read."""
    try:
        return parameters(_locate(str(node._target_)))  # get_object would log what it does not find
    except (ImportError, ValueError, TypeError, AttributeError):
        return {}, True  # Hydra says so when it builds it


def parameters(made: Callable[..., Any]) -> tuple[dict[str, Parameter], bool]:
    """Parameters of a class or function by name, also of bases that get its `**keywords`, and whether it takes others.

    What a class from outside this project does with its keywords is not known.
    """
    found: dict[str, Parameter] = {}
    takes_any = False
    bases = made.__mro__[:-1] if isinstance(made, type) else ()
    for each in [vars(base)["__init__"] for base in bases if "__init__" in vars(base)] or [made]:
        try:
            own = inspect.signature(each, eval_str=True).parameters
        except NameError:  # of an annotation
            own = inspect.signature(each).parameters
        found = {name: one for name, one in own.items() if name != "self"} | found
        if not any(one.kind is one.VAR_KEYWORD for one in own.values()):
            break
        takes_any = takes_any or not each.__module__.startswith("src.")
    else:  # no base takes them
        takes_any = True
    return {
        name: one for name, one in found.items() if one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)
    }, takes_any


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)
