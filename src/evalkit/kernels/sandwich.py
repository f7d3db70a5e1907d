r"""Variances of least squares that hold whatever the spread and the dependence within clusters.

With the orthonormal basis :math:`U = W^{1/2}XR^{-1}` of the fit, the variance is

.. math:: R^{-1} \Big\{ \sum_g f(T_g)\, u_g u_g'\, f(T_g) \Big\} R^{-T}, \qquad
    u_g = U_g' e_g, \quad T_g = U_g' U_g

over clusters g, where the kinds differ in f: 1 (CR0), a constant (CR1, CR1S),
:math:`(1-t)^{-1/2}` (CR2) and :math:`(1-t)^{-1}` (CR3), applied to the eigenvalues t of
:math:`T_g`. That is the same as adjusting residuals by a matrix as large as the cluster, because
:math:`U_g'(I - U_gU_g')^{-1/2} = (I - T_g)^{-1/2}U_g'`, but no matrix is ever larger than the
number of coefficients. Rows that stand alone give HC0-HC3. Eigenvalues of 1, where a cluster alone
decides a coefficient, get f = 0, as a Moore-Penrose inverse does.

Degrees of freedom are Satterthwaite's under independent errors of equal variance: for a contrast
with coordinates b, :math:`(\sum_g E_g)^2 / (\sum_g (E_g^2 - N_g^2) + \|\sum_g q_gq_g'\|^2)` with
:math:`q_g = T_g f(T_g) b`, :math:`N_g = q_g'q_g`, :math:`E_g = b'f(T_g)T_gf(T_g)b - N_g`: one
pass over the clusters, where the textbook's form needs every pair of them.

References
----------
.. [1] Bell RM, McCaffrey DF (2002). Bias reduction in standard errors for linear regression with
   multi-stage samples. Survey Methodology 28:169-181.
.. [2] Pustejovsky JE, Tipton E (2018). Small-sample methods for cluster-robust variance
   estimation and hypothesis testing in fixed effects models. J Bus Econ Stat 36:672-683.
   doi:10.1080/07350015.2016.1247004
.. [3] MacKinnon JG, White H (1985). Some heteroskedasticity-consistent covariance matrix
   estimators with improved finite sample properties. J Econometrics 29:305-325.
   doi:10.1016/0304-4076(85)90158-7
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.kernels.least_squares import LeastSquares
from evalkit.kernels.sandwich_units import DECIDED, SandwichUnits, grouped, standing_alone
from evalkit.kernels.student import student, student_tail
from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = [
    "CLUSTERED",
    "UNCLUSTERED",
    "HotellingTest",
    "Sandwich",
    "hotelling",
    "sandwich",
]

_PART = 1e-8  # share of a contrast's length below which it is none of it

UNCLUSTERED = ("classical", "HC0", "HC1", "HC2", "HC3")
"""Kinds for rows that stand alone."""

CLUSTERED = ("CR0", "CR1", "CR1S", "CR2", "CR3")
"""Kinds for clusters."""


@dataclass(frozen=True, eq=False)
class Sandwich:
    """A robust variance, and contrasts of coefficients with it.

    Attributes
    ----------
    kind : str
        Which variance.
    vcov : ndarray of float, shape (k, k)
        Variance of the coefficients.
    contrasts : ndarray of float, shape (q, k)
        Linear combinations of the coefficients; each coefficient by default.
    estimate, std_error, df : ndarray of float, shape (q,)
        The contrasts' estimates, standard errors and Satterthwaite degrees of freedom.
    variance : ndarray of float, shape (q, q)
        Variance of the contrasts.
    n_clusters : int
        Number of clusters; of rows if they stand alone.
    joint_df : float
        Degrees of freedom of the joint test of all contrasts; NaN unless asked for.
    undecided : ndarray of bool, shape (q,)
        Whether a single cluster (or row) decides a part of the contrast alone. It leaves no
        residual to tell how that part varies, and the standard error is too small.
    """

    kind: str
    vcov: FloatArray
    contrasts: FloatArray
    estimate: FloatArray
    std_error: FloatArray
    df: FloatArray
    variance: FloatArray
    n_clusters: int
    joint_df: float
    undecided: BoolArray

    def columns(self, level: float) -> dict[str, FloatArray]:
        """Return the columns of an effect table, ``estimate`` to ``conf_high``.

        Parameters
        ----------
        level : float
            Confidence level.

        Returns
        -------
        dict
            The columns, one entry for each contrast; t tests and intervals.
        """
        return student(self.estimate, self.std_error, self.df, level)


@dataclass(frozen=True)
class HotellingTest:
    """A joint test that all contrasts are 0: F with two degrees of freedom."""

    statistic: float
    df: tuple[float, float]
    p_value: float


def sandwich(
    fit: LeastSquares,
    kind: str,
    *,
    cluster: IntArray | None = None,
    contrasts: FloatArray | None = None,
    joint: bool = False,
) -> Sandwich:
    """Compute a robust variance and the degrees of freedom of contrasts with it.

    Time and memory are linear in the number of rows; with n = 1e6 rows in 1e5 clusters it takes
    seconds.

    Parameters
    ----------
    fit : LeastSquares
        The fit.
    kind : {"classical", "HC0", "HC1", "HC2", "HC3", "CR0", "CR1", "CR1S", "CR2", "CR3"}
        Which variance; "classical" assumes equal variances. The CR kinds need `cluster`; CR1 has
        the factor G / (G - 1) and CR1S, as Stata does, also (N - 1) / (N - k).
    cluster : ndarray of int, shape (n,), optional
        Cluster codes from 0 up; for the CR kinds only.
    contrasts : ndarray of float, shape (q, k), optional
        Linear combinations of the coefficients. Each coefficient by default.
    joint : bool, default False
        Compute what :func:`hotelling` needs.

    Returns
    -------
    Sandwich
        The variance and the contrasts. R: ``clubSandwich::coef_test(fit, vcov = "CR2", cluster,
        test = "Satterthwaite")``, ``sandwich::vcovHC``.

    Notes
    -----
    Case weights count a row as so many rows alike; in a cluster they are in the same one.
    Sampling weights count it once, with a variance that holds whatever they are. In clusters the
    two differ in N only: both are the variance of the regression of :math:`w^{1/2}y` on
    :math:`w^{1/2}X`. (clubSandwich's CR2 for weighted fits takes another square root, so that its
    values for repeated rows and for weights differ; those for repeated rows are equal to these.)
    """
    rows = np.eye(fit.k) if contrasts is None else np.atleast_2d(contrasts)
    coordinates = fit.solve(rows)
    if kind == "classical":
        return _classical(fit, rows, coordinates)
    if cluster is None:
        n_clusters = len(fit.residuals)
        units = standing_alone(fit, kind)
    else:
        counted = np.bincount(cluster, weights=fit.weights)
        n_clusters = int(np.count_nonzero(counted))  # those without any weight are not there
        units = grouped(fit, kind, cluster, len(counted))
    factor = _factor(fit, kind, n_clusters)
    meat = np.zeros((fit.k, fit.k))
    moments = _Moments(coordinates, joint)
    for part in units:
        scores = part.scores
        weighted = scores if part.copies is None else scores * part.copies[:, None]
        meat += weighted.T @ scores
        moments.add(part)
    half = np.linalg.solve(fit.triangle, factor * meat)
    vcov = np.linalg.solve(fit.triangle, half.T)
    vcov = (vcov + vcov.T) / 2
    variance = coordinates.T @ (factor * meat) @ coordinates
    return Sandwich(
        kind=kind,
        vcov=vcov,
        contrasts=rows,
        estimate=rows @ fit.coefficients,
        std_error=np.sqrt(np.maximum(np.diag(variance), 0.0)),
        df=moments.df(),
        variance=(variance + variance.T) / 2,
        n_clusters=n_clusters,
        joint_df=moments.joint_df() if joint else float("nan"),
        undecided=moments.undecided,
    )


def hotelling(result: Sandwich) -> HotellingTest:
    r"""Test that all contrasts are 0.

    With :math:`Q = \hat\theta' V^{-1} \hat\theta` for q contrasts and the degrees of freedom
    :math:`\eta` that match the variance's first two moments to a Wishart distribution,
    :math:`(\eta - q + 1) Q / (\eta q)` is compared with F(q, :math:`\eta - q + 1`): the test
    "HTZ" of Pustejovsky and Tipton [2]_, and the usual F test for the classical variance.

    Parameters
    ----------
    result : Sandwich
        Made with ``joint=True``.

    Returns
    -------
    HotellingTest
        The test; NaN if :math:`\eta` does not exceed q - 1 or the variance is singular.
        R: ``clubSandwich::Wald_test(fit, constraints, vcov = "CR2", test = "HTZ")``.
    """
    from scipy import special

    q, eta = len(result.estimate), result.joint_df
    if q == 1 and result.std_error[0] > 0:
        t = result.estimate[0] / result.std_error[0]
        p_value = 2 * float(student_tail(abs(t), result.df[0]))
        return HotellingTest(float(t * t), (1.0, float(result.df[0])), p_value)
    spread = np.linalg.eigvalsh(result.variance)
    rest = eta - q + 1
    if not rest > 0 or spread[0] <= 1e-12 * max(float(spread[-1]), 0.0):
        return HotellingTest(float("nan"), (float(q), float(rest)), float("nan"))
    statistic = float(result.estimate @ np.linalg.solve(result.variance, result.estimate))
    scaled = (
        statistic / q
        if np.isinf(eta) or result.kind == "classical"
        else (rest * statistic / (eta * q))
    )
    below = rest / (rest + q * scaled)
    return HotellingTest(scaled, (float(q), rest), float(special.betainc(rest / 2, q / 2, below)))


def _classical(fit: LeastSquares, rows: FloatArray, coordinates: FloatArray) -> Sandwich:
    """Return the variance under independent errors of equal variance."""
    residual = fit.residual_variance()
    inverse = np.linalg.solve(fit.triangle, np.eye(fit.k))
    variance = residual * (coordinates.T @ coordinates)
    return Sandwich(
        kind="classical",
        vcov=residual * (inverse @ inverse.T),
        contrasts=rows,
        estimate=rows @ fit.coefficients,
        std_error=np.sqrt(np.diag(variance)),
        df=np.full(len(rows), fit.df_residual),
        variance=variance,
        n_clusters=len(fit.residuals),
        joint_df=fit.df_residual + len(rows) - 1,
        undecided=np.zeros(len(rows), dtype=np.bool_),
    )


def _factor(fit: LeastSquares, kind: str, n_clusters: int) -> float:
    """Return the constant by which a kind multiplies the variance."""
    if kind == "HC1":
        return fit.n / fit.df_residual if fit.df_residual > 0 else float("nan")
    if kind not in ("CR1", "CR1S"):
        return 1.0
    groups = n_clusters / (n_clusters - 1) if n_clusters > 1 else float("nan")
    if kind == "CR1":
        return groups
    return groups * (fit.n - 1) / fit.df_residual if fit.df_residual > 0 else float("nan")


class _Moments:
    """First two moments of the contrasts' variance under independent errors of equal variance."""

    def __init__(self, coordinates: FloatArray, joint: bool) -> None:
        k, q = coordinates.shape
        self.coordinates = coordinates
        self.joint = joint
        self.undecided = np.zeros(q, dtype=np.bool_)
        self.lengths = np.linalg.norm(coordinates, axis=0)
        self.first = np.zeros((q, q))
        if joint:
            self.cross = np.zeros((k * q, k * q))
            self.own = np.zeros((q * q, q * q))
        else:
            self.cross = np.zeros((q, k, k))
            self.own = np.zeros(q)

    def add(self, units: SandwichUnits) -> None:
        """Add the contributions of some clusters."""
        k, q = self.coordinates.shape
        beta = np.matmul(units.directions.transpose(0, 2, 1), self.coordinates)  # (m, r, q)
        alone = 1 - units.t <= DECIDED
        if alone.any():
            self.undecided |= (np.abs(beta[alone]) > _PART * self.lengths).any(axis=0)
        scaled = units.f[:, :, None] * beta
        turned = np.matmul(units.directions, units.t[:, :, None] * scaled)  # (m, k, q): q_g
        kept = (units.t * (1 - units.t))[:, :, None] * scaled
        copies = units.copies
        if not self.joint:
            kept_own = np.einsum("mrq,mrq->mq", kept, scaled)
            out_own = np.einsum("mkq,mkq->mq", turned, turned)
            both = kept_own**2 - out_own**2
            weighted = turned if copies is None else turned * copies[:, None, None]
            if copies is not None:
                kept_own, both = kept_own * copies[:, None], both * copies[:, None]
            self.first += np.diag(kept_own.sum(axis=0))
            self.own += both.sum(axis=0)
            for s in range(q):
                self.cross[s] += weighted[:, :, s].T @ turned[:, :, s]
            return
        kept_all = np.matmul(scaled.transpose(0, 2, 1), kept).reshape(-1, q * q)
        out_all = np.matmul(turned.transpose(0, 2, 1), turned).reshape(-1, q * q)
        flat = turned.reshape(-1, k * q)
        times = 1.0 if copies is None else copies[:, None]
        self.first += (times * kept_all).sum(axis=0).reshape(q, q)
        self.own += (times * kept_all).T @ kept_all - (times * out_all).T @ out_all
        self.cross += (times * flat).T @ flat

    def df(self) -> FloatArray:
        """Return Satterthwaite's degrees of freedom of each contrast; NaN without any spread."""
        k, q = self.coordinates.shape
        mean = np.diag(self.first)
        if self.joint:
            cross = self.cross.reshape(k, q, k, q)
            squares = np.array([np.sum(cross[:, s, :, s] ** 2) for s in range(q)])
            own = np.diag(self.own)[:: q + 1]
        else:
            squares, own = np.sum(self.cross**2, axis=(1, 2)), self.own
        second = own + squares
        floor = 1e-14 * np.maximum(squares, np.finfo(float).tiny)
        there = (second > floor) & (mean > 0)
        return np.where(there, mean**2 / np.where(there, second, 1.0), np.nan)

    def joint_df(self) -> float:
        """Return the degrees of freedom of the Wishart distribution with these moments."""
        k, q = self.coordinates.shape
        values, vectors = np.linalg.eigh(self.first)
        if values[0] <= 1e-12 * max(float(values[-1]), 0.0):
            return float("nan")
        root = vectors / np.sqrt(values)  # root' first root = I
        cross = self.cross.reshape(k, q, k, q)
        cross = np.einsum("aubv,us,vt->asbt", cross, root, root, optimize=True)
        own = self.own.reshape(q, q, q, q)
        own = np.einsum("uvwx,us,vt,wi,xj->stij", own, root, root, root, root, optimize=True)
        # The sum over s and t of Var(d_st), d_st the entries of the variance: over pairs of
        # clusters, (p_gs'p_hs)(p_gt'p_ht) + (p_gs'p_ht)(p_gt'p_hs).
        total = np.einsum("sstt->", own) + np.einsum("stts->", own)
        total += np.sum(cross**2) + np.sum(cross * cross.transpose(0, 3, 2, 1))
        return float(q * (q + 1) / total) if total > 0 else float("nan")
