"""A fitted Fine-Gray model: its coefficients, its baseline and its predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from evalkit.core.checks import check_level
from evalkit.core.formula import Coding
from evalkit.core.results import EffectTable
from evalkit.core.sample import Sample
from evalkit.kernels.hazard_fit import (
    HazardFit,
    cumulative_hazard,
    log_hazard_variance,
    steps_until,
)
from evalkit.kernels.numeric import add_by, critical_value
from evalkit.kernels.time_index import TIE
from evalkit.kernels.wald import cluster_df
from evalkit.survival.predicting import prediction_frame, prediction_times, strata_codes
from evalkit.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["FineGray"]

_BLOCK = 8  # times whose influences are held at once


@dataclass(frozen=True, eq=False, repr=False)
class FineGray:
    """A fitted Fine-Gray model.

    Printing shows the coefficients; :meth:`to_frame` gives them as numbers, and
    :meth:`cumulative_incidence` predicts.

    Parameters
    ----------
    coefficients : EffectTable
        Logarithms of subdistribution hazard ratios.
    vcov : pandas.DataFrame, shape (p, p)
        Their covariances.
    event_of_interest : object
        The cause that is modelled.
    loglik, loglik_null : float
        Log pseudo-likelihood at the estimates and at 0. It is no likelihood: do not test with it.
    n_events, n_competing, n_censored : int
        Rows with the event of interest, with another cause, and censored.
    ties : str
        How tied events were treated.
    fit : HazardFit
        The estimates as arrays, with the influence of every row.
    sample : Sample
        The rows used.
    index : pandas.Index
        Their labels.
    coding : Coding
        How the formula turns columns into covariates.
    strata : tuple of str
        Columns that make up the strata.
    cluster : ndarray of int, shape (n,), or None
        Which rows belong together; None if every row is by itself.
    """

    coefficients: EffectTable
    vcov: pd.DataFrame
    event_of_interest: object
    loglik: float
    loglik_null: float
    n_events: int
    n_competing: int
    n_censored: int
    ties: str
    fit: HazardFit
    sample: Sample
    index: pd.Index
    coding: Coding
    strata: tuple[str, ...]
    cluster: IntArray | None

    @property
    def df(self) -> float:
        """Degrees of freedom of intervals: the clusters less one, infinite without clusters."""
        return cluster_df(self.cluster)

    def to_frame(self, *, exponentiate: bool = False) -> pd.DataFrame:
        """Return the coefficients.

        Parameters
        ----------
        exponentiate : bool, default False
            Whether to give ratios with their intervals; ``std_error`` stays on the log scale.

        Returns
        -------
        pandas.DataFrame
            Columns ``term, contrast, estimate, std_error, statistic, df, p_value, conf_low,
            conf_high, n``, and ``scale``.
        """
        frame = self.coefficients.to_frame()
        frame["scale"] = "log subdistribution hazard ratio"
        if exponentiate:
            shown = ["estimate", "conf_low", "conf_high"]
            frame[shown] = np.exp(frame[shown])
            frame["scale"] = "subdistribution hazard ratio (std_error of its logarithm)"
        return frame

    def cumulative_incidence(
        self, newdata: pd.DataFrame, times: npt.ArrayLike, *, level: float | None = None
    ) -> pd.DataFrame:
        r"""Predict the cumulative incidence of the event of interest.

        Parameters
        ----------
        newdata : pandas.DataFrame
            One row for each person to predict for, with the formula's variables and the strata.
        times : array_like
            Times, at least 0.
        level : float, optional
            Confidence level; that of the fit if left out.

        Returns
        -------
        pandas.DataFrame
            Columns ``row`` (the index label in `newdata`), ``time, cumulative_incidence,
            std_error, conf_low, conf_high``: all times of the first row, then of the second.
            NaN beyond the last time observed, and before the first entry.

        Notes
        -----
        :math:`F(t|x) = 1 - \exp\{-\Lambda_0(t) e^{x'\beta}\}`. The variance is that of the rows'
        influences (by cluster) on :math:`\log\Lambda_0(t) + x'\beta`, and the interval is
        symmetric on that scale (log-log). In R, ``survfit(coxph(...), newdata)`` of the data from
        ``finegray`` gives the same prediction.
        """
        asked = prediction_times(times)
        z = critical_value(
            self.coefficients.level if level is None else check_level(level), self.df
        )
        rows = self.fit.rows(self.coding.apply(newdata))
        strata = strata_codes(newdata, self.strata, self.sample.strata_levels)
        result = np.full((4, len(rows), len(asked)), np.nan)
        for s in np.unique(strata):
            mine = strata == s
            result[:, mine] = self._predict(rows[mine], asked, int(s), z)
        return prediction_frame(newdata, asked, "cumulative_incidence", result)

    def baseline(self) -> pd.DataFrame:
        """Return the baseline at covariates 0.

        Returns
        -------
        pandas.DataFrame
            Columns ``stratum`` (if there are strata), ``time, cumulative_hazard,
            cumulative_incidence`` at each time of an event of interest.
        """
        import pandas as pd

        model = self.fit
        shift = np.exp(model.linear(model.rows(np.zeros((1, len(model.beta)))))[0])
        hazard = np.zeros(len(model.time))
        for s in np.unique(model.stratum).tolist():
            own = model.own(s)
            hazard[own] = np.cumsum(model.step[own]) * shift
        columns: dict[str, object] = {
            "time": model.time,
            "cumulative_hazard": hazard,
            "cumulative_incidence": -np.expm1(-hazard),
        }
        if self.strata:
            levels = self.sample.strata_levels
            columns = {"stratum": [levels[s] for s in model.stratum], **columns}
        return pd.DataFrame(columns)

    def _predict(self, rows: FloatArray, times: FloatArray, stratum: int, z: float) -> FloatArray:
        """Estimate, standard error and limits for rows of one stratum, shape (4, m, T)."""
        model = self.fit
        hazard = cumulative_hazard(model, times, stratum)
        mine = slice(None) if self.sample.strata is None else self.sample.strata == stratum
        hazard[times > self.sample.time[mine].max() * (1 + TIE)] = np.nan
        if self.sample.entry is not None:
            hazard[times < self.sample.entry[mine].min() * (1 - TIE)] = np.nan
        some = np.flatnonzero(hazard > 0)
        variance = np.zeros((len(rows), len(times)))
        influence = add_by(self.cluster, model.influence)
        for begin in range(0, len(some), _BLOCK):
            part = some[begin : begin + _BLOCK]
            moved = model.moved(steps_until(model, times[part], stratum))
            moved = add_by(self.cluster, moved)
            variance[:, part] = log_hazard_variance(hazard[part], moved, influence, rows)
        cumulative = hazard * np.exp(model.linear(rows))[:, None]
        spread = np.exp(np.multiply.outer([-z, z], np.sqrt(variance)))
        low, high = -np.expm1(-cumulative * spread)
        error = np.exp(-cumulative) * cumulative * np.sqrt(variance)
        return np.stack([-np.expm1(-cumulative), error, low, high])

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the coefficients as ratios with their intervals.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure if left out.
        **options
            Passed on to :func:`evalkit.plots.survival.coefficient_forest`.

        Returns
        -------
        matplotlib.axes.Axes
            The axes.
        """
        from evalkit.plots.survival import coefficient_forest

        return coefficient_forest(self.to_frame(), ax=ax, **options)

    def __repr__(self) -> str:
        """Show the coefficients in at most fifteen lines of plain text."""
        return repr(self.coefficients)

    def _repr_html_(self) -> str:
        """Show the coefficients in a notebook."""
        return self.coefficients._repr_html_()  # pyright: ignore[reportPrivateUsage]
