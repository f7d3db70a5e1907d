"""Participants against riket in every way that the data allow, each with what it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core.checks import check_level
from evalkit.core.columns import Names
from evalkit.core.results import EffectTable
from evalkit.errors import InputError
from evalkit.matching.adjusted_rows import RiketCells, adjusted_rows
from evalkit.matching.aggregate_targets import Targets
from evalkit.matching.goal import goal_attainment
from evalkit.matching.margin_targets import Margins
from evalkit.matching.national_figures import Figures, NationalFigure, read_figures
from evalkit.matching.participant_cells import count_groups
from evalkit.matching.participant_shares import (
    GroupShare,
    everybody,
    published_shares,
    shares_of_counts,
)
from evalkit.matching.published_rows import against_figure
from evalkit.matching.reference_table import check_frame
from evalkit.matching.riket_explained import Explained, explain
from evalkit.matching.riket_result import RiketComparison, columns_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["compare_to_riket"]


def compare_to_riket(
    df: pd.DataFrame,
    *,
    outcome: str | None = None,
    share: str | None = None,
    n: str | None = None,
    by: Names | None = None,
    figures: Figures | None = None,
    cells: pd.DataFrame | None = None,
    strata: Names | None = None,
    margins: Margins | None = None,
    means: Targets | None = None,
    includes_participants: bool = False,
    reference_uncertainty: bool = False,
    rounding: float | None = None,
    goal: Fraction | str | float | None = None,
    base: str | None = None,
    level: float = 0.95,
) -> RiketComparison:
    """Compare participants with riket in all ways that the given data allow.

    "58 per cent against riket's 44" compares different people, and often different outcomes.
    This function makes each comparison that the data allow, says what each of them answers,
    what it assumes, and why they differ.

    Parameters
    ----------
    df : pandas.DataFrame
        The participants: one row a person (``outcome``), rows of counts (``outcome`` and ``n``),
        or published shares, one row a group (``share``, and ``n`` where it is known).
    outcome : str, optional
        1 for success and 0 for none; with ``n`` the number of successes.
    share : str, optional
        Column with published shares (0-1); instead of ``outcome``.
    n : str, optional
        Column with numbers of persons.
    by : str or sequence of str, optional
        Columns whose groups (delprojekt) are compared with riket, besides all participants.
    figures : float, tuple, NationalFigure or mapping of these by label, optional
        Riket's published shares; a tuple holds the bounds of one that is rounded or only roughly
        known, such as (0.435, 0.445) for 44 %.
    cells : pandas.DataFrame, optional
        Riket as a table, as the ``reference`` of :func:`standardise` (or, with rounded or
        suppressed cells, of :func:`standardise_bounds`); needs ``strata``.
    strata : str or sequence of str, optional
        Columns that make up the cells.
    margins : mapping, optional
        Riket's margins, as for :func:`rake`; needs rows of persons and ``figures``.
    means : mapping, optional
        Riket's means, as for :func:`maic`; needs rows of persons and ``figures``.
    includes_participants : bool, default False
        Whether riket's figures and cells count the participants too; they are removed then,
        which needs the numbers of persons of riket.
    reference_uncertainty : bool, default False
        Whether riket's shares are estimates from its numbers of persons, rather than known.
    rounding : float, optional
        What ``share`` is rounded to: 0.01, whole percent, by default.
    goal : Fraction, str or float, optional
        A share that was to be reached at least, tested by :func:`goal_attainment`.
    base : str, optional
        Condition that the participants had met to be counted, such as "nådde 90 dagar i
        arbetslivsintroduktion", which is said to be a selection after inclusion.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    RiketComparison
        One row for each group, comparison and figure: the difference of shares with its test
        and interval, both shares, the ratio, what rounding allows (``lower``, ``upper``), and
        in words the test, the estimand and what is assumed. ``.notes`` explains, ``.goal`` is
        the table of the goal, ``.not_done`` what was not possible.

    Raises
    ------
    evalkit.errors.InputError
        If neither or both of ``outcome`` and ``share`` are given, riket is not given in any
        form, an argument has no use with the others, or a share is a percentage.

    Notes
    -----
    "as published" is tested by the exact binomial test, indirect standardisation by the exact
    Poisson-binomial one, the others by score or t tests. Where the participants' share is
    rounded, every number of successes that it allows is tried: the p-value is the largest and
    the interval holds for all. Groups are compared with riket one by one; their ratios by
    indirect standardisation are not comparable with each other.

    Examples
    --------
    >>> import pandas as pd
    >>> amia = pd.DataFrame({"delprojekt": ["Väst", "Syd"], "share": [0.43, 0.57],
    ...                      "n": [258, 284]})
    >>> found = compare_to_riket(
    ...     amia, share="share", n="n", by="delprojekt", figures={"vidare": 0.44}
    ... )
    >>> found.to_frame()[["group", "estimate", "p_value"]].round(3).values.tolist()[:2]
    [['all participants', 0.064, 0.006], ['Väst', -0.01, 0.9]]
    """
    level = check_level(level)
    national = read_figures(figures)
    _check_request(outcome, share, n, national, cells, strata, margins, means, rounding)
    if share is not None:
        groups, dropped = published_shares(
            df, share=share, n=n, by=by, rounding=0.01 if rounding is None else rounding
        )
    else:
        assert outcome is not None  # checked above
        levels, successes, persons, dropped = count_groups(df, outcome=outcome, n=n, by=by)
        groups = shares_of_counts(levels, successes, persons)
    whole = everybody(groups)
    used = sum(one.n or 0 for one in groups)
    not_done: list[str] = []
    if len(groups) > 1:
        if whole is None:
            lacking = ", ".join(one.group for one in groups if one.n is None)
            not_done.append(f"All participants together: the number of {lacking} is unknown.")
        else:
            groups.insert(0, whole)
    figures_used = _without(national, whole) if includes_participants else national
    rows = [
        against_figure(group, label, figure, uncertain=reference_uncertainty, level=level)
        for group in groups
        for label, figure in figures_used.items()
    ]
    if reference_uncertainty and any(one.n is None for one in figures_used.values()):
        raise InputError.of(
            "reference_uncertainty", required="True only where every figure has n",
            got="figures without", where=[k for k, v in figures_used.items() if v.n is None],
        )  # fmt: skip
    riket = None if cells is None or strata is None else RiketCells(
        cells, strata, includes_participants, reference_uncertainty
    )  # fmt: skip
    more, refused, left_out = adjusted_rows(
        df, outcome=outcome, n=n, by=by, cells=riket, margins=margins, means=means,
        figures=figures_used, uncertain=reference_uncertainty, level=level,
    )  # fmt: skip
    rows += more
    not_done += refused
    order = {group.group: i for i, group in enumerate(groups)}
    rows = sorted(rows, key=lambda row: order.get(row.group, len(order)))
    told = Explained(tuple(rows), national, _cells_total(cells), base)
    notes = [*explain(told), *left_out, *not_done]
    attained = None if goal is None else _goal(goal, groups, level, notes)
    return RiketComparison(
        EffectTable.of(columns_of(rows), estimand="", method="", level=level, n_used=0).data,
        "Participants minus riket, as differences of shares",
        "each comparison answers its own question, named below",
        level,
        used,
        dropped,
        tuple(notes),
        figures=figures_used,
        goal=attained,
        not_done=tuple(not_done),
        explained=told,
    )


def _check_request(
    outcome: str | None,
    share: str | None,
    n: str | None,
    figures: Mapping[str, NationalFigure],
    cells: pd.DataFrame | None,
    strata: Names | None,
    margins: Margins | None,
    means: Targets | None,
    rounding: float | None,
) -> None:
    """Refuse arguments that do not go together."""
    if (outcome is None) == (share is None):
        raise InputError.of(
            "outcome", required="given, or share instead of it",
            got="neither" if outcome is None else "both",
        )  # fmt: skip
    if not figures and cells is None:
        raise InputError.of(
            "figures", required="given, or cells", got="neither",
            remedy="Margins and means say who lives in riket, not how it went for them.",
        )  # fmt: skip
    if cells is not None:
        check_frame("cells", cells)
    if (cells is None) != (strata is None):
        raise InputError.of("strata", required="given with cells, and only then", got=repr(strata))
    if rounding is not None and share is None:
        raise InputError.of("rounding", required="given with share only", got=repr(rounding))
    for name, value in (("margins", margins), ("means", means)):
        if value is not None and (share is not None or n is not None):
            raise InputError.of(
                name, required="left out unless df has one row a person", got="counts or shares",
                remedy="Weights are of persons.",
            )  # fmt: skip
        if value is not None and not figures:
            raise InputError.of(
                name, required="given with figures, which the weighted share is compared with",
                got="no figures",
            )  # fmt: skip
    if cells is not None and share is not None:
        raise InputError.of(
            "cells", required="left out where participants are published shares",
            got="a table", remedy="Standardisation needs the participants by cell.",
        )  # fmt: skip


def _cells_total(cells: pd.DataFrame | None) -> float | None:
    """Return the share that riket's cells add up to; None where they are not known."""
    if cells is None or not {"rate", "n"} <= set(cells.columns):
        return None
    n, rate = (cells[name].to_numpy(dtype=np.float64) for name in ("n", "rate"))
    return float(n @ rate / n.sum())


