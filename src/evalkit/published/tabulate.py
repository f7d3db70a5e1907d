"""Published tables computed anew from microdata."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, cast

from evalkit.errors import InputError
from evalkit.kernels.rounding import percent_half_up
from evalkit.published.microdata import Condition, Layout, Meaning, layout

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["tabulate", "tabulate_layout"]

_COLUMNS = ["row_group", "row", "column_group", "column", "measure", "value"]


def tabulate(df: pd.DataFrame, table_id: str, *, population: str | None = None) -> pd.DataFrame:
    """Compute a published table from microdata, for :func:`evalkit.published.compare`.

    Parameters
    ----------
    df : DataFrame
        One row per person, with the variables and labels that :func:`reconstruct` gives.
    table_id : str
        A table whose rows and columns are described in terms of persons.
    population : str, optional
        Whom `df` holds; needed only where the table counts several populations (such as one per
        year), and then only the cells of this one are computed.

    Returns
    -------
    DataFrame
        Columns ``row_group, row, column_group, column, measure, value`` in printed order.
        Percentages are rounded half up, exactly, to the decimals that were printed; NaN where the
        base is empty.

    Raises
    ------
    InputError
        If the table is not shipped or not described, `df` lacks a variable, or the population
        must be named.

    Examples
    --------
    >>> from evalkit import published
    >>> people = published.reconstruct(["000.t1"], rng=1)
    >>> published.tabulate(people, "000.t1").loc[0, "value"]
    np.float64(3625.0)
    """
    return tabulate_layout(df, layout(table_id), population=population)


def tabulate_layout(
    df: pd.DataFrame, described: Layout, *, population: str | None = None
) -> pd.DataFrame:
    """Compute a table that is already read; see :func:`tabulate`."""
    import pandas as pd

    name = _population(described, population)
    absent = [
        variable
        for variable in (*described.row_variables, *described.column_variables)
        if variable not in df.columns
    ]
    if absent:
        raise InputError.of(
            "df", required=f"a frame with the variables of {described.table_id}",
            got=f"no {', '.join(absent)}",
            remedy=f"The columns are: {', '.join(map(str, df.columns))}.",
        )  # fmt: skip
    counts = _Counts(df)
    rows = [
        (*meaning.cell.key[1:], _value(meaning, counts))
        for meaning in described.meanings
        if meaning.population == name
    ]
    return pd.DataFrame.from_records(rows, columns=_COLUMNS).astype({"value": float})


def _population(described: Layout, population: str | None) -> str:
    names = described.populations
    if population is None and len(names) == 1:
        return names[0]
    if population not in names:
        raise InputError.of(
            "population", required=f"one that {described.table_id} counts ({', '.join(names)})",
            got=repr(population),
        )  # fmt: skip
    return population


class _Counts:
    """Counts persons by condition, crossing each set of variables once."""

    def __init__(self, df: pd.DataFrame) -> None:
        self._df = df
        self._crossed: dict[tuple[str, ...], dict[tuple[str, ...], int]] = {}

    def of(self, condition: Condition) -> int:
        """Count the persons that meet a condition."""
        if not condition:
            return len(self._df)
        names = tuple(condition)
        if names not in self._crossed:
            sizes = self._df.value_counts(list(names))
            self._crossed[names] = {
                cast("tuple[str, ...]", key): int(size) for key, size in sizes.items()
            }
        crossed = self._crossed[names]
        return sum(crossed.get(values, 0) for values in product(*condition.values()))


def _value(meaning: Meaning, counts: _Counts) -> float:
    count = counts.of(meaning.condition)
    if meaning.cell.key.measure == "count":
        return float(count)
    base = counts.of(meaning.base)
    if base == 0:
        return float("nan")
    decimals = meaning.cell.figure.decimals
    return percent_half_up(count, base, decimals) / 10**decimals
