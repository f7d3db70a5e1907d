"""How alike the groups of a comparison are, before and after: the table, and how it looks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

import numpy as np

from evalkit.core.checks import check_choice
from evalkit.core.printing import html_table, sample_line, text_block
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from evalkit.core.typography import Lang

__all__ = ["Balance", "Estimand"]

Estimand: TypeAlias = Literal["ATT", "ATE", "ATC", "ATO"]
"""Over whom effects are averaged: who took part, all, who did not, or those in between."""

DENOMINATORS = {
    "ATT": "SD among those who took part, before",
    "ATC": "SD among those who did not take part, before",
    "ATE": "root of the two groups' mean variance, before",
    "ATO": "root of the two groups' mean variance, before",
}


@dataclass(frozen=True, eq=False, repr=False)
class Balance:
    """Balance of the covariates between groups.

    Parameters
    ----------
    data : pandas.DataFrame
        One row for each covariate or level and contrast; see :meth:`to_frame`.
    sizes : pandas.DataFrame
        One row for each group: ``group, n, ess`` and, after an adjustment, ``n_adjusted,
        ess_adjusted``.
    estimand : {"ATT", "ATE", "ATC", "ATO"}
        Which standard deviation the differences are divided by.
    threshold : float
        Standardised differences beyond it are called large.
    adjusted : str
        What the weights stand for, such as "matched"; empty without an adjustment.
    n_used : int
        Rows compared.
    n_dropped : mapping of str to int
        Rows left out, by reason.
    notes : tuple of str
        Sentences that belong with the numbers.
    focal : str
        With more than two groups: the one whose standard deviation is used; empty if each pair's
        own is.
    """

    data: pd.DataFrame
    sizes: pd.DataFrame
    estimand: Estimand
    threshold: float
    adjusted: str
    n_used: int
    n_dropped: Mapping[str, int] = field(default_factory=dict[str, int])
    notes: tuple[str, ...] = ()
    focal: str = ""

    def to_frame(self) -> pd.DataFrame:
        """Return the numbers.

        Returns
        -------
        pandas.DataFrame
            ``variable, level, contrast, mean_treated, mean_control, smd, variance_ratio,
            ecdf_mean, ecdf_max`` and, after an adjustment, the same measures with the ending
            ``_adjusted``. ``level`` is empty for numbers; means of levels are shares; the
            variance ratio of levels and of columns of 0 and 1 is missing.
        """
        return self.data.copy()

    @property
    def largest(self) -> float:
        """The largest absolute standardised difference: after the adjustment, if there is one."""
        values = np.abs(self.data[self._judged].to_numpy(dtype=np.float64))
        known = values[~np.isnan(values)]
        return float(known.max()) if len(known) else float("nan")

    def beyond(self) -> pd.DataFrame:
        """Return the rows whose standardised difference is beyond the threshold.

        Returns
        -------
        pandas.DataFrame
            As :meth:`to_frame`, the worst first: after the adjustment, if there is one. A row
            whose difference cannot be standardised, though the means differ, is among them.
        """
        size = self.data[self._judged].abs()
        ending = "_adjusted" if self.adjusted else ""
        undefined = size.isna() & (
            self.data[f"mean_treated{ending}"] != self.data[f"mean_control{ending}"]
        )
        chosen = self.data[(size > self.threshold) | undefined]
        order = size[chosen.index].fillna(np.inf).sort_values(ascending=False, kind="stable").index
        return chosen.loc[order].reset_index(drop=True)

    @property
    def _judged(self) -> str:
        """The column that is held against the threshold."""
        return "smd_adjusted" if self.adjusted else "smd"

    def plot(
        self,
        ax: Axes | None = None,
        *,
        names: Mapping[str, str] | None = None,
        lang: Lang = "sv",
    ) -> Axes:
        """Draw the absolute standardised differences, before and after, worst first.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure, as high as the rows need, if left out.
        names : mapping of str to str, optional
            What to call the variables.
        lang : {"sv", "en"}, default "sv"
            Language of numbers and words.

        Returns
        -------
        matplotlib.axes.Axes
            The love plot.
        """
        from evalkit.plots.balance import love_plot

        check_choice("lang", lang, ("sv", "en"))
        before, after = self._differences()
        return love_plot(
            self._labels(names), before=before, after=after, threshold=self.threshold, lang=lang,
            ax=ax,
        )  # fmt: skip

    def alt_text(self, *, names: Mapping[str, str] | None = None, lang: Lang = "sv") -> str:
        """Tell the love plot in words, for those who cannot see it.

        Parameters
        ----------
        names, lang : object
            As in :meth:`plot`.

        Returns
        -------
        str
            How many differences are large, then all of them in the order of the figure.
        """
        from evalkit.plots.balance import love_alt

        check_choice("lang", lang, ("sv", "en"))
        before, after = self._differences()
        return love_alt(
            self._labels(names), before=before, after=after, threshold=self.threshold, lang=lang
        )

    def _differences(self) -> tuple[FloatArray, FloatArray | None]:
        """Return the standardised differences before, and after if there is an adjustment."""
        before = self.data["smd"].to_numpy(dtype=np.float64)
        return before, self.data["smd_adjusted"].to_numpy(np.float64) if self.adjusted else None

    def _labels(self, names: Mapping[str, str] | None) -> list[str]:
        """Name the rows of the figure."""
        shown: Mapping[str, str] = {} if names is None else names
        rows = cast(
            "list[tuple[str, str, str]]",
            self.data[["variable", "level", "contrast"]].to_numpy().tolist(),
        )
        several = len({contrast for _, _, contrast in rows}) > 1
        return [
            shown.get(variable, variable)
            + (f": {level}" if level else "")
            + (f" ({contrast})" if several else "")
            for variable, level, contrast in rows
        ]

    def __repr__(self) -> str:
        """Show the sizes and the worst rows in plain text."""
        return text_block(self._head(), self._shown(), self.notes)

    def _repr_html_(self) -> str:
        """Show the table in a notebook."""
        return html_table(self._head(), self._shown(), self.notes)

    def _head(self) -> list[str]:
        """Say what is compared, how many there are, and how many rows are far apart."""
        n_far = len(self.beyond())
        after = f" after ({self.adjusted})" if self.adjusted else ""
        far = f"{n_far} with |SMD| > {self.threshold:g}, largest {self.largest:.3f}"
        groups = [
            f"{row['group']}: {row['n']}"
            + (f" -> {row['n_adjusted']} (ESS {row['ess_adjusted']:.1f})" if self.adjusted else "")
            for row in self.sizes.to_dict("records")
        ]
        of = f"SD in {self.focal}, before" if self.focal else DENOMINATORS[self.estimand]
        return [
            f"Balance of {len(self.data)} rows{after}: {far}",
            "; ".join(groups),
            f"SMD: difference of means / {of}",
            sample_line(self.n_used, self.n_dropped),
        ]

    def _shown(self) -> pd.DataFrame:
        """Return the rows as they are printed, worst first."""
        frame = self.data.drop(columns=["ecdf_mean"])
        if frame["contrast"].nunique() == 1:
            frame = frame.drop(columns="contrast")
        if not frame["level"].any():
            frame = frame.drop(columns="level")
        if self.adjusted:
            frame = frame[
                [
                    *(c for c in ("variable", "level", "contrast") if c in frame),
                    *("smd", "smd_adjusted", "variance_ratio_adjusted"),
                    *("mean_treated", "mean_control", "mean_control_adjusted"),
                ]
            ]
        size = self.data[self._judged].abs().fillna(np.inf)
        order = size.sort_values(ascending=False, kind="stable").index
        return frame.loc[order].reset_index(drop=True)
