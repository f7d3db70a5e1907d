"""Bounds on the effect of the received treatment on everybody, for outcomes that are 0 or 1."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core.checks import check_level
from evalkit.kernels.instrument_bounds import balke_pearl
from evalkit.trials.trial_result import Higher, TrialEffect, as_randomised
from evalkit.trials.trial_sample import TrialWarning
from evalkit.trials.two_stage import read_adherence

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["balke_pearl_bounds"]


def balke_pearl_bounds(
    df: pd.DataFrame,
    *,
    outcome: str,
    assigned: str,
    received: str,
    control: object = None,
    level: float = 0.95,
    higher: Higher | None = None,
    unit: str | None = None,
) -> TrialEffect:
    """Bound the effect of the treatment on all randomised, not on compliers alone.

    The complier average causal effect says nothing of those who would not take the treatment up.
    What the data say of everybody, without assumptions on who takes it up and why, is an interval.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person randomised.
    outcome : str
        Column with the outcome, 0 or 1.
    assigned : str
        Column with the arm as randomised: two arms.
    received : str
        Column that is 1 for those who received the treatment and 0 for the others.
    control : object, optional
        Label of the control arm. It may be left out if the arms are written 0 and 1.
    level : float, default 0.95
        Confidence level.
    higher : {"better", "worse"}, optional
        What a higher outcome means.
    unit : str, optional
        Column that identifies persons; repeated values are an error.

    Returns
    -------
    TrialEffect
        Rows ``lower_bound`` and ``upper_bound`` of the risk difference if all were treated and
        if nobody was. ``conf_low`` of the first and ``conf_high`` of the second together hold
        the effect with at least the level; they are conservative.

    Raises
    ------
    evalkit.errors.InputError
        If a column is wrong, there are not two arms, or everybody received the same.

    Warns
    -----
    TrialWarning
        If the shares contradict random assignment or the exclusion restriction (the instrumental
        inequality fails), by how much.

    Notes
    -----
    The bounds are those of Balke and Pearl [1]_: sharp under random assignment and exclusion,
    without monotonicity. Limits combine one-sided normal limits of the eight expressions of each
    bound by Bonferroni. Rows that lack a used value are dropped and counted.

    References
    ----------
    .. [1] Balke A, Pearl J (1997). Bounds on treatment effects from studies with imperfect
       compliance. JASA 92:1171-1176. doi:10.1080/01621459.1997.10474074

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame(
    ...     {
    ...         "arm": [1] * 100 + [0] * 100,
    ...         "started": [1] * 60 + [0] * 140,
    ...         "work": [1] * 40 + [0] * 20 + [1] * 10 + [0] * 30 + [1] * 35 + [0] * 65,
    ...     }
    ... )
    >>> bounds = balke_pearl_bounds(df, outcome="work", assigned="arm", received="started")
    >>> bounds.to_frame()[["term", "estimate"]].round(2)
              term  estimate
    0  lower_bound      0.05
    1  upper_bound      0.45
    """
    level = check_level(level)
    data = read_adherence(
        df,
        outcome=outcome,
        assigned=assigned,
        received=received,
        control=control,
        covariates=None,
        cluster=None,
        unit=unit,
        binary=True,
        kind="binary",
    )
    sample = data.sample
    cell = sample.arm * 4 + sample.outcome.astype(np.int64) * 2 + data.received.astype(np.int64)
    counts = np.bincount(cell, minlength=8).astype(np.float64).reshape(2, 2, 2)
    found = balke_pearl(counts, level)
    notes = ["Assumes random assignment and exclusion; no monotonicity."]
    if found.violation > 1e-12:
        message = (
            f"The instrumental inequality fails by {found.violation:.4f}: chance, or the "
            f"assignment acts on {outcome!r} other than through {received!r}."
        )
        notes.append(message)
        warnings.warn(message, TrialWarning, stacklevel=2)
    attributes = as_randomised(
        sample,
        outcome=outcome,
        summary="risk difference if all and if none were treated",
        intercurrent={f"not having {received!r} as assigned": "hypothetical"},
    )
    return TrialEffect.from_sample(
        {
            "term": ["lower_bound", "upper_bound"],
            "contrast": sample.contrasts[0],
            "estimate": [found.lower, found.upper],
            "conf_low": [found.conf_low, np.nan],
            "conf_high": [np.nan, found.conf_high],
            "n": sample.n,
        },
        sample,
        attributes=attributes,
        higher=higher,
        method="Balke-Pearl bounds, Bonferroni limits",
        level=level,
        notes=notes,
    )
