"""Cumulative incidence of competing causes, by Aalen-Johansen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from evalkit.core.checks import check_choice, check_level
from evalkit.core.columns import Names
from evalkit.core.group_tables import Data
from evalkit.core.printing import html_table, sample_line, text_block
from evalkit.core.sample import WeightsKind
from evalkit.kernels.aalen_johansen import INTERVALS, IncidenceInterval, incidence_interval
from evalkit.kernels.numeric import critical_value
from evalkit.survival.groups import asked_times, lay_out
from evalkit.survival.incidence_curves import IncidenceCurves, Variance
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["CumulativeIncidence", "cumulative_incidence"]

_PRINTED = 5


@dataclass(frozen=True, eq=False, repr=False)
class CumulativeIncidence:
    """Cumulative incidence of every cause, in every group.

    Build one with :func:`cumulative_incidence`.

    Parameters
    ----------
    curves : IncidenceCurves
        The estimates.
    level : float
        Confidence level of the intervals.
    ci : {"log-log", "log", "plain", "arcsine"}
        Scale of the intervals.
    """

    curves: IncidenceCurves
    level: float
    ci: IncidenceInterval

    @property
    def causes(self) -> tuple[object, ...]:
        """Labels of the causes."""
        return self.curves.causes

    @property
    def n_used(self) -> int:
        """Rows, or people counted."""
        return self.curves.n_used

    @property
    def n_dropped(self) -> Mapping[str, int]:
        """Rows left out, by reason."""
        return self.curves.n_dropped

    def to_frame(self) -> pd.DataFrame:
        """Return the curves at all their times.

        Returns
        -------
        pandas.DataFrame
            ``[by], cause, time, cumulative_incidence, std_error, conf_low, conf_high``: for each
            group and cause one row for each distinct time at which somebody of the group leaves,
            censored or not. Curves are right-continuous steps: a value holds from its time on.
        """
        return self._frame(
            [(g.curve.times, g.curve.incidence, g.variance) for g in self.curves.groups]
        )

    def at(self, times: npt.ArrayLike) -> pd.DataFrame:
        """Return the curves at given times.

        Parameters
        ----------
        times : float or array_like of float
            The times.

        Returns
        -------
        pandas.DataFrame
            The columns of :meth:`to_frame`, with ``time`` as asked for. 0 before the first event;
            missing before the group's first entry, and beyond its last time unless all have had
            an event by then.

        Raises
        ------
        evalkit.errors.InputError
            If a time is missing or no number.
        """
        asked = asked_times(times)
        return self._frame([(asked, *g.at(asked)) for g in self.curves.groups])

    def at_risk(self, times: npt.ArrayLike) -> pd.DataFrame:
        """Return how many are at risk just before given times.

        Parameters
        ----------
        times : float or array_like of float
            The times.

        Returns
        -------
        pandas.DataFrame
            ``[by], time, at_risk``: the weight of those with ``entry < time <= duration``.

        Raises
        ------
        evalkit.errors.InputError
            If a time is missing or no number.
        """
        asked = asked_times(times)
        return lay_out(
            [
                (g.keys, {"time": asked, "at_risk": g.table.at_risk_at(asked)})
                for g in self.curves.groups
            ]
        )

    def plot(self, ax: Axes | None = None, *, stacked: bool = False, **options: Any) -> Axes:
        """Draw the curves with their confidence bands, or stacked to where everybody is.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure if left out.
        stacked : bool, default False
            Stack the causes of one group instead, up to those who are still in.
        **options
            Passed on to :func:`evalkit.plots.survival.incidence_curves`, or ``stacked_exits``.

        Returns
        -------
        matplotlib.axes.Axes
            The axes.
        """
        from evalkit.plots.survival import incidence_curves, stacked_exits

        draw = stacked_exits if stacked else incidence_curves
        return draw(self.to_frame(), ax=ax, **options)

    def _frame(self, parts: list[tuple[FloatArray, FloatArray, FloatArray]]) -> pd.DataFrame:
        """Stack groups, causes within them, and times within those."""
        frame = lay_out(
            [
                (
                    {**group.keys, "cause": cause},
                    {
                        "time": times,
                        "cumulative_incidence": incidence[:, j],
                        "std_error": variance[:, j],
                    },
                )
                for group, (times, incidence, variance) in zip(
                    self.curves.groups, parts, strict=True
                )
                for j, cause in enumerate(self.causes)
            ]
        )
        variance = frame["std_error"].to_numpy()
        z = [
            np.full(incidence.size, critical_value(self.level, group.df))
            for group, (_, incidence, _) in zip(self.curves.groups, parts, strict=True)
        ]
        low, high = incidence_interval(
            frame["cumulative_incidence"].to_numpy(), variance, np.concatenate(z), self.ci
        )
        return frame.assign(std_error=np.sqrt(variance), conf_low=low, conf_high=high)

    def __repr__(self) -> str:
        """Show the curves at a few times in plain text."""
        return text_block(self._head(), self._some(), self._notes())

    def _repr_html_(self) -> str:
        """Show the curves at a few times in a notebook."""
        return html_table(self._head(), self._some(), self._notes())

    def _some(self) -> pd.DataFrame:
        """Return the curves at a few round times."""
        last = min(float(group.curve.times[-1]) for group in self.curves.groups)
        unit = 10 ** np.floor(np.log10(last)) / 10 if last > 0 else 1.0
        times = np.unique(np.floor(last * np.arange(1, _PRINTED + 1) / _PRINTED / unit) * unit)
        return self.at(np.minimum(times, last))

    def _head(self) -> list[str]:
        """Say what was estimated, how, and on how many."""
        return [
            f"Cumulative incidence of {len(self.causes)} "
            + ("cause" if len(self.causes) == 1 else "causes")
            + (f" by {', '.join(self.curves.by)}" if self.curves.by else ""),
            f"Aalen-Johansen, {self.curves.method}; {self.ci} {100 * self.level:g} % intervals",
            sample_line(self.n_used, self.n_dropped),
        ]

    def _notes(self) -> list[str]:
        """Say where the other rows are."""
        return ["At some times of many: to_frame() has them all, at(times) any others."]


def cumulative_incidence(
    df: Data,
    *,
    duration: str | None = None,
    cause: str | None = None,
    entry: str | None = None,
    by: Names | None = None,
    weights: str | None = None,
    weights_kind: WeightsKind = "case",
    cluster: str | None = None,
    variance: Variance | None = None,
    level: float = 0.95,
    ci: IncidenceInterval = "log-log",
) -> CumulativeIncidence:
    r"""Estimate what share has left for each cause by each time, with the others competing.

    Of those who begin a spell, how many have left it for work by day 365, how many for sickness
    compensation? One minus Kaplan-Meier with other causes censored answers this wrongly (it is
    too high); this is the estimator that adds up: the incidences of all causes and the share still
    in the spell sum to 1 at every time.

    Parameters
    ----------
    df : pandas.DataFrame or Counts
        One row for each person or spell; or counts, which take no other column than `by`.
    duration : str
        Column with the time of exit, in any unit.
    cause : str
        Column with the cause of the exit: 0 where it is censored, any other value names a cause.
    entry : str, optional
        Column with the time from which the row is at risk: on (entry, duration].
    by : str or sequence of str, optional
        Columns that make up the groups; each has curves of its own.
    weights : str, optional
        Column with weights of at least 0.
    weights_kind : {"case", "sampling"}
        Weights are repetitions of rows, or inverse sampling probabilities (then the variance is
        robust).
    cluster : str, optional
        Column that says which rows belong together; the variance adds them up. Several rows of one
        person, such as (entry, duration] pieces, need it. A group of one cluster has no variance.
    variance : {"jackknife", "greenwood", "aalen"}, optional
        See Notes. The infinitesimal jackknife by default; from counts with delayed entry
        Greenwood's.
    level : float, default 0.95
        Confidence level.
    ci : {"log-log", "log", "plain", "arcsine"}
        Scale of the pointwise intervals; see Notes.

    Returns
    -------
    CumulativeIncidence
        ``.to_frame()``, ``.at(times)``, ``.at_risk(times)``, ``.plot(ax)``.

    Raises
    ------
    evalkit.errors.InputError
        If a column does not exist or holds what it must not (missing causes, entries that are
        missing or not before the exit, negative durations), if all rows are censored, or if the
        variance asked for cannot be had.

    Warns
    -----
    EmptyRiskSetWarning
        If nobody is left at risk at some time, and others are observed later.

    Notes
    -----
    With :math:`n(u)` at risk just before u, :math:`d_j(u)` exits for cause j and the product-limit
    estimate S of staying,

    .. math:: F_j(t) = \sum_{u \le t} S(u-) \, d_j(u) / n(u).

    Ties stay ties; at one time exits come first, then censorings, then entries. Rows that lack a
    duration, group or cluster are dropped and counted; a missing cause, entry or weight is an
    error.

    *Variance.* The infinitesimal jackknife, :math:`\sum_i U_i^2` with the derivative U of the
    estimate with respect to the weight of a row (a cluster), is that of R's ``survfit``.
    ``"greenwood"`` takes multinomial increments; it is the same number to the last digit when
    nobody enters late and there are neither clusters nor sampling weights, and is R's
    ``etm::etmCIF``. ``"aalen"`` takes the causes as independent, as R's ``cmprsk::cuminc`` does.
    All agree for large n.

    *Clusters.* Intervals then use quantiles of Student's t with one degree of freedom less than the
    group has clusters; R has normal ones, which cover too rarely with less than some hundred.

    *Intervals.* ``"log-log"`` is symmetric for :math:`\log\{-\log(1 - F)\}`: with one cause it is
    one minus the log-log interval of Kaplan-Meier. ``"log"`` is R's default for multi-state
    models. Plain intervals cover too rarely where F is small or few are at risk. There is no
    interval where the estimate is 0 or 1: both limits equal it.

    References
    ----------
    .. [1] Aalen O, Johansen S (1978). An empirical transition matrix for non-homogeneous Markov
       chains based on censored observations. Scand J Stat 5:141-150.
    .. [2] Andersen PK, Geskus RB, de Witte T, Putter H (2012). Competing risks in epidemiology:
       possibilities and pitfalls. Int J Epidemiol 41:861-870. doi:10.1093/ije/dyr213

    Examples
    --------
    >>> import pandas as pd
    >>> spells = pd.DataFrame({
    ...     "days": [30, 60, 60, 90, 120, 120],
    ...     "exit": ["work", "studies", 0, "work", "work", 0],
    ... })
    >>> exits = cumulative_incidence(spells, duration="days", cause="exit")
    >>> exits.at([60, 90])[["cause", "time", "cumulative_incidence", "std_error"]].round(4)
         cause  time  cumulative_incidence  std_error
    0  studies  60.0                0.1667     0.1521
    1  studies  90.0                0.1667     0.1521
    2     work  60.0                0.1667     0.1521
    3     work  90.0                0.3889     0.2187
    """
    check_choice("ci", ci, INTERVALS)
    curves = IncidenceCurves.read(
        df,
        duration=duration,
        cause=cause,
        entry=entry,
        by=by,
        weights=weights,
        weights_kind=weights_kind,
        cluster=cluster,
        variance=variance,
    )
    return CumulativeIncidence(curves, check_level(level), ci)
