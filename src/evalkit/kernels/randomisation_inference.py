"""P-values and confidence sets from the assignments that could have come out.

The p-value of a shift t counts the assignments whose statistic is at least as far from 0 as the
one observed. An assignment counts on a few intervals of t only, and their ends are known: roots of
two linear equations, or of a polynomial of degree four if the statistic is studentised. So the
p-value is known as a step function of t, and the confidence set is where it exceeds 1 - level; no
grid is searched.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evalkit.kernels.randomisation_statistics import Differences
from evalkit.typing import BoolArray, FloatArray

__all__ = ["Reference", "confidence_set", "p_value", "step_down", "studentised"]

_TIE = 1e-9  # relative difference below which two statistics are the same
_FAR = 1e8  # roots beyond so many standard errors are at infinity
_ONE = 1e-12  # difference from 1 below which a slope is 1


@dataclass(frozen=True, slots=True)
class Reference:
    """The statistic as it came out, and as it could have.

    Attributes
    ----------
    observed : Differences
        The assignment that came out; one entry.
    drawn : Differences
        Assignments that could have come out, R entries.
    complete : bool
        Whether ``drawn`` lists all assignments, the one observed among them; otherwise they were
        drawn at random, and the one observed counts as one more.
    spread : float
        Standard deviation of the outcome: the unit in which differences are compared with 0.
    """

    observed: Differences
    drawn: Differences
    complete: bool
    spread: float

    @property
    def n(self) -> int:
        """Number of assignments that p-values divide by."""
        return len(self.drawn.constant) + (not self.complete)

    def share(self, extreme: BoolArray) -> float:
        """Return the p-value for assignments that are at least as extreme."""
        return (int(extreme.sum()) + (not self.complete)) / self.n


def studentised(differences: Differences) -> FloatArray:
    """Return the statistics without a shift.

    Parameters
    ----------
    differences : Differences
        R assignments.

    Returns
    -------
    ndarray of float, shape (R,)
        Differences, over their standard errors if they have one; infinite where undefined, so
        that such an assignment counts as extreme.
    """
    value = differences.constant
    if differences.variance is not None:
        error = np.sqrt(differences.variance[:, 0])
        with np.errstate(divide="ignore", invalid="ignore"):
            value = value / error
    return np.where(np.isnan(value), np.inf, value)


def p_value(reference: Reference) -> float:
    """Return the share of assignments at least as far from 0 as the one observed.

    Parameters
    ----------
    reference : Reference
        The statistic, observed and drawn.

    Returns
    -------
    float
        The two-sided p-value: (1 + c) / (1 + R) of random assignments, c / R of all there are.
        Assignments for which the statistic is undefined count as extreme.
    """
    least = abs(float(studentised(reference.observed)[0]))
    unit = 1.0 if reference.observed.variance is not None else reference.spread
    far = np.abs(studentised(reference.drawn)) >= least - _TIE * least - _ONE * unit
    return reference.share(far)


def confidence_set(reference: Reference, alpha: float) -> FloatArray:
    """Return the shifts that a test at level alpha does not reject.

    Parameters
    ----------
    reference : Reference
        The statistic, observed and drawn.
    alpha : float
        Level of the test.

    Returns
    -------
    ndarray of float, shape (q, 2)
        Closed intervals, ascending, that make up the set; ends may be infinite. The difference
        observed is always in it.
    """
    drawn, centre = reference.drawn, float(reference.observed.constant[0])
    kept = drawn.defined
    always = int((~kept).sum()) + (not reference.complete)
    # p > alpha, that is count / n > alpha: the first whole number above alpha n.
    needed = int(np.floor(alpha * reference.n * (1 + _ONE))) + 1 - always
    if needed <= 0:
        return np.array([[-np.inf, np.inf]])
    constant = drawn.constant[kept] - drawn.slope[kept] * centre
    small = _TIE * reference.spread
    if reference.observed.variance is None or drawn.variance is None:
        starts, ends = _linear_pieces(constant, drawn.slope[kept], small)
    else:
        scale = float(np.sqrt(reference.observed.variance[0, 0]))
        variance = _moved(drawn.variance[kept], centre) * scale ** np.array([-2, -1, 0])
        starts, ends = _quartic_pieces(constant / scale, drawn.slope[kept], variance)
        starts, ends = starts * scale, ends * scale
    return centre + _covered(starts, ends, needed)


def _moved(variance: FloatArray, centre: float) -> FloatArray:
    """Return polynomials of t as polynomials of u = t - centre."""
    a, b, c = variance.T
    return np.column_stack([a + b * centre + c * centre**2, b + 2 * c * centre, c])


def _linear_pieces(
    constant: FloatArray, slope: FloatArray, small: float
) -> tuple[FloatArray, FloatArray]:
    """Return where |constant - slope u| >= |u|, as starts and ends of intervals."""
    with np.errstate(divide="ignore", invalid="ignore"):
        roots = np.column_stack([-constant / (1 - slope), constant / (1 + slope)])
    low, high = roots.min(axis=1), roots.max(axis=1)
    inside = np.abs(slope) < 1 - _ONE
    outside = np.abs(slope) > 1 + _ONE
    flat = ~inside & ~outside  # one root only: a ray, or everything if the constant is 0
    only = constant / np.where(slope > 0, 2.0, -2.0)
    up = flat & (np.sign(constant) * np.sign(slope) < 0)
    down = flat & (np.sign(constant) * np.sign(slope) > 0)
    everywhere = flat & (np.abs(constant) <= small)
    up, down = up & ~everywhere, down & ~everywhere
    infinite = np.inf
    starts = [low[inside], np.full(int(outside.sum()), -infinite), high[outside], only[up]]
    ends = [high[inside], low[outside], np.full(int(outside.sum()), infinite)]
    ends += [np.full(int(up.sum()), infinite)]
    starts += [np.full(int(down.sum()), -infinite), np.full(int(everywhere.sum()), -infinite)]
    ends += [only[down], np.full(int(everywhere.sum()), infinite)]
    return np.concatenate(starts), np.concatenate(ends)


def _quartic_pieces(
    constant: FloatArray, slope: FloatArray, variance: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return where (constant - slope u)^2 >= u^2 variance(u), as starts and ends of intervals."""
    # The assignment observed, and its mirror image, are as far from 0 whatever the shift.
    constant = np.where(np.abs(constant) <= _TIE, 0.0, constant)
    square = slope**2 - variance[:, 0]
    square[np.abs(square) <= _TIE * (slope**2 + variance[:, 0])] = 0
    coefficients = np.column_stack(
        [
            constant**2,
            -2 * constant * slope,
            square,
            -variance[:, 1],
            -variance[:, 2],
        ]
    )
    roots = _real_parts_of_roots(coefficients)
    edges = np.column_stack([np.full(len(roots), -np.inf), roots, np.full(len(roots), np.inf)])
    reach = np.clip(edges, -4 * _FAR, 4 * _FAR)
    middle = (reach[:, :-1] + reach[:, 1:]) / 2
    powers = middle[:, :, None] ** np.arange(5)
    terms = coefficients[:, None, :] * powers
    holds = terms.sum(axis=2) >= -_ONE * np.abs(terms).sum(axis=2)
    empty = edges[:, 1:] <= edges[:, :-1]
    for k in range(1, 5):  # an empty piece is as its left neighbour, or at the left end its right
        holds[:, k] = np.where(empty[:, k], holds[:, k - 1], holds[:, k])
    for k in range(3, -1, -1):
        holds[:, k] = np.where(edges[:, k + 1] == -np.inf, holds[:, k + 1], holds[:, k])
    before = np.column_stack([np.zeros(len(roots), dtype=np.bool_), holds[:, :-1]])
    after = np.column_stack([holds[:, 1:], np.zeros(len(roots), dtype=np.bool_)])
    return edges[:, :-1][holds & ~before], edges[:, 1:][holds & ~after]


