"""The result of Kaplan-Meier: curves by group, and what can be read off them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from evalkit.core.checks import check_share
from evalkit.core.printing import html_table, sample_line, text_block
from evalkit.errors import InputError
from evalkit.kernels.curve_functionals import Estimate, class_shares, restricted_mean
from evalkit.kernels.numeric import critical_value
from evalkit.kernels.product_limit import quantile, step, survival_limits
from evalkit.survival.groups import (
    GroupCurve,
    asked_times,
    lay_out,
    name_of,
    restart,
    since_last,
)
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["CI_SCALES", "CurveCI", "KaplanMeier", "check_horizons"]

CurveCI: TypeAlias = Literal["log-log", "log", "plain", "arcsine"]
"""Scale on which the intervals of survival are symmetric."""

CI_SCALES = ("log-log", "log", "plain", "arcsine")


@dataclass(frozen=True, eq=False, repr=False)
class KaplanMeier:
    """Survival curves by group, as :func:`kaplan_meier` gives them.

    Parameters
    ----------
    by : tuple of str
        Names of the key columns; empty if there is one curve.
    curves : tuple of GroupCurve
        The curves.
    level : float
        Confidence level of the intervals.
    ci : {"log-log", "log", "plain", "arcsine"}
        Scale on which the intervals of survival are symmetric.
    estimand : str
        What is estimated, in words.
    method : str
        How the estimates and intervals were computed.
    n_used : int
        Rows, or people counted.
    n_dropped : mapping of str to int
        Rows left out, by reason.
    """

    by: tuple[str, ...]
    curves: tuple[GroupCurve, ...]
    level: float
    ci: CurveCI
    estimand: str
    method: str
    n_used: int
    n_dropped: Mapping[str, int] = field(default_factory=dict[str, int])

    def to_frame(self) -> pd.DataFrame:
        """Return the curves at every time at which somebody leaves.

        Returns
        -------
        pandas.DataFrame
            The key columns, then ``time``; ``at_risk`` just before it; ``events`` and ``censored``
            at it; ``survival``, P(T > time), with its ``std_error`` and the pointwise limits
            ``conf_low`` and ``conf_high``, which are missing where survival is 0.
        """
        return lay_out(
            [
                (
                    curve.keys,
                    {
                        "time": curve.limit.times,
                        "at_risk": curve.limit.table.at_risk,
                        "events": curve.limit.events,
                        "censored": curve.limit.table.censored,
                    }
                    | self._survival(curve, curve.limit.survival, curve.log_variance),
                )
                for curve in self.curves
            ]
        )

    def at(self, times: npt.ArrayLike) -> pd.DataFrame:
        """Return survival at any times.

        Parameters
        ----------
        times : float or array_like of float, shape (m,)
            Times, in any order.

        Returns
        -------
        pandas.DataFrame
            The columns of :meth:`to_frame` with one row for each group and time asked for.
            ``survival`` is P(T > time): 1 before the first event, missing before the first entry
            and after the last observed time unless the curve has come to 0. ``at_risk`` is just
            before the time; ``events`` and ``censored`` are counted since the time asked for
            before it, as ``summary(fit, times)`` does in R.

        Raises
        ------
        evalkit.errors.InputError
            If a time is no number.
        """
        asked = asked_times(times)
        parts: list[tuple[Mapping[str, object], dict[str, FloatArray]]] = []
        for curve in self.curves:
            events, censored = since_last(curve.limit.table, asked)
            columns = {
                "time": asked,
                "at_risk": curve.limit.table.at_risk_at(asked),
                "events": events,
                "censored": censored,
            }
            variance = step(curve.limit, curve.log_variance, 0.0, asked)
            found = self._survival(curve, curve.limit.at(asked), variance)
            parts.append((curve.keys, columns | found))
        return lay_out(parts)

    def quantile(self, q: npt.ArrayLike = 0.5) -> pd.DataFrame:
        """Return the times by which given shares have had the event.

        The quantile is the first time at which survival is at most 1 - q; where the curve is level
        at exactly 1 - q, the midpoint of that stretch. Its interval holds the times at which the
        curve's interval holds 1 - q (Brookmeyer and Crowley, doi:10.2307/2530286).

        Parameters
        ----------
        q : float or array_like of float, default 0.5
            Shares, strictly between 0 and 1; 0.5 for the median.

        Returns
        -------
        pandas.DataFrame
            The key columns, then ``q, estimate, conf_low, conf_high``; missing where the curve, or
            its limit, does not come down to 1 - q. R: ``quantile(fit, q)``.

        Raises
        ------
        evalkit.errors.InputError
            If a share is not strictly between 0 and 1.
        """
        shares = np.array([check_share("q", share) for share in np.atleast_1d(q).tolist()])
        parts: list[tuple[Mapping[str, object], dict[str, FloatArray]]] = []
        for curve in self.curves:
            low, high = self._limits(curve, curve.limit.survival, curve.log_variance)
            lines = {
                "estimate": curve.limit.survival,
                "conf_low": low,
                "conf_high": high,
            }
            found = {
                name: np.array([quantile(curve.limit.times, line, share) for share in shares])
                for name, line in lines.items()
            }
            parts.append((curve.keys, {"q": shares} | found))
        return lay_out(parts)

    def rmst(self, tau: npt.ArrayLike) -> pd.DataFrame:
        """Return the restricted mean time: the mean of min(T, tau).

        Parameters
        ----------
        tau : float or array_like of float
            Horizons, positive and within the time observed in every group.

        Returns
        -------
        pandas.DataFrame
            The key columns, then ``tau, estimate, std_error, conf_low, conf_high``, in the unit of
            the durations; the intervals are symmetric, by Student's t with clusters. With delayed
            entry the mean is that of those who reach the first entry. R: ``print(fit, rmean =
            tau)``, which with sampling weights keeps the variance of case weights, and here has
            the robust one.

        Raises
        ------
        evalkit.errors.InputError
            If a horizon is not positive, or lies beyond the last observed time of a group whose
            curve has not come to 0: the data then do not say what the mean is.
        """
        horizons = asked_times(tau, "tau")
        check_horizons(self.curves, horizons)
        parts: list[tuple[Mapping[str, object], dict[str, FloatArray]]] = []
        for curve in self.curves:
            z = critical_value(self.level, curve.df)
            means = [restricted_mean(curve.limit, float(t), curve.rows) for t in horizons]
            estimate, error = _columns(means)
            parts.append(
                (
                    curve.keys,
                    {
                        "tau": horizons,
                        "estimate": estimate,
                        "std_error": error,
                        "conf_low": estimate - z * error,
                        "conf_high": estimate + z * error,
                    },
                )
            )
        return lay_out(parts)

    def shares(self, breaks: Sequence[float] = (90, 180, 365)) -> pd.DataFrame:
        """Return the shares of spells by length, ongoing spells taken into account.

        Parameters
        ----------
        breaks : sequence of float, default (90, 180, 365)
            Increasing limits of the classes, which are half-open: a spell of exactly 90 days is in
            the class that starts at 90.

        Returns
        -------
        pandas.DataFrame
            The key columns, then ``start, end`` of each class (the last one ends at infinity),
            ``estimate`` (the shares, which sum to 1), ``std_error, conf_low, conf_high``. Missing
            for classes that begin or end beyond the time observed. The intervals are made on the
            scale of ``ci``, of one minus the share and in the last class of the share itself.

        Raises
        ------
        evalkit.errors.InputError
            If the limits are not positive and increasing.
        """
        limits = asked_times(list(breaks), "breaks")
        if limits[0] <= 0 or (np.diff(limits) <= 0).any() or np.isinf(limits).any():
            raise InputError.of(
                "breaks", required="positive and increasing", got=f"{limits.tolist()}"
            )
        edges = {"start": np.append(0.0, limits), "end": np.append(limits, np.inf)}
        parts: list[tuple[Mapping[str, object], dict[str, FloatArray]]] = []
        for curve in self.curves:
            z = critical_value(self.level, curve.df)
            found = class_shares(curve.limit, limits, curve.rows)
            value, error = _columns(found)
            # The last class is what is left of the curve; the others are what it has lost.
            kept = np.append(1 - value[:-1], value[-1])
            variance = np.divide(error**2, kept**2, out=np.zeros(len(kept)), where=kept > 0)
            low, high = survival_limits(kept, variance, z, self.ci)
            columns = {
                "estimate": value,
                "std_error": error,
                "conf_low": np.append(1 - high[:-1], low[-1]),
                "conf_high": np.append(1 - low[:-1], high[-1]),
            }
            parts.append((curve.keys, edges | columns))
        return lay_out(parts)

    def conditional(self, time: float) -> KaplanMeier:
        """Return the curves of those who are still in at a time: P(T > t | T > time).

        Parameters
        ----------
        time : float
            The time from which the curves begin anew. Events at that time itself are past.

        Returns
        -------
        KaplanMeier
            The curves after ``time``. They do not depend on what happened before, not even where
            the risk set was empty. R: ``survfit(..., start.time = time)``, which counts events at
            ``time`` as well.

        Raises
        ------
        evalkit.errors.InputError
            If ``time`` is negative, or nobody in some group is observed after it.
        """
        begin = float(asked_times(time, "time")[0])
        if not 0 <= begin < np.inf:
            raise InputError.of("time", required="finite and at least 0", got=f"{begin:g}")
        curves = restart(self.curves, begin)
        estimand = f"Survival P(T > t | T > {begin:g})"
        return replace(self, curves=curves, estimand=estimand)

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the curves with their intervals and the numbers at risk.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure if left out.
        **options
            Passed to :func:`evalkit.plots.survival.survival_curves`, such as ``limits`` and
            ``lang``.

        Returns
        -------
        matplotlib.axes.Axes
            The axes.
        """
        from evalkit.plots.survival import survival_curves

        return survival_curves(self.to_frame(), by=list(self.by) or None, ax=ax, **options)

    def _survival(
        self, curve: GroupCurve, survival: FloatArray, log_variance: FloatArray
    ) -> dict[str, FloatArray]:
        """Survival, its standard error and its limits, as columns."""
        low, high = self._limits(curve, survival, log_variance)
        known = np.where(survival > 0, survival, np.nan)
        error = known * np.sqrt(log_variance)
        return {"survival": survival, "std_error": error, "conf_low": low, "conf_high": high}

    def _limits(
        self, curve: GroupCurve, survival: FloatArray, log_variance: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Pointwise limits on the scale that was asked for."""
        z = critical_value(self.level, curve.df)
        return survival_limits(survival, log_variance, z, self.ci)

    def _summary(self) -> pd.DataFrame:
        """Numbers, events and medians by group."""
        median = self.quantile(0.5).drop(columns="q").rename(columns={"estimate": "median"})
        place = len(self.by)
        counts = {
            "n": [curve.n for curve in self.curves],
            "events": [float(curve.limit.events.sum()) for curve in self.curves],
        }
        for i, (name, values) in enumerate(counts.items()):
            whole = all(value.is_integer() for value in values)
            median.insert(place + i, name, [int(v) for v in values] if whole else values)
        return median

    def __repr__(self) -> str:
        """Show numbers and medians by group in a few lines of plain text."""
        return text_block(self._head(), self._summary(), ())

    def _repr_html_(self) -> str:
        """Show numbers and medians by group in a notebook."""
        return html_table(self._head(), self._summary(), ())

    def _head(self) -> list[str]:
        """Say what was estimated, how, and on how many."""
        return [
            self.estimand + (f" by {', '.join(self.by)}" if self.by else ""),
            f"{self.method}; {100 * self.level:g} % intervals",
            sample_line(self.n_used, self.n_dropped),
        ]


def _columns(estimates: Sequence[Estimate]) -> tuple[FloatArray, FloatArray]:
    """Values and standard errors as arrays."""
    values = np.array([estimate.value for estimate in estimates])
    return values, np.sqrt(np.array([estimate.variance for estimate in estimates]))


def check_horizons(curves: Sequence[GroupCurve], horizons: FloatArray) -> None:
    """Check that restricted means up to the horizons can be told from every curve.

    Parameters
    ----------
    curves : sequence of GroupCurve
        The curves.
    horizons : ndarray of float, shape (m,)
        The horizons.

    Raises
    ------
    evalkit.errors.InputError
        If a horizon is not positive, infinite, before the first entry or beyond the last observed
        time of a curve that has not come to 0.
    """
    for tau in horizons.tolist():
        if not 0 < tau < np.inf:
            raise InputError.of("tau", required="positive and finite", got=f"{tau:g}")
        short = [curve for curve in curves if np.isnan(curve.limit.at([tau])[0])]
        if short:
            spans = [
                f"{name_of(curve.keys) or 'all'}: {max(curve.limit.start, 0):g} to "
                f"{curve.limit.times[-1]:g}"
                for curve in short
            ]
            raise InputError.of(
                "tau",
                required="within the time observed",
                got=f"{tau:g}",
                where=spans,
                remedy="Take a horizon that every group reaches.",
            )
