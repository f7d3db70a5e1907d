"""How far raters, or occasions, agree about the same people: intraclass correlations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core.checks import check_counts, check_level
from evalkit.core.columns import check_known, labels, numbers, refuse_rows
from evalkit.core.printing import html_table, text_block
from evalkit.core.results import EffectTable
from evalkit.errors import InputError
from evalkit.kernels.intraclass import FORMS, intraclass, mean_squares
from evalkit.kernels.numeric import normal_quantile
from evalkit.scales.given_numbers import check_finite
from evalkit.scales.paired_waves import refuse_infinite
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MeasurementError", "icc", "measurement_error"]

_MEANING = (
    "one rater, raters differ between people, agreement",
    "one rater, random raters, agreement",
    "one rater, these raters, consistency",
    "mean of k, raters differ between people, agreement",
    "mean of k, random raters, agreement",
    "mean of k, these raters, consistency",
)


def icc(
    df: pd.DataFrame,
    columns: Sequence[str] | None = None,
    *,
    subject: str | None = None,
    rater: str | None = None,
    score: str | None = None,
    level: float = 0.95,
) -> EffectTable:
    r"""Estimate the six intraclass correlations of Shrout and Fleiss.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person and one column for each rater (or occasion); or, with `subject`,
        `rater` and `score`, one row for each rating. It is not changed.
    columns : sequence of str, optional
        The raters' columns; all columns if left out.
    subject, rater, score : str, optional
        Columns with the person, the rater and the rating, if `df` has one row for each rating.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    EffectTable
        Terms ``ICC1, ICC2, ICC3`` for single ratings and ``ICC1k, ICC2k, ICC3k`` for the mean of
        the k ratings of a person. ``statistic`` is F with ``df`` and ``df_denominator`` degrees of
        freedom; its p-value is one-sided. ``n`` is the number of people.

    Raises
    ------
    evalkit.errors.InputError
        If columns do not exist, repeat or are no numbers, a person has two ratings by one rater,
        or fewer than two people or raters are left.

    Notes
    -----
    ICC1: every person is rated by others, so that raters cannot be told from noise. ICC2: the same
    raters, drawn from many, and their differences in level count as disagreement. ICC3: these
    raters only, and differences in level do not count. With mean squares B between people, J
    between raters, W within people and E of the residual:

    .. math:: \frac{B - W}{B + (k-1)W}, \quad \frac{B - E}{B + (k-1)E + k(J - E)/n}, \quad
        \frac{B - E}{B + (k-1)E}

    People with a missing rating are dropped and counted. Where nothing varies the estimates are
    missing. A negative estimate is reported as it is. F intervals [1]_ [2]_.

    In R: ``psych::ICC(x, lmer = FALSE)``.

    References
    ----------
    .. [1] Shrout PE, Fleiss JL (1979). Intraclass correlations: uses in assessing rater
       reliability. Psychol Bull 86:420-428. doi:10.1037/0033-2909.86.2.420
    .. [2] McGraw KO, Wong SP (1996). Forming inferences about some intraclass correlation
       coefficients. Psychol Methods 1:30-46. doi:10.1037/1082-989X.1.1.30

    Examples
    --------
    >>> import pandas as pd
    >>> ratings = pd.DataFrame({
    ...     "a": [9, 6, 8, 7, 10, 6], "b": [2, 1, 4, 1, 5, 2],
    ...     "c": [5, 3, 6, 2, 6, 4], "d": [8, 2, 8, 6, 9, 7],
    ... })
    >>> icc(ratings).to_frame().set_index("term")["estimate"].round(4).to_dict()
    {'ICC1': 0.1657, 'ICC2': 0.2898, 'ICC3': 0.7148, 'ICC1k': 0.4428, 'ICC2k': 0.6201, ...}
    """
    level = check_level(level)
    ratings, dropped = _ratings(df, columns, subject, rater, score)
    squares = mean_squares(ratings)
    found = intraclass(squares, level)
    notes = [f"{squares.k} ratings of each person."]
    if squares.between == squares.within == 0:
        notes.append("Undefined: zero variance.")
    elif (found.estimate < 0).any():
        notes.append("Negative: ratings of one person differ more than those of different people.")
    return EffectTable.of(
        {
            "term": list(FORMS),
            "contrast": list(_MEANING),
            "estimate": found.estimate,
            "statistic": found.statistic,
            "df": found.df,
            "p_value": found.p_value,
            "conf_low": found.low,
            "conf_high": found.high,
            "n": squares.n,
            "df_denominator": found.df_denominator,
        },
        estimand="Intraclass correlation: share of the variance that lies between people",
        method="Analysis of variance, F intervals",
        level=level,
        n_used=squares.n,
        n_dropped=dropped,
        notes=notes,
    )


def _ratings(
    df: pd.DataFrame,
    columns: Sequence[str] | None,
    subject: str | None,
    rater: str | None,
    score: str | None,
) -> tuple[FloatArray, dict[str, int]]:
    """Return the ratings by person and rater, of those who have all."""
    long = [name for name in (subject, rater, score) if name is not None]
    if long and (len(long) < 3 or columns is not None):
        raise InputError.of(
            "subject, rater, score",
            required="given together, without columns",
            got=", ".join(long),
        )
    if subject is not None and rater is not None and score is not None:
        check_known(df, subject=subject, rater=rater, score=score)
        table = _wide(df, subject, rater, score)
    else:
        check_known(df)
        if columns is None:  # columns may have numbers for names, as those of an array have
            df = df.set_axis([str(name) for name in df.columns], axis=1)
        names = [str(name) for name in df.columns] if columns is None else list(columns)
        check_known(df, columns=names)
        twice = [name for name, times in Counter(names).items() if times > 1]
        if twice:
            raise InputError.of("columns", required="raters that differ", got="repeats",
                                where=twice)  # fmt: skip
        table = np.empty((len(df), len(names)))
        for place, name in enumerate(names):
            table[:, place] = numbers(df, name, "columns")
            refuse_infinite(df, name, "columns", table[:, place])
    if table.shape[1] < 2:
        raise InputError.of("columns", required="two raters or more", got=f"{table.shape[1]}")
    whole = ~np.isnan(table).any(axis=1)
    n = int(whole.sum())
    if n < 2:
        raise InputError.of("df", required="two people with all ratings", got=f"{n}")
    return table[whole], {} if whole.all() else {"a rating missing": int((~whole).sum())}


def _wide(df: pd.DataFrame, subject: str, rater: str, score: str) -> FloatArray:
    """Lay long ratings out by person and rater."""
    people, raters = labels(df[subject]), labels(df[rater])
    for name, argument, coded in ((subject, "subject", people), (rater, "rater", raters)):
        refuse_rows(df, coded.codes < 0, argument, name, "there in every row")
    cell = people.codes * len(raters.levels) + raters.codes
    times = np.bincount(cell, minlength=len(people.levels) * len(raters.levels))
    refuse_rows(df, times[cell] > 1, "subject", subject, "once for each rater")
    table = np.full(len(people.levels) * len(raters.levels), np.nan)
    values = numbers(df, score, "score")
    refuse_infinite(df, score, "score", values)
    table[cell] = values
    return table.reshape(len(people.levels), len(raters.levels))


@dataclass(frozen=True, eq=False, repr=False)
class MeasurementError:
    """How much a score can differ by error of measurement alone.

    Attributes
    ----------
    sem : float
        Standard error of measurement, in the units of the score.
    mdc : float
        Minimal detectable change of one person.
    mdc_group : float or None
        Minimal detectable change of the mean of ``n`` people; None without ``n``.
    level : float
        Confidence level of the two.
    sd, reliability : float
        What they were computed from.
    """

    sem: float
    mdc: float
    mdc_group: float | None
    level: float
    sd: float
    reliability: float

    def to_frame(self) -> pd.DataFrame:
        """Return the numbers.

        Returns
        -------
        pandas.DataFrame
            One row: ``sd, reliability, sem, mdc`` and, with ``n``, ``mdc_group``.
        """
        import pandas as pd

        row = {"sd": self.sd, "reliability": self.reliability, "sem": self.sem, "mdc": self.mdc}
        return pd.DataFrame(
            [row | ({} if self.mdc_group is None else {"mdc_group": self.mdc_group})]
        )

    def _head(self) -> list[str]:
        """Say what the numbers are."""
        return ["Error of measurement", f"Minimal detectable change at {100 * self.level:g} %"]

    def __repr__(self) -> str:
        """Show the numbers in a few lines."""
        return text_block(self._head(), self.to_frame(), ())

    def _repr_html_(self) -> str:
        """Show the numbers in a notebook."""
        return html_table(self._head(), self.to_frame(), ())


def measurement_error(
    sd: float, reliability: float, *, n: int | None = None, level: float = 0.95
) -> MeasurementError:
    r"""Compute the standard error of measurement, and the change that exceeds it.

    Parameters
    ----------
    sd : float
        Standard deviation of the score between people, above 0.
    reliability : float
        Reliability of the score in such people, from 0 to 1: a retest correlation for change over
        time; alpha leaves out what varies between occasions.
    n : int, optional
        Size of a group whose mean change is judged.
    level : float, default 0.95
        Confidence level of the minimal detectable change.

    Returns
    -------
    MeasurementError
        :math:`\mathrm{SEM} = s\sqrt{1 - r}`, :math:`\mathrm{MDC} = z\sqrt 2\,\mathrm{SEM}`, and
        for a group :math:`\mathrm{MDC}/\sqrt n`.

    Raises
    ------
    evalkit.errors.InputError
        If ``sd`` is not above 0, ``reliability`` not from 0 to 1, or ``n`` not whole.

    Notes
    -----
    R: ``sd * sqrt(1 - r)`` and ``qnorm(0.975) * sqrt(2) * sem``.

    References
    ----------
    .. [1] de Vet HCW, Terwee CB, Ostelo RWJG, and others (2006). Minimal changes in health status
       questionnaires. Health Qual Life Outcomes 4:54. doi:10.1186/1477-7525-4-54

    Examples
    --------
    >>> error = measurement_error(8.0, 0.84)
    >>> round(error.sem, 4), round(error.mdc, 4)
    (3.2, 8.8698)
    """
    level = check_level(level)
    spread = check_finite("sd", sd, "a number above 0")
    if not spread > 0:
        raise InputError.of("sd", required="a number above 0", got=repr(sd))
    share = check_finite("reliability", reliability, "a number from 0 to 1")
    if not 0 <= share <= 1:
        raise InputError.of("reliability", required="a number from 0 to 1", got=repr(reliability))
    size = None if n is None else int(check_counts("n", n, minimum=1)[0])
    sem = float(spread * np.sqrt(1 - share))
    mdc = float(normal_quantile(level) * np.sqrt(2) * sem)
    group = None if size is None else float(mdc / np.sqrt(size))
    return MeasurementError(sem, mdc, group, level, spread, share)
