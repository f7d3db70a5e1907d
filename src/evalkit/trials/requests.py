"""What a caller of :func:`evalkit.trials.effect` asked for, for the function that estimates it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from evalkit.kernels.least_squares import WeightsKind
from evalkit.trials.estimand import Estimand
from evalkit.trials.trial_result import Higher

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ADJUSTMENTS", "Adjustment", "EffectRequest"]

Adjustment: TypeAlias = Literal["none", "ancova", "lin", "standardised"]
"""How covariates enter."""

ADJUSTMENTS: tuple[Adjustment, ...] = ("none", "ancova", "lin", "standardised")


@dataclass(frozen=True, eq=False)
class EffectRequest:
    """The choices that are not in the rows of the sample.

    Every estimating function has the form ``f(sample, request) -> TrialEffect``, with a
    :class:`evalkit.trials.trial_sample.TrialSample` that has been read for its kind of outcome.

    Parameters
    ----------
    outcome : str
        Name of the outcome.
    measure : str
        Effect measure, such as "difference" or "risk_ratio".
    adjustment : {"none", "ancova", "lin", "standardised"}
        How the covariates of the sample enter.
    vcov : str or None
        The variance asked for, such as "HC2"; None for the function's own default.
    level : float
        Confidence level.
    higher : {"better", "worse"} or None
        What a higher outcome means.
    estimand : Estimand or None
        What is estimated, if the caller said so; None for the arms as randomised.
    event : str or None
        Column that says whether the event was seen; time outcomes only.
    tau : float or None
        Horizon of a restricted mean; time outcomes only.
    df : pandas.DataFrame
        The frame as given; ``sample.rows`` are the positions of the rows used.
    exposure : str or None, default None
        Column with the time that a count was taken over; counts only.
    weights_kind : {"case", "sampling"}, default "case"
        What the sample's weights are; "sampling" only reaches functions that know it.
    """

    outcome: str
    measure: str
    adjustment: Adjustment
    vcov: str | None
    level: float
    higher: Higher | None
    estimand: Estimand | None
    event: str | None
    tau: float | None
    df: pd.DataFrame
    exposure: str | None = None
    weights_kind: WeightsKind = "case"
