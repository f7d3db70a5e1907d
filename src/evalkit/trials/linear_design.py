"""Design matrices of linear models for trials, and the contrasts that are the effects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.errors import InputError
from evalkit.kernels.least_squares import dependent_columns
from evalkit.trials.trial_sample import TrialSample
from evalkit.typing import FloatArray

__all__ = ["LinearDesign", "ancova_design", "cell_design", "lin_design"]


@dataclass(frozen=True, eq=False)
class LinearDesign:
    """A design matrix and one contrast of its coefficients for each arm but the control arm.

    Attributes
    ----------
    matrix : ndarray of float, shape (n, k)
        The design matrix.
    contrasts : ndarray of float, shape (arms - 1, k)
        Weights of the coefficients.
    centred : ndarray of float, shape (n, p)
        Covariates, and strata as indicators, minus their means; no columns where there are none.
    """

    matrix: FloatArray
    contrasts: FloatArray
    centred: FloatArray


def cell_design(sample: TrialSample) -> LinearDesign:
    """Return a mean for every arm in every stratum; effects are averaged by stratum size.

    Parameters
    ----------
    sample : TrialSample
        The sample; every stratum has the control arm.

    Returns
    -------
    LinearDesign
        The design.
    """
    n_arms = len(sample.arm_levels)
    strata = np.zeros(sample.n, dtype=np.int64) if sample.strata is None else sample.strata
    cell = strata * n_arms + sample.arm
    present, code = np.unique(cell, return_inverse=True)
    matrix = np.zeros((sample.n, len(present)), order="F")
    matrix[np.arange(sample.n), code] = 1.0
    size = np.bincount(strata, weights=sample.weights)
    place = {int(one): i for i, one in enumerate(present)}
    contrasts = np.zeros((n_arms - 1, len(present)))
    for arm in range(1, n_arms):
        used = [s for s in range(len(size)) if {s * n_arms, s * n_arms + arm} <= place.keys()]
        for s in used:
            share = size[s] / size[used].sum()
            contrasts[arm - 1, place[s * n_arms + arm]] = share
            contrasts[arm - 1, place[s * n_arms]] = -share
    return LinearDesign(matrix, contrasts, np.empty((sample.n, 0)))


def ancova_design(sample: TrialSample) -> LinearDesign:
    """Return an intercept, the arms, and covariates and strata with the same slopes in all arms.

    Parameters
    ----------
    sample : TrialSample
        The sample.

    Returns
    -------
    LinearDesign
        The design.

    Raises
    ------
    evalkit.errors.InputError
        If a column is a combination of others, or there are more columns than rows.
    """
    centred, names = _centred(sample)
    arms = _arms(sample)
    matrix = np.column_stack([np.ones(sample.n), arms, centred])
    _refuse_dependent(matrix, ["intercept", *sample.contrasts, *names], sample)
    return LinearDesign(matrix, _arm_contrasts(sample, matrix.shape[1]), centred)


def lin_design(sample: TrialSample) -> LinearDesign:
    """Return the arms with slopes of their own, covariates centred on the rows analysed.

    Parameters
    ----------
    sample : TrialSample
        The sample.

    Returns
    -------
    LinearDesign
        The design: intercept, arms, covariates, and covariates times each arm.

    Raises
    ------
    evalkit.errors.InputError
        If a column is a combination of others, or an arm has fewer rows than slopes.
    """
    centred, names = _centred(sample)
    arms = _arms(sample)
    products = [centred * arms[:, [i]] for i in range(arms.shape[1])]
    matrix = np.column_stack([np.ones(sample.n), arms, centred, *products])
    inside = [f"{name} within {level}" for level in sample.arm_levels[1:] for name in names]
    _refuse_dependent(matrix, ["intercept", *sample.contrasts, *names, *inside], sample)
    return LinearDesign(matrix, _arm_contrasts(sample, matrix.shape[1]), centred)


def _arms(sample: TrialSample) -> FloatArray:
    """Return an indicator of each arm but the control arm."""
    return (sample.arm[:, None] == np.arange(1, len(sample.arm_levels))).astype(np.float64)


def _arm_contrasts(sample: TrialSample, k: int) -> FloatArray:
    """Return the contrasts that pick the arms' coefficients."""
    return np.eye(k)[1 : len(sample.arm_levels)]


def _centred(sample: TrialSample) -> tuple[FloatArray, list[str]]:
    """Return covariates, and strata as indicators, minus their means; and their names."""
    columns: list[FloatArray] = []
    names: list[str] = []
    if sample.strata is not None:  # first, so that a covariate that repeats them is the one named
        present = np.unique(sample.strata)[1:]
        columns.append((sample.strata[:, None] == present).astype(np.float64))
        names += [f"stratum {sample.strata_levels[int(i)]!r}" for i in present]
    columns.append(sample.matrix)
    names += [] if sample.covariates is None else list(sample.covariates.names)
    matrix = np.column_stack(columns)
    return matrix - np.average(matrix, axis=0, weights=sample.weights), names


def _refuse_dependent(matrix: FloatArray, names: list[str], sample: TrialSample) -> None:
    """Refuse a design whose columns are not independent, or that leaves nothing over."""
    n, k = matrix.shape
    weights = sample.weights
    rows = n if weights is None else int(np.count_nonzero(weights))
    if rows <= k:
        raise InputError.of(
            "covariates",
            required=f"fewer coefficients than rows ({rows})",
            got=f"{k} coefficients",
            remedy="Adjust for fewer covariates.",
        )
    found = dependent_columns(matrix, weights)
    if len(found):
        raise InputError.of(
            "covariates",
            required="columns that are not combinations of each other, of the arms and of the "
            "strata",
            got=f"{len(found)} that add nothing",
            where=(names[int(i)] for i in found),
            remedy="Leave them out; one that is constant within an arm cannot be adjusted for "
            "there.",
        )
