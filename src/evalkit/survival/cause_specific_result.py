"""Cox models of several causes, and the incidences and times lost that they imply together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from evalkit.core.checks import check_level
from evalkit.core.printing import html_table, sample_line, text_block
from evalkit.core.sample import Sample
from evalkit.errors import InputError
from evalkit.kernels.aalen_johansen import incidence_interval
from evalkit.kernels.hazard_fit import HazardFit, from_cox
from evalkit.kernels.numeric import critical_value
from evalkit.kernels.standardise import average, influences, patterns
from evalkit.kernels.time_index import TIE
from evalkit.survival.cox_result import CoxModel
from evalkit.survival.predicting import prediction_times, strata_codes
from evalkit.survival.robust import Ways, covariance
from evalkit.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["CauseSpecificCox"]

_NONE = np.zeros(0)


@dataclass(frozen=True, eq=False, repr=False)
class CauseSpecificCox:
    """Cox models of the rates of all causes.

    Printing shows the coefficients; :meth:`to_frame` gives them as numbers.

    Parameters
    ----------
    models : mapping of cause to CoxModel
        The model of each cause.
    sample : Sample
        The rows used, with all causes.
    level : float
        Confidence level.
    """

    models: Mapping[object, CoxModel]
    sample: Sample
    level: float

    @property
    def causes(self) -> tuple[object, ...]:
        """Labels of the causes."""
        return tuple(self.models)

    @property
    def n_used(self) -> int:
        """Rows used."""
        return self.sample.n

    @property
    def n_dropped(self) -> Mapping[str, int]:
        """Rows left out, by reason."""
        return self.sample.n_dropped

    @cached_property
    def hazards(self) -> tuple[HazardFit, ...]:
        """The fits as predictions need them, with the influence of every row."""
        for cause, model in self.models.items():
            if model.fit.infinite.any() or not model.fit.converged:
                raise InputError.of(
                    "formula",
                    required="of covariates whose coefficients are finite, to predict",
                    got=f"a fit without maximum for cause {cause!r}",
                    remedy="Merge levels that go with no event of the cause.",
                )
        return tuple(from_cox(model.fit) for model in self.models.values())

    def to_frame(self, *, exponentiate: bool | None = None) -> pd.DataFrame:
        """Return the coefficients of all causes.

        Parameters
        ----------
        exponentiate : bool, optional
            Whether to give hazard ratios with their intervals; ``std_error`` stays on the log
            scale. As in the call of the fit if left out.

        Returns
        -------
        pandas.DataFrame
            Columns ``cause, term, contrast, estimate, std_error, statistic, df, p_value,
            conf_low, conf_high, n``, and ``scale``.
        """
        import pandas as pd

        parts: list[pd.DataFrame] = []
        for cause, model in self.models.items():
            part = model.to_frame(exponentiate=exponentiate)
            part.insert(0, "cause", [cause] * len(part))
            parts.append(part)
        return pd.concat(parts, ignore_index=True)

    def cumulative_incidence(
        self, newdata: pd.DataFrame, times: npt.ArrayLike, *, level: float | None = None
    ) -> pd.DataFrame:
        r"""Predict the share that has left for each cause by each time.

        Parameters
        ----------
        newdata : pandas.DataFrame
            One row for each person, with the formulas' variables and the strata.
        times : array_like
            Times, at least 0.
        level : float, optional
            Confidence level; that of the fit if left out.

        Returns
        -------
        pandas.DataFrame
            Columns ``row`` (the index label in `newdata`), ``cause, time, cumulative_incidence,
            std_error, conf_low, conf_high``. NaN beyond the stratum's last time observed, and
            before its first entry.

        Notes
        -----
        With the steps :math:`h_c(u)` of the predicted hazards and h their sum,
        :math:`F_c(t) = \sum_{u \le t} S(u-) \frac{1 - e^{-h(u)}}{h(u)} h_c(u)` and
        :math:`S(t) = e^{-\sum h}`, so that the incidences and S sum to 1. The variance is the
        infinitesimal jackknife (by cluster), the interval symmetric in log(-log(1 - F)).

        R: ``survfit(coxph(..., ties = "breslow"), newdata)`` for several states does the same.
        ``riskRegression::predict`` takes :math:`h_c` itself for the share, and a product for S.
        """
        return self._predict("cumulative_incidence", newdata, times, level)

    def days_lost(
        self, newdata: pd.DataFrame, tau: npt.ArrayLike, *, level: float | None = None
    ) -> pd.DataFrame:
        r"""Predict the mean time lost to each cause before a horizon.

        Parameters
        ----------
        newdata : pandas.DataFrame
            One row for each person, with the formulas' variables and the strata.
        tau : array_like
            Horizons.
        level : float, optional
            Confidence level; that of the fit if left out.

        Returns
        -------
        pandas.DataFrame
            Columns ``row, cause, tau, time_lost, std_error, conf_low, conf_high``. NaN beyond the
            stratum's last time observed.

        Notes
        -----
        :math:`\int_0^\tau F_c(t) dt`, with Wald intervals; see :meth:`cumulative_incidence`.
        """
        return self._predict("time_lost", newdata, tau, level)

    def _predict(
        self, quantity: str, newdata: pd.DataFrame, times: npt.ArrayLike, level: float | None
    ) -> pd.DataFrame:
        """Predict one quantity for every row, cause and time."""
        import pandas as pd

        lost = quantity == "time_lost"
        asked = prediction_times(times, "tau" if lost else "times")
        level = self.level if level is None else check_level(level)
        rows = [
            fit.rows(model.coding.apply(newdata))
            for fit, model in zip(self.hazards, self.models.values(), strict=True)
        ]
        first = next(iter(self.models.values()))
        strata = strata_codes(newdata, first.strata, self.sample.strata_levels)
        shape = (len(newdata), len(self.causes), len(asked))
        value, error = np.full(shape, np.nan), np.full(shape, np.nan)
        for i, s in enumerate(strata):
            risk = first.fit.risk
            seen = (asked <= risk.end[s] * (1 + TIE)) & (asked >= risk.start[s] * (1 - TIE))
            here = [x[[i]] for x in rows]
            value[i][:, seen], error[i][:, seen] = self._one(here, strata[[i]], asked[seen], lost)
        z = critical_value(level, self.ways.df)
        low, high = value - z * error, value + z * error
        if not lost:
            low, high = incidence_interval(value, error**2, z, "log-log")
        index = np.repeat(np.arange(shape[0]), shape[1] * shape[2])
        causes = [cause for cause in self.causes for _ in range(shape[2])] * shape[0]
        return pd.DataFrame(
            {
                "row": newdata.index[index],
                "cause": causes,
                "tau" if lost else "time": np.tile(asked, shape[0] * shape[1]),
                quantity: value.ravel(),
                "std_error": error.ravel(),
                "conf_low": low.ravel(),
                "conf_high": high.ravel(),
            }
        )

    def _one(
        self, rows: list[FloatArray], stratum: IntArray, asked: FloatArray, lost: bool
    ) -> tuple[FloatArray, FloatArray]:
        """Estimates and standard errors for one person, shape (C, T) each."""
        n_causes = len(self.causes)
        person = patterns(self.hazards, rows, stratum, np.ones(1))
        times, ends = (_NONE, asked) if lost else (asked, _NONE)
        found = average(self.hazards, person, times, ends)
        moved = influences(self.hazards, found)
        error = np.sqrt(np.diagonal(covariance(moved, self.ways)))
        if n_causes == 1:
            stay = found.values[0]
            return ((asked - stay) if lost else (1 - stay))[None, :], error[None, :]
        parts = slice(len(asked), None)  # after the stay come the causes
        return (
            found.values[0, parts].reshape(n_causes, -1),
            error[parts].reshape(n_causes, -1),
        )

    @cached_property
    def ways(self) -> Ways:
        """How rows add up to independent units."""
        first = next(iter(self.models.values()))
        return Ways.of(self.sample, first.clusters)

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

        frame = self.to_frame(exponentiate=False)
        frame["term"] = frame["cause"].astype(str) + ": " + frame["term"]
        return coefficient_forest(frame, ax=ax, **options)

    def __repr__(self) -> str:
        """Show the coefficients in at most fifteen lines of plain text."""
        return text_block(self._head(), self._shown(), self._notes())

    def _repr_html_(self) -> str:
        """Show the coefficients in a notebook."""
        return html_table(self._head(), self._shown(), self._notes())

    def _shown(self) -> pd.DataFrame:
        """Return the coefficients without the column that says their scale."""
        return self.to_frame().drop(columns="scale")

    def _notes(self) -> tuple[str, ...]:
        """Return what the models say beside their coefficients, once each, but for their tests."""
        said: dict[str, list[str]] = {}
        for cause, model in self.models.items():
            for note in model.coefficients.notes[1:]:
                said.setdefault(note, []).append(repr(cause))
        return tuple(
            note if len(causes) == len(self.models) else f"{', '.join(causes)}: {note}"
            for note, causes in said.items()
        )

    def _head(self) -> list[str]:
        """Say what was estimated, how, and on how many."""
        first = next(iter(self.models.values()))
        events = (f"{cause!r}: {m.n_events}" for cause, m in self.models.items())
        what = "Hazard ratios" if first.exponentiated else "Log hazard ratios"
        return [
            f"{what} of every cause; events {', '.join(events)}",
            f"{first.coefficients.method}; {100 * self.level:g} % intervals",
            sample_line(self.sample.n, self.sample.n_dropped),
        ]
