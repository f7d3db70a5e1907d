"""Answers that were hardly read: straight lines, staircases, and items turned the wrong way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.core.checks import check_counts
from evalkit.core.columns import check_known
from evalkit.core.printing import html_table, text_block
from evalkit.errors import InputError
from evalkit.kernels.reliability import (
    against_the_others,
    alpha_if_dropped,
    cronbach_alpha,
    item_covariances,
    item_rest_correlations,
)
from evalkit.scales.item_columns import codes_of, read_items
from evalkit.typing import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

    from evalkit.scales.survey_data import SurveyData

__all__ = ["AnswerPatterns", "answer_patterns", "suspected_reversals"]


@dataclass(frozen=True, eq=False, repr=False)
class AnswerPatterns:
    """How each person went through the items.

    Attributes
    ----------
    people : pandas.DataFrame
        One row for each row of the data, with its index: ``n_answered, longest_run, same_share,
        spread, straight_line, staircase, contradiction``.
    items : tuple of str
        The items, in the order of the questionnaire.
    n_reversed : int
        How many of them are worded the other way.
    shortest : int
        Answers that a pattern is read from, at least.
    """

    people: pd.DataFrame
    items: tuple[str, ...]
    n_reversed: int
    shortest: int

    def to_frame(self) -> pd.DataFrame:
        """Count the people with each pattern.

        Returns
        -------
        pandas.DataFrame
            Columns ``pattern, count, n, share``; n are those with enough answers.
        """
        import pandas as pd

        n = int((self.people["n_answered"] >= self.shortest).sum())
        names = ["straight_line", "staircase"] + (["contradiction"] if self.n_reversed else [])
        count = [int(self.people[name].sum()) for name in names]
        share = [value / n if n else float("nan") for value in count]
        return pd.DataFrame({"pattern": names, "count": count, "n": n, "share": share})

    def _head(self) -> list[str]:
        """Say what was looked at."""
        return [
            "Response patterns",
            f"{len(self.items)} items, {self.n_reversed} reversed; from {self.shortest} answers on",
            f"n: {len(self.people)} rows",
        ]

    def _notes(self) -> tuple[str, ...]:
        """Warn of reading too much into it."""
        if self.n_reversed:
            return ()
        return ("Without items worded the other way a straight line can be an honest answer.",)

    def __repr__(self) -> str:
        """Show the counts in a few lines."""
        return text_block(self._head(), self.to_frame(), self._notes())

    def _repr_html_(self) -> str:
        """Show the counts in a notebook."""
        return html_table(self._head(), self.to_frame(), self._notes())


def answer_patterns(
    df: pd.DataFrame | SurveyData,
    items: Sequence[str] | None = None,
    *,
    item_range: tuple[float, float],
    reversed_items: Sequence[str] = (),
    shortest: int = 4,
    missing_codes: float | Iterable[float] = (),
    mapping: Mapping[Any, float] | None = None,
    allow_fractions: bool = False,
) -> AnswerPatterns:
    r"""Find people who gave the same answer throughout, or answered by a pattern.

    Parameters
    ----------
    df : pandas.DataFrame or SurveyData
        One row for each person. It is not changed.
    items : sequence of str, optional
        Columns with the answers as they were ticked, before any reversal, in the order of the
        questionnaire; all columns if left out.
    item_range : (float, float)
        Lowest and highest code.
    reversed_items : sequence of str, optional
        Those of the items that are worded the other way.
    shortest : int, default 4
        Answers that a person must have given for a pattern to be read from them.
    missing_codes : float or iterable of float, optional
        Codes that stand for missing answers.
    mapping : mapping, optional
        Code of each label, for columns of text.
    allow_fractions : bool, default False
        Accept codes that are not whole numbers.

    Returns
    -------
    AnswerPatterns
        For each person the number of answers, the longest run of one answer, the share of the
        commonest answer, the standard deviation of the answers, and three patterns:
        ``straight_line`` (one answer throughout), ``staircase`` (each answer one step above the
        one before, or each below, turning or starting anew only at the ends of the range, which
        has at least three codes), and ``contradiction``
        (an answer other than the middle one throughout, with items worded both ways).

    Raises
    ------
    evalkit.errors.InputError
        If an item does not exist, has codes that cannot be, or a reversed item is no item.

    Notes
    -----
    Missing answers are passed over: a run goes on behind them. Nobody is left out and nothing is
    changed; what to do about a pattern is the analyst's decision, to be made before the results
    are seen. Longest run as in R: ``careless::longstring``; the standard deviation, over n - 1, is
    ``careless::irv`` [1]_ [2]_.

    References
    ----------
    .. [1] Meade AW, Craig SB (2012). Identifying careless responses in survey data.
       Psychol Methods 17:437-455. doi:10.1037/a0028085
    .. [2] Dunn AM, Heggestad ED, Shanock LR, Theilgard N (2018). Intra-individual response
       variability as an indicator of insufficient effort responding. J Bus Psychol 33:105-121.
       doi:10.1007/s10869-016-9479-0

    Examples
    --------
    >>> import pandas as pd
    >>> answers = pd.DataFrame(
    ...     [[4, 4, 4, 4, 4], [1, 2, 3, 4, 5], [4, 2, 5, 2, 4]], columns=["a", "b", "c", "d", "e"]
    ... )
    >>> found = answer_patterns(answers, item_range=(1, 5), reversed_items=["b", "d"])
    >>> found.people[["longest_run", "straight_line", "staircase", "contradiction"]]
       longest_run  straight_line  staircase  contradiction
    0            5           True      False           True
    1            1          False       True          False
    2            1          False      False          False
    """
    import pandas as pd

    df = codes_of(df)
    least = int(check_counts("shortest", shortest, minimum=2)[0])
    answers = read_items(
        df,
        items,
        item_range=item_range,
        missing_codes=missing_codes,
        mapping=mapping,
        allow_fractions=allow_fractions,
    )
    strangers = [name for name in reversed_items if name not in answers.items]
    if strangers:
        raise InputError.of("reversed_items", required="some of the items",
                            got=", ".join(map(repr, strangers)))  # fmt: skip
    packed, n = _packed(answers.values)
    enough = n >= least
    inside: BoolArray = np.arange(packed.shape[1], dtype=np.int64)[None, :] < n[:, None]
    pairs = inside[:, 1:]
    steps = np.diff(packed, axis=1)
    straight = enough & ~((steps != 0) & pairs).any(axis=1)
    turned = np.isin(np.array(answers.items), list(reversed_items))
    there = ~np.isnan(answers.values)
    both = (there & turned).any(axis=1) & (there & ~turned).any(axis=1)
    low, high = item_range
    off_middle = np.abs(packed[:, 0] - (low + high) / 2) > 1e-9
    people = pd.DataFrame(
        {
            "n_answered": n,
            "longest_run": _longest_run(steps, pairs, n),
            "same_share": _same_share(packed, inside, n),
            "spread": _spread(packed, inside, n),
            "straight_line": straight,
            "staircase": enough & _staircase(packed, steps, pairs, (low, high)),
            "contradiction": straight & both & off_middle,
        },
        index=df.index,
    )
    return AnswerPatterns(people, answers.items, int(turned.sum()), least)


def _packed(values: FloatArray) -> tuple[FloatArray, IntArray]:
    """Move each row's answers to the front, zeros behind them, and count them."""
    there = ~np.isnan(values)
    order = np.argsort(~there, axis=1, kind="stable")
    front = np.take_along_axis(np.where(there, values, 0.0), order, axis=1)
    return front, there.sum(axis=1).astype(np.int64)


