"""From a checked sample to a parametric result: fits, standard errors and their diagnosis."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from evalkit.core.formula import Design
from evalkit.core.results import EffectTable
from evalkit.core.sample import Sample, SurvivalWarning
from evalkit.errors import InputError
from evalkit.kernels.newton import Optimum
from evalkit.kernels.parametric import Lifetimes, fit_parametric
from evalkit.kernels.parametric_terms import Model, log_terms
from evalkit.kernels.piecewise_exponential import Exposure, fit_piecewise
from evalkit.kernels.wald import wald
from evalkit.survival.discrete_data import Intervals
from evalkit.survival.model_checks import refuse_runaway
from evalkit.survival.parametric_curves import AcceleratedTime, PiecewiseHazard
from evalkit.survival.parametric_result import Parametric
from evalkit.typing import FloatArray

__all__ = ["fit_log_time", "fit_piecewise_hazard"]

_STILL_THERE = 0.1
_BOUNDARY = 1e-3
_INFINITE = (
    "Some level has no event, or nothing else, or the data do not tell the parameters apart. Merge "
    "levels, leave the term out, or choose a simpler distribution."
)


def fit_log_time(
    sample: Sample, made: Design, cured: Design | None, distribution: str, level: float
) -> Parametric:
    """Fit a model of log time.

    Parameters
    ----------
    sample : Sample
        The durations.
    made : Design
        Covariates of the location, the constant first.
    cured : Design or None
        Covariates of the share that never leaves, the constant first.
    distribution : str
        The distribution.
    level : float
        Confidence level.

    Returns
    -------
    Parametric
        The result.
    """
    happened = sample.event > 0
    with np.errstate(divide="ignore"):
        log_time = np.log(sample.time)
        log_entry = None if sample.entry is None else np.log(sample.entry)
    if distribution == "exponential":  # an event at time 0 has the density of any other moment
        log_time = np.where(happened & (sample.time == 0), np.log(np.finfo(float).tiny), log_time)
    model = Model(distribution, made.matrix.shape[1], 0 if cured is None else cured.matrix.shape[1])
    fit = fit_parametric(
        model,
        Lifetimes(
            log_time,
            happened,
            log_entry,
            made.matrix,
            None if cured is None else cured.matrix,
            sample.weights,
        ),
    )
    extra = () if cured is None else tuple(f"cure: {name}" for name in cured.names)
    terms = (*made.names, *model.names, *extra)
    scales = ["log time ratio"] * len(made.names)
    scales += [{"log(scale)": "log of the scale", "Q": "shape"}[name] for name in model.names]
    scales += ["log odds ratio of never leaving"] * len(extra)
    notes: list[str] = []
    if cured is None:
        _check_convergence(fit.optimum, fit.vcov, made, terms)
    else:
        share = AcceleratedTime(model).cured(fit.parameters, cured.matrix)
        assert share is not None  # the model has a cured share
        latency = Model(distribution, model.n_location)
        end = np.full(sample.n, sample.time.max())
        theta = fit.parameters[: latency.n_parameters]
        left = np.exp(log_terms(latency, theta, end, made.matrix).survival)
        notes += _follow_up(sample, share, left, converged=fit.optimum.converged)
    vcov, how, df = _covariance(sample, fit.vcov, fit.scores)
    loglik = fit.loglik
    name = distribution.capitalize() + " distribution" + (", with a cured share" if cured else "")
    table = _table(sample, terms, fit.parameters, vcov, name, how, level, df, notes)
    return Parametric(
        table,
        vcov,
        loglik,
        distribution,
        int(happened.sum()),
        df,
        fit.parameters,
        tuple(scales),
        made.coding,
        None if cured is None else cured.coding,
        AcceleratedTime(model),
    )


def fit_piecewise_hazard(
    sample: Sample, made: Design, intervals: Intervals, level: float
) -> Parametric:
    """Fit the piecewise exponential model.

    Parameters
    ----------
    sample : Sample
        The durations.
    made : Design
        Covariates, without a constant.
    intervals : Intervals
        The intervals.
    level : float
        Confidence level.

    Returns
    -------
    Parametric
        The result.
    """
    happened = sample.event > 0
    fit = fit_piecewise(
        Exposure(
            sample.time,
            happened,
            sample.entry,
            made.matrix,
            intervals.inner,
            intervals.closed,
            sample.weights,
        )
    )
    labels = intervals.labels
    terms = (*(f"log hazard {labels[int(j)]}" for j in fit.intervals), *made.names)
    _check_convergence(fit.optimum, fit.vcov, made, terms, n_before=len(fit.intervals))
    empty = [labels[int(j)] for j in np.flatnonzero((fit.events == 0) & (fit.at_risk > 0))]
    notes = [f"No event in {', '.join(empty)}: the hazard there is 0."] if empty else []
    vcov, how, df = _covariance(sample, fit.vcov, fit.scores)
    table = _table(
        sample, terms, fit.parameters, vcov, "Piecewise exponential hazard", how, level, df, notes
    )
    scales = ["log hazard"] * len(fit.intervals) + ["log hazard ratio"] * len(made.names)
    return Parametric(
        table,
        vcov,
        fit.loglik,
        "piecewise-exponential",
        int(happened.sum()),
        df,
        fit.parameters,
        tuple(scales),
        made.coding,
        None,
        PiecewiseHazard(fit.intervals, intervals.inner),
    )


def _check_convergence(
    optimum: Optimum, vcov: FloatArray, made: Design, terms: Sequence[str], n_before: int = 0
) -> None:
    """Name the parameters that run to infinity, or refuse estimates that were not found."""
    if optimum.converged and np.isfinite(vcov).all():
        return
    if optimum.runaway is None:
        raise InputError.of(
            "distribution",
            required="one whose estimates can be found",
            got=f"no maximum of the likelihood in {optimum.iterations} iterations",
            remedy="Choose a simpler distribution, or fewer terms.",
        )
    p = made.matrix.shape[1]
    reach = np.ones(len(terms))
    reach[n_before : n_before + p] = np.abs(made.matrix).max(axis=0, initial=0.0)
    preferred = np.array([term != "Intercept" for term in terms])
    preferred[:n_before] = False
    raise refuse_runaway(optimum.runaway, reach, terms, preferred, _INFINITE)


def _follow_up(
    sample: Sample, share: FloatArray, left: FloatArray, *, converged: bool
) -> list[str]:
    """Say how well the follow-up shows a plateau, and warn where it does not."""
    happened = sample.event > 0
    last, last_event = float(sample.time.max()), float(sample.time[happened].max())
    late = happened & (sample.time > 2 * last_event - last)
    alpha = (1 - float(late.sum()) / sample.n) ** sample.n
    mean, rest = float(share.mean()), float(left.mean())
    problem = ""
    if not converged or mean < _BOUNDARY or mean > 1 - _BOUNDARY:
        problem = f"the share that never leaves is estimated at its boundary ({mean:.4f})"
    elif last_event == last:
        problem = "the longest duration is an event, so that the survival curve has no plateau"
    elif rest > _STILL_THERE:
        problem = (
            f"the survival curve has no plateau: of those who do leave, {100 * rest:.0f} % are "
            f"estimated to be left at the end of follow-up ({last:g})"
        )
    if problem:
        warnings.warn(
            f"cure: {problem}. The share rests on the distribution's form alone: compare "
            "distributions, or fit without cure.",
            SurvivalWarning,
            stacklevel=4,
        )
    after = int((sample.time > last_event).sum())
    note = f"{after} rows are censored after the last event; Maller-Zhou alpha {alpha:.2g}"
    return [f"{note} (below 0.05 the follow-up is sufficient)."]


def _covariance(
    sample: Sample, inverse: FloatArray, scores: FloatArray
) -> tuple[FloatArray, str, float]:
    """Return the covariance of the estimates, how it was found, and its degrees of freedom."""
    cluster = sample.cluster
    if cluster is None:
        if sample.weights_kind != "sampling":
            return inverse, "model-based standard errors", np.inf
        pulled = scores @ inverse
        return pulled.T @ pulled, "robust standard errors", np.inf
    n_clusters = int(cluster.max()) + 1
    if n_clusters < 2:
        raise InputError.of("cluster", required="of at least two clusters", got="one")
    sums = np.stack(
        [np.bincount(cluster, column, minlength=n_clusters) for column in scores.T], axis=1
    )
    pulled = sums @ inverse
    how = f"robust standard errors, {n_clusters} clusters"
    return pulled.T @ pulled, how, float(n_clusters - 1)


def _table(
    sample: Sample,
    terms: Sequence[str],
    estimate: FloatArray,
    vcov: FloatArray,
    name: str,
    how: str,
    level: float,
    df: float,
    notes: Sequence[str],
) -> EffectTable:
    """Lay out the coefficients."""
    kind = "hazard" if name.startswith("Piecewise") else "time"
    return EffectTable.of(
        {
            "term": list(terms),
            **wald(estimate, np.sqrt(np.diagonal(vcov)), level, df),
            "n": sample.n,
        },
        estimand=f"Effects on the log of the {kind}",
        method=f"{name}; {how}",
        level=level,
        n_used=sample.n,
        n_dropped=sample.n_dropped,
        notes=notes,
    )
