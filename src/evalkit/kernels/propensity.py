r"""Probability of taking part given covariates, from counts in covariate cells.

With :math:`y_c` of :math:`m_c` rows of cell c treated and :math:`\eta = X\beta`, the log-likelihood
is :math:`\sum_c y_c \log F(\eta_c) + (m_c - y_c) \log\{1 - F(\eta_c)\}`, F logistic, normal or
:math:`1 - e^{-e^\eta}`. It is maximised by Newton's method with the exact second derivatives, so
that slow convergence is a sign of separation. Firth's penalty :math:`\frac12\log\det I(\beta)`
[1]_ keeps the logistic estimates finite then.

References
----------
.. [1] Firth D (1993). Bias reduction of maximum likelihood estimates. Biometrika 80:27-38.
   doi:10.1093/biomet/80.1.27
.. [2] Heinze G, Schemper M (2002). A solution to the problem of separation in logistic
   regression. Stat Med 21:2409-2419. doi:10.1002/sim.1047
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
from scipy import special

from evalkit.kernels.newton import Evaluate, dependent_columns, inverse, maximise
from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = ["Cells", "Link", "PropensityFit", "collapse", "fit_propensity", "probability_of"]

Link: TypeAlias = Literal["logit", "probit", "cloglog"]
"""How the linear predictor becomes a probability."""

_CHUNK = 1 << 15  # rows that are worked on at a time, so that they stay in the cache
_SAMPLE = 20_000
_PART = 20_000
_WORTH = 0.7  # cells beside rows, above which collapsing saves nothing
_MOVING = 1e-2  # share of the largest movement along an infinite estimate
_ROUNDING = 1e-12
_SHORTEST = 16.0
_STEEP = 0.0  # linear predictor of a complementary log-log probability of 0.63
_HALF_LOG_TWO_PI = 0.9189385332046728


@dataclass(frozen=True, slots=True)
class Cells:
    """Rows of a matrix collapsed to the distinct ones.

    Attributes
    ----------
    matrix : ndarray of float, shape (k, p)
        The distinct rows; all rows in their order where collapsing would save little.
    of_row : ndarray of int, shape (n,), or None
        Cell of each row; None if every row is its own.
    """

    matrix: FloatArray
    of_row: IntArray | None

    def spread(self, values: FloatArray) -> FloatArray:
        """Give every row the value of its cell."""
        return values if self.of_row is None else values[self.of_row]

    def add(self, values: FloatArray) -> FloatArray:
        """Add the values of the rows up by cell."""
        if self.of_row is None:
            return values
        sums = np.bincount(self.of_row, values, minlength=len(self.matrix))
        return sums.astype(np.float64, copy=False)


@dataclass(frozen=True, slots=True)
class PropensityFit:
    """A fitted propensity model.

    Attributes
    ----------
    link : {"logit", "probit", "cloglog"}
        The link.
    coefficients : ndarray of float, shape (1 + p,)
        Intercept and slopes.
    variance : ndarray of float, shape (1 + p, 1 + p)
        Inverse of the information.
    probability, linear : ndarray of float, shape (n,)
        Fitted probability and linear predictor of each row.
    loglik : float
        Log-likelihood, without the penalty.
    converged : bool
        Whether the maximum was reached.
    infinite : ndarray of bool, shape (1 + p,)
        Columns along which the likelihood rises for ever: they separate the groups.
    dependent : ndarray of int
        Columns (0 the intercept) that are linear combinations of those before them. If there are
        any, nothing was fitted, and the numbers are NaN.
    n_cells : int
        Distinct covariate rows that the likelihood was computed from.
    firth : bool
        Whether the likelihood was penalised.
    """

    link: Link
    coefficients: FloatArray
    variance: FloatArray
    probability: FloatArray
    linear: FloatArray
    loglik: float
    converged: bool
    infinite: BoolArray
    dependent: IntArray
    n_cells: int
    firth: bool


def probability_of(link: Link, linear: FloatArray) -> FloatArray:
    """Return the probability that belongs to a linear predictor.

    Parameters
    ----------
    link : {"logit", "probit", "cloglog"}
        The link.
    linear : ndarray of float
        Linear predictor.

    Returns
    -------
    ndarray of float
        The probabilities.
    """
    if link == "logit":
        return special.expit(linear)
    if link == "probit":
        return special.ndtr(linear)
    return -np.expm1(-np.exp(linear))


def collapse(matrix: FloatArray) -> Cells:
    """Find the distinct rows of a matrix, where that is worth while.

    Parameters
    ----------
    matrix : ndarray of float, shape (n, p)
        The matrix.

    Returns
    -------
    Cells
        The distinct rows. A sample of rows shows beforehand whether there are few.

    Examples
    --------
    >>> cells = collapse(np.array([[0.0, 1.0], [2.0, 1.0], [0.0, 1.0], [0.0, 1.0]]))
    >>> len(cells.matrix), cells.add(np.ones(4)).tolist()
    (2, [3.0, 1.0])
    """
    n, p = matrix.shape
    # Equal rows have equal projections; the rows of one projection are compared in full below.
    random: Any = np.random.default_rng(20120101)
    direction: FloatArray = np.asarray(random.standard_normal(p), dtype=np.float64)
    if n > _SAMPLE:
        step = n // _SAMPLE
        some = np.unique(matrix[::step] @ direction)
        if len(some) > _WORTH * len(range(0, n, step)):
            return Cells(matrix, None)
    projected = np.zeros(n)
    for j in range(p):
        projected = projected + matrix[:, j] * direction[j]  # elementwise: the same for equal rows
    _, first, of_row = np.unique(projected, return_index=True, return_inverse=True)
    if len(first) > _WORTH * n:
        return Cells(matrix, None)
    distinct = matrix[first]
    for part in _chunks(n):
        if (distinct[of_row[part]] != matrix[part]).any():
            return Cells(matrix, None)
    return Cells(distinct, of_row.astype(np.int64, copy=False))


def fit_propensity(
    matrix: FloatArray,
    treated: BoolArray,
    *,
    link: Link = "logit",
    weights: FloatArray | None = None,
    firth: bool = False,
) -> PropensityFit:
    """Fit the probability of being treated by maximum likelihood.

    Parameters
    ----------
    matrix : ndarray of float, shape (n, p)
        Covariates, without an intercept.
    treated : ndarray of bool, shape (n,)
        Who is treated.
    link : {"logit", "probit", "cloglog"}
        The link.
    weights : ndarray of float, shape (n,), optional
        Weights of at least 0.
    firth : bool, default False
        Penalise the likelihood; for the logit.

    Returns
    -------
    PropensityFit
        The fit. R: ``glm(treated ~ ..., binomial(link))``, ``logistf(..., pl = FALSE)``.

    Examples
    --------
    >>> x = np.array([[0.0], [0], [0], [1], [1], [1]])
    >>> fit = fit_propensity(x, np.array([True, False, False, True, True, False]))
    >>> fit.n_cells, fit.probability.round(6)[[0, 5]].tolist()
    (2, [0.333333, 0.666667])
    """
    n, p = matrix.shape
    cells = collapse(matrix)
    each = np.ones(n) if weights is None else weights
    total = cells.add(each)
    success = cells.add(each * treated)
    center = np.array([float(total @ column) for column in cells.matrix.T]) / total.sum()
    gram = np.zeros((p, p))
    for part in _chunks(len(total)):
        moved = cells.matrix[part] - center
        gram += moved.T @ (total[part, None] * moved)
    scale = np.sqrt(np.diagonal(gram) / total.sum())
    varies = scale > _ROUNDING * np.abs(center)
    scale = np.where(varies, scale, 1.0)
    gram[~varies] = gram[:, ~varies] = 0.0
    dependent = dependent_columns(gram / np.outer(scale, scale))
    if len(dependent):
        return PropensityFit(
            link, _nan(1 + p), _nan(1 + p, 1 + p), _nan(n), _nan(n), np.nan, False, _no(1 + p),
            dependent + 1, len(total), firth,
        )  # fmt: skip
    design = np.empty((len(total), 1 + p))
    design[:, 0] = 1.0
    for part in _chunks(len(total)):
        design[part, 1:] = (cells.matrix[part] - center) / scale
    share = float(success.sum() / total.sum())
    start = np.zeros(1 + p)
    start[0] = _start(link, min(max(share, 0.5 / n), 1 - 0.5 / n))
    if len(total) > 4 * _PART:  # most of the way on some of the rows
        step = len(total) // _PART
        some = np.ascontiguousarray(design[::step])
        near = maximise(_likelihood(link, some, success[::step], total[::step]), start)
        start = near.parameters if near.converged else start
    if firth:
        end, short = maximise(_penalised(design, success, total, 1.0), start, quadratic=False), 1.0
        while not end.converged and short < _SHORTEST:  # steps that overshoot come back for ever
            short *= 2
            evaluate = _penalised(design, success, total, short)
            end = maximise(evaluate, end.parameters, quadratic=False)
        loglik, _, information = _likelihood("logit", design, success, total)(end.parameters)
        end = replace(end, information=information)
    else:
        end = maximise(_likelihood(link, design, success, total), start)
        loglik = end.value
    predictor = np.zeros(len(total))
    for j, slope in enumerate(end.parameters.tolist()):
        predictor += design[:, j] * slope  # elementwise: equal rows have equal scores
    linear = cells.spread(predictor)
    infinite: BoolArray = _no(1 + p)
    runaway = end.runaway
    if runaway is None and link == "cloglog" and float(linear.max(initial=0.0)) > _STEEP:
        # Its likelihood is flat so soon that no movement is seen. Separation is that of any link.
        runaway = maximise(
            _likelihood("logit", design, success, total), np.zeros_like(start)
        ).runaway
    if runaway is not None:
        size: FloatArray = np.abs(runaway)
        size[0] = 0.0 if p else size[0]
        infinite |= size > _MOVING * size.max()
    back = np.diag(np.concatenate([[1.0], 1 / scale]))
    back[0, 1:] = -center / scale
    return PropensityFit(
        link, back @ end.parameters, back @ inverse(end.information) @ back.T,
        probability_of(link, linear), linear, loglik, end.converged and not infinite.any(),
        infinite, dependent, len(total), firth,
    )  # fmt: skip


def _nan(*shape: int) -> FloatArray:
    """Return numbers that are not known."""
    return np.full(shape, np.nan)


def _no(p: int) -> BoolArray:
    """Return p times no."""
    return np.zeros(p, dtype=np.bool_)


def _chunks(n: int) -> Iterator[slice]:
    """Cut n rows into parts that fit into the cache."""
    return (slice(i, min(i + _CHUNK, n)) for i in range(0, n, _CHUNK))


def _start(link: Link, share: float) -> float:
    """Return the intercept that gives everybody the same probability."""
    if link == "logit":
        return float(special.logit(share))
    if link == "probit":
        return float(special.ndtri(share))
    return float(np.log(-np.log1p(-share)))


def _likelihood(link: Link, design: FloatArray, success: FloatArray, total: FloatArray) -> Evaluate:
    """Return log-likelihood, score and minus its derivative as a function of the coefficients."""

    def evaluate(at: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        k = len(at)
        value, score, information = 0.0, np.zeros(k), np.zeros((k, k))
        for part in _chunks(len(total)):
            x, y, m = design[part], success[part], total[part]
            terms, first, second = _TERMS[link](x @ at, y, m)
            value += float(terms.sum())
            score += x.T @ first
            information += x.T @ (second[:, None] * x)
        return value, score, information

    return evaluate


def _logit(
    eta: FloatArray, y: FloatArray, m: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the log-likelihood, its derivative and minus its second one, of each cell."""
    small = np.exp(-np.abs(eta))
    mean = np.where(eta >= 0, 1.0, small) / (1 + small)
    value = y * eta - m * (np.maximum(eta, 0.0) + np.log1p(small))
    return value, y - m * mean, m * (small / (1 + small) ** 2)