def _longest_run(steps: FloatArray, pairs: BoolArray, n: IntArray) -> IntArray:
    """Return the longest run of one answer in each row."""
    run = (n > 0).astype(np.int64)
    longest = run.copy()
    for place in range(steps.shape[1]):
        run = np.where(pairs[:, place] & (steps[:, place] == 0), run + 1, 1)
        longest = np.where(pairs[:, place], np.maximum(longest, run), longest)
    return longest


def _same_share(packed: FloatArray, inside: BoolArray, n: IntArray) -> FloatArray:
    """Return the share of each row's commonest answer."""
    most = np.zeros(len(packed))
    for place in range(packed.shape[1]):
        same = (inside & (packed == packed[:, [place]])).sum(axis=1)
        most = np.where(inside[:, place], np.maximum(most, same), most)
    return np.where(n > 0, most / np.maximum(n, 1), np.nan)


def _spread(packed: FloatArray, inside: BoolArray, n: IntArray) -> FloatArray:
    """Return the standard deviation of each row's answers; NaN for fewer than two."""
    mean = packed.sum(axis=1) / np.maximum(n, 1)
    squares = (np.where(inside, packed - mean[:, None], 0.0) ** 2).sum(axis=1)
    return np.sqrt(np.where(n > 1, squares / np.maximum(n - 1, 1), np.nan))


