"""Pseudo-values: each person's own contribution to a curve, also where it is censored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from evalkit.core.checks import check_choice
from evalkit.core.columns import Names, plain
from evalkit.core.printing import html_table, sample_line, text_block
from evalkit.core.sample import Sample, read_sample
from evalkit.errors import InputError
from evalkit.kernels.aalen_johansen import AalenJohansen, aalen_johansen, functional
from evalkit.kernels.event_times import TIE, event_times
from evalkit.kernels.influence import influence
from evalkit.survival.groups import asked_times
from evalkit.survival.incidence_curves import rows_of, warn_if_empty
from evalkit.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Measure", "PseudoValues", "pseudo_values"]

Measure: TypeAlias = Literal["survival", "cumulative_incidence", "rmst", "days_lost"]

MEASURES: dict[str, str] = {
    "survival": "Survival",
    "cumulative_incidence": "Cumulative incidence",
    "rmst": "Restricted mean survival time",
    "days_lost": "Time lost to the cause",
}
_OF_A_CAUSE = ("cumulative_incidence", "days_lost")
_AREAS = ("rmst", "days_lost")


@dataclass(frozen=True, eq=False, repr=False)
class PseudoValues:
    """Pseudo-values of the rows used, at some horizons.

    Parameters
    ----------
    values : ndarray of float, shape (n, T)
        One row for each row of the frame that was used, one column a horizon.
    times : ndarray of float, shape (T,)
        The horizons.
    index : pandas.Index, length n
        Index labels of the rows in the frame that they came from.
    rows : ndarray of int, shape (n,)
        Their positions there.
    measure : str
        What the values are of.
    event_of_interest : object
        Label of the cause; None for measures that are not of a cause.
    n_dropped : mapping of str to int
        Rows left out, by reason.
    """

    values: FloatArray
    times: FloatArray
    index: pd.Index[Any]
    rows: IntArray
    measure: Measure
    event_of_interest: object
    n_dropped: Mapping[str, int]

    def to_frame(self) -> pd.DataFrame:
        """Return the values as a frame.

        Returns
        -------
        pandas.DataFrame
            The index of the rows used; one column for each horizon, named by it.
        """
        import pandas as pd

        columns = [plain(time) for time in self.times.tolist()]
        return pd.DataFrame(self.values.copy(), index=self.index, columns=columns)

    def __repr__(self) -> str:
        """Show the mean at each horizon in plain text."""
        return text_block(self._head(), self._means(), ())

    def _repr_html_(self) -> str:
        """Show the mean at each horizon in a notebook."""
        return html_table(self._head(), self._means(), ())

    def _means(self) -> pd.DataFrame:
        """Average the values, which gives the curve itself, and show how far they spread."""
        import pandas as pd

        return pd.DataFrame(
            {
                "time": self.times,
                "mean": self.values.mean(axis=0),
                "lowest": self.values.min(axis=0),
                "highest": self.values.max(axis=0),
            }
        )

    def _head(self) -> list[str]:
        """Say what the values are of, and of how many."""
        of = "" if self.event_of_interest is None else f" ({self.event_of_interest!r})"
        return [
            f"Pseudo-values: {MEASURES[self.measure].lower()}{of}",
            "Estimate + n x infinitesimal jackknife",
            sample_line(len(self.values), self.n_dropped),
        ]


def pseudo_values(
    df: pd.DataFrame,
    *,
    duration: str,
    times: npt.ArrayLike,
    measure: Measure = "survival",
    event: str | None = None,
    cause: str | None = None,
    event_of_interest: object = None,
    entry: str | None = None,
    strata: Names | None = None,
) -> PseudoValues:
    r"""Compute pseudo-values, which stand for persons' outcomes where these are censored.

    Has this person left for work within 365 days? For those who are censored before, nobody knows;
    a pseudo-value answers for everybody, is right on average, and can be the outcome of any
    regression: :func:`evalkit.survival.pseudo_regression` or one of the user's own.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person or spell.
    duration : str
        Column with the time of exit, in any unit.
    times : float or array_like of float
        Horizons: times at which survival or incidence are wanted, or up to which time is averaged.
    measure : {"survival", "cumulative_incidence", "rmst", "days_lost"}
        P(T > t); the cumulative incidence of a cause; the mean time before the horizon; or the time
        lost to a cause before it.
    event, cause : str
        One of the two: a column that is 1 for an event and 0 for censoring, or one with the cause
        and 0 for censoring. Survival and mean time count every cause as the event.
    event_of_interest : object, optional
        Label of the cause, where the measure is of one and there are several.
    entry : str, optional
        Column with the time from which the row is at risk: on (entry, duration].
    strata : str or sequence of str, optional
        Columns within whose groups the values are computed: needed where censoring depends on
        them.

    Returns
    -------
    PseudoValues
        ``.to_frame()`` has the rows used, with their index, and one column a horizon.

    Raises
    ------
    evalkit.errors.InputError
        If a column does not exist or holds what it must not, all rows are censored, a cause is
        needed and not given or not there, or a horizon lies beyond the last time in a stratum in
        which not everybody has had an event.

    Warns
    -----
    EmptyRiskSetWarning
        If nobody is left at risk at some time, and others are observed later.

    Notes
    -----
    .. math:: \hat\theta_i = \hat\theta + n \, U_i

    with the infinitesimal jackknife :math:`U_i`, the derivative of the estimate with respect to
    the weight of row i, in place of leaving out each row in turn; the two agree up to terms of
    order 1/n, and the values average to the estimate exactly. All of it costs O(n). Censoring must
    not depend on what a regression uses, unless through `strata`. R: ``survival::pseudo``.

    References
    ----------
    .. [1] Andersen PK, Perme MP (2010). Pseudo-observations in survival analysis.
       Stat Methods Med Res 19:71-99. doi:10.1177/0962280209105020
    .. [2] Parner ET, Andersen PK, Overgaard M (2023). Regression models for censored time-to-event
       data using infinitesimal jack-knife pseudo-observations. Lifetime Data Anal 29:654-671.
       doi:10.1007/s10985-023-09597-5

    Examples
    --------
    >>> import pandas as pd
    >>> spells = pd.DataFrame({"days": [30, 60, 60, 90, 120], "ended": [1, 1, 0, 1, 0]})
    >>> values = pseudo_values(spells, duration="days", event="ended", times=[45, 90])
    >>> values.to_frame().round(3)
        45    90
    0  0.0  0.00
    1  1.0  0.00
    2  1.0  0.50
    3  1.0 -0.25
    4  1.0  1.25
    """
    check_choice("measure", measure, tuple(MEASURES))
    sample = read_sample(
        df, duration=duration, event=event, cause=cause, entry=entry, strata=strata
    )
    found = values_of(sample, measure, asked_times(times), event_of_interest)
    return PseudoValues(
        values=found,
        times=asked_times(times),
        index=df.index[sample.rows],
        rows=sample.rows,
        measure=measure,
        event_of_interest=_label(sample, measure, event_of_interest),
        n_dropped=sample.n_dropped,
    )


def _label(sample: Sample, measure: Measure, event_of_interest: object) -> object:
    """Settle the cause that the measure is of."""
    if measure not in _OF_A_CAUSE:
        if event_of_interest is not None:
            raise InputError.of(
                "event_of_interest",
                required=f"left out for measure {measure!r}, which counts every cause",
                got=repr(event_of_interest),
            )
        return None
    if event_of_interest is None and len(sample.causes) == 1:
        return sample.causes[0]
    if event_of_interest not in sample.causes:
        raise InputError.of(
            "event_of_interest",
            required="one of the causes",
            got=repr(event_of_interest),
            remedy="Causes: " + ", ".join(repr(cause) for cause in sample.causes) + ".",
        )
    return event_of_interest


def values_of(
    sample: Sample, measure: Measure, times: FloatArray, event_of_interest: object
) -> FloatArray:
    """Compute the values of a sample.

    Parameters
    ----------
    sample : Sample
        The rows; its strata are the groups within which values are computed.
    measure : str
        As in :func:`pseudo_values`.
    times : ndarray of float, shape (T,)
        Horizons.
    event_of_interest : object
        Label of the cause.

    Returns
    -------
    ndarray of float, shape (n, T)
        The values.
    """
    if not sample.event.any():
        raise InputError.of(
            "event" if sample.causes == (1,) else "cause",
            required="not censored in every row",
            got=f"{sample.n} censored rows",
        )
    if measure in _AREAS and not ((times > 0) & (times < np.inf)).all():
        raise InputError.of(
            "times",
            required=f"positive and finite for measure {measure!r}",
            got=", ".join(f"{time:g}" for time in times),
        )
    label = _label(sample, measure, event_of_interest)
    if measure in _OF_A_CAUSE:
        code, n_causes = sample.causes.index(label), sample.n_causes
        happened = sample.event
    else:
        code, n_causes = 0, 1
        happened = (sample.event > 0).astype(np.int64)
    values = np.empty((sample.n, len(times)))
    for stratum in range(max(len(sample.strata_levels), 1)):
        if sample.strata is None:
            mine = np.arange(sample.n)
        else:
            mine = np.flatnonzero(sample.strata == stratum)
        entry = None if sample.entry is None else sample.entry[mine]
        table = event_times(sample.time[mine], happened[mine], n_causes, entry=entry)
        where = f" in stratum {sample.strata_levels[stratum]!r}" if sample.strata_levels else ""
        warn_if_empty(table, where, stacklevel=4)
        curve = aalen_johansen(table)
        _check_horizons(curve, times, sample, stratum)
        phi = (
            np.maximum(times - curve.times[:, None], 0.0)
            if measure in _AREAS
            else (curve.times[:, None] <= times * (1 + TIE)).astype(np.float64)
        )
        rows = rows_of(sample, mine, happened)
        incidence = functional(curve, phi)[:, code]
        own = incidence + len(mine) * influence(curve, rows, phi)[code]
        if measure == "survival":
            own = 1 - own
        elif measure == "rmst":
            own = times - own
        values[mine] = own
    return values


def _check_horizons(curve: AalenJohansen, times: FloatArray, sample: Sample, stratum: int) -> None:
    """Refuse horizons beyond which nothing is known of a stratum."""
    last = float(curve.times[-1])
    if times.max() > last * (1 + TIE) and curve.survival[-1] > 0:
        raise InputError.of(
            "times",
            required=f"at most {last:g}, the last time up to which it is observed who leaves",
            got=f"{times.max():g}",
            where=[f"stratum {sample.strata_levels[stratum]!r}"] if sample.strata_levels else [],
        )
