"""Averages with the treatment set to each value, their differences and ratios."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core.results import EffectTable
from evalkit.errors import InputError
from evalkit.kernels.aalen_johansen import incidence_interval
from evalkit.kernels.numeric import critical_value
from evalkit.kernels.wald import wald
from evalkit.survival.standardised_source import Source
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["Measure", "Standardised", "lay_out"]

_ESTIMANDS = {
    "survival": "survival",
    "cumulative_incidence": "cumulative incidence",
    "rmst": "restricted mean time",
    "time_lost": "time lost",
}


@dataclass(frozen=True, slots=True)
class Measure:
    """One quantity that is averaged.

    Attributes
    ----------
    name : str
        ``"survival"``, ``"cumulative_incidence"``, ``"rmst"`` or ``"time_lost"``.
    cause : object
        Its cause; None if it has none.
    time : float
        Its time or horizon.
    """

    name: str
    cause: object
    time: float


@dataclass(frozen=True, eq=False, repr=False)
class Standardised:
    """Averages with the treatment set to each value, and how they differ.

    Parameters
    ----------
    effects : EffectTable
        All rows: see :meth:`to_frame`.
    vcov : ndarray of float, shape (L, L)
        Covariances of the averages, in the order of the first L rows of the table.
    treatment : str
        The treatment.
    values : tuple
        Its values.
    reference : object
        The value that others are compared with.
    """

    effects: EffectTable
    vcov: FloatArray
    treatment: str
    values: tuple[object, ...]
    reference: object

    @property
    def n_used(self) -> int:
        """Rows of the fit."""
        return self.effects.n_used

    @property
    def n_dropped(self) -> Mapping[str, int]:
        """Rows left out of the fit, by reason."""
        return self.effects.n_dropped

    def to_frame(self) -> pd.DataFrame:
        """Return averages, differences and ratios.

        Returns
        -------
        pandas.DataFrame
            Columns ``cause`` (if there are causes), ``time`` (or the horizon), ``term, contrast,
            estimate, std_error, statistic, df, p_value, conf_low, conf_high, n, scale``. Terms
            are ``survival``, ``cumulative_incidence``, ``rmst`` and ``time_lost`` for the
            averages, the contrast naming the treatment's value; and these with ``_difference``
            and ``_ratio`` for other against reference, where ratios have standard errors and
            tests of their logarithm.
        """
        return self.effects.to_frame()

    def curves(self) -> pd.DataFrame:
        """Return the averages over time, one column for the treatment's value.

        Returns
        -------
        pandas.DataFrame
            Columns ``cause`` (if there are causes), the treatment, ``time, survival`` or
            ``cumulative_incidence, std_error, conf_low, conf_high``. With several causes survival
            is left out.

        Raises
        ------
        evalkit.errors.InputError
            If no times were asked for.
        """
        import pandas as pd

        frame = self.to_frame()
        name = "cumulative_incidence" if "cause" in frame else "survival"
        part = frame[frame["term"] == name]
        if part.empty:
            raise InputError.of(
                "times", required="asked for, to have curves", got="horizons tau only"
            )
        keys = ["cause"] if "cause" in frame else []
        by_name = {str(value): value for value in self.values}
        part = part.rename(columns={"estimate": name})
        part[self.treatment] = pd.Series([by_name[text] for text in part["contrast"]], part.index)
        wanted = [*keys, self.treatment, "time", name, "std_error", "conf_low", "conf_high"]
        return part[wanted].reset_index(drop=True)

    def plot(self, ax: Axes | None = None, **more: object) -> Axes:
        """Draw the averages over time, one curve for each value of the treatment.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure if left out.
        **more : object
            Passed on to :func:`evalkit.plots.survival.survival_curves`, or to
            :func:`evalkit.plots.survival.incidence_curves` where there are causes.

        Returns
        -------
        matplotlib.axes.Axes
            The axes.
        """
        from typing import Any, cast

        from evalkit.plots import survival as plots

        frame = self.curves()
        drawn = plots.incidence_curves if "cause" in frame else plots.survival_curves
        return cast("Any", drawn)(frame, ax=ax, **more)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.effects)

    def __repr__(self) -> str:
        """Show the table in at most fifteen lines of plain text."""
        return repr(replace(self.effects, data=self.to_frame().drop(columns=["n", "scale"])))

    def _repr_html_(self) -> str:
        """Show the table in a notebook."""
        return self.effects._repr_html_()  # pyright: ignore[reportPrivateUsage]


def lay_out(
    source: Source,
    measures: Sequence[Measure],
    estimate: FloatArray,
    vcov: FloatArray,
    *,
    treatment: str,
    values: Sequence[object],
    base: int,
    level: float,
    over: str,
) -> Standardised:
    """Add intervals, differences and ratios to averages.

    Parameters
    ----------
    source : Source
        The model.
    measures : sequence of Measure, length m
        What was averaged.
    estimate : ndarray of float, shape (v m,)
        Averages, by value of the treatment and then by measure.
    vcov : ndarray of float, shape (v m, v m)
        Their covariances.
    treatment : str
        The treatment.
    values : sequence, length v
        Its values.
    base : int
        Position of the reference.
    level : float
        Confidence level.
    over : str
        Over whom was averaged.

    Returns
    -------
    Standardised
        The result.
    """
    m = len(measures)
    blocks = [_averages(measures, estimate, vcov, values, level, source.ways.df)]
    for i in range(len(values)):
        if i != base:
            pair = np.r_[i * m : (i + 1) * m, base * m : (base + 1) * m]
            names = (str(values[i]), str(values[base]))
            part = vcov[np.ix_(pair, pair)]
            blocks += _contrasts(measures, estimate[pair], part, names, level, source.ways.df)
    columns = {name: [x for block in blocks for x in block[name]] for name in blocks[0]}
    if not source.causes:
        columns.pop("cause")
    wanted = dict.fromkeys(_ESTIMANDS[measure.name] for measure in measures)
    effects = EffectTable.of(
        {**columns, "n": source.sample.n},
        estimand=f"Mean {', '.join(wanted)} over {over}, by {treatment} (against {values[base]!s})",
        method=f"g-formula from {source.method}; jackknife standard errors",
        level=level,
        n_used=source.sample.n,
        n_dropped=source.sample.n_dropped,
    )
    return Standardised(effects, vcov, treatment, tuple(values), values[base])


def _keys(measures: Sequence[Measure], suffix: str, times: int = 1) -> dict[str, list[object]]:
    """Columns that say which measure a row is of."""
    return {
        "cause": ["" if one.cause is None else one.cause for one in measures] * times,
        "time": [one.time for one in measures] * times,
        "term": [one.name + suffix for one in measures] * times,
    }


def _averages(
    measures: Sequence[Measure],
    estimate: FloatArray,
    vcov: FloatArray,
    values: Sequence[object],
    level: float,
    df: float,
) -> dict[str, list[object]]:
    """Rows of the averages."""
    error = np.sqrt(np.maximum(np.diagonal(vcov), 0.0))
    z = critical_value(level, df)
    low, high = estimate - z * error, estimate + z * error
    names = np.array([one.name for one in measures] * len(values))
    for name in ("survival", "cumulative_incidence"):
        chosen = names == name
        share = estimate[chosen] if name == "cumulative_incidence" else 1 - estimate[chosen]
        ends = incidence_interval(share, error[chosen] ** 2, z, "log-log")
        ends = ends if name == "cumulative_incidence" else (1 - ends[1], 1 - ends[0])
        low[chosen], high[chosen] = ends
    blank = np.full(len(estimate), np.nan)
    known = np.full(len(estimate), df if np.isfinite(df) else np.nan)
    return {
        **_keys(measures, "", len(values)),
        "contrast": [str(value) for value in values for _ in measures],
        "estimate": estimate.tolist(),
        "std_error": error.tolist(),
        "statistic": blank.tolist(),
        "df": known.tolist(),
        "p_value": blank.tolist(),
        "conf_low": low.tolist(),
        "conf_high": high.tolist(),
        "scale": ["mean"] * len(estimate),
    }


def _contrasts(
    measures: Sequence[Measure],
    estimate: FloatArray,
    vcov: FloatArray,
    names: tuple[str, str],
    level: float,
    df: float,
) -> list[dict[str, list[object]]]:
    """Rows of the differences and of the ratios of one value against the reference."""
    m = len(measures)
    one, other = estimate[:m], estimate[m:]
    both = np.diagonal(vcov)[:m], np.diagonal(vcov)[m:], np.diagonal(vcov, m)
    apart = np.sqrt(np.maximum(both[0] + both[1] - 2 * both[2], 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = both[0] / one**2 + both[1] / other**2 - 2 * both[2] / (one * other)
        ratio = wald(np.log(one / other), np.sqrt(np.maximum(relative, 0.0)), level, df)
    for column in ("estimate", "conf_low", "conf_high"):
        ratio[column] = np.exp(ratio[column])
    difference = wald(one - other, apart, level, df)
    tables = (
        ("_difference", f"{names[0]} - {names[1]}", difference, "difference"),
        ("_ratio", f"{names[0]} / {names[1]}", ratio, "ratio (std_error of its logarithm)"),
    )
    return [
        {
            **_keys(measures, suffix),
            "contrast": [contrast] * m,
            **{name: column.tolist() for name, column in table.items()},
            "scale": [scale] * m,
        }
        for suffix, contrast, table, scale in tables
    ]
