"""Test and retest: does a score repeat itself in people who have not changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core.checks import check_level
from evalkit.core.columns import check_known, numbers
from evalkit.core.results import EffectTable
from evalkit.errors import InputError
from evalkit.kernels.intraclass import intraclass, mean_squares
from evalkit.kernels.numeric import critical_value, normal_quantile
from evalkit.kernels.paired_change import spread as standard_deviation
from evalkit.kernels.student import student
from evalkit.scales.paired_waves import refuse_infinite
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Retest", "retest"]


@dataclass(frozen=True, eq=False, repr=False)
class Retest:
    """Agreement of two measurements of the same people.

    Attributes
    ----------
    table : EffectTable
        Terms ``ICC2, ICC3, pearson, mean_difference, limit_low, limit_high, sem_agreement,
        sem_consistency, mdc_agreement, mdc_consistency``.
    """

    table: EffectTable

    def _value(self, term: str) -> float:
        """Read an estimate off the table."""
        data = self.table.data
        return float(data.loc[data["term"] == term, "estimate"].iloc[0])

    @property
    def icc_agreement(self) -> float:
        """Intraclass correlation in which a shift between the occasions counts against it."""
        return self._value("ICC2")

    @property
    def sem(self) -> float:
        """Standard error of measurement, shifts between the occasions included."""
        return self._value("sem_agreement")

    @property
    def mdc(self) -> float:
        """Minimal detectable change of one person, shifts between the occasions included."""
        return self._value("mdc_agreement")

    def to_frame(self) -> pd.DataFrame:
        """Return the numbers.

        Returns
        -------
        pandas.DataFrame
            The columns of an effect table, one row for each term.
        """
        return self.table.to_frame()

    def __repr__(self) -> str:
        """Show the numbers in at most fifteen lines."""
        return repr(self.table)

    def _repr_html_(self) -> str:
        """Show the numbers in a notebook."""
        return self.table._repr_html_()  # pyright: ignore[reportPrivateUsage]


def retest(df: pd.DataFrame, *, first: str, second: str, level: float = 0.95) -> Retest:
    r"""Estimate how well a score repeats itself in people who have not changed.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person. It is not changed.
    first, second : str
        Columns with the score on the two occasions.
    level : float, default 0.95
        Confidence level; also that of the limits of agreement and the minimal detectable change.

    Returns
    -------
    Retest
        Intraclass and Pearson correlations, mean difference (second minus first), limits of
        agreement, standard errors of measurement and minimal detectable changes.

    Raises
    ------
    evalkit.errors.InputError
        If columns do not exist, are the same or are no numbers, or fewer than four people have
        both scores.

    Notes
    -----
    With the mean squares of :func:`evalkit.scales.icc`, :math:`\mathrm{SEM}` of consistency is
    :math:`\sqrt E` and that of agreement :math:`\sqrt{E + (J - E)/n}` [1]_, which is the smaller of
    the two only where the occasions differ by less than chance; the minimal
    detectable change is :math:`z\sqrt 2\,\mathrm{SEM}`. The interval of the former is that of a
    variance with n - 1 degrees of freedom. Limits of agreement are the mean difference plus and
    minus z standard deviations of the differences, with Bland and Altman's intervals [2]_. Rows
    without one of the scores are dropped and counted.

    In R: ``psych::ICC(x, lmer = FALSE)``, ``cor.test``, ``t.test(paired = TRUE)``.

    References
    ----------
    .. [1] de Vet HCW, Terwee CB, Knol DL, Bouter LM (2006). When to use agreement versus
       reliability measures. J Clin Epidemiol 59:1033-1039. doi:10.1016/j.jclinepi.2005.10.015
    .. [2] Bland JM, Altman DG (1999). Measuring agreement in method comparison studies.
       Stat Methods Med Res 8:135-160. doi:10.1177/096228029900800204

    Examples
    --------
    >>> import pandas as pd
    >>> twice = pd.DataFrame({"a": [30, 35, 28, 41, 38, 33], "b": [31, 34, 30, 40, 39, 35]})
    >>> result = retest(twice, first="a", second="b")
    >>> round(result.icc_agreement, 3), round(result.mdc, 2)
    (0.951, 2.77)
    """
    level = check_level(level)
    check_known(df, first=first, second=second)
    if first == second:
        raise InputError.of("second", required="another column than first", got=repr(second))
    both = np.stack([numbers(df, first, "first"), numbers(df, second, "second")], axis=1)
    for place, (argument, name) in enumerate((("first", first), ("second", second))):
        refuse_infinite(df, name, argument, both[:, place])
    there = ~np.isnan(both).any(axis=1)
    gone = np.isnan(both)
    dropped = {
        f"{first} missing": int((gone[:, 0] & ~gone[:, 1]).sum()),
        f"{second} missing": int((gone[:, 1] & ~gone[:, 0]).sum()),
        "both missing": int(gone.all(axis=1).sum()),
    }
    values = both[there]
    n = len(values)
    if n < 4:
        raise InputError.of("df", required="four people with both scores", got=f"{n}")
    return Retest(
        EffectTable.of(
            _columns(values, level),
            estimand=f"Agreement of {second} with {first}",
            method="Two-way analysis of variance; t, F, Fisher and chi-squared intervals",
            level=level,
            n_used=n,
            n_dropped={why: count for why, count in dropped.items() if count},
        )
    )


def _columns(values: FloatArray, level: float) -> dict[str, object]:
    """Return the columns of the table."""
    from scipy import special

    n = len(values)
    z, nan = normal_quantile(level), float("nan")
    squares = mean_squares(values)
    agree = intraclass(squares, level)
    difference = values[:, 1] - values[:, 0]
    mean = float(difference.mean())
    spread = standard_deviation(difference, float(np.abs(values).max()))
    test = {k: float(v) for k, v in student(mean, spread / np.sqrt(n), n - 1, level).items()}
    varies = all(standard_deviation(column) > 0 for column in values.T)
    r = float(np.corrcoef(values[:, 0], values[:, 1])[0, 1]) if varies else nan
    near = np.arctanh(min(max(r, -1.0), 1.0)) if abs(r) < 1 else nan
    half = z / np.sqrt(n - 3)
    t = critical_value(level, n - 1)
    error = spread * float(np.sqrt(1 / n + z**2 / (2 * (n - 1))))
    limits = [mean - z * spread, mean + z * spread]
    sem, agreement = squares.sem_consistency, squares.sem_agreement
    tails = [float(special.chdtri(n - 1, p)) for p in ((1 - level) / 2, (1 + level) / 2)]
    ends = [sem * float(np.sqrt((n - 1) / tail)) for tail in tails]
    to_mdc = z * float(np.sqrt(2))
    rows: list[tuple[str, float, float, float, float, float, float, float]] = [
        ("ICC2", float(agree.estimate[1]), nan, float(agree.statistic[1]), float(agree.df[1]),
         float(agree.p_value[1]), float(agree.low[1]), float(agree.high[1])),
        ("ICC3", float(agree.estimate[2]), nan, float(agree.statistic[2]), float(agree.df[2]),
         float(agree.p_value[2]), float(agree.low[2]), float(agree.high[2])),
        ("pearson", r, nan, nan, nan, nan, float(np.tanh(near - half)),
         float(np.tanh(near + half))),
        ("mean_difference", mean, test["std_error"], test["statistic"], test["df"],
         test["p_value"], test["conf_low"], test["conf_high"]),
        ("limit_low", limits[0], error, nan, nan, nan, limits[0] - t * error,
         limits[0] + t * error),
        ("limit_high", limits[1], error, nan, nan, nan, limits[1] - t * error,
         limits[1] + t * error),
        ("sem_agreement", agreement, nan, nan, nan, nan, nan, nan),
        ("sem_consistency", sem, nan, nan, nan, nan, ends[0], ends[1]),
        ("mdc_agreement", to_mdc * agreement, nan, nan, nan, nan, nan, nan),
        ("mdc_consistency", to_mdc * sem, nan, nan, nan, nan, to_mdc * ends[0],
         to_mdc * ends[1]),
    ]  # fmt: skip
    names = ("term", "estimate", "std_error", "statistic", "df", "p_value", "conf_low", "conf_high")
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    return {**columns, "n": n}