def _staircase(
    packed: FloatArray, steps: FloatArray, pairs: BoolArray, ends: tuple[float, float]
) -> BoolArray:
    """Say which rows go up or down by one, and turn, or start anew, only at the ends."""
    if not steps.shape[1]:
        return np.zeros(len(packed), dtype=np.bool_)
    low, high = ends
    if high - low < 2:  # with two codes any change is a step
        return np.zeros(len(packed), dtype=np.bool_)
    before, after = packed[:, :-1], packed[:, 1:]
    up, down = steps == 1, steps == -1
    anew_up, anew_down = (before == high) & (after == low), (before == low) & (after == high)
    rising = ((up | anew_up) | ~pairs).all(axis=1)
    falling = ((down | anew_down) | ~pairs).all(axis=1)
    one = (up | down) | ~pairs
    turns = (steps[:, 1:] != steps[:, :-1]) & pairs[:, 1:]
    at_end = (before[:, 1:] == low) | (before[:, 1:] == high)
    bouncing = one.all(axis=1) & ~(turns & ~at_end).any(axis=1)
    return rising | falling | bouncing


def suspected_reversals(
    df: pd.DataFrame | SurveyData,
    items: Sequence[str] | None = None,
    *,
    item_range: tuple[float, float] | None = None,
    reversed_items: Sequence[str] = (),
    missing_codes: float | Iterable[float] = (),
    mapping: Mapping[Any, float] | None = None,
    allow_fractions: bool = False,
) -> pd.DataFrame:
    """Name the items that look as if reversed twice, or not at all.

    Parameters
    ----------
    df : pandas.DataFrame or SurveyData
        One row for each person, items scored in what should be one direction. It is not changed.
    items : sequence of str, optional
        Columns with at least three items; all columns if left out.
    item_range : (float, float), optional
        Lowest and highest code; other codes are refused.
    reversed_items : sequence of str, optional
        Items whose codes were turned around before.
    missing_codes : float or iterable of float, optional
        Codes that stand for missing answers.
    mapping : mapping, optional
        Code of each label, for columns of text.
    allow_fractions : bool, default False
        Accept codes that are not whole numbers.

    Returns
    -------
    pandas.DataFrame
        One row for each suspect: ``item, item_rest_r, item_rest_r_if_turned, alpha,
        alpha_if_all_turned, alpha_if_dropped, suspicion``, where the suspicion is "reversed
        twice" for items in `reversed_items` and "not reversed" for others. No rows
        if nothing is suspected.

    Raises
    ------
    evalkit.errors.InputError
        If there are fewer than three items, an item does not exist, does not vary or has codes
        that cannot be, or fewer than two people answered a pair of them.

    Notes
    -----
    Suspects are the smaller of the two camps in which the first principal component parts the
    items, if an item correlates below 0 with the rest; or, where alpha is negative and that camp
    names nobody, the items that do. That is a sign, not a proof: an item may
    also measure something else. If half of the items run each way the two camps cannot be told
    apart, and the camp named is the one that weighs less. Nothing is changed.

    Examples
    --------
    >>> import pandas as pd
    >>> answers = pd.DataFrame({
    ...     "q1": [1, 2, 3, 4, 5, 4], "q2": [2, 2, 3, 5, 4, 4], "q3": [5, 3, 4, 2, 1, 3],
    ... })
    >>> suspected_reversals(answers, reversed_items=["q3"])[["item", "suspicion"]]
      item       suspicion
    0   q3  reversed twice
    """
    import pandas as pd

    df = codes_of(df)
    answers = read_items(
        df,
        items,
        item_range=item_range,
        missing_codes=missing_codes,
        mapping=mapping,
        allow_fractions=allow_fractions,
    )
    check_known(df, reversed_items=[x for x in reversed_items if x not in answers.items])
    if len(answers.items) < 3:
        raise InputError.of(
            "items", required="at least three items, to tell which of them runs against the others",
            got=f"{len(answers.items)}",
        )  # fmt: skip
    moments = item_covariances(answers.values)
    covariance = moments.covariance
    named = np.array(answers.items)
    if (few := (moments.n < 2).any(axis=1)).any():
        raise InputError.of("items", required="answered in pairs by two people or more",
                            got="fewer", where=named[few].tolist())  # fmt: skip
    if (constant := ~(np.diag(covariance) > 0)).any():
        raise InputError.of("items", required="items that vary", got="zero variance",
                            where=named[constant].tolist())  # fmt: skip
    wrong = against_the_others(covariance)
    turned = np.where(wrong, -1.0, 1.0)
    aligned = covariance * np.outer(turned, turned)
    names = [name for name, bad in zip(answers.items, wrong, strict=True) if bad]
    before = set(reversed_items)
    return pd.DataFrame(
        {
            "item": names,
            "item_rest_r": item_rest_correlations(covariance)[wrong],
            "item_rest_r_if_turned": item_rest_correlations(aligned)[wrong],
            "alpha": float(cronbach_alpha(covariance)),
            "alpha_if_all_turned": float(cronbach_alpha(aligned)),
            "alpha_if_dropped": alpha_if_dropped(covariance)[wrong],
            "suspicion": ["reversed twice" if name in before else "not reversed" for name in names],
        }
    )
