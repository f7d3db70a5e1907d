"""People weighted so that groups are comparable: the result, its balance and its effects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, cast

import numpy as np

from evalkit.core.checks import check_counts
from evalkit.core.columns import Names
from evalkit.core.printing import html_table, sample_line, text_block
from evalkit.core.results import EffectTable
from evalkit.errors import InputError
from evalkit.kernels.balance import effective_size
from evalkit.kernels.weight_fit import WeightFit
from evalkit.matching.balance_result import Balance, Estimand
from evalkit.matching.contrast_tables import Measure
from evalkit.matching.effect_clusters import cluster_codes
from evalkit.matching.group_figures import draw_overlap, draw_quantiles
from evalkit.matching.matched_effects import WHOM, effect_after
from evalkit.matching.treatment_sample import TreatmentSample
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from evalkit.core.typography import Lang

__all__ = ["Weighted"]

_EXTREME = 5
_FEW = 2  # people whose shares would be as large if all had the same weight
_MUCH = 0.05  # share of a group's weight on one person that is said


@dataclass(frozen=True, eq=False, repr=False)
class Weighted:
    """Weights that make groups comparable.

    Parameters
    ----------
    sample : TreatmentSample
        Who took part, and the covariates.
    fit : WeightFit
        The weights and what their estimation adds to variances.
    estimand : {"ATT", "ATE", "ATC", "ATO"}
        Over whom effects are averaged.
    method : str
        How the weights were found, in words.
    focal : int
        Position of the group over which ATT averages.
    n_dropped : mapping of str to int
        Rows left out, by reason.
    notes : tuple of str
        Sentences that belong with the weights.

    See Also
    --------
    evalkit.matching.survival_effect : The effect on the time until an event.
    """

    sample: TreatmentSample
    fit: WeightFit
    estimand: Estimand
    method: str
    focal: int
    n_dropped: Mapping[str, int] = field(default_factory=dict[str, int])
    notes: tuple[str, ...] = ()

    @property
    def weights(self) -> pd.Series[float]:
        """The weight of each row used, survey weights included, by its index label."""
        import pandas as pd

        return pd.Series(self.fit.weights.copy(), index=self.sample.frame.index, name="weights")

    @property
    def scores(self) -> pd.Series[float]:
        """The propensity score of each row used; an error for methods without one."""
        import pandas as pd

        if self.fit.score_of is None:
            raise InputError.of(
                "scores",
                required="a method with a propensity score",
                got=self.method,
                remedy="Use method='ipw', 'overlap' or 'cbps'.",
            )
        return pd.Series(self.fit.score_of.copy(), index=self.sample.frame.index, name="score")

    @property
    def data(self) -> pd.DataFrame:
        """The rows used, with a column ``weights`` (and ``distance``, the score, if there is one).

        A column of that name in the data is replaced.
        """
        made = self.sample.frame.assign(weights=self.fit.weights)
        if self.fit.score_of is not None:
            made = made.assign(distance=self.fit.score_of)
        return made

    @property
    def ess(self) -> pd.Series[float]:
        """The effective number of people by group label: Kish's (sum w)^2 / sum w^2."""
        import pandas as pd

        sizes = [
            effective_size(self.fit.weights[self.sample.group == code])
            for code in range(len(self.sample.levels))
        ]
        index = pd.Index(list(self.sample.levels), name=self.sample.treatment)
        return pd.Series(sizes, index=index, name="ess")

    def to_frame(self) -> pd.DataFrame:
        """Return a summary of the weights.

        Returns
        -------
        pandas.DataFrame
            ``group, n, ess, min, max, cv, largest_share``: one row for each group; the
            coefficient of variation, and the share of the group's weight on one person.
        """
        import pandas as pd

        rows: list[dict[str, object]] = []
        for code in reversed(range(len(self.sample.levels))):
            w = self.fit.weights[self.sample.group == code]
            rows.append({
                "group": str(self.sample.levels[code]),
                "n": len(w),
                "ess": effective_size(w),
                "min": float(w.min()),
                "max": float(w.max()),
                "cv": float(w.std() / w.mean()),
                "largest_share": float(w.max() / w.sum()),
            })  # fmt: skip
        return pd.DataFrame(rows)

    def extreme(self, n: int = _EXTREME) -> pd.DataFrame:
        """Return the people with the largest weights in each group.

        Parameters
        ----------
        n : int, default 5
            How many of each group.

        Returns
        -------
        pandas.DataFrame
            Their rows with ``group`` and ``weights``, by their index labels; the largest first.
        """
        import pandas as pd

        check_counts("n", n, minimum=1)
        parts: list[pd.DataFrame] = []
        for code in reversed(range(len(self.sample.levels))):
            rows = np.flatnonzero(self.sample.group == code)
            order = np.lexsort([self.sample.rank[rows], -self.fit.weights[rows]])
            chosen = rows[order[:n]]
            part = self.sample.frame.iloc[chosen][list(self.sample.variables)]
            parts.append(
                part.assign(group=str(self.sample.levels[code]), weights=self.fit.weights[chosen])
            )
        return pd.concat(parts)

    def balance(
        self, *, squares: bool = False, interactions: bool = False, threshold: float = 0.1
    ) -> Balance:
        """Tabulate how alike the groups are, before and after weighting.

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
            self.fit.weights,
            estimand=self.estimand,
            adjusted="weighted",
            squares=squares,
            interactions=interactions,
            threshold=threshold,
            focal=self.focal if self.estimand == "ATT" and len(self.sample.levels) > 2 else None,
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
        """Estimate the effect on an outcome.

        Parameters
        ----------
        outcome : str
            Column of the data: numbers, or 0 and 1.
        covariates : str, optional
            Right-hand side of a regression within each group, which is averaged over the
            estimand's people. The estimate is right if either it or the weights are.
        model : {"linear", "logit"}, default "linear"
            That regression.
        measure : {"difference", "ratio", "odds_ratio"}, default "difference"
            What is compared. Ratios have their interval on the ratio scale and ``std_error`` on
            the log scale.
        cluster : str, optional
            Column that says which rows belong together. A row without one stands alone.
        by : str or sequence of str, optional
            Columns whose levels get an effect each, with the same weights.
        level : float, default 0.95
            Confidence level.

        Returns
        -------
        EffectTable
            Effects with ``mean_treated`` and ``mean_control``.

        Raises
        ------
        evalkit.errors.InputError
            If a column is not what it must be, a group has no outcome, or the regression cannot
            be fitted.

        Notes
        -----
        Standard errors are those of the weighting, the regression and the means solved together
        (M-estimation), without small-sample correction; with clusters multiplied by
        G / (G - 1) (n - 1) / (n - k), and Student's t with G - 1 degrees of freedom. Rows without
        an outcome are dropped and counted: that is right if who lacks it is as good as random
        given what was weighted on. In R: ``WeightIt::glm_weightit``.
        """
        codes = None if cluster is None else cluster_codes(self.sample.frame, cluster)
        smooth = self.fit.slope is not None
        notes = list(self.notes)
        if not smooth:
            notes.append("The standard error takes the weights as given.")
        return effect_after(
            self.sample,
            self.fit.weights,
            outcome=outcome,
            estimand=self.estimand,
            method=self.method,
            adjust=self.fit.adjust if smooth else None,
            focal=self.focal,
            covariates=covariates,
            model=model,
            measure=measure,
            cluster=codes,
            by=by,
            level=level,
            notes=notes,
        )

    def plot(self, ax: Axes | None = None, *, lang: Lang = "sv") -> Axes:
        """Draw the balance before and after weighting.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure if left out.
        lang : {"sv", "en"}, default "sv"
            Language.

        Returns
        -------
        matplotlib.axes.Axes
            The love plot; see :meth:`Balance.plot`.
        """
        return self.balance().plot(ax, lang=lang)

    def plot_overlap(self, ax: Axes | None = None, *, lang: Lang = "sv") -> Axes:
        """Draw how the propensity scores of the two groups are spread before weighting.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure if left out.
        lang : {"sv", "en"}, default "sv"
            Language.

        Returns
        -------
        matplotlib.axes.Axes
            Those who took part upwards, the others downwards.

        Raises
        ------
        evalkit.errors.InputError
            If the method has no score, or there are more than two groups.
        """
        scores: FloatArray = self.scores.to_numpy(dtype=np.float64).astype(np.float64)
        return draw_overlap(self.sample, scores, lang=lang, ax=ax)

    def plot_quantiles(
        self, variable: str, ax: Axes | None = None, *, weighted: bool = True, lang: Lang = "sv"
    ) -> Axes:
        """Draw the quantiles of a covariate in one group against those in the other.

        Parameters
        ----------
        variable : str
            A column of numbers.
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure if left out.
        weighted : bool, default True
            After weighting; before it (with the survey weights, if any) otherwise.
        lang : {"sv", "en"}, default "sv"
            Language of numbers.

        Returns
        -------
        matplotlib.axes.Axes
            Points on the line mean that the groups are alike.

        Raises
        ------
        evalkit.errors.InputError
            If the column is not one of numbers without missing values, or there are more than two
            groups.
        """
        weights = self.fit.weights if weighted else None
        return draw_quantiles(self.sample, weights, variable, lang=lang, ax=ax)

    def __repr__(self) -> str:
        """Show the weights in plain text."""
        return text_block(self._head(), self.to_frame(), self.notes)

    def _repr_html_(self) -> str:
        """Show the weights in a notebook."""
        return html_table(self._head(), self.to_frame(), self.notes)

    def _head(self) -> list[str]:
        """Say what was weighted, how, and over whom effects are averaged."""
        whom = WHOM[self.estimand]
        if self.estimand == "ATT" and len(self.sample.levels) > 2:
            whom = str(self.sample.levels[self.focal])
        return [
            f"Weights for {self.estimand}: effects over {whom}",
            self.method,
            f"{self.sample.formula}",
            sample_line(self.sample.n, self.n_dropped),
        ]


def weight_notes(weighted: Weighted) -> tuple[str, ...]:
    """Say whose weights are so large that a few people decide.

    Parameters
    ----------
    weighted : Weighted
        The weights.

    Returns
    -------
    tuple of str
        A sentence for each group in which one person has more than 5 % of the weight while the
        group is large enough for that to be much.
    """
    rows = cast("list[dict[str, float]]", weighted.to_frame().to_dict("records"))
    return tuple(
        f"One person has {100 * row['largest_share']:.0f} % of the weight in {row['group']}, whose "
        f"{row['n']} people count as {row['ess']:.0f}: see .extreme()."
        for row in rows
        if row["largest_share"] > _MUCH and row["n"] * _MUCH > _FEW
    )
