"""Results of analyses that pin an effect down to an interval."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from evalkit.kernels.numeric import normal_quantile
from evalkit.kernels.response_weights import sum_by_unit
from evalkit.kernels.set_intervals import imbens_manski
from evalkit.trials.estimand import Estimand
from evalkit.trials.trial_result import Higher, TrialEffect
from evalkit.trials.trial_sample import TrialSample
from evalkit.typing import FloatArray, IntArray

__all__ = ["EffectBounds", "bound_error", "bound_rows", "bounds_result"]


@dataclass(frozen=True, eq=False, repr=False)
class EffectBounds(TrialEffect):
    """Lower and upper bound of effects, and an interval for the effects between them.

    The rows of each contrast have the terms ``lower``, ``upper`` and ``effect``: the bounds, each
    with its own interval, and the interval that holds the effect itself, which has no estimate.

    Parameters
    ----------
    data, estimand, method, level, n_used, n_dropped, notes, attributes, arms
        As :class:`evalkit.trials.trial_result.TrialEffect`.
    trimmed : mapping of str to float
        Share of the observed outcomes trimmed, by contrast; empty for worst-case bounds.
    """

    trimmed: dict[str, float] = field(kw_only=True)


def bound_error(influence: FloatArray, units: IntArray | None) -> float:
    """Return the standard error of a bound.

    Parameters
    ----------
    influence : ndarray of float, shape (n,)
        First-order effect of each row.
    units : ndarray of int, shape (n,), or None
        Clusters; None if rows stand alone.

    Returns
    -------
    float
        The root of the sum of squares, over clusters.
    """
    return float(np.sqrt((sum_by_unit(influence, units) ** 2).sum()))


def bound_rows(
    contrast: str,
    bounds: tuple[float, float],
    errors: list[float],
    level: float,
    n: int,
) -> list[dict[str, object]]:
    """Lay out the two bounds and the interval of the effect.

    Parameters
    ----------
    contrast : str
        The contrast.
    bounds : (float, float)
        Lower and upper.
    errors : list of float, length 2
        Their standard errors.
    level : float
        Confidence level.
    n : int
        Rows used.

    Returns
    -------
    list of dict
        Three rows of an effect table.
    """
    z = normal_quantile(level)
    rows: list[dict[str, object]] = [
        {
            "term": term,
            "contrast": contrast,
            "estimate": bound,
            "std_error": error,
            "conf_low": bound - z * error,
            "conf_high": bound + z * error,
            "n": n,
        }
        for term, bound, error in zip(("lower", "upper"), bounds, errors, strict=True)
    ]
    low, high = imbens_manski(*bounds, errors[0], errors[1], level)
    nothing = float("nan")
    rows.append(
        {
            "term": "effect",
            "contrast": contrast,
            "estimate": nothing,
            "std_error": nothing,
            "conf_low": low,
            "conf_high": high,
            "n": n,
        }
    )
    return rows


def bounds_result(
    rows: list[dict[str, object]],
    sample: TrialSample,
    attributes: Estimand,
    higher: Higher | None,
    method: str,
    level: float,
    notes: list[str],
    trimmed: dict[str, float],
) -> EffectBounds:
    """Make the result.

    Parameters
    ----------
    rows : list of dict
        Rows of the table.
    sample : TrialSample
        The trial.
    attributes : Estimand
        What is bounded.
    higher : {"better", "worse"} or None
        What a higher outcome means.
    method : str
        Name of the bounds.
    level : float
        Confidence level.
    notes : list of str
        Sentences that belong with the numbers.
    trimmed : dict
        Shares trimmed, by contrast.

    Returns
    -------
    EffectBounds
        The result.
    """
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    effect = TrialEffect.from_sample(
        columns,
        sample,
        attributes=attributes,
        higher=higher,
        method=f"{method}; Imbens-Manski interval of the effect",
        level=level,
        notes=notes,
    )
    return EffectBounds(
        effect.data, effect.estimand, effect.method, effect.level, effect.n_used,
        effect.n_dropped, effect.notes, attributes=effect.attributes, arms=effect.arms,
        trimmed=trimmed,
    )  # fmt: skip
