"""Effects in subgroups, with the test that they differ between them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from evalkit.core.columns import Names, as_names, labels
from evalkit.errors import InputError
from evalkit.kernels.heterogeneity import Heterogeneity, heterogeneity
from evalkit.trials.effect_measures import Measure, prepare_effect
from evalkit.trials.estimand import Estimand
from evalkit.trials.requests import Adjustment
from evalkit.trials.sample_checks import cluster_note, keep_rows
from evalkit.trials.subgroup_model import SubgroupPart, in_one_model
from evalkit.trials.trial_result import Higher, TrialEffect
from evalkit.trials.trial_sample import TrialSample

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SubgroupEffects", "subgroup_effects"]

_Columns: TypeAlias = dict[str, list[object]]

_NUMBERS = ("estimate", "std_error", "statistic", "df", "p_value", "conf_low", "conf_high", "n")


@dataclass(frozen=True, eq=False, repr=False)
class SubgroupEffects(TrialEffect):
    """Effects in all persons and in subgroups; key columns ``subgroup`` and ``level``.

    Parameters
    ----------
    data, estimand, method, level, n_used, n_dropped, notes, attributes, arms
        As :class:`evalkit.trials.trial_result.TrialEffect`.
    interactions : pandas.DataFrame
        One row for each subgroup variable and contrast: ``subgroup, contrast, statistic, df,
        df_denominator, p_value, n``: the test that the effect is the same at all its levels.
    """

    interactions: pd.DataFrame = field(kw_only=True)


def subgroup_effects(
    df: pd.DataFrame,
    *,
    outcome: str,
    arm: str,
    control: object,
    subgroups: Names,
    measure: Measure = "difference",
    covariates: Names | None = None,
    adjustment: Adjustment = "none",
    strata: Names | None = None,
    cluster: str | None = None,
    weights: str | None = None,
    vcov: str | None = None,
    level: float = 0.95,
    event: str | None = None,
    tau: float | None = None,
    higher: Higher | None = None,
    estimand: Estimand | None = None,
    unit: str | None = None,
    exposure: str | None = None,
) -> SubgroupEffects:
    """Estimate the effect in subgroups, and test whether it differs between them.

    That an effect is significant in one subgroup and not in another does not show that it
    differs: the test of interaction does, and each variable has one. Subgroups should be few,
    known before randomisation and named before the analysis.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person randomised; it is not changed.
    outcome : str
        Column with the outcome.
    arm : str
        Column with the arm as randomised.
    control : object
        Label of the control arm.
    subgroups : str or sequence of str
        Columns whose levels are the subgroups, one after the other; cut numbers into classes
        first.
    measure : str, default "difference"
        Effect measure, as in :func:`evalkit.trials.effect_measures.effect`; not "nnt".
    covariates : str or sequence of str, optional
        Baseline covariates: the right-hand side of a formula, or columns.
    adjustment : {"none", "ancova", "lin", "standardised"}
        How covariates and strata enter, in every subgroup by itself.
    strata : str or sequence of str, optional
        Columns that make up the strata of the randomisation.
    cluster : str, optional
        Column with clusters; a row where it is missing stands alone.
    weights : str, optional
        Column with case weights.
    vcov : str, optional
        Variance, as in :func:`evalkit.trials.effect_measures.effect`.
    level : float, default 0.95
        Confidence level.
    event : str, optional
        Column that says whether the event was seen; times only.
    tau : float, optional
        Time up to which the restricted mean is taken; "rmst_difference" only.
    higher : {"better", "worse"}, optional
        What a higher outcome means.
    estimand : Estimand, optional
        What is estimated. By default: all randomised, arms as randomised.
    unit : str, optional
        Column that identifies persons; repeated values are an error.
    exposure : str, optional
        Column with the time that each count was taken over; "rate_ratio" only.

    Returns
    -------
    SubgroupEffects
        Rows for all persons and for every level, key columns ``subgroup`` and ``level``; and the
        tests as ``interactions``.

    Raises
    ------
    evalkit.errors.InputError
        As :func:`evalkit.trials.effect_measures.effect`; and if a subgroup has fewer than two
        persons in an arm, a variable has one level, or clusters reach over several levels with a
        measure other than "difference".

    Notes
    -----
    Every subgroup is analysed as the whole trial is, with its own variances and, if adjusted,
    its own slopes. Its rows are independent of the other subgroups', so Welch's test for
    estimates with unequal variances tells whether the effects are equal; for ratios on the log
    scale. With clusters one model holds all subgroups, because a cluster may have persons in
    several: CR2 (or the kind asked for) and the Hotelling test of Pustejovsky and Tipton.

    Rows without a value of a subgroup variable are left out of that variable's analyses only, and
    counted in ``n_dropped`` under a reason that says so.

    In R: ``anova(lm(y ~ arm * x))`` asks the same under equal variances.

    References
    ----------
    .. [1] Wang R, Lagakos SW, Ware JH, Hunter DJ, Drazen JM (2007). Statistics in medicine:
       reporting of subgroup analyses in clinical trials. N Engl J Med 357:2189-2194.
       doi:10.1056/NEJMsr077003

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame(
    ...     {
    ...         "arm": ["ReDO", "kontroll"] * 6,
    ...         "sex": ["woman"] * 6 + ["man"] * 6,
    ...         "y": [7, 4, 8, 5, 9, 3, 5, 5, 6, 4, 4, 6],
    ...     }
    ... )
    >>> found = subgroup_effects(df, outcome="y", arm="arm", control="kontroll", subgroups="sex")
    >>> found.to_frame()[["level", "estimate", "n"]]
       level  estimate   n
    0    all       2.0  12
    1    man       0.0   6
    2  woman       4.0   6
    >>> found.interactions["p_value"].round(4).tolist()
    [0.0085]
    """
    if measure == "nnt":
        raise InputError.of(
            "measure",
            required="a measure whose differences mean something",
            got="'nnt'",
            remedy="Compare risk differences; their inverses can be read off.",
        )
    if adjustment == "standardised" and cluster is not None:
        raise InputError.of(
            "adjustment",
            required="'none', 'ancova' or 'lin' in subgroups with clusters",
            got="'standardised'",
            remedy="adjustment='lin' gives the same estimates, for the persons analysed.",
        )
    names = as_names(subgroups)
    sample, request, estimate = prepare_effect(
        df,
        outcome=outcome,
        arm=arm,
        control=control,
        measure=measure,
        covariates=covariates,
        adjustment=adjustment,
        strata=strata,
        cluster=cluster,
        weights=weights,
        vcov=vcov,
        level=level,
        event=event,
        tau=tau,
        higher=higher,
        estimand=estimand,
        unit=unit,
        exposure=exposure,
        weights_kind="case",
        known={"subgroups": names},
    )
    if not names:
        raise InputError.of("subgroups", required="at least one column", got="none")
    overall = estimate(sample, request)
    columns: _Columns = {"subgroup": [], "level": []}
    _append(columns, "", "all", overall)
    tests: list[dict[str, object]] = []
    notes: list[str] = []
    dropped = dict(overall.n_dropped)
    for name in names:
        one, parts, missing = _split(sample, df, name)
        if missing:
            dropped[f"missing {name} in subgroups"] = missing
            notes.append(f"{name} is missing for {missing} of those analysed, left out there.")
        if sample.cluster is not None and measure == "difference":
            found, outcomes = in_one_model(one, parts, request, estimate)
        else:
            _refuse_shared_clusters(parts, name, one)
            found = [estimate(part, request) for _, part, _ in parts]
            outcomes = _independent(found)
        for (label, _, _), result in zip(parts, found, strict=True):
            _append(columns, name, label, result)
        for contrast, test in zip(sample.contrasts, outcomes, strict=True):
            tests.append(_test_row(name, contrast, test, one.n))
            of = f" of {contrast}" if len(sample.contrasts) > 1 else ""
            notes.append(f"Interaction{of} with {name}: {_in_words(test)}.")
    if sample.cluster is not None:
        notes.insert(0, cluster_note(sample))
    import pandas as pd

    table = TrialEffect.from_sample(
        columns,
        sample,
        attributes=overall.attributes,
        higher=higher,
        method=overall.method,
        level=request.level,
        notes=notes,
    )
    return SubgroupEffects(
        table.data,
        overall.estimand,
        table.method,
        table.level,
        table.n_used,
        dropped,
        table.notes,
        attributes=table.attributes,
        arms=overall.arms,
        interactions=pd.DataFrame(tests),
    )


def _append(columns: _Columns, name: str, label: object, result: TrialEffect) -> None:
    """Add an analysis' rows to the table."""
    frame = result.data
    columns["subgroup"] += [name] * len(frame)
    columns["level"] += [str(label)] * len(frame)
    for key in ("term", "contrast", *_NUMBERS, "scale"):
        columns.setdefault(key, []).extend(frame[key].tolist() if key in frame else [""])