def _real_parts_of_roots(coefficients: FloatArray) -> FloatArray:
    """Return the real parts of the roots of quartics, ascending, shape (r, 4).

    A complex pair cuts where nothing changes, which does no harm. Far roots are infinite.
    """
    largest = np.abs(coefficients).max(axis=1, keepdims=True)
    scaled = coefficients / np.where(largest > 0, largest, 1)
    # Roots of the reversed polynomial are the reciprocals; the constant term may be 0, the
    # leading one too, so the larger of the two leads.
    forward = np.abs(scaled[:, 4]) >= np.abs(scaled[:, 0])
    ordered = np.where(forward[:, None], scaled, scaled[:, ::-1])
    leading = np.where(np.abs(ordered[:, 4]) < _ONE * _ONE, _ONE * _ONE, ordered[:, 4])
    companion = np.zeros((len(ordered), 4, 4))
    companion[:, [1, 2, 3], [0, 1, 2]] = 1
    companion[:, :, 3] = -ordered[:, :4] / leading[:, None]
    found = np.linalg.eigvals(companion).astype(np.complex128)
    with np.errstate(divide="ignore", invalid="ignore"):
        roots: npt.NDArray[np.complex128] = np.where(forward[:, None], found, 1 / found)
    real = _polished(np.nan_to_num(roots.real, nan=np.inf), roots.imag, coefficients)
    return np.sort(np.where(np.abs(real) > _FAR, np.copysign(np.inf, real), real), axis=1)


