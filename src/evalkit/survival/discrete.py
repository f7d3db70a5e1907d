"""Discrete-time hazards: how likely people are to leave in each interval, if still there."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from evalkit.core.checks import check_choice, check_level
from evalkit.core.counts import Counts
from evalkit.core.results import EffectTable
from evalkit.core.sample import SurvivalWarning, WeightsKind
from evalkit.errors import InputError
from evalkit.kernels.baseline_basis import baseline_basis
from evalkit.kernels.discrete import LINKS, DiscreteFit, Layout, cluster_scores, fit_discrete
from evalkit.kernels.wald import wald
from evalkit.survival.discrete_data import (
    Columns,
    DiscreteData,
    Intervals,
    from_counts,
    from_rows,
)
from evalkit.survival.discrete_partial import follow_up_note, partial_note
from evalkit.survival.discrete_result import DiscreteHazard
from evalkit.survival.model_checks import check_rank, refuse_runaway
from evalkit.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DiscreteHazard", "discrete_hazard"]

_SEPARATED = (
    "Some level or value has no event, or nothing else. Merge levels, leave the term out, or use "
    "penalty='firth'."
)
_BASELINES = ("intervals", "constant", "log", "polynomial", "spline")


def discrete_hazard(
    formula: str,
    df: pd.DataFrame | Counts,
    *,
    duration: str | None = None,
    event: str | None = None,
    breaks: npt.ArrayLike,
    entry: str | None = None,
    link: Literal["cloglog", "logit"] = "cloglog",
    baseline: Literal["intervals", "constant", "log", "polynomial", "spline"] = "intervals",
    baseline_df: int = 3,
    by_interval: Sequence[str] = (),
    id: str | None = None,  # noqa: A002
    closed: Literal["left", "right"] = "left",
    partial: Literal["whole", "half"] = "whole",
    late_entry: Literal["same", "next"] = "same",
    cluster: str | None = None,
    weights: str | None = None,
    weights_kind: WeightsKind = "case",
    penalty: Literal["none", "firth"] = "none",
    level: float = 0.95,
) -> DiscreteHazard:
    r"""Model the probability of leaving in each interval, among those still there.

    The steps of the rehabilitation chain (days 90, 180, 365 and 914) cut time into intervals; in
    each of them the hazard is the share that leaves of those who come in. The model is a binary
    regression on person-period data, which are counted and never written out.

    Parameters
    ----------
    formula : str
        Right-hand side, such as ``"treated + age + C(region)"``; ``"1"`` for the baseline alone.
    df : pandas.DataFrame or Counts
        One row for each person or spell, or (entry, duration] rows with covariates that change
        (then with `id`); or counts by group and day, the groups being the covariates: then no
        column is named.
    duration : str, optional
        Column with the time of exit.
    event : str, optional
        Column with 1 for an event and 0 for censoring.
    breaks : array_like
        Where intervals meet, such as ``(90, 180, 365, 914)``. The first interval begins at 0; the
        last has no end.
    entry : str, optional
        Column with the time of (delayed) entry.
    link : {"cloglog", "logit"}
        "cloglog" gives the hazard ratios of continuous time, whatever the intervals; "logit" odds
        ratios, which belong to these intervals.
    baseline : {"intervals", "constant", "log", "polynomial", "spline"}
        One parameter for each interval, or a smooth function of the interval's number (1, 2, ...).
    baseline_df : int, default 3
        Degree of the polynomial, or columns of the natural spline beside the constant.
    by_interval : sequence of str
        Terms of the formula whose effect is an own one in each interval.
    id : str, optional
        Column that says which rows are one person's; see Notes.
    closed : {"left", "right"}
        Whether an event on day 90 belongs to the interval that begins there, [90, 180), as in the
        agency's duration classes, or to the one that ends there, (0, 90].
    partial : {"whole", "half"}
        What an interval counts for somebody who is censored, or enters, inside it and has no
        event in it: a whole one, or one half (the actuarial rule).
    late_entry : {"same", "next"}
        Whether somebody who enters inside an interval is at risk in it, or from the next one on
        (an event before that is left out).
    cluster : str, optional
        Column that says which rows belong together in robust standard errors.
    weights : str, optional
        Column with weights. Rows of weight 0 are dropped and counted.
    weights_kind : {"case", "sampling"}
        Whether a weight repeats the row, or is an inverse sampling probability (standard errors
        are robust then).
    penalty : {"none", "firth"}
        "firth" adds Jeffreys' penalty, which keeps estimates finite under separation.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    DiscreteHazard
        Coefficients on the scale of the link, with predictions and standardised survival.

    Raises
    ------
    evalkit.errors.InputError
        If a column does not exist or holds what it must not; the breaks do not increase; nobody
        has an event; a covariate is constant or a combination of others; one separates those with
        an event from those without; persons' rows overlap; or a term of `by_interval` is not in
        the formula.

    Warns
    -----
    evalkit.core.sample.SurvivalWarning
        If nobody, or everybody at risk, has an event in some interval (with a parameter for each
        interval): its hazard is 0 or 1, and it is no part of the fit.

    Notes
    -----
    With :math:`n_{uj}` at risk and :math:`d_{uj}` events of covariate pattern u in interval j,

    .. math:: \ell = \sum_{u,j} d_{uj} \log h_{uj} + (n_{uj} - d_{uj}) \log (1 - h_{uj}), \qquad
        h_{uj} = F(\alpha_j + x_u'\beta).

    Somebody is at risk in every interval that shares some length with (entry, duration], and in
    that of the event; who is censored on a break is not at risk in the interval it begins, so that
    splitting rows on breaks changes nothing. Without `id` every row counts as a person. With it a
    person is at risk once in an interval, with the covariates of the row that it begins with (or
    the person enters with); what changes inside counts from the next one, and an event inside
    belongs to that first row. Only a person's last row may have an event.

    Counting a whole interval for those censored inside biases the hazard downwards where
    intervals are wide, and survival with its differences upwards, however many rows there are; the
    effects of covariates hardly. It is the default because it is what R's ``glm`` does with
    person-period rows. A note says where the bias is more than half a standard error of the crude
    survival. "half" removes most of it, narrower intervals more, and
    :func:`evalkit.survival.parametric` with "piecewise-exponential" all.

    Standard errors come from the expected information, as R's ``glm`` gives them on expanded
    data; with `cluster` they are ``sandwich::vcovCL``'s, with the factor G/(G - 1), and intervals
    and tests take Student's t with G - 1 degrees of freedom. They need some 50 clusters; with 10 to
    20 the intervals are too short. In R::

        long <- survSplit(Surv(days, left) ~ ., df, cut = breaks, episode = "interval")
        glm(left ~ 0 + factor(interval) + x, binomial("cloglog"), long)

    with ``closed="right"`` (survSplit closes intervals on the right). Missing values drop a row.

    References
    ----------
    .. [1] Prentice RL, Gloeckler LA (1978). Regression analysis of grouped survival data with
       application to breast cancer data. Biometrics 34:57-67. doi:10.2307/2529588
    .. [2] Singer JD, Willett JB (1993). It's about time: using discrete-time survival analysis to
       study duration and the timing of events. J Educ Stat 18:155-195.
       doi:10.3102/10769986018002155
    .. [3] Firth D (1993). Bias reduction of maximum likelihood estimates. Biometrika 80:27-38.
       doi:10.1093/biomet/80.1.27

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> treated = np.repeat([0, 1], 400)
    >>> days = rng.exponential(np.where(treated, 150, 250))
    >>> spells = pd.DataFrame(
    ...     {"days": np.minimum(days, 730).round(), "left": days <= 730, "treated": treated}
    ... )
    >>> fit = discrete_hazard(
    ...     "treated", spells, duration="days", event="left", breaks=(90, 180, 365)
    ... )
    >>> fit.to_frame()[["term", "estimate", "std_error"]].round(3)
                      term  estimate  std_error
    0     interval [0, 90)    -0.948      0.072
    1   interval [90, 180)    -1.000      0.085
    2  interval [180, 365)    -0.248      0.082
    3  interval [365, inf)     0.409      0.113
    4              treated     0.398      0.075
    """
    check_choice("link", link, tuple(LINKS))
    check_choice("baseline", baseline, _BASELINES)
    check_choice("closed", closed, ("left", "right"))
    check_choice("partial", partial, ("whole", "half"))
    check_choice("late_entry", late_entry, ("same", "next"))
    check_choice("penalty", penalty, ("none", "firth"))
    level = check_level(level)
    intervals = Intervals.of(breaks, closed)
    columns = Columns(
        duration, event, entry, id, cluster, weights, weights_kind, partial, late_entry
    )
    data = (
        from_counts(formula, df, intervals, columns)
        if isinstance(df, Counts)
        else from_rows(formula, df, intervals, columns)
    )
    if penalty == "firth" and data.cluster is not None:
        raise InputError.of("penalty", required="'none' with robust standard errors", got="'firth'")
    totals = np.array([[part.sum() for part in data.counted.at(j)[1:]] for j in _all(intervals)])
    if totals[:, 1].sum() == 0:
        raise InputError.of(
            "df", required="data in which somebody has an event", got="no event at all"
        )
    check_rank(data.X, data.coding.names)
    own = _own_columns(by_interval, data)
    basis, names = baseline_basis(
        baseline, len(totals), totals[:, 1], _degree(baseline, baseline_df, totals)
    )
    saturated = baseline == "intervals" or len(own) > 0
    certain = _certain(totals, intervals, saturated=saturated and penalty == "none")
    used = np.flatnonzero(np.isnan(certain))
    if not len(used):
        raise InputError.of(
            "breaks",
            required="of intervals in one of which some, and not all, have an event",
            got="none",
        )
    layout = _layout(basis, own, used, data.X.shape[1])
    _check_rank(data, layout)
    fit = fit_discrete(data.X, data.counted, layout, LINKS[link], penalised=penalty == "firth")
    terms = _terms(names, intervals, data, layout)
    _check_convergence(fit, data, layout, terms)
    vcov, how, degrees = _covariance(fit, data, layout, link)
    notes = partial_note(totals, data.inside, intervals.ends) if partial == "whole" else ()
    notes += follow_up_note(data.last, intervals.starts, intervals.ends)
    method = f"Discrete-time hazard, {link} link"
    method += ", Firth's penalty" if penalty == "firth" else ""
    kind = "hazard" if link == "cloglog" else "odds of leaving"
    table = EffectTable.of(
        {
            "term": list(terms),
            **wald(fit.parameters, np.sqrt(np.diagonal(vcov)), level, degrees),
            "n": data.n_used,
        },
        estimand=f"Log {kind} of the event in {len(layout.intervals)} intervals",
        method=f"{method}; {how}",
        level=level,
        n_used=data.n_used,
        n_dropped=data.n_dropped,
        notes=(*data.notes, *notes),
    )
    return DiscreteHazard(
        table, vcov, fit.loglik, link, degrees, intervals, totals, certain, data, layout, fit
    )


def _all(intervals: Intervals) -> range:
    """Number the intervals."""
    return range(len(intervals.starts))


def _own_columns(by_interval: Sequence[str], data: DiscreteData) -> IntArray:
    """Find the columns of the terms that have an effect of their own in each interval."""
    asked = [by_interval] if isinstance(by_interval, str) else list(by_interval)
    unknown = [term for term in asked if term not in data.coding.terms]
    if unknown:
        raise InputError.of(
            "by_interval",
            required="terms of the formula",
            got=", ".join(repr(term) for term in unknown),
            remedy=f"Terms: {', '.join(data.coding.terms) or 'none'}.",
        )
    return np.array(sorted({c for term in asked for c in data.coding.terms[term]}), dtype=np.int64)


def _degree(baseline: str, df: object, totals: FloatArray) -> int:
    """Check the number of the baseline's parameters against the intervals with events."""
    most = int((totals[:, 1] > 0).sum()) - 1
    if baseline not in ("polynomial", "spline"):
        return 0
    if isinstance(df, bool) or not isinstance(df, int) or not 1 <= df <= most:
        raise InputError.of(
            "baseline_df",
            required=f"a whole number from 1 to {most}, one less than the intervals with events",
            got=repr(df),
        )
    return df


def _certain(totals: FloatArray, intervals: Intervals, *, saturated: bool) -> FloatArray:
    """Return the hazard of intervals that the fit leaves out: 0, 1, or infinity for unknown.

    NaN marks those that it uses.
    """
    at_risk, events = totals.T
    certain = np.where(at_risk > 0, np.nan, np.inf)
    if not saturated:
        return certain
    none, all_ = (at_risk > 0) & (events == 0), (at_risk > 0) & (events == at_risk)
    certain[none], certain[all_] = 0.0, 1.0
    for which, word in ((none, "nobody"), (all_, "everybody at risk")):
        if which.any():
            named = [intervals.labels[int(j)] for j in np.flatnonzero(which)[:5]]
            more = int(which.sum()) - len(named)
            where = ", ".join(named) + (f" and {more} more" if more else "")
            warnings.warn(
                f"breaks: {word} has an event in {where}; the hazard there is "
                f"{int(certain[which][0])}, and the fit leaves it out. Join it with the next, or "
                "choose a smooth baseline.",
                SurvivalWarning,
                stacklevel=4,
            )
    return certain


def _layout(basis: FloatArray, own: IntArray, used: IntArray, p: int) -> Layout:
    """Leave out the baseline's parameters that no interval of the fit has."""
    present = (basis[used] != 0).any(axis=0)
    common = np.setdiff1d(np.arange(p), own)
    return Layout(basis[:, present], common, own, used)


def _check_rank(data: DiscreteData, layout: Layout) -> None:
    """Name the columns that are constant or combinations of others."""
    at_risk = np.zeros(len(data.X))
    for j in layout.intervals.tolist():
        k, n, _ = data.counted.at(j)
        at_risk[:k] += n
    check_rank(data.X[at_risk > 0], data.coding.names)


def _terms(
    names: Sequence[str], intervals: Intervals, data: DiscreteData, layout: Layout
) -> tuple[str, ...]:
    """Name the parameters."""
    labels = [intervals.labels[int(j)] for j in layout.intervals]
    columns = data.coding.names
    return (
        *(names or [f"interval {label}" for label in labels]),
        *(columns[int(c)] for c in layout.common),
        *(f"{columns[int(c)]} in {label}" for label in labels for c in layout.own),
    )


def _check_convergence(
    fit: DiscreteFit, data: DiscreteData, layout: Layout, terms: Sequence[str]
) -> None:
    """Name the parameters that run to infinity."""
    if fit.optimum.converged and np.isfinite(fit.vcov).all():
        return
    direction = fit.optimum.runaway
    if direction is None:
        raise InputError.of(
            "formula",
            required="one whose estimates can be found",
            got=f"no convergence in {fit.optimum.iterations} iterations",
            remedy="Fewer terms, a constant baseline, or penalty='firth'.",
        )
    reach = np.ones(len(direction))
    spread = np.abs(data.X).max(axis=0, initial=0.0)
    for j in layout.intervals.tolist():
        reach[layout.slopes(j)] = spread
    covariates = np.arange(len(direction)) >= layout.basis.shape[1]
    raise refuse_runaway(direction, reach, terms, covariates, _SEPARATED)


def _covariance(
    fit: DiscreteFit, data: DiscreteData, layout: Layout, link: str
) -> tuple[FloatArray, str, float]:
    """Return the covariance of the estimates, how it was found, and its degrees of freedom."""
    if data.cluster is None or data.periods is None:
        return fit.vcov, "model-based standard errors", np.inf
    n_clusters = int(data.cluster.max()) + 1
    if n_clusters < 2:
        raise InputError.of("cluster", required="of at least two clusters", got="one")
    scores = cluster_scores(
        fit.parameters, data.X, data.pattern, data.periods, data.cluster, layout, LINKS[link]
    )
    pulled = scores @ fit.vcov
    vcov = pulled.T @ pulled * (n_clusters / (n_clusters - 1))
    if n_clusters == len(data.pattern):
        return vcov, "robust standard errors", np.inf
    return vcov, f"robust standard errors, {n_clusters} clusters", float(n_clusters - 1)
