"""Contrasts of groups from their means and influences, laid out as an effect table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from evalkit.core.results import STANDARD_COLUMNS, EffectTable
from evalkit.errors import InputError
from evalkit.kernels.group_means import GroupMeans
from evalkit.kernels.wald import wald
from evalkit.typing import FloatArray, IntArray

__all__ = ["MEASURES", "Measure", "Sums", "contrast_table"]

Measure: TypeAlias = Literal["difference", "ratio", "odds_ratio"]
"""Difference of means or shares, their ratio, or the ratio of odds."""


@dataclass(frozen=True, eq=False)
class Sums:
    """Clusters within which influences are added up.

    Parameters
    ----------
    codes : ndarray of int, shape (n,)
        The cluster of each row; -1 where it has none.
    n_clusters : int
        Their number, G.
    factor : float
        What the variance is multiplied by, such as G / (G - 1) (n - 1) / (n - k).
    """

    codes: IntArray
    n_clusters: int
    factor: float


MEASURES = ("difference", "ratio", "odds_ratio")
_MEANS = ("mean_treated", "mean_control")


def contrast_table(
    levels: Sequence[object],
    parts: Sequence[Mapping[str, Any]],
    *,
    keys: tuple[str, ...],
    outcome: str,
    measure: Measure,
    level: float,
    sums: Sums | None,
    estimand: str,
    method: str,
    n_used: int,
    n_dropped: Mapping[str, int],
    notes: Sequence[str] = (),
) -> EffectTable:
    """Lay out contrasts of every group with the first, from means and their influences.

    Parameters
    ----------
    levels : sequence
        Labels of the groups.
    parts : sequence of mapping
        ``key, found`` (GroupMeans) and ``n`` of each part of the data; ``sums``, its clusters,
        where they are not the same for all parts.
    keys : tuple of str
        Names of what the parts are told apart by.
    outcome : str
        The outcome.
    measure : {"difference", "ratio", "odds_ratio"}
        What is compared.
    level : float
        Confidence level.
    sums : Sums or None
        The clusters; None if rows stand alone.
    estimand, method : str
        Words for the result; ``{contrast}`` in the estimand is filled in.
    n_used : int
        Rows used.
    n_dropped : mapping of str to int
        Rows left out.
    notes : sequence of str, optional
        Sentences.

    Returns
    -------
    EffectTable
        The table. Ratios are on the ratio scale, ``std_error`` on the log scale; where a mean of 0
        (or odds of 0) leaves them without one, a note says so.

    Raises
    ------
    evalkit.errors.InputError
        If the parts are told apart by a column that has the name of one of the table.
    """
    taken = [key for key in keys if key in (*STANDARD_COLUMNS, *_MEANS, "scale")]
    if taken:
        raise InputError.of(
            "by",
            required="columns that are not called as one of the result",
            got=repr(taken[0]),
            remedy=f"df.rename(columns={{{taken[0]!r}: ...}}).",
        )
    rows: list[dict[str, Any]] = []
    for part in parts:
        found: GroupMeans = part["found"]
        clusters: Sums | None = part.get("sums", sums)
        for code in range(1, len(levels)):
            value, influence = _contrast(found, code, measure)
            rows.append({
                "key": part["key"],
                "contrast": f"{levels[code]} - {levels[0]}",
                "value": value,
                "error": np.sqrt(_variance(influence, clusters)),
                "df": np.inf if clusters is None else clusters.n_clusters - 1.0,
                "n": part["n"],
                "mean_treated": found.means[code],
                "mean_control": found.means[0],
            })  # fmt: skip
    values, errors, degrees = (
        np.array([row[name] for row in rows], dtype=np.float64) for name in ("value", "error", "df")
    )
    columns = wald(values, errors, level, degrees)
    notes = [*notes]
    alone = (part["found"] for part in parts if _in_one(part.get("sums", sums)))
    if any(not np.isnan(found.influence).any() for found in alone):
        notes.append("No standard error where everybody is in one cluster.")
    if not np.isfinite(values).all():
        where, what = (
            ("mean is not above 0", "ratio")
            if measure == "ratio"
            else ("share is not above 0 and below 1", "odds ratio")
        )
        notes.append(
            f"Where a group's {where} the {what} has no standard error: see the difference."
        )
    log = measure != "difference"
    if log:
        for name in ("estimate", "conf_low", "conf_high"):
            columns[name] = np.exp(columns[name])
    only = rows[0]["contrast"]
    return EffectTable.of(
        {
            **{key: [row["key"][k] for row in rows] for k, key in enumerate(keys)},
            "term": outcome,
            "contrast": [row["contrast"] for row in rows],
            **columns,
            "n": [row["n"] for row in rows],
            **{name: [row[name] for row in rows] for name in _MEANS},
            **({"scale": "ratio"} if log else {}),
        },
        estimand=estimand.replace(
            "{contrast}", only if len(levels) == 2 else f"each group - {levels[0]}"
        ),
        method=method,
        level=level,
        n_used=n_used,
        n_dropped=n_dropped,
        notes=notes,
    )


def _in_one(sums: Sums | None) -> bool:
    """Say whether everybody is in one cluster."""
    return sums is not None and sums.n_clusters < 2


def _contrast(found: GroupMeans, code: int, measure: Measure) -> tuple[float, FloatArray]:
    """Return a contrast with the first group, logged if a ratio, and its influence."""
    one, zero = float(found.means[code]), float(found.means[0])
    with np.errstate(divide="ignore", invalid="ignore"):
        if measure == "difference":
            return one - zero, found.influence[:, code] - found.influence[:, 0]
        if measure == "ratio":
            value = np.log(one) - np.log(zero)
            slope1, slope0 = np.divide(1.0, one), np.divide(1.0, zero)
        else:
            value = np.log(one / (1 - one)) - np.log(zero / (1 - zero))
            slope1, slope0 = np.divide(1.0, one * (1 - one)), np.divide(1.0, zero * (1 - zero))
    if not np.isfinite(value):
        return float(value), np.full(len(found.influence), np.nan)
    return float(value), slope1 * found.influence[:, code] - slope0 * found.influence[:, 0]


def _variance(influence: FloatArray, sums: Sums | None) -> float:
    """Return the sum of squared influences, of rows or of clusters."""
    if sums is None:
        return float(influence @ influence)
    used = sums.codes >= 0
    totals = np.bincount(sums.codes[used], weights=influence[used], minlength=sums.n_clusters)
    alone = influence[~used]  # rows without a cluster, through the estimation of the weights
    return sums.factor * float(totals @ totals) + float(alone @ alone)
