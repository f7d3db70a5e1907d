"""Checks of a trial's sample that several analyses share: strata, clusters, degrees of freedom."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from evalkit.errors import InputError
from evalkit.trials.trial_sample import TrialSample, TrialWarning
from evalkit.typing import BoolArray, FloatArray

__all__ = [
    "FEW",
    "check_clusters",
    "check_persons",
    "cluster_note",
    "keep_rows",
    "warn",
    "warn_few",
    "without_one_armed_strata",
    "without_weightless",
]

FEW = 5
"""Clusters of an arm, or degrees of freedom, below which an interval is a rough guide."""


def keep_rows(sample: TrialSample, keep: BoolArray, reason: str) -> TrialSample:
    """Return a sample without some of its rows, counted under a reason.

    Parameters
    ----------
    sample : TrialSample
        The sample.
    keep : ndarray of bool, shape (n,)
        The rows to keep.
    reason : str
        Why the others go.

    Returns
    -------
    TrialSample
        The sample; cluster codes are made consecutive again, strata keep theirs.

    Raises
    ------
    evalkit.errors.InputError
        If an arm has no rows left.
    """
    gone = int((~keep).sum())
    if not gone:
        return sample
    arm = sample.arm[keep]
    n_analysed = np.bincount(arm, minlength=len(sample.arm_levels))
    if (n_analysed == 0).any():
        empty = [repr(sample.arm_levels[i]) for i in np.flatnonzero(n_analysed == 0)]
        raise InputError.of(
            "df",
            required="at least one row that can be used in every arm",
            got=f"none in {', '.join(empty)}",
            where=[f"{reason}: {gone}"],
        )
    covariates = sample.covariates
    if covariates is not None:
        covariates = replace(covariates, matrix=covariates.matrix[keep], rows=covariates.rows[keep])
    cluster = sample.cluster
    if cluster is not None:
        cluster = np.unique(cluster[keep], return_inverse=True)[1].astype(np.int64)
    return replace(
        sample,
        outcome=sample.outcome[keep],
        arm=arm,
        strata=None if sample.strata is None else sample.strata[keep],
        cluster=cluster,
        weights=None if sample.weights is None else sample.weights[keep],
        covariates=covariates,
        rows=sample.rows[keep],
        n_analysed=tuple(n_analysed.tolist()),
        n_dropped={**sample.n_dropped, reason: sample.n_dropped.get(reason, 0) + gone},
    )


def without_one_armed_strata(sample: TrialSample) -> TrialSample:
    """Leave out strata that hold no comparison, and say so.

    Parameters
    ----------
    sample : TrialSample
        The sample.

    Returns
    -------
    TrialSample
        The sample without strata that lack the control arm, or every other arm.

    Raises
    ------
    evalkit.errors.InputError
        If no stratum has the control arm and another, or an arm loses all its rows.

    Warns
    -----
    TrialWarning
        If strata were left out: which, and how many rows.
    """
    if sample.strata is None:
        return sample
    n_strata, n_arms = len(sample.strata_levels), len(sample.arm_levels)
    cells = np.bincount(sample.strata * n_arms + sample.arm, minlength=n_strata * n_arms)
    cells = cells.reshape(n_strata, n_arms)
    there = cells.sum(axis=1) > 0
    usable = (cells[:, 0] > 0) & (cells[:, 1:] > 0).any(axis=1)
    lost = np.flatnonzero(there & ~usable)
    if not len(lost):
        return sample
    if not usable.any():
        raise InputError.of(
            "strata",
            required="strata in which the control arm and another arm have outcomes",
            got="none",
            where=(repr(sample.strata_levels[i]) for i in lost),
            remedy="Merge strata, or leave `strata` out.",
        )
    gone = int(cells[lost].sum())
    named = _listed([repr(sample.strata_levels[i]) for i in lost])
    warn(
        f"strata: {len(lost)} without both arms, {gone} rows left out: {named}. Merge strata to "
        "keep them."
    )
    return keep_rows(sample, usable[sample.strata], "stratum without both arms")


def check_clusters(sample: TrialSample) -> None:
    """Refuse an arm whose outcomes come from a single cluster.

    Parameters
    ----------
    sample : TrialSample
        The sample.

    Raises
    ------
    evalkit.errors.InputError
        If all rows of an arm belong to one cluster.
    """
    if sample.cluster is None:
        return
    for code, level in enumerate(sample.arm_levels):
        if np.count_nonzero(np.bincount(sample.cluster[sample.arm == code])) == 1:
            raise InputError.of(
                "cluster",
                required="at least two clusters in every arm",
                got=f"one in {level!r} ({sample.n_analysed[code]} rows): between-group variance "
                "not identified",
                remedy="What the arm did and what its only cluster did cannot be told apart.",
            )


def cluster_note(sample: TrialSample) -> str:
    """Say how many clusters each arm has, and how large they are.

    Parameters
    ----------
    sample : TrialSample
        A sample with clusters.

    Returns
    -------
    str
        For instance "Clusters: ReDO 10 (4 to 6 rows), kontroll 50 (1 row)."
    """
    if sample.cluster is None:
        return ""
    parts: list[str] = []
    for code in (*range(1, len(sample.arm_levels)), 0):
        sizes = np.bincount(sample.cluster[sample.arm == code])
        sizes = sizes[sizes > 0]
        low, high = int(sizes.min()), int(sizes.max())
        size = f"{low} to {high} rows" if low < high else f"{low} row" + "s" * (low > 1)
        parts.append(f"{sample.arm_levels[code]} {len(sizes)} ({size})")
    return f"Clusters: {', '.join(parts)}."


def check_persons(sample: TrialSample) -> None:
    """Refuse an arm with a single person, which has no spread.

    Parameters
    ----------
    sample : TrialSample
        The sample; case weights count a row as so many persons.

    Raises
    ------
    evalkit.errors.InputError
        If an arm has one person or fewer.
    """
    for code, level in enumerate(sample.arm_levels):
        inside = sample.arm == code
        n = float(inside.sum() if sample.weights is None else sample.weights[inside].sum())
        if n <= 1:
            raise InputError.of(
                "df",
                required="at least two persons with an outcome in every arm",
                got=f"{n:g} in {level!r}",
                remedy="One person shows no spread, without which there is no interval.",
            )


def without_weightless(sample: TrialSample) -> TrialSample:
    """Leave out rows of weight 0, which stand for nobody.

    Parameters
    ----------
    sample : TrialSample
        The sample.

    Returns
    -------
    TrialSample
        The sample without them, counted as dropped.

    Raises
    ------
    evalkit.errors.InputError
        If an arm has no other rows.
    """
    if sample.weights is None:
        return sample
    return keep_rows(sample, sample.weights > 0, "weight 0")


def warn(message: str) -> None:
    """Warn the reader of a trial, at the line outside this package that asked for the result.

    Parameters
    ----------
    message : str
        What is to be known.

    Warns
    -----
    TrialWarning
        The message.
    """
    frame, level = inspect.currentframe(), 1
    while frame is not None and str(frame.f_globals.get("__name__")).startswith("evalkit."):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, TrialWarning, stacklevel=level)


def warn_few(df: FloatArray, contrasts: Sequence[str], sample: TrialSample | None = None) -> None:
    """Warn of intervals that rest on few degrees of freedom, or on few clusters.

    Parameters
    ----------
    df : ndarray of float, shape (k,)
        Degrees of freedom; NaN where there are none.
    contrasts : sequence of str, length k
        What they belong to.
    sample : TrialSample, optional
        The sample, if its clusters are to be counted too.

    Warns
    -----
    TrialWarning
        If any degrees of freedom are below 5, or an arm of the sample has fewer than 5 clusters.
    """
    few: list[str] = []
    if sample is not None and sample.cluster is not None:
        for code, level in enumerate(sample.arm_levels):
            count = np.count_nonzero(np.bincount(sample.cluster[sample.arm == code]))
            if count < FEW:
                few.append(f"{count} clusters in {level!r}")
    low = [i for i, value in enumerate(df) if value < FEW]
    if few:
        degrees = [f"{value:.1f} for {name}" for value, name in zip(df, contrasts, strict=True)
                   if np.isfinite(value)]  # fmt: skip
        found = f"Only {', '.join(few)}"
        found += f"; degrees of freedom {_listed(degrees)}" if degrees else ""
    elif low:
        named = _listed([f"{contrasts[i]}: {df[i]:.1f}" for i in low])
        found = f"Fewer than {FEW} degrees of freedom ({named})"
    else:
        return
    warn(
        f"{found}: few clusters or persons decide the comparison, and its interval and p-value "
        "are rough. A randomisation test does not depend on them."
    )


def _listed(names: Iterable[str]) -> str:
    """List at most five names and count the others."""
    given = list(names)
    more = len(given) - 5
    return ", ".join(given[:5]) + (f" and {more} more" if more > 0 else "")
