"""Linear models where one arm is treated in groups and the other person by person.

A person of the arm in group g has y = x'b + u_g + e with var(u) = tau^2 and var(e) = s1^2; a
control has y = x'b + e with var(e) = s0^2. On the controls, on the deviations within groups and on
the means of the groups of one size, V is a multiple of the identity: a few cross-products of
p + 1 columns hold all that the likelihood needs, whatever the number of persons.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg, special

from evalkit.kernels.newton import inverse
from evalkit.kernels.reml_contrasts import Contrast, kenward_roger, satterthwaite
from evalkit.kernels.variance_components import Moments, RemlFit, fit_reml, strata_moments
from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = ["NestedFit", "exact_icc_interval", "fit_partially_nested", "residual_spread"]

_HALVINGS = 60
_LAST = 1 - 1e-12  # an intraclass correlation that stands for 1
_ROUNDING = 1e-24  # of the outcome's square: residuals that are nothing else
_DEPENDENT = 1e-10


@dataclass(frozen=True, slots=True)
class _Strata:
    """Cross-products of W = [Q, e] on the subspaces where V is a multiple of the identity."""

    controls: FloatArray
    within: FloatArray
    means: FloatArray  # (G, p + 1), the groups' means times the roots of their sizes
    sizes: FloatArray
    n_controls: int
    n_within: int


@dataclass(frozen=True, slots=True)
class NestedFit:
    """A fitted partially nested model.

    Attributes
    ----------
    coefficients : ndarray of float, shape (p,)
        The fixed effects.
    vcov : ndarray of float, shape (p, p)
        Their covariance, at the estimated components.
    components : ndarray of float, shape (r,)
        Residual variance of the controls and of the arm (one number if they are common), then
        the variance between groups and those of the crossed factors.
    active : ndarray of bool, shape (r,)
        False for the variances that are 0 at the boundary.
    component_vcov : ndarray of float, shape (r, r)
        Inverse of the observed information of the components; NaN for one at the boundary.
    loglik : float
        Restricted log-likelihood.
    loglik_without_groups : float
        The largest one with every random effect at 0.
    converged : bool
        Whether a maximum was found.
    """

    coefficients: FloatArray
    vcov: FloatArray
    components: FloatArray
    active: BoolArray
    component_vcov: FloatArray
    loglik: float
    loglik_without_groups: float
    converged: bool
    _fit: RemlFit
    _turn: FloatArray  # takes combinations of the coefficients to those of the orthonormal Q
    _scale: float
    _least_squares: FloatArray

    def contrast(
        self,
        combination: FloatArray,
        *,
        method: str = "satterthwaite",
        boundary_counts: bool = False,
    ) -> Contrast:
        """Return a combination of the coefficients with its small-sample t distribution.

        Parameters
        ----------
        combination : ndarray of float, shape (p,)
            The combination.
        method : {"satterthwaite", "kenward-roger"}
            Where standard error and degrees of freedom come from.
        boundary_counts : bool, default False
            Whether a variance at 0 counts as estimated in Satterthwaite's degrees of freedom,
            not as known to be 0. Kenward and Roger's always count it.

        Returns
        -------
        Contrast
            Estimate, standard error and degrees of freedom.
        """
        turned = self._turn @ combination
        if method == "kenward-roger":
            found = kenward_roger(self._fit, turned)
        else:
            found = satterthwaite(self._fit, turned, all_components=boundary_counts)
        estimate = float(combination @ self._least_squares) + self._scale * found.estimate
        return Contrast(estimate, self._scale * found.std_error, found.df)


def residual_spread(
    X: FloatArray, y: FloatArray, treated: BoolArray, group: IntArray, *, common_variance: bool
) -> FloatArray:
    """Return residual mean squares to begin with; 0 where nothing but rounding is left.

    Parameters
    ----------
    X, y, treated, group, common_variance
        As :func:`fit_partially_nested`.

    Returns
    -------
    ndarray of float, shape (2,) or (1,)
        Of the controls about their own fit and of the arm within its groups, or of both.
    """
    strata = _strata(np.column_stack([X, y]), treated, group)
    p = X.shape[1]
    found: list[tuple[float, int]] = []
    for product, n in (
        (strata.controls, strata.n_controls),
        (strata.within, strata.n_within),
    ):
        rest, rank = _rest(product, p)
        found.append((rest if rest > _ROUNDING * float(y @ y) else 0.0, max(n - rank, 0)))
    if common_variance:
        found = [(found[0][0] + found[1][0], found[0][1] + found[1][1])]
    return np.array([rest / df if df else 0.0 for rest, df in found])


def fit_partially_nested(
    X: FloatArray,
    y: FloatArray,
    treated: BoolArray,
    group: IntArray,
    *,
    common_variance: bool = False,
    crossed: Sequence[IntArray] = (),
) -> NestedFit:
    """Fit the model by restricted maximum likelihood.

    Parameters
    ----------
    X : ndarray of float, shape (n, p)
        Fixed effects, of full rank.
    y : ndarray of float, shape (n,)
        Outcome; :func:`residual_spread` must be above 0.
    treated : ndarray of bool, shape (n,)
        Whether the person is in the arm with groups.
    group : ndarray of int, shape (n,)
        Group of the treated, 0..G-1, each of which occurs; -1 for those without a group effect,
        as all controls.
    common_variance : bool, default False
        Whether the residual variance is the same in both arms.
    crossed : sequence of ndarray of int, shape (G,)
        Further random effects that groups share, such as the leader of each group; -1 for a
        group that has none.

    Returns
    -------
    NestedFit
        The fit.
    """
    n, p = X.shape
    Q, R = np.linalg.qr(X)
    least_squares: FloatArray = linalg.solve_triangular(R, Q.T @ y)
    e = y - X @ least_squares
    scale = float(np.sqrt(e @ e / n))
    spread = residual_spread(X, e / scale, treated, group, common_variance=common_variance)
    strata = _strata(np.column_stack([Q, e / scale]), treated, group)
    r0, n_random = len(spread), 1 + len(crossed)
    products, counts, loadings = _orthogonal(strata, r0, n_random, with_means=not crossed)
    parts: list[FloatArray] = []
    if crossed:  # otherwise no matrix is as large as the number of groups
        parts = [np.diag(strata.sizes), *(_shared(code, strata.sizes) for code in crossed)]

    def structure(components: FloatArray) -> Moments:
        moments = strata_moments(products, counts, loadings, components)
        return moments + _dense(strata.means, parts, r0, components) if crossed else moments

    fit = fit_reml(structure, spread, n_random)
    constant = (n - p) * (0.5 * np.log(2 * np.pi) + np.log(scale))
    constant += float(np.log(np.abs(np.diagonal(R))).sum())
    turn: FloatArray = linalg.solve_triangular(R, np.eye(p), trans="T")
    component_vcov = np.full((r0 + n_random, r0 + n_random), np.nan)
    used = np.ix_(fit.active, fit.active)
    component_vcov[used] = inverse(fit.at.observed[used]) * scale**4
    return NestedFit(
        least_squares + scale * (turn.T @ fit.at.coefficients),
        scale**2 * turn.T @ fit.at.vcov @ turn,
        fit.components * scale**2,
        fit.active,
        component_vcov,
        fit.at.value - constant,
        fit.value_without - constant,
        fit.converged,
        fit,
        turn,
        scale,
        least_squares,
    )


def exact_icc_interval(
    X: FloatArray, y: FloatArray, group: IntArray, level: float
) -> tuple[float, float]:
    r"""Return Wald's exact interval for the intraclass correlation, from the arm with groups.

    Parameters
    ----------
    X : ndarray of float, shape (n, p)
        Fixed effects of the rows of that arm; columns may be dependent there.
    y : ndarray of float, shape (n,)
        Outcome.
    group : ndarray of int, shape (n,)
        Group, 0..G-1; -1 for those without a group effect.
    level : float
        Confidence level.

    Returns
    -------
    tuple of float
        The limits, in [0, 1]; both are 0 where the groups differ less than chance would let
        them. NaN where the between- or within-group degrees of freedom are none.

    Notes
    -----
    At the true ratio :math:`\rho = \tau^2/\sigma^2`, with R the residual sum of squares of
    generalised least squares and W that within groups, :math:`\{(R(\rho) - W)/a\}/(W/b)` has
    exactly an F distribution with a and b degrees of freedom under normality, and it falls in
    :math:`\rho`; the limits are where it crosses the quantiles of F. With groups of one size m
    they are :math:`(F/F_q - 1)/(F/F_q - 1 + m)`.

    References
    ----------
    .. [1] Wald A (1940). A note on the analysis of variance with unequal class frequencies.
       Ann Math Stat 11:96-100.
    .. [2] Seely JF, El-Bassiouni Y (1983). Applying Wald's variance component test.
       Ann Stat 11:197-201.
    """
    p = X.shape[1]
    strata = _strata(np.column_stack([X, y]), np.ones(len(y), dtype=np.bool_), group)
    sizes, products = _by_size(strata)
    within, rank = _rest(strata.within, p)
    df_within = strata.n_within - rank
    df_between = len(y) - _rest(strata.within + products.sum(axis=0), p)[1] - df_within
    if df_within < 1 or df_between < 1 or within <= 0:
        return np.nan, np.nan

    def statistic(icc: float) -> float:
        weights = 1 / (1 + sizes * icc / (1 - icc))
        total = _rest(strata.within + np.einsum("s,sab->ab", weights, products), p)[0]
        return (total - within) / df_between / (within / df_within)

    tails = (1 - level) / 2, (1 + level) / 2
    quantiles = [float(special.fdtri(df_between, df_within, q)) for q in tails]
    high, low = (_crossing(statistic, quantile) for quantile in quantiles)
    return low, high


def _crossing(statistic: Callable[[float], float], quantile: float) -> float:
    """Return where a falling function of the correlation crosses a quantile; 0 if it never does."""
    if statistic(0.0) <= quantile:
        return 0.0
    low, high = 0.0, _LAST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if statistic(middle) > quantile else (low, middle)
    return (low + high) / 2


def _strata(W: FloatArray, treated: BoolArray, group: IntArray) -> _Strata:
    """Split the cross-products into controls, within groups and between groups."""
    grouped = group >= 0
    alone = treated & ~grouped
    codes = group[grouped]
    sizes = np.bincount(codes).astype(np.float64)
    inside = W[grouped]
    sums = np.column_stack([np.bincount(codes, column) for column in inside.T])
    deviations = inside - (sums / sizes[:, None])[codes]
    controls = W[~treated & ~grouped]
    return _Strata(
        controls.T @ controls,
        deviations.T @ deviations + W[alone].T @ W[alone],
        sums / np.sqrt(sizes)[:, None],
        sizes,
        len(controls),
        len(codes) - len(sizes) + int(alone.sum()),
    )


def _by_size(strata: _Strata) -> tuple[FloatArray, FloatArray]:
    """Return the sizes that occur, and the cross-products of the means of each."""
    sizes, which = np.unique(strata.sizes, return_inverse=True)
    products = [strata.means[which == i].T @ strata.means[which == i] for i in range(len(sizes))]
    return sizes, np.array(products)


def _orthogonal(
    strata: _Strata, r0: int, n_random: int, *, with_means: bool
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return cross-products, dimensions and loadings of the subspaces with one variance each."""
    products, counts = [strata.controls, strata.within], [strata.n_controls, strata.n_within]
    loadings = np.zeros((2, r0 + n_random))
    loadings[0, 0] = loadings[1, r0 - 1] = 1.0
    if with_means:
        sizes, of_means = _by_size(strata)
        products += list(of_means)
        counts += [int((strata.sizes == size).sum()) for size in sizes]
        more = np.zeros((len(sizes), r0 + n_random))
        more[:, r0 - 1], more[:, r0] = 1.0, sizes
        loadings = np.vstack([loadings, more])
    return np.array(products), np.array(counts, dtype=np.float64), loadings


