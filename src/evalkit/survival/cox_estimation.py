"""From a sample and a design matrix to a fitted Cox model, with warnings of what went wrong."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core.formula import Coding
from evalkit.core.sample import Sample, SurvivalWarning
from evalkit.errors import InputError
from evalkit.kernels.cox import CoxFit, dependent, fit_cox
from evalkit.kernels.cox_data import CoxData, prepare
from evalkit.kernels.cox_firth import fit_firth
from evalkit.kernels.cox_likelihood import Moments, information, moments
from evalkit.kernels.cox_residuals import robust_variance
from evalkit.kernels.risk_sets import risk_sets
from evalkit.survival.cox_input import Clusters
from evalkit.survival.cox_result import CoxModel
from evalkit.survival.cox_table import coefficient_table
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "ConvergenceWarning",
    "CoxOptions",
    "SeparationWarning",
    "estimate_cox",
    "refuse_dependent",
]


class SeparationWarning(SurvivalWarning):
    """A coefficient is infinite: some value of a covariate goes with no event, or with all."""


class ConvergenceWarning(SurvivalWarning):
    """The iterations did not reach the maximum of the likelihood."""


@dataclass(frozen=True, slots=True)
class CoxOptions:
    """How a Cox model is fitted and shown.

    Attributes
    ----------
    ties : {"efron", "breslow"}
        Treatment of ties.
    penalty : {"firth"} or None
        The penalty.
    ci : {"wald", "profile"}
        Intervals and tests.
    exponentiate : bool
        Whether to give hazard ratios.
    level : float
        Confidence level.
    max_iterations : int or None
        Steps after which to give up; None for the kernels' own.
    """

    ties: str = "efron"
    penalty: str | None = None
    ci: str = "wald"
    exponentiate: bool = False
    level: float = 0.95
    max_iterations: int | None = None


def estimate_cox(
    sample: Sample,
    matrix: FloatArray,
    coding: Coding,
    options: CoxOptions,
    *,
    outcome: str,
    index: pd.Index,
    clusters: Sequence[Clusters] = (),
    offset: FloatArray | None = None,
    strata: tuple[str, ...] = (),
    offset_name: str | None = None,
    overwrite: bool = False,
) -> CoxModel:
    """Fit a Cox model to a sample.

    Parameters
    ----------
    sample : Sample, n rows
        Durations with 0 for censored and 1 for events, of positive weight, with an event.
    matrix : ndarray of float, shape (n, p)
        Covariates.
    coding : Coding
        How they were made.
    options : CoxOptions
        Choices.
    outcome : str
        What is modelled, in words.
    index : pandas.Index
        Labels of the rows.
    clusters : sequence of Clusters, optional
        None, one or two ways in which rows are dependent.
    offset : ndarray of float, shape (n,), optional
        Added to the log hazard.
    strata : tuple of str, optional
        Columns that make up the strata.
    offset_name : str, optional
        Column of the offset.
    overwrite : bool, default False
        Whether ``matrix`` may be used as working space.

    Returns
    -------
    CoxModel
        The model.

    Raises
    ------
    evalkit.errors.InputError
        If a covariate cannot be estimated.
    """
    import pandas as pd

    risk = risk_sets(
        sample.time,
        sample.event,
        entry=sample.entry,
        strata=sample.strata,
        n_strata=max(len(sample.strata_levels), 1),
        weights=sample.weights,
    )
    data = prepare(risk, matrix, offset=offset, ties=options.ties, overwrite=overwrite)
    fit = _maximise(data, coding, options)
    variance = fit.variance
    if clusters:
        variance = robust_variance(fit, [(one.codes, one.count) for one in clusters])
    names = list(coding.names)
    return CoxModel(
        coefficients=coefficient_table(
            fit,
            variance,
            sample,
            coding,
            clusters,
            ties=options.ties,
            penalty=options.penalty,
            ci=options.ci,
            exponentiate=options.exponentiate,
            level=options.level,
            outcome=outcome,
        ),
        vcov=pd.DataFrame(variance, index=names, columns=names),
        loglik=fit.loglik,
        loglik_null=fit.loglik_null,
        n_events=int(sample.event.sum()),
        exponentiated=options.exponentiate,
        penalty=options.penalty,
        fit=fit,
        sample=sample,
        index=index,
        coding=coding,
        strata=strata,
        offset=offset_name,
        clusters=tuple(clusters),
    )


def _maximise(data: CoxData, coding: Coding, options: CoxOptions) -> CoxFit:
    """Fit, once the covariates are known to be estimable; warn of what went wrong."""
    names = coding.names
    null = moments(data, np.zeros(len(names)))
    info = information(data, null)
    refuse_dependent(data, null, info, names)
    most = {} if options.max_iterations is None else {"max_iterations": options.max_iterations}
    if options.penalty is not None:
        fit = fit_firth(data, **most)
    else:
        fit = fit_cox(data, null=null, null_information=info, **most)
    if fit.infinite.any():
        some = ", ".join(repr(names[j]) for j in np.flatnonzero(fit.infinite))
        warnings.warn(
            f"The likelihood rises for ever along {some}: some value of it has no events, or only "
            "those who have the event first. The estimate is infinite and has no standard error. "
            'ci="profile" gives the end of the interval that exists, penalty="firth" finite '
            "estimates.",
            SeparationWarning,
            stacklevel=4,
        )
    elif not fit.converged:
        warnings.warn(
            f"The maximum was not reached in {fit.iterations} iterations: do not use the "
            "estimates. Look for covariates on very different scales, or extreme values.",
            ConvergenceWarning,
            stacklevel=4,
        )
    return fit


def refuse_dependent(data: CoxData, null: Moments, info: FloatArray, names: Sequence[str]) -> None:
    """Refuse covariates whose coefficients cannot be told from the others'.

    Parameters
    ----------
    data : CoxData
        The data.
    null : Moments
        The sums at coefficients 0.
    info : ndarray of float, shape (p, p)
        The information there.
    names : sequence of str, length p
        Names of the coefficients.

    Raises
    ------
    evalkit.errors.InputError
        If one is the same for everybody in every risk set, or a combination of others.
    """
    for j, others in dependent(data, null, info):
        if not others:
            raise InputError.of(
                "formula",
                required="of covariates that vary among those at risk",
                got=f"{names[j]!r}, the same for everybody in every risk set",
                remedy="Leave it out; what strata share cannot be estimated.",
            )
        raise InputError.of(
            "formula",
            required="of covariates that are not combinations of each other",
            got=f"{names[j]!r}, which {' and '.join(repr(names[i]) for i in others)} determine",
            remedy="Leave one of them out.",
        )
