"""Which distribution fits durations best: a table by Akaike's criterion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from evalkit.core.checks import check_choice
from evalkit.core.printing import html_table, sample_line, text_block
from evalkit.errors import InputError
from evalkit.survival.parametric_models import Distribution, Parametric, parametric

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ParametricComparison", "compare_parametric"]

_ALL: tuple[Distribution, ...] = (
    "exponential",
    "weibull",
    "log-logistic",
    "log-normal",
    "generalised-gamma",
)


@dataclass(frozen=True, eq=False, repr=False)
class ParametricComparison:
    """Distributions fitted to the same data, best first.

    Parameters
    ----------
    table : pandas.DataFrame
        What :meth:`to_frame` gives.
    fits : mapping of str to Parametric
        The fitted models by distribution.
    """

    table: pd.DataFrame
    fits: Mapping[str, Parametric]

    @property
    def best(self) -> Parametric:
        """The model with the smallest AIC."""
        return self.fits[str(self.table["distribution"].iloc[0])]

    def to_frame(self) -> pd.DataFrame:
        """Return the table.

        Returns
        -------
        pandas.DataFrame
            Columns ``distribution, n_parameters, loglik, aic, difference`` (to the smallest),
            ``weight`` (Akaike's) and ``problem``, by rising AIC. A distribution that could not be
            fitted stands last, with the reason.
        """
        return self.table.copy()

    def __repr__(self) -> str:
        """Show the table as plain text."""
        return text_block(self._head(), self.table, ())

    def _repr_html_(self) -> str:
        """Show the table in a notebook."""
        return html_table(self._head(), self.table, ())

    def _head(self) -> list[str]:
        """Say what was compared, on how many."""
        table = self.best.coefficients
        return [
            "Parametric survival models by Akaike's criterion",
            sample_line(table.n_used, table.n_dropped),
        ]


def compare_parametric(
    formula: str,
    df: pd.DataFrame,
    *,
    duration: str,
    event: str,
    entry: str | None = None,
    distributions: Sequence[Distribution] | None = None,
    breaks: npt.ArrayLike | None = None,
    closed: Literal["left", "right"] = "left",
    cure: bool | str = False,
    weights: str | None = None,
    cluster: str | None = None,
    level: float = 0.95,
) -> ParametricComparison:
    r"""Fit several distributions to the same durations, and order them by AIC.

    Parameters
    ----------
    formula : str
        Right-hand side.
    df : pandas.DataFrame
        One row for each person or spell.
    duration : str
        Column with the time of exit.
    event : str
        Column with 1 for an event and 0 for censoring.
    entry : str, optional
        Column with the time of (delayed) entry.
    distributions : sequence of str, optional
        The distributions. All that model log time if left out, and the piecewise exponential one
        if `breaks` are given (and `cure` is not).
    breaks : array_like, optional
        Breaks of the piecewise exponential model.
    closed : {"left", "right"}
        Where an event on a break belongs.
    cure : bool or str, default False
        Whether a share never leaves, or the formula of its logit.
    weights : str, optional
        Column with case weights; sampling weights have no likelihood, and no AIC.
    cluster : str, optional
        Column that says which rows belong together in robust standard errors.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    ParametricComparison
        The table, and the fits.

    Raises
    ------
    evalkit.errors.InputError
        If a distribution does not exist, or none can be fitted.

    Notes
    -----
    AIC is :math:`2P - 2\ell`, and Akaike's weight is proportional to
    :math:`\exp(-\tfrac12 \Delta)` [1]_. Differences below 2 say little. A good fit to the time
    observed is no evidence for what lies beyond. In R, ``AIC(survreg(...))``.

    References
    ----------
    .. [1] Burnham KP, Anderson DR (2004). Multimodel inference: understanding AIC and BIC in
       model selection. Sociol Methods Res 33:261-304. doi:10.1177/0049124104268644

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> days = np.random.default_rng(1).weibull(0.7, 500) * 200
    >>> spells = pd.DataFrame({"days": np.minimum(days, 730), "left": days <= 730})
    >>> table = compare_parametric("1", spells, duration="days", event="left").to_frame()
    >>> table[["distribution", "n_parameters", "difference"]].round(1)
            distribution  n_parameters  difference
    0            weibull             2         0.0
    1  generalised-gamma             3         1.4
    2       log-logistic             2        29.8
    3         log-normal             2        39.2
    4        exponential             1       106.2
    """
    piecewise: tuple[Distribution, ...] = ("piecewise-exponential",)
    added = () if breaks is None or cure is not False else piecewise
    names = (*_ALL, *added) if distributions is None else tuple(distributions)
    for name in names:
        check_choice("distributions", name, (*_ALL, *piecewise))
    fits: dict[str, Parametric] = {}
    problems: dict[str, InputError] = {}
    for name in names:
        try:
            fits[name] = parametric(
                formula,
                df,
                duration=duration,
                event=event,
                entry=entry,
                distribution=name,
                breaks=breaks if name in piecewise else None,
                closed=closed,
                cure=cure,
                weights=weights,
                cluster=cluster,
                level=level,
            )
        except InputError as error:
            problems[name] = error
    if not fits:
        raise next(iter(problems.values()))
    return ParametricComparison(_table(fits, problems), fits)


def _table(fits: Mapping[str, Parametric], problems: Mapping[str, InputError]) -> pd.DataFrame:
    """Order the fits by AIC."""
    import pandas as pd

    order = sorted(fits, key=lambda name: fits[name].aic)
    aic = np.array([fits[name].aic for name in order])
    weight = np.exp(-(aic - aic[0]) / 2)
    blank = [float("nan")] * len(problems)
    return pd.DataFrame(
        {
            "distribution": [*order, *problems],
            "n_parameters": [
                *(len(fits[name].covariance) for name in order),
                *(0 for _ in problems),
            ],
            "loglik": [*(fits[name].loglik for name in order), *blank],
            "aic": [*aic.tolist(), *blank],
            "difference": [*(aic - aic[0]).tolist(), *blank],
            "weight": [*(weight / weight.sum()).tolist(), *blank],
            "problem": ["" for _ in order] + [str(error) for error in problems.values()],
        }
    )
