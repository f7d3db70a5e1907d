"""Inverse-probability-of-censoring weights: let the uncensored stand for the censored like them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import TYPE_CHECKING, cast

import numpy as np

from evalkit.core.checks import check_share
from evalkit.core.columns import Names, check_known, rows_where
from evalkit.core.formula import design, formula_variables
from evalkit.core.printing import html_table, sample_line, text_block
from evalkit.core.sample import Sample, read_sample
from evalkit.errors import InputError
from evalkit.kernels.censoring import censoring_curve
from evalkit.kernels.cox import dependent, fit_cox
from evalkit.kernels.cox_data import prepare
from evalkit.kernels.cox_likelihood import information, moments
from evalkit.kernels.risk_sets import risk_sets
from evalkit.kernels.time_index import TIE, index_times
from evalkit.typing import BoolArray, FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CensoringWeights", "ipcw"]


@dataclass(frozen=True, eq=False, repr=False)
class CensoringWeights:
    """Weights of the rows whose outcome is known.

    Parameters
    ----------
    data : pandas.DataFrame
        One line for each row used, with its index label: see :meth:`to_frame`.
    method : str
        How the probability of not being censored was estimated.
    horizon : float or None
        The time at which the outcome is wanted.
    n_used : int
        Rows used.
    n_dropped : mapping of str to int
        Rows left out, by reason.
    n_truncated : int
        Weights that were cut.
    """

    data: pd.DataFrame
    method: str
    horizon: float | None
    n_used: int
    n_dropped: Mapping[str, int] = field(default_factory=dict[str, int])
    n_truncated: int = 0

    def to_frame(self) -> pd.DataFrame:
        """Return the weights with what they come from.

        Returns
        -------
        pandas.DataFrame
            With the index of the rows used: ``known`` (whether the outcome is known), ``time``
            (until when the row had to stay uncensored), ``uncensored`` (the probability of that),
            ``weight`` (0 where the outcome is not known).
        """
        return self.data.copy()

    @property
    def weights(self) -> pd.Series[float]:
        """The weights, with the index of the rows used; 0 where the outcome is not known."""
        return self.data["weight"].copy()

    @property
    def ess(self) -> float:
        """Effective sample size, the squared sum of the weights over the sum of their squares."""
        weight = self.data["weight"].to_numpy()
        return float(weight.sum() ** 2 / (weight**2).sum())

    def __repr__(self) -> str:
        """Show a summary in a few lines of plain text."""
        return text_block(self._head(), self._summary(), ())

    def _repr_html_(self) -> str:
        """Show a summary in a notebook."""
        return html_table(self._head(), self._summary(), ())

    def _head(self) -> list[str]:
        """Say what the weights are for, how they were made, and from how many."""
        known = int(self.data["known"].sum())
        aim = "the end" if self.horizon is None else f"time {self.horizon:g}"
        return [
            f"Inverse-probability-of-censoring weights for outcomes at {aim}",
            f"{self.method}; outcome known of {known}, {self.n_truncated} weights cut",
            sample_line(self.n_used, self.n_dropped),
        ]

    def _summary(self) -> pd.DataFrame:
        """Return smallest, mean and largest weight of the known, and the effective size."""
        import pandas as pd

        weight = self.data.loc[self.data["known"], "weight"]
        row = {"minimum": weight.min(), "mean": weight.mean(), "maximum": weight.max()}
        return pd.DataFrame([{**row, "ess": self.ess}])


def ipcw(
    df: pd.DataFrame,
    *,
    duration: str,
    event: str | None = None,
    cause: str | None = None,
    horizon: float | None = None,
    entry: str | None = None,
    by: Names | None = None,
    formula: str | None = None,
    weights: str | None = None,
    truncate: float | None = None,
    stabilise: bool = False,
) -> CensoringWeights:
    r"""Weigh the rows whose outcome is known so that they stand for those that were censored.

    Whoever was followed to the event, or past the horizon, counts for all who were alike and were
    censored on the way. Weighted means of the outcome at the horizon are then means over everybody:
    of working by day 365, of the cause of the exit, of anything that is known once the follow-up is
    complete.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person or spell.
    duration : str
        Column with the time of exit.
    event, cause : str, optional
        One of the two: a column of 0 and 1, or of causes with 0 for censored.
    horizon : float, optional
        Time at which the outcome is wanted: known if the event came first or the row was followed
        as long. Without it the outcome is known of rows with an event, however late.
    entry : str, optional
        Column with the time of delayed entry. Weights then are for staying uncensored from there.
    by : str or sequence of str, optional
        Columns within whose combinations censoring is estimated; with `formula` they are strata.
    formula : str, optional
        Covariates on which censoring depends, by a Cox model. Without it, by Kaplan-Meier.
    weights : str, optional
        Column with case weights, for the estimation of censoring.
    truncate : float, optional
        Share, such as 0.99: weights above this quantile of the weights of the known are cut to it.
        Less variance, for some bias.
    stabilise : bool, default False
        Whether to multiply by the probability without `formula`, so that weights vary less. The
        weights then correct for the dependence on the covariates alone: use them where the
        analysis handles censoring itself, such as a weighted Cox model, not for means.

    Returns
    -------
    CensoringWeights
        The weights, with the rows' index.

    Raises
    ------
    evalkit.errors.InputError
        If a column does not exist or holds what it must not; nobody's outcome is known at the
        horizon; the probability of being uncensored is 0 for a row whose outcome is known; a
        covariate of `formula` separates the censored; or `stabilise` comes without `formula`.

    Notes
    -----
    With :math:`C` the time of censoring and :math:`u_i = \min(T_i, t)`, the weight is
    :math:`1 / \hat G(u_i-)`, :math:`G(u-) = P(C \ge u)`. Events come before censorings at the same
    time, so that censoring at the horizon itself is no loss. With Kaplan-Meier weights the weighted
    share of a cause by the horizon is the Aalen-Johansen estimate, exactly. With a Cox model
    :math:`\hat G(u|x) = \exp\{-\hat\Lambda_C(u) e^{x'\gamma}\}` (Efron's ties).

    The weights assume that censoring is independent of the time to the event given what it is
    estimated from. R: ``pec::ipcw`` (``IPCW.subject.times``), ``riskRegression::ipcw``.

    References
    ----------
    .. [1] Robins JM, Finkelstein DM (2000). Correcting for noncompliance and dependent censoring
       in an AIDS clinical trial with inverse probability of censoring weighted (IPCW) log-rank
       tests. Biometrics 56:779-788. doi:10.1111/j.0006-341X.2000.00779.x

    Examples
    --------
    >>> import pandas as pd
    >>> spells = pd.DataFrame({"days": [20, 40, 60, 80, 120], "ended": [1, 0, 1, 1, 0]})
    >>> found = ipcw(spells, duration="days", event="ended", horizon=90)
    >>> found.weights.round(4).tolist()
    [1.0, 0.0, 1.3333, 1.3333, 1.3333]
    >>> float((found.weights * (spells["days"] <= 90)).sum() / len(spells))  # 1 - Kaplan-Meier
    0.733...
    """
    if stabilise and formula is None:
        raise InputError.of(
            "stabilise",
            required="False without a formula",
            got="True",
            remedy="The weights would all be 1.",
        )
    share = None if truncate is None else check_share("truncate", truncate)
    check_known(df, duration=duration)
    sample = read_sample(
        df,
        duration=duration,
        event=event,
        cause=cause,
        entry=entry,
        by=by,
        weights=weights,
        extra_columns=() if formula is None else formula_variables(formula, df),
    )
    known, until = _known(sample, horizon)
    marginal = _kaplan_meier(sample, until) if formula is None or stabilise else np.ones(sample.n)
    probability = marginal if formula is None else _cox(df, sample, until, formula)
    gone = known & ~(probability > 0)
    if gone.any():
        mask = np.zeros(len(df), dtype=bool)
        mask[sample.rows[gone]] = True
        raise InputError.of(
            "df",
            required="a sample in which some of those at risk at any time stay uncensored",
            got=f"{int(gone.sum())} rows followed beyond a time when all others were censored",
            where=rows_where(df, mask),
            remedy="Choose an earlier horizon, or fewer groups.",
        )
    weight = np.zeros(sample.n)
    weight[known] = (marginal[known] if stabilise else 1.0) / probability[known]
    cut = 0
    if share is not None:
        limit = float(np.quantile(weight[known], share))
        cut = int((weight > limit).sum())
        weight = np.minimum(weight, limit)
    return CensoringWeights(
        _frame(df, sample, known, until, probability, weight),
        _method(formula, by, stabilise),
        horizon,
        sample.n,
        sample.n_dropped,
        cut,
    )


def _known(sample: Sample, horizon: float | None) -> tuple[BoolArray, FloatArray]:
    """Say of which rows the outcome is known, and how long each had to stay for that."""
    if horizon is None:
        known, until = sample.event > 0, sample.time
    else:
        if not (isinstance(cast("object", horizon), Real) and 0 < horizon < np.inf):
            raise InputError.of("horizon", required="a positive number", got=repr(horizon))
        known = (sample.event > 0) | (sample.time >= horizon * (1 - TIE))
        until = np.minimum(sample.time, horizon)
    if not known.any():
        raise InputError.of(
            "horizon" if horizon is not None else "event",
            required="such that the outcome of some row is known",
            got="only rows censored before" if horizon is not None else "no event",
        )
    return known, until


def _kaplan_meier(sample: Sample, until: FloatArray) -> FloatArray:
    """Probability of staying uncensored until just before a time, by group; shape (n,)."""
    grid = index_times(sample.time, sample.entry)
    event = sample.event > 0
    reached = np.searchsorted(grid.times, until * (1 - TIE), side="left")
    result = np.empty(sample.n)
    groups = np.zeros(sample.n, dtype=np.int64) if sample.groups is None else sample.groups
    for g in range(int(groups.max()) + 1):
        rows = groups == g
        curve = censoring_curve(grid, event, ~event, weights=sample.weights, rows=rows)
        first = np.zeros_like(reached) if grid.entered is None else grid.entered
        result[rows] = curve.between(first[rows], np.maximum(reached, first)[rows])
    return result


def _cox(df: pd.DataFrame, sample: Sample, until: FloatArray, formula: str) -> FloatArray:
    """Do the same by a Cox model of the censoring, stratified by group."""
    censored = sample.event == 0
    if not censored.any():
        return np.ones(sample.n)
    # Twice the position on the grid: events at a time leave half a step before the censored.
    grid = index_times(sample.time, sample.entry)
    leaves = (2 * grid.index + 2 + censored).astype(np.float64)
    enters = None if grid.entered is None else (2 * grid.entered + 1).astype(np.float64)
    ends = 2.0 * np.searchsorted(grid.times, until * (1 - TIE), side="left") + 1
    made = design(formula, df, rows=sample.rows)
    some = np.ones(sample.n, dtype=bool) if sample.weights is None else sample.weights > 0
    n_groups = 1 if sample.groups is None else int(sample.groups.max()) + 1
    risk = risk_sets(
        leaves[some],
        censored[some].astype(np.int64),
        entry=None if enters is None else enters[some],
        strata=None if sample.groups is None else sample.groups[some],
        n_strata=n_groups,
        weights=None if sample.weights is None else sample.weights[some],
    )
    prepared = prepare(risk, made.matrix[some])
    null = moments(prepared, np.zeros(len(made.names)))
    start = information(prepared, null)
    spare = [made.names[j] for j, _ in dependent(prepared, null, start)]
    if spare:
        raise InputError.of(
            "formula",
            required="covariates that vary among those at risk, and are no combinations of others",
            got=f"{len(spare)} that add nothing",
            where=spare,
            remedy="Leave them out.",
        )
    fit = fit_cox(prepared, null=null, null_information=start)
    if fit.infinite.any() or not fit.converged:
        raise InputError.of(
            "formula",
            required="covariates with values at which some are censored and some are not",
            got="coefficients that grow without limit",
            where=[n for n, i in zip(made.names, fit.infinite, strict=True) if i],
            remedy="Merge the levels, or leave the covariate out.",
        )
    hazard = np.empty(sample.n)
    for g in range(n_groups):
        rows = slice(None) if sample.groups is None else sample.groups == g
        hazard[rows] = fit.cumulative_hazard(ends[rows], g)
        if enters is not None:
            hazard[rows] -= fit.cumulative_hazard(enters[rows], g)
    return np.exp(-hazard * fit.relative_risk(made.matrix))


def _frame(
    df: pd.DataFrame,
    sample: Sample,
    known: BoolArray,
    until: FloatArray,
    probability: FloatArray,
    weight: FloatArray,
) -> pd.DataFrame:
    """Lay the weights out with the index of the rows used."""
    import pandas as pd

    columns = {"known": known, "time": until, "uncensored": probability, "weight": weight}
    return pd.DataFrame(columns, index=df.index[sample.rows])


def _method(formula: str | None, by: Names | None, stabilise: bool) -> str:
    """Say how the weights were made."""
    groups = "" if by is None else f" by {by if isinstance(by, str) else ', '.join(by)}"
    if formula is None:
        return f"Kaplan-Meier estimate of censoring{groups}"
    kind = "Stabilised, " if stabilise else ""
    return f"{kind}Cox model of censoring on {formula}{groups and ' stratified' + groups}"
