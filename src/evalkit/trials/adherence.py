"""Effects of the treatment on those who take it up because they are assigned to it."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Literal

import numpy as np

from evalkit.core.checks import check_choice, check_level
from evalkit.core.columns import Names, check_known, numbers, rows_where
from evalkit.errors import InputError
from evalkit.trials.adherence_result import AdherenceEffect
from evalkit.trials.adherence_table import adherence_table
from evalkit.trials.trial_result import Higher, as_randomised
from evalkit.trials.trial_sample import TrialWarning
from evalkit.trials.two_stage import (
    Adherence,
    InstrumentVcov,
    estimate_ratio,
    read_adherence,
)
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["cace"]


def cace(
    df: pd.DataFrame,
    *,
    outcome: str,
    assigned: str,
    received: str,
    control: object = None,
    covariates: Names | None = None,
    cluster: str | None = None,
    received_as: Literal["started", "completed"] | None = None,
    started: str | None = None,
    vcov: InstrumentVcov | None = None,
    level: float = 0.95,
    higher: Higher | None = None,
    unit: str | None = None,
) -> AdherenceEffect:
    r"""Estimate the effect of a treatment on those who take it if assigned and not otherwise.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person randomised.
    outcome : str
        Column with the outcome: a number, or 0 and 1 for a difference in shares.
    assigned : str
        Column with the arm as randomised: two arms.
    received : str
        Column that is 1 for those who received the treatment and 0 for the others, in both arms.
    control : object, optional
        Label of the control arm. It may be left out if the arms are written 0 and 1.
    covariates : str or sequence of str, optional
        Right-hand side of a formula, or columns, in both stages.
    cluster : str, optional
        Column that says which rows belong together; missing means alone.
    received_as : {"started", "completed"}, optional
        What `received` stands for. Completion is flagged: see Notes.
    started : str, optional
        If `received` is completion: the column that is 1 for those who started. The effect with
        starting as the received treatment is then given beside.
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
        Rows ``cace`` (two-stage least squares, Wald interval), ``itt`` (effect of the assignment
        on the outcome) and ``first_stage`` (on the received treatment: the share of compliers),
        and ``cace_started`` where `started` is given. The columns ``ar_low, ar_high, ar_form``
        and the attribute ``anderson_rubin`` hold the Anderson-Rubin set, whose level does not
        depend on the strength of the first stage.

    Raises
    ------
    evalkit.errors.InputError
        If a column is wrong, there are not two arms, an arm has one cluster, everybody received
        the same, or somebody completed without starting.

    Warns
    -----
    TrialWarning
        If the first stage is weak, 0 or negative, or completion is the received treatment.

    Notes
    -----
    The estimate is the effect of the assignment on the outcome over its effect on the received
    treatment. It is the average effect among compliers [1]_ if the arms were randomised, if
    nobody does the opposite of the assignment, and if the assignment acts on the outcome only
    through the received treatment (the exclusion restriction). Completion breaks the last: who
    started and broke off was treated in part, counts as untreated, and whatever those sessions
    did is ascribed to the completers. Starting keeps it wherever an offer that was not taken up
    changes nothing.

    A finite interval is what a strong first stage gives. Otherwise the Anderson-Rubin set is two
    rays (the first stage may be 0) or the whole line; with one instrument it is never empty,
    because it holds the estimate. Rows that lack a used value are dropped and counted.

    Degrees of freedom are Satterthwaite's for HC2 and CR2, n - k for the other unclustered
    variances and G - 1 for CR0 and CR1S. In R: ``estimatr::iv_robust(y ~ received | assigned,
    clusters =, se_type =)`` ("stata" is CR1S), ``AER::ivreg``.

    References
    ----------
    .. [1] Angrist JD, Imbens GW, Rubin DB (1996). Identification of causal effects using
       instrumental variables. JASA 91:444-455. doi:10.1080/01621459.1996.10476902

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame(
    ...     {
    ...         "arm": ["ReDO"] * 10 + ["CAU"] * 10,
    ...         "started": [1] * 8 + [0] * 12,
    ...         "mastery": [24, 27, 22, 25, 28, 23, 26, 25, 20, 21]
    ...         + [21, 22, 19, 24, 20, 23, 18, 22, 21, 20],
    ...     }
    ... )
    >>> result = cace(df, outcome="mastery", assigned="arm", received="started", control="CAU")
    >>> result.to_frame()[["term", "estimate", "std_error"]].round(3)
              term  estimate  std_error
    0         cace     3.875      1.013
    1          itt     3.100      1.005
    2  first_stage     0.800      0.133
    >>> result.anderson_rubin
    1.5136 to 6.0618
    """
    level = check_level(level)
    if received_as is not None:
        check_choice("received_as", received_as, ("started", "completed"))
    check_known(df, started=started)
    data = read_adherence(
        df,
        outcome=outcome,
        assigned=assigned,
        received=received,
        control=control,
        covariates=covariates,
        cluster=cluster,
        unit=unit,
        binary=True,
    )
    sample = data.sample
    notes: list[str] = []
    begun = None
    if started is not None or received_as == "completed":
        if received_as == "started":
            raise InputError.of(
                "started",
                required="left out where received_as='started'",
                got=repr(started),
                remedy="It belongs to completion as the received treatment.",
            )
        begun = None if started is None else _begun(df, data, started, received)
        notes.append(_flag_completion(data, begun, received))
    ratio = estimate_ratio(data, vcov=vcov, level=level, what=received)
    extra = None
    if begun is not None:
        with_started = Adherence(sample, begun, data.exogenous)
        extra = estimate_ratio(with_started, vcov=vcov, level=level, what=str(started))
    elif not notes:
        notes.append(
            f"Exclusion restriction: the assignment acts on the outcome only through {received!r}."
        )
    population = f"compliers: those with {received!r} if assigned to {sample.arm_levels[1]}, only"
    attributes = as_randomised(
        sample,
        outcome=outcome,
        summary="complier average causal effect",
        intercurrent={f"not having {received!r} as assigned": "principal stratum"},
        population=population,
    )
    return adherence_table(
        ["cace", "itt", "first_stage"], data, ratio, extra, attributes, higher, level, notes
    )


def _begun(df: pd.DataFrame, data: Adherence, started: str, received: str) -> FloatArray:
    """Read who started; whoever completed did."""
    values = numbers(df, started, "started")
    used = values[data.sample.rows]
    for wrong, required in (
        ((used != 0) & (used != 1), f"0 or 1 in every row analysed ({started!r})"),
        ((used == 0) & (data.received == 1), f"1 wherever {received!r} is ({started!r})"),
    ):
        if wrong.any():
            whole = np.zeros(len(df), dtype=np.bool_)
            whole[data.sample.rows[wrong]] = True
            raise InputError.of(
                "started",
                required=required,
                got=f"{int(wrong.sum())} rows where it is not",
                where=rows_where(df, whole),
            )
    return used


def _flag_completion(data: Adherence, begun: FloatArray | None, received: str) -> str:
    """Warn that completion breaks the exclusion restriction, and return the note."""
    arm = data.sample.arm_levels[1]
    partly = "those who started and broke off"
    if begun is not None:
        inside = (data.sample.arm == 1) & (begun == 1)
        n = int((inside & (data.received == 0)).sum())
        partly = f"the {n} of {int(inside.sum())} in {arm!r} who started and broke off"
    message = (
        f"Completion ({received!r}) as the received treatment breaks the exclusion restriction "
        f"unless the programme did nothing to {partly}."
    )
    remedy = " Use starting, or give started= to see it beside." if begun is None else ""
    warnings.warn(message + remedy, TrialWarning, stacklevel=3)
    return message
