"""Riket without the participants: the shares of those that they are compared with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from evalkit.errors import InputError
from evalkit.matching.participant_cells import ParticipantCells
from evalkit.matching.reference_table import ReferenceTable, cell_names
from evalkit.typing import BoolArray

__all__ = ["without_participants"]

_NOT_INCLUDED = (
    "Riket may not include them after all, or its rates are rounded: see standardise_bounds."
)


def without_participants(table: ReferenceTable, people: ParticipantCells) -> ReferenceTable:
    """Remove the participants from riket's cells.

    Parameters
    ----------
    table : ReferenceTable
        Riket with the participants.
    people : ParticipantCells
        The participants.

    Returns
    -------
    ReferenceTable
        Riket without them.

    Raises
    ------
    evalkit.errors.InputError
        If a cell holds fewer people or successes, or no more people, than the participants.
    """
    persons = table.persons("includes_participants")
    n, x = people.n.sum(axis=0), people.successes.sum(axis=0)
    rest, failures = persons - n, persons * (1 - table.rate) - (n - x)
    successes = persons * table.rate - x
    slack = 1e-9 * persons
    _refuse_cells(
        table, (n > 0) & (np.abs(rest) <= slack), "people besides the participants",
        "Merge levels: without the participants nobody is left there to compare them with.",
    )  # fmt: skip
    for wrong, what in (
        (rest < 0, "more people than participants"),
        (successes < -slack, "at least as many successes as the participants have"),
        (failures < -slack, "at least as many people without success as the participants have"),
    ):
        _refuse_cells(table, wrong, what, _NOT_INCLUDED)
    rate = np.where(n > 0, np.clip(successes / np.where(rest > 0, rest, 1.0), 0, 1), table.rate)
    return replace(table, rate=rate, n=rest)


def _refuse_cells(table: ReferenceTable, wrong: BoolArray, what: str, remedy: str) -> None:
    """Refuse cells from which the participants cannot be removed."""
    if wrong.any():
        raise InputError.of(
            "includes_participants",
            required=f"True only where riket's cells hold {what}",
            got=f"{int(wrong.sum())} cells that do not",
            where=[
                cell_names(table.strata, cell)
                for cell, bad in zip(table.cells, wrong, strict=True)
                if bad
            ],
            remedy=remedy,
        )