def _without(
    figures: Mapping[str, NationalFigure], whole: GroupShare | None
) -> dict[str, NationalFigure]:
    """Remove the participants from the figures."""
    if whole is None or whole.n is None:
        raise InputError.of(
            "includes_participants", required="False where a number of participants is unknown",
            got="True",
        )  # fmt: skip
    ends = (float(whole.least), float(whole.greatest))
    return {label: figure.without(ends, whole.n) for label, figure in figures.items()}


def _goal(
    goal: Fraction | str | float, groups: Sequence[GroupShare], level: float, notes: list[str]
) -> EffectTable | None:
    """Test the goal in every group whose number is known."""
    known = [group for group in groups if group.n is not None]
    lacking = [group.group for group in groups if group.n is None]
    if lacking:
        notes.append(f"Goal not tested for {', '.join(lacking)}: their number is unknown.")
    if not known:
        return None
    counts = [
        min(max(round(group.share * (group.n or 0)), group.least), group.greatest)
        for group in known
    ]
    table = goal_attainment(
        counts, [group.n or 0 for group in known], goal,
        labels=[group.group for group in known], level=level,
    )  # fmt: skip
    rebuilt = any(group.least < group.greatest for group in known)
    said = " ".join(table.notes[:1])
    notes.append(
        f"{table.estimand.split(', ')[-1].capitalize()}: {said[0].lower()}{said[1:]}"
        + (" Successes are the nearest whole numbers to the shares." if rebuilt else "")
    )
    return table if not rebuilt else replace(
        table, notes=(*table.notes, "Successes are the nearest whole numbers to the shares.")
    )  # fmt: skip
