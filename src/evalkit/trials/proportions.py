"""The difference of two proportions, with an interval that works at empty cells too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy.typing as npt

from evalkit.core.checks import check_choice, check_labels, check_level, check_successes
from evalkit.core.results import EffectTable
from evalkit.errors import InputError
from evalkit.kernels.proportion_differences import newcombe, score_difference

__all__ = ["proportion_difference"]

_METHODS = {
    "miettinen-nurminen": "Miettinen-Nurminen score interval and score test",
    "newcombe": "Newcombe hybrid score interval (no test)",
    "mee": "Mee score interval and score test",
}


def proportion_difference(
    x1: npt.ArrayLike,
    n1: npt.ArrayLike,
    x0: npt.ArrayLike,
    n0: npt.ArrayLike,
    *,
    method: Literal["miettinen-nurminen", "newcombe", "mee"] = "miettinen-nurminen",
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
    method : {"miettinen-nurminen", "newcombe", "mee"}
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
        rejects at 1 - ``level`` exactly where the interval leaves out 0. Newcombe's method has
        no test, and they are missing.

    Raises
    ------
    evalkit.errors.InputError
        If a count is not whole, negative or larger than its group, a group is empty, or
        ``method`` or ``level`` is none that exists.

    Notes
    -----
    The score intervals hold every difference :math:`\delta` with

    .. math:: |\hat p_1 - \hat p_0 - \delta| \le z
        \sqrt{c \{\tilde p_1(1-\tilde p_1)/n_1 + \tilde p_0(1-\tilde p_0)/n_0\}}

    where :math:`\tilde p_1, \tilde p_0` are the most likely proportions that differ by
    :math:`\delta`, and :math:`c` is :math:`N/(N-1)` for Miettinen and Nurminen [1]_ and 1 for
    Mee [2]_. Newcombe's interval [3]_ combines the two Wilson intervals. All three are defined
    where nobody or everybody succeeded; nothing is added to empty cells.

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
    check_choice("method", method, tuple(_METHODS))
    level = check_level(level)
    x1, n1 = check_successes(x1, n1, names=("x1", "n1"))
    x0, n0 = check_successes(x0, n0, names=("x0", "n0"))
    if len(x1) != len(x0) and 1 not in (len(x1), len(x0)):
        raise InputError.of("x0", required=f"as long as x1 ({len(x1)})", got=f"{len(x0)} values")
    if method == "newcombe":
        result = newcombe(x1, n1, x0, n0, level)
    else:
        corrected = method == "miettinen-nurminen"
        result = score_difference(x1, n1, x0, n0, level, corrected=corrected)
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
            "n": n1 + n0,
        },
        estimand=f"Risk difference, {arm} - {control}",
        method=_METHODS[method],
        level=level,
        n_used=int(n1.sum() + n0.sum()),
    )
