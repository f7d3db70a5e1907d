"""Columns of an effect table: differences, ratios and numbers needed to treat, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import special

from evalkit.trials.requests import EffectRequest
from evalkit.trials.sample_checks import cluster_note, warn_few
from evalkit.trials.trial_result import TrialEffect, as_randomised
from evalkit.trials.trial_sample import TrialSample

__all__ = ["Row", "difference_row", "finish", "needed_to_treat", "ratio_row"]


@dataclass(frozen=True, slots=True)
class Row:
    """One contrast's numbers, as they stand in the table.

    Attributes
    ----------
    estimate, std_error, statistic, df, p_value, low, high : float
        Standard columns; ``df`` is NaN where the test is normal or exact.
    extra : mapping of str to object
        Columns of the method's own.
    """

    estimate: float
    std_error: float
    statistic: float
    df: float
    p_value: float
    low: float
    high: float
    extra: Mapping[str, object] = field(default_factory=dict[str, object])


def difference_row(
    estimate: float,
    variance: float,
    df: float,
    level: float,
    extra: Mapping[str, object] | None = None,
    null: float = 0.0,
) -> Row:
    """Return a Wald interval and test of a difference.

    Parameters
    ----------
    estimate, variance : float
        The difference and its variance.
    df : float
        Degrees of freedom; infinite for the normal distribution.
    level : float
        Confidence level.
    extra : mapping, optional
        Further columns.
    null : float, default 0
        Value under the null hypothesis.

    Returns
    -------
    Row
        The row; without variance there is no test.
    """
    std_error = float(np.sqrt(variance)) if variance >= 0 else np.nan
    statistic = (estimate - null) / std_error if std_error > 0 else np.nan
    half = float(special.stdtrit(df, (1 + level) / 2)) * std_error
    p_value = float(2 * special.stdtr(df, -abs(statistic)))
    shown = df if np.isfinite(df) else np.nan
    return Row(
        estimate,
        std_error,
        statistic,
        shown,
        p_value,
        estimate - half,
        estimate + half,
        extra or {},
    )


def ratio_row(
    log_estimate: float,
    variance: float,
    df: float,
    level: float,
    extra: Mapping[str, object] | None = None,
) -> Row:
    """Return a Wald interval and test of a ratio, made on the log scale.

    Parameters
    ----------
    log_estimate, variance : float
        Logarithm of the ratio and its variance.
    df : float
        Degrees of freedom; infinite for the normal distribution.
    level : float
        Confidence level.
    extra : mapping, optional
        Further columns.

    Returns
    -------
    Row
        The row: estimate and interval as ratios, the standard error of the logarithm.
    """
    row = difference_row(log_estimate, variance, df, level)
    with np.errstate(over="ignore"):
        estimate, low, high = np.exp([row.estimate, row.low, row.high]).tolist()
    return Row(estimate, row.std_error, row.statistic, row.df, row.p_value, low, high, extra or {})


def needed_to_treat(row: Row) -> Row:
    r"""Turn a risk difference into the number of persons for one more with the outcome.

    Parameters
    ----------
    row : Row
        The difference with its interval and test.

    Returns
    -------
    Row
        Reciprocals. If the difference's interval holds 0, the numbers that agree with the data
        are those *outside* the interval given, through infinity (Altman 1998,
        doi:10.1136/bmj.317.7168.1309): ``conf_set`` says which.
    """

    def inverse(value: float) -> float:
        return 1 / value if value != 0 else np.inf

    through = row.low <= 0 <= row.high
    ends = (inverse(row.low), inverse(row.high))
    if row.low == 0:
        ends = (-np.inf, ends[1])
    return Row(
        inverse(row.estimate),
        np.nan,
        row.statistic,
        row.df,
        row.p_value,
        ends[0] if through else ends[1],
        ends[1] if through else ends[0],
        {**row.extra, "conf_set": "outside" if through else "between"},
    )


def finish(
    sample: TrialSample,
    request: EffectRequest,
    rows: Sequence[Row],
    *,
    summary: str,
    scale: str,
    method: str,
    notes: Sequence[str] = (),
    population: str = "all randomised",
) -> TrialEffect:
    """Lay out the rows of all contrasts.

    Parameters
    ----------
    sample : TrialSample
        The trial.
    request : EffectRequest
        What was asked for.
    rows : sequence of Row
        One for each arm but the control, in the order of the arms.
    summary : str
        The measure in words.
    scale : {"difference", "ratio", "number"}
        Scale of estimates and intervals.
    method : str
        How they were computed.
    notes : sequence of str, optional
        What belongs with them.
    population : str, default "all randomised"
        Whom the effect is of, unless the request has its own estimand.

    Returns
    -------
    TrialEffect
        The table.
    """
    said = [*notes, cluster_note(sample)] if sample.cluster is not None else notes
    if sample.cluster is not None:
        warn_few(np.array([row.df for row in rows]), sample.contrasts, sample)
    extras = {name: [row.extra[name] for row in rows] for name in rows[0].extra}
    control = sample.n_analysed[0]
    return TrialEffect.from_sample(
        {
            "term": request.measure,
            "contrast": list(sample.contrasts),
            "estimate": [row.estimate for row in rows],
            "std_error": [row.std_error for row in rows],
            "statistic": [row.statistic for row in rows],
            "df": [row.df for row in rows],
            "p_value": [row.p_value for row in rows],
            "conf_low": [row.low for row in rows],
            "conf_high": [row.high for row in rows],
            "n": [control + n for n in sample.n_analysed[1:]],
            "scale": scale,
            **extras,
        },
        sample,
        attributes=request.estimand
        or as_randomised(sample, outcome=request.outcome, summary=summary, population=population),
        higher=request.higher,
        method=method,
        level=request.level,
        notes=said,
    )
