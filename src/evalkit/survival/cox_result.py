"""A fitted Cox model: coefficients, tests, baseline, predictions and residuals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from evalkit.core.checks import check_choice, check_level
from evalkit.core.formula import Coding
from evalkit.core.results import EffectTable
from evalkit.core.sample import Sample
from evalkit.errors import InputError
from evalkit.kernels.concordance import Concordance
from evalkit.kernels.cox import CoxFit, solve_spd
from evalkit.kernels.cox_likelihood import moments
from evalkit.kernels.cox_residuals import score_sums
from evalkit.kernels.numeric import chi_square_tail, critical_value
from evalkit.kernels.product_limit import survival_limits
from evalkit.kernels.time_index import TIE
from evalkit.survival.cox_concordance import model_concordance
from evalkit.survival.cox_hazards import ProportionalHazards, Transform, hazards_test
from evalkit.survival.cox_input import Clusters
from evalkit.survival.cox_residuals import ResidualKind, residual_frame
from evalkit.survival.cox_table import scale_name
from evalkit.survival.predicting import (
    offset_values,
    prediction_frame,
    prediction_times,
    strata_codes,
)
from evalkit.survival.robust import degrees_of_freedom
from evalkit.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["CoxModel"]


@dataclass(frozen=True, eq=False, repr=False)
class CoxModel:
    """A fitted Cox model.

    Printing shows the coefficients; :meth:`to_frame` gives them as numbers. A hazard ratio is hard
    to read by itself: :meth:`survival` says what it means for people with given covariates.

    Parameters
    ----------
    coefficients : EffectTable
        Log hazard ratios, or hazard ratios if that was asked for.
    vcov : pandas.DataFrame, shape (p, p)
        Covariances of the log hazard ratios.
    loglik, loglik_null : float
        Log partial likelihood at the estimates and at 0; penalised if the fit is.
    n_events : int
        Rows with an event.
    exponentiated : bool
        Whether ``coefficients`` are ratios.
    penalty : str or None
        ``"firth"``, or None.
    fit : CoxFit
        The estimates as arrays, with the baseline hazard.
    sample : Sample
        The rows used.
    index : pandas.Index
        Their labels.
    coding : Coding
        How the formula turns columns into covariates.
    strata : tuple of str
        Columns that make up the strata.
    offset : str or None
        Column of the offset.
    clusters : tuple of Clusters
        None if the standard errors are model-based; else one or two ways of clustering.
    """

    coefficients: EffectTable
    vcov: pd.DataFrame
    loglik: float
    loglik_null: float
    n_events: int
    exponentiated: bool
    penalty: str | None
    fit: CoxFit
    sample: Sample
    index: pd.Index
    coding: Coding
    strata: tuple[str, ...]
    offset: str | None
    clusters: tuple[Clusters, ...]

    def to_frame(self, *, exponentiate: bool | None = None) -> pd.DataFrame:
        """Return the coefficients.

        Parameters
        ----------
        exponentiate : bool, optional
            Whether to give hazard ratios with their intervals; ``std_error`` stays on the log
            scale. As in the call of the fit if left out.

        Returns
        -------
        pandas.DataFrame
            Columns ``term, contrast, estimate, std_error, statistic, df, p_value, conf_low,
            conf_high, n``, and ``scale``.
        """
        frame = self.coefficients.to_frame()
        wanted = self.exponentiated if exponentiate is None else exponentiate
        if wanted != self.exponentiated:
            shown = ["estimate", "conf_low", "conf_high"]
            with np.errstate(over="ignore", divide="ignore"):
                frame[shown] = np.exp(frame[shown]) if wanted else np.log(frame[shown])
            frame["scale"] = scale_name(wanted)
        return frame

    @cached_property
    def concordance_pairs(self) -> Concordance:
        """Pairs of rows by whether the higher risk had the event first, with standard error."""
        return model_concordance(self.fit, self.sample, self.clusters)

    @property
    def concordance(self) -> float:
        """Share of comparable pairs in which the higher predicted risk had the event first."""
        return self.concordance_pairs.estimate

    @property
    def concordance_std_error(self) -> float:
        """Standard error of the concordance: infinitesimal jackknife, by cluster."""
        return self.concordance_pairs.std_error

    def tests(self) -> pd.DataFrame:
        r"""Test that all coefficients are 0.

        Returns
        -------
        pandas.DataFrame
            Columns ``test, statistic, df, p_value``; rows ``likelihood_ratio``, ``wald`` (with the
            reported variance), ``score``, and with clusters ``robust_score``. The likelihood-ratio
            and score tests assume that rows are independent given their risk sets. With clusters
            the other two take chi-squared, as in R, where intervals take Student's t.

        Notes
        -----
        R: ``summary(coxph(...))$logtest, $waldtest, $sctest, $robscore``.
        """
        import pandas as pd

        p = len(self.fit.coefficients)
        wald = solve_spd(self.vcov.to_numpy(), self.fit.coefficients)
        rows = {
            "likelihood_ratio": 2 * (self.loglik - self.loglik_null),
            "wald": np.nan if wald is None else float(self.fit.coefficients @ wald),
        }
        if self.penalty is None:
            rows["score"] = self.fit.score_test
            if len(self.clusters) == 1:
                rows["robust_score"] = self._robust_score(self.clusters[0])
        if self.fit.infinite.any():
            rows["wald"] = np.nan
        statistic = np.array([*rows.values()])
        return pd.DataFrame(
            {
                "test": [*rows],
                "statistic": statistic,
                "df": p,
                "p_value": chi_square_tail(statistic, p),
            }
        )

    def _robust_score(self, clusters: Clusters) -> float:
        """Score statistic with the variance of the clusters' scores at 0."""
        data = self.fit.data
        null = moments(data, np.zeros(len(data.center)))
        sums = score_sums(data, null, clusters.codes, clusters.count)
        solved = solve_spd(sums.T @ sums, null.score)
        return np.nan if solved is None else float(null.score @ solved)

    def baseline(self) -> pd.DataFrame:
        r"""Return the baseline at covariates 0, which must be of interest to be useful.

        Returns
        -------
        pandas.DataFrame
            Columns ``stratum`` (if there are strata), ``time, at_risk, events`` (rows),
            ``cumulative_hazard``, its ``std_error``, and ``survival``, :math:`e^{-H}`, at each
            event time.

        Notes
        -----
        The estimator is Breslow's or Efron's, as the ties of the fit. Only those who have entered
        and not left are at risk. R: ``basehaz(fit, centered = FALSE)``.
        """
        import pandas as pd

        fit, risk = self.fit, self.fit.risk
        factor = fit.relative_risk(np.zeros((1, len(fit.center))))[0]
        hazard = factor * fit.hazard
        columns: dict[str, object] = {
            "time": risk.times,
            "at_risk": risk.at_risk,
            "events": risk.deaths,
            "cumulative_hazard": hazard,
            "std_error": factor * np.sqrt(self._hazard_variance(-fit.center[None], slice(None))[0]),
            "survival": np.exp(-hazard),
        }
        if self.strata:
            levels = self.sample.strata_levels
            columns = {"stratum": [levels[s] for s in risk.stratum], **columns}
        return pd.DataFrame(columns)

    def _hazard_variance(self, x: FloatArray, where: IntArray | slice) -> FloatArray:
        """Variances of cumulative hazards over squared relative risks, shape (rows of x, times)."""
        fit, vcov = self.fit, self.vcov.to_numpy()
        hazard, mean = fit.hazard[where], fit.mean_hazard[:, where]
        # V + q'Sq with q = x H - A, multiplied out
        turned = x @ vcov
        total = np.multiply.outer(np.einsum("ij,ij->i", turned, x), hazard**2)
        total -= 2 * (turned @ mean) * hazard
        total += fit.hazard_variance[where] + np.einsum("jg,jk,kg->g", mean, vcov, mean)
        return np.maximum(total, 0.0)

    def survival(
        self,
        newdata: pd.DataFrame,
        times: npt.ArrayLike,
        *,
        level: float | None = None,
        ci: Literal["log-log", "log", "plain"] = "log-log",
    ) -> pd.DataFrame:
        r"""Predict survival for people whose covariates stay as they are.

        Parameters
        ----------
        newdata : pandas.DataFrame
            One row for each person, with the formula's variables, the strata and the offset.
        times : array_like
            Times, at least 0.
        level : float, optional
            Confidence level; that of the fit if left out.
        ci : {"log-log", "log", "plain"}
            Scale on which the interval is symmetric. R's default is "log".

        Returns
        -------
        pandas.DataFrame
            Columns ``row`` (the index label in `newdata`), ``time, survival, std_error, conf_low,
            conf_high, cumulative_hazard``: all times of the first row, then of the second. NaN
            beyond the stratum's last time observed, and before its first entry.

        Notes
        -----
        :math:`S(t|x) = \exp\{-r H(t)\}` with the relative risk r of x. The variance of
        :math:`r H(t)` is :math:`r^2 \{V(t) + q' \Sigma q\}`, :math:`q = (x - \bar x) H - A`: that
        of the baseline hazard, and that of the coefficients (robust if the fit is). It takes the
        formula of the model also for V, as R does. With delayed entry S(t|x) is the chance of
        remaining since time 0, if there are people at risk from then on.

        R: ``summary(survfit(fit, newdata), times)``.
        """
        check_choice("ci", ci, ("log-log", "log", "plain"))
        asked = prediction_times(times)
        level = self.coefficients.level if level is None else check_level(level)
        z = critical_value(level, degrees_of_freedom(self.clusters))
        fit, risk = self.fit, self.fit.risk
        x = self.coding.apply(newdata)
        strata = strata_codes(newdata, self.strata, self.sample.strata_levels)
        moved = np.zeros(len(x))
        if self.offset is not None:
            moved = offset_values(newdata, self.offset)
        factor = fit.relative_risk(x, moved)
        hazard = np.empty((len(x), len(asked)))
        spread = np.empty_like(hazard)
        for s in np.unique(strata):
            mine = strata == s
            where = fit.position(asked, int(s))
            variance = np.where(where < 0, 0.0, self._hazard_variance(x[mine] - fit.center, where))
            seen = (asked <= risk.end[s] * (1 + TIE)) & (asked >= risk.start[s] * (1 - TIE))
            base = np.where(seen, fit.cumulative_hazard(asked, int(s)), np.nan)
            hazard[mine] = factor[mine, None] * base
            spread[mine] = factor[mine, None] * np.sqrt(variance)
        estimate = np.exp(-hazard)
        low, high = survival_limits(estimate, spread**2, z, ci)
        frame = prediction_frame(
            newdata, asked, "survival", np.stack([estimate, estimate * spread, low, high])
        )
        return frame.assign(cumulative_hazard=hazard.ravel())

    def residuals(self, kind: ResidualKind = "martingale") -> pd.Series | pd.DataFrame:
        """Return residuals.

        Parameters
        ----------
        kind : {"martingale", "deviance", "score", "dfbeta", "schoenfeld", "scaled_schoenfeld"}
            Which: see Notes.

        Returns
        -------
        pandas.Series or pandas.DataFrame
            Martingale and deviance residuals: a Series, one for each row used. Score residuals and
            dfbeta: a column for each coefficient. Schoenfeld residuals: one row for each event, in
            order of stratum and time, with the column ``time`` before the coefficients'. The
            index is that of the frame that was fitted.

        Notes
        -----
        Martingale: the event less its expected number; sums to 0. Deviance: the same on a more
        symmetric scale. Score: what a row adds to the score, unweighted. Dfbeta: about how much
        the coefficients change because the row is there, its weight included; cluster sums of
        them make the robust variance. Schoenfeld: covariates of the event less their mean over
        the risk set. Scaled: times the variance and the number of events, plus the coefficient,
        so that their mean at a time estimates the coefficient there.

        R: ``residuals(fit, type)``, with ``type = "scaledsch"`` for the last.
        """
        return residual_frame(self.fit, self.sample, self.index, self.coding.names, kind)

    def test_proportional_hazards(
        self, transform: Transform = "km", *, by: Literal["term", "coefficient"] = "term"
    ) -> ProportionalHazards:
        """Test whether the coefficients stay the same over time.

        Parameters
        ----------
        transform : {"km", "rank", "identity", "log"}
            How time is measured in the alternative that a coefficient changes linearly with it.
            "km" is one minus the Kaplan-Meier estimate of all rows just before: the share that
            has left.
        by : {"term", "coefficient"}
            Whether the coefficients of one term, such as the levels of a category, are tested
            together.

        Returns
        -------
        ProportionalHazards
            One row for each term, and ``GLOBAL`` for all coefficients.

        Notes
        -----
        The score test of [1]_, with the variance of each risk set; nothing is taken as constant
        over time. R: ``cox.zph(fit, transform)`` from version 3.0 of survival on. The test assumes
        that rows are independent, also where the standard errors do not. With many events small
        departures are significant: look at the plot.

        References
        ----------
        .. [1] Grambsch PM, Therneau TM (1994). Proportional hazards tests and diagnostics based
           on weighted residuals. Biometrika 81:515-526. doi:10.1093/biomet/81.3.515
        """
        check_choice("by", by, ("term", "coefficient"))
        groups: Mapping[str, tuple[int, ...]] = self.coding.terms
        if by == "coefficient":
            groups = {name: (j,) for j, name in enumerate(self.coding.names)}
        if self.penalty is not None or self.fit.infinite.any():
            raise InputError.of(
                "test_proportional_hazards",
                required="of a fit by maximum likelihood with finite estimates",
                got="a penalised fit" if self.penalty else "infinite estimates",
            )
        return hazards_test(self.fit, self.sample, transform, groups, self.coding.names)

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

        return coefficient_forest(self.to_frame(exponentiate=False), ax=ax, **options)

    def __repr__(self) -> str:
        """Show the coefficients in at most fifteen lines of plain text."""
        return repr(self.coefficients)

    def _repr_html_(self) -> str:
        """Show the coefficients in a notebook."""
        return self.coefficients._repr_html_()  # pyright: ignore[reportPrivateUsage]
