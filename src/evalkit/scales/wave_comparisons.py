"""Two waves of a survey whose answers cannot be paired: shares, means and ordered answers."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from typing import TYPE_CHECKING, Literal

import numpy as np

from evalkit.core.checks import check_choice, check_level, check_successes
from evalkit.core.columns import check_known, labels, numbers, plain, refuse_rows
from evalkit.core.results import EffectTable
from evalkit.errors import InputError
from evalkit.kernels.mean_differences import cell_moments, welch
from evalkit.kernels.numeric import critical_value, two_sided_p
from evalkit.kernels.probabilistic_index import placements
from evalkit.kernels.proportion_differences import score_difference
from evalkit.kernels.student import student
from evalkit.scales.paired_waves import refuse_infinite
from evalkit.scales.suspicion import ScaleWarning
from evalkit.typing import BoolArray, FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AnonymousWavesWarning", "share_change", "wave_difference"]

_PEOPLE = ("different", "same", "unknown")
_SAID = {
    "same": "The same people answered twice, without ids",
    "unknown": "The same people may have answered twice, without ids",
}
_SO = (
    ": the waves are compared as if different people had answered. Where people answer alike both"
    " times that interval is too wide; how single people changed cannot be known."
)


class AnonymousWavesWarning(ScaleWarning):
    """The same people may have answered twice, and nobody knows who is who."""


def wave_difference(
    df: pd.DataFrame,
    *,
    score: str,
    wave: str,
    before: object,
    after: object,
    measure: Literal["mean", "share", "ordinal"] = "mean",
    success: Collection[object] | None = None,
    people: Literal["different", "same", "unknown"] = "unknown",
    level: float = 0.95,
) -> EffectTable:
    r"""Compare two waves of a survey whose answers cannot be paired.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each answer. It is not changed.
    score : str
        Column with the answer.
    wave : str
        Column with the wave.
    before, after : object
        The two values of `wave` to compare.
    measure : {"mean", "share", "ordinal"}
        Compare means, shares of answers in `success`, or ordered answers by their order alone.
    success : collection, optional
        Answers that count, for shares; those equal to 1 or True if left out, and then no others
        than 0 and 1 may occur.
    people : {"different", "same", "unknown"}
        Whether different people answered in the two waves. Unless it is "different" the result
        says, and warns, what cannot be known.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    EffectTable
        The two waves and their difference, after minus before: terms ``before, after,
        difference``. For ordered answers one term, ``probability_higher``: that an answer after is
        higher than one before, ties counted half; 0.5 is no difference, and the test is of that.

    Raises
    ------
    evalkit.errors.InputError
        If columns or waves do not exist, answers are not what `measure` needs, or a wave has
        too few.

    Warns
    -----
    evalkit.scales.wave_comparisons.AnonymousWavesWarning
        Unless `people` is "different".

    Notes
    -----
    Means: Welch's t test. Shares: Miettinen and Nurminen's score interval and test [1]_.
    Ordered answers: Brunner and Munzel's test and interval [2]_, which lets the spread of the
    answers differ. For paired answers use :func:`evalkit.scales.change`. Rows without an answer
    or in other waves are dropped and counted.

    In R: ``t.test(after, before)``, ``lawstat::brunner.munzel.test``.

    References
    ----------
    .. [1] Miettinen O, Nurminen M (1985). Comparative analysis of two rates.
       Stat Med 4:213-226. doi:10.1002/sim.4780040211
    .. [2] Brunner E, Munzel U (2000). The nonparametric Behrens-Fisher problem. Biom J 42:17-25.
       doi:10.1002/(SICI)1521-4036(200001)42:1<17::AID-BIMJ17>3.0.CO;2-U

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({
    ...     "wave": [1] * 50 + [2] * 54, "useful": [1] * 16 + [0] * 34 + [1] * 33 + [0] * 21,
    ... })
    >>> result = wave_difference(rows, score="useful", wave="wave", before=1, after=2,
    ...                          measure="share", people="different")
    >>> result.to_frame()["estimate"].round(3).tolist()
    [0.32, 0.611, 0.291]
    """
    level = check_level(level)
    check_choice("measure", measure, ("mean", "share", "ordinal"))
    check_choice("people", people, _PEOPLE)
    if success is not None and measure != "share":
        raise InputError.of("success", required="given for shares only", got=f"measure={measure!r}")
    check_known(df, score=score, wave=wave)
    second, used, dropped = _waves(df, score, wave, before, after)
    if measure == "share":
        values = _successes(df, score, success, used)
        found = values[used] == 1
        x = [int((found & (second[used] == side)).sum()) for side in (False, True)]
        n = [int((second[used] == side).sum()) for side in (False, True)]
        return _shares((x[0], n[0]), (x[1], n[1]), f"{before}", f"{after}", people, level,
                       dropped)  # fmt: skip
    values = numbers(df, score, "score")
    refuse_infinite(df, score, "score", values)
    values = values[used]
    named = f"{after} - {before}"
    later = second[used]
    if min(int(later.sum()), int((~later).sum())) < 2:
        raise InputError.of("wave", required="at least two answers in each wave", got="fewer")
    columns, method, estimand = (
        _means(values, later, named, level)
        if measure == "mean"
        else _order(values, later, named, level)
    )
    return EffectTable.of(
        columns,
        estimand=f"{estimand}, {named}",
        method=method,
        level=level,
        n_used=len(values),
        n_dropped=dropped,
        notes=_notes(people, 3),
    )


def share_change(
    x_before: int,
    n_before: int,
    x_after: int,
    n_after: int,
    *,
    people: Literal["different", "same", "unknown"] = "unknown",
    before: str = "before",
    after: str = "after",
    level: float = 0.95,
) -> EffectTable:
    """Compare the shares of two survey waves of which only the counts are known.

    Parameters
    ----------
    x_before, n_before : int
        Answers that count, and all answers, in the first wave.
    x_after, n_after : int
        The same in the second wave.
    people : {"different", "same", "unknown"}
        Whether different people answered in the two waves.
    before, after : str
        Names of the waves, as the contrast is to say them.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    EffectTable
        Terms ``before, after, difference`` (after minus before).

    Raises
    ------
    evalkit.errors.InputError
        If a count is not whole, negative or larger than its wave.

    Warns
    -----
    evalkit.scales.wave_comparisons.AnonymousWavesWarning
        Unless `people` is "different".

    Notes
    -----
    As :func:`wave_difference` with ``measure="share"``, from counts.

    Examples
    --------
    >>> share_change(16, 50, 33, 54, people="different").to_frame()["p_value"].round(4).tolist()
    [nan, nan, 0.0031]
    """
    level = check_level(level)
    check_choice("people", people, _PEOPLE)
    x0, n0 = check_successes(x_before, n_before, names=("x_before", "n_before"))
    x1, n1 = check_successes(x_after, n_after, names=("x_after", "n_after"))
    if len(x0) > 1 or len(x1) > 1:
        raise InputError.of("x_before, x_after", required="one count each", got="several")
    first, second = (int(x0[0]), int(n0[0])), (int(x1[0]), int(n1[0]))
    return _shares(first, second, before, after, people, level, {})


def _notes(people: str, stacklevel: int) -> tuple[str, ...]:
    """Say, and warn, what follows if the same people answered twice."""
    if people == "different":
        return ()
    said = _SAID[people] + _SO
    warnings.warn(said, AnonymousWavesWarning, stacklevel=stacklevel)
    return (said,)


def _waves(
    df: pd.DataFrame, score: str, wave: str, before: object, after: object
) -> tuple[BoolArray, BoolArray, dict[str, int]]:
    """Say which rows are in the second wave, and which are used."""
    coded = labels(df[wave])
    places: list[int] = []
    for argument, value in (("before", before), ("after", after)):
        if plain(value) not in coded.levels:
            raise InputError.of(
                argument,
                required=f"a value of {wave!r}",
                got=repr(value),
                remedy="Values: " + ", ".join(repr(one) for one in coded.levels[:10]) + ".",
            )
        places.append(coded.levels.index(plain(value)))
    if places[0] == places[1]:
        raise InputError.of("after", required="another wave than before", got=repr(after))
    inside = np.isin(coded.codes, places)
    missing = df[score].isna().to_numpy()
    dropped = {
        "another wave": int((~inside & (coded.codes >= 0)).sum()),
        f"{wave} missing": int((coded.codes < 0).sum()),
        f"{score} missing": int((inside & missing).sum()),
    }
    used = inside & ~missing
    second = coded.codes == places[1]
    for value, rows in ((before, used & ~second), (after, used & second)):
        if not rows.any():
            raise InputError.of("wave", required="answers in both waves", got=f"none in {value!r}")
    return second, used, {why: count for why, count in dropped.items() if count}


def _successes(
    df: pd.DataFrame, score: str, success: Collection[object] | None, used: BoolArray
) -> FloatArray:
    """Return 1 for answers that count, and 0 for others."""
    if success is not None:
        if isinstance(success, str):
            raise InputError.of("success", required="a collection of answers", got=repr(success),
                                remedy="Put it in a list.")  # fmt: skip
        wanted = {plain(one) for one in success}
        absent = [repr(one) for one in wanted - {*labels(df[score]).levels}]
        if len(absent) == len(wanted):
            raise InputError.of("success", required=f"answers that occur in {score!r}",
                                got=", ".join(absent) or "none")  # fmt: skip
        return df[score].isin(list(success)).to_numpy().astype(np.float64)
    values = numbers(df, score, "score")
    wrong = used & (values != 0) & (values != 1)
    refuse_rows(df, wrong, "score", score, "0 or 1", values,
                remedy="Name the answers that count in success=.")  # fmt: skip
    return values


def _shares(
    first: tuple[int, int],
    second: tuple[int, int],
    before: str,
    after: str,
    people: str,
    level: float,
    dropped: dict[str, int],
) -> EffectTable:
    """Compare two shares."""
    from evalkit.kernels.proportions import wilson

    (x0, n0), (x1, n1) = first, second
    apart = score_difference(x1, n1, x0, n0, level)
    alone = wilson([x0, x1], [n0, n1], level)
    named = f"{after} - {before}"
    nan = float("nan")
    return EffectTable.of(
        {
            "term": ["before", "after", "difference"],
            "contrast": ["", "", named],
            "estimate": [*alone.estimate, float(apart.estimate)],
            "std_error": [nan, nan, float(apart.std_error)],
            "statistic": [nan, nan, float(apart.statistic)],
            "p_value": [nan, nan, float(apart.p_value)],
            "conf_low": [*alone.low, float(apart.low)],
            "conf_high": [*alone.high, float(apart.high)],
            "n": [n0, n1, n0 + n1],
            "count": [float(x0), float(x1), nan],
        },
        estimand=f"Difference of shares, {named}",
        method="Wilson intervals; Miettinen-Nurminen score interval and test of the difference",
        level=level,
        n_used=n0 + n1,
        n_dropped=dropped,
        notes=_notes(people, 4),
    )


def _means(
    values: FloatArray, later: BoolArray, named: str, level: float
) -> tuple[dict[str, object], str, str]:
    """Compare two means."""
    cells = cell_moments(values, later.astype(np.int64), 2)
    apart = welch(cells)
    each = student(cells.mean, np.sqrt(cells.variance / cells.n), cells.n - 1, level)
    both = student(apart.estimate, apart.std_error, apart.df, level)
    each["statistic"][:] = np.nan
    each["p_value"][:] = np.nan
    columns: dict[str, object] = {name: np.concatenate([each[name], both[name]]) for name in each}
    head = {"term": ["before", "after", "difference"], "contrast": ["", "", named]}
    return (
        {**head, **columns, "n": [int(cells.n[0]), int(cells.n[1]), len(values)]},
        "Welch's t test",
        "Difference of means",
    )


def _order(
    values: FloatArray, later: BoolArray, named: str, level: float
) -> tuple[dict[str, object], str, str]:
    """Compare ordered answers by their order alone."""
    found = placements(values, later)
    index = found.wins + (1 - found.wins - found.losses) / 2
    variance, df = found.spread(np.array([0.5, -0.5]))
    error = float(np.sqrt(variance))
    statistic = (index - 0.5) / error if error > 0 else float("nan")
    half = critical_value(level, df) * error if error > 0 else float("nan")
    return (
        {
            "term": "probability_higher",
            "contrast": named,
            "estimate": index,
            "std_error": error,
            "statistic": statistic,
            "df": df if error > 0 else float("nan"),
            "p_value": float(two_sided_p(statistic, df)) if error > 0 else float("nan"),
            "conf_low": max(index - half, 0.0) if error > 0 else float("nan"),
            "conf_high": min(index + half, 1.0) if error > 0 else float("nan"),
            "n": len(values),
        },
        "Brunner-Munzel test against 0.5, ties counted half",
        "Probability of a higher answer",
    )
