"""Cumulative hazards by group, by Nelson and Aalen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from evalkit.core.checks import check_choice, check_level
from evalkit.core.columns import Names
from evalkit.core.group_tables import Data
from evalkit.core.printing import html_table, sample_line, text_block
from evalkit.core.sample import WeightsKind
from evalkit.errors import InputError
from evalkit.kernels.cumulative_hazard import CumulativeHazard, cumulative_hazard, hazard_limits
from evalkit.kernels.curve_influence import hazard_increments, variance
from evalkit.kernels.numeric import critical_value
from evalkit.kernels.product_limit import step
from evalkit.survival.groups import (
    GroupCurve,
    asked_times,
    group_curves,
    lay_out,
    read_groups,
    since_last,
)
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["NelsonAalen", "nelson_aalen"]


@dataclass(frozen=True, eq=False, repr=False)
class NelsonAalen:
    """Cumulative hazards by group, as :func:`nelson_aalen` gives them.

    Parameters
    ----------
    by : tuple of str
        Names of the key columns; empty if there is one curve.
    curves : tuple of GroupCurve
        Event times and risk sets by group.
    hazards : tuple of CumulativeHazard
        The hazards, one for each group.
    level : float
        Confidence level of the intervals.
    ci : {"log", "plain"}
        Scale on which the intervals are symmetric.
    method : str
        How the estimates and intervals were computed.
    n_used : int
        Rows, or people counted.
    n_dropped : mapping of str to int
        Rows left out, by reason.
    """

    by: tuple[str, ...]
    curves: tuple[GroupCurve, ...]
    hazards: tuple[CumulativeHazard, ...]
    level: float
    ci: Literal["log", "plain"]
    method: str
    n_used: int
    n_dropped: Mapping[str, int] = field(default_factory=dict[str, int])

    def to_frame(self) -> pd.DataFrame:
        """Return the hazards at every time at which somebody leaves.

        Returns
        -------
        pandas.DataFrame
            The key columns, then ``time, at_risk, events, censored, cumulative_hazard, std_error,
            conf_low, conf_high``.
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
                    | self._hazard(curve, found.hazard, found.variance),
                )
                for curve, found in zip(self.curves, self.hazards, strict=True)
            ]
        )

    def at(self, times: npt.ArrayLike) -> pd.DataFrame:
        """Return the cumulative hazard at any times.

        Parameters
        ----------
        times : float or array_like of float, shape (m,)
            Times, in any order.

        Returns
        -------
        pandas.DataFrame
            The columns of :meth:`to_frame`: 0 before the first event, missing before the first
            entry and after the last observed time. Counts are since the time asked for before.

        Raises
        ------
        evalkit.errors.InputError
            If a time is no number.
        """
        asked = asked_times(times)
        parts: list[tuple[Mapping[str, object], dict[str, FloatArray]]] = []
        for curve, found in zip(self.curves, self.hazards, strict=True):
            events, censored = since_last(curve.limit.table, asked)
            columns = {
                "time": asked,
                "at_risk": curve.limit.table.at_risk_at(asked),
                "events": events,
                "censored": censored,
            }
            beyond = np.where(asked > curve.limit.times[-1], np.nan, 0.0)
            hazard = step(curve.limit, found.hazard, 0.0, asked) + beyond
            spread = step(curve.limit, found.variance, 0.0, asked) + beyond
            parts.append((curve.keys, columns | self._hazard(curve, hazard, spread)))
        return lay_out(parts)

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the cumulative hazards with their intervals.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure if left out.
        **options
            Passed to :func:`evalkit.plots.survival.cumulative_hazards`, such as ``limits`` and
            ``lang``.

        Returns
        -------
        matplotlib.axes.Axes
            The axes.
        """
        from evalkit.plots.survival import cumulative_hazards

        return cumulative_hazards(self.to_frame(), by=list(self.by) or None, ax=ax, **options)

    def _hazard(
        self, curve: GroupCurve, hazard: FloatArray, spread: FloatArray
    ) -> dict[str, FloatArray]:
        """Hazard, its standard error and its limits, as columns."""
        z = critical_value(self.level, curve.df)
        low, high = hazard_limits(hazard, spread, z, self.ci)
        return {
            "cumulative_hazard": hazard,
            "std_error": np.sqrt(spread),
            "conf_low": low,
            "conf_high": high,
        }

    def _last(self) -> pd.DataFrame:
        """The hazards at the last observed time of every group."""
        frame = self.to_frame()
        if not self.by:
            return frame.tail(1)
        return frame.groupby(list(self.by), sort=False, observed=True).tail(1)

    def __repr__(self) -> str:
        """Show where the hazards end in a few lines of plain text."""
        return text_block(self._head(), self._last(), ())

    def _repr_html_(self) -> str:
        """Show where the hazards end in a notebook."""
        return html_table(self._head(), self._last(), ())

    def _head(self) -> list[str]:
        """Say what was estimated, how, and on how many."""
        return [
            "Cumulative hazard at the last observed time"
            + (f" by {', '.join(self.by)}" if self.by else ""),
            f"{self.method}; {100 * self.level:g} % intervals",
            sample_line(self.n_used, self.n_dropped),
        ]


def nelson_aalen(
    df: Data,
    *,
    duration: str | None = None,
    event: str | None = None,
    entry: str | None = None,
    by: Names | None = None,
    weights: str | None = None,
    cluster: str | None = None,
    weights_kind: WeightsKind = "case",
    level: float = 0.95,
    ci: Literal["log", "plain"] = "log",
    ties: Literal["aalen", "fleming-harrington"] = "aalen",
) -> NelsonAalen:
    r"""Estimate the cumulative hazard: how many events a person who stays would have had by then.

    Parameters
    ----------
    df : pandas.DataFrame or evalkit.core.counts.Counts
        One row for each person or spell, or counts, which take no other column than ``by``.
    duration : str
        Column with the time of exit, in any unit: finite and at least 0.
    event : str
        Column that is 1 (or True) for an event and 0 for censoring.
    entry : str, optional
        Column with the time from which the row is at risk.
    by : str or sequence of str, optional
        Columns that make up the groups.
    weights : str, optional
        Column with weights of at least 0.
    cluster : str, optional
        Column that says which rows belong together; the variance is then robust.
    weights_kind : {"case", "sampling"}
        Whether weights are repetitions or inverse sampling probabilities; the variance of the
        latter is robust.
    level : float, default 0.95
        Confidence level.
    ci : {"log", "plain"}
        Scale on which the intervals are symmetric.
    ties : {"aalen", "fleming-harrington"}
        Whether tied events count d/n, or 1/n + 1/(n - 1) + ... as if they happened one after the
        other; the latter needs whole numbers of events and has no robust variance.

    Returns
    -------
    NelsonAalen
        The hazards; see its methods ``to_frame``, ``at`` and ``plot``.

    Raises
    ------
    evalkit.errors.InputError
        As :func:`evalkit.survival.kaplan_meier` does.

    Warns
    -----
    EmptyRiskSetWarning
        As :func:`evalkit.survival.kaplan_meier` does.

    Notes
    -----
    :math:`H(t) = \sum_{t_k \le t} d_k / n_k` with variance :math:`\sum d_k / n_k^2` [1]_; with
    sampling weights or clusters the variance is the sum of squared contributions. With clusters,
    intervals use quantiles of Student's t with one degree of freedom less than the group has
    clusters.

    R: ``survfit(Surv(entry, duration, event) ~ by, ctype = 1)$cumhaz`` and ``$std.chaz``
    (``ctype = 2`` for "fleming-harrington").

    References
    ----------
    .. [1] Aalen O (1978). Nonparametric inference for a family of counting processes.
       Ann Stat 6:701-726. doi:10.1214/aos/1176344247

    Examples
    --------
    >>> import pandas as pd
    >>> spells = pd.DataFrame({"days": [30, 60, 95, 200], "ended": [1, 1, 0, 1]})
    >>> hazard = nelson_aalen(spells, duration="days", event="ended")
    >>> hazard.at(90)["cumulative_hazard"].round(4).tolist()
    [0.5833]
    """
    check_choice("ci", ci, ("log", "plain"))
    check_choice("ties", ties, ("aalen", "fleming-harrington"))
    level = check_level(level)
    robust = cluster is not None or weights_kind == "sampling"
    one_by_one = ties == "fleming-harrington"
    if one_by_one and robust:
        raise InputError.of("ties", required="'aalen' for a robust variance", got=repr(ties))
    groups = read_groups(
        df,
        duration=duration,
        event=event,
        entry=entry,
        by=by,
        weights=weights,
        cluster=cluster,
        weights_kind=weights_kind,
    )
    if one_by_one and any((table.events % 1 != 0).any() for table in groups.tables):
        raise InputError.of(
            "ties", required="'aalen' where weights are not whole numbers", got=repr(ties)
        )
    curves = group_curves(groups, robust=robust)
    hazards: list[CumulativeHazard] = []
    for curve in curves:
        table = curve.limit.table
        found = cumulative_hazard(table, fleming_harrington=one_by_one)
        if curve.rows is not None:
            found = CumulativeHazard(found.hazard, variance(curve.rows, hazard_increments(table)))
        hazards.append(found)
    name = "Fleming-Harrington" if one_by_one else "Nelson-Aalen"
    variance_name = "robust variance" if robust else "variance of counts"
    if cluster is not None:
        variance_name += " over clusters, Student's t"
    return NelsonAalen(
        by=groups.by,
        curves=curves,
        hazards=tuple(hazards),
        level=level,
        ci=ci,
        method=f"{name}, {variance_name}, {ci} scale",
        n_used=groups.n_used,
        n_dropped=groups.n_dropped,
    )
