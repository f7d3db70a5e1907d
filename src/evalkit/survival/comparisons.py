"""The curves of several groups, set beside that of a reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evalkit.core.columns import Names
from evalkit.core.group_tables import Data
from evalkit.core.sample import WeightsKind
from evalkit.errors import InputError
from evalkit.survival.groups import GroupCurve, group_curves, read_groups

__all__ = ["Comparison", "compare_groups"]


@dataclass(frozen=True, eq=False)
class Comparison:
    """The curves of a comparison, the reference first.

    Parameters
    ----------
    curves : tuple of GroupCurve
        The curves.
    labels : tuple of str
        Names of the groups.
    variance : str
        Which variance they have, in words.
    n_used : int
        Rows, or people counted.
    n_dropped : mapping of str to int
        Rows left out, by reason.
    """

    curves: tuple[GroupCurve, ...]
    labels: tuple[str, ...]
    variance: str
    n_used: int
    n_dropped: Mapping[str, int]


def compare_groups(
    df: Data,
    *,
    duration: str | None,
    event: str | None,
    entry: str | None,
    by: Names,
    reference: object,
    weights: str | None,
    cluster: str | None,
    weights_kind: WeightsKind,
) -> Comparison:
    """Estimate the curves of all groups and put the reference first.

    Parameters
    ----------
    df : pandas.DataFrame or evalkit.core.counts.Counts
        Rows or counts.
    duration, event, entry, weights, cluster : str or None
        Columns, as in :func:`evalkit.survival.kaplan_meier`.
    by : str or sequence of str
        Columns that make up the groups.
    reference : object
        The group to compare with.
    weights_kind : {"case", "sampling"}
        What the weights are.

    Returns
    -------
    Comparison
        The curves.

    Raises
    ------
    evalkit.errors.InputError
        If ``reference`` is no group or there is no other, or the data are not as they must be.
    """
    groups = read_groups(
        df,
        duration=duration,
        event=event,
        entry=entry,
        by=by,
        weights=weights,
        cluster=cluster,
        weights_kind=weights_kind,
    )
    levels = list(groups.levels)
    if reference not in levels or len(levels) < 2:
        raise InputError.of(
            "reference",
            required=f"one of at least two groups of {', '.join(groups.by)}",
            got=repr(reference),
            where=[repr(level) for level in levels],
        )
    robust = cluster is not None or weights_kind == "sampling"
    first = levels.index(reference)
    order = [first, *(i for i in range(len(levels)) if i != first)]
    curves = group_curves(groups, robust=robust, stacklevel=5)
    return Comparison(
        tuple(curves[i] for i in order),
        tuple(", ".join(str(value) for value in groups.keys(i).values()) for i in order),
        ("robust" if robust else "Greenwood")
        + " variance"
        + (" over clusters, Student's t" if cluster is not None else ""),
        groups.n_used,
        groups.n_dropped,
    )
