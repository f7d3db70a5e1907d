"""Time lost to each cause up to a horizon: how the exits share the days out of the spell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evalkit.core.checks import check_level
from evalkit.core.columns import Names
from evalkit.core.group_tables import Data
from evalkit.core.results import EffectTable
from evalkit.core.sample import WeightsKind
from evalkit.errors import InputError
from evalkit.kernels.event_times import TIE
from evalkit.kernels.wald import critical_values, difference_df, wald
from evalkit.survival.groups import asked_times
from evalkit.survival.incidence_curves import (
    GroupCurve,
    IncidenceCurves,
    Variance,
    Weight,
    reference_level,
)
from evalkit.typing import FloatArray

__all__ = ["days_lost", "days_lost_difference"]

_IN_SPELL = 0
_ROUNDING = 1e-14  # a variance this small beside its parts is none


def days_lost(
    df: Data,
    *,
    tau: float | Sequence[float],
    duration: str | None = None,
    cause: str | None = None,
    entry: str | None = None,
    by: Names | None = None,
    weights: str | None = None,
    weights_kind: WeightsKind = "case",
    cluster: str | None = None,
    variance: Variance | None = None,
    level: float = 0.95,
) -> EffectTable:
    r"""Estimate the mean time out of the spell before a horizon, by the cause of the exit.

    Of the first 365 days, how many does a person spend on average in the spell, how many after
    having left it for work, how many after having left it for sickness compensation? The parts sum
    to the horizon.

    Parameters
    ----------
    df : pandas.DataFrame or Counts
        As for :func:`evalkit.survival.cumulative_incidence`.
    tau : float or sequence of float
        Horizons, in the unit of the duration: positive, and not beyond what is known of any group.
    duration, cause, entry : str, optional
        As for :func:`evalkit.survival.cumulative_incidence`.
    by : str or sequence of str, optional
        Columns that make up the groups.
    weights : str, optional
        As for :func:`evalkit.survival.cumulative_incidence`.
    weights_kind : {"case", "sampling"}
        As for :func:`evalkit.survival.cumulative_incidence`.
    cluster : str, optional
        As for :func:`evalkit.survival.cumulative_incidence`.
    variance : {"jackknife", "greenwood"}, optional
        As for :func:`evalkit.survival.cumulative_incidence`.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    EffectTable
        For each group and horizon one row with ``cause`` 0 and term ``restricted_mean``, the mean
        time in the spell, and one for each cause with term ``time_lost``; keys
        ``[by], tau, cause``. In the unit of the duration.

    Raises
    ------
    evalkit.errors.InputError
        As :func:`evalkit.survival.cumulative_incidence`, or if a horizon is not positive or lies
        beyond the last time of a group in which not everybody has left.

    Notes
    -----
    The clock starts at 0: with delayed entry the time before the first entry counts as spent in
    the spell. The time lost to cause j is

    .. math:: L_j(\tau) = \int_0^\tau F_j(t) \, dt = \sum_{u \le \tau} (\tau - u) \, dF_j(u),

    and :math:`\sum_j L_j(\tau) + \int_0^\tau S(t) \, dt = \tau`. The variance comes from the
    influence of the rows on that sum, and the intervals are Wald's; with clusters by Student's t,
    with one degree of freedom less than the group has clusters. R: ``rmean`` of
    ``summary(survfit(...), rmean = tau)``, ``residuals(..., type = "sojourn")`` for the variance.

    References
    ----------
    .. [1] Andersen PK (2013). Decomposition of number of life years lost according to causes of
       death. Stat Med 32:5278-5285. doi:10.1002/sim.5903

    Examples
    --------
    >>> import pandas as pd
    >>> spells = pd.DataFrame({
    ...     "days": [30, 60, 60, 90, 120, 120],
    ...     "exit": ["work", "studies", 0, "work", "work", 0],
    ... })
    >>> lost = days_lost(spells, duration="days", cause="exit", tau=100)
    >>> lost.to_frame()[["tau", "cause", "term", "estimate"]].round(3)
         tau    cause             term  estimate
    0  100.0        0  restricted_mean    79.444
    1  100.0  studies        time_lost     6.667
    2  100.0     work        time_lost    13.889
    """
    horizons, level = _horizons(tau), check_level(level)
    curves = _read(
        df, duration, cause, entry, by, weights, weights_kind, cluster, variance, horizons
    )
    found = [group.integrate(_time_left(horizons)) for group in curves.groups]
    estimates = np.concatenate([_with_stay(lost, horizons) for lost, _ in found])
    std_error = np.concatenate([_standard_errors(covariance) for _, covariance in found])
    rows = len(horizons) * (1 + len(curves.causes))
    degrees = np.repeat([group.df for group in curves.groups], rows)
    half = critical_values(level, degrees) * std_error
    return EffectTable.of(
        {
            **{
                name: [group.keys[name] for group in curves.groups for _ in range(rows)]
                for name in curves.by
            },
            **_keys(horizons, curves, len(curves.groups)),
            "estimate": estimates,
            "std_error": std_error,
            "df": np.where(np.isinf(degrees), np.nan, degrees),
            "conf_low": estimates - half,
            "conf_high": estimates + half,
            "n": [group.n for group in curves.groups for _ in range(rows)],
        },
        estimand="Mean time before tau in the spell (cause 0), and lost to each cause",
        method=f"Area under Aalen-Johansen curves, {curves.method}; Wald",
        level=level,
        n_used=curves.n_used,
        n_dropped=curves.n_dropped,
    )


def days_lost_difference(
    df: Data,
    *,
    by: Names,
    reference: object,
    tau: float | Sequence[float],
    duration: str | None = None,
    cause: str | None = None,
    entry: str | None = None,
    weights: str | None = None,
    weights_kind: WeightsKind = "case",
    cluster: str | None = None,
    variance: Variance | None = None,
    level: float = 0.95,
) -> EffectTable:
    """Estimate the difference between groups of the time in the spell and lost to each cause.

    Did the programme move days out of sickness insurance, and to what? The differences of all
    parts sum to 0: a day less in the spell is a day more after some exit.

    Parameters
    ----------
    df : pandas.DataFrame or Counts
        As for :func:`evalkit.survival.cumulative_incidence`.
    by : str or sequence of str
        Columns that make up the groups.
    reference : object
        Label of the group that the others are compared with; a tuple if `by` is a list.
    tau : float or sequence of float
        Horizons, as for :func:`days_lost`.
    duration, cause, entry, weights : str, optional
        As for :func:`days_lost`.
    weights_kind : {"case", "sampling"}
        As for :func:`days_lost`.
    cluster : str, optional
        As for :func:`days_lost`.
    variance : {"jackknife", "greenwood"}, optional
        As for :func:`days_lost`.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    EffectTable
        One row for each other group, horizon and part; keys ``tau, cause``, contrast other -
        reference.

    Raises
    ------
    evalkit.errors.InputError
        As :func:`days_lost`, or if there is one group only, or none called `reference`.

    Notes
    -----
    The groups are independent; with clusters the influences are added up across them first.
    Intervals and tests are Wald's; with clusters by Student's t, with Welch and Satterthwaite's
    degrees of freedom from the clusters of either group less one, at most those of both together
    less one.

    Examples
    --------
    >>> import pandas as pd
    >>> spells = pd.DataFrame({
    ...     "days": [30, 60, 60, 90, 120, 120, 20, 45, 80, 120],
    ...     "exit": ["work", "studies", 0, "work", "work", 0, "work", "work", "studies", "work"],
    ...     "arm": ["CAU"] * 6 + ["ReDO"] * 4,
    ... })
    >>> days_lost_difference(
    ...     spells, duration="days", cause="exit", by="arm", reference="CAU", tau=100
    ... ).to_frame()[["cause", "contrast", "estimate"]].round(3)
         cause    contrast  estimate
    0        0  ReDO - CAU   -18.194
    1  studies  ReDO - CAU    -1.667
    2     work  ReDO - CAU    19.861
    """
    horizons, level = _horizons(tau), check_level(level)
    curves = _read(
        df, duration, cause, entry, by, weights, weights_kind, cluster, variance, horizons
    )
    base = reference_level(curves, reference)
    others = [group for group in curves.groups if group is not base]
    weight = _time_left(horizons)
    found = [curves.contrast(group, base, weight) for group in others]
    estimates = np.concatenate([_with_stay(lost, np.zeros(len(horizons))) for lost, _ in found])
    std_error = np.concatenate([_standard_errors(covariance) for _, covariance in found])
    errors = [_standard_errors(group.integrate(weight)[1]) for group in (base, *others)]
    degrees = [
        difference_df(error**2, group.rows, errors[0] ** 2, base.rows)
        for group, error in zip(others, errors[1:], strict=True)
    ]
    rows = len(horizons) * (1 + len(curves.causes))
    return EffectTable.of(
        {
            **_keys(horizons, curves, len(others)),
            "contrast": [f"{group.name} - {base.name}" for group in others for _ in range(rows)],
            **wald(estimates, std_error, level, np.concatenate(degrees)),
            "n": [group.n + base.n for group in others for _ in range(rows)],
        },
        estimand="Difference in mean time before tau in the spell (cause 0) and lost to each "
        f"cause, other - {base.name}",
        method=f"Area under Aalen-Johansen curves, {curves.method}; Wald test",
        level=level,
        n_used=curves.n_used,
        n_dropped=curves.n_dropped,
    )


def _horizons(tau: float | Sequence[float]) -> FloatArray:
    """Check the horizons."""
    horizons = asked_times(tau, "tau")
    if not ((horizons > 0) & (horizons < np.inf)).all():
        raise InputError.of("tau", required="positive and finite", got=repr(tau))
    return horizons


def _time_left(horizons: FloatArray) -> Weight:
    """Return the function that an event at u is worth: the time from there to the horizon."""
    return lambda u: np.maximum(horizons - u[:, None], 0.0)


def _keys(
    horizons: FloatArray, curves: IncidenceCurves, repeats: int
) -> dict[str, Sequence[object]]:
    """Return horizon, part and its term for each row."""
    parts = [_IN_SPELL, *curves.causes]
    terms = ["restricted_mean", *["time_lost"] * len(curves.causes)]
    return {
        "tau": [tau for tau in horizons.tolist() for _ in parts] * repeats,
        "cause": parts * (len(horizons) * repeats),
        "term": terms * (len(horizons) * repeats),
    }


def _with_stay(lost: FloatArray, total: FloatArray) -> FloatArray:
    """Put what is not lost before the losses, for each horizon."""
    return np.column_stack([total - lost.sum(axis=1), lost]).ravel()


def _standard_errors(covariance: FloatArray) -> FloatArray:
    """Return the standard errors of the stay and of the losses, from (M, C, C)."""
    stay = covariance.sum(axis=(1, 2))
    stay[stay <= _ROUNDING * np.abs(covariance).sum(axis=(1, 2))] = 0.0
    variances = np.column_stack([stay, np.einsum("mii->mi", covariance)]).ravel()
    return np.sqrt(np.maximum(variances, 0.0))


def _read(
    df: Data,
    duration: str | None,
    cause: str | None,
    entry: str | None,
    by: Names | None,
    weights: str | None,
    weights_kind: WeightsKind,
    cluster: str | None,
    variance: Variance | None,
    horizons: FloatArray,
) -> IncidenceCurves:
    """Read the curves, and check that they are known up to the horizons."""
    if variance == "aalen":
        raise InputError.of(
            "variance", required="'jackknife' or 'greenwood' for time lost", got="'aalen'"
        )
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
        stacklevel=5,
    )
    check_known_until(curves.groups, horizons)
    return curves


def check_known_until(groups: Sequence[GroupCurve], horizons: FloatArray) -> None:
    """Refuse horizons beyond the last time of a group in which not everybody has left.

    Parameters
    ----------
    groups : sequence of GroupCurve
        The groups.
    horizons : ndarray of float, shape (m,)
        The horizons.

    Raises
    ------
    evalkit.errors.InputError
        If a horizon is too far.
    """
    known = min(group.last for group in groups)
    if horizons.max() > known * (1 + TIE):
        raise InputError.of(
            "tau",
            required=f"at most {known:g}, the last time up to which every group is observed",
            got=f"{horizons.max():g}",
            where=[
                f"group {group.name}: {group.last:g}"
                for group in groups
                if group.keys and group.last < horizons.max()
            ],
        )
