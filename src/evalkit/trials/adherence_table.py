"""Lays out estimates of two-stage least squares as a table of effects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import numpy as np

from evalkit.trials.adherence_result import AdherenceEffect
from evalkit.trials.estimand import Estimand
from evalkit.trials.trial_result import Higher, TrialEffect
from evalkit.trials.trial_sample import TrialSample
from evalkit.trials.two_stage import Adherence, Ratio

__all__ = ["adherence_table"]


def adherence_table(
    terms: Sequence[str],
    data: Adherence,
    ratio: Ratio,
    extra: Ratio | None,
    attributes: Estimand,
    higher: Higher | None,
    level: float,
    notes: Sequence[str],
) -> AdherenceEffect:
    """Lay out the effect of the received treatment, of the assignment, and the first stage.

    Parameters
    ----------
    terms : sequence of str, length 3
        Names of the three rows.
    data : Adherence
        The rows of the trial.
    ratio : Ratio
        The estimates.
    extra : Ratio or None
        Estimates with starting as the received treatment, for a row ``cace_started``.
    attributes : Estimand
        What is estimated.
    higher : {"better", "worse"} or None
        What a higher outcome means.
    level : float
        Confidence level.
    notes : sequence of str
        What to say after the Anderson-Rubin set.

    Returns
    -------
    AdherenceEffect
        The table.
    """
    sample: TrialSample = data.sample
    columns = {name: values.tolist() for name, values in ratio.columns(level).items()}
    names, sets = list(terms), [ratio.accepted, None, None]
    if extra is not None:
        for name, values in extra.columns(level).items():
            columns[name].append(float(values[0]))
        names.append("cace_started")
        sets.append(extra.accepted)
    ends = [(np.nan, np.nan) if s is None or not s.intervals else _hull(s.intervals) for s in sets]
    first = f"First stage: F = {ratio.reduced.first_stage_f:.1f}."
    adjusted = "" if sample.covariates is None else ", adjusted"
    base = TrialEffect.from_sample(
        {
            "term": names,
            "contrast": sample.contrasts[0],
            **columns,
            "n": sample.n,
            "ar_low": [low for low, _ in ends],
            "ar_high": [high for _, high in ends],
            "ar_form": ["" if s is None else s.form for s in sets],
        },
        sample,
        attributes=attributes,
        higher=higher,
        method=f"Two-stage least squares{adjusted}, {ratio.vcov} variance",
        level=level,
        notes=[f"Anderson-Rubin {100 * level:g} % set: {ratio.accepted!r}.", first, *notes],
    )
    return AdherenceEffect(
        **{item.name: getattr(base, item.name) for item in fields(base)},
        anderson_rubin=ratio.accepted,
        first_stage_f=ratio.reduced.first_stage_f,
    )


def _hull(intervals: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the outer ends of a set."""
    return intervals[0][0], intervals[-1][1]
