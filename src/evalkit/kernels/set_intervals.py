"""Confidence intervals of effects that data and assumptions pin down only to an interval.

References
----------
.. [1] Imbens GW, Manski CF (2004). Confidence intervals for partially identified parameters.
   Econometrica 72:1845-1857. doi:10.1111/j.1468-0262.2004.00555.x
.. [2] Stoye J (2009). More on confidence intervals for partially identified parameters.
   Econometrica 77:1299-1315. doi:10.3982/ECTA7347
"""

from __future__ import annotations

from scipy import special

from evalkit.kernels.numeric import bisect, normal_quantile

__all__ = ["imbens_manski"]


def imbens_manski(
    lower: float, upper: float, lower_error: float, upper_error: float, level: float
) -> tuple[float, float]:
    r"""Return the interval that holds the effect itself, wherever between the bounds it is.

    The bounds are moved outward by c standard errors, where
    :math:`\Phi(c + \Delta / \max(s_l, s_u)) - \Phi(-c)` is the level and :math:`\Delta` the
    distance of the bounds [1]_. c is between the one-sided and the two-sided normal quantile. Lee's
    and worst-case bounds are ordered by construction, for which the interval is valid uniformly
    [2]_.

    Parameters
    ----------
    lower, upper : float
        Estimated bounds.
    lower_error, upper_error : float
        Their standard errors.
    level : float
        Confidence level.

    Returns
    -------
    low : float
        Lower end of the interval.
    high : float
        Upper end.
    """
    largest = max(lower_error, upper_error)
    if not largest > 0:
        return lower, upper
    gap = max(upper - lower, 0.0) / largest
    top = normal_quantile(level)
    c = float(bisect(lambda z: special.ndtr(z + gap) - special.ndtr(-z) < level, 0.0, top))
    return lower - c * lower_error, upper + c * upper_error
