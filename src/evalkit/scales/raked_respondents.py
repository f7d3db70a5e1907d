"""Weights that make respondents resemble the population in known margins, and what they cost."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core.checks import check_level
from evalkit.core.columns import check_known, numbers, refuse_rows
from evalkit.core.printing import html_table, text_block
from evalkit.core.results import EffectTable
from evalkit.errors import InputError
from evalkit.kernels.raked_means import effective_number
from evalkit.kernels.raking import Raked, rake_weights
from evalkit.scales.margin_targets import Margins, Target, read_targets
from evalkit.scales.weighted_answers import successes, weighted_table
from evalkit.typing import BoolArray, FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["NonresponseWeights", "nonresponse_weights"]

_LARGE_EFFECT = 2.0
_LARGE_WEIGHT = 5.0


@dataclass(frozen=True, eq=False, repr=False)
class NonresponseWeights:
    """Raked weights of those who have answered.

    Attributes
    ----------
    weights : pandas.Series
        One weight for each row of the frame, with its index. They add up to the population, or to
        the number of respondents if only shares are known; NaN where nobody answered.
    start : ndarray of float, shape (n,)
        Weights of the respondents before raking.
    targets : tuple of Target
        The margins.
    population : float
        Size of the population; NaN if only shares are known.
    rounds : int
        Rounds over the margins.
    largest_gap : float
        Largest distance between a weighted and a wanted share.
    """

    weights: pd.Series[float]
    start: FloatArray
    targets: tuple[Target, ...]
    population: float
    rounds: int
    largest_gap: float

    @property
    def n(self) -> int:
        """Number of respondents."""
        return len(self.start)

    @property
    def ess(self) -> float:
        r"""Kish's effective number of respondents, :math:`(\sum w)^2/\sum w^2`."""
        return effective_number(self._known())

    @property
    def design_effect(self) -> float:
        """How many times larger a variance is for the weights alone: respondents over ``ess``."""
        return self.n / self.ess

    @property
    def largest(self) -> float:
        """Largest weight, as a multiple of the mean weight."""
        known = self._known()
        return float(known.max() / known.mean())

    def _known(self) -> FloatArray:
        """Return the respondents' weights."""
        values = self.weights.to_numpy(dtype=np.float64)
        return np.asarray(values[~np.isnan(values)], dtype=np.float64)

    def to_frame(self) -> pd.DataFrame:
        """Return the margins before and after.

        Returns
        -------
        pandas.DataFrame
            One row for each level: ``margin, level, respondents, share_before, share_wanted,
            share_after, weight`` (mean weight as a multiple of the overall mean).
        """
        import pandas as pd

        known = self._known()
        parts: list[pd.DataFrame] = []
        for one in self.targets:
            k = len(one.levels)
            count = np.bincount(one.codes, minlength=k)
            before = np.bincount(one.codes, self.start, minlength=k) / self.start.sum()
            after = np.bincount(one.codes, known, minlength=k)
            parts.append(
                pd.DataFrame({
                    "margin": one.column, "level": list(one.levels), "respondents": count,
                    "share_before": before, "share_wanted": one.shares,
                    "share_after": after / known.sum(), "weight": after / count / known.mean(),
                })
            )  # fmt: skip
        return pd.concat(parts, ignore_index=True)

    def share(
        self,
        df: pd.DataFrame,
        answer: str,
        success: Collection[object] | None = None,
        *,
        level: float = 0.95,
    ) -> EffectTable:
        r"""Estimate the share of the population that would give some answer.

        Parameters
        ----------
        df : pandas.DataFrame
            The frame that the weights were made for, with its rows in the same order.
        answer : str
            Column with the answer.
        success : collection, optional
            Answers that count; if left out those equal to 1 or True, and then no others than 0
            and 1 may occur.
        level : float, default 0.95
            Confidence level.

        Returns
        -------
        EffectTable
            Terms ``weighted`` and ``unweighted``, with Wilson intervals.

        Raises
        ------
        evalkit.errors.InputError
            If the frame is another one, the column is unknown, an answer is not 0 or 1, or fewer
            than two respondents have answered the question.

        Notes
        -----
        The standard error is linearised with the residuals from the margins, times
        :math:`(1 - n/N)^{1/2}` if the population is known; Wilson's interval then takes as many
        answers as have this variance. Respondents without an answer to this question are dropped
        and counted, and the weights of the others kept; n is the number of answers then. In R:
        ``survey::svymean(na.rm = TRUE)`` after ``survey::calibrate(calfun = "raking")``.
        """
        level = check_level(level)
        used = self._rows(df, "answer", answer)
        y = successes(df, answer, success, used)
        return self._estimated(y, used, answer, level, is_share=True)

    def mean(self, df: pd.DataFrame, score: str, *, level: float = 0.95) -> EffectTable:
        """Estimate the mean of a score in the population.

        Parameters
        ----------
        df : pandas.DataFrame
            The frame that the weights were made for, with its rows in the same order.
        score : str
            Column with the score.
        level : float, default 0.95
            Confidence level.

        Returns
        -------
        EffectTable
            Terms ``weighted`` and ``unweighted``, with t intervals on n - 1 degrees of freedom.

        Raises
        ------
        evalkit.errors.InputError
            If the frame is another one, the column holds no numbers, or fewer than two
            respondents have a score.

        Notes
        -----
        As :meth:`share`.
        """
        level = check_level(level)
        used = self._rows(df, "score", score)
        y = numbers(df, score, "score")
        refuse_rows(df, used & ~np.isfinite(y), "score", score, "finite")
        return self._estimated(y, used, score, level, is_share=False)

    def _rows(self, df: pd.DataFrame, argument: str, column: str) -> BoolArray:
        """Say which rows have a weight and an answer, and refuse another frame."""
        check_known(df, **{argument: column})
        if not df.index.equals(self.weights.index):
            raise InputError.of(
                "df", required="the frame that the weights were made for, rows in the same order",
                got=f"{len(df)} rows with another index",
                remedy="Put the weights into it by id, and filter afterwards.",
            )  # fmt: skip
        there = self.weights.notna().to_numpy()
        used: BoolArray = there & df[column].notna().to_numpy()
        if used.sum() < 2:
            raise InputError.of(argument, required="at least two answers by respondents",
                                got=f"{int(used.sum())} in {column!r}")  # fmt: skip
        return used

    def _estimated(
        self, y: FloatArray, used: BoolArray, column: str, level: float, *, is_share: bool
    ) -> EffectTable:
        """Estimate with the weights and without."""
        there = self.weights.notna().to_numpy()
        return weighted_table(
            y[there],
            self._known(),
            self.start,
            [(one.codes, len(one.levels)) for one in self.targets],
            self.population,
            column,
            used[there],
            level,
            is_share=is_share,
        )

    def _notes(self) -> tuple[str, ...]:
        """Say what is remarkable about the weights."""
        found: list[str] = []
        rounded = [one for one in self.targets if math.isnan(one.total) and not one.is_exact]
        if rounded:
            sums = ", ".join(f"{one.given:g} ({one.column})" for one in rounded)
            found.append(f"Taken as rounded, and divided by their sum: shares adding up to {sums}.")
        if self.design_effect > _LARGE_EFFECT:
            found.append(
                f"The weights cost {100 * (1 - 1 / self.design_effect):.0f} % of the respondents' "
                "worth: use fewer or coarser margins, or say so."
            )
        if self.largest > _LARGE_WEIGHT:
            found.append(
                f"One respondent counts for {self.largest:.1f} average ones: merge small levels."
            )
        return tuple(found)

    def _head(self) -> list[str]:
        """Say how many they are and what they cost."""
        people = "" if math.isnan(self.population) else f" for {self.population:g} people"
        cost = f"Effective number {self.ess:.1f}, design effect {self.design_effect:.2f}"
        rounds = "1 round" if self.rounds == 1 else f"{self.rounds} rounds"
        return [
            f"Non-response weights of {self.n} respondents{people}, raked in {rounds}",
            f"{cost}, largest weight {self.largest:.2f} times the mean",
        ]

    def __repr__(self) -> str:
        """Show the margins before and after in at most fifteen lines."""
        return text_block(self._head(), self.to_frame(), self._notes())

    def _repr_html_(self) -> str:
        """Show the margins before and after in a notebook."""
        return html_table(self._head(), self.to_frame(), self._notes())


