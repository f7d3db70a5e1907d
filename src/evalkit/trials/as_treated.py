"""Comparisons by the treatment received, labelled as the comparisons of unlike people they are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core.checks import check_level
from evalkit.core.columns import Names
from evalkit.errors import InputError
from evalkit.kernels.least_squares import dependent_columns, least_squares
from evalkit.kernels.sandwich import sandwich
from evalkit.trials.estimand import Estimand
from evalkit.trials.sample_checks import check_clusters, check_persons, keep_rows, warn_few
from evalkit.trials.trial_result import Higher, TrialEffect, as_randomised, direction
from evalkit.trials.trial_sample import TrialSample
from evalkit.trials.two_stage import read_adherence
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["as_treated", "per_protocol"]


def as_treated(
    df: pd.DataFrame,
    *,
    outcome: str,
    assigned: str,
    received: str,
    control: object = None,
    covariates: Names | None = None,
    cluster: str | None = None,
    level: float = 0.95,
    higher: Higher | None = None,
    unit: str | None = None,
) -> TrialEffect:
    """Compare those who received the treatment with those who did not, whatever their arm.

    This is no effect of the treatment unless those who take it up are like those who do not:
    the comparison gives up the randomisation. It is here to be shown beside :func:`cace`.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person randomised.
    outcome : str
        Column with the outcome, a number.
    assigned : str
        Column with the arm as randomised: two arms.
    received : str
        Column that is 1 for those who received the treatment and 0 for the others.
    control : object, optional
        Label of the control arm. It may be left out if the arms are written 0 and 1.
    covariates : str or sequence of str, optional
        Right-hand side of a formula, or columns; they make the groups more alike in these, not
        in what is not measured.
    cluster : str, optional
        Column that says which rows belong together; missing means alone.
    level : float, default 0.95
        Confidence level.
    higher : {"better", "worse"}, optional
        What a higher outcome means.
    unit : str, optional
        Column that identifies persons; repeated values are an error.

    Returns
    -------
    TrialEffect
        One row, term ``as_treated``: the received minus the others, by least squares with HC2
        variance (CR2 with clusters) and Satterthwaite degrees of freedom.

    Raises
    ------
    evalkit.errors.InputError
        If a column is wrong, there are not two arms, or everybody but one person or cluster
        received the same.

    Warns
    -----
    TrialWarning
        If fewer than five degrees of freedom remain.

    Notes
    -----
    Rows that lack a used value are dropped and counted. In R:
    ``estimatr::lm_robust(y ~ received, se_type = "HC2")``, with Satterthwaite's degrees of
    freedom.

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame(
    ...     {
    ...         "arm": [1] * 5 + [0] * 5,
    ...         "started": [1, 1, 1, 0, 0, 0, 0, 0, 1, 0],
    ...         "y": [7, 9, 8, 4, 5, 6, 5, 4, 8, 6],
    ...     }
    ... )
    >>> result = as_treated(df, outcome="y", assigned="arm", received="started")
    >>> round(result.to_frame()["estimate"].item(), 6)
    3.0
    """
    level = check_level(level)
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
    got = data.received.astype(np.int64)
    by_received = replace(
        data.sample,
        arm=got,
        arm_levels=(f"not {received}", received),
        n_analysed=tuple(np.bincount(got, minlength=2).tolist()),
    )
    check_persons(by_received)
    check_clusters(by_received)
    design = np.column_stack([data.exogenous, data.received])
    contrast = f"{received} - not {received}"
    attributes = as_randomised(
        data.sample,
        outcome=outcome,
        summary="difference in means by treatment received",
        intercurrent={},
    ).with_changes(treatments=f"{contrast}, as received and not as randomised")
    n = int(data.received.sum())
    result = _linear(
        data.sample,
        design,
        term="as_treated",
        contrast=contrast,
        attributes=attributes,
        level=level,
        higher=higher,
        note=f"As treated: {n} who received it and {data.sample.n - n} who did not. Not a "
        "comparison of randomised groups: who takes a treatment up differs from who does not.",
    )
    ends = "" if higher is None else f", higher = {higher}"
    return replace(result, estimand=f"Difference in means by treatment received, {contrast}{ends}")


def per_protocol(
    df: pd.DataFrame,
    *,
    outcome: str,
    assigned: str,
    received: str,
    control: object = None,
    covariates: Names | None = None,
    cluster: str | None = None,
    level: float = 0.95,
    higher: Higher | None = None,
    unit: str | None = None,
) -> TrialEffect:
    """Compare the arms among those alone who followed their assignment.

    This is no effect of the treatment unless those who follow the assignment in one arm are like
    those who follow it in the other: leaving the others out undoes the randomisation. It is here
    to be shown beside :func:`cace`.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person randomised.
    outcome : str
        Column with the outcome, a number.
    assigned : str
        Column with the arm as randomised: two arms.
    received : str
        Column that is 1 for those who received the treatment and 0 for the others.
    control : object, optional
        Label of the control arm. It may be left out if the arms are written 0 and 1.
    covariates : str or sequence of str, optional
        Right-hand side of a formula, or columns.
    cluster : str, optional
        Column that says which rows belong together; missing means alone.
    level : float, default 0.95
        Confidence level.
    higher : {"better", "worse"}, optional
        What a higher outcome means.
    unit : str, optional
        Column that identifies persons; repeated values are an error.

    Returns
    -------
    TrialEffect
        One row, term ``per_protocol``: arm minus control, by least squares with HC2 variance
        (CR2 with clusters) and Satterthwaite degrees of freedom. Those left out are counted.

    Raises
    ------
    evalkit.errors.InputError
        If a column is wrong, there are not two arms, everybody received the same, or nobody in
        an arm followed the assignment.

    Warns
    -----
    TrialWarning
        If fewer than five degrees of freedom remain.

    Notes
    -----
    In R: ``estimatr::lm_robust(y ~ arm, subset = received == assigned, se_type = "HC2")``, with
    Satterthwaite's degrees of freedom.

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame(
    ...     {
    ...         "arm": [1] * 6 + [0] * 6,
    ...         "started": [1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 0],
    ...         "y": [7, 9, 8, 8, 4, 5, 6, 5, 4, 7, 8, 6],
    ...     }
    ... )
    >>> result = per_protocol(df, outcome="y", assigned="arm", received="started")
    >>> round(result.to_frame()["estimate"].item(), 6), dict(result.n_dropped)
    (2.4, {'did not follow the assignment': 3})
    """
    level = check_level(level)
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
    follows = data.received == (data.sample.arm == 1)
    sample = keep_rows(data.sample, follows, "did not follow the assignment")
    check_persons(sample)
    check_clusters(sample)
    design = np.column_stack([data.exogenous[follows], sample.arm == 1])
    attributes = as_randomised(
        sample,
        outcome=outcome,
        summary="difference in means per protocol",
        intercurrent={},
        population="those who followed their assignment, who are not comparable by randomisation",
    )
    left_out = int((~follows).sum())
    result = _linear(
        sample,
        design,
        term="per_protocol",
        contrast=sample.contrasts[0],
        attributes=attributes,
        level=level,
        higher=higher,
        note=f"Per protocol: {left_out} who did not follow their assignment are left out. Not a "
        "comparison of randomised groups: those who follow it differ between the arms.",
    )
    return replace(
        result, estimand=f"Difference in means per protocol, {direction(sample, higher)}"
    )


def _linear(
    sample: TrialSample,
    design: FloatArray,
    *,
    term: str,
    contrast: str,
    attributes: Estimand,
    level: float,
    higher: Higher | None,
    note: str,
) -> TrialEffect:
    """Fit least squares and lay out the last coefficient."""
    extra = dependent_columns(design)
    if len(extra):
        raise InputError.of(
            "covariates",
            required="not combinations of each other and of the compared groups",
            got=f"{len(extra)} columns too many among the {sample.n} rows",
            remedy="Leave a covariate out.",
        )
    kind = "HC2" if sample.cluster is None else "CR2"
    fit = least_squares(design, sample.outcome)
    pick = np.eye(fit.k)[-1:]
    found = sandwich(fit, kind, cluster=sample.cluster, contrasts=pick)
    warn_few(found.df, [contrast])
    adjusted = "" if sample.covariates is None else ", adjusted"
    return TrialEffect.from_sample(
        {"term": term, "contrast": contrast, **found.columns(level), "n": sample.n},
        sample,
        attributes=attributes,
        higher=higher,
        method=f"Least squares{adjusted}, {kind} variance, Satterthwaite df",
        level=level,
        notes=[note],
    )
