"""What a confounder that was left out could do to an estimate: summary, benchmarks, contours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from evalkit.core.checks import check_choice, check_share
from evalkit.core.printing import html_table, sample_line, text_block
from evalkit.errors import InputError
from evalkit.kernels.numeric import critical_value, two_sided_p
from evalkit.kernels.omitted_bias import adjusted
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from evalkit.core.typography import Lang

__all__ = ["OmittedVariable", "adjusted_columns"]

_GRID = 121


@dataclass(frozen=True, eq=False, repr=False)
class OmittedVariable:
    """What a confounder could do to an estimate; build one with :func:`omitted_variable`.

    Parameters
    ----------
    outcome, contrast : str
        The outcome, and the groups compared.
    estimate, std_error : float
        The treatment's coefficient and its classical standard error.
    df : float
        Residual degrees of freedom.
    partial_r2 : float
        Share of the outcome's residual variance that the treatment explains. A confounder that
        explains all of the rest must explain as much of the treatment to take the estimate away.
    q : float
        Share of the estimate that is asked about.
    robustness, robustness_limit : float
        Robustness values: the share of both residual variances that a confounder must explain to
        take away a share q of the estimate; and for the interval to include what is left.
    level : float
        Confidence level.
    bounds : pandas.DataFrame
        Confounders as strong as covariates: ``bound, r2_treatment, r2_outcome, estimate,
        std_error, statistic, conf_low, conf_high``.
    n_used : int
        Rows used.
    n_dropped : mapping of str to int
        Rows left out, by reason.
    notes : tuple of str
        Sentences that belong with the numbers.
    """

    outcome: str
    contrast: str
    estimate: float
    std_error: float
    df: float
    partial_r2: float
    q: float
    robustness: float
    robustness_limit: float
    level: float
    bounds: pd.DataFrame
    n_used: int
    n_dropped: Mapping[str, int] = field(default_factory=dict[str, int])
    notes: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """Return the summary.

        Returns
        -------
        pandas.DataFrame
            One row: ``term, contrast, estimate, std_error, statistic, df, p_value, partial_r2,
            robustness_value, robustness_value_limit``.
        """
        import pandas as pd

        t = self.estimate / self.std_error
        return pd.DataFrame([{
            "term": self.outcome, "contrast": self.contrast, "estimate": self.estimate,
            "std_error": self.std_error, "statistic": t, "df": self.df,
            "p_value": float(two_sided_p(t, self.df)), "partial_r2": self.partial_r2,
            "robustness_value": self.robustness,
            "robustness_value_limit": self.robustness_limit,
        }])  # fmt: skip

    def adjusted(self, r2_outcome: npt.ArrayLike, r2_treatment: npt.ArrayLike) -> pd.DataFrame:
        """Return what the estimate would be with a confounder of given strength.

        Parameters
        ----------
        r2_outcome : array_like
            Shares of the outcome's residual variance that it explains, 0 to 1.
        r2_treatment : array_like
            Shares of the treatment's residual variance, at least 0 and below 1.

        Returns
        -------
        pandas.DataFrame
            ``r2_treatment, r2_outcome, estimate, std_error, statistic, conf_low, conf_high``, of a
            confounder that acts against the estimate.

        Raises
        ------
        evalkit.errors.InputError
            If a share is outside its range.
        """
        import pandas as pd

        ry, rd = np.broadcast_arrays(
            np.atleast_1d(np.asarray(r2_outcome, dtype=np.float64)),
            np.atleast_1d(np.asarray(r2_treatment, dtype=np.float64)),
        )
        _check_shares("r2_outcome", ry, (ry >= 0) & (ry <= 1), "from 0 to 1")
        _check_shares("r2_treatment", rd, (rd >= 0) & (rd < 1), "at least 0 and below 1")
        return pd.DataFrame(
            adjusted_columns(self.estimate, self.std_error, self.df, self.level, ry, rd)
        )

    def plot(
        self,
        ax: Axes | None = None,
        *,
        value: Literal["estimate", "statistic"] = "estimate",
        limit: float | None = None,
        lang: Lang = "sv",
    ) -> Axes:
        """Draw the adjusted estimate, or its t statistic, by the strength of the confounder.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure if left out.
        value : {"estimate", "statistic"}, default "estimate"
            What the contours show. The thick one is 0, or the critical value of t.
        limit : float, optional
            Where both axes end, below 1. If left out each ends where the benchmarks and the
            robustness value are in view.
        lang : {"sv", "en"}, default "sv"
            Language.

        Returns
        -------
        matplotlib.axes.Axes
            The axes, with the benchmarks within them as points.

        Raises
        ------
        evalkit.errors.InputError
            If ``value`` or ``limit`` is not what it must be.
        """
        from evalkit.plots.confounding import confounding_contours

        check_choice("value", value, ("estimate", "statistic"))
        seen = self.bounds[["r2_treatment", "r2_outcome"]].to_numpy(dtype=np.float64)
        if limit is None:
            least = max(1.25 * self.robustness, 0.02)
            ends = np.minimum(np.maximum(1.15 * seen.max(axis=0, initial=0.0), least), (0.95, 1.0))
        else:
            ends = np.full(2, check_share("limit", limit))
        across, up = (np.linspace(0.0, float(end), _GRID) for end in ends)
        found = adjusted(self.estimate, self.std_error, self.df, up[:, None], across)
        sign = -1.0 if self.estimate < 0 else 1.0
        critical = 0.0
        height: FloatArray = found.estimate
        if value == "statistic":
            error = np.where(found.std_error > 0, found.std_error, np.nan)
            height = found.estimate / error
            critical = sign * float(critical_value(self.level, self.df - 1))
        points = [
            (str(name), float(rd), float(ry))
            for name, (rd, ry) in zip(self.bounds["bound"].tolist(), seen.tolist(), strict=True)
            if rd <= ends[0] and ry <= ends[1]
        ]
        return confounding_contours(
            across, up, height, critical=critical, value=value, points=points, lang=lang, ax=ax
        )

    def __repr__(self) -> str:
        """Show the summary in plain text."""
        return text_block(self._head(), self._shown(), self._said())

    def _repr_html_(self) -> str:
        """Show the summary in a notebook."""
        return html_table(self._head(), self._shown(), self._said())

    def _head(self) -> list[str]:
        """Say what was estimated."""
        t = self.estimate / self.std_error
        fit = f"estimate {self.estimate:.4g}, std. error {self.std_error:.4g}"
        return [
            f"Sensitivity of {self.outcome}, {self.contrast}, to a confounder that was left out",
            f"Least squares: {fit}, t {t:.2f} on {self.df:g} df",
            sample_line(self.n_used, self.n_dropped),
        ]

    def _shown(self) -> pd.DataFrame:
        """Return the benchmarks if there are any, else the summary."""
        if len(self.bounds):
            return self.bounds.drop(columns="std_error")
        return self.to_frame()[["partial_r2", "robustness_value", "robustness_value_limit"]]

    def _said(self) -> list[str]:
        """Say in words what the robustness values mean."""
        what = "the whole estimate" if self.q == 1 else f"{100 * self.q:g} % of the estimate"
        return [
            f"A confounder that explains {100 * self.robustness:.1f} % of the residual variance of "
            f"both treatment and outcome takes {what} away; with "
            f"{100 * self.robustness_limit:.1f} % the {100 * self.level:g} % interval includes "
            + ("0." if self.q == 1 else "what is left."),
            *self.notes,
        ]


def adjusted_columns(
    estimate: float, error: float, df: float, level: float, ry: FloatArray, rd: FloatArray
) -> dict[str, FloatArray]:
    """Return the columns of estimates with confounders of given strength.

    Parameters
    ----------
    estimate, error, df : float
        The estimate, its standard error and degrees of freedom.
    level : float
        Confidence level.
    ry, rd : ndarray of float, shape (k,)
        Partial R² of the confounders with outcome and treatment.

    Returns
    -------
    dict
        ``r2_treatment`` to ``conf_high``.
    """
    found = adjusted(estimate, error, df, ry, rd)
    reach = float(critical_value(level, df - 1)) * found.std_error
    return {
        "r2_treatment": rd,
        "r2_outcome": ry,
        "estimate": found.estimate,
        "std_error": found.std_error,
        "statistic": found.estimate / np.where(found.std_error > 0, found.std_error, np.nan),
        "conf_low": found.estimate - reach,
        "conf_high": found.estimate + reach,
    }


def _check_shares(
    argument: str, values: FloatArray, fine: npt.NDArray[np.bool_], what: str
) -> None:
    """Refuse shares outside their range."""
    if not fine.all():
        raise InputError.of(
            argument,
            required=f"shares {what}",
            got=", ".join(f"{v:g}" for v in values[~fine][:5]),
            remedy="Write 10 % as 0.1.",
        )