def _shared(code: IntArray, sizes: FloatArray) -> FloatArray:
    """Return what a factor that groups share adds to the covariance of their scaled means."""
    same = (code[:, None] == code[None, :]) & (code >= 0)[:, None]
    root = np.sqrt(sizes)
    return np.where(same, np.outer(root, root), 0.0)


def _dense(
    means: FloatArray, parts: Sequence[FloatArray], r0: int, components: FloatArray
) -> Moments:
    """Return the moments of the groups' scaled means where their covariance is not diagonal."""
    size, r = len(means), len(components)
    variance = components[r0 - 1] * np.eye(size)
    for value, part in zip(components[r0:], parts, strict=True):
        variance = variance + value * part
    inverted = inverse(variance)
    pulled = inverted @ means
    zero = np.zeros((size, size))
    derivatives = [zero] * (r0 - 1) + [np.eye(size), *parts]
    halves = np.array([part @ pulled for part in derivatives])  # V_j V^-1 W
    ratios = np.array([inverted @ part for part in derivatives])
    second = np.einsum("jga,gh,khb->jkab", halves, inverted, halves, optimize=True)
    sign, log_determinant = np.linalg.slogdet(variance)
    return Moments(
        float(log_determinant) if sign > 0 else np.inf,
        means.T @ pulled,
        np.einsum("ga,jgb->jab", pulled, halves),
        (second + second.transpose(0, 1, 3, 2)) / 2,
        np.einsum("jgg->j", ratios),
        np.einsum("jgh,khg->jk", ratios, ratios).reshape(r, r),
    )


def _rest(product: FloatArray, p: int) -> tuple[float, int]:
    """Return the residual sum of squares of the last column on the first p, and their rank."""
    left = np.array(product, dtype=np.float64)
    whole = np.diagonal(left).copy()
    rank = 0
    for k in range(p):
        if whole[k] <= 0 or left[k, k] <= _DEPENDENT * whole[k]:
            left[k, :] = left[:, k] = 0.0
            continue
        rank += 1
        pivot = left[k].copy()
        left -= np.outer(pivot, pivot) / pivot[k]
    return max(float(left[p, p]), 0.0), rank
