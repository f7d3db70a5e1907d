"""The effect of sessions attended, where the assignment moves attendance."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core.checks import check_level
from evalkit.core.columns import Names
from evalkit.errors import InputError
from evalkit.trials.adherence_result import AdherenceEffect
from evalkit.trials.adherence_table import adherence_table
from evalkit.trials.trial_result import Higher, as_randomised
from evalkit.trials.two_stage import Adherence, InstrumentVcov, estimate_ratio, read_adherence

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["dose_response"]


def dose_response(
    df: pd.DataFrame,
    *,
    outcome: str,
    assigned: str,
    sessions: str,
    control: object = None,
    per: float = 1.0,
    covariates: Names | None = None,
    cluster: str | None = None,
    vcov: InstrumentVcov | None = None,
    level: float = 0.95,
    higher: Higher | None = None,
    unit: str | None = None,
) -> AdherenceEffect:
    r"""Estimate the effect of a session attended, with the assignment as instrument.

    Persons who attend many sessions differ from those who attend few, so that comparing them
    says little of what sessions do. The assignment moves attendance without that difference.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person randomised.
    outcome : str
        Column with the outcome, a number.
    assigned : str
        Column with the arm as randomised: two arms.
    sessions : str
        Column with the sessions attended, at least 0; 0 for those who attended none, also among
        controls.
    control : object, optional
        Label of the control arm. It may be left out if the arms are written 0 and 1.
    per : float, default 1
        Sessions that the effect is given for.
    covariates : str or sequence of str, optional
        Right-hand side of a formula, or columns, in both stages.
    cluster : str, optional
        Column that says which rows belong together; missing means alone.
    vcov : {"classical", "HC0", "HC1", "HC2", "CR0", "CR1S", "CR2"}, optional
        Variance of two-stage least squares; HC2 by default, CR2 with clusters.
    level : float, default 0.95
        Confidence level.
    higher : {"better", "worse"}, optional
        What a higher outcome means.
    unit : str, optional
        Column that identifies persons; repeated values are an error.

    Returns
    -------
    AdherenceEffect
        Rows ``per_session``, ``itt`` and ``first_stage`` (sessions that the assignment adds, in
        units of `per`).

    Raises
    ------
    evalkit.errors.InputError
        If a column is wrong, there are not two arms, or everybody attended as many.

    Warns
    -----
    TrialWarning
        If the first stage is weak, 0 or negative.

    Notes
    -----
    The estimate is a weighted average of the effects of each further session among those whom the
    assignment made attend it [1]_: it describes all sessions alike only if each adds as much. The
    exclusion restriction is as in :func:`cace`, and holds for partial attendance too.
    In R: ``estimatr::iv_robust(y ~ sessions | assigned)``.

    References
    ----------
    .. [1] Angrist JD, Imbens GW (1995). Two-stage least squares estimation of average causal
       effects in models with variable treatment intensity. JASA 90:431-442.
       doi:10.1080/01621459.1995.10476535

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame(
    ...     {
    ...         "arm": [1] * 6 + [0] * 6,
    ...         "attended": [20, 14, 18, 6, 0, 20, 0, 0, 0, 0, 0, 0],
    ...         "mastery": [26, 24, 27, 22, 20, 25, 21, 20, 23, 19, 22, 21],
    ...     }
    ... )
    >>> result = dose_response(
    ...     df, outcome="mastery", assigned="arm", sessions="attended", per=10
    ... )
    >>> result.to_frame()[["term", "estimate"]].round(3)
              term  estimate
    0  per_session     2.308
    1          itt     3.000
    2  first_stage     1.300
    """
    level = check_level(level)
    if isinstance(per, bool) or not isinstance(per, Real) or not 0 < float(per) < np.inf:
        raise InputError.of("per", required="a positive number", got=repr(per))
    data = read_adherence(
        df,
        outcome=outcome,
        assigned=assigned,
        received=sessions,
        control=control,
        covariates=covariates,
        cluster=cluster,
        unit=unit,
        binary=False,
        argument="sessions",
    )
    data = Adherence(data.sample, data.received / per, data.exogenous)
    ratio = estimate_ratio(data, vcov=vcov, level=level, what=sessions)
    unit_text = f"{per:g} of {sessions!r}"
    attributes = as_randomised(
        data.sample,
        outcome=outcome,
        summary=f"average causal response per {unit_text}",
        intercurrent={"attending fewer or no sessions": "principal stratum"},
        population="those whose attendance the assignment changed, weighted by how much",
    )
    notes = ["Linear in sessions; the assignment acts on the outcome only through them."]
    terms = ["per_session", "itt", "first_stage"]
    return adherence_table(terms, data, ratio, None, attributes, higher, level, notes)
