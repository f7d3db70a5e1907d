"""Several cut points side by side: shares under each, and where the conclusion changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.core.printing import html_table, sample_line, text_block
from evalkit.core.typography import Lang, Typography
from evalkit.scales.cut_points import CutPoints
from evalkit.scales.likert_result import LikertTable

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["CollapseTable"]


@dataclass(frozen=True, eq=False, repr=False)
class CollapseTable:
    """The same answers merged by several cut points.

    Attributes
    ----------
    names : tuple of str
        Names of the cuts; the first is the one that the others are compared with.
    cuts : tuple of CutPoints
        The cut points.
    labels : tuple of str
        Names of the groups, the same for all cuts.
    tables : tuple of LikertTable
        One table for each.
    moved : ndarray of int, shape (cuts, items)
        Answers that are in another group than by the first cut.
    """

    names: tuple[str, ...]
    cuts: tuple[CutPoints, ...]
    labels: tuple[str, ...]
    tables: tuple[LikertTable, ...]
    moved: np.ndarray[Any, np.dtype[np.int64]]

    def to_frame(self) -> pd.DataFrame:
        """Return counts and shares of every group by every cut.

        Returns
        -------
        pandas.DataFrame
            Columns ``item, statement, cut, category, answers, count, weighted, share, conf_low,
            conf_high, n, small``; ``answers`` are those that make up the group, such as 1-4.
        """
        import pandas as pd

        parts: list[pd.DataFrame] = []
        for name, cut, table in zip(self.names, self.cuts, self.tables, strict=True):
            frame = table.to_frame().query("base == 'decided'").drop(columns=["base", "side"])
            times = len(frame) // len(self.labels)
            frame["category"] = [*self.labels] * times
            frame.insert(2, "cut", name)
            frame.insert(4, "answers", [*cut.names()] * times)
            parts.append(frame)
        joined = pd.concat(parts, ignore_index=True)
        items = {item: i for i, item in enumerate(self.tables[0].counts.items)}
        order = joined["item"].map(items).sort_values(kind="stable").index
        return joined.loc[order].reset_index(drop=True)

    def conclusions(self) -> pd.DataFrame:
        """Say what each cut would lead to.

        Returns
        -------
        pandas.DataFrame
            One row for each statement and cut: ``item, statement, cut, largest`` (the group with
            the most answers, or several), ``majority`` (whether more than half are in the last
            group: yes, no, or unclear where the interval holds one half), ``balance, conf_low,
            conf_high`` (share of the last group minus that of the first), ``direction`` (positive,
            negative, or unclear where the interval holds 0), ``moved`` (answers in another group
            than by the first cut) and ``n``.
        """
        import pandas as pd

        last = len(self.labels) - 1
        rows: list[dict[str, object]] = []
        for i, item in enumerate(self.tables[0].counts.items):
            for c, (name, table) in enumerate(zip(self.names, self.tables, strict=True)):
                counts, level = table.counts, table.level
                shares = counts.shares("decided", level)
                net = counts.balance([last], [0], "decided", level)
                here = counts.weighted[0, i]
                largest = [
                    label
                    for label, count in zip(self.labels, here, strict=True)
                    if count > 0 and np.isclose(count, here.max(), rtol=1e-12)
                ]
                low, high = float(shares.low[0, i, last]), float(shares.high[0, i, last])
                down, up = float(net.low[0, i]), float(net.high[0, i])
                rows.append({
                    "item": item,
                    "statement": counts.statements[i],
                    "cut": name,
                    "largest": " = ".join(largest),
                    "majority": _verdict(low - 0.5, high - 0.5, ("yes", "no")),
                    "balance": float(net.estimate[0, i]),
                    "conf_low": down,
                    "conf_high": up,
                    "direction": _verdict(down, up, ("positive", "negative")),
                    "moved": int(self.moved[c, i]),
                    "n": int(counts.n("decided")[0, i]),
                })  # fmt: skip
        return pd.DataFrame(rows)

    @property
    def changes(self) -> tuple[str, ...]:
        """Sentences that say where the conclusion depends on the cut; none if it does not."""
        found: list[str] = []
        for _, group in self.conclusions().groupby("item", sort=False):
            first, *others = group.to_dict("records")
            for other in others:
                differ = [
                    f"{word} {_said(first[key])} v {_said(other[key])}"
                    for key, word in (
                        ("largest", "largest group"),
                        ("majority", f"majority in {self.labels[-1]!r}"),
                        ("direction", "balance"),
                    )
                    if first[key] != other[key]
                ]
                if differ:
                    moved, n = int(other["moved"]), int(other["n"])
                    found.append(
                        f"{first['statement']}: {first['cut']} v {other['cut']} changes the "
                        f"conclusion ({moved} of {n} answers move): {'; '.join(differ)}."
                    )
        return tuple(found)

    def plot(self, *, lang: Lang = "sv", sort: bool = False) -> Figure:
        """Draw one panel of stacked bars for each cut.

        Parameters
        ----------
        lang : {"sv", "en"}, default "sv"
            Language of numbers and words.
        sort : bool, default False
            Sort the statements by the last group.

        Returns
        -------
        matplotlib.figure.Figure
            The figure.
        """
        from evalkit.plots.likert import draw_likert_panels

        panels = {
            name if name == str(cut) else f"{name}: {cut}": table.chart_rows(labels=self.labels)
            for name, cut, table in zip(self.names, self.cuts, self.tables, strict=True)
        }
        return draw_likert_panels(
            panels, kind="stacked", sort=sort, small=self.tables[0].small, lang=lang
        )

    def _shown(self) -> tuple[list[str], pd.DataFrame, list[str]]:
        """Return the lines above the printed table, the table, and those below."""
        import pandas as pd

        first, t = self.tables[0], Typography("en")
        frame = self.to_frame()
        rows: list[dict[str, object]] = []
        for (_, cut), group in frame.groupby(["item", "cut"], sort=False):
            n = int(group["n"].iloc[0])
            row: dict[str, object] = {"statement": group["statement"].iloc[0], "cut": cut, "n": n}
            for one in group.to_dict("records"):
                few = f"{int(one['count'])} of {n}"
                row[str(one["category"])] = few if one["small"] else t.percent(100 * one["share"])
            rows.append(row)
        head = [
            f"Cut points side by side: {', '.join(map(str, self.cuts))}",
            f"{first.method}; {100 * first.level:g} % intervals; counts below n = {first.small}",
            sample_line(first.counts.n_used, first.counts.n_dropped),
        ]
        same = "The conclusion is the same by every cut."
        changes = [*self.changes] or [same if frame["n"].any() else "Nobody answered."]
        return head, pd.DataFrame(rows), changes

    def __repr__(self) -> str:
        """Show the cuts in at most fifteen lines."""
        return text_block(*self._shown())

    def _repr_html_(self) -> str:
        """Show the cuts in a notebook."""
        return html_table(*self._shown())


def _verdict(low: float, high: float, words: tuple[str, str]) -> str:
    """Say on which side of 0 an interval is."""
    if low > 0:
        return words[0]
    return words[1] if high < 0 else "unclear"


def _said(value: object) -> str:
    """Write a finding."""
    return repr(value) if value else "none"
