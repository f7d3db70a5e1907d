"""How strong a confounder that was left out would have to be to change a regression's estimate."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core.checks import check_level
from evalkit.core.columns import as_names
from evalkit.errors import InputError
from evalkit.kernels.least_squares import least_squares
from evalkit.kernels.numeric import critical_value
from evalkit.kernels.omitted_bias import benchmark_bounds, partial_r2, robustness_value
from evalkit.matching.matched_effects import read_outcome, refuse_adjusted
from evalkit.matching.omitted_result import OmittedVariable, adjusted_columns
from evalkit.matching.treatment_sample import TreatmentSample, treatment_sample
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["omitted_variable"]


def omitted_variable(
    formula: str,
    df: pd.DataFrame,
    *,
    outcome: str,
    treated: object = None,
    q: float = 1.0,
    benchmarks: str | Sequence[str] | None = None,
    k: float | Sequence[float] = (1.0, 2.0, 3.0),
    level: float = 0.95,
) -> OmittedVariable:
    r"""Say how strong a confounder that was left out must be to change what a regression found.

    Answers "what if we have missed something?" for the least-squares regression of the outcome on
    the treatment and covariates, and compares what it would take with how strong the covariates
    are that were observed.

    Parameters
    ----------
    formula : str
        ``took_part ~ covariates``.
    df : pandas.DataFrame
        One row for each person, with an index that names each row once. It is not changed.
    outcome : str
        Column of numbers, or of 0 and 1.
    treated : object, optional
        Label of those who took part, unless the column holds 1 and 0.
    q : float, default 1
        Share of the estimate that the confounder is to take away; above 1 it turns its sign.
    benchmarks : str or sequence of str, optional
        Terms of the formula to compare with, all columns of a term together.
    k : float or sequence of float, default (1, 2, 3)
        How many times as strong as a benchmark.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    OmittedVariable
        ``to_frame()`` with partial R² and robustness values, ``.bounds`` by benchmark,
        ``.adjusted(r2_outcome, r2_treatment)`` and ``.plot()``.

    Raises
    ------
    evalkit.errors.InputError
        If a column or argument is not what it must be, a benchmark is no term, the covariates
        determine the treatment, the outcome is explained without rest, or degrees of freedom are
        too few.

    Notes
    -----
    See :mod:`evalkit.kernels.omitted_bias`: exact for the estimate and the classical standard
    error of least squares, whatever the confounder's distribution, for one confounder or the best
    linear combination of several. Nothing is said about nonlinear models or weights. Rows that
    lack the outcome or a covariate are dropped and counted.

    References
    ----------
    Cinelli and Hazlett (2020). Making sense of sensitivity. J R Stat Soc B 82:39-67.
    doi:10.1111/rssb.12348. In R: ``sensemakr::sensemakr``.

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({
    ...     "amia": [1, 1, 1, 1, 0, 0, 0, 0, 0, 0],
    ...     "age": [30, 44, 52, 39, 29, 40, 50, 61, 35, 58],
    ...     "days": [90.0, 80, 110, 85, 100, 120, 130, 140, 95, 150],
    ... })
    >>> found = omitted_variable("amia ~ age", df, outcome="days", benchmarks="age")
    >>> round(found.robustness, 3), round(found.robustness_limit, 3)
    (0.725, 0.314)
    """
    check_level(level)
    if not (isinstance(q, Real) and np.isfinite(q) and q > 0):
        raise InputError.of("q", required="a positive share of the estimate", got=repr(q))
    times = _multiples(k, benchmarks)
    sample = treatment_sample(formula, df, treated=treated, columns=[outcome])
    refuse_adjusted(sample, outcome)
    y = read_outcome(sample.frame, outcome, "difference")
    rest = np.column_stack([np.ones(sample.n), sample.matrix])
    d = sample.treated.astype(np.float64)
    estimate, error, degrees = _regression(sample, y, d, rest)
    t = estimate / error
    critical = float(critical_value(level, degrees - 1))
    bounds, notes = _benchmarks(sample, y, d, as_names(benchmarks), times, rest)
    return OmittedVariable(
        outcome=outcome,
        contrast=f"{sample.levels[1]} - {sample.levels[0]}",
        estimate=estimate,
        std_error=error,
        df=degrees,
        partial_r2=t**2 / (t**2 + degrees),
        q=float(q),
        robustness=robustness_value(t, degrees, q=q),
        robustness_limit=robustness_value(t, degrees, q=q, critical=critical),
        level=level,
        bounds=_bounds_frame(bounds, estimate, error, degrees, level),
        n_used=sample.n,
        n_dropped=sample.n_dropped,
        notes=(*sample.notes, *notes),
    )


def _regression(
    sample: TreatmentSample, y: FloatArray, d: FloatArray, rest: FloatArray
) -> tuple[float, float, float]:
    """Return the treatment's coefficient, its classical standard error and degrees of freedom."""
    degrees = float(sample.n - rest.shape[1] - 1)
    if degrees < 2:
        raise InputError.of(
            "df",
            required="at least two rows more than coefficients",
            got=f"{sample.n} rows for {rest.shape[1] + 1}",
        )
    basis = np.linalg.qr(rest)[0]
    own = d - basis @ (basis.T @ d)
    if float(own @ own) < 1e-9 * float(d @ d):
        raise InputError.of(
            "formula",
            required="covariates that do not determine who took part",
            got="covariates from which it follows exactly",
            remedy="Leave out the one that does.",
        )
    fit = least_squares(np.column_stack([rest, d]), y)
    estimate = float(fit.coefficients[-1])
    spread = fit.residual_variance() / float(own @ own)
    if not spread > 0:
        raise InputError.of(
            "outcome", required="not explained exactly by treatment and covariates",
            got=f"{sample.n} residuals of 0",
        )  # fmt: skip
    return estimate, float(np.sqrt(spread)), degrees


