"""The randomisation test of one arm against the control arm."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from evalkit.errors import InputError
from evalkit.kernels.randomisation_inference import (
    Reference,
    confidence_set,
    p_value,
    step_down,
    studentised,
)
from evalkit.kernels.randomisation_statistics import (
    Adjusted,
    AdjustedStudentised,
    Differences,
    Unadjusted,
    evaluate,
    observed,
)
from evalkit.trials.allocation_log import Allocation
from evalkit.trials.randomised_units import Pair, draw_pair, shown_number
from evalkit.trials.trial_sample import TrialSample
from evalkit.typing import FloatArray

__all__ = ["ContrastTests", "Plan", "Statistic", "compare_pair"]

Statistic: TypeAlias = Literal["difference", "studentised"]
"""Whether a difference is compared by itself, or over its standard error."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked for.

    Attributes
    ----------
    statistic : {"difference", "studentised"}
        The statistic.
    level : float
        Confidence level.
    n_permutations : int
        Random assignments to draw.
    exact : bool or None
        Whether to list all assignments; None decides by their number.
    rng : numpy.random.Generator
        Source of randomness.
    watch : callable
        Wrapped around the steps, for a progress bar.
    """

    statistic: Statistic
    level: float
    n_permutations: int
    exact: bool | None
    rng: np.random.Generator
    watch: Callable[[Iterable[Any]], Iterable[Any]]


@dataclass(frozen=True, slots=True)
class ContrastTests:
    """The tests of one contrast.

    Attributes
    ----------
    contrast : str
        The contrast in words.
    rows : list of dict
        Columns of the effect table, one entry for each outcome.
    sets : list of ndarray of float, shape (q, 2)
        Confidence set of each outcome.
    notes : list of str
        What should be said about them.
    drawn : str
        Which assignments they rest on.
    """

    contrast: str
    rows: list[dict[str, object]]
    sets: list[FloatArray]
    notes: list[str]
    drawn: str


def compare_pair(
    names: Sequence[str],
    Y: FloatArray,
    sample: TrialSample,
    pair: Pair,
    design: Allocation | None,
    contrast: str,
    plan: Plan,
) -> ContrastTests:
    """Test all outcomes of one arm against the control arm.

    Parameters
    ----------
    names : sequence of str
        The outcomes, J.
    Y : ndarray of float, shape (n, J)
        Their values; NaN where missing.
    sample : TrialSample
        The trial.
    pair : Pair
        The units of the two arms.
    design : Allocation or None
        The allocation, if it is known.
    contrast : str
        The contrast in words.
    plan : Plan
        What was asked for.

    Returns
    -------
    ContrastTests
        The tests.

    Raises
    ------
    evalkit.errors.InputError
        If a statistic is not defined for the assignment that came out.
    """
    statistics = [_statistic(name, Y[:, j], sample, pair, plan) for j, name in enumerate(names)]
    seen = observed(statistics, pair.urns)
    for name, one in zip(names, seen, strict=True):
        _check_observed(name, contrast, one, sample)
    draws, complete = draw_pair(pair, design, plan.n_permutations, plan.exact, plan.rng)
    drawn = evaluate(statistics, pair.urns, draws, plan.watch)
    references = [
        Reference(one, many, complete, float(np.nanstd(Y[pair.rows, j])))
        for j, (one, many) in enumerate(zip(seen, drawn, strict=True))
    ]
    sets = [confidence_set(reference, 1 - plan.level) for reference in references]
    errors = [_standard_error(reference) for reference in references]
    rows: list[dict[str, object]] = []
    for j, (name, reference, pieces) in enumerate(zip(names, references, sets, strict=True)):
        estimate = float(reference.observed.constant[0])
        rows.append(
            {
                "outcome": name,
                "term": "difference",
                "contrast": contrast,
                "estimate": estimate,
                "std_error": errors[j],
                "statistic": estimate / errors[j] if errors[j] > 0 else np.nan,
                "p_value": p_value(reference),
                "conf_low": pieces[0, 0],
                "conf_high": pieces[-1, 1],
                "n": int((~np.isnan(Y[pair.rows, j])).sum()),
            }
        )
    if len(names) > 1:
        for row, value in zip(rows, _westfall_young(references, errors), strict=True):
            row["p_adjusted"] = value
    many = shown_number(pair.urns)
    said = f"all {many} assignments" if complete else f"{draws.n_draws} draws"
    notes = _notes(names, contrast, sets, references, plan)
    return ContrastTests(contrast, rows, sets, notes, said)


def _statistic(
    name: str, y: FloatArray, sample: TrialSample, pair: Pair, plan: Plan
) -> Unadjusted | Adjusted | AdjustedStudentised:
    """Prepare the statistic of one outcome."""
    there = ~np.isnan(y[pair.rows])
    rows, unit = pair.rows[there], pair.unit[there]
    z = pair.urns.assigned[unit]
    if z.all() or not z.any():
        raise InputError.of(
            "outcome", required=f"there for somebody in both arms ({name!r})", got="one arm only"
        )
    wanted = plan.statistic == "studentised"
    if sample.covariates is None:
        return Unadjusted(y[rows], unit, pair.urns, studentised=wanted)
    if wanted:
        return AdjustedStudentised(y[rows], sample.matrix[rows], unit, pair.urns)
    return Adjusted(y[rows], sample.matrix[rows], unit, pair.urns)


def _check_observed(name: str, contrast: str, one: Differences, sample: TrialSample) -> None:
    """Refuse a statistic that the assignment itself does not give."""
    said = f"{name!r}, {contrast}"
    if (
        one.variance is not None
        and not np.isfinite(one.variance).all()
        and np.isfinite(one.constant).all()
    ):
        raise InputError.of(
            "statistic",
            required="'difference' where an arm has fewer than two units in a stratum",
            got=f"'studentised' ({said})",
        )
    if not one.defined.all():
        adjusted = sample.covariates is not None
        raise InputError.of(
            "covariates" if adjusted else "outcome",
            required="such that they do not determine the arm"
            if adjusted
            else "there for somebody of both arms in every stratum",
            got=f"otherwise ({said})",
        )
    if one.variance is not None and one.variance[0, 0] <= 0:
        raise InputError.of(
            "statistic",
            required="'difference' where outcomes do not vary within the arms",
            got=f"'studentised' ({said})",
        )


def _standard_error(reference: Reference) -> float:
    """Return the standard error: estimated if studentised, else over the assignments."""
    if reference.observed.variance is not None:
        return float(np.sqrt(reference.observed.variance[0, 0]))
    drawn = reference.drawn.constant[reference.drawn.defined]
    if reference.complete:
        return float(np.sqrt(np.mean(drawn**2)))
    # With the one observed among them, so that the scale is the same whichever came out.
    return float(
        np.sqrt((np.sum(drawn**2) + reference.observed.constant[0] ** 2) / (len(drawn) + 1))
    )


def _westfall_young(references: Sequence[Reference], errors: Sequence[float]) -> list[float]:
    """Adjust the p-values of the outcomes for their number."""
    scale = [
        1.0 if reference.observed.variance is not None or error == 0 else error
        for reference, error in zip(references, errors, strict=True)
    ]
    far = np.array(
        [abs(studentised(r.observed)[0]) / c for r, c in zip(references, scale, strict=True)]
    )
    drawn = np.column_stack(
        [np.abs(studentised(r.drawn)) / c for r, c in zip(references, scale, strict=True)]
    )
    return step_down(far, drawn, complete=references[0].complete).tolist()


def _notes(
    names: Sequence[str],
    contrast: str,
    sets: Sequence[FloatArray],
    references: Sequence[Reference],
    plan: Plan,
) -> list[str]:
    """Say what is unusual about a confidence set."""
    notes: list[str] = []
    for name, pieces, reference in zip(names, sets, references, strict=True):
        said = f"{name}, {contrast}"
        whole = np.isinf(pieces).all() and len(pieces) == 1
        if whole and 1 / reference.n > 1 - plan.level:
            notes.append(
                f"{said}: with {reference.n} assignments no p-value is below "
                f"{1 / reference.n:.3g}, and no shift is rejected."
            )
        elif whole:
            notes.append(f"{said}: no shift is rejected; the confidence set is unbounded.")
        elif len(pieces) > 1:
            parts = " and ".join(f"[{low:.4g}, {high:.4g}]" for low, high in pieces[:4].tolist())
            more = f" and {len(pieces) - 4} more" if len(pieces) > 4 else ""
            notes.append(f"{said}: the confidence set is not an interval: {parts}{more}.")
        elif np.isinf(pieces).any():
            notes.append(f"{said}: the confidence set is unbounded on one side.")
    return notes