def _split(
    sample: TrialSample, df: pd.DataFrame, name: str
) -> tuple[TrialSample, list[SubgroupPart], int]:
    """Return the sample where the variable is known, its part at each level, and the missing."""
    coded = labels(df[name])
    codes = coded.codes[sample.rows]
    missing = int((codes < 0).sum())
    one = keep_rows(sample, codes >= 0, f"missing {name}")
    codes = codes[codes >= 0]
    present = np.unique(codes)
    if len(present) < 2:
        raise InputError.of(
            "subgroups", required=f"variables with at least two levels ({name!r})",
            got=f"{len(present)}",
        )  # fmt: skip
    n_arms = len(sample.arm_levels)
    cells = np.bincount(codes * n_arms + one.arm, minlength=(present[-1] + 1) * n_arms)
    cells = cells.reshape(-1, n_arms)
    small = [
        f"{coded.levels[int(i)]!r} in {sample.arm_levels[a]!r}: {cells[i, a]}"
        for i in present
        for a in range(n_arms)
        if cells[i, a] < 2
    ]
    if small:
        raise InputError.of(
            "subgroups",
            required=f"levels with two persons or more in every arm ({name!r})",
            got=f"{len(small)} with fewer",
            where=small,
            remedy="Merge levels, or cut numbers into classes.",
        )
    parts = [
        (
            coded.levels[int(i)],
            keep_rows(one, codes == i, f"other {name}"),
            np.flatnonzero(codes == i),
        )
        for i in present
    ]
    return one, parts, missing