def _multiples(k: float | Sequence[float], benchmarks: object) -> FloatArray:
    """Check how many times as strong confounders are to be."""
    values = np.atleast_1d(np.asarray(k, dtype=np.float64)).ravel()
    if not len(values) or not (np.isfinite(values) & (values > 0)).all():
        raise InputError.of("k", required="positive numbers", got=repr(k))
    if benchmarks is None and not np.array_equal(values, (1.0, 2.0, 3.0)):
        raise InputError.of("k", required="left out without benchmarks", got=repr(k))
    return values


def _benchmarks(
    sample: TreatmentSample,
    y: FloatArray,
    d: FloatArray,
    names: list[str],
    times: FloatArray,
    rest: FloatArray,
) -> tuple[list[tuple[str, float, float]], list[str]]:
    """Bound confounders by the strength of covariates."""
    found: list[tuple[str, float, float]] = []
    notes: list[str] = []
    for name in names:
        if name not in sample.terms:
            raise InputError.of(
                "benchmarks",
                required=f"terms of the formula: {', '.join(sample.terms) or 'it has none'}",
                got=repr(name),
            )
        columns = [1 + j for j in sample.terms[name]]
        own, others = rest[:, columns], np.delete(rest, columns, axis=1)
        with_treatment = partial_r2(d, others, own)
        with_outcome = partial_r2(y, np.column_stack([others, d]), own)
        treatment, outcome = benchmark_bounds(with_treatment, with_outcome, times)
        for k, rd, ry in zip(times.tolist(), treatment.tolist(), outcome.tolist(), strict=True):
            label = f"{k:g}x {name}"
            if not np.isfinite(ry):
                notes.append(f"No confounder can be {label}: it would determine who took part.")
                continue
            if ry >= 1:
                notes.append(f"{label} could explain all of the outcome's residual variance.")
            found.append((label, rd, ry))
    return found, notes


def _bounds_frame(
    bounds: list[tuple[str, float, float]], estimate: float, error: float, df: float, level: float
) -> pd.DataFrame:
    """Lay out what the estimate would be with confounders as strong as the benchmarks."""
    import pandas as pd

    rd = np.array([bound[1] for bound in bounds], dtype=np.float64)
    ry = np.array([bound[2] for bound in bounds], dtype=np.float64)
    columns = adjusted_columns(estimate, error, df, level, ry, rd)
    return pd.DataFrame({"bound": [bound[0] for bound in bounds], **columns})
