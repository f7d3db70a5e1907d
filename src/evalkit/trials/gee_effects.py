"""Effects averaged over clusters by generalised estimating equations."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from evalkit.core.checks import check_choice, check_level
from evalkit.core.columns import Names
from evalkit.errors import InputError
from evalkit.kernels.estimating_equations import (
    Correction,
    GeeFamily,
    GeeFit,
    fit_gee,
    gee_variance,
)
from evalkit.kernels.glm import fit_glm
from evalkit.kernels.least_squares import dependent_columns
from evalkit.kernels.student import student
from evalkit.trials.effect_inputs import ArmDesign, arm_design, refuse_dependent
from evalkit.trials.estimand import Estimand
from evalkit.trials.sample_checks import check_clusters, cluster_note, warn_few
from evalkit.trials.trial_columns import OutcomeKind
from evalkit.trials.trial_result import Higher, TrialEffect, as_randomised
from evalkit.trials.trial_sample import TrialSample, read_trial
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["gee"]

_ROUNDING = 1e-24  # of the outcome's squares: residuals that are nothing else
_FAMILIES: dict[str, tuple[OutcomeKind, str, str]] = {
    "normal": ("number", "difference", "difference in means"),
    "binomial": ("binary", "odds_ratio", "odds ratio, averaged over clusters"),
    "poisson": ("count", "rate_ratio", "ratio of means, averaged over clusters"),
}
_CORRECTIONS = {
    "none": "no correction for few clusters",
    "kauermann-carroll": "Kauermann-Carroll correction",
    "mancl-derouen": "Mancl-DeRouen correction",
}


def gee(
    df: pd.DataFrame,
    *,
    outcome: str,
    arm: str,
    control: object,
    cluster: str,
    family: GeeFamily = "binomial",
    covariates: Names | None = None,
    strata: Names | None = None,
    correlation: Literal["exchangeable", "independence"] = "exchangeable",
    correction: Correction = "kauermann-carroll",
    level: float = 0.95,
    higher: Higher | None = None,
    estimand: Estimand | None = None,
) -> TrialEffect:
    r"""Estimate the effect on clustered outcomes, averaged over clusters, when clusters are few.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person.
    outcome : str
        Column with the outcome: 0 and 1, a count or a number, as the family asks.
    arm : str
        Column with the arm as randomised.
    control : object
        Label of the control arm.
    cluster : str
        Column with the cluster; a row without one stands alone.
    family : {"binomial", "poisson", "normal"}
        Variance and link: logit, log or identity.
    covariates : str or sequence of str, optional
        Right-hand side of a formula, or columns.
    strata : str or sequence of str, optional
        Columns that make up the strata of the randomisation, which enter as covariates.
    correlation : {"exchangeable", "independence"}
        Working correlation. Estimates are right in large samples whichever it is; the nearer to
        the truth, the more precise.
    correction : {"kauermann-carroll", "mancl-derouen", "none"}
        How the robust variance is corrected for few clusters.
    level : float, default 0.95
        Confidence level.
    higher : {"better", "worse"}, optional
        What a higher outcome means.
    estimand : Estimand, optional
        What is estimated, if not the arms as randomised.

    Returns
    -------
    TrialEffect
        One row for each arm but the control: odds ratio, ratio of means (both with the standard
        error of the logarithm) or difference. ``df`` is clusters minus coefficients.

    Raises
    ------
    evalkit.errors.InputError
        If a column does not exist or holds what it must not, an arm has one cluster, covariates
        are collinear or separate the outcomes, there are no more clusters than coefficients, or
        the equations have no solution.

    Notes
    -----
    The equations :math:`\sum_i D_i'V_i^{-1}(y_i-\mu_i) = 0` with
    :math:`V_i = \phi A_i^{1/2}R(\alpha)A_i^{1/2}` [1]_; :math:`\alpha` and :math:`\phi` by moments.
    The robust variance is too small with few clusters, because residuals are. Kauermann and
    Carroll's correction with a t distribution on clusters minus coefficients keeps the size of
    tests of binary outcomes with ten clusters or more [2]_; Mancl and DeRouen's is conservative.
    Rows that lack a value are dropped and counted.

    In R: ``geepack::geeglm(..., corstr = "exchangeable")``, whose correlation is estimated by
    another moment equation; in Python the same as ``statsmodels`` GEE.

    References
    ----------
    .. [1] Liang KY, Zeger SL (1986). Longitudinal data analysis using generalized linear models.
       Biometrika 73:13-22. doi:10.1093/biomet/73.1.13
    .. [2] Li P, Redden DT (2015). Small sample performance of bias-corrected sandwich estimators
       for cluster-randomized trials with binary outcomes. Stat Med 34:281-296.
       doi:10.1002/sim.6344

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(4)
    >>> office = np.repeat(np.arange(20), 12)
    >>> arm = np.where(office < 10, "ReDO", "CAU")
    >>> chance = 0.35 + 0.2 * (arm == "ReDO") + rng.normal(0, 0.08, 20)[office]
    >>> df = pd.DataFrame({"office": office, "arm": arm, "work": rng.binomial(1, chance)})
    >>> found = gee(df, outcome="work", arm="arm", control="CAU", cluster="office").to_frame()
    >>> found[["term", "contrast", "df", "n", "scale"]]
             term    contrast    df    n  scale
    0  odds_ratio  ReDO - CAU  18.0  240  ratio
    """
    check_choice("family", family, tuple(_FAMILIES))
    check_choice("correlation", correlation, ("exchangeable", "independence"))
    check_choice("correction", correction, tuple(_CORRECTIONS))
    level = check_level(level)
    kind, term, summary = _FAMILIES[family]
    sample = read_trial(
        df,
        outcome=outcome,
        arm=arm,
        control=control,
        kind=kind,
        covariates=covariates,
        strata=strata,
        cluster=cluster,
    )
    check_clusters(sample)
    made = arm_design(sample)
    refuse_dependent(made, dependent_columns(made.matrix))
    fit = _fit(sample, made, family, exchangeable=correlation == "exchangeable")
    arms = slice(1, made.n_arms)
    spread = np.sqrt(np.diag(gee_variance(fit, correction))[arms])
    if not np.isfinite(spread).all():
        raise InputError.of(
            "covariates",
            required="decided by more than one cluster each",
            got="a coefficient that a single cluster decides",
            remedy='Leave that covariate out, or give correction="none".',
        )
    freedom = np.full(made.n_arms - 1, float(len(fit.scores) - made.matrix.shape[1]))
    warn_few(freedom, sample.contrasts)
    columns = student(fit.coefficients[arms], spread, freedom, level)
    ratio = family != "normal"
    if ratio:
        for name in ("estimate", "conf_low", "conf_high"):
            columns[name] = np.exp(columns[name])
    note = f"Working correlation {correlation}"
    if correlation == "exchangeable":
        note += f", estimated as {fit.correlation:.3f}"
    return TrialEffect.from_sample(
        {
            "term": term,
            "contrast": list(sample.contrasts),
            **columns,
            "n": [sample.n_analysed[0] + n for n in sample.n_analysed[1:]],
            "scale": "ratio" if ratio else "difference",
        },
        sample,
        attributes=estimand or as_randomised(sample, outcome=outcome, summary=summary),
        higher=higher,
        method=f"GEE, {family}, robust variance with {_CORRECTIONS[correction]}, t",
        level=level,
        notes=(f"{note}.", cluster_note(sample)),
    )


def _fit(sample: TrialSample, made: ArmDesign, family: GeeFamily, *, exchangeable: bool) -> GeeFit:
    """Solve the equations, starting from independence."""
    assert sample.cluster is not None  # it is no optional argument
    n_clusters = int(sample.cluster.max()) + 1
    if n_clusters <= made.matrix.shape[1]:
        raise InputError.of(
            "cluster",
            required=f"more clusters than coefficients ({made.matrix.shape[1]})",
            got=f"{n_clusters}",
            remedy="Adjust for less.",
        )
    outcome, base = sample.outcome, np.zeros(made.matrix.shape[1])
    if family == "normal":  # the residuals of least squares keep their digits whatever the mean
        base = np.linalg.lstsq(made.matrix, outcome)[0].astype(np.float64)
        outcome = outcome - made.matrix @ base
        if float(outcome @ outcome) <= _ROUNDING * float(sample.outcome @ sample.outcome):
            raise InputError.of(
                "outcome",
                required="different beyond what arms and covariates explain",
                got="an exact fit",
                remedy="Without spread there is no test.",
            )
        start = np.zeros_like(base)
    else:
        start = _start(sample, made, family)
    fit = fit_gee(family, made.matrix, outcome, sample.cluster, start, exchangeable=exchangeable)
    fit = replace(fit, coefficients=fit.coefficients + base)
    if not fit.converged:
        raise InputError.of(
            "correlation",
            required="one with which the equations have a solution",
            got="none after 100 steps",
            remedy='Give correlation="independence".',
        )
    return fit


def _start(
    sample: TrialSample, made: ArmDesign, family: Literal["binomial", "poisson"]
) -> FloatArray:
    """Return the coefficients under independence, and refuse infinite ones."""
    fit = fit_glm(family, made.matrix, sample.outcome)
    if not fit.infinite.any():
        return fit.coefficients
    flat = [
        f"{level!r}: {values[0]:g} for all {len(values)}"
        for code, level in enumerate(sample.arm_levels)
        if np.ptp(values := sample.outcome[sample.arm == code]) == 0
    ]
    named = [repr(made.names[int(j)]) for j in np.flatnonzero(fit.infinite) if j]
    binary = family == "binomial"
    measure = "risk_difference" if binary else "difference"
    raise InputError.of(
        "outcome",
        required=f"{'both 0 and 1' if binary else 'above 0 for somebody'} at every level of the "
        "arms and covariates",
        got="a ratio that is infinite or 0: outcomes never change along a column",
        where=flat or named,
        remedy=f'effect(measure="{measure}", cluster=...) is finite.',
    )
