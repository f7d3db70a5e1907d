"""How strong a hidden bias would have to be to explain away what matched pairs show."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from evalkit.core.checks import check_choice, check_level, check_share
from evalkit.core.columns import check_known, numbers
from evalkit.core.printing import html_table, sample_line, text_block
from evalkit.errors import InputError
from evalkit.kernels.hidden_bias import (
    hodges_lehmann_bounds,
    largest_gamma,
    shift_limits,
    sign_bounds,
    signed_rank_bounds,
)
from evalkit.matching.matched_result import Matched
from evalkit.typing import Alternative, FloatArray

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

__all__ = ["RosenbaumBounds", "rosenbaum_bounds"]

Test: TypeAlias = Literal["signed_rank", "sign"]
_GAMMAS = (1.0, 1.25, 1.5, 2.0, 3.0)
_TESTS: dict[str, Callable[[FloatArray, float], tuple[float, float]]] = {
    "signed_rank": signed_rank_bounds,
    "sign": sign_bounds,
}


@dataclass(frozen=True, eq=False, repr=False)
class RosenbaumBounds:
    """Bounds of what matched pairs say, by how strong a hidden bias may be.

    Build one with :func:`rosenbaum_bounds`.

    Parameters
    ----------
    data : pandas.DataFrame
        The numbers; see :meth:`to_frame`.
    differences : ndarray of float, shape (n,)
        Treated minus control in each pair.
    test : {"signed_rank", "sign"}
        The test.
    alternative : {"greater", "less", "two-sided"}
        Its direction.
    level : float
        Confidence level of the intervals.
    n_dropped : mapping of str to int
        Pairs left out, by reason.
    """

    data: pd.DataFrame
    differences: FloatArray
    test: Test
    alternative: Alternative
    level: float
    n_dropped: Mapping[str, int] = field(default_factory=dict[str, int])

    def to_frame(self) -> pd.DataFrame:
        """Return the bounds.

        Returns
        -------
        pandas.DataFrame
            One row for each ``gamma``: ``p_low, p_high`` bound the p-value; for the signed-rank
            test also ``estimate_low, estimate_high`` the Hodges-Lehmann estimate of a constant
            effect, and ``conf_low, conf_high`` an interval that allows for the bias.
        """
        return self.data.copy()

    def gamma_at(self, alpha: float = 0.05) -> float:
        """Return up to which hidden bias the test still rejects.

        Parameters
        ----------
        alpha : float, default 0.05
            Level of the test.

        Returns
        -------
        float
            The largest gamma with ``p_high`` at most ``alpha``; NaN if the test does not reject
            even without hidden bias.
        """
        limit = check_share("alpha", alpha)
        return largest_gamma(
            lambda gamma: _p_bounds(self.differences, gamma, self.test, self.alternative)[1], limit
        )

    def __repr__(self) -> str:
        """Show the bounds in plain text."""
        return text_block(self._head(), self.data, self._notes())

    def _repr_html_(self) -> str:
        """Show the bounds in a notebook."""
        return html_table(self._head(), self.data, self._notes())

    def _head(self) -> list[str]:
        """Say what was tested."""
        name = {"signed_rank": "Wilcoxon's signed-rank test", "sign": "Sign test"}[self.test]
        return [
            "Sensitivity of matched pairs to hidden bias (Rosenbaum's bounds)",
            f"{name} of no effect, {self.alternative}",
            sample_line(len(self.differences), self.n_dropped).replace("n:", "pairs:"),
        ]

    def _notes(self) -> list[str]:
        """Say how much hidden bias the conclusion bears."""
        limit = self.gamma_at()
        if np.isnan(limit):
            return ["Even without hidden bias the p-value is above 0.05."]
        what = f"makes taking part {limit:.3g} times as likely (in odds)"
        said = f"until something that was not observed {what} for one of two people who look alike"
        return [f"The p-value stays at or below 0.05 up to gamma = {limit:.3g}: {said}."]


def rosenbaum_bounds(
    pairs: Matched | npt.ArrayLike,
    outcome: str | None = None,
    *,
    test: Test = "signed_rank",
    gammas: Sequence[float] = _GAMMAS,
    alternative: Alternative = "two-sided",
    level: float = 0.95,
) -> RosenbaumBounds:
    r"""Bound what matched pairs say if something that was not observed decided who took part.

    Answers "how strong would a hidden bias have to be to explain this away?". With ``gamma`` 2,
    one of two people who look alike may have twice the odds of the other of taking part.

    Parameters
    ----------
    pairs : Matched or array_like, shape (n,)
        One-to-one pairs from :func:`evalkit.matching.match`, or the differences within pairs,
        treated minus control.
    outcome : str, optional
        Column of the matched data; needed with it, and only then.
    test : {"signed_rank", "sign"}, default "signed_rank"
        Wilcoxon's signed-rank test, or the sign test, which for outcomes of 0 and 1 is McNemar's.
    gammas : sequence of float, default (1, 1.25, 1.5, 2, 3)
        Odds ratios of hidden bias, at least 1.
    alternative : {"two-sided", "greater", "less"}, default "two-sided"
        "greater" tests for higher outcomes of those who took part.
    level : float, default 0.95
        Confidence level of the intervals.

    Returns
    -------
    RosenbaumBounds
        ``to_frame()``, and ``gamma_at(alpha)``: how much bias the conclusion bears.

    Raises
    ------
    evalkit.errors.InputError
        If the pairs are not one to one, all differences are missing, one is infinite, or a gamma
        is below 1.

    Notes
    -----
    Pairs without a difference count on neither side of a test, but hold the lowest ranks (as in
    Rosenbaum 2002, section 3.2; Wilcoxon's own ranks are without them), and count in estimates
    and intervals. The sign test is exact, the signed-rank test up to 200 pairs. A two-sided
    p-value is twice the smaller one-sided one; intervals are two-sided, by the normal
    approximation. Pairs that lack an outcome are dropped and counted. Bounds of an
    estimate assume an effect that is the same for everybody.

    References
    ----------
    Rosenbaum (2002), Observational studies, doi:10.1007/978-1-4757-3692-2. In R: ``rbounds``.

    Examples
    --------
    >>> differences = [22, 5, 23, -6, 18, 26, 13, 47, 15, 16, 6]
    >>> found = rosenbaum_bounds(differences, gammas=[1, 2], alternative="greater")
    >>> found.to_frame()["p_high"].round(4).tolist()
    [0.002, 0.0289]
    >>> round(found.gamma_at(0.05), 2)
    2.42
    """
    import pandas as pd

    check_choice("test", test, tuple(_TESTS))
    check_choice("alternative", alternative, ("two-sided", "greater", "less"))
    check_level(level)
    asked = _gammas(gammas)
    if isinstance(pairs, Matched):
        differences, n_dropped = _of_pairs(pairs, outcome)
    else:
        if outcome is not None:
            raise InputError.of(
                "outcome", required="left out unless pairs come from match()", got=repr(outcome)
            )
        differences, n_dropped = _given(pairs)
    rows: list[dict[str, float]] = []
    for gamma in asked:
        low, high = _p_bounds(differences, gamma, test, alternative)
        row = {"gamma": gamma, "p_low": low, "p_high": high}
        if test == "signed_rank":
            row["estimate_low"], row["estimate_high"] = hodges_lehmann_bounds(differences, gamma)
            row["conf_low"], row["conf_high"] = shift_limits(differences, gamma, level)
        rows.append(row)
    return RosenbaumBounds(pd.DataFrame(rows), differences, test, alternative, level, n_dropped)


def _p_bounds(
    differences: FloatArray, gamma: float, test: str, alternative: str
) -> tuple[float, float]:
    """Bound the p-value."""
    bounds = _TESTS[test]
    if alternative == "greater":
        return bounds(differences, gamma)
    less = bounds(-differences, gamma)
    if alternative == "less":
        return less
    greater = bounds(differences, gamma)
    return min(1.0, 2 * min(greater[0], less[0])), min(1.0, 2 * min(greater[1], less[1]))


def _gammas(gammas: object) -> list[float]:
    """Check the odds ratios."""
    values = np.atleast_1d(_floats("gammas", gammas)).ravel()
    if not len(values) or not (np.isfinite(values) & (values >= 1)).all():
        raise InputError.of(
            "gammas",
            required="odds ratios of at least 1",
            got=", ".join(f"{v:g}" for v in values[:5]) or "none",
            remedy="1 is no hidden bias.",
        )
    return values.tolist()


def _floats(argument: str, values: Any) -> FloatArray:
    """Read numbers."""
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError.of(
            argument, required="numbers", got=f"a {type(values).__name__}: {error}"
        ) from error


def _given(values: npt.ArrayLike) -> tuple[FloatArray, dict[str, int]]:
    """Read differences."""
    found = _floats("pairs", values)
    if found.ndim != 1:
        raise InputError.of("pairs", required="one difference a pair", got=f"shape {found.shape}")
    return _complete(found)


def _complete(found: FloatArray) -> tuple[FloatArray, dict[str, int]]:
    """Leave out missing differences, and refuse infinite ones."""
    gone = int(np.isnan(found).sum())
    kept = found[~np.isnan(found)]
    if not len(kept) or not np.isfinite(kept).all():
        raise InputError.of(
            "pairs",
            required="at least one difference, and finite ones",
            got="none" if not len(kept) else "infinite ones",
        )
    return kept, {"missing outcome": gone} if gone else {}


def _of_pairs(matched: Matched, outcome: str | None) -> tuple[FloatArray, dict[str, int]]:
    """Take differences within the pairs of a matching."""
    if not isinstance(outcome, str):
        raise InputError.of("outcome", required="the name of a column", got=repr(outcome))
    rows = matched.pair_rows
    if not len(rows):
        raise InputError.of(
            "pairs", required="a matching in pairs", got=matched.description,
            remedy="match(..., method='nearest') or 'optimal' makes pairs.",
        )  # fmt: skip
    again: list[Any] = [
        matched.sample.frame.index[person]
        for column in (0, 1)
        for person in np.flatnonzero(np.bincount(rows[:, column]) > 1)[:5]
    ]
    if again:
        raise InputError.of(
            "pairs",
            required="one-to-one pairs",
            got="people who stand in several",
            where=[f"row {label!r}" for label in again],
            remedy="Match with ratio=1 and replace=False.",
        )
    check_known(matched.sample.frame, outcome=outcome)
    values = numbers(matched.sample.frame, outcome, "outcome")
    return _complete(values[rows[:, 0]] - values[rows[:, 1]])
