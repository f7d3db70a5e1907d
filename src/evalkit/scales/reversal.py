"""Items turned around, with a record of it, so that nothing is turned around twice unseen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import numpy as np

from evalkit.core.columns import check_known
from evalkit.errors import InputError
from evalkit.kernels.scale_scores import code_answers, reverse
from evalkit.scales.answers import outside_range, read_item
from evalkit.scales.missing_codes import MissingCodes, check_codes_apart, check_missing_codes
from evalkit.scales.subscale import checked_range

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["already_reversed", "reverse_items"]

_RECORD = "evalkit_reversed"


def already_reversed(df: pd.DataFrame) -> tuple[str, ...]:
    """Return the columns that :func:`reverse_items` has turned around in a frame.

    Parameters
    ----------
    df : pandas.DataFrame
        The frame.

    Returns
    -------
    tuple of str
        The columns.

    Examples
    --------
    >>> import pandas as pd
    >>> already_reversed(pd.DataFrame({"q1": [1, 2]}))
    ()
    """
    return tuple(cast("Sequence[str]", df.attrs.get(_RECORD, ())))


def reverse_items(
    df: pd.DataFrame,
    items: Sequence[str],
    *,
    range: tuple[float, float],  # noqa: A002 - the name that Scale has for it
    missing_codes: MissingCodes = (),
) -> pd.DataFrame:
    """Turn items around within their declared range, in a new frame that remembers it.

    Parameters
    ----------
    df : pandas.DataFrame
        The answers; not changed.
    items : sequence of str
        The columns to turn around.
    range : tuple of float
        Lowest and highest code, as declared: x becomes lowest + highest - x.
    missing_codes : number, iterable of numbers or mapping, default ()
        Codes of missing answers; they become missing.

    Returns
    -------
    pandas.DataFrame
        A copy with the columns turned around, as floats. Its ``attrs`` record them, and
        :func:`evalkit.scales.score` refuses to turn them around again. The record goes by name:
        columns that are renamed afterwards are not known by it.

    Raises
    ------
    evalkit.errors.InputError
        If a column has been turned around before, or holds values outside the range.

    Notes
    -----
    In R, ``psych::reverse.code(keys, items, mini = 1, maxi = 5)``. Without ``mini`` and ``maxi``
    it takes the range from the answers, which is wrong wherever an end was not chosen.

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"q1": [1, 2, None], "q2": [4, 4, 3]})
    >>> turned = reverse_items(df, ["q1"], range=(1, 5))
    >>> turned["q1"].tolist(), already_reversed(turned)
    ([5.0, 4.0, nan], ('q1',))
    """
    check_known(df, items=items)
    names = [items] if isinstance(items, str) else list(items)
    done = already_reversed(df)
    again = [name for name in names if name in done]
    if again:
        raise InputError.of(
            "items", required="not reversed yet", got="columns that reverse_items has reversed",
            where=again, remedy="Start from the original frame, or leave them out.",
        )  # fmt: skip
    kinds, _ = check_missing_codes(missing_codes)
    low, high = checked_range(range)
    check_codes_apart(kinds, dict.fromkeys(names, (low, high)))
    turned = df.copy()
    for name in names:
        read = read_item(df, name, kinds, None)
        values = read.values.astype(np.float64)
        if read.missing is not None:
            values = np.where(read.missing, np.nan, values)
        whole = low.is_integer() and high.is_integer() and high - low <= 250
        if whole:
            wrong = code_answers(values, int(low), int(high)).refused
        else:
            wrong = (values < low) | (values > high)
        if wrong is not None and wrong.any():
            raise outside_range({name: (read, wrong)}, {name: (low, high)})
        turned[name] = reverse(values, low, high)
    turned.attrs = {**df.attrs, _RECORD: [*done, *names]}
    return turned