def _probit(
    eta: FloatArray, y: FloatArray, m: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the same for the normal distribution."""
    below, above = special.log_ndtr(eta), special.log_ndtr(-eta)
    density = -0.5 * eta**2 - _HALF_LOG_TWO_PI
    up, down = np.exp(density - below), np.exp(density - above)
    second = y * up * (up + eta) + (m - y) * down * (down - eta)
    return y * below + (m - y) * above, y * up - (m - y) * down, second


def _cloglog(
    eta: FloatArray, y: FloatArray, m: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the same for the complementary log-log link."""
    rate = np.exp(np.minimum(eta, 30.0))
    with np.errstate(over="ignore"):
        ratio = np.where(rate > 0, rate / np.expm1(np.maximum(rate, 1e-300)), 1.0)
        log_hit = np.where(rate > 1e-280, np.log(-np.expm1(-np.maximum(rate, 1e-280))), eta)
    second = y * ratio * np.maximum(ratio + rate - 1, 0.0) + (m - y) * rate
    return y * log_hit - (m - y) * rate, y * ratio - (m - y) * rate, second


_TERMS = {"logit": _logit, "probit": _probit, "cloglog": _cloglog}


def _penalised(
    design: FloatArray, success: FloatArray, total: FloatArray, short: float
) -> Evaluate:
    """Return Firth's penalised likelihood of the logit, its score, and the information.

    The penalty's own curvature is left out. Where it matters, in the smallest samples, a multiple
    of the information makes the steps shorter.
    """
    plain = _likelihood("logit", design, success, total)

    def evaluate(at: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        value, score, information = plain(at)
        sign, logdet = np.linalg.slogdet(information)
        if not sign > 0:
            return -np.inf, score, short * information
        inverted = np.linalg.inv(information)
        for part in _chunks(len(total)):
            x = design[part]
            mean = special.expit(x @ at)
            leverage = total[part] * mean * (1 - mean) * np.einsum("ij,jk,ik->i", x, inverted, x)
            score = score + x.T @ (leverage * (0.5 - mean))
        return value + 0.5 * float(logdet), score, short * information

    return evaluate
