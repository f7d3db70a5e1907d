"""A fitted discrete-time hazard model: coefficients, predictions and standardised survival."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from evalkit.core.checks import check_level
from evalkit.core.results import EffectTable, TestResult
from evalkit.errors import InputError
from evalkit.kernels.discrete import LINKS, DiscreteFit, Layout
from evalkit.kernels.discrete_curves import Curves, predict, standardise
from evalkit.kernels.event_times import TIE
from evalkit.kernels.numeric import chi_square_tail, critical_value
from evalkit.survival.discrete_data import DiscreteData, Intervals
from evalkit.survival.discrete_standardised import standardised_survival
from evalkit.survival.predicting import prediction_frame, prediction_times
from evalkit.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["DiscreteHazard"]


@dataclass(frozen=True, eq=False, repr=False)
class DiscreteHazard:
    """A fitted discrete-time hazard model.

    Printing shows the coefficients; :meth:`to_frame` gives them as numbers, :meth:`hazard` and
    :meth:`survival` predict, and :meth:`standardised` says what a treatment does to survival.

    Parameters
    ----------
    coefficients : EffectTable
        The baseline's parameters, then log hazard or odds ratios.
    covariance : ndarray of float, shape (P, P)
        Their covariances; :attr:`vcov` has them with names.
    loglik : float
        Log-likelihood (without the penalty).
    link : str
        "cloglog" or "logit".
    df : float
        Degrees of freedom of intervals: the clusters less one, infinite without clusters.
    """

    coefficients: EffectTable
    covariance: FloatArray
    loglik: float
    link: str
    df: float
    _intervals: Intervals
    _totals: FloatArray
    _certain: FloatArray  # hazard of intervals that the fit leaves out, NaN for the others
    _data: DiscreteData
    _layout: Layout
    _fit: DiscreteFit

    @property
    def vcov(self) -> pd.DataFrame:
        """Covariances of the coefficients, with their names."""
        import pandas as pd

        terms = self.coefficients.data["term"].tolist()
        return pd.DataFrame(self.covariance, index=terms, columns=terms)

    @property
    def aic(self) -> float:
        """Akaike's criterion, 2 P - 2 loglik."""
        return 2 * len(self.covariance) - 2 * self.loglik

    @property
    def intervals(self) -> pd.DataFrame:
        """The intervals: ``interval, start, end, at_risk, events, hazard`` (the crude share)."""
        import pandas as pd

        at_risk, events = self._totals.T
        with np.errstate(invalid="ignore"):
            share = events / at_risk
        return pd.DataFrame(
            {
                "interval": self._intervals.labels,
                "start": self._intervals.starts,
                "end": self._intervals.ends,
                "at_risk": at_risk,
                "events": events,
                "hazard": share,
            }
        )

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
        ratio = "hazard ratio" if self.link == "cloglog" else "odds ratio"
        frame["scale"] = f"log {ratio}"
        q = self._layout.basis.shape[1]
        frame.loc[: q - 1, "scale"] = f"{self.link} of the hazard"
        if exponentiate:
            frame = frame.iloc[q:].reset_index(drop=True)
            shown = ["estimate", "conf_low", "conf_high"]
            frame[shown] = np.exp(frame[shown])
            frame["scale"] = f"{ratio} (std_error of its logarithm)"
        return frame

    def hazard(self, newdata: pd.DataFrame, *, level: float | None = None) -> pd.DataFrame:
        """Predict the probability of the event in each interval, for those still there.

        Parameters
        ----------
        newdata : pandas.DataFrame
            One row for each person to predict for, with the formula's variables.
        level : float, optional
            Confidence level; that of the fit if left out.

        Returns
        -------
        pandas.DataFrame
            Columns ``row`` (the index label in `newdata`), ``interval, start, end, hazard,
            std_error, conf_low, conf_high``. The interval is symmetric on the scale of the link.
            Where no model says what the hazard is, because nobody, or everybody, had an event
            there, it is 0 or 1 without an interval; NaN where nobody was at risk.
        """
        z = self._quantile(level)
        link = LINKS[self.link]
        curves = self._curves(newdata)
        eta, error = curves.predictor, curves.predictor_error
        stay, slope = link.log_survival(eta)
        values = np.stack(
            [
                link.hazard(eta),
                np.exp(-stay) * slope * error,
                link.hazard(eta - z * error),
                link.hazard(eta + z * error),
            ]
        )
        known = ~np.isnan(self._certain)
        values[:, :, known] = np.nan
        values[0][:, known] = np.where(np.isinf(self._certain), np.nan, self._certain)[known]
        frame = prediction_frame(newdata, self._intervals.starts, "hazard", values)
        frame = frame.rename(columns={"time": "start"})
        repeat = len(newdata)
        frame.insert(1, "interval", self._intervals.labels * repeat)
        frame.insert(3, "end", np.tile(self._intervals.ends, repeat))
        return frame

    def survival(
        self,
        newdata: pd.DataFrame,
        times: npt.ArrayLike | None = None,
        *,
        level: float | None = None,
    ) -> pd.DataFrame:
        r"""Predict the probability of still being there at the end of each interval.

        Parameters
        ----------
        newdata : pandas.DataFrame
            One row for each person to predict for, with the formula's variables, which stay as
            they are.
        times : array_like, optional
            Breaks, or 0, to predict at; all breaks if left out. The model says nothing of times
            in between.
        level : float, optional
            Confidence level; that of the fit if left out.

        Returns
        -------
        pandas.DataFrame
            Columns ``row`` (the index label in `newdata`), ``time, survival, std_error,
            conf_low, conf_high``: all times of the first row, then of the second. NaN after an
            interval in which nobody was at risk.

        Notes
        -----
        :math:`S(b_j) = \prod_{k \le j} (1 - h_k)`: the probability of no event before the break,
        or up to and with it if intervals are closed on the right. The delta method gives the
        standard error of :math:`-\log S`, and the interval is symmetric in its logarithm.
        """
        asked, where = self._ends(times)
        z = self._quantile(level)
        curves = self._curves(newdata)
        total, error = curves.cumulative, curves.cumulative_error
        with np.errstate(invalid="ignore", divide="ignore"):
            spread = np.exp(z * np.where(total > 0, error / total, 0.0))
            values = np.stack(
                [
                    np.exp(-total),
                    np.exp(-total) * error,
                    np.exp(-total * spread),
                    np.exp(-total / spread),
                ]
            )
        gone, unknown = self._after()
        values[:, :, gone] = 0.0
        values[:, :, unknown] = np.nan
        start = np.broadcast_to(np.array([1.0, 0.0, 1.0, 1.0])[:, None, None], values.shape)
        values = np.concatenate([start[:, :, :1], values], axis=2)[:, :, where]
        return prediction_frame(newdata, asked, "survival", values)

    def standardised(
        self,
        treatment: str,
        *,
        reference: object = None,
        times: npt.ArrayLike | None = None,
        level: float | None = None,
    ) -> EffectTable:
        r"""Average survival over everybody's covariates, with the treatment set to each value.

        Parameters
        ----------
        treatment : str
            A variable of the formula with few values.
        reference : object, optional
            The value that others are compared with; the first in sorted order if left out.
        times : array_like, optional
            Breaks; all if left out.
        level : float, optional
            Confidence level; that of the fit if left out.

        Returns
        -------
        EffectTable
            With the key ``time``: a row of term ``survival`` for each value of the treatment
            (in ``contrast``), and one of term ``survival_difference`` for each comparison, value
            minus reference. Negative means: leaves sooner.

        Raises
        ------
        evalkit.errors.InputError
            If the treatment is no variable of the formula, has one value only or more than 20, or
            covariates change within persons (then there is no one to average over).

        Notes
        -----
        The g-formula for :math:`\bar S_a(b_j) = \frac1n \sum_i S(b_j | a, x_i)`, over the people
        at the beginning. It is the effect of the treatment if the formula holds all that treatment
        and exit have in common, and the treatment is known at the beginning. Standard errors are
        by the delta method from the coefficients, the people's covariates taken as given; the
        interval of a survival is symmetric in log(-log S), that of a difference plain. In R,
        ``stdReg::stdGlm`` or ``marginaleffects::avg_predictions`` on person-period data.
        """
        asked, where = self._ends(times)
        return standardised_survival(
            self._data,
            lambda X, size: standardise(
                X, size, self._fit.parameters, self._layout, LINKS[self.link]
            ),
            self.covariance,
            self._after(),
            treatment,
            reference=reference,
            times=asked,
            where=where,
            level=self.coefficients.level if level is None else check_level(level),
            df=self.df,
            coefficients=self.coefficients,
        )

    def test_constant_effect(self, term: str) -> TestResult:
        """Test that a term of ``by_interval`` has the same effect in all intervals.

        Parameters
        ----------
        term : str
            The term.

        Returns
        -------
        TestResult
            Wald's test, of (intervals - 1) degrees of freedom for each column of the term.
        """
        columns = self._data.coding.terms.get(term, ())
        own = [int(c) for c in self._layout.own.tolist() if c in columns]
        if not own:
            named = {
                t
                for t, cs in self._data.coding.terms.items()
                if set(cs) & set(self._layout.own.tolist())
            }
            raise InputError.of(
                "term",
                required="one of by_interval",
                got=repr(term),
                remedy=f"Those are: {', '.join(sorted(named)) or 'none'}.",
            )
        first, P = int(self._layout.intervals[0]), len(self.covariance)
        contrasts: list[FloatArray] = []
        for j in self._layout.intervals[1:].tolist():
            for column in own:
                row = np.zeros(P)
                row[self._layout.slopes(j)[column]] = 1.0
                row[self._layout.slopes(first)[column]] = -1.0
                contrasts.append(row)
        matrix = np.array(contrasts).reshape(-1, P)
        difference = matrix @ self._fit.parameters
        statistic = float(
            difference @ np.linalg.solve(matrix @ self.covariance @ matrix.T, difference)
        )
        return TestResult(
            f"the effect of {term} is the same in all intervals",
            "Wald test of effects by interval",
            statistic,
            float(len(matrix)),
            float(chi_square_tail(statistic, len(matrix))),
            self.coefficients.n_used,
            self.coefficients.n_dropped,
        )

    def _quantile(self, level: float | None) -> float:
        """Return the quantile of a level, or of the fit's."""
        level = self.coefficients.level if level is None else check_level(level)
        return critical_value(level, self.df)

    def _curves(self, newdata: pd.DataFrame) -> Curves:
        """Predict for new rows."""
        X = self._data.coding.apply(newdata)
        return predict(X, self._fit.parameters, self.covariance, self._layout, LINKS[self.link])

    def _ends(self, times: npt.ArrayLike | None) -> tuple[FloatArray, IntArray]:
        """Return the times asked for, and their places among 0 and the breaks."""
        known = self._intervals.starts
        if times is None:
            return known[1:], np.arange(1, len(known))
        asked = prediction_times(times)
        where = np.searchsorted(known * (1 + TIE), asked)
        near = known[np.minimum(where, len(known) - 1)]
        wrong = np.abs(near - asked) > TIE * asked
        if wrong.any():
            raise InputError.of(
                "times",
                required="breaks of the model, or 0",
                got=", ".join(f"{t:g}" for t in asked[wrong][:5]),
                remedy=f"Breaks: {', '.join(f'{b:g}' for b in known[1:21])}.",
            )
        return asked, where

    def _after(self) -> tuple[IntArray, IntArray]:
        """Return the intervals at whose end nobody is left, and those where it is unknown."""
        J = len(self._certain)
        sure = np.flatnonzero(self._certain == 1)
        unknown = np.flatnonzero(np.isinf(self._certain))
        if self._layout.basis.shape[1] < len(self._layout.intervals) and not len(self._layout.own):
            unknown = unknown[unknown > self._layout.intervals[-1]]
        gone = int(sure[0]) if len(sure) else J
        lost = int(unknown[0]) if len(unknown) else J
        if gone <= lost:
            return np.arange(gone, J), np.arange(0)
        return np.arange(0), np.arange(lost, J)

    def plot(
        self, newdata: pd.DataFrame | None = None, ax: Axes | None = None, **options: Any
    ) -> Axes:
        """Draw the rate of leaving in each interval, with the limits of the rules marked.

        Parameters
        ----------
        newdata : pandas.DataFrame, optional
            People to predict for, one curve each, named by the index; if left out, the shares of
            all who left in each interval.
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure if left out.
        **options
            Passed on to :func:`evalkit.plots.survival.hazard_by_day`.

        Returns
        -------
        matplotlib.axes.Axes
            The axes.
        """
        from evalkit.plots.survival import hazard_by_day

        frame = self.intervals if newdata is None else self.hazard(newdata)
        return hazard_by_day(frame, probability=True, ax=ax, **options)

    def __repr__(self) -> str:
        """Show the coefficients in at most fifteen lines of plain text."""
        return repr(self.coefficients)

    def _repr_html_(self) -> str:
        """Show the coefficients in a notebook."""
        return self.coefficients._repr_html_()  # pyright: ignore[reportPrivateUsage]
