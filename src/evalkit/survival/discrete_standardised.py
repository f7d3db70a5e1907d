"""Survival averaged over a population, with the treatment set to each of its values."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from evalkit.core.columns import check_known, labels
from evalkit.core.results import EffectTable
from evalkit.errors import InputError
from evalkit.kernels.discrete_curves import Standardised
from evalkit.kernels.numeric import critical_value
from evalkit.kernels.wald import wald
from evalkit.survival.discrete_data import DiscreteData
from evalkit.typing import FloatArray, IntArray

__all__ = ["standardised_survival"]

_MOST_VALUES = 20


def standardised_survival(
    data: DiscreteData,
    average: Callable[[FloatArray, FloatArray], Standardised],
    covariance: FloatArray,
    after: tuple[IntArray, IntArray],
    treatment: str,
    *,
    reference: object,
    times: FloatArray,
    where: IntArray,
    level: float,
    df: float,
    coefficients: EffectTable,
) -> EffectTable:
    """Average survival with the treatment set to each value, and compare.

    Parameters
    ----------
    data : DiscreteData
        The people to average over.
    average : callable
        Takes covariates and weights, and returns the mean survival with its gradient.
    covariance : ndarray of float, shape (P, P)
        Covariance of the parameters.
    after : tuple of two ndarrays of int
        Intervals at whose end nobody is left, and at whose end it is not known.
    treatment : str
        A variable of the formula.
    reference : object
        Value that the others are compared with; None for the first.
    times : ndarray of float, shape (T,)
        Times.
    where : ndarray of int, shape (T,)
        Their places among 0 and the breaks.
    level : float
        Confidence level.
    df : float
        Degrees of freedom of the intervals.
    coefficients : EffectTable
        For the numbers of rows used and dropped.

    Returns
    -------
    EffectTable
        A row for each value and time, then one for each difference and time.
    """
    levels, base = _levels(data, treatment, reference)
    curves = [_set_to(data, average, treatment, value, after) for value in levels]
    survival = np.array([curve.survival[where] for curve in curves])
    gradient = np.array([curve.gradient[where] for curve in curves])
    others = [i for i in range(len(levels)) if i != base]
    error = _error(gradient, covariance)
    apart_error = _error(gradient[others] - gradient[base], covariance)
    apart = survival[others] - survival[base]
    low, high = _limits(survival, error, critical_value(level, df))
    test = wald(apart.ravel(), apart_error.ravel(), level, df)
    contrasts = [str(value) for value in levels]
    contrasts += [f"{levels[i]} - {levels[base]}" for i in others]
    blank = np.full(survival.size, np.nan)
    return EffectTable.of(
        {
            "time": np.tile(times, len(contrasts)),
            "term": ["survival"] * survival.size + ["survival_difference"] * apart.size,
            "contrast": np.repeat(contrasts, len(times)).tolist(),
            "estimate": np.append(survival, apart),
            "std_error": np.append(error, apart_error),
            "statistic": np.append(blank, test["statistic"]),
            "df": df if np.isfinite(df) else np.nan,
            "p_value": np.append(blank, test["p_value"]),
            "conf_low": np.append(low, test["conf_low"]),
            "conf_high": np.append(high, test["conf_high"]),
            "n": coefficients.n_used,
        },
        estimand=f"Survival with {treatment} set for everybody, and differences to {levels[base]}",
        method="g-formula from discrete-time hazards; delta method, covariates as given",
        level=level,
        n_used=coefficients.n_used,
        n_dropped=coefficients.n_dropped,
    )


def _levels(data: DiscreteData, treatment: str, reference: object) -> tuple[list[object], int]:
    """Return the values of the treatment, and which of them is the reference."""
    check_known(data.people, treatment=treatment)
    if np.isnan(data.size).any():
        raise InputError.of(
            "id",
            required="of persons whose covariates do not change, to average over them",
            got="covariates that change within persons",
        )
    levels = list(labels(data.people[treatment]).levels)
    if not 2 <= len(levels) <= _MOST_VALUES:
        raise InputError.of(
            "treatment",
            required=f"a variable of 2 to {_MOST_VALUES} values",
            got=f"{treatment!r} with {len(levels)}",
        )
    if reference is None:
        return levels, 0
    if reference not in levels:
        raise InputError.of(
            "reference",
            required=f"a value of {treatment!r}",
            got=repr(reference),
            remedy=f"Values: {', '.join(repr(value) for value in levels)}.",
        )
    return levels, levels.index(reference)


def _set_to(
    data: DiscreteData,
    average: Callable[[FloatArray, FloatArray], Standardised],
    treatment: str,
    value: object,
    after: tuple[IntArray, IntArray],
) -> Standardised:
    """Average over the people with the treatment set to one value; the beginning comes first."""
    import pandas as pd

    people = data.people.copy()
    filled: Sequence[object] = [value] * len(people)
    people[treatment] = pd.Series(filled, index=people.index).astype(people[treatment].dtype)
    curve = average(data.coding.apply(people), data.size)
    survival, gradient = curve.survival.copy(), curve.gradient.copy()
    for intervals, known in zip(after, (0.0, np.nan), strict=True):
        survival[intervals] = gradient[intervals] = known
    return Standardised(
        np.concatenate([[1.0], survival]),
        np.concatenate([np.zeros((1, gradient.shape[1])), gradient]),
    )


def _error(gradient: FloatArray, covariance: FloatArray) -> FloatArray:
    """Return the standard errors that the delta method gives."""
    return np.sqrt(np.maximum(((gradient @ covariance) * gradient).sum(axis=-1), 0.0))


def _limits(survival: FloatArray, error: FloatArray, z: float) -> tuple[FloatArray, FloatArray]:
    """Return limits of a survival that are symmetric in log(-log S)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        inside = (survival > 0) & (survival < 1)
        relative = np.where(inside, error / (-survival * np.log(survival)), 0.0)
        spread = np.exp(z * relative)
        return survival**spread, survival ** (1 / spread)
