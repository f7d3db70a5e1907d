"""Find the shipped tables, microdata and notebooks, installed or in a source checkout.

A wheel carries them in ``evalkit/_data``. A source checkout keeps them where people edit them,
in ``data/`` and ``notebooks/`` at its root. Everything that reads shipped files asks
:func:`data_dir` and never builds a path of its own.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Literal, get_args

from evalkit.errors import InputError

__all__ = ["DataKind", "data_dir"]

DataKind = Literal["published", "synthetic", "notebooks"]

_IN_CHECKOUT: dict[str, str] = {
    "published": "data/published",
    "synthetic": "data/synthetic",
    "notebooks": "notebooks",
}


def data_dir(kind: DataKind) -> Path:
    """Return the folder that holds one kind of shipped file.

    Parameters
    ----------
    kind : {"published", "synthetic", "notebooks"}
        Published tables and their relations, synthetic microdata, or report notebooks.

    Returns
    -------
    pathlib.Path
        An existing folder: inside the installed package if it carries the files, otherwise in
        the source checkout that the package is imported from.

    Raises
    ------
    evalkit.errors.InputError
        If ``kind`` is none of the three, or neither place has the folder.

    Examples
    --------
    >>> data_dir("published").name
    'published'
    """
    if kind not in _IN_CHECKOUT:
        raise InputError.of("kind", required=f"one of {get_args(DataKind)}", got=repr(kind))
    package = Path(str(files("evalkit")))
    candidates = [package / "_data" / kind, package.parent.parent / _IN_CHECKOUT[kind]]
    for folder in candidates:
        if folder.is_dir():
            return folder
    raise InputError.of(
        f"shipped data ({kind})",
        required="a folder inside the package or its source checkout",
        got="none",
        where=candidates,
        remedy="Install evalkit from a wheel, or work in a complete checkout.",
    )
