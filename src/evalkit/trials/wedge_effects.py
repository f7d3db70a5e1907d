"""Stepped-wedge trials: clusters that go over to a programme one after the other."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core.checks import check_level
from evalkit.core.columns import Names, check_known, labels, numbers, rows_where
from evalkit.core.formula import design, formula_variables
from evalkit.errors import EvalkitError, InputError
from evalkit.kernels.least_squares import dependent_columns, least_squares
from evalkit.kernels.random_intercept import fit_random_intercept
from evalkit.kernels.reml_contrasts import kenward_roger
from evalkit.kernels.sandwich import sandwich
from evalkit.kernels.student import student
from evalkit.trials.estimand import Estimand
from evalkit.trials.sample_checks import warn_few
from evalkit.trials.trial_columns import read_outcome
from evalkit.trials.trial_result import Higher, TrialEffect
from evalkit.trials.trial_sample import TrialWarning, as_formula
from evalkit.typing import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["WedgeEffect", "stepped_wedge"]

_ROUNDING = 1e-20  # of the outcome's squares: residuals that are nothing else
_LEAST_DF = 0.5  # Satterthwaite's, below which a variance is an accident of rounding ...
_NOTHING = 1e-9  # ... as is a standard error below this, of the outcome's spread
_FEW = 6  # clusters below which neither analysis holds its level
_AT_BOUNDARY = "The variance between clusters is estimated as 0, at its boundary: ICC = 0."


@dataclass(frozen=True, eq=False, repr=False)
class WedgeEffect(TrialEffect):
    """The effect of being exposed, by two analyses, with the correlation in clusters.

    Parameters
    ----------
    data, estimand, method, level, n_used, n_dropped, notes, attributes, arms
        As :class:`evalkit.trials.TrialEffect`; the "arms" are the clusters.
    icc : float
        Variance between clusters over the whole variance, given periods and covariates.
    sequences : pandas.DataFrame
        Clusters by the period in which they go over: ``first_exposed`` (missing: never),
        ``clusters``.
    """

    icc: float = field(kw_only=True)
    sequences: pd.DataFrame = field(kw_only=True)


def stepped_wedge(
    df: pd.DataFrame,
    *,
    outcome: str,
    exposed: str,
    cluster: str,
    period: str,
    covariates: Names | None = None,
    level: float = 0.95,
    higher: Higher | None = None,
    estimand: Estimand | None = None,
) -> WedgeEffect:
    r"""Estimate the effect of a programme that offices start one after the other.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person (or measurement) in a cluster and period.
    outcome : str
        Column with the outcome.
    exposed : str
        Column that is 1 (or True) where the cluster has the programme in the period.
    cluster : str
        Column with the cluster that was randomised to a starting period.
    period : str
        Column with the period; numbers, or categories in their order.
    covariates : str or sequence of str, optional
        Right-hand side of a formula, or columns.
    level : float, default 0.95
        Confidence level.
    higher : {"better", "worse"}, optional
        What a higher outcome means.
    estimand : Estimand, optional
        What is estimated, if not the average effect of exposure.

    Returns
    -------
    WedgeEffect
        Two rows, with key ``model``: "random intercept" and "CR2".

    Raises
    ------
    evalkit.errors.InputError
        If a column does not exist or holds what it must not, a cluster is both exposed and not in
        a period or goes back, exposure cannot be told from the periods, periods are texts
        without an order, or the outcome has no spread within clusters.

    Warns
    -----
    TrialWarning
        If there are fewer than six clusters, or five degrees of freedom by CR2.

    Notes
    -----
    Both analyses have a mean for each period, so that what changes over time for everybody is not
    taken for the effect. The *random intercept* model is fitted by restricted maximum likelihood
    with the standard error and degrees of freedom of Kenward and Roger, and rests on a
    correlation that is the same for all pairs in a cluster. *CR2* is least squares with the
    bias-reduced cluster-robust variance and Satterthwaite's degrees of freedom, and rests on
    nothing but the clusters' independence; where the two differ much, correlation decays
    between periods, and CR2 is the one to trust. Rows that lack a value are dropped and counted.

    In R: ``lme4::lmer(y ~ factor(period) + exposed + (1 | cluster))`` with ``pbkrtest``, and
    ``clubSandwich::coef_test(lm(...), "CR2")``.

    References
    ----------
    .. [1] Hussey MA, Hughes JP (2007). Design and analysis of stepped wedge cluster randomized
       trials. Contemp Clin Trials 28:182-191. doi:10.1016/j.cct.2006.05.007

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(2)
    >>> office, period = np.repeat(np.arange(9), 20), np.tile(np.repeat(np.arange(4), 5), 9)
    >>> exposed = (period > office % 3).astype(int)
    >>> y = rng.normal(size=9)[office] + 0.2 * period + exposed + rng.normal(size=180)
    >>> df = pd.DataFrame({"office": office, "period": period, "exposed": exposed, "y": y})
    >>> found = stepped_wedge(df, outcome="y", exposed="exposed", cluster="office", period="period")
    >>> found.sequences["clusters"].tolist(), found.to_frame()["model"].tolist()
    ([3, 3, 3], ['random intercept', 'CR2'])
    """
    level = check_level(level)
    formula = as_formula(covariates)
    notes: list[str] = []
    check_known(df, outcome=outcome, exposed=exposed, cluster=cluster, period=period)
    if len(df) == 0:
        raise InputError.of("df", required="at least one row", got="0 rows")
    values, _ = read_outcome(df, outcome, "number")
    treated = _zero_or_one(df, exposed)
    office, when = labels(df[cluster], ordered=False), labels(df[period])
    _ordered(df, period, when.levels)
    for argument, name, codes in (("cluster", cluster, office), ("period", period, when)):
        _known(df, codes.codes < 0, argument, name)
    _check_sequence(treated, office.codes, when.codes, office.levels, when.levels)
    keep, dropped = ~np.isnan(values), dict[str, int]()
    if not keep.all():
        dropped[f"missing {outcome}"] = int((~keep).sum())
    for name in formula_variables(formula, df) if formula else ():
        gone = df[name].isna().to_numpy(dtype=bool) & keep
        if gone.any():
            dropped[f"missing {name}"] = int(gone.sum())
            keep &= ~gone
    rows = np.flatnonzero(keep)
    codes = np.unique(office.codes[rows], return_inverse=True)[1].astype(np.int64)
    n_clusters = int(codes.max(initial=-1)) + 1
    x = _matrix(df, formula, rows, when.codes[rows], treated[rows])
    if n_clusters < 2 or len(rows) <= x.shape[1]:
        raise InputError.of(
            "df",
            required="at least two clusters and more rows than coefficients",
            got=f"{n_clusters} clusters, {len(rows)} complete rows, {x.shape[1]} coefficients",
            where=(f"{reason}: {n}" for reason, n in dropped.items()),
        )
    if n_clusters < _FEW:
        warnings.warn(
            f"{n_clusters} clusters: with fewer than {_FEW} neither analysis holds its level; a "
            "randomisation test over the starting periods does.",
            TrialWarning,
            stacklevel=2,
        )
    y = values[rows] - values[rows].mean()  # each period has a mean: only digits are gained
    last = np.eye(x.shape[1])[-1]
    _refuse_no_spread(x, y, codes, values[rows])
    mixed = fit_random_intercept(x, y, codes)
    if not mixed.converged:
        raise EvalkitError(
            "stepped_wedge: the restricted likelihood of the random intercept has no maximum that "
            'could be found. effect(..., cluster=, vcov="CR2") needs none.'
        )
    corrected = kenward_roger(mixed, last)
    robust = sandwich(least_squares(x, y), "CR2", cluster=codes, contrasts=last[None, :])
    if not (robust.df[0] >= _LEAST_DF and robust.std_error[0] > _NOTHING * float(np.std(y))):
        robust = replace(robust, std_error=np.array([np.nan]), df=np.array([np.nan]))
        notes.append("Row CR2 has no standard error: too few clusters tell of the effect.")
    elif n_clusters >= _FEW:  # fewer are warned of already
        warn_few(robust.df, ["row CR2"])
    within, between = mixed.components.tolist()
    if between == 0:
        notes.append(_AT_BOUNDARY)
    columns: dict[str, object] = {
        "model": ["random intercept", "CR2"],
        "term": "difference",
        "contrast": "exposed - not exposed",
        **student(
            [corrected.estimate, robust.estimate[0]],
            [corrected.std_error, robust.std_error[0]],
            [corrected.df, robust.df[0]],
            level,
        ),
        "n": len(rows),
    }
    return WedgeEffect.from_arms(
        columns,
        [("clusters", len(office.levels), n_clusters)],
        attributes=estimand or _estimand(outcome),
        contrasts="exposed - not exposed" + (f", higher = {higher}" if higher else ""),
        method="Period means; random intercept by REML with Kenward-Roger, least squares with CR2",
        level=level,
        n_dropped=dropped,
        notes=notes,
        icc=between / (between + within),
        sequences=_sequences(treated, office.codes, when.codes, when.levels),
    )


def _estimand(outcome: str) -> Estimand:
    """Return the estimand of a stepped-wedge trial."""
    return Estimand(
        "persons of the clusters in the periods observed",
        "programme started - not yet started, as randomised",
        outcome,
        "difference in means",
        {"clusters or persons that depart from the plan": "treatment policy"},
    )


def _zero_or_one(df: pd.DataFrame, name: str) -> IntArray:
    """Read exposure as 0 and 1."""
    values = numbers(df, name, "exposed")
    wrong: BoolArray = (values != 0) & (values != 1)
    if wrong.any():
        raise InputError.of(
            "exposed",
            required=f"0 or 1 in every row ({name!r})",
            got=", ".join(f"{v:g}" for v in np.unique(values[wrong])[:3]),
            where=rows_where(df, wrong),
        )
    return values.astype(np.int64)


def _known(df: pd.DataFrame, gone: BoolArray, argument: str, name: str) -> None:
    """Refuse missing labels."""
    if gone.any():
        raise InputError.of(
            argument,
            required=f"known for every row ({name!r})",
            got=f"{int(gone.sum())} rows where it is missing",
            where=rows_where(df, gone),
        )


def _ordered(df: pd.DataFrame, name: str, levels: tuple[object, ...]) -> None:
    """Refuse periods that are texts, which have no order."""
    import pandas as pd

    if any(isinstance(v, str) for v in levels) and not isinstance(
        df[name].dtype, pd.CategoricalDtype
    ):
        raise InputError.of(
            "period",
            required=f"numbers or categories in their order ({name!r})",
            got="texts, which have no order",
            where=(repr(level) for level in levels),
            remedy=f"pd.Categorical(df[{name!r}], [...], ordered=True) orders them.",
        )


def _refuse_no_spread(x: FloatArray, y: FloatArray, cluster: IntArray, raw: FloatArray) -> None:
    """Refuse outcomes without spread within clusters, of which the model needs the variance."""
    size = np.bincount(cluster).astype(np.float64)
    within, left = (
        w - (np.bincount(cluster, weights=w) / size)[cluster]
        for w in (y, y - x @ np.linalg.lstsq(x, y, rcond=None)[0])
    )
    nothing = _ROUNDING * (float(y @ y) + _ROUNDING * float(raw @ raw))
    if size.max() < 2 or min(float(within @ within), float(left @ left)) <= nothing:
        raise InputError.of(
            "outcome",
            required="different within clusters, beyond what periods and exposure explain",
            got="one row in each cluster" if size.max() < 2 else "no spread within any cluster",
            remedy="Without it the variance within clusters is not identified.",
        )


def _check_sequence(
    treated: IntArray,
    office: IntArray,
    when: IntArray,
    offices: tuple[object, ...],
    periods: tuple[object, ...],
) -> None:
    """Refuse clusters that are both in a period, or that go back."""
    cells = np.zeros((len(offices), len(periods), 2), dtype=np.int64)
    np.add.at(cells, (office, when, treated), 1)
    both = np.argwhere((cells > 0).all(axis=2))
    if len(both):
        raise InputError.of(
            "exposed",
            required="the same for all rows of a cluster in a period",
            got=f"{len(both)} cells with both",
            where=(f"{offices[i]!r} in {periods[j]!r}" for i, j in both.tolist()),
            remedy="Exposure goes with the plan of the cluster, not with what persons received.",
        )
    first = _first_exposed(treated, office, when)
    back = np.unique(office[(treated == 0) & (when > first[office])])
    if len(back):
        raise InputError.of(
            "exposed",
            required="1 in every period after the first in which it is",
            got=f"{len(back)} clusters that go back",
            where=(repr(offices[i]) for i in back.tolist()),
        )


def _first_exposed(treated: IntArray, office: IntArray, when: IntArray) -> IntArray:
    """Return the first period in which each cluster is exposed; one after the last if never."""
    first = np.full(int(office.max()) + 1, int(when.max()) + 1, dtype=np.int64)
    np.minimum.at(first, office[treated == 1], when[treated == 1])
    return first


def _sequences(
    treated: IntArray, office: IntArray, when: IntArray, periods: tuple[object, ...]
) -> pd.DataFrame:
    """Count clusters by the period in which they go over."""
    import pandas as pd

    first = _first_exposed(treated, office, when)
    which, counts = np.unique(first, return_counts=True)
    starts = [periods[i] if i < len(periods) else None for i in which.tolist()]
    return pd.DataFrame({"first_exposed": starts, "clusters": counts})


def _matrix(
    df: pd.DataFrame, formula: str | None, rows: IntArray, when: IntArray, treated: IntArray
) -> FloatArray:
    """Return period means, covariates and exposure, in this order."""
    used = np.unique(when, return_inverse=True)[1]
    parts = [np.eye(int(used.max(initial=0)) + 1)[used]]
    names = [f"period {i}" for i in range(parts[0].shape[1])]
    if formula is not None:
        made = design(formula, df, rows=rows)
        parts.append(made.matrix - made.matrix.mean(axis=0))  # the periods' means take the rest
        names += made.names
    x = np.column_stack([*parts, treated.astype(np.float64)])
    dependent = dependent_columns(x)
    if len(dependent):
        listed = [*names, "exposure"]
        raise InputError.of(
            "exposed" if len(names) in dependent else "covariates",
            required="no combination of the periods and covariates",
            got="one that is",
            where=(repr(listed[int(j)]) for j in dependent),
            remedy="The effect needs periods in which some clusters are exposed and others not.",
        )
    return x
