"""Effects on outcomes with many zeros or long tails, such as net days and earnings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core.checks import check_level, check_share, resolve_rng
from evalkit.errors import InputError
from evalkit.kernels.arm_means import cluster_variance
from evalkit.kernels.resampled_quantiles import quantiles as quantiles_of
from evalkit.kernels.resampled_quantiles import resampled_quantiles
from evalkit.trials.effect_columns import Row, difference_row, ratio_row
from evalkit.trials.sample_checks import (
    check_clusters,
    check_persons,
    cluster_note,
    warn_few,
    without_weightless,
)
from evalkit.trials.trial_result import Higher, TrialEffect, as_randomised
from evalkit.trials.trial_sample import TrialSample, read_trial
from evalkit.typing import BoolArray, FloatArray, IntArray, RandomSource

if TYPE_CHECKING:
    import pandas as pd

    from evalkit.trials.estimand import Estimand

__all__ = ["quantile_effect", "two_part_effect"]

_FEWEST_RESAMPLES = 100


@dataclass(frozen=True, slots=True)
class _Part:
    """One number of one arm, and what each row of the trial adds to it."""

    value: float
    influence: FloatArray


def two_part_effect(
    df: pd.DataFrame,
    *,
    outcome: str,
    arm: str,
    control: object,
    cluster: str | None = None,
    weights: str | None = None,
    level: float = 0.95,
    higher: Higher | None = None,
    estimand: Estimand | None = None,
    unit: str | None = None,
) -> TrialEffect:
    r"""Take the effect on a mean apart: who has any, and how much those have.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person randomised.
    outcome : str
        Column with numbers of at least 0, such as net days or earnings.
    arm : str
        Column with the arm as randomised.
    control : object
        Label of the control arm.
    cluster : str, optional
        Column that says which rows belong together.
    weights : str, optional
        Column with case weights.
    level : float, default 0.95
        Confidence level.
    higher : {"better", "worse"}, optional
        What a higher outcome means.
    estimand : Estimand, optional
        What is estimated, if it is not the arms as randomised.
    unit : str, optional
        Column that identifies the persons; repeated values are an error.

    Returns
    -------
    TrialEffect
        Four rows for each arm but the control, by ``term``: "share_above_zero" (difference of
        the shares with more than 0), "mean_above_zero" (ratio of the means of those), "mean"
        (difference of the means of all, Welch's) and "mean_ratio" (their ratio). Extra columns
        ``scale``, ``value`` and ``value_control``: the number in each arm.

    Raises
    ------
    evalkit.errors.InputError
        If a number is negative, nobody in an arm is above 0, or an arm has one cluster.

    Notes
    -----
    The mean of all is the share above 0 times the mean above 0, so that the logarithms of the
    ratios add up. Shares and means of all compare randomised groups. The means above 0 do not:
    those who are above 0 in one arm may be other people than in the other, and the row says how
    the mean came about, not what the treatment did to anybody.

    Each number's variance is the sum of squares of what the rows (or clusters) add to it, times
    :math:`G_a/(G_a - 1)` in arm a, with Satterthwaite's degrees of freedom; ratios on the log
    scale. In R: ``t.test(y ~ arm)`` for "mean"; the other parts by the delta method.

    References
    ----------
    .. [1] Duan N, Manning WG, Morris CN, Newhouse JP (1983). A comparison of alternative models
       for the demand for medical care. J Bus Econ Stat 1:115-126.
       doi:10.1080/07350015.1983.10509330

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"arm": list("AAAABBBB"), "days": [0, 0, 10, 30, 0, 20, 40, 60]})
    >>> table = two_part_effect(df, outcome="days", arm="arm", control="B").to_frame()
    >>> table[["term", "estimate"]].round(3).values.tolist()[:3]
    [['share_above_zero', -0.25], ['mean_above_zero', 0.5], ['mean', -20.0]]
    """
    level = check_level(level)
    sample = read_trial(
        df,
        outcome=outcome,
        arm=arm,
        control=control,
        kind="duration",
        cluster=cluster,
        weights=weights,
        unit=unit,
    )
    sample = without_weightless(sample)
    check_persons(sample)
    check_clusters(sample)
    weight = np.ones(sample.n) if sample.weights is None else sample.weights
    parts = [
        _parts(sample, weight, sample.arm == code, outcome)
        for code in range(len(sample.arm_levels))
    ]
    units = np.arange(sample.n) if sample.cluster is None else sample.cluster
    laid: list[tuple[str, str, Row, str, int]] = []
    for code in range(1, len(parts)):
        for term, ratio in (
            ("share_above_zero", False),
            ("mean_above_zero", True),
            ("mean", False),
            ("mean_ratio", True),
        ):
            name = "mean" if term == "mean_ratio" else term
            one, zero = parts[code][name], parts[0][name]
            extra = {"value": one.value, "value_control": zero.value}
            if ratio:
                moves = one.influence / one.value - zero.influence / zero.value
                variance, df_ = _variance(moves, sample, units, weight)
                log = float(np.log(one.value / zero.value))
                row = ratio_row(log, variance, df_, level, extra)
            else:
                variance, df_ = _variance(one.influence - zero.influence, sample, units, weight)
                row = difference_row(one.value - zero.value, variance, df_, level, extra)
            n = sample.n_analysed[code] + sample.n_analysed[0]
            scale = "ratio" if ratio else "difference"
            laid.append((term, sample.contrasts[code - 1], row, scale, n))
    if sample.cluster is not None:
        names = [f"{term}, {contrast}" for term, contrast, *_ in laid]
        warn_few(np.array([row[2].df for row in laid]), names, sample)
    note = (
        "mean_above_zero compares people who need not be the same kind in both arms: it says how "
        "the difference in means came about, and is no effect on anybody."
    )
    return _table(
        laid, sample, level, higher,
        method="Means and shares, influence of rows or clusters, Satterthwaite",
        attributes=estimand
        or as_randomised(sample, outcome=outcome, summary="share above 0, and means"),
        notes=(note, cluster_note(sample)) if sample.cluster is not None else (note,),
    )  # fmt: skip


def _parts(
    sample: TrialSample, weight: FloatArray, inside: BoolArray, outcome: str
) -> Mapping[str, _Part]:
    """Return share, mean above 0 and mean of one arm."""
    y, w = sample.outcome, weight * inside
    n, above = float(w.sum()), y > 0
    share, mean = float(w @ above) / n, float(w @ y) / n
    if share == 0:
        label = sample.arm_levels[int(sample.arm[inside][0])]
        raise InputError.of(
            "outcome",
            required=f"above 0 for somebody in every arm ({outcome!r})",
            got=f"0 for all {int(inside.sum())} in {label!r}",
            remedy='effect(..., measure="difference") compares the means all the same.',
        )
    positive = mean / share
    return {
        "share_above_zero": _Part(share, w * (above - share) / n),
        "mean_above_zero": _Part(positive, w * above * (y - positive) / (n * share)),
        "mean": _Part(mean, w * (y - mean) / n),
    }


def _variance(
    moves: FloatArray, sample: TrialSample, units: IntArray, weight: FloatArray
) -> tuple[float, float]:
    """Return variance and degrees of freedom; a row of weight 2 that stands alone is two rows."""
    if sample.cluster is not None or sample.weights is None:
        return cluster_variance(moves, sample.arm, units)
    variance = below = 0.0
    for code in np.unique(sample.arm[moves != 0]):
        inside = (sample.arm == code) & (weight > 0)
        n = float(weight[inside].sum())
        part = n / (n - 1) * float(moves[inside] @ (moves[inside] / weight[inside]))
        variance, below = variance + part, below + part**2 / (n - 1)
    return variance, (variance**2 / below if below > 0 else np.inf)


def quantile_effect(
    df: pd.DataFrame,
    *,
    outcome: str,
    arm: str,
    control: object,
    quantiles: float | Sequence[float] = (0.25, 0.5, 0.75),
    cluster: str | None = None,
    n_resamples: int = 2000,
    rng: RandomSource,
    level: float = 0.95,
    higher: Higher | None = None,
    estimand: Estimand | None = None,
    unit: str | None = None,
) -> TrialEffect:
    r"""Compare the quantiles of an outcome between the arms.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person randomised.
    outcome : str
        Column with numbers.
    arm : str
        Column with the arm as randomised.
    control : object
        Label of the control arm.
    quantiles : float or sequence of float, default (0.25, 0.5, 0.75)
        Shares strictly between 0 and 1.
    cluster : str, optional
        Column that says which rows belong together: whole clusters are drawn.
    n_resamples : int, default 2000
        How often each arm is drawn again; at least 100.
    rng : int or numpy.random.Generator
        Seed or source of randomness.
    level : float, default 0.95
        Confidence level.
    higher : {"better", "worse"}, optional
        What a higher outcome means.
    estimand : Estimand, optional
        What is estimated, if it is not the arms as randomised.
    unit : str, optional
        Column that identifies the persons; repeated values are an error.

    Returns
    -------
    TrialEffect
        One row for each arm but the control and each quantile, with term "quantile" and the extra
        columns ``scale``, ``q``, ``value`` and ``value_control``. ``std_error`` is the standard
        deviation of the resampled differences; there is no ``statistic``.

    Raises
    ------
    evalkit.errors.InputError
        If a quantile is not between 0 and 1, there are too few resamples, or an arm has one
        person or cluster.

    Notes
    -----
    The difference of the quantiles of two distributions is not the quantile of the differences
    that persons would see. Within each arm persons, or clusters, are drawn with replacement; the
    interval holds the middle ``level`` of the resampled differences (percentile), and the
    p-value is :math:`2 (1 + \min\{\#(d^* \le 0), \#(d^* \ge 0)\}) / (R + 1)`, at most 1. Where
    many have the same value, such as 0, quantiles jump and the interval is conservative.
    Quantiles are R's ``quantile(type = 2)``.

    References
    ----------
    .. [1] Efron B, Tibshirani RJ (1993). An introduction to the bootstrap. Chapman & Hall.
       doi:10.1201/9780429246593

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"arm": ["A"] * 20 + ["B"] * 20,
    ...                    "days": [0] * 10 + list(range(10)) + [0] * 5 + list(range(15))})
    >>> table = quantile_effect(df, outcome="days", arm="arm", control="B", rng=1).to_frame()
    >>> table[["q", "estimate"]].values.tolist()
    [[0.25, 0.0], [0.5, -4.5], [0.75, -5.0]]
    """
    level = check_level(level)
    asked = np.atleast_1d(np.asarray(quantiles, dtype=object)).tolist()
    shares = np.array([check_share("quantiles", value) for value in asked])
    if len(shares) == 0:
        raise InputError.of("quantiles", required="at least one share", got="none")
    if n_resamples != int(n_resamples) or n_resamples < _FEWEST_RESAMPLES:
        raise InputError.of(
            "n_resamples", required=f"at least {_FEWEST_RESAMPLES}, and whole", got=n_resamples
        )
    source = resolve_rng(rng)
    sample = read_trial(df, outcome=outcome, arm=arm, control=control, cluster=cluster, unit=unit)
    check_persons(sample)
    check_clusters(sample)
    units = np.arange(sample.n) if sample.cluster is None else sample.cluster
    values: list[FloatArray] = []
    drawn: list[FloatArray] = []
    for code in range(len(sample.arm_levels)):
        inside = sample.arm == code
        y = sample.outcome[inside]
        values.append(quantiles_of(np.sort(y), np.ones((1, len(y))), shares)[0])
        drawn.append(resampled_quantiles(y, units[inside], shares, n_resamples, source))
    laid: list[tuple[str, str, Row, str, int]] = []
    for code in range(1, len(values)):
        moved = drawn[code] - drawn[0]
        ends = np.quantile(moved, [(1 - level) / 2, (1 + level) / 2], axis=0)
        for j, q in enumerate(shares.tolist()):
            beyond = min(int((moved[:, j] <= 0).sum()), int((moved[:, j] >= 0).sum()))
            row = Row(
                float(values[code][j] - values[0][j]),
                float(moved[:, j].std(ddof=1)),
                np.nan,
                np.nan,
                min(1.0, 2 * (1 + beyond) / (n_resamples + 1)),
                float(ends[0, j]),
                float(ends[1, j]),
                {"q": q, "value": float(values[code][j]), "value_control": float(values[0][j])},
            )
            n = sample.n_analysed[code] + sample.n_analysed[0]
            laid.append(("quantile", sample.contrasts[code - 1], row, "difference", n))
    return _table(
        laid, sample, level, higher,
        method=f"Quantiles, percentile bootstrap of {n_resamples} resamples within arms",
        attributes=estimand
        or as_randomised(sample, outcome=outcome, summary="difference in quantiles"),
        notes=(cluster_note(sample),) if sample.cluster is not None else (),
    )  # fmt: skip


def _table(
    laid: Sequence[tuple[str, str, Row, str, int]],
    sample: TrialSample,
    level: float,
    higher: Higher | None,
    *,
    method: str,
    attributes: Estimand,
    notes: Sequence[str],
) -> TrialEffect:
    """Lay out rows of several terms."""
    rows = [entry[2] for entry in laid]
    return TrialEffect.from_sample(
        {
            "term": [entry[0] for entry in laid],
            "contrast": [entry[1] for entry in laid],
            "estimate": [row.estimate for row in rows],
            "std_error": [row.std_error for row in rows],
            "statistic": [row.statistic for row in rows],
            "df": [row.df for row in rows],
            "p_value": [row.p_value for row in rows],
            "conf_low": [row.low for row in rows],
            "conf_high": [row.high for row in rows],
            "n": [entry[4] for entry in laid],
            "scale": [entry[3] for entry in laid],
            **{name: [row.extra[name] for row in rows] for name in rows[0].extra},
        },
        sample,
        attributes=attributes,
        higher=higher,
        method=method,
        level=level,
        notes=notes,
    )
