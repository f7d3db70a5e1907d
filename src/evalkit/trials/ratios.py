"""The ratio and the odds ratio of two proportions, with intervals that work at empty cells too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy.typing as npt

from evalkit.core.checks import check_choice, check_labels, check_level
from evalkit.core.results import EffectTable
from evalkit.trials.proportion_methods import (
    compare_proportions,
    methods_of,
    read_groups,
    refuse_large_groups,
)

__all__ = ["proportion_odds_ratio", "proportion_ratio"]

_NAMES = {"risk_ratio": "Risk ratio", "odds_ratio": "Odds ratio"}


def proportion_ratio(
    x1: npt.ArrayLike,
    n1: npt.ArrayLike,
    x0: npt.ArrayLike,
    n0: npt.ArrayLike,
    *,
    method: Literal["miettinen-nurminen", "koopman", "exact", "mid-p"] = "miettinen-nurminen",
    level: float = 0.95,
    arm: str = "arm",
    control: str = "control",
    labels: Sequence[object] | None = None,
) -> EffectTable:
    r"""Estimate the ratio of two independent proportions, arm over control.

    Parameters
    ----------
    x1, n1 : int or array_like of int
        Successes and persons in the arm; sequences give one row for each comparison.
    x0, n0 : int or array_like of int
        Successes and persons in the control group.
    method : {"miettinen-nurminen", "koopman", "exact", "mid-p"}
        How the interval is made; see Notes.
    level : float, default 0.95
        Confidence level.
    arm, control : str
        Names of the two groups, as the contrast is to say them.
    labels : sequence, optional
        Names of the comparisons, one each; they become the key column ``group``.

    Returns
    -------
    EffectTable
        One row for each comparison, with term ``risk_ratio`` and ``scale`` "ratio".
        ``std_error`` is that of the logarithm, for information, and missing at empty cells.

    Raises
    ------
    evalkit.errors.InputError
        If a count is not whole, negative or larger than its group, a group is empty, groups are
        too large for an exact method, or ``method`` or ``level`` is none that exists.

    Notes
    -----
    The score intervals hold every ratio :math:`\theta` with

    .. math:: |\hat p_1 - \theta\hat p_0| \le z
        \sqrt{c \{\tilde p_1(1-\tilde p_1)/n_1 + \theta^2\tilde p_0(1-\tilde p_0)/n_0\}}

    at the most likely proportions with that ratio; :math:`c` is :math:`N/(N-1)` for Miettinen and
    Nurminen [1]_ and 1 for Koopman [2]_. The exact interval [3]_ is never below its level, the
    mid-p interval near it on average. Where the controls have no successes the ratio has no upper
    bound, where the arm has none its lower bound is 0; nothing is added to empty cells.

    In R, ``prop.test(c(x1, x0), c(n1, n0), correct = FALSE)$p.value`` is Koopman's p-value.

    References
    ----------
    .. [1] Miettinen O, Nurminen M (1985). Comparative analysis of two rates.
       Stat Med 4:213-226. doi:10.1002/sim.4780040211
    .. [2] Koopman PAR (1984). Confidence intervals for the ratio of two binomial proportions.
       Biometrics 40:513-517. doi:10.2307/2531405
    .. [3] Chan ISF, Zhang Z (1999). Test-based exact confidence intervals for the difference of
       two binomial proportions. Biometrics 55:1202-1209. doi:10.1111/j.0006-341X.1999.01202.x

    Examples
    --------
    >>> table = proportion_ratio(7, 34, 1, 34, arm="ReDO", control="CAU").to_frame()
    >>> table[["estimate", "conf_low", "conf_high"]].round(2).values.tolist()
    [[7.0, 1.21, 43.03]]
    """
    return _compare("risk_ratio", method, (x1, n1, x0, n0), level, f"{arm} - {control}", labels)


def proportion_odds_ratio(
    x1: npt.ArrayLike,
    n1: npt.ArrayLike,
    x0: npt.ArrayLike,
    n0: npt.ArrayLike,
    *,
    method: Literal["miettinen-nurminen", "cornfield", "exact", "mid-p"] = "miettinen-nurminen",
    level: float = 0.95,
    arm: str = "arm",
    control: str = "control",
    labels: Sequence[object] | None = None,
) -> EffectTable:
    r"""Estimate the odds ratio of two independent proportions, arm over control.

    Parameters
    ----------
    x1, n1 : int or array_like of int
        Successes and persons in the arm; sequences give one row for each comparison.
    x0, n0 : int or array_like of int
        Successes and persons in the control group.
    method : {"miettinen-nurminen", "cornfield", "exact", "mid-p"}
        How the interval is made; see Notes.
    level : float, default 0.95
        Confidence level.
    arm, control : str
        Names of the two groups, as the contrast is to say them.
    labels : sequence, optional
        Names of the comparisons, one each; they become the key column ``group``.

    Returns
    -------
    EffectTable
        One row for each comparison, with term ``odds_ratio`` and ``scale`` "ratio".
        ``std_error`` is that of the logarithm, for information, and missing at empty cells.

    Raises
    ------
    evalkit.errors.InputError
        If a count is not whole, negative or larger than its group, a group is empty, or
        ``method`` or ``level`` is none that exists.

    Notes
    -----
    The score intervals are Miettinen and Nurminen's [1]_, and Cornfield's without their factor
    :math:`N/(N-1)`. "exact" gives the conditional maximum likelihood estimate with the interval
    that puts (1 - level) / 2 beyond each end, as ``fisher.test`` in R does; its p-value is twice
    the smaller tail, so that test and interval agree (Fisher's own adds the tables that are less
    likely [2]_). "mid-p" counts half of the observed table's probability. An empty cell bounds
    the odds ratio on one side only.

    References
    ----------
    .. [1] Miettinen O, Nurminen M (1985). Comparative analysis of two rates.
       Stat Med 4:213-226. doi:10.1002/sim.4780040211
    .. [2] Fay MP (2010). Confidence intervals that match Fisher's exact or Blaker's exact tests.
       Biostatistics 11:373-374. doi:10.1093/biostatistics/kxp050

    Examples
    --------
    >>> table = proportion_odds_ratio(7, 34, 1, 34, method="exact").to_frame()
    >>> table[["estimate", "conf_low", "p_value"]].round(3).values.tolist()
    [[8.329, 0.973, 0.054]]
    """
    return _compare("odds_ratio", method, (x1, n1, x0, n0), level, f"{arm} - {control}", labels)


def _compare(
    measure: str,
    method: str,
    counts: tuple[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike, npt.ArrayLike],
    level: float,
    contrast: str,
    labels: Sequence[object] | None,
) -> EffectTable:
    """Check the arguments, compare, and lay the results out."""
    methods = methods_of(measure)
    check_choice("method", method, tuple(methods))
    level = check_level(level)
    groups = read_groups(*counts)
    if method in ("exact", "mid-p"):
        refuse_large_groups("method", measure, groups.n1, groups.n0)
    result = compare_proportions(measure, method, groups[:4], level)
    rows = len(result.estimate)
    key = {} if labels is None else {"group": check_labels("labels", labels, length=rows)}
    return EffectTable.of(
        {
            **key,
            "term": measure,
            "contrast": contrast,
            "estimate": result.estimate,
            "std_error": result.std_error,
            "statistic": result.statistic,
            "p_value": result.p_value,
            "conf_low": result.low,
            "conf_high": result.high,
            "n": groups.n1 + groups.n0,
            "scale": "ratio",
        },
        estimand=f"{_NAMES[measure]}, {contrast}",
        method=methods[method],
        level=level,
        n_used=groups.n_used,
    )
