"""The instruments that come with the package, and those that do not, with the reason."""

from __future__ import annotations

import difflib
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, cast

import yaml

from evalkit.errors import InputError
from evalkit.scales.definition import Scale
from evalkit.scales.definition_files import scale_of_mapping

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["eq5d_value_sets", "instrument", "instruments", "not_shipped"]

_ABSENT = "not_shipped.yaml"


@lru_cache(maxsize=1)
def _shipped() -> dict[str, Scale]:
    """Read the definitions in the package, by name."""
    folder = files("evalkit.scales").joinpath("instruments")
    scales: dict[str, Scale] = {}
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".yaml") and file.name != _ABSENT:
            scale = scale_of_mapping(yaml.safe_load(file.read_text("utf-8")), file.name)
            scales[scale.name] = scale
    return dict(sorted(scales.items()))


@lru_cache(maxsize=1)
def _absent() -> dict[str, dict[str, str]]:
    """Read what is not shipped, by name."""
    file = files("evalkit.scales").joinpath("instruments").joinpath(_ABSENT)
    content = cast("list[dict[str, str]]", yaml.safe_load(file.read_text("utf-8")))
    return {entry["name"]: entry for entry in content}


def instrument(name: str) -> Scale:
    """Return the definition of an instrument that comes with the package.

    What is its range, which items are reversed, how is it scored, what if an item is missing, and
    who says so? The definition holds all of it, and no wording of any item.

    Parameters
    ----------
    name : str
        Name as in :func:`instruments`; capitals, spaces and hyphens do not matter.

    Returns
    -------
    Scale
        The definition.

    Raises
    ------
    evalkit.errors.InputError
        If there is none of that name. The message suggests the nearest, or says why one that
        people know is not shipped.

    Examples
    --------
    >>> instrument("PSS-10")
    PSS-10: 10 items 0-4, 4 reversed; sum, 0 to 40; needs every item answered
    """
    by_key = {_key(known): known for known in _shipped()}
    if isinstance(cast("object", name), str):
        if _key(name) in by_key:
            return _shipped()[by_key[_key(name)]]
        for known, entry in _absent().items():
            if _key(name) == _key(known):
                raise InputError.of(
                    "name", required="an instrument that is shipped", got=repr(name),
                    remedy=f"{known} is not shipped: {entry['reason']}",
                )  # fmt: skip
    near = difflib.get_close_matches(_key(str(name)), by_key, n=2, cutoff=0.5)
    raise InputError.of(
        "name",
        required=f"one of {', '.join(_shipped())}",
        got=repr(name),
        remedy=f"Did you mean {' or '.join(repr(by_key[key]) for key in near)}?"
        if near
        else "Define it with Scale(...).",
    )


def _key(name: str) -> str:
    """Return the letters and digits of a name, in lower case."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


def instruments() -> pd.DataFrame:
    """List the instruments that come with the package.

    Returns
    -------
    pandas.DataFrame
        One row for each: ``name, title, n_items, low, high, reversed, scales, formula, score_low,
        score_high, cutoffs, version, anchors, direction, missing_rule, licence, notes, source``,
        where low and high are the ends of the codes, and the score's those that the formula can
        give.
        ``instrument(name).to_frame()`` lists the items.

    Examples
    --------
    >>> listed = instruments().set_index("name")
    >>> listed.loc["WHO-5", ["formula", "cutoffs"]].tolist()
    ['sum x 4', '28, 50 (Topp CW and others (2015), Psychother Psychosom 84:167-176, ...)']
    """
    import pandas as pd

    return pd.DataFrame([_row(scale) for scale in _shipped().values()])


def _row(scale: Scale) -> dict[str, object]:
    """Describe one instrument."""
    codes = [scale.limits(item) for item in scale.items]
    scores = [scale.score_range(part) for part in scale.parts]
    formulas = {
        part.formula + (f" x {part.multiplier:g}" if part.multiplier != 1 else "")
        for part in scale.parts
    }
    cutoffs = {
        f"{', '.join(f'{bound:g}' for bound in cutoff.bounds)} ({cutoff.source})"
        for part in scale.parts
        for cutoff in part.cutoffs
    }
    return {
        "name": scale.name,
        "title": scale.title,
        "n_items": len(scale.items),
        "low": min(low for low, _ in codes),
        "high": max(high for _, high in codes),
        "reversed": ", ".join(scale.reversed),
        "scales": ", ".join(part.name for part in scale.parts),
        "formula": ", ".join(sorted(formulas)),
        "score_low": min(low for low, _ in scores),
        "score_high": max(high for _, high in scores),
        "cutoffs": "; ".join(sorted(cutoffs)),
        "version": scale.version,
        "anchors": scale.anchors,
        "direction": scale.direction,
        "missing_rule": scale.missing_rule,
        "licence": scale.licence,
        "notes": scale.notes,
        "source": scale.source,
    }


def not_shipped() -> pd.DataFrame:
    """List instruments that people ask for and that are not shipped, with the reason.

    Returns
    -------
    pandas.DataFrame
        Columns ``name, reason``.

    Examples
    --------
    >>> "SMBQ" in not_shipped()["name"].tolist()
    True
    """
    import pandas as pd

    return pd.DataFrame(list(_absent().values()), columns=["name", "reason"])


def eq5d_value_sets() -> pd.DataFrame:
    """List the value sets of EQ-5D that the caller can name.

    Returns
    -------
    pandas.DataFrame
        One row for each: ``instrument, value_set, best, worst, source``, where best and worst are
        the values of the states with no and with most problems in every dimension.

    Examples
    --------
    >>> eq5d_value_sets()[["value_set", "worst"]].values.tolist()
    [['Sweden 2014', 0.3402], ['Sweden 2020', 0.2433], ['Sweden 2022', -0.314]]
    """
    import pandas as pd

    rows = [
        {
            "instrument": scale.name,
            "value_set": values.name,
            "best": values.start,
            "worst": round(
                values.start - sum(max(levels[-1:]) for levels in values.table) - values.worst, 10
            ),
            "source": values.source,
        }
        for scale in _shipped().values()
        for values in scale.value_sets
    ]
    return pd.DataFrame(rows)
