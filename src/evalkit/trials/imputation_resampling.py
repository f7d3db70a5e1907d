"""Effects with missing outcomes at their conditional means, and their variance by resampling."""

from __future__ import annotations

import numpy as np

from evalkit.errors import InputError
from evalkit.kernels.outcome_draws import expected_outcomes
from evalkit.trials.imputation_analysis import independent_design, with_progress
from evalkit.trials.incomplete_trial import IncompleteTrial
from evalkit.typing import FloatArray, IntArray

__all__ = ["bootstrap", "expected_effects", "jackknife", "refuse_draws"]

_TRIES = 100
_ROUNDING = 1e-12  # of the largest outcome: less is what rounding leaves


def refuse_draws(trial: IncompleteTrial, inference: str) -> None:
    """Refuse what conditional means cannot deal with.

    Parameters
    ----------
    trial : IncompleteTrial
        The trial.
    inference : str
        What was asked for.

    Raises
    ------
    evalkit.errors.InputError
        If baseline is incomplete, or a measurement is missing before one that is there.
    """
    reasons = [f"missing {name}" for name in trial.incomplete]
    if trial.data.has_gaps or (trial.data.n_levels and np.isnan(trial.data.earlier).any()):
        reasons.append("gaps in earlier")
    if reasons:
        raise InputError.of(
            "inference",
            required="'rubin' where baseline or earlier measurements have gaps",
            got=repr(inference),
            where=reasons,
            remedy="Only the outcome, and with it the last measurements, may be missing.",
        )


def expected_effects(trial: IncompleteTrial, shift: FloatArray) -> FloatArray:
    """Return the effects with missing outcomes at their conditional means.

    Parameters
    ----------
    trial : IncompleteTrial
        The trial, with complete baseline and without gaps.
    shift : ndarray of float, shape (r,)
        What is added to each row imputed.

    Returns
    -------
    ndarray of float, shape (c,)
        The limit of multiple imputation with many imputations, at the estimated parameters.
    """
    everybody = np.arange(len(trial.data.outcome), dtype=np.int64)
    return _expected(trial, independent_design(trial, trial.data.incomplete), shift, everybody)


def _expected(
    trial: IncompleteTrial, design: FloatArray, shift: FloatArray, rows: IntArray
) -> FloatArray:
    """Return the effects of some rows, each as often as it is named."""
    by_row = np.zeros(len(trial.data.outcome))
    by_row[trial.data.missing] = shift
    part = trial.data.rows(rows)
    outcome = expected_outcomes(part, by_row[rows][part.missing], trial.scores)
    n_arms = len(trial.sample.arm_levels)
    solution = np.linalg.lstsq(design[rows], outcome, rcond=None)[0][1:n_arms]
    found = np.where(np.abs(solution) <= _ROUNDING * np.abs(outcome).max(), 0.0, solution)
    return np.asarray(found, dtype=np.float64)


def _steady(found: FloatArray, estimate: FloatArray, trial: IncompleteTrial) -> FloatArray:
    """Take out what effects differ from the estimate by rounding alone."""
    size = np.nanmax(np.abs(trial.data.outcome))
    return np.where(np.abs(found - estimate) <= _ROUNDING * max(size, 1e-300), estimate, found)


def _units(trial: IncompleteTrial) -> IntArray:
    """Return the independent unit of each row: its cluster, or itself."""
    cluster = trial.sample.cluster
    return np.arange(trial.sample.n, dtype=np.int64) if cluster is None else cluster


def jackknife(
    trial: IncompleteTrial, shift: FloatArray, *, progress: bool
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return effects, standard errors and degrees of freedom, leaving each unit out in turn.

    Parameters
    ----------
    trial : IncompleteTrial
        The trial, with complete baseline and without gaps.
    shift : ndarray of float, shape (r,)
        What is added to each row imputed.
    progress : bool
        Show a progress bar.

    Returns
    -------
    estimate : ndarray of float, shape (c,)
        The effects.
    std_error : ndarray of float, shape (c,)
        Their standard errors.
    df : ndarray of float, shape (c,)
        The units less the arms.
    """
    design, units = independent_design(trial, trial.data.incomplete), _units(trial)
    n_units = int(units.max()) + 1
    found: list[FloatArray] = []
    for unit in with_progress(range(n_units), progress, n_units, "jackknife"):
        kept = np.flatnonzero(units != unit)
        if not _estimable(trial, kept):
            label = trial.frame.index[units == unit].tolist()[:1]
            raise InputError.of(
                "inference",
                required="'rubin' where the models of an arm hang on one unit",
                got="'jackknife'",
                where=[f"row {label[0]!r}"],
            )
        found.append(_expected(trial, design, shift, kept))
    estimate = expected_effects(trial, shift)
    moved = _steady(np.array(found), estimate, trial) - estimate
    spread = ((moved - moved.mean(axis=0)) ** 2).sum(axis=0) * (n_units - 1) / n_units
    n_arms = len(trial.sample.arm_levels)
    return estimate, np.sqrt(spread), np.full(len(estimate), float(n_units - n_arms))


def bootstrap(
    trial: IncompleteTrial,
    shift: FloatArray,
    n_bootstrap: int,
    rng: np.random.Generator,
    *,
    progress: bool,
) -> tuple[FloatArray, FloatArray]:
    """Return effects and their replications, drawing units of each arm with replacement.

    Parameters
    ----------
    trial : IncompleteTrial
        The trial, with complete baseline and without gaps.
    shift : ndarray of float, shape (r,)
        What is added to each row imputed.
    n_bootstrap : int
        Number of replications.
    rng : numpy.random.Generator
        Source of randomness.
    progress : bool
        Show a progress bar.

    Returns
    -------
    estimate : ndarray of float, shape (c,)
        The effects.
    replications : ndarray of float, shape (B, c)
        The effects in resampled trials; those that an arm's model cannot be fitted to are drawn
        again.
    """
    design, units = independent_design(trial, trial.data.incomplete), _units(trial)
    order = np.argsort(units, kind="stable")
    members: list[IntArray] = np.split(order, np.flatnonzero(np.diff(units[order])) + 1)
    arm_of = np.array([trial.data.arm[rows[0]] for rows in members])
    pools = [np.flatnonzero(arm_of == arm) for arm in range(len(trial.sample.arm_levels))]
    found: list[FloatArray] = []
    for _ in with_progress(range(n_bootstrap), progress, n_bootstrap, "bootstrap"):
        for _ in range(_TRIES):
            drawn: list[int] = np.concatenate([rng.choice(one, len(one)) for one in pools]).tolist()
            parts: list[IntArray] = [members[unit] for unit in drawn]
            rows = np.concatenate(parts)
            if _estimable(trial, rows):
                break
        else:
            raise InputError.of(
                "inference",
                required="'rubin' where resampled arms often have no outcome",
                got="'bootstrap'",
            )
        found.append(_expected(trial, design, shift, rows))
    estimate = expected_effects(trial, shift)
    return estimate, _steady(np.array(found), estimate, trial)


def _estimable(trial: IncompleteTrial, rows: IntArray) -> bool:
    """Say whether every arm has rows to fit each of its models to."""
    arm, last = trial.data.arm[rows], trial.data.last[rows]
    longest = trial.data.earlier.shape[1]
    needed = 2 + trial.data.predictors.shape[1] + longest if not trial.data.n_levels else 1
    n_arms = len(trial.sample.arm_levels)
    return bool((np.bincount(arm[last > longest], minlength=n_arms) >= needed).all())
