"""The table of a Cox model's coefficients, and what is said beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from evalkit.core.formula import Coding
from evalkit.core.results import EffectTable
from evalkit.core.sample import Sample
from evalkit.kernels.cox import CoxFit
from evalkit.kernels.cox_firth import firth_likelihood, likelihood, profile
from evalkit.kernels.numeric import chi_square_tail, critical_value, normal_quantile, two_sided_p
from evalkit.survival.cox_input import Clusters
from evalkit.survival.robust import degrees_of_freedom
from evalkit.typing import FloatArray

__all__ = ["coefficient_table", "scale_name"]

_FEW_EVENTS = 10
_FEW_CLUSTERS = 50
_LEVEL = re.compile(r"(?:C\()?(?P<variable>[^,]+?)\)?\[T\.(?P<level>.*)\]")


def coefficient_table(
    fit: CoxFit,
    variance: FloatArray,
    sample: Sample,
    coding: Coding,
    clusters: Sequence[Clusters],
    *,
    ties: str,
    penalty: str | None,
    ci: str,
    exponentiate: bool,
    level: float,
    outcome: str,
) -> EffectTable:
    """Lay out the coefficients with their intervals and tests.

    Parameters
    ----------
    fit : CoxFit
        The fit.
    variance : ndarray of float, shape (p, p)
        The variance to report.
    sample : Sample
        The rows.
    coding : Coding
        Names and terms.
    clusters : sequence of Clusters
        What the variance allows for.
    ties, penalty, ci, exponentiate, level
        As in :class:`~evalkit.survival.cox_estimation.CoxOptions`.
    outcome : str
        What is modelled, in words.

    Returns
    -------
    EffectTable
        The table.
    """
    df = degrees_of_freedom(clusters)
    estimate = np.where(fit.infinite, np.sign(fit.coefficients) * np.inf, fit.coefficients)
    diagonal = np.diagonal(variance)
    error = np.sqrt(np.where(diagonal > 0, diagonal, np.nan))
    error[fit.infinite] = np.nan
    if ci == "profile":
        evaluate = likelihood(fit.data) if penalty is None else firth_likelihood(fit.data)
        z = normal_quantile(level)
        profiles = [profile(evaluate, fit, j, z) for j in range(len(estimate))]
        low = np.array([one.low for one in profiles])
        high = np.array([one.high for one in profiles])
        ratio = np.array([one.ratio for one in profiles])
        statistic, p_value = np.sign(estimate) * np.sqrt(ratio), chi_square_tail(ratio, 1)
    else:
        half = critical_value(level, df) * error
        low, high = fit.coefficients - half, fit.coefficients + half
        statistic = fit.coefficients / error
        p_value = two_sided_p(statistic, df)
    if exponentiate:
        with np.errstate(over="ignore"):
            estimate, low, high = np.exp(estimate), np.exp(low), np.exp(high)
    kind = f"{ties.capitalize()} ties" + (", Firth's penalty" if penalty else "")
    return EffectTable.of(
        {
            "term": coding.names,
            "contrast": _contrasts(coding),
            "estimate": estimate,
            "std_error": error,
            "statistic": statistic,
            "df": df if np.isfinite(df) else np.nan,
            "p_value": p_value,
            "conf_low": low,
            "conf_high": high,
            "n": sample.n,
            "scale": scale_name(exponentiate),
        },
        estimand=f"{'Hazard ratios' if exponentiate else 'Log hazard ratios'} for {outcome}",
        method=f"Cox model, {kind}, {_errors(clusters)}, {ci} intervals",
        level=level,
        n_used=sample.n,
        n_dropped=sample.n_dropped,
        notes=_notes(fit, sample, coding, clusters, error, penalty),
    )


def _errors(clusters: Sequence[Clusters]) -> str:
    """Say what kind of standard errors there are."""
    if not clusters:
        return "model-based standard errors"
    ways = " and ".join(f"{one.name} ({one.count})" for one in clusters if one.name)
    return f"robust standard errors{' by ' if ways else ''}{ways}"


def _contrasts(coding: Coding) -> list[str]:
    """Say what the coefficients of categories compare: level - reference."""
    found: list[str] = []
    for name in coding.names:
        match = _LEVEL.fullmatch(name)
        known = match is not None and match["variable"] in coding.levels
        found.append(
            f"{match['level']} - {coding.levels[match['variable']][0]}" if match and known else ""
        )
    return found


def _notes(
    fit: CoxFit,
    sample: Sample,
    coding: Coding,
    clusters: Sequence[Clusters],
    error: FloatArray,
    penalty: str | None,
) -> list[str]:
    """Say what belongs with the numbers."""
    events = int(sample.event.sum())
    p = len(coding.names)
    chi2 = 2 * (fit.loglik - fit.loglik_null)
    test = f"{chi2:.4g} on {p} df, p = {float(chi_square_tail(chi2, p)):.2g}"
    notes = [f"Events: {events}. Likelihood-ratio test that all coefficients are 0: {test}."]
    if fit.infinite.any():
        some = [name for name, gone in zip(coding.names, fit.infinite, strict=True) if gone]
        notes.append(f"Infinite, see SeparationWarning: {', '.join(some)}.")
    elif not fit.converged:
        notes.append("The iterations did not converge.")
    if events < _FEW_EVENTS * p and penalty is None:
        notes.append(
            f"Fewer than {_FEW_EVENTS} events a coefficient: estimates may be biased away from 0; "
            'consider penalty="firth".'
        )
    if few := [one for one in clusters if one.count < _FEW_CLUSTERS]:
        notes.append(f"Only {few[0].count} clusters: robust standard errors are too small.")
    weights = sample.weights
    if weights is not None and not clusters and (weights != np.floor(weights)).any():
        notes.append(
            "Case weights that are not whole numbers: if they are sampling weights, say "
            'weights_kind="sampling" (R gives robust standard errors here).'
        )
    if np.isnan(error[~fit.infinite]).any():
        notes.append("A two-way variance that is not positive has no standard error.")
    return notes


def scale_name(exponentiated: bool) -> str:
    """Say on which scale the estimates are.

    Parameters
    ----------
    exponentiated : bool
        Whether they are ratios.

    Returns
    -------
    str
        The scale.
    """
    return "hazard ratio (std_error of its logarithm)" if exponentiated else "log hazard ratio"
