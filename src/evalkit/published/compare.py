"""Cell-by-cell comparison of computed tables with the published ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any, cast

from evalkit.errors import InputError
from evalkit.published.store import Key, cells_of_frame, load

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Comparison", "compare"]

_KEY = ["row_group", "row", "column_group", "column", "measure"]


@dataclass(frozen=True)
class Comparison:
    """Outcome of a comparison.

    Attributes
    ----------
    table_id : str
        The published table.
    n_cells : int
        Published figures that were compared.
    n_equal : int
        Those that the computed table reproduces at the printed precision.
    differences : DataFrame
        The others: ``table_id``, the place, ``published`` and ``computed`` values (NaN where the
        computed table lacks the cell) and the published ``text``.
    """

    table_id: str
    n_cells: int
    n_equal: int
    differences: pd.DataFrame = field(repr=False)

    @property
    def equal(self) -> bool:
        """Whether every compared cell is equal."""
        return self.n_cells == self.n_equal

    def __str__(self) -> str:
        """Say how many cells are equal."""
        return f"{self.table_id}: {self.n_equal} of {self.n_cells} cells equal"

    def _repr_html_(self) -> str:
        table = "" if self.equal else self.differences.to_html(index=False)
        return f"<p>{escape(str(self))}</p>{table}"


def compare(computed: pd.DataFrame, table_id: str) -> Comparison:
    """Compare a computed table with the published one, cell by cell.

    Answers: does my analysis reproduce the published table?

    Parameters
    ----------
    computed : DataFrame
        Tidy columns ``row, column, measure, value`` and, where the published table has them,
        ``row_group, column_group``; a `table_id` column is ignored. Counts must be equal; a
        computed percent, mean or amount must round (half up, exactly) to the printed digits, so
        it may carry more of them.
    table_id : str
        The published table.

    Returns
    -------
    Comparison
        With ``n_cells``, ``n_equal`` and ``differences``. Published cells without a figure are
        not compared; published cells missing from `computed` are differences.

    Raises
    ------
    InputError
        If `computed` lacks a column, repeats a cell, or has a cell that the published table has
        not.

    Examples
    --------
    >>> from evalkit import published
    >>> table = published.load("000.t1").to_frame()
    >>> str(published.compare(table, "000.t1"))
    '000.t1: 26 of 26 cells equal'
    """
    import pandas as pd

    published = load(table_id)
    frame = computed.assign(table_id=table_id)
    ours: dict[Key, Any] = {}
    for cell in cells_of_frame(frame):
        ours[cell.key] = cell.figure.value
    theirs = {cell.key: cell.figure for cell in published.cells if cell.figure.value is not None}
    printed = {cell.key for cell in published.cells}
    strangers = [
        f"{key.place} ({key.measure})" for key in ours if key not in printed
    ]  # fmt: skip
    if strangers:
        raise InputError.of(
            "computed", required=f"only cells that {table_id} has", got=f"{len(strangers)} others",
            where=strangers, remedy="load(table_id).to_frame() shows the published labels.",
        )  # fmt: skip
    rows: list[tuple[object, ...]] = []
    for key, figure in theirs.items():
        value = ours.get(key)
        half = 0 if key.measure == "count" else figure.half
        # Half up: the printed digit covers [x - half, x + half).
        if value is not None and figure.value is not None:
            low, high = figure.value - half, figure.value + half
            if value == figure.value or low <= value < high:
                continue
        computed_value = float("nan") if value is None else float(value)
        rows.append((*key, float(cast("Any", figure.value)), computed_value, figure.text))
    columns = ["table_id", *_KEY, "published", "computed", "text"]
    differences = pd.DataFrame.from_records(rows, columns=columns)
    return Comparison(table_id, len(theirs), len(theirs) - len(rows), differences)
