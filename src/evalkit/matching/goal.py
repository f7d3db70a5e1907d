"""Was a goal reached, by every group: shares against the goal, by exact arithmetic and tests."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from evalkit.core.checks import check_choice, check_labels, check_level, check_successes
from evalkit.core.results import EffectTable
from evalkit.errors import InputError
from evalkit.kernels.proportions import binomial_test, clopper_pearson
from evalkit.typing import Alternative, FloatArray

__all__ = ["goal_attainment"]

_ALTERNATIVES = ("two-sided", "less", "greater")
_ALL = "all groups"
_QUESTIONS = {
    "two-sided": "the true share differs from the goal",
    "less": "the true share is below the goal",
    "greater": "the true share is above the goal",
}
_JOINT_QUESTIONS = {
    "two-sided": "some group's true share differs from the goal (union, Bonferroni)",
    "less": "some group's true share is below the goal (union, Bonferroni)",
    "greater": "every group's true share is above the goal (intersection-union, largest p)",
}


def goal_attainment(
    successes: npt.ArrayLike,
    n: npt.ArrayLike,
    goal: Fraction | Decimal | str | float,
    *,
    labels: Sequence[object] | None = None,
    alternative: Alternative = "two-sided",
    require_all: bool = False,
    level: float = 0.95,
) -> EffectTable:
    r"""Compare the share of successes in each group with a goal of at least so many.

    Whether a goal is reached is a question of counting: ``successes >= goal * n``, decided in
    exact arithmetic and never by a rounded percentage (34.96 % prints as 35 % and does not
    reach it). Whether the result could be chance is a question for the test.

    Parameters
    ----------
    successes, n : int or array_like of int
        Number who reached the outcome and number of persons, for each group.
    goal : Fraction, Decimal, str or float
        Share strictly between 0 and 1 that is to be reached at least: ``0.35``, ``"0.35"``,
        ``"35 %"`` or ``Fraction(7, 20)``. A float means the decimal number that it prints as.
    labels : sequence, optional
        Names of the groups; numbered from 1 if left out.
    alternative : {"two-sided", "less", "greater"}
        What the p-value weighs against a true share equal to the goal: that it differs, that
        the goal is missed ("less") or that it is surpassed ("greater").
    require_all : bool, default False
        Whether the goal is for every group ("såväl kvinnor som män"): adds a row
        ``all groups`` that answers for all of them together; see Notes.
    level : float, default 0.95
        Confidence level of each group's two-sided interval.

    Returns
    -------
    EffectTable
        One row for each ``group``, with term ``share``: the share, its Clopper-Pearson interval,
        the number of successes as ``statistic`` and the exact p-value. After the standard
        columns come ``difference`` (share - goal), ``reached`` (True or False), ``shortfall``
        (how many more successes the goal would have taken) and ``goal``. The notes say in words
        which groups reached the goal.

    Raises
    ------
    evalkit.errors.InputError
        If a count is not whole, negative or larger than its group, a group is empty, or the
        goal is no share.

    Notes
    -----
    The interval's limits are quantiles of beta(x, n - x + 1) and beta(x + 1, n - x) [1]_. The
    two-sided p-value adds the probabilities of all counts no more probable than the one
    observed. In R these are ``binom.test(successes, n, goal)``; as there, the interval has equal
    tails and the test has not, so that in rare cases one holds the goal possible and the other
    does not. The interval stays two-sided whatever the alternative.

    With ``require_all`` the last row says whether every group reached the goal (``reached``) and
    how many successes are lacking in all. Its p-value depends on the question. "Is every group
    above the goal?" is an intersection of claims: it holds only if each of them does, so each is
    tested at the full level and the largest p-value is the answer (the intersection-union test
    [2]_). "Is some group below, or off, the goal?" is a union of claims: any one is enough, so
    the smallest p-value is multiplied by the number of groups (Bonferroni), at most 1. A large
    p-value is no proof that the goal was reached.

    References
    ----------
    .. [1] Clopper CJ, Pearson ES (1934). The use of confidence or fiducial limits illustrated in
       the case of the binomial. Biometrika 26:404-413. doi:10.1093/biomet/26.4.404
    .. [2] Berger RL (1982). Multiparameter hypothesis testing and acceptance sampling.
       Technometrics 24:295-300. doi:10.1080/00401706.1982.10487790

    Examples
    --------
    >>> table = goal_attainment(
    ...     [70, 48], [200, 150], "35 %", labels=["women", "men"], require_all=True
    ... )
    >>> table
    Share of successes, against a goal of at least 35 %
    Clopper-Pearson interval, exact binomial test (two-sided); 95 % intervals
    n: 350 used, 0 dropped
    group       estimate  p_value  conf_low  conf_high    n  difference  reached  shortfall    goal
    women         0.3500   1.0000    0.2841     0.4205  200      0.0000  True             0  0.3500
    men           0.3200   0.4936    0.2463     0.4010  150     -0.0300  False            5  0.3500
    all groups             0.9873                       350              False            5  0.3500
    Reached by 1 of 2 groups; missed by men (by 5).
    p-values: whether the true share differs from the goal.
    all groups: whether some group's true share differs from the goal (union, Bonferroni).
    """
    check_choice("alternative", alternative, _ALTERNATIVES)
    level = check_level(level)
    x, total = check_successes(successes, n)
    share = _exact_share(goal)
    names = (
        [str(i + 1) for i in range(len(x))]
        if labels is None
        else check_labels("labels", labels, length=len(x))
    )
    if require_all and _ALL in names:
        raise InputError.of(
            "labels", required=f"other than {_ALL!r}, the name of the joint row", got=repr(_ALL)
        )
    interval = clopper_pearson(x, total, level)
    p_values = binomial_test(x, total, float(share), alternative)
    counted = list(zip(x.tolist(), total.tolist(), strict=True))
    shortfall = [max(0, math.ceil(share * size) - count) for count, size in counted]
    columns: dict[str, list[object]] = {
        "group": [*names],
        "estimate": interval.estimate.tolist(),
        "std_error": np.sqrt(interval.estimate * (1 - interval.estimate) / total).tolist(),
        "statistic": x.tolist(),
        "p_value": p_values.tolist(),
        "conf_low": interval.low.tolist(),
        "conf_high": interval.high.tolist(),
        "n": total.tolist(),
        "difference": [float(Fraction(count, size) - share) for count, size in counted],
        "reached": [lacking == 0 for lacking in shortfall],
        "shortfall": [*shortfall],
    }
    notes = [_verdict(names, shortfall), f"p-values: whether {_QUESTIONS[alternative]}."]
    if require_all:
        joint = {
            "group": _ALL,
            "p_value": _joint_p_value(p_values, alternative),
            "n": int(total.sum()),
            "reached": not any(shortfall),
            "shortfall": sum(shortfall),
        }
        for name, values in columns.items():
            values.append(joint.get(name, float("nan")))
        notes.append(f"{_ALL}: whether {_JOINT_QUESTIONS[alternative]}.")
    target = f"at least {_percent(share)}"
    return EffectTable.of(
        {
            "group": columns.pop("group"),
            "term": "share",
            "contrast": f"goal: {target}",
            **columns,
            "goal": float(share),
        },
        estimand=f"Share of successes, against a goal of {target}",
        method=f"Clopper-Pearson interval, exact binomial test ({alternative})",
        level=level,
        n_used=int(total.sum()),
        notes=notes,
    )


def _exact_share(goal: Fraction | Decimal | str | float) -> Fraction:
    """Return the goal as the exact fraction that its decimals say."""
    text = str(goal).strip().replace(",", ".")
    try:
        share = Fraction(text.removesuffix("%").strip()) / (100 if text.endswith("%") else 1)
    except (ValueError, ZeroDivisionError):
        share = Fraction(0)
    if not 0 < share < 1:
        raise InputError.of(
            "goal",
            required="a share strictly between 0 and 1",
            got=repr(goal),
            remedy="Write 35 % as 0.35 or '35 %'.",
        )
    return share


def _percent(share: Fraction) -> str:
    """Write a share as a percentage if a short decimal does it justice, else as a fraction."""
    text = f"{float(100 * share):g}"
    return f"{text} %" if Fraction(text) == 100 * share else str(share)


def _verdict(names: Sequence[str], shortfall: Sequence[int]) -> str:
    """Say which groups reached the goal, and what the others lack."""
    missed = [
        f"{name} (by {lacking})" for name, lacking in zip(names, shortfall, strict=True) if lacking
    ]
    if not missed:
        return f"Reached by every group ({len(names)} of {len(names)})."
    return (
        f"Reached by {len(names) - len(missed)} of {len(names)} groups; "
        f"missed by {', '.join(missed)}."
    )


def _joint_p_value(p_values: FloatArray, alternative: Alternative) -> float:
    """Answer for all groups at once: intersection-union for "greater", else Bonferroni."""
    if alternative == "greater":
        return float(p_values.max())
    return min(1.0, len(p_values) * float(p_values.min()))
