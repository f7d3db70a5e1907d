"""What matching hands back: who was matched with whom, who was left out, and what follows."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from evalkit.core.printing import html_table, sample_line, text_block
from evalkit.errors import InputError
from evalkit.kernels.coarsening import Target, kish_ess
from evalkit.typing import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from evalkit.core.columns import Names
    from evalkit.core.results import EffectTable
    from evalkit.matching.balance_result import Balance
    from evalkit.matching.contrast_tables import Measure
    from evalkit.matching.treatment_sample import TreatmentSample

__all__ = ["Matched"]


@dataclass(frozen=True, eq=False, repr=False)
class Matched:
    """A matched comparison; build one with :func:`evalkit.matching.match`.

    Parameters
    ----------
    sample : TreatmentSample
        The rows that could be matched; every array below has one entry for each of them.
    method : str
        "nearest", "optimal", "full", "exact", "cem", "subclass", "cardinality" or "profile".
    description : str
        The method in words, with its distance, ratio and calipers.
    estimand : {"ATT", "ATC", "ATE"}
        What was asked for.
    target : str
        What the matched rows can estimate, in words: where units that the estimand is about were
        left out, it is no longer the effect on all of them.
    row_weights : ndarray of float, shape (n,)
        Weights, survey weights included; 0 for those who were not matched.
    row_subclass : ndarray of int, shape (n,)
        Set of each row, 0, 1, ...; -1 without one, and for all after matching with replacement,
        where a row may be in several.
    pair_rows : ndarray of int, shape (m, 3)
        Row of the treated, row of the control and set of every pair; none for methods that make
        no pairs.
    pair_distance : ndarray of float, shape (m,)
        Distance of every pair.
    discarded : ndarray of bool, shape (n,)
        Who was left out before matching because of the common support.
    score : ndarray of float, shape (n,), or None
        The score that distances or subclasses were made of.
    replace : bool
        Whether a row could be used more than once.
    notes : tuple of str
        Sentences that belong with the numbers.

    See Also
    --------
    evalkit.matching.survival_effect : The effect on the time until an event.
    """

    sample: TreatmentSample
    method: str
    description: str
    estimand: Target
    target: str
    row_weights: FloatArray
    row_subclass: IntArray
    pair_rows: IntArray
    pair_distance: FloatArray
    discarded: BoolArray
    score: FloatArray | None
    replace: bool
    notes: tuple[str, ...] = ()

    @property
    def matched(self) -> BoolArray:
        """Whether each row was matched, shape (n,)."""
        return self.row_weights > 0

    @property
    def pairs(self) -> pd.DataFrame:
        """Who was matched with whom: ``treated, control`` (index labels), ``subclass, distance``.

        A row for every pair, so that a control who was used again stands there again. Empty for
        methods that compare strata or whole samples.
        """
        import pandas as pd

        index = self.sample.frame.index
        return pd.DataFrame({
            "treated": index[self.pair_rows[:, 0]],
            "control": index[self.pair_rows[:, 1]],
            "subclass": self.pair_rows[:, 2],
            "distance": self.pair_distance,
        })  # fmt: skip

    @property
    def weights(self) -> pd.Series[Any]:
        """Weight of every row that could be matched, by its index label; 0 if it was not."""
        import pandas as pd

        index = self.sample.frame.index
        return pd.Series(self.row_weights.copy(), index=index, name="weights")

    @property
    def data(self) -> pd.DataFrame:
        """The matched rows, with ``distance`` (the score), ``weights`` and ``subclass``."""
        import pandas as pd

        kept = self.matched
        _refuse_taken(self.sample.frame, ("distance", "weights", "subclass"))
        score = np.full(self.sample.n, np.nan) if self.score is None else self.score
        subclass = pd.array(self.row_subclass[kept], dtype="Int64")
        subclass[self.row_subclass[kept] < 0] = pd.NA
        return self.sample.frame[kept].assign(
            distance=score[kept], weights=self.row_weights[kept], subclass=subclass
        )

    def to_frame(self) -> pd.DataFrame:
        """Return the matched rows.

        Returns
        -------
        pandas.DataFrame
            As ``data``.
        """
        return self.data

    @property
    def n(self) -> pd.DataFrame:
        """Rows by group: all, matched, their effective size, unmatched and discarded."""
        import pandas as pd

        columns: dict[str, list[float]] = {}
        for name, group in (("treated", self.sample.treated), ("control", ~self.sample.treated)):
            kept, out = self.matched & group, self.discarded & group
            columns[name] = [
                int(group.sum()), int(kept.sum()), kish_ess(self.row_weights[group]),
                int((group & ~kept & ~out).sum()), int(out.sum()),
            ]  # fmt: skip
        rows = ["all", "matched", "matched_ess", "unmatched", "discarded"]
        return pd.DataFrame(columns, index=pd.Index(rows, name="rows"))

    @property
    def ess(self) -> pd.Series[Any]:
        """Effective sample size of each group, by its label: Kish's (sum w)^2 / sum w^2."""
        import pandas as pd

        levels = list(self.sample.levels)[::-1]
        sizes = [kish_ess(self.row_weights[g]) for g in (self.sample.treated, ~self.sample.treated)]
        return pd.Series(sizes, index=pd.Index(levels, name=self.sample.treatment), name="ess")

    @property
    def unmatched(self) -> pd.DataFrame:
        """The rows of those whom the estimand is about who were not matched, with the reason."""
        gone = self._focal & ~self.matched
        _refuse_taken(self.sample.frame, ("reason",))
        reason = np.where(self.discarded[gone], "outside the common support", "no match")
        return self.sample.frame[gone].assign(reason=reason)

    def unmatched_profile(self) -> pd.DataFrame:
        """Tell how those left unmatched differ from those who were matched.

        Returns
        -------
        pandas.DataFrame
            One row for each column of the covariates: ``variable, mean_matched, mean_unmatched,
            difference`` (unmatched minus matched) and ``smd``, the difference over the standard
            deviation among all of the group, largest first. Of the group that the estimand is
            about; for the ATE of everybody. Empty if nobody was left out.
        """
        import pandas as pd

        kept, gone = self._focal & self.matched, self._focal & ~self.matched
        columns = ["variable", "mean_matched", "mean_unmatched", "difference", "smd"]
        if not gone.any() or not kept.any():
            return pd.DataFrame({name: [] for name in columns})
        x = self.sample.matrix
        inside, outside = x[kept].mean(axis=0), x[gone].mean(axis=0)
        spread = x[self._focal].std(axis=0, ddof=1)
        smd = (outside - inside) / np.where(spread > 0, spread, np.nan)
        table = pd.DataFrame(
            dict(
                zip(
                    columns,
                    [list(self.sample.names), inside, outside, outside - inside, smd],
                    strict=True,
                )
            )
        )
        order = table["smd"].abs().sort_values(ascending=False, kind="stable").index
        return table.loc[order].reset_index(drop=True)

    @property
    def _focal(self) -> BoolArray:
        """Those whom the estimand is about."""
        if self.estimand == "ATE":
            return np.ones(self.sample.n, dtype=np.bool_)
        return self.sample.treated if self.estimand == "ATT" else ~self.sample.treated

    def balance(
        self, *, squares: bool = False, interactions: bool = False, threshold: float = 0.1
    ) -> Balance:
        """Tabulate how alike the groups are before and after matching.

        Parameters
        ----------
        squares, interactions : bool, default False
            Add rows for squares of numbers and for products of all pairs of columns.
        threshold : float, default 0.1
            Absolute standardised differences beyond it are counted as large.

        Returns
        -------
        Balance
            The table; see :func:`evalkit.matching.balance`.
        """
        from evalkit.matching.balance_table import sample_balance

        return sample_balance(
            self.sample,
            self.row_weights,
            estimand=self.estimand,
            adjusted="matched",
            squares=squares,
            interactions=interactions,
            threshold=threshold,
            distance=self.score,
        )

    def effect(
        self,
        outcome: str,
        covariates: str | None = None,
        *,
        model: Literal["linear", "logit"] = "linear",
        measure: Measure = "difference",
        cluster: str | None = None,
        by: Names | None = None,
        level: float = 0.95,
    ) -> EffectTable:
        """Estimate the effect on an outcome among those who were matched.

        Parameters
        ----------
        outcome : str
            Column of numbers, or of 0 and 1.
        covariates : str, optional
            Right-hand side of a regression within each group, averaged over those whom the
            estimand is about: it takes away what differs within pairs.
        model : {"linear", "logit"}, default "linear"
            That regression.
        measure : {"difference", "ratio", "odds_ratio"}, default "difference"
            What is compared.
        cluster : str, optional
            Column that says which rows belong together, in place of pairs and sets; "subclass"
            for sets, strata or subclasses, where these are not the clusters anyway.
        by : str or sequence of str, optional
            Columns whose levels get an effect each, with the same weights.
        level : float, default 0.95
            Confidence level.

        Returns
        -------
        EffectTable
            The effect, treated minus control, weighted by the matching weights, with
            ``mean_treated`` and ``mean_control``.

        Raises
        ------
        evalkit.errors.InputError
            If a column is not what it must be, a group has no outcome, or the regression cannot
            be fitted.

        Notes
        -----
        Pairs and sets are clusters of the variance; strata, subclasses and samples chosen whole
        are not by themselves. A single cluster shows no variance, and gives no standard error.
        Whoever lacks the outcome is dropped and counted; partners stay, with the weights that they
        have, and a note says so. After matching with replacement a control may be in several sets;
        the variance then takes the weights as given, and a note says so. In R:
        ``marginaleffects`` with ``vcov = ~subclass``.
        """
        from evalkit.matching.effect_clusters import broken_pairs, cluster_codes
        from evalkit.matching.matched_effects import effect_after

        in_sets = self.method in ("nearest", "optimal", "full") and not self.replace
        notes = [*self.notes]
        codes = np.maximum(self.row_subclass, 0) if in_sets else None
        if cluster == "subclass" and cluster not in self.sample.frame:
            if not (self.row_subclass >= 0).any():
                raise InputError.of(
                    "cluster",
                    required="the name of a column: rows are in no sets, or in several",
                    got=repr(cluster),
                )
            codes = np.maximum(self.row_subclass, 0)
        elif cluster is not None:
            codes = cluster_codes(self.sample.frame, cluster)
            if in_sets:
                notes.append(f"Clusters are those of {cluster}; pairs and sets are none.")
        if self.replace:
            notes.append(
                "The variance takes the weights of people who were used again as given; "
                "matching_estimator() has Abadie and Imbens's."
            )
        if (self._focal & ~self.matched).any():
            notes.insert(0, self.target)
        table = effect_after(
            self.sample,
            self.row_weights,
            outcome=outcome,
            estimand=self.estimand,
            method=self.description,
            covariates=covariates,
            model=model,
            measure=measure,
            cluster=codes,
            by=by,
            level=level,
            notes=notes,
        )
        lost = int(self.matched.sum()) - table.n_used
        return replace(table, notes=(*table.notes, *broken_pairs(lost)))

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the standardised differences before and after matching.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure by default.
        **options : object
            Passed on to :meth:`evalkit.matching.balance_result.Balance.plot`.

        Returns
        -------
        matplotlib.axes.Axes
            The love plot.
        """
        return self.balance().plot(ax, **options)

    def __repr__(self) -> str:
        """Show the method, the estimand and the sizes in plain text."""
        return text_block(self._head(), self._shown(), self.notes)

    def _repr_html_(self) -> str:
        """Show the same in a notebook."""
        return html_table(self._head(), self._shown(), self.notes)

    def _head(self) -> list[str]:
        """Say how the rows were matched, and what they can estimate."""
        covariates = textwrap.shorten(
            ", ".join(self.sample.terms) or "none", 80, placeholder=" ..."
        )
        return [
            *textwrap.wrap(self.description, 96),
            *textwrap.wrap(f"Estimand: {self.target}", 96),
            f"Covariates: {covariates}",
            sample_line(self.sample.n, self.sample.n_dropped),
        ]

    def _shown(self) -> pd.DataFrame:
        """Return the sizes as they are printed."""
        table = self.n
        whole = table.astype(int).astype(str)
        whole.loc["matched_ess"] = table.loc["matched_ess"].map("{:.1f}".format)
        return whole[(table > 0).any(axis=1)].T.rename_axis("group").reset_index()


def _refuse_taken(frame: pd.DataFrame, names: Sequence[str]) -> None:
    """Refuse columns whose names the result needs for its own."""
    taken = [name for name in names if name in frame]
    if taken:
        raise InputError.of(
            "df",
            required=f"without columns named {', '.join(names)}, which the result adds",
            got=", ".join(taken),
            remedy="Rename them before matching.",
        )
