"""Scale definitions in YAML: read one, with errors that name the file and the key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import yaml

from evalkit.errors import InputError
from evalkit.scales.cut_offs import Cutoffs
from evalkit.scales.definition import Scale
from evalkit.scales.subscale import Subscale
from evalkit.scales.value_sets import ValueSet

__all__ = ["read_scale", "scale_of_mapping"]

_SCALE = {
    "name", "items", "range", "reversed", "formula", "multiplier", "min_answered", "recode",
    "subscales", "fractions", "cutoffs", "value_sets", "version", "title", "anchors", "direction",
    "missing_rule", "source", "licence", "notes",
}  # fmt: skip
_SUBSCALE = {"items", "formula", "multiplier", "min_answered", "cutoffs"}
_CUTOFFS = {"bounds", "labels", "closed", "version", "source"}
_VALUE_SET = {"start", "decrements", "worst", "source"}
_RECODE = {"items", "points"}
_COPIED = ("formula", "multiplier", "min_answered", "fractions")
_TEXTS = ("version", "title", "anchors", "direction", "missing_rule", "source", "licence", "notes")
_QUOTES = "YAML takes yes, no, on and off for true and false: put them in quotes."


def read_scale(path: str | Path) -> Scale:
    """Read the definition of a scale from a YAML file.

    Parameters
    ----------
    path : str or pathlib.Path
        The file. Its keys are the arguments of :class:`evalkit.scales.Scale`; an item may be
        given by its number (4 is ``q4``), and ``items: 13`` are thirteen items ``q1`` to ``q13``.

    Returns
    -------
    Scale
        The scale.

    Raises
    ------
    evalkit.errors.InputError
        If the file is no mapping in YAML, or a key is unknown, missing or holds what it must not.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "trust.yaml"
    >>> _ = file.write_text("name: Trust\\nitems: 4\\nrange: [1, 5]\\nreversed: [2]\\n")
    >>> read_scale(file)
    Trust: 4 items 1-5, 1 reversed; sum, 4 to 20; needs every item answered
    """
    file = Path(path)
    if not file.is_file():
        raise InputError.of("path", required="a file that exists", got=str(file))
    try:
        text = file.read_text("utf-8")
        twice = _repeated_keys(yaml.compose(text, Loader=yaml.SafeLoader))
        content: object = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError.of(
            file.name, required="YAML in UTF-8", got=str(error).replace("\n", " ")
        ) from error
    if twice:
        raise InputError.of(file.name, required="YAML whose keys differ", got="repeats",
                            where=twice)  # fmt: skip
    return scale_of_mapping(content, file.name)


def _repeated_keys(node: yaml.Node | None) -> list[str]:
    """Return the keys that a mapping has twice; YAML itself would take the last."""
    if isinstance(node, yaml.MappingNode):
        pairs = cast("list[tuple[yaml.Node, yaml.Node]]", node.value)
        keys = [str(key.value) for key, _ in pairs]
        own = [key for key, times in Counter(keys).items() if times > 1]
        return own + [key for _, value in pairs for key in _repeated_keys(value)]
    if isinstance(node, yaml.SequenceNode):
        return [
            key for value in cast("list[yaml.Node]", node.value) for key in _repeated_keys(value)
        ]
    return []


def scale_of_mapping(content: object, place: str) -> Scale:
    """Make a scale of what a YAML file holds.

    Parameters
    ----------
    content : object
        What was read.
    place : str
        Name of the file, for messages.

    Returns
    -------
    Scale
        The scale.

    Raises
    ------
    evalkit.errors.InputError
        If the content does not define a scale.
    """
    try:
        return _scale(content, place)
    except InputError as error:
        if str(error).startswith(place):
            raise
        raise InputError(f"{place}: {error}") from error


def _scale(content: object, place: str) -> Scale:
    """Make a scale, with errors that may lack the name of the file."""
    given = _mapping(content, place, _SCALE, ("name", "items", "range"))
    items = _all_items(given["items"], place)
    arguments: dict[str, Any] = {key: given[key] for key in _COPIED if key in given}
    arguments |= {key: _text(given[key], f"{place}: {key}") for key in _TEXTS if key in given}
    name, version = _text(given["name"], f"{place}: name"), arguments.get("version", "")
    if "reversed" in given:
        arguments["reversed"] = _item_names(given["reversed"], f"{place}: reversed")
    if "recode" in given:
        arguments["recode"] = _recode(given["recode"], f"{place}: recode")
    if "cutoffs" in given:
        arguments["cutoffs"] = [_cutoffs(given["cutoffs"], name, version, f"{place}: cutoffs")]
    if "subscales" in given:
        arguments["subscales"] = [
            _subscale(own, part, version, f"{place}: subscales: {own}")
            for own, part in _mapping(given["subscales"], f"{place}: subscales").items()
        ]
    if "value_sets" in given:
        arguments["value_sets"] = [
            _value_set(own, part, f"{place}: value_sets: {own}")
            for own, part in _mapping(given["value_sets"], f"{place}: value_sets").items()
        ]
    spans = given["range"]
    if isinstance(spans, Mapping):
        named = cast("Mapping[object, Any]", spans)
        spans = {_item_name(item, f"{place}: range"): pair for item, pair in named.items()}
    return Scale(name=name, items=items, range=spans, **arguments)


def _mapping(
    content: object, place: str, allowed: set[str] | None = None, required: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Check that something is a mapping with the keys it may and must have."""
    if not isinstance(content, Mapping):
        raise InputError.of(place, required="a mapping", got=type(content).__name__)
    given = {str(key): value for key, value in cast("Mapping[object, Any]", content).items()}
    unknown = [key for key in given if allowed is not None and key not in allowed]
    if unknown and allowed is not None:
        raise InputError.of(
            place, required=f"a mapping with keys among {', '.join(sorted(allowed))}",
            got=", ".join(unknown),
        )  # fmt: skip
    absent = [key for key in required if key not in given]
    if absent:
        raise InputError.of(
            place, required=f"a mapping with {', '.join(required)}", got=f"no {', '.join(absent)}"
        )
    return given


