"""What a package exports is documented completely: parameters, returns, attributes, an example."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
from collections.abc import Iterator

import pytest
from numpydoc.docscrape import ClassDoc
from numpydoc.validate import validate

import evalkit

# Parameters missing, unknown, in another order, without type, without description; no Returns.
COMPLETE = {"PR01", "PR02", "PR03", "PR04", "PR07", "RT01", "RT03"}


def exported() -> Iterator[str]:
    """Return the full names of everything that packages export, and of its public methods."""
    for package in evalkit.__all__:
        module = importlib.import_module(f"evalkit.{package}")
        for name in getattr(module, "__all__", []):
            thing = getattr(module, name)
            if inspect.isclass(thing) or inspect.isfunction(thing):
                yield f"{module.__name__}.{name}"
            if inspect.isclass(thing) and thing.__module__.startswith("evalkit."):
                for method, member in vars(thing).items():
                    if not method.startswith("_") and inspect.isroutine(member):
                        yield f"{module.__name__}.{name}.{method}"


def resolve(full_name: str) -> object:
    """Return what a full name stands for."""
    _, package, *names = full_name.split(".")
    thing: object = importlib.import_module(f"evalkit.{package}")
    for name in names:
        thing = getattr(thing, name)
    return thing


@pytest.mark.parametrize("name", sorted(exported()))
def test_exported_names_are_documented(name: str) -> None:
    thing = resolve(name)
    assert inspect.getdoc(thing), name
    if isinstance(thing, type):
        if dataclasses.is_dataclass(thing):
            documentation = ClassDoc(thing)
            described = {
                part
                for section in ("Attributes", "Parameters")
                for entry in documentation[section]
                for part in entry.name.replace(" ", "").split(",")
            }
            fields = {f.name for f in dataclasses.fields(thing) if not f.name.startswith("_")}
            assert fields <= described, fields - described
        return
    problems = [(code, text) for code, text in validate(name)["errors"] if code in COMPLETE]
    assert problems == []
