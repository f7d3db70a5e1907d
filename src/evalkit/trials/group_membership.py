"""Who was in which treatment group, who never started, and whose group is unknown."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core.columns import Labels, labels, numbers, rows_where
from evalkit.errors import InputError
from evalkit.trials.trial_sample import TrialSample, TrialWarning
from evalkit.typing import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FEW_GROUPS", "Membership", "joined_clusters", "read_membership", "shared_by_groups"]

FEW_GROUPS = 5
"""Groups below which the variance between them is hardly known."""


@dataclass(frozen=True, eq=False)
class Membership:
    """Groups of the rows of a sample.

    Attributes
    ----------
    group : ndarray of int, shape (n,)
        Group of each row, 0..G-1, the treatment groups first; persons of the arm who stand alone
        have a code of their own after these, and controls -1.
    sizes : ndarray of int, shape (n_groups,)
        Persons analysed in each treatment group.
    n_alone : int
        Persons of the arm without a group.
    labels : tuple
        Labels of the treatment groups.
    notes : tuple of str
        What to say about them.
    """

    group: IntArray
    sizes: IntArray
    n_alone: int
    labels: tuple[object, ...]
    notes: tuple[str, ...]

    @property
    def n_groups(self) -> int:
        """Number of treatment groups."""
        return len(self.sizes)

    @property
    def in_group(self) -> BoolArray:
        """Whether each row belongs to a treatment group, shape (n,)."""
        return (self.group >= 0) & (self.group < self.n_groups)

    @property
    def cluster(self) -> IntArray:
        """Clusters of all rows, 0, 1, ...: whoever has no group is one alone."""
        alone = self.group < 0
        codes = self.group.copy()
        codes[alone] = self.n_groups + self.n_alone + np.arange(int(alone.sum()))
        return codes

    def line(self) -> str:
        """Say how many groups there are and how large.

        Returns
        -------
        str
            For instance "10 groups of 4 to 6 analysed".
        """
        low, high = int(self.sizes.min()), int(self.sizes.max())
        size = f"{low} to {high}" if low < high else f"{low}"
        return f"{self.n_groups} groups of {size} analysed"


def read_membership(
    df: pd.DataFrame, sample: TrialSample, *, group: str, started: str | None
) -> Membership:
    """Read the groups of an arm that was treated in groups.

    Parameters
    ----------
    df : pandas.DataFrame
        The frame of the trial.
    sample : TrialSample
        Its rows, of two arms.
    group : str
        Column with the treatment group.
    started : str or None
        Column that says who of the arm started.

    Returns
    -------
    Membership
        The groups.

    Raises
    ------
    evalkit.errors.InputError
        If a control has a group, somebody who started has none, or the variance between groups
        is not identified: fewer than two groups, or no group with two persons.

    Warns
    -----
    TrialWarning
        If persons of the arm have no group and `started` is not given, or there are fewer than
        five groups.
    """
    coded = labels(df[group])
    codes = coded.codes[sample.rows]
    arm_name = sample.arm_levels[1]
    treated = sample.arm == 1
    _refuse_control_groups(coded, codes, treated, group, sample)
    member = treated & (codes >= 0)
    missing = treated & (codes < 0)
    notes: list[str] = []
    if started is not None:
        begun = _read_started(df, sample, started, treated)
        unknown = missing & (begun == 1)
        if unknown.any():
            raise InputError.of(
                "group",
                required=f"known for everybody in {arm_name!r} who started ({group!r})",
                got=f"{int(unknown.sum())} who started with an unknown group",
                where=rows_where(df, _spread(unknown, sample, len(df))),
                remedy="A missing group means a person by himself only where he never started: "
                "find the group, or leave these rows out and say so.",
            )
        listed = member & (begun == 0)
        if listed.any():
            notes.append(f"{int(listed.sum())} listed in a group never started: they stand alone.")
            member &= ~listed
    elif missing.any():
        warnings.warn(
            f"group: missing for {int(missing.sum())} of {int(treated.sum())} in {arm_name!r} "
            f"({group!r}); taken as persons who never started, each alone. If some of them "
            "started in a group that is unknown, say who started (started=).",
            TrialWarning,
            stacklevel=3,
        )
    n_alone = int((treated & ~member).sum())
    found, position = np.unique(codes[member], return_inverse=True)
    sizes = np.bincount(position, minlength=len(found))
    _refuse_few(sizes, arm_name, group)
    everywhere = np.full(sample.n, -1, dtype=np.int64)
    everywhere[member] = position
    everywhere[treated & ~member] = len(found) + np.arange(n_alone)
    if n_alone:
        notes.append(f"{n_alone} in {arm_name} never started: each stands alone.")
    return Membership(
        everywhere, sizes, n_alone, tuple(coded.levels[i] for i in found), tuple(notes)
    )


def shared_by_groups(
    df: pd.DataFrame, sample: TrialSample, members: Membership, column: str, argument: str
) -> IntArray:
    """Code a factor that groups share, such as their leader, by group.

    Parameters
    ----------
    df : pandas.DataFrame
        The frame.
    sample : TrialSample
        Its rows.
    members : Membership
        The groups.
    column : str
        Column with the factor.
    argument : str
        Name of the caller's argument.

    Returns
    -------
    ndarray of int, shape (G,)
        Level of each group, -1 for persons who stand alone.

    Raises
    ------
    evalkit.errors.InputError
        If a group has none or several levels, no two groups share one, or all do.
    """
    coded = labels(df[column])
    codes = coded.codes[sample.rows]
    found = np.full(members.n_groups + members.n_alone, -1, dtype=np.int64)
    wrong: list[str] = []
    for code in range(members.n_groups):
        levels = np.unique(codes[members.group == code])
        if len(levels) > 1 or levels[0] < 0:
            wrong.append(f"group {members.labels[code]!r}")
        found[code] = levels[0]
    if wrong:
        raise InputError.of(
            argument,
            required=f"one level for every group ({column!r})",
            got=f"{len(wrong)} groups with several, or a missing one",
            where=wrong,
        )
    n_levels = len(np.unique(found[: members.n_groups]))
    if n_levels < 2 or n_levels == members.n_groups:
        raise InputError.of(
            argument,
            required=f"at least two levels, of which one has several groups ({column!r})",
            got=f"{n_levels} levels in {members.n_groups} groups",
            remedy="Otherwise its variance cannot be told from that between groups: leave it out.",
        )
    return found


def joined_clusters(members: Membership, crossed: Sequence[IntArray]) -> tuple[IntArray, int]:
    """Join groups that share a level of any factor, directly or through others, to clusters.

    Parameters
    ----------
    members : Membership
        The groups.
    crossed : sequence of ndarray of int, shape (G,)
        Factors by group; -1 for none.

    Returns
    -------
    cluster : ndarray of int, shape (n,)
        Clusters of all rows, 0, 1, ...; whoever has no group is one alone.
    n_joined : int
        Clusters that the treatment groups make up.
    """
    n = members.n_groups
    root = np.arange(n)
    for _ in range(n):  # each round carries the smallest code one factor further
        before = root.copy()
        for factor in crossed:
            levels = factor[:n]
            least = np.full(int(levels.max()) + 1, n)
            np.minimum.at(least, levels, root)
            root = least[levels]
        if (root == before).all():
            break
    cluster = members.cluster
    cluster[members.in_group] = root[members.group[members.in_group]]
    codes = np.unique(cluster, return_inverse=True)[1].astype(np.int64)
    return codes, len(np.unique(root))


def _refuse_control_groups(
    coded: Labels, codes: IntArray, treated: BoolArray, group: str, sample: TrialSample
) -> None:
    """Refuse groups among the controls, unless each control has an own one."""
    in_control = ~treated & (codes >= 0)
    if not in_control.any():
        return
    found, counts = np.unique(codes[in_control], return_counts=True)
    shared = np.intersect1d(found, codes[treated])
    if not len(shared) and counts.max() == 1:
        return
    bad = shared if len(shared) else found[counts > 1]
    n = int(np.isin(codes[in_control], bad).sum())
    if len(shared):
        remedy = (
            "A control who was in a group departed from the assigned arm: leave the group "
            "missing here, and see cace()."
        )
    elif len(bad) == 1:
        remedy = "If the label stands for no group, make it missing."
    else:
        remedy = "If both arms have groups, use effect(..., cluster=)."
    raise InputError.of(
        "group",
        required=f"missing in the control arm {sample.control!r} ({group!r})",
        got=f"{n} controls in {len(bad)} groups",
        where=(repr(coded.levels[i]) for i in bad),
        remedy=remedy,
    )


def _read_started(
    df: pd.DataFrame, sample: TrialSample, started: str, treated: BoolArray
) -> FloatArray:
    """Read who started; it must be known in the arm."""
    begun = numbers(df, started, "started")[sample.rows]
    wrong = treated & (begun != 0) & (begun != 1)  # missing ones too
    if wrong.any():
        raise InputError.of(
            "started",
            required=f"0 or 1 for everybody in {sample.arm_levels[1]!r} ({started!r})",
            got=f"{int(wrong.sum())} rows where it is not",
            where=rows_where(df, _spread(wrong, sample, len(df))),
        )
    return begun


def _refuse_few(sizes: IntArray, arm_name: object, group: str) -> None:
    """Refuse groups that do not identify the variance between them; warn of few."""
    if len(sizes) < 2 or sizes.max() < 2:
        got = (
            f"{len(sizes)} with {int(sizes.sum())} persons"
            if len(sizes) < 2
            else f"{len(sizes)} groups of one person"
        )
        raise InputError.of(
            "group",
            required=f"at least two groups in {arm_name!r}, one of them of two or more ({group!r})",
            got=f"{got}: between-group variance not identified",
            remedy="What the treatment did and what its groups did cannot be told apart.",
        )
    if len(sizes) < FEW_GROUPS:
        warnings.warn(
            f"group: only {len(sizes)} groups in {arm_name!r}: the variance between groups rests "
            f"on {len(sizes) - 1} degrees of freedom, and interval and p-value are rough.",
            TrialWarning,
            stacklevel=4,
        )


def _spread(mask: BoolArray, sample: TrialSample, n: int) -> BoolArray:
    """Return a mask of the sample's rows as one of the frame's rows."""
    whole = np.zeros(n, dtype=np.bool_)
    whole[sample.rows[mask]] = True
    return whole
