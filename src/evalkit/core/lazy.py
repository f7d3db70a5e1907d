"""Packages whose public names are imported when they are first asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

__all__ = ["lazy_names"]


def lazy_names(
    package: str, namespace: dict[str, object], where: Mapping[str, str]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and ``__dir__`` of a package that imports on first use.

    Parameters
    ----------
    package : str
        The package's ``__name__``.
    namespace : dict
        Its ``globals()``, where a name is kept once it has been imported.
    where : mapping of str to str
        Module of each public name, below the package; one more dot for a module beside it.

    Returns
    -------
    tuple of callable
        The two functions.
    """

    def get(name: str) -> object:
        """Import a public name when it is first asked for."""
        if name in where:
            found = getattr(import_module(f".{where[name]}", package), name)
            namespace[name] = found
            return found
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    def names() -> list[str]:
        """List the public names too, whether or not they have been imported yet."""
        return sorted({*namespace, *where})

    return get, names
