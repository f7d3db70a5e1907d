"""Scale definitions in YAML: read one, with errors that name the file and the key."""

from __future__ import annotations

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
    "missing_rule", "source", "licence",
}  # fmt: skip
_SUBSCALE = {"items", "formula", "multiplier", "min_answered", "cutoffs"}
_CUTOFFS = {"bounds", "labels", "closed", "version", "source"}
_VALUE_SET = {"start", "decrements", "worst", "source"}
_RECODE = {"items", "points"}
_COPIED = (
    "reversed", "formula", "multiplier", "min_answered", "fractions", "version", "title",
    "anchors", "direction", "missing_rule", "source", "licence",
)  # fmt: skip


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
        content: object = yaml.safe_load(file.read_text("utf-8"))
    except yaml.YAMLError as error:
        raise InputError.of(
            file.name, required="YAML", got=str(error).replace("\n", " ")
        ) from error
    return scale_of_mapping(content, file.name)


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
    given = _mapping(content, place, _SCALE, ("name", "items", "range"))
    items = _all_items(given["items"], place)
    arguments: dict[str, Any] = {key: given[key] for key in _COPIED if key in given}
    if "reversed" in given:
        arguments["reversed"] = _item_names(given["reversed"], f"{place}: reversed")
    if "recode" in given:
        arguments["recode"] = _recode(given["recode"], f"{place}: recode")
    version = str(given.get("version", ""))
    if "cutoffs" in given:
        arguments["cutoffs"] = [
            _cutoffs(given["cutoffs"], str(given["name"]), version, f"{place}: cutoffs")
        ]
    if "subscales" in given:
        arguments["subscales"] = [
            _subscale(name, part, version, f"{place}: subscales: {name}")
            for name, part in _mapping(given["subscales"], f"{place}: subscales").items()
        ]
    if "value_sets" in given:
        arguments["value_sets"] = [
            _value_set(name, part, f"{place}: value_sets: {name}")
            for name, part in _mapping(given["value_sets"], f"{place}: value_sets").items()
        ]
    spans = given["range"]
    if isinstance(spans, Mapping):
        named = cast("Mapping[object, Any]", spans)
        spans = {_item_name(item): tuple(pair) for item, pair in named.items()}
    return Scale(name=str(given["name"]), items=items, range=spans, **arguments)


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


def _item_name(item: object) -> str:
    """Return the name of an item that may be given by its number."""
    return f"q{item}" if isinstance(item, int) else str(item)


def _item_names(items: object, place: str) -> tuple[str, ...]:
    """Return the names of a list of items."""
    if not isinstance(items, list):
        raise InputError.of(place, required="a list of items", got=repr(items))
    return tuple(_item_name(item) for item in cast("list[object]", items))


def _all_items(items: object, place: str) -> tuple[str, ...]:
    """Return the names of all items, which may be given by their number."""
    if isinstance(items, int) and items >= 1:
        return tuple(f"q{number}" for number in range(1, items + 1))
    return _item_names(items, f"{place}: items")


def _recode(content: object, place: str) -> dict[str, dict[float, float]]:
    """Return the points by code of the items that are recoded, from blocks of items alike."""
    if not isinstance(content, list):
        raise InputError.of(place, required="a list of items and points", got=repr(content))
    points: dict[str, dict[float, float]] = {}
    for block in cast("list[object]", content):
        given = _mapping(block, place, _RECODE, ("items", "points"))
        worth = {float(code): float(value) for code, value in given["points"].items()}
        points |= dict.fromkeys(_item_names(given["items"], place), worth)
    return points


def _cutoffs(content: object, scale: str, version: str, place: str) -> Cutoffs:
    """Return bands; of the version of the scale unless they name another."""
    given = _mapping(content, place, _CUTOFFS, ("bounds", "labels", "source"))
    return Cutoffs(
        scale=scale,
        bounds=tuple(given["bounds"]),
        labels=tuple(given["labels"]),
        closed=given.get("closed", "left"),
        version=str(given.get("version", version)),
        source=str(given["source"]),
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
        float(given["start"]),
        {dimension: tuple(taken) for dimension, taken in levels.items()},
        float(given.get("worst", 0)),
        str(given["source"]),
    )
