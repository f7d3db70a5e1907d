"""Life tables: survival by intervals of time, with exits spread evenly over each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core.checks import check_choice, check_level
from evalkit.core.columns import Names
from evalkit.core.group_tables import Data
from evalkit.core.printing import html_table, sample_line, text_block
from evalkit.errors import InputError
from evalkit.kernels.life_table import LifeTable, life_table_of
from evalkit.kernels.numeric import normal_quantile
from evalkit.kernels.product_limit import survival_limits
from evalkit.survival.curve_results import CI_SCALES, CurveCI
from evalkit.survival.groups import asked_times, lay_out, read_groups
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LifeTables", "life_table"]


@dataclass(frozen=True, eq=False, repr=False)
class LifeTables:
    """Life tables by group, as :func:`life_table` gives them.

    Parameters
    ----------
    data : pandas.DataFrame
        The tables below each other.
    level : float
        Confidence level of the intervals.
    method : str
        How the estimates and intervals were computed.
    n_used : int
        Rows, or people counted.
    n_dropped : mapping of str to int
        Rows left out, by reason.
    """

    data: pd.DataFrame
    level: float
    method: str
    n_used: int
    n_dropped: Mapping[str, int] = field(default_factory=dict[str, int])

    def to_frame(self) -> pd.DataFrame:
        """Return the tables.

        Returns
        -------
        pandas.DataFrame
            The key columns; ``start, end`` of the half-open interval; ``at_risk`` at its start;
            ``events, censored`` in it; ``exposed``, those at risk less half of the censored;
            ``risk``, the probability of the event in the interval for those who reach it;
            ``survival`` at its end with ``std_error, conf_low, conf_high``; ``share``, the
            probability of the event in the interval; ``hazard`` per unit of time with
            ``hazard_std_error`` (missing in the last interval, which has no end). Where everybody
            has left before the interval, some of them censored, survival and share are missing.
        """
        return self.data.copy()

    def __repr__(self) -> str:
        """Show the tables in a few lines of plain text."""
        return text_block(self._head(), self.data, ())

    def _repr_html_(self) -> str:
        """Show the tables in a notebook."""
        return html_table(self._head(), self.data, ())

    def _head(self) -> list[str]:
        """Say what was estimated, how, and on how many."""
        return [
            "Life table: survival at the end of each interval",
            f"{self.method}; {100 * self.level:g} % intervals",
            sample_line(self.n_used, self.n_dropped),
        ]


def life_table(
    df: Data,
    *,
    duration: str | None = None,
    event: str | None = None,
    breaks: Sequence[float] = (90, 180, 365),
    by: Names | None = None,
    weights: str | None = None,
    level: float = 0.95,
    ci: CurveCI = "log-log",
) -> LifeTables:
    r"""Tabulate survival by intervals of time.

    For durations that are known exactly, :func:`evalkit.survival.kaplan_meier` and its ``shares``
    lose nothing; a life table is for durations known by interval, and for comparison with
    published ones.

    Parameters
    ----------
    df : pandas.DataFrame or evalkit.core.counts.Counts
        One row for each person or spell, or counts, which take no other column than ``by``.
    duration : str
        Column with the time of exit, in any unit: finite and at least 0.
    event : str
        Column that is 1 (or True) for an event and 0 for censoring.
    breaks : sequence of float, default (90, 180, 365)
        Increasing limits of the intervals. They are half-open: what happens at 90 is counted in
        the interval that starts at 90. The first starts at 0 and the last has no end.
    by : str or sequence of str, optional
        Columns that make up the groups.
    weights : str, optional
        Column with case weights.
    level : float, default 0.95
        Confidence level.
    ci : {"log-log", "log", "plain", "arcsine"}
        Scale on which the intervals of survival are symmetric.

    Returns
    -------
    LifeTables
        The tables.

    Raises
    ------
    evalkit.errors.InputError
        As :func:`evalkit.survival.kaplan_meier` does; also if ``breaks`` are not positive and
        increasing, or counts have delayed entry, for which a life table is not defined.

    Notes
    -----
    Of :math:`n` at risk at the start of an interval, :math:`c` censored and :math:`d` with an event
    in it, :math:`n' = n - c/2` are exposed. The risk is :math:`q = d/n'`, survival at the end the
    product of :math:`1 - q`, its standard error
    :math:`S \{\sum d / (n' (n' - d))\}^{1/2}`, and the hazard over a width :math:`w` is
    :math:`h = d / \{w (n' - d/2)\}` with standard error
    :math:`h \{(1 - (hw/2)^2) / d\}^{1/2}` (Gehan [1]_). R: ``KMsurv::lifetab``, which states
    survival at the start of the interval.

    References
    ----------
    .. [1] Gehan EA (1969). Estimating survival functions from the life table. J Chronic Dis
       21:629-644. doi:10.1016/0021-9681(69)90035-6

    Examples
    --------
    >>> import pandas as pd
    >>> spells = pd.DataFrame({"days": [30, 60, 90, 120, 400], "ended": [1, 0, 1, 1, 0]})
    >>> life_table(spells, duration="days", event="ended").to_frame()["survival"].round(4).tolist()
    [0.7778, 0.2593, 0.2593, 0.2593]
    """
    check_choice("ci", ci, CI_SCALES)
    level = check_level(level)
    limits = asked_times(list(breaks), "breaks")
    if limits[0] <= 0 or (np.diff(limits) <= 0).any() or np.isinf(limits).any():
        raise InputError.of("breaks", required="positive and increasing", got=f"{limits.tolist()}")
    groups = read_groups(
        df,
        duration=duration,
        event=event,
        entry=None,
        by=by,
        weights=weights,
        cluster=None,
        weights_kind="case",
    )
    if any(len(table.entry_times) for table in groups.tables):
        raise InputError.of(
            "df",
            required="without delayed entry",
            got="counts with entries",
            remedy="Use kaplan_meier(...).shares().",
        )
    z = normal_quantile(level)
    parts: list[tuple[Mapping[str, object], Mapping[str, FloatArray]]] = []
    for i, table in enumerate(groups.tables):
        found: LifeTable = life_table_of(table, limits)
        low, high = survival_limits(found.survival, found.log_variance, z, ci)
        known = np.where(found.survival > 0, found.survival, np.nan)
        parts.append(
            (
                groups.keys(i),
                {
                    "start": found.start,
                    "end": found.end,
                    "at_risk": found.at_risk,
                    "events": found.events,
                    "censored": found.censored,
                    "exposed": found.exposed,
                    "risk": found.risk,
                    "survival": found.survival,
                    "std_error": known * np.sqrt(found.log_variance),
                    "conf_low": low,
                    "conf_high": high,
                    "share": np.append(1.0, found.survival[:-1]) - found.survival,
                    "hazard": found.hazard,
                    "hazard_std_error": found.hazard_std_error,
                },
            )
        )
    return LifeTables(
        data=lay_out(parts),
        level=level,
        method=f"Actuarial, Greenwood's variance, {ci} scale",
        n_used=groups.n_used,
        n_dropped=groups.n_dropped,
    )
