"""Results of trials that looked at the data before the end, allowing for the looks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from evalkit.core.results import EffectTable
from evalkit.errors import InputError
from evalkit.kernels.group_sequential import boundary, exits
from evalkit.trials.multiplicity import as_floats
from evalkit.trials.planned_design import number
from evalkit.trials.sequential_boundaries import (
    LARGEST_DRIFT,
    Spending,
    rising_root,
    sequential_design,
)
from evalkit.typing import FloatArray

__all__ = ["sequential_analysis"]


def sequential_analysis(
    estimate: Sequence[float],
    std_error: Sequence[float],
    *,
    planned_information: float | None = None,
    spending: Spending = "obrien-fleming",
    parameter: float | None = None,
    level: float = 0.95,
    contrast: str = "arm - control",
    n: npt.ArrayLike = float("nan"),
) -> EffectTable:
    r"""Say what a trial shows that was looked at several times.

    Parameters
    ----------
    estimate, std_error : sequence of float
        Effect, arm minus control, and its standard error at each look so far.
    planned_information : float, optional
        Information 1/SE\ :sup:`2` planned for the end. By default that of the last look: it is
        the end then.
    spending : {"obrien-fleming", "pocock", "power", "hwang-shih-decani"}
        How alpha is spent, as for :func:`evalkit.trials.sequential_design`.
    parameter : float, optional
        Its parameter.
    level : float, default 0.95
        Confidence level; the test has two sides.
    contrast : str, default "arm - control"
        The contrast, for the result.
    n : int or sequence of int, optional
        Persons at each look, for the result.

    Returns
    -------
    EffectTable
        One row for each look, with key ``look``: term "interim" has the repeated confidence
        interval, valid whenever the trial stops, and columns ``boundary`` and ``stops``. If a
        boundary was crossed or the planned information is reached, a last row, term "final",
        has the median-unbiased estimate with the stage-wise ordered interval and p-value.

    Raises
    ------
    evalkit.errors.InputError
        If the lengths differ, standard errors do not fall, or a look comes after one that had
        stopped the trial or reached the planned information.

    Notes
    -----
    Outcomes are ordered by stage: crossing the upper boundary early counts as more than crossing
    it late, and that as more than not crossing [1]_. :math:`P_\delta` of an outcome at least as
    high as that observed increases in the effect :math:`\delta`; the limits are where it is
    (1 - level)/2 and (1 + level)/2, the estimate where it is 1/2. The estimate of a trial that
    stopped early is on average too large if taken as it stands; this one is not, in the median.

    References
    ----------
    .. [1] Tsiatis AA, Rosner GL, Mehta CR (1984). Exact confidence intervals following a group
       sequential test. Biometrics 40:797-803. doi:10.2307/2530924
    .. [2] Jennison C, Turnbull BW (1989). Interim analyses: the repeated confidence interval
       approach. J R Stat Soc B 51:305-361.

    Examples
    --------
    >>> table = sequential_analysis([1.4, 1.6], [0.5, 0.36], planned_information=1 / 0.36**2)
    >>> table.to_frame()[["look", "term", "estimate", "conf_low", "conf_high", "stops"]].round(2)
       look     term  estimate  conf_low  conf_high  stops
    0     1  interim      1.40     -0.05       2.85  False
    1     2  interim      1.60      0.89       2.31   True
    2     2    final      1.39      0.47       2.19   True
    """
    value, error = as_floats("estimate", estimate), as_floats("std_error", std_error)
    if value.ndim != 1 or value.shape != error.shape or not len(value):
        raise InputError.of(
            "std_error", required=f"as long as estimate ({value.size})", got=f"{error.size} values"
        )
    if not (np.isfinite(value).all() and (error > 0).all() and (np.diff(error) < 0).all()):
        raise InputError.of(
            "std_error",
            required="above 0 and falling from look to look, with finite estimates",
            got=repr([round(float(e), 4) for e in error]),
        )
    information = 1 / error**2
    planned = float(information[-1])
    if planned_information is not None:
        planned = number("planned_information", planned_information)
    if planned <= 0:
        raise InputError.of("planned_information", required="above 0", got=repr(planned))
    share = np.minimum(information / planned, 1.0)
    if (np.diff(share) <= 0).any():
        raise InputError.of(
            "planned_information",
            required="not reached before the last look",
            got=f"{planned:g}, with information {information[-2]:g} at the look before it",
        )
    plan = sequential_design(share, spending=spending, parameter=parameter, level=level)
    # Alpha is spent by the planned share, but looks are correlated by the information there is:
    # the two differ where the last look has more than was planned.
    spent = plan.to_frame()["spent"].to_numpy(dtype=np.float64)
    bound = boundary(information, spent / 2, sides=2)
    z = value / error
    stops = np.abs(z) >= bound
    if stops[:-1].any():
        first = int(np.argmax(stops)) + 1
        raise InputError.of(
            "estimate",
            required="at looks up to the one that stops the trial",
            got=f"{len(z)} looks, of which look {first} stopped it",
            remedy="What comes after the boundary was crossed is no part of the test.",
        )
    columns: dict[str, list[Any]] = {
        "look": list(range(1, len(z) + 1)),
        "term": ["interim"] * len(z),
        "estimate": value.tolist(),
        "std_error": error.tolist(),
        "statistic": z.tolist(),
        "p_value": [float("nan")] * len(z),
        "conf_low": (value - bound * error).tolist(),
        "conf_high": (value + bound * error).tolist(),
        "n": _persons(n, len(z)),
        "boundary": bound.tolist(),
        "stops": stops.tolist(),
    }
    if stops[-1] or share[-1] == 1:
        low, middle, high, p = _stagewise(information, bound, float(z[-1]), plan.level)
        last = (len(z), "final", middle, error[-1], z[-1], p, low, high)
        more = (columns["n"][-1], bound[-1], bool(stops[-1]))
        for name, item in zip(columns, (*last, *more), strict=True):
            columns[name].append(item)
    everybody = columns["n"][-1]
    notes = ["n= was not given: how many persons the looks rest on is not known here."]
    return EffectTable.of(
        {**columns, "contrast": contrast},
        estimand=f"Effect, {contrast}",
        method=f"Group-sequential, {plan.spending}; repeated and stage-wise ordered intervals",
        level=plan.level,
        n_used=0 if everybody != everybody else int(everybody),
        notes=notes if everybody != everybody else (),
    )


def _persons(n: npt.ArrayLike, looks: int) -> list[float]:
    """Return the persons at each look; NaN where they were not given."""
    given = as_floats("n", n)
    if given.ndim > 1 or given.size not in (1, looks):
        raise InputError.of(
            "n", required=f"one number, or one for each of {looks} looks", got=f"{given.size}"
        )
    return np.broadcast_to(given, (looks,)).tolist()


def _stagewise(
    information: FloatArray, bound: FloatArray, z: float, level: float
) -> tuple[float, float, float, float]:
    """Return lower limit, median-unbiased estimate, upper limit and p-value."""
    upper = np.append(bound[:-1], z)
    lower = np.append(-bound[:-1], -np.inf)

    def at_least(effect: float) -> float:
        up, _ = exits(information, upper, lower, effect)
        return float(up.sum())

    scale = float(np.sqrt(information[-1]))
    centre, reach = z / scale, 2 * LARGEST_DRIFT / scale
    tail = (1 - level) / 2
    low, middle, high = (
        rising_root(lambda d, share=share: at_least(d) - share, centre - reach, centre + reach)
        for share in (tail, 0.5, 1 - tail)
    )
    above = at_least(0.0)
    return low, middle, high, 2 * min(above, 1 - above, 0.5)
