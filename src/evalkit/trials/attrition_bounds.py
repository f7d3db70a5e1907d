"""Bounds of the effect that hold whatever the missing outcomes are, or by how many are missing."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core.checks import check_level
from evalkit.core.columns import Names, as_names
from evalkit.errors import InputError
from evalkit.kernels.trimming import TrimmedBounds, trimmed_bounds
from evalkit.trials.bounds_result import EffectBounds, bound_error, bound_rows, bounds_result
from evalkit.trials.estimand import Estimand
from evalkit.trials.incomplete_trial import refuse_lone_units
from evalkit.trials.sample_checks import check_clusters, keep_rows
from evalkit.trials.trial_result import Higher, as_randomised
from evalkit.trials.trial_sample import TrialSample, read_trial
from evalkit.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["lee_bounds", "manski_bounds"]


def lee_bounds(
    df: pd.DataFrame,
    *,
    outcome: str,
    arm: str,
    control: object,
    strata: Names | None = None,
    cluster: str | None = None,
    unit: str | None = None,
    level: float = 0.95,
    higher: Higher | None = None,
    estimand: Estimand | None = None,
) -> EffectBounds:
    r"""Bound the effect on those who would be seen in either arm.

    Nothing is assumed of why outcomes are missing but that being in the arm can only raise, or
    only lower, anybody's chance to be seen.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person randomised.
    outcome : str
        Column with the outcome, of numbers; missing for those not seen.
    arm : str
        Column with the arm as randomised.
    control : object
        Label of the control arm.
    strata : str or sequence of str, optional
        Columns of baseline variables with few values: bounds are computed in each combination,
        and averaged by their numbers of always seen. They are never wider, up to chance.
    cluster : str, optional
        Column with clusters; missing for those who stand alone.
    unit : str, optional
        Column that identifies persons; repeated values are an error.
    level : float, default 0.95
        Confidence level.
    higher : {"better", "worse"}, optional
        What a higher outcome means.
    estimand : Estimand, optional
        What is estimated; by default the effect on the always seen.

    Returns
    -------
    EffectBounds
        Three rows for each arm but the control arm: ``lower``, ``upper`` and ``effect``.

    Raises
    ------
    evalkit.errors.InputError
        If a column does not serve, a stratum has nobody seen in an arm, or strata differ in
        which arm has more seen.

    Notes
    -----
    In the arm with the higher rate of seen, :math:`p_a`, the share :math:`1 - p_b / p_a` of
    outcomes is trimmed from above and from below [1]_. Where that is no whole number of
    outcomes, one counts for a fraction, so that ties need not be broken; Stata's ``leebounds``
    takes whole outcomes. Standard errors are Lee's, by influence functions, which also serve
    clusters and strata; with equal rates they are too large. The interval of the effect is that
    of Imbens and Manski [2]_.

    References
    ----------
    .. [1] Lee DS (2009). Training, wages, and sample selection: estimating sharp bounds on
       treatment effects. Rev Econ Stud 76:1071-1102. doi:10.1111/j.1467-937X.2009.00536.x
    .. [2] Imbens GW, Manski CF (2004). Confidence intervals for partially identified parameters.
       Econometrica 72:1845-1857. doi:10.1111/j.1468-0262.2004.00555.x

    Examples
    --------
    All four of the arm are seen, and two of four controls: half of the arm's are trimmed.

    >>> import pandas as pd
    >>> df = pd.DataFrame(
    ...     {"arm": ["ReDO"] * 4 + ["CAU"] * 4, "y": [1, 2, 4, 7, 2, 3, None, None]}
    ... )
    >>> bounds = lee_bounds(df, outcome="y", arm="arm", control="CAU")
    >>> bounds.to_frame()["estimate"].head(2).tolist(), bounds.trimmed
    ([-1.0, 3.0], {'ReDO - CAU': 0.5})
    """
    level = check_level(level)
    sample = _read(df, outcome, arm, control, strata, cluster, unit)
    rows: list[dict[str, object]] = []
    trimmed: dict[str, float] = {}
    notes: list[str] = []
    for code, contrast in enumerate(sample.contrasts, start=1):
        part = np.flatnonzero((sample.arm == code) | (sample.arm == 0))
        found = _trim(sample, part, code)
        units = None if sample.cluster is None else sample.cluster[part]
        errors = [bound_error(one, units) for one in (found.lower_influence, found.upper_influence)]
        rows += bound_rows(contrast, (found.lower, found.upper), errors, level, len(part))
        trimmed[contrast] = float(found.share @ _seen_weights(sample, part, found))
        side = sample.arm_levels[code] if found.trims_arm else sample.control
        share = 100 * trimmed[contrast]
        notes.append(f"{contrast}: {share:.1f} % of those seen in {side} trimmed.")
    notes.append(
        "Holds if the arm moves everybody's chance to be seen in one direction only; the effect "
        "is that on those who would be seen in either arm."
    )
    attributes = estimand or as_randomised(
        sample,
        outcome=outcome,
        summary="bounds of the difference in means",
        intercurrent={
            "any departure from the assigned arm": "treatment policy",
            "outcome not seen": "principal stratum",
        },
        population="those who would be seen in either arm",
    )
    method = "Lee's trimming bounds"
    seen = keep_rows(sample, ~np.isnan(sample.outcome), f"missing {outcome}")
    return bounds_result(rows, seen, attributes, higher, method, level, notes, trimmed)


def manski_bounds(
    df: pd.DataFrame,
    *,
    outcome: str,
    arm: str,
    control: object,
    lowest: float,
    highest: float,
    cluster: str | None = None,
    unit: str | None = None,
    level: float = 0.95,
    higher: Higher | None = None,
    estimand: Estimand | None = None,
) -> EffectBounds:
    """Bound the effect among all randomised, whatever the missing outcomes are.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person randomised.
    outcome : str
        Column with the outcome, of numbers; missing for those not seen.
    arm : str
        Column with the arm as randomised.
    control : object
        Label of the control arm.
    lowest, highest : float
        The least and the greatest value that the outcome can have: 0 and 1 if it is binary, the
        ends of the scale otherwise.
    cluster : str, optional
        Column with clusters; missing for those who stand alone.
    unit : str, optional
        Column that identifies persons; repeated values are an error.
    level : float, default 0.95
        Confidence level.
    higher : {"better", "worse"}, optional
        What a higher outcome means.
    estimand : Estimand, optional
        What is estimated; by default the effect of the arms as randomised.

    Returns
    -------
    EffectBounds
        Three rows for each arm but the control arm: ``lower``, ``upper`` and ``effect``.

    Raises
    ------
    evalkit.errors.InputError
        If a column does not serve, or an outcome lies outside the ends.

    Notes
    -----
    The lower bound gives all missing outcomes of the arm the lowest value and those of the
    control arm the highest; the upper bound the other way round [1]_. Their distance is the
    length of the scale times the sum of the shares missing, whatever the sample's size. The
    interval of the effect is that of Imbens and Manski.

    References
    ----------
    .. [1] Horowitz JL, Manski CF (2000). Nonparametric analysis of randomized experiments with
       missing covariate and outcome data. J Am Stat Assoc 95:77-84.
       doi:10.1080/01621459.2000.10473902

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame(
    ...     {"arm": ["ReDO"] * 4 + ["CAU"] * 4, "work": [1, 1, 0, None, 0, 0, 1, None]}
    ... )
    >>> bounds = manski_bounds(
    ...     df, outcome="work", arm="arm", control="CAU", lowest=0, highest=1
    ... )
    >>> bounds.to_frame()["estimate"].head(2).tolist()
    [0.0, 0.5]
    """
    level = check_level(level)
    ends = (lowest, highest)
    if not all(isinstance(end, Real) and np.isfinite(end) for end in ends) or lowest >= highest:
        raise InputError.of(
            "lowest", required="finite and below highest", got=f"{lowest!r} and {highest!r}"
        )
    sample = _read(df, outcome, arm, control, None, cluster, unit)
    values = sample.outcome
    wrong = (values < lowest) | (values > highest)
    if wrong.any():
        raise InputError.of(
            "outcome",
            required=f"between lowest ({lowest:g}) and highest ({highest:g})",
            got=", ".join(f"{value:g}" for value in np.unique(values[wrong])[:5]),
            where=[f"row {label!r}" for label in df.index[sample.rows[wrong]].tolist()],
        )
    gone = np.isnan(values)
    rows: list[dict[str, object]] = []
    for code, contrast in enumerate(sample.contrasts, start=1):
        part = np.flatnonzero((sample.arm == code) | (sample.arm == 0))
        treated = sample.arm[part] == code
        units = None if sample.cluster is None else sample.cluster[part]
        bounds: list[float] = []
        errors: list[float] = []
        for arm_value, control_value in ((lowest, highest), (highest, lowest)):
            filled = np.where(treated, arm_value, control_value)
            filled = np.where(gone[part], filled, values[part])
            means = [float(filled[~treated].mean()), float(filled[treated].mean())]
            size = np.where(treated, float(treated.sum()), float((~treated).sum()))
            influence = np.where(treated, filled - means[1], means[0] - filled) / size
            bounds.append(means[1] - means[0])
            errors.append(bound_error(influence, units))
        rows += bound_rows(contrast, (bounds[0], bounds[1]), errors, level, len(part))
    lost = np.bincount(sample.arm[gone], minlength=len(sample.arm_levels))
    order = [*range(1, len(sample.arm_levels)), 0]
    parts = [f"{sample.arm_levels[i]} {lost[i]} of {sample.n_randomised[i]}" for i in order]
    notes = [f"Missing outcomes set to {lowest:g} or {highest:g}: {', '.join(parts)}."]
    attributes = estimand or as_randomised(
        sample, outcome=outcome, summary="bounds of the difference in means"
    )
    return bounds_result(rows, sample, attributes, higher, "Worst-case bounds", level, notes, {})


def _read(
    df: pd.DataFrame,
    outcome: str,
    arm: str,
    control: object,
    strata: Names | None,
    cluster: str | None,
    unit: str | None,
) -> TrialSample:
    """Read a trial with the rows without outcome; strata must be known for everybody."""
    sample = read_trial(
        df, outcome=outcome, arm=arm, control=control, strata=strata, cluster=cluster, unit=unit,
        need_outcome=False,
    )  # fmt: skip
    if sample.n_dropped:
        raise InputError.of(
            "strata",
            required="known for everybody randomised",
            got=f"{sum(sample.n_dropped.values())} rows with missing values",
            where=(f"{reason}: {n}" for reason, n in sample.n_dropped.items()),
            remedy=f"Give missing values of {', '.join(as_names(strata))} a level of their own.",
        )
    check_clusters(sample)
    refuse_lone_units(sample, ~np.isnan(sample.outcome))
    return sample


def _trim(sample: TrialSample, part: IntArray, code: int) -> TrimmedBounds:
    """Compute Lee's bounds of one arm and the control arm, after checking the strata."""
    outcome, treated = sample.outcome[part], sample.arm[part] == code
    seen = ~np.isnan(outcome)
    cell = np.zeros(len(part), dtype=np.int64)
    labels: list[object] = ["all"]
    if sample.strata is not None:
        used, cell = np.unique(sample.strata[part], return_inverse=True)
        cell = cell.astype(np.int64)
        labels = [sample.strata_levels[int(i)] for i in used]
    counts = np.zeros((2, 2, len(labels)))
    for row, group in enumerate((~treated, treated)):
        counts[row, 0] = np.bincount(cell[group], minlength=len(labels))
        counts[row, 1] = np.bincount(cell[group & seen], minlength=len(labels))
    empty = [repr(labels[int(i)]) for i in np.flatnonzero((counts[:, 1] == 0).any(axis=0))]
    if empty:
        raise InputError.of(
            "strata",
            required="strata with somebody seen in both arms",
            got=f"{len(empty)} without",
            where=empty,
            remedy="Join strata.",
        )
    total = counts.sum(axis=2)
    trims_arm = bool(total[1, 1] * total[0, 0] >= total[0, 1] * total[1, 0])
    more = counts[1, 1] * counts[0, 0] - counts[0, 1] * counts[1, 0]
    against = more < 0 if trims_arm else more > 0
    if against.any():
        raise InputError.of(
            "strata",
            required="strata in which the same arm has the higher share seen",
            got=f"{int(against.sum())} strata the other way round",
            where=[repr(labels[int(i)]) for i in np.flatnonzero(against)],
            remedy="Join strata: bounds need one direction.",
        )
    return trimmed_bounds(outcome, treated, cell, trims_arm=trims_arm)


def _seen_weights(sample: TrialSample, part: IntArray, found: TrimmedBounds) -> FloatArray:
    """Return the share of each stratum among those seen in the arm that is trimmed."""
    treated = sample.arm[part] != 0
    mine = (treated == found.trims_arm) & ~np.isnan(sample.outcome[part])
    if sample.strata is None:
        return np.ones(1)
    cell = np.unique(sample.strata[part], return_inverse=True)[1]
    counts = np.bincount(cell[mine], minlength=len(found.share))
    return counts / counts.sum()