def _independent(found: Sequence[TrialEffect]) -> list[Heterogeneity]:
    """Test estimates of subgroups that share no persons, contrast by contrast."""
    tests: list[Heterogeneity] = []
    for row in range(len(found[0].data)):
        rows = [one.data.iloc[row] for one in found]
        estimate = np.array([float(one["estimate"]) for one in rows])
        if str(rows[0].get("scale", "")) == "ratio":
            inside = (estimate > 0) & np.isfinite(estimate)
            estimate = np.log(np.where(inside, estimate, np.nan))
        error = np.array([float(one["std_error"]) for one in rows])
        df = np.array([float(one["df"]) for one in rows])
        tests.append(heterogeneity(estimate, error, np.where(np.isnan(df), np.inf, df)))
    return tests


def _refuse_shared_clusters(parts: Sequence[SubgroupPart], name: str, one: TrialSample) -> None:
    """Refuse clusters that reach over levels, where estimates are treated as independent."""
    if one.cluster is None:
        return
    seen = np.zeros(int(one.cluster.max()) + 1, dtype=np.int64)
    for _, _, rows in parts:
        seen[np.unique(one.cluster[rows])] += 1
    if (seen > 1).any():
        raise InputError.of(
            "subgroups",
            required=f"levels that share no cluster ({name!r})",
            got=f"{int((seen > 1).sum())} clusters with persons at several levels",
            remedy="The subgroups' estimates depend on each other; measure='difference' allows "
            "for that.",
        )


def _test_row(name: str, contrast: str, test: Heterogeneity, n: int) -> dict[str, object]:
    """Lay a test out as a row."""
    return {
        "subgroup": name,
        "contrast": contrast,
        "statistic": test.statistic,
        "df": test.df[0],
        "df_denominator": test.df[1],
        "p_value": test.p_value,
        "n": n,
    }


def _in_words(test: Heterogeneity) -> str:
    """Say a test in a line."""
    if math.isnan(test.p_value):
        return "no test, a subgroup's variance is not known"
    first, second = test.df
    if math.isinf(second):
        return f"chi2({first:g}) = {first * test.statistic:.3f}, p = {test.p_value:.4f}"
    return f"F({first:g}, {second:.1f}) = {test.statistic:.3f}, p = {test.p_value:.4f}"
