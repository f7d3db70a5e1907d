"""A fitted parametric survival model: coefficients and predictions, extrapolations included."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import special

from evalkit.core.checks import check_level, check_share
from evalkit.core.formula import Coding
from evalkit.core.results import EffectTable
from evalkit.errors import InputError
from evalkit.kernels.numeric import critical_value
from evalkit.kernels.parametric_terms import LogTerms
from evalkit.survival.parametric_curves import Curve, PiecewiseHazard
from evalkit.survival.predicting import prediction_frame, prediction_times
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Parametric"]

_PANELS = (1e-8, 1e-4, 0.01, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 0.99, 0.9999, 1 - 1e-8)
_NODES = 16


@dataclass(frozen=True, eq=False, repr=False)
class Parametric:
    """A fitted parametric survival model.

    Printing shows the coefficients; :meth:`to_frame` gives them as numbers. Predictions go on
    beyond the last time observed, where nothing but the distribution's form supports them.

    Parameters
    ----------
    coefficients : EffectTable
        Location, log scale, shape and cured share; or log hazards and log hazard ratios.
    covariance : ndarray of float, shape (P, P)
        Their covariances; :attr:`vcov` has them with names.
    loglik : float
        Log-likelihood.
    distribution : str
        The distribution.
    n_events : int
        Rows with an event.
    df : float
        Degrees of freedom of intervals: the clusters less one, infinite without clusters.
    """

    coefficients: EffectTable
    covariance: FloatArray
    loglik: float
    distribution: str
    n_events: int
    df: float
    _theta: FloatArray
    _scales: tuple[str, ...]
    _coding: Coding
    _cure_coding: Coding | None
    _curve: Curve

    @property
    def vcov(self) -> pd.DataFrame:
        """Covariances of the coefficients, with their names."""
        import pandas as pd

        terms = self.coefficients.data["term"].tolist()
        return pd.DataFrame(self.covariance, index=terms, columns=terms)

    @property
    def aic(self) -> float:
        """Akaike's criterion, 2 P - 2 loglik."""
        return 2 * len(self._theta) - 2 * self.loglik

    def to_frame(self, *, exponentiate: bool = False) -> pd.DataFrame:
        """Return the coefficients.

        Parameters
        ----------
        exponentiate : bool, default False
            Whether to give the covariates' effects alone, as time ratios (hazard ratios of the
            piecewise exponential model, odds ratios of the cured share) with their intervals;
            ``std_error`` stays on the log scale.

        Returns
        -------
        pandas.DataFrame
            Columns ``term, contrast, estimate, std_error, statistic, df, p_value, conf_low,
            conf_high, n``, and ``scale``.
        """
        frame = self.coefficients.to_frame()
        frame["scale"] = list(self._scales)
        if exponentiate:
            effects = frame["scale"].str.startswith("log ") & ~frame["term"].str.endswith(
                "Intercept"
            )
            effects &= ~frame["scale"].isin(["log hazard", "log of the scale"])
            frame = frame[effects].reset_index(drop=True)
            shown = ["estimate", "conf_low", "conf_high"]
            frame[shown] = np.exp(frame[shown])
            frame["scale"] = frame["scale"].str.slice(4) + " (std_error of its logarithm)"
        return frame

    def survival(
        self, newdata: pd.DataFrame, times: npt.ArrayLike, *, level: float | None = None
    ) -> pd.DataFrame:
        r"""Predict the probability of no event up to each time.

        Parameters
        ----------
        newdata : pandas.DataFrame
            One row for each person to predict for, with the formula's variables.
        times : array_like
            Times, at least 0.
        level : float, optional
            Confidence level; that of the fit if left out.

        Returns
        -------
        pandas.DataFrame
            Columns ``row`` (the index label in `newdata`), ``time, survival, std_error,
            conf_low, conf_high``: all times of the first row, then of the second. The delta
            method gives the standard error of :math:`\log S`, and the interval is symmetric in
            :math:`\log(-\log S)`.
        """
        asked, shape, terms = self._at(newdata, times)
        error = self._error(terms.survival_gradient)
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = np.exp(
                self._z(level) * np.where(terms.survival < 0, error / -terms.survival, 0.0)
            )
        value = np.exp(terms.survival)
        limits = [np.exp(terms.survival * spread), np.exp(terms.survival / spread)]
        values = np.stack([value, value * error, *limits])
        return prediction_frame(newdata, asked, "survival", values.reshape(4, *shape))

    def hazard(
        self, newdata: pd.DataFrame, times: npt.ArrayLike, *, level: float | None = None
    ) -> pd.DataFrame:
        """Predict the hazard, the rate of leaving among those still there.

        Parameters
        ----------
        newdata : pandas.DataFrame
            One row for each person to predict for, with the formula's variables.
        times : array_like
            Times above 0.
        level : float, optional
            Confidence level; that of the fit if left out.

        Returns
        -------
        pandas.DataFrame
            Columns ``row, time, hazard, std_error, conf_low, conf_high``, as of
            :meth:`survival`; the interval is symmetric in the logarithm.
        """
        asked, shape, terms = self._at(newdata, times)
        if (asked == 0).any():
            raise InputError.of("times", required="above 0", got="0")
        value = np.exp(terms.density - terms.survival)
        error = self._error(terms.density_gradient - terms.survival_gradient)
        spread = np.exp(self._z(level) * error)
        values = np.stack([value, value * error, value / spread, value * spread])
        return prediction_frame(newdata, asked, "hazard", values.reshape(4, *shape))

    def quantile(
        self, newdata: pd.DataFrame, q: float = 0.5, *, level: float | None = None
    ) -> pd.DataFrame:
        """Predict the time by which a share has left; the median by default.

        Parameters
        ----------
        newdata : pandas.DataFrame
            One row for each person to predict for, with the formula's variables.
        q : float, default 0.5
            The share, between 0 and 1.
        level : float, optional
            Confidence level; that of the fit if left out.

        Returns
        -------
        pandas.DataFrame
            Columns ``row, q, estimate, std_error, conf_low, conf_high``; the interval is symmetric
            in the logarithm. Infinity without an interval where so many never leave.
        """
        X, Z = self._designs(newdata)
        share = check_share("q", q)
        s = np.full(len(X), 1 - share)
        with np.errstate(divide="ignore", over="ignore"):
            estimate = self._curve.quantile(self._theta, s, X, Z)
        reached = np.isfinite(estimate)
        terms = self._curve.terms(self._theta, np.where(reached, estimate, 1.0), X, Z)
        # dt = (dS / d theta) / f, by the rule for implicit functions
        slope = np.exp(terms.survival - terms.density)
        error = np.where(reached, slope * self._error(terms.survival_gradient), np.nan)
        spread = np.exp(self._z(level) * error / np.where(reached, estimate, 1.0))
        return self._one_each(newdata, "q", share, estimate, error, estimate / spread, spread)

    def rmst(
        self, newdata: pd.DataFrame, tau: float, *, level: float | None = None
    ) -> pd.DataFrame:
        r"""Predict the mean time until the event, or until a horizon if that comes first.

        Parameters
        ----------
        newdata : pandas.DataFrame
            One row for each person to predict for, with the formula's variables.
        tau : float
            The horizon.
        level : float, optional
            Confidence level; that of the fit if left out.

        Returns
        -------
        pandas.DataFrame
            Columns ``row, tau, estimate, std_error, conf_low, conf_high``:
            :math:`\int_0^\tau S(t) dt`, with an interval symmetric in its logarithm.

        Notes
        -----
        The integral and its gradient are taken by Gauss-Legendre's rule of 16 points between
        quantiles of the distribution; for the Weibull it equals the incomplete gamma function to
        a relative 1e-9.
        """
        (horizon,) = prediction_times(tau, "tau") if np.ndim(tau) == 0 else (np.nan,)
        if not horizon > 0:
            raise InputError.of("tau", required="one number above 0", got=repr(tau))
        X, Z = self._designs(newdata)
        estimate, gradient = self._integrate(horizon, X, Z)
        error = self._error(gradient)
        spread = np.exp(self._z(level) * error / estimate)
        return self._one_each(newdata, "tau", horizon, estimate, error, estimate / spread, spread)

    def cured(self, newdata: pd.DataFrame, *, level: float | None = None) -> pd.DataFrame:
        """Predict the share that never leaves.

        Parameters
        ----------
        newdata : pandas.DataFrame
            One row for each person to predict for, with the variables of both formulas.
        level : float, optional
            Confidence level; that of the fit if left out.

        Returns
        -------
        pandas.DataFrame
            Columns ``row, estimate, std_error, conf_low, conf_high``; the interval is symmetric
            in the logit.

        Raises
        ------
        evalkit.errors.InputError
            If the model has no cured share.
        """
        import pandas as pd

        X, Z = self._designs(newdata)
        share = self._curve.cured(self._theta, Z)
        if share is None:
            raise InputError.of(
                "cure", required="asked for when the model is fitted", got="a model without it"
            )
        gradient = np.zeros((len(X), len(self._theta)))
        gradient[:, -Z.shape[1] :] = Z
        error, logit = self._error(gradient), np.log(share) - np.log1p(-share)
        half = self._z(level) * error
        return pd.DataFrame(
            {
                "row": newdata.index,
                "estimate": share,
                "std_error": share * (1 - share) * error,
                "conf_low": special.expit(logit - half),
                "conf_high": special.expit(logit + half),
            }
        )

    def _one_each(
        self,
        newdata: pd.DataFrame,
        key: str,
        value: float,
        estimate: FloatArray,
        error: FloatArray,
        low: FloatArray,
        spread: FloatArray,
    ) -> pd.DataFrame:
        """Lay out one prediction a row."""
        import pandas as pd

        columns = {key: value, "estimate": estimate, "std_error": error, "conf_low": low}
        return pd.DataFrame({"row": newdata.index, **columns, "conf_high": estimate * spread})

    def _z(self, level: float | None) -> float:
        """Return the quantile of a level, or of the fit's."""
        level = self.coefficients.level if level is None else check_level(level)
        return critical_value(level, self.df)

    def _designs(self, newdata: pd.DataFrame) -> tuple[FloatArray, FloatArray]:
        """Return the design matrices of new rows."""
        X = self._coding.apply(newdata)
        none = np.empty((len(X), 0))
        return X, none if self._cure_coding is None else self._cure_coding.apply(newdata)

    def _at(
        self, newdata: pd.DataFrame, times: npt.ArrayLike
    ) -> tuple[FloatArray, tuple[int, int], LogTerms]:
        """Evaluate all new rows at all times."""
        asked = prediction_times(times)
        X, Z = self._designs(newdata)
        shape = (len(X), len(asked))
        terms = self._evaluate(np.broadcast_to(asked, shape), X, Z)
        return asked, shape, terms

    def _evaluate(self, time: FloatArray, X: FloatArray, Z: FloatArray) -> LogTerms:
        """Evaluate each row at its times, shape (m, T), flat."""
        each = time.shape[1]
        return self._curve.terms(
            self._theta, time.ravel(), np.repeat(X, each, axis=0), np.repeat(Z, each, axis=0)
        )

    def _error(self, gradient: FloatArray) -> FloatArray:
        """Return the standard errors that the delta method gives."""
        return np.sqrt(np.maximum(((gradient @ self.covariance) * gradient).sum(axis=1), 0.0))

    def _integrate(self, tau: float, X: FloatArray, Z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Integrate survival and its gradient from 0 to tau, between quantiles."""
        nodes, weights = np.polynomial.legendre.leggauss(_NODES)
        cured = self._curve.cured(self._theta, Z)
        edges = [np.zeros(len(X))]
        with np.errstate(divide="ignore", over="ignore"):
            for share in _PANELS:
                left = np.full(len(X), 1 - share)
                s = left if cured is None else cured + (1 - cured) * left
                edges.append(np.minimum(self._curve.quantile(self._theta, s, X, Z), tau))
        edges += [np.full(len(X), min(b, tau)) for b in self._breaks()]
        bounds = np.sort(np.column_stack([*edges, np.full(len(X), tau)]), axis=1)
        estimate, gradient = np.zeros(len(X)), np.zeros((len(X), len(self._theta)))
        for panel in range(bounds.shape[1] - 1):
            low, high = bounds[:, panel : panel + 1], bounds[:, panel + 1 : panel + 2]
            if not (high > low).any():
                continue
            if panel == 0:  # survival is 1 there but for 1e-8
                time = high * (nodes + 1) / 2
                mass = weights * high / 2
            else:  # in log time every distribution is smooth
                width = np.log(high / low)
                time = low * np.exp(width * (nodes + 1) / 2)
                mass = time * weights * width / 2
            terms = self._evaluate(time, X, Z)
            mass = mass * np.exp(terms.survival).reshape(time.shape)
            estimate += mass.sum(axis=1)
            slopes = terms.survival_gradient.reshape(*time.shape, -1)
            gradient += (mass[:, :, None] * slopes).sum(axis=1)
        return estimate, gradient

    def _breaks(self) -> list[float]:
        """Return the times at which the hazard jumps."""
        return self._curve.inner.tolist() if isinstance(self._curve, PiecewiseHazard) else []

    def __repr__(self) -> str:
        """Show the coefficients in at most fifteen lines of plain text."""
        return repr(self.coefficients)

    def _repr_html_(self) -> str:
        """Show the coefficients in a notebook."""
        return self.coefficients._repr_html_()  # pyright: ignore[reportPrivateUsage]