def _polished(real: FloatArray, imaginary: FloatArray, coefficients: FloatArray) -> FloatArray:
    """Improve real roots by two steps of Newton's method."""
    near = (np.abs(real) <= _FAR) & (np.abs(imaginary) <= _TIE * (1 + np.abs(real)))
    x = np.where(near, real, 0.0)
    c = coefficients[:, None, :]
    for _ in range(2):
        value = (((c[..., 4] * x + c[..., 3]) * x + c[..., 2]) * x + c[..., 1]) * x + c[..., 0]
        rise = ((4 * c[..., 4] * x + 3 * c[..., 3]) * x + 2 * c[..., 2]) * x + c[..., 1]
        step = value / np.where(rise == 0, 1, rise)
        small = np.abs(step) <= 1e-6 * (1 + np.abs(x))
        x = np.where(small & (rise != 0), x - step, x)
    return np.where(near, x, real)


def _covered(starts: FloatArray, ends: FloatArray, needed: int) -> FloatArray:
    """Return where at least ``needed`` of the closed intervals overlap."""
    starts, ends = np.sort(starts), np.sort(ends)
    points = np.unique(np.concatenate([starts, ends, [-np.inf, np.inf]]))
    begun = np.searchsorted(starts, points, side="right")
    at = begun - np.searchsorted(ends, points, side="left") >= needed
    between = (begun - np.searchsorted(ends, points, side="right"))[:-1] >= needed
    # Points and the gaps between them in turn; the ends of every run of covered ones.
    turns = np.zeros(2 * len(points) + 1, dtype=np.bool_)
    turns[1::2] = at
    turns[2:-1:2] = between
    change = np.diff(turns.astype(np.int8))
    first, last = np.flatnonzero(change > 0), np.flatnonzero(change < 0) - 1
    return np.column_stack([points[first // 2], points[(last + 1) // 2]])


def step_down(observed: FloatArray, drawn: FloatArray, *, complete: bool) -> FloatArray:
    """Adjust the p-values of several outcomes for their number, by Westfall and Young's step-down.

    Parameters
    ----------
    observed : ndarray of float, shape (J,)
        How far the statistic of each outcome is from 0; on one scale, such as studentised.
    drawn : ndarray of float, shape (R, J)
        The same for the assignments, each row one assignment.
    complete : bool
        Whether the assignments are all there are, the one observed among them.

    Returns
    -------
    ndarray of float, shape (J,)
        Adjusted p-values.
    """
    order = np.argsort(-observed, kind="stable")
    largest = np.maximum.accumulate(drawn[:, order[::-1]], axis=1)[:, ::-1]
    limits = observed[order]
    count = (largest >= limits - _TIE * np.abs(limits) - _ONE).sum(axis=0)
    ranked = np.maximum.accumulate((count + (not complete)) / (len(drawn) + (not complete)))
    adjusted = np.empty(len(observed))
    adjusted[order] = ranked
    return adjusted
