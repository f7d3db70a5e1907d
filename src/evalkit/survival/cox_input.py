"""What a Cox model asks of its columns beyond what every sample of durations does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.core.columns import check_known, labels, numbers, rows_where
from evalkit.core.sample import Sample
from evalkit.errors import InputError
from evalkit.kernels.time_index import TIE
from evalkit.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Clusters",
    "check_clusters",
    "check_events",
    "check_known_from",
    "read_clusters",
    "read_offset",
    "weighted_rows",
]

_RESTING = (0, False, "0", "no", "nej", "none", "")


@dataclass(frozen=True, slots=True)
class Clusters:
    """Rows that belong together in one way.

    Attributes
    ----------
    name : str
        Column; empty if every row is a cluster.
    codes : ndarray of int, shape (n,)
        Cluster of each row used.
    count : int
        Number of clusters.
    """

    name: str
    codes: IntArray
    count: int

    @property
    def df(self) -> float:
        """Degrees of freedom: the clusters less one, infinite if every row is a cluster."""
        return float(self.count - 1) if self.name else float("inf")


def weighted_rows(sample: Sample) -> Sample:
    """Leave out rows of weight 0, and count them."""
    if sample.weights is None or sample.weights.all():
        return sample
    kept = sample.weights > 0
    arrays = ("exits", "event", "entry", "weights", "groups", "strata", "cluster")
    parts: dict[str, Any] = {name: getattr(sample, name) for name in arrays}
    parts = {name: None if part is None else part[kept] for name, part in parts.items()}
    if parts["cluster"] is not None:  # clusters that have lost all their rows do not count
        parts["cluster"] = np.unique(parts["cluster"], return_inverse=True)[1]
    return replace(
        sample,
        **parts,
        kept=sample.rows[kept],
        n_dropped={**sample.n_dropped, "weight 0": int((~kept).sum())},
    )


def check_events(sample: Sample, event: str) -> None:
    """Refuse a sample without events."""
    if not sample.event.any():
        raise InputError.of(
            "event",
            required=f"1 in at least one row ({event!r})",
            got=f"all {sample.n} rows censored",
            remedy="Without events no rate can be estimated; check the coding of the column.",
        )


def check_known_from(
    df: pd.DataFrame, sample: Sample, variables: Sequence[str], known_from: Mapping[str, str]
) -> None:
    """Refuse covariates that are used before they are known."""
    check_known(df, known_from=list(known_from.values()))
    for name, when in known_from.items():
        if name not in variables:
            raise InputError.of(
                "known_from", required="about variables of the formula", got=repr(name),
                where=variables,
            )  # fmt: skip
        start = np.zeros(sample.n) if sample.entry is None else sample.entry
        values = numbers(df, when, "known_from")[sample.rows]
        # before anything is known the covariate must be at its resting value, 0, False or none
        given = labels(df[name].iloc[sample.rows])
        at_rest = np.array([level in _RESTING for level in given.levels])[given.codes]
        early = ~at_rest & ~(values <= start * (1 + TIE))
        if early.any():
            marked = np.zeros(len(df), dtype=np.bool_)
            marked[sample.rows[early]] = True
            raise InputError.of(
                "formula",
                required=f"of covariates known when a row begins ({name!r} from {when!r} on)",
                got=f"{int(early.sum())} rows that use it before",
                where=rows_where(df, marked),
                remedy="The time until then is immortal and would be counted in its favour. "
                "Split the rows there with evalkit.survival.split_rows.",
            )


def read_offset(df: pd.DataFrame, name: str, sample: Sample) -> FloatArray:
    """Read the offset of the rows used."""
    values = numbers(df, name, "offset")[sample.rows]
    if not np.isfinite(values).all():
        raise InputError.of("offset", required=f"finite ({name!r})", got="infinite values")
    return values


def read_clusters(
    df: pd.DataFrame, sample: Sample, cluster: str | None, person: str | None
) -> tuple[Clusters, ...]:
    """Code the ways in which rows belong together."""
    found: list[Clusters] = []
    if sample.cluster is not None and cluster is not None:
        found.append(Clusters(cluster, sample.cluster, int(sample.cluster.max()) + 1))
    if person is not None and person != cluster:
        coded = labels(df[person], ordered=False).codes[sample.rows]
        codes = np.unique(coded, return_inverse=True)[1]
        found.append(Clusters(person, codes, int(codes.max()) + 1))
    if not found and sample.weights_kind == "sampling":
        found.append(Clusters("", np.arange(sample.n), sample.n))
    for one in found:
        if one.name:
            check_clusters("cluster" if one.name == cluster else "id", one.name, one.count)
    return tuple(found)


def check_clusters(argument: str, name: str, count: int) -> None:
    """Refuse a single cluster.

    Parameters
    ----------
    argument, name : str
        The caller's argument, and the column that it names.
    count : int
        Number of clusters.

    Raises
    ------
    evalkit.errors.InputError
        If there is one.
    """
    if count < 2:
        raise InputError.of(
            argument,
            required=f"of at least two clusters ({name!r})",
            got="one",
            remedy="How much clusters vary cannot be seen from one.",
        )
