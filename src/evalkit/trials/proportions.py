"""The difference of two proportions, with an interval that works at empty cells too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy.typing as npt

from evalkit.core.checks import check_choice, check_labels, check_level
from evalkit.core.results import EffectTable
from evalkit.trials.proportion_methods import (
    compare_proportions,
    methods_of,
    read_groups,
    refuse_large_groups,
)

__all__ = ["proportion_difference"]

Method: TypeAlias = Literal[
    "miettinen-nurminen", "newcombe", "mee", "agresti-caffo", "exact", "mid-p"
]
"""How the interval of a difference of proportions is made."""


def proportion_difference(
    x1: npt.ArrayLike,
    n1: npt.ArrayLike,
    x0: npt.ArrayLike,
    n0: npt.ArrayLike,
    *,
    method: Method = "miettinen-nurminen",
    level: float = 0.95,
    arm: str = "arm",
    control: str = "control",
    labels: Sequence[object] | None = None,
) -> EffectTable:
    r"""Estimate the difference of two independent proportions, arm minus control.

    Parameters
    ----------
    x1, n1 : int or array_like of int
        Successes and persons in the arm; sequences give one row for each comparison.
    x0, n0 : int or array_like of int
        Successes and persons in the control group.
    method : {"miettinen-nurminen", "newcombe", "mee", "agresti-caffo", "exact", "mid-p"}
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
        One row for each comparison, with term ``risk_difference``. ``std_error`` is the
        unrestricted one, for information: neither interval nor test is built from it.
        ``statistic`` and the two-sided ``p_value`` are the score test of no difference, which
        rejects at 1 - ``level`` exactly where the interval leaves out 0. The exact methods have
        a p-value of their own and no statistic; Newcombe's and Agresti and Caffo's have no test.

    Raises
    ------
    evalkit.errors.InputError
        If a count is not whole, negative or larger than its group, a group is empty, groups are
        too large for an exact method, or ``method`` or ``level`` is none that exists.

    Notes
    -----
    The score intervals hold every difference :math:`\delta` with

    .. math:: |\hat p_1 - \hat p_0 - \delta| \le z
        \sqrt{c \{\tilde p_1(1-\tilde p_1)/n_1 + \tilde p_0(1-\tilde p_0)/n_0\}}

    where :math:`\tilde p_1, \tilde p_0` are the most likely proportions that differ by
    :math:`\delta`, and :math:`c` is :math:`N/(N-1)` for Miettinen and Nurminen [1]_ and 1 for
    Mee [2]_. Newcombe's interval [3]_ combines the two Wilson intervals. Agresti and Caffo [4]_
    add a success and a failure to each group before Wald's interval, and cut it off at -1 and 1.
    The exact interval [5]_ is never below its level, the mid-p interval near it on average. All
    are defined where nobody or everybody succeeded; only Agresti and Caffo add to the cells.

    In R, ``prop.test(c(x1, x0), c(n1, n0), correct = FALSE)$p.value`` is Mee's p-value and
    ``Epi::ci.pd(x1, x0, n1 - x1, n0 - x0, method = "Nc")`` is Newcombe's interval.

    References
    ----------
    .. [1] Miettinen O, Nurminen M (1985). Comparative analysis of two rates.
       Stat Med 4:213-226. doi:10.1002/sim.4780040211
    .. [2] Mee RW (1984). Confidence bounds for the difference between two probabilities.
       Biometrics 40:1175-1176.
    .. [3] Newcombe RG (1998). Interval estimation for the difference between independent
       proportions. Stat Med 17:873-890.
       doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I
    .. [4] Agresti A, Caffo B (2000). Simple and effective confidence intervals for proportions
       and differences of proportions result from adding two successes and two failures.
       Am Stat 54:280-288. doi:10.1080/00031305.2000.10474560
    .. [5] Chan ISF, Zhang Z (1999). Test-based exact confidence intervals for the difference of
       two binomial proportions. Biometrics 55:1202-1209. doi:10.1111/j.0006-341X.1999.01202.x

    Examples
    --------
    Of 70 in the arm 56 were in work after a year, of 80 controls 48:

    >>> proportion_difference(56, 70, 48, 80, arm="ReDO", control="CAU")
    Risk difference, ReDO - CAU
    Miettinen-Nurminen score interval and score test; 95 % intervals
    n: 150 used, 0 dropped
    term             contrast    estimate  std_error  statistic  p_value  conf_low  conf_high    n
    risk_difference  ReDO - CAU    0.2000     0.0727     2.6413   0.0083    0.0528     0.3382  150
    """
    methods = methods_of("risk_difference")
    check_choice("method", method, tuple(methods))
    level = check_level(level)
    counts = read_groups(x1, n1, x0, n0)
    if method in ("exact", "mid-p"):
        refuse_large_groups("method", "risk_difference", counts.n1, counts.n0)
    result = compare_proportions("risk_difference", method, counts[:4], level)
    rows = len(result.estimate)
    key = {} if labels is None else {"group": check_labels("labels", labels, length=rows)}
    return EffectTable.of(
        {
            **key,
            "term": "risk_difference",
            "contrast": f"{arm} - {control}",
            "estimate": result.estimate,
            "std_error": result.std_error,
            "statistic": result.statistic,
            "p_value": result.p_value,
            "conf_low": result.low,
            "conf_high": result.high,
            "n": counts.n1 + counts.n0,
        },
        estimand=f"Risk difference, {arm} - {control}",
        method=methods[method],
        level=level,
        n_used=counts.n_used,
    )
