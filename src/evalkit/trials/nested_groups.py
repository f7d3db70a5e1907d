"""The effect of a treatment given in groups, where the controls are not in groups."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from evalkit.core.checks import check_choice, check_level
from evalkit.core.columns import Names, as_names, check_known
from evalkit.errors import EvalkitError, InputError
from evalkit.kernels.least_squares import least_squares
from evalkit.kernels.partially_nested import (
    exact_icc_interval,
    fit_partially_nested,
    residual_spread,
)
from evalkit.kernels.sandwich import sandwich
from evalkit.kernels.student import student
from evalkit.trials.estimand import Estimand
from evalkit.trials.group_membership import (
    FEW_GROUPS,
    Membership,
    joined_clusters,
    read_membership,
    shared_by_groups,
)
from evalkit.trials.linear_design import ancova_design, cell_design
from evalkit.trials.nested_result import NestedEffect, nested_notes, share_between, variance_frame
from evalkit.trials.sample_checks import warn_few
from evalkit.trials.trial_result import Higher, TrialEffect, as_randomised
from evalkit.trials.trial_sample import TrialSample, read_trial
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["partially_nested"]

_SMALL_SAMPLE = {"satterthwaite": "Satterthwaite df", "kenward-roger": "Kenward-Roger"}


def partially_nested(
    df: pd.DataFrame,
    *,
    outcome: str,
    arm: str,
    control: object,
    group: str,
    covariates: Names | None = None,
    started: str | None = None,
    never_started: Literal["own group", "no group effect"] = "own group",
    variances: Literal["by arm", "common"] = "by arm",
    small_sample: Literal["satterthwaite", "kenward-roger"] = "satterthwaite",
    leader: Names | None = None,
    level: float = 0.95,
    higher: Higher | None = None,
    estimand: Estimand | None = None,
    unit: str | None = None,
) -> NestedEffect:
    r"""Estimate a difference in means where one arm was treated in groups.

    Persons of a treatment group share leader, meetings and each other, so their outcomes are
    alike; controls stand alone. A t test that overlooks the groups rejects too often, and a
    model that gives controls groups too asks them for a variance that they do not have.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person randomised.
    outcome : str
        Column with the outcome, a number.
    arm : str
        Column with the arm as randomised: two arms.
    control : object
        Label of the control arm, whose persons have no groups.
    group : str
        Column with the treatment group. It is missing in the control arm, and in the other arm
        for those who never started; each of these stands alone.
    covariates : str or sequence of str, optional
        Right-hand side of a formula, or columns, with one slope for both arms.
    started : str, optional
        Column that is 1 for those of the arm who started and 0 for those who never did. A
        missing group of somebody who started is then an error: it is unknown, and not none.
    never_started : {"own group", "no group effect"}
        Whether the outcomes of those who never started vary as much as of persons in groups
        (each a group of one), or lack the variance between groups.
    variances : {"by arm", "common"}
        Whether the residual variance has a value in each arm.
    small_sample : {"satterthwaite", "kenward-roger"}
        How degrees of freedom, and for Kenward and Roger the standard error, are found.
    leader : str or sequence of str, optional
        Columns with what groups share, such as the leader, or leader and wave: each becomes a
        random effect crossed with the others, beside that of the group.
    level : float, default 0.95
        Confidence level.
    higher : {"better", "worse"}, optional
        What a higher outcome means.
    estimand : Estimand, optional
        What is estimated; by default the arms as they were randomised.
    unit : str, optional
        Column that identifies persons; repeated values are an error.

    Returns
    -------
    NestedEffect
        Row ``difference`` from the mixed model, and row ``difference_cr2`` by least squares with
        the cluster-robust variance CR2 and its Satterthwaite degrees of freedom, which relies on
        no model of the variance; groups linked by `leader` are one cluster there, and it is
        missing if all are linked. Both carry the columns ``icc, icc_low, icc_high``.

    Raises
    ------
    evalkit.errors.InputError
        If a column is wrong, there are more than two arms, controls are in groups, the group of
        somebody who started is unknown, or a variance is not identified.

    Warns
    -----
    TrialWarning
        If groups are missing in the arm and `started` is not given, or there are fewer than five
        groups or degrees of freedom.

    Notes
    -----
    The model is :math:`y = x'\beta + \delta T + T u_g + e` with :math:`u_g \sim N(0, \tau^2)` and
    :math:`e \sim N(0, \sigma_T^2)`, fitted by restricted maximum likelihood. With groups of one
    size, no covariates and :math:`\hat\tau^2 > 0` its degrees of freedom are those of Welch's
    test on group means and controls. If the likelihood is largest at :math:`\tau^2 = 0`, that is
    said ("ICC = 0 at the boundary"), and the variance counts as 0: the model is then Welch's
    with all persons alone. Rows that lack a used value are dropped and counted.

    The interval of the intraclass correlation is Wald's exact one, from the arm alone.

    In R: ``nlme::lme(y ~ arm, random = ~ 0 + treated | group, weights = varIdent(form = ~ 1 |
    arm))`` for estimates and likelihood; ``lme4::lmer(y ~ arm + (0 + treated | group) +
    (0 + control | id))`` fits it too where controls vary more, and then ``lmerTest`` and
    ``pbkrtest`` give the same degrees of freedom; ``clubSandwich::coef_test`` for CR2.

    References
    ----------
    .. [1] Candlish J, Teare MD, Dimairo M, Flight L, Mandefield L, Walters SJ (2018). Appropriate
       statistical methods for analysing partially nested randomised controlled trials with
       continuous outcomes: a simulation study. BMC Med Res Methodol 18:105.
       doi:10.1186/s12874-018-0559-x
    .. [2] Roberts C, Roberts SA (2005). Design and analysis of clinical trials with clustering
       effects due to treatment. Clin Trials 2:152-162.

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame(
    ...     {
    ...         "arm": ["ReDO"] * 15 + ["CAU"] * 9,
    ...         "group": list("aaabbbcccdddeee") + [None] * 9,
    ...         "mastery": [20, 22, 23, 25, 26, 24, 19, 18, 22, 27, 24, 25, 21, 22, 20]
    ...         + [18, 21, 25, 17, 20, 19, 23, 22, 18],
    ...     }
    ... )
    >>> result = partially_nested(df, outcome="mastery", arm="arm", control="CAU", group="group")
    >>> result.to_frame()[["term", "estimate", "std_error", "df"]].round(3)
                 term  estimate  std_error      df
    0      difference       2.2      1.428   8.781
    1  difference_cr2       2.2      1.428  11.907
    >>> round(result.icc, 3)
    0.717
    """
    level = check_level(level)
    check_choice("never_started", never_started, ("own group", "no group effect"))
    check_choice("variances", variances, ("by arm", "common"))
    check_choice("small_sample", small_sample, tuple(_SMALL_SAMPLE))
    shared = as_names(leader)
    if len(set(shared)) < len(shared):
        raise InputError.of("leader", required="columns named once each", got=repr(list(shared)))
    check_known(df, group=group, started=started, leader=shared)
    sample = read_trial(
        df, outcome=outcome, arm=arm, control=control, covariates=covariates, unit=unit
    )
    if len(sample.arm_levels) != 2:
        raise InputError.of(
            "arm",
            required=f"of two arms ({arm!r})",
            got=", ".join(repr(label) for label in sample.arm_levels),
            remedy="Keep the rows of the arm with groups and of the control arm.",
        )
    members = read_membership(df, sample, group=group, started=started)
    crossed = [shared_by_groups(df, sample, members, name, "leader") for name in shared]
    # Without covariates the cells are the arms.
    design = cell_design(sample) if sample.covariates is None else ancova_design(sample)
    codes = members.group
    if never_started == "no group effect":
        codes = np.where(members.in_group, codes, -1)
        crossed = [code[: members.n_groups] for code in crossed]
    _check_spread(design.matrix, sample, members, outcome, common=variances == "common")
    fit = fit_partially_nested(
        design.matrix,
        sample.outcome,
        sample.arm == 1,
        codes,
        common_variance=variances == "common",
        crossed=crossed,
    )
    if not fit.converged:
        raise EvalkitError(
            "partially_nested: the restricted likelihood has no maximum that could be found. "
            "The row difference_cr2 of effect(..., cluster=, vcov='CR2') needs none."
        )
    found = fit.contrast(design.contrasts[0], method=small_sample)
    ordinary = least_squares(design.matrix, sample.outcome)
    cluster, n_clusters = joined_clusters(members, crossed)
    robust = sandwich(ordinary, "CR2", cluster=cluster, contrasts=design.contrasts)
    if n_clusters < 2:
        robust = replace(robust, std_error=np.array([np.nan]), df=np.array([np.nan]))
    icc = share_between(fit, common=variances == "common")
    limits = (np.nan, np.nan)
    if not crossed:
        inside = sample.arm == 1
        limits = exact_icc_interval(
            design.matrix[inside], sample.outcome[inside], codes[inside], level
        )
    columns = student(
        [found.estimate, float(robust.estimate[0])],
        [found.std_error, float(robust.std_error[0])],
        [found.df, float(robust.df[0])],
        level,
    )
    if members.n_groups >= FEW_GROUPS:  # fewer are warned of already
        warn_few(columns["df"][:1], sample.contrasts)
    summary = "difference in means"
    if estimand is None:
        estimand = as_randomised(sample, outcome=outcome, summary=summary)
    adjusted = "" if sample.covariates is None else ", adjusted"
    by_arm = "by arm" if variances == "by arm" else "common"
    base = TrialEffect.from_sample(
        {
            "term": ["difference", "difference_cr2"],
            "contrast": sample.contrasts[0],
            **columns,
            "n": sample.n,
            "icc": icc,
            "icc_low": limits[0],
            "icc_high": limits[1],
        },
        sample,
        attributes=estimand,
        higher=higher,
        method=f"Partially nested model{adjusted}, REML, variance {by_arm}, "
        f"{_SMALL_SAMPLE[small_sample]}",
        level=level,
        notes=nested_notes(fit, members, icc, limits, shared),
    )
    return NestedEffect(
        **{item.name: getattr(base, item.name) for item in fields(base)},
        variances=variance_frame(fit, sample, shared, common=variances == "common"),
        icc=icc,
        icc_interval=limits,
        loglik=fit.loglik,
        loglik_without_groups=fit.loglik_without_groups,
        groups=members.line(),
    )


def _check_spread(
    X: FloatArray, sample: TrialSample, members: Membership, outcome: str, *, common: bool
) -> None:
    """Refuse outcomes without spread where the model needs a variance."""
    centred = sample.outcome - sample.outcome.mean()  # digits, where the mean is far from 0
    spread = residual_spread(X, centred, sample.arm == 1, members.group, common_variance=common)
    if (spread > 0).all():
        return
    places = ["the control arm", "the groups"] if not common else ["both arms"]
    where = [place for place, value in zip(places, spread, strict=True) if not value > 0]
    raise InputError.of(
        "outcome",
        required=f"with residual spread in the control arm and within groups ({outcome!r})",
        got="none, or as many coefficients as persons",
        where=where,
        remedy="Its residual variance is not identified; variances='common' needs one in all.",
    )