def nonresponse_weights(
    df: pd.DataFrame,
    margins: Margins,
    *,
    answered: str | None = None,
    weights: str | None = None,
) -> NonresponseWeights:
    r"""Weight respondents so that they resemble the population in known margins.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each respondent, or with `answered` for each person asked. It is not changed.
    margins : mapping of str to mapping or Series, or sequence of str
        By column, how many people (or which share, adding up to 1 but for rounding) each level has
        in the population: ``{"project": {"Nord": 210, "Syd": 340}, "sex": {"K": 0.6, "M": 0.4}}``,
        or ``{"sex": register["sex"].value_counts()}``. Or, with `answered`, columns that are known
        for everybody asked, who then are the population.
    answered : str, optional
        Column that says who has answered (0 or 1).
    weights : str, optional
        Column with weights to start from, such as those of the sample's design.

    Returns
    -------
    NonresponseWeights
        ``weights, ess, design_effect, largest``; ``share`` and ``mean`` estimate with them.

    Raises
    ------
    evalkit.errors.InputError
        If a level of the population has no respondents, or respondents have a level without part
        in the population; if margins are missing, contradict each other, or cannot all be met.

    Warns
    -----
    evalkit.scales.ScaleWarning
        If a margin adds up to exactly 100: are these percentages?

    Notes
    -----
    Raking (iterative proportional fitting) [1]_ multiplies the weights margin by margin until all
    weighted shares are as wanted. Only the margins are used, not how they combine: cross two
    columns into one if their combination matters. The weights remove what non-response does to the
    margins. Whether those who answered differ from the others of the same level nobody can know
    from the answers.

    In R: ``survey::rake``.

    References
    ----------
    .. [1] Deming WE, Stephan FF (1940). On a least squares adjustment of a sampled frequency table
       when the expected marginal totals are known. Ann Math Stat 11:427-444.
       doi:10.1214/aoms/1177731829

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({"sex": ["K"] * 6 + ["M"] * 2, "glad": [1, 1, 1, 1, 0, 0, 0, 0]})
    >>> found = nonresponse_weights(people, {"sex": {"K": 10, "M": 10}})
    >>> found.weights.round(3).tolist()[4:], round(found.ess, 2)
    ([1.667, 1.667, 5.0, 5.0], 6.0)
    >>> found.share(people, "glad").to_frame()["estimate"].round(3).tolist()
    [0.333, 0.5]
    """
    import pandas as pd

    check_known(df, answered=answered, weights=weights)
    there = np.ones(len(df), dtype=np.bool_)
    if answered is not None:
        said = numbers(df, answered, "answered")
        refuse_rows(df, ~np.isin(said, (0.0, 1.0)), "answered", answered, "0 or 1 in every row",
                    said, remedy=f"If it holds answers, use df[{answered!r}].notna().")  # fmt: skip
        there = said == 1
    if not there.any():
        raise InputError.of("df", required="somebody who has answered", got="nobody")
    first = np.ones(int(there.sum()))
    if weights is not None:
        given = numbers(df, weights, "weights")
        wrong = there & ~((given > 0) & np.isfinite(given))
        refuse_rows(df, wrong, "weights", weights, "positive", given)
        first = given[there]
    targets = read_targets(df, margins, there)
    sizes = [one.total for one in targets if not math.isnan(one.total)]
    whole = sizes[0] if sizes else float(len(first))
    raked = rake_weights(
        first, [one.codes for one in targets], [whole * one.shares for one in targets]
    )
    if not raked.converged:
        raise InputError.of(
            "margins", required="margins that can be met together",
            got=_unmet(raked, targets, whole),
            remedy="Some levels never occur together among respondents: merge levels, or leave "
            "out a margin.",
        )  # fmt: skip
    found = np.full(len(df), np.nan)
    found[there] = raked.weights
    return NonresponseWeights(
        pd.Series(found, index=df.index, name="weight"),
        first,
        tuple(targets),
        sizes[0] if sizes else math.nan,
        raked.rounds,
        raked.largest_gap,
    )


def _unmet(raked: Raked, targets: list[Target], whole: float) -> str:
    """Name the levels that stay farthest from what is wanted."""
    gaps: list[tuple[float, str]] = []
    for one in targets:
        found = np.bincount(one.codes, raked.weights, minlength=len(one.levels)) / whole
        for level, share, wanted in zip(one.levels, found, one.shares, strict=True):
            text = f"{one.column} {level!r} at {share:.4f} where {wanted:.4f} is wanted"
            gaps.append((abs(float(share) - float(wanted)), text))
    return f"after {raked.rounds} rounds {max(gaps)[1]}"