def _text(value: object, place: str) -> str:
    """Return a text, which may look like a number."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        remedy = _QUOTES if isinstance(value, bool) else ""
        raise InputError.of(place, required="a text", got=repr(value), remedy=remedy)
    return str(value)


def _number(value: object, place: str) -> float:
    """Return a number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InputError.of(place, required="a number", got=repr(value))
    return float(value)


def _listed(values: object, place: str) -> list[object]:
    """Return a list."""
    if not isinstance(values, list):
        raise InputError.of(place, required="a list", got=repr(values))
    return cast("list[object]", values)


def _item_name(item: object, place: str) -> str:
    """Return the name of an item that may be given by its number."""
    name = _text(item, place)
    return f"q{name}" if isinstance(item, int) else name


def _item_names(items: object, place: str) -> tuple[str, ...]:
    """Return the names of a list of items."""
    if not isinstance(items, list):
        raise InputError.of(place, required="a list of items", got=repr(items))
    return tuple(_item_name(item, place) for item in cast("list[object]", items))


def _all_items(items: object, place: str) -> tuple[str, ...]:
    """Return the names of all items, which may be given by their number."""
    if isinstance(items, int) and not isinstance(items, bool) and items >= 1:
        return tuple(f"q{number}" for number in range(1, items + 1))
    return _item_names(items, f"{place}: items")


def _recode(content: object, place: str) -> dict[str, dict[float, float]]:
    """Return the points by code of the items that are recoded, from blocks of items alike."""
    if not isinstance(content, list):
        raise InputError.of(place, required="a list of items and points", got=repr(content))
    points: dict[str, dict[float, float]] = {}
    for block in cast("list[object]", content):
        given = _mapping(block, place, _RECODE, ("items", "points"))
        if not isinstance(given["points"], Mapping):
            raise InputError.of(place, required="points by code", got=repr(given["points"]))
        worth = {
            _number(code, f"{place}: code"): _number(value, f"{place}: points")
            for code, value in cast("Mapping[object, object]", given["points"]).items()
        }
        names = _item_names(given["items"], place)
        twice = [name for name in names if name in points]
        if twice:
            raise InputError.of(place, required="one block for each item", got="two", where=twice)
        points |= dict.fromkeys(names, worth)
    return points


def _cutoffs(content: object, scale: str, version: str, place: str) -> Cutoffs:
    """Return bands; of the version of the scale unless they name another."""
    given = _mapping(content, place, _CUTOFFS, ("bounds", "labels", "source"))
    return Cutoffs(
        scale=scale,
        bounds=tuple(_number(bound, place) for bound in _listed(given["bounds"], place)),
        labels=tuple(_text(label, place) for label in _listed(given["labels"], place)),
        closed=given.get("closed", "left"),
        version=_text(given.get("version", version), place),
        source=_text(given["source"], place),
    )


def _subscale(name: str, content: object, version: str, place: str) -> Subscale:
    """Return one of several scores."""
    given = _mapping(content, place, _SUBSCALE, ("items",))
    arguments: dict[str, Any] = {
        key: given[key] for key in ("formula", "multiplier", "min_answered") if key in given
    }
    if "cutoffs" in given:
        arguments["cutoffs"] = (_cutoffs(given["cutoffs"], name, version, f"{place}: cutoffs"),)
    return Subscale(name, _item_names(given["items"], f"{place}: items"), **arguments)


def _value_set(name: str, content: object, place: str) -> ValueSet:
    """Return a value set."""
    given = _mapping(content, place, _VALUE_SET, ("start", "decrements", "source"))
    levels = _mapping(given["decrements"], f"{place}: decrements")
    return ValueSet(
        name,
        _number(given["start"], place),
        {
            dimension: tuple(_number(points, place) for points in _listed(taken, place))
            for dimension, taken in levels.items()
        },
        _number(given.get("worst", 0), place),
        _text(given["source"], place),
    )
