"""Comparisons of participants with riket: their table, what is printed of it, and its figure."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from evalkit.core.printing import html_table, text_block
from evalkit.core.results import EffectTable
from evalkit.core.typography import Lang
from evalkit.errors import InputError
from evalkit.matching.national_figures import NationalFigure
from evalkit.matching.participant_shares import EVERYBODY
from evalkit.matching.published_rows import ComparisonRow
from evalkit.matching.riket_explained import ESTIMANDS, Explained, explain

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["RiketComparison", "columns_of"]

_LINES = 6  # of notes in plain text
_SHOWN = [
    "group", "comparison", "figure", "estimate", "p_value", "conf_low", "conf_high", "n",
    "participants", "riket",
]  # fmt: skip
_MIXES: Mapping[str, Literal["participants", "riket"]] = {
    "indirect": "participants", "direct": "riket",
}  # fmt: skip
_AGAINST = ("as published", "margins", "means")  # all groups against the same figure


@dataclass(frozen=True, eq=False, repr=False)
class RiketComparison(EffectTable):
    """Comparisons with riket, each with its estimand.

    Parameters
    ----------
    data, estimand, method, level, n_used, n_dropped, notes
        As :class:`evalkit.core.results.EffectTable`; the notes say what each comparison answers
        and why they differ.
    figures : mapping of str to NationalFigure
        National figures by label.
    goal : EffectTable or None
        Attainment of the goal by group, if one was given.
    not_done : tuple of str
        Comparisons that the data do not allow, and why.
    explained : Explained
        What :meth:`explanation` is made of.
    """

    figures: Mapping[str, NationalFigure] = field(kw_only=True)
    goal: EffectTable | None = field(kw_only=True)
    not_done: tuple[str, ...] = field(kw_only=True)
    explained: Explained = field(kw_only=True, repr=False)

    def explanation(self, lang: Lang = "sv") -> tuple[str, ...]:
        """Say what each comparison answers and why they differ, for readers of a report.

        Parameters
        ----------
        lang : {"sv", "en"}, default "sv"
            Language of the sentences.

        Returns
        -------
        tuple of str
            The sentences.
        """
        return tuple(explain(self.explained, lang))

    def __repr__(self) -> str:
        """Show the comparisons in at most fifteen lines of plain text."""
        return text_block(self._head(), self._shown(), _first(self.notes))

    def _repr_html_(self) -> str:
        """Show the comparisons in a notebook."""
        return html_table(self._head(), self._shown(), self.notes)

    def _head(self) -> list[str]:
        """Say what was compared, and whose numbers are unknown."""
        head = super()._head()
        published = self.data[self.data["comparison"] == "as published"]
        unknown = published.loc[published["n"].isna(), "group"].unique().tolist()
        if unknown:
            head[-1] += f"; number of {', '.join(unknown)} unknown"
        return head

    def _shown(self) -> pd.DataFrame:
        """Return the columns that are printed: bounds too, where there is no estimate."""
        bounds = ["lower", "upper"] if self.data["estimate"].isna().any() else []
        return self.data[[*_SHOWN[:4], *bounds, *_SHOWN[4:]]]

    def plot(
        self, ax: Axes | None = None, *, comparison: str = "as published", lang: Lang = "sv"
    ) -> Axes:
        """Draw each group's share with its interval, and riket's figures as lines.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure if left out.
        comparison : str, default "as published"
            Which comparison's shares to draw.
        lang : {"sv", "en"}, default "sv"
            Language of numbers.

        Returns
        -------
        matplotlib.axes.Axes
            The axes, in percent.
        """
        from evalkit.plots.riket import shares_against_riket

        chosen = self.data[self.data["comparison"] == comparison]
        if chosen.empty:
            raise InputError.of(
                "comparison",
                required="one of " + ", ".join(sorted(set(self.data["comparison"].tolist()))),
                got=repr(comparison),
            )
        groups = chosen.drop_duplicates("group")
        lines = chosen.drop_duplicates(["figure", "riket"]) if comparison in _AGAINST else None
        goal = None if self.goal is None else float(self.goal.to_frame()["goal"].iloc[0])
        names = {EVERYBODY: "Alla deltagare"} if lang == "sv" else {}
        return shares_against_riket(
            groups.assign(group=groups["group"].replace(names)).rename(columns={
                "participants": "share", "participants_low": "low", "participants_high": "high",
            })[["group", "share", "low", "high", "n", "riket"]],
            {} if lines is None else {
                str(label): (float(low), float(high)) for label, low, high in
                lines[["figure", "riket_low", "riket_high"]].itertuples(index=False)
            },
            goal=goal, mix=_MIXES.get(comparison, "own"), ax=ax, lang=lang,
        )  # fmt: skip


def _first(notes: Sequence[str]) -> list[str]:
    """Return the notes that fit into a few lines, and say where the others are."""
    said: list[str] = []
    left = _LINES - 1
    for note in notes:
        left -= len(textwrap.wrap(note, 96))
        if left < 0:
            return [*said, "... (.notes says why they differ, and what is assumed)"]
        said.append(note)
    return said


def columns_of(rows: Sequence[ComparisonRow]) -> dict[str, object]:
    """Lay out the rows.

    Parameters
    ----------
    rows : sequence of ComparisonRow
        The comparisons.

    Returns
    -------
    dict
        Columns of an effect table.
    """
    return {
        "group": [row.group for row in rows],
        "comparison": [row.comparison for row in rows],
        "figure": [row.figure for row in rows],
        "term": "difference",
        "contrast": "participants - riket",
        "estimate": [row.estimate for row in rows],
        "std_error": [row.std_error for row in rows],
        "p_value": [row.p_value for row in rows],
        "conf_low": [row.low for row in rows],
        "conf_high": [row.high for row in rows],
        "n": [row.n for row in rows],
        "participants": [row.share[0] for row in rows],
        "riket": [row.riket[0] for row in rows],
        "participants_low": [row.share[1] for row in rows],
        "participants_high": [row.share[2] for row in rows],
        "riket_low": [row.riket[1] for row in rows],
        "riket_high": [row.riket[2] for row in rows],
        "ratio": [row.ratio[0] for row in rows],
        "ratio_low": [row.ratio[1] for row in rows],
        "ratio_high": [row.ratio[2] for row in rows],
        "lower": [row.bounds[0] for row in rows],
        "upper": [row.bounds[1] for row in rows],
        "test": [row.test for row in rows],
        "estimand": [ESTIMANDS[row.comparison] for row in rows],
        "assumed": [row.assumed for row in rows],
    }
