"""What predictions of all models share: times asked for, strata of new rows, and the frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from evalkit.core.columns import numbers, plain, rows_where
from evalkit.errors import InputError
from evalkit.survival.groups import asked_times
from evalkit.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["offset_values", "prediction_frame", "prediction_times", "strata_codes"]


def prediction_times(times: npt.ArrayLike, argument: str = "times") -> FloatArray:
    """Return the times to predict at as a flat array of finite numbers of at least 0.

    Parameters
    ----------
    times : array_like
        One time or several.
    argument : str, default "times"
        Name of the argument, for the message.

    Returns
    -------
    ndarray of float, shape (T,)
        The times.

    Raises
    ------
    evalkit.errors.InputError
        If one is missing, infinite or negative, or there is none.
    """
    asked = asked_times(times, argument)
    wrong = ~(np.isfinite(asked) & (asked >= 0))
    if wrong.any():
        raise InputError.of(
            argument,
            required="finite numbers of at least 0",
            got=", ".join(f"{t:g}" for t in asked[wrong][:5]),
        )
    return asked


def strata_codes(newdata: pd.DataFrame, names: Sequence[str], levels: Sequence[object]) -> IntArray:
    """Find the strata of new rows among those of the fit.

    Parameters
    ----------
    newdata : pandas.DataFrame
        The rows.
    names : sequence of str
        Columns that make up the strata; none if there are no strata.
    levels : sequence
        The strata of the fit; tuples if they come from several columns.

    Returns
    -------
    ndarray of int, shape (m,)
        Positions in ``levels``.

    Raises
    ------
    evalkit.errors.InputError
        If a column is absent, or holds a stratum that the fit did not see.
    """
    if not names:
        return np.zeros(len(newdata), dtype=np.int64)
    absent = [name for name in names if name not in newdata.columns]
    if absent:
        raise InputError.of(
            "newdata",
            required=f"a frame with the strata {', '.join(names)}",
            got=f"one without {', '.join(map(repr, absent))}",
            remedy=f"Columns available: {', '.join(map(str, newdata.columns[:20]))}.",
        )
    known: dict[object, int] = {
        level if isinstance(level, tuple) else (level,): i for i, level in enumerate(levels)
    }
    part = newdata[list(names)]
    group = part.groupby(list(names), sort=False, dropna=False, observed=True).ngroup().to_numpy()
    _, first, place = np.unique(group, return_index=True, return_inverse=True)
    rows = zip(*(part[name].iloc[first].tolist() for name in names), strict=True)
    found = np.array([known.get(tuple(map(plain, row)), -1) for row in rows], dtype=np.int64)
    codes = found[place]
    if (codes < 0).any():
        raise InputError.of(
            "newdata",
            required=f"of the strata of the fit in {', '.join(names)}",
            got=f"{int((codes < 0).sum())} rows of other strata",
            where=rows_where(newdata, codes < 0),
            remedy=f"Strata: {', '.join(repr(level) for level in levels[:20])}.",
        )
    return codes


def prediction_frame(
    newdata: pd.DataFrame, times: FloatArray, quantity: str, values: FloatArray
) -> pd.DataFrame:
    """Lay out predictions, one line for each row and time.

    Parameters
    ----------
    newdata : pandas.DataFrame, m rows
        What was predicted for.
    times : ndarray of float, shape (T,)
        Times.
    quantity : str
        Name of the estimate's column.
    values : ndarray of float, shape (4, m, T)
        Estimates, standard errors, lower and upper limits.

    Returns
    -------
    pandas.DataFrame
        Columns ``row, time``, the quantity, ``std_error, conf_low, conf_high``.
    """
    import pandas as pd

    index = np.repeat(np.arange(len(newdata)), len(times))
    columns: dict[str, object] = {
        "row": newdata.index[index],
        "time": np.tile(times, len(newdata)),
    }
    names = (quantity, "std_error", "conf_low", "conf_high")
    columns |= {name: part.ravel() for name, part in zip(names, values, strict=True)}
    return pd.DataFrame(columns)


def offset_values(newdata: pd.DataFrame, name: str) -> FloatArray:
    """Return the offset of new rows, which must be there.

    Parameters
    ----------
    newdata : pandas.DataFrame, n rows
        The rows.
    name : str
        Column of the offset.

    Returns
    -------
    ndarray of float, shape (n,)
        The offset.

    Raises
    ------
    evalkit.errors.InputError
        If the column is absent, or not finite in every row.
    """
    if name not in newdata.columns:
        raise InputError.of(
            "newdata",
            required=f"with the offset {name!r}",
            got=", ".join(map(str, newdata.columns)),
        )
    values = numbers(newdata, name, "newdata")
    if not np.isfinite(values).all():
        raise InputError.of(f"newdata[{name!r}]", required="finite in every row", got="others")
    return values
