"""Boundaries for trials that look at the data before the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from evalkit.core.checks import check_choice, check_level, check_share
from evalkit.core.printing import html_table, text_block
from evalkit.errors import InputError
from evalkit.kernels.group_sequential import boundary, exits, spend
from evalkit.trials.multiplicity import as_floats
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "CLOSEST",
    "LARGEST_DRIFT",
    "SequentialDesign",
    "Spending",
    "rising_root",
    "sequential_design",
]

Spending: TypeAlias = Literal["obrien-fleming", "pocock", "power", "hwang-shih-decani"]
_SPENDING = ("obrien-fleming", "pocock", "power", "hwang-shih-decani")
_HALVINGS = 100
_LARGEST_PARAMETER = 100.0
CLOSEST = 1e-4
"""Share of the information that two looks must be apart."""
LARGEST_DRIFT = 40.0
"""Where searches for an effect end, in standard errors at the last look."""


@dataclass(frozen=True, eq=False, repr=False)
class SequentialDesign:
    """Boundaries for a trial with several looks.

    Parameters
    ----------
    data : pandas.DataFrame
        One row a look: ``look, information`` (share of what is planned), ``spent`` (probability
        under no effect of having stopped so far), ``boundary`` (of \\|Z\\|, or of Z if one-sided)
        and ``p_nominal`` (the p-value at which the look stops the trial).
    spending : str
        The spending function.
    level : float
        Confidence level.
    sides : {1, 2}
        Sides of the test.
    """

    data: pd.DataFrame
    spending: str
    level: float
    sides: int

    def to_frame(self) -> pd.DataFrame:
        """Return the boundaries.

        Returns
        -------
        pandas.DataFrame
            A copy of ``data``.
        """
        return self.data.copy()

    def exit_probabilities(self, drift: float) -> pd.DataFrame:
        """Return how likely the trial is to stop at each look, and on which side.

        Parameters
        ----------
        drift : float
            Expected Z at full information: effect over its standard error.

        Returns
        -------
        pandas.DataFrame
            Columns ``look, information, upper, lower``.
        """
        import pandas as pd

        up, down = exits(self._information, self._upper, self._lower, float(drift))
        columns = {"upper": up, "lower": down}
        return pd.concat([self.data[["look", "information"]], pd.DataFrame(columns)], axis=1)

    def power(self, drift: float) -> float:
        """Return the probability of ever crossing a boundary.

        Parameters
        ----------
        drift : float
            Expected Z at full information.

        Returns
        -------
        float
            The power, on both sides if the test has two.
        """
        up, down = exits(self._information, self._upper, self._lower, float(drift))
        return float(up.sum() + down.sum())

    def inflation(self, power: float = 0.8) -> float:
        """Return how much more information the looks cost at most.

        Parameters
        ----------
        power : float, default 0.8
            The power wanted.

        Returns
        -------
        float
            Maximum information, over that of a trial with one look of the same power: multiply
            a sample size by it.
        """
        wanted = check_share("power", power)
        drift = rising_root(lambda d: self.power(d) - wanted, 0.0, LARGEST_DRIFT)
        fixed = sequential_design([1.0], level=self.level, sides=self._sides)
        single = rising_root(lambda d: fixed.power(d) - wanted, 0.0, LARGEST_DRIFT)
        return (drift / single) ** 2

    @property
    def _sides(self) -> Any:
        """Sides of the test, as an argument."""
        return self.sides

    @property
    def _information(self) -> FloatArray:
        """Shares of the information."""
        return self.data["information"].to_numpy(dtype=np.float64)

    @property
    def _upper(self) -> FloatArray:
        """Upper boundaries."""
        return self.data["boundary"].to_numpy(dtype=np.float64)

    @property
    def _lower(self) -> FloatArray:
        """Lower boundaries."""
        return -self._upper if self.sides == 2 else np.full(len(self.data), -np.inf)

    def __repr__(self) -> str:
        """Show the boundaries."""
        return text_block(self._head(), self.data, ())

    def _repr_html_(self) -> str:
        """Show the boundaries in a notebook."""
        return html_table(self._head(), self.data, ())

    def _head(self) -> list[str]:
        """Say what the boundaries hold."""
        size = (1 - self.level) / (1 if self.sides == 2 else 2)
        sides = "two-sided" if self.sides == 2 else "one-sided"
        looks = len(self.data)
        return [
            f"Boundaries for {looks} look{'s' if looks > 1 else ''}, {sides} at {100 * size:g} %",
            f"Alpha spending by {self.spending}",
        ]


def sequential_design(
    information: npt.ArrayLike,
    *,
    spending: Spending = "obrien-fleming",
    parameter: float | None = None,
    level: float = 0.95,
    sides: Literal[1, 2] = 2,
) -> SequentialDesign:
    r"""Say where a test statistic must stand to stop a trial, early or at its end.

    Parameters
    ----------
    information : array_like of float, shape (K,)
        Shares of the planned information at the looks, increasing, the last one at most 1. Of
        means and risks it is the share of the persons, of survival that of the events.
    spending : {"obrien-fleming", "pocock", "power", "hwang-shih-decani"}
        How alpha is spent; see Notes.
    parameter : float, optional
        The exponent of "power" (above 0) or gamma of "hwang-shih-decani"; needed there and
        refused elsewhere.
    level : float, default 0.95
        Confidence level: each side spends (1 - level)/2 in all.
    sides : {1, 2}
        Whether the trial stops on the upper side only, or on both.

    Returns
    -------
    SequentialDesign
        The boundaries.

    Raises
    ------
    evalkit.errors.InputError
        If the information does not increase, or an argument is out of range.

    Notes
    -----
    On each side, with :math:`a = (1-level)/2` and share t of the information, the alpha spent is
    :math:`2 - 2\Phi(z_{1-a/2}/\sqrt t)` (in the manner of O'Brien and Fleming: hardly anything
    early), :math:`a\log(1 + (e-1)t)` (of Pocock), :math:`a t^\rho`, or
    :math:`a(1-e^{-\gamma t})/(1-e^{-\gamma})`. The looks need not be planned ahead, as long as
    they are not chosen for what the data show. Boundaries are exact for a normal statistic,
    by recursive integration. In R: ``ldbounds::ldBounds``, ``gsDesign::gsDesign``.

    References
    ----------
    .. [1] Lan KKG, DeMets DL (1983). Discrete sequential boundaries for clinical trials.
       Biometrika 70:659-663. doi:10.1093/biomet/70.3.659

    Examples
    --------
    >>> sequential_design([0.5, 1.0])
    Boundaries for 2 looks, two-sided at 5 %
    Alpha spending by obrien-fleming
    look  information   spent  boundary  p_nominal
       1       0.5000  0.0031    2.9626     0.0031
       2       1.0000  0.0500    1.9686     0.0490
    """
    import pandas as pd

    check_choice("spending", spending, _SPENDING)
    level = check_level(level)
    if sides not in (1, 2):
        raise InputError.of("sides", required="1 or 2", got=repr(sides))
    share = as_floats("information", information)
    if share.ndim != 1 or not len(share) or not (np.diff(share, prepend=0.0) > 0).all():
        raise InputError.of(
            "information", required="shares above 0 that increase", got=repr(share.tolist())
        )
    if (np.diff(share) < CLOSEST * (1 - 1e-6)).any():
        raise InputError.of(
            "information",
            required=f"at least {CLOSEST:g} apart",
            got=f"looks {float(np.diff(share).min()):.2g} apart",
            remedy="Looks as close as that are one look.",
        )
    if share[-1] > 1:
        raise InputError.of(
            "information",
            required="at most 1",
            got=f"{share[-1]:g}",
            remedy="A trial that got more than it planned has share 1 at its last look.",
        )
    needs = spending in ("power", "hwang-shih-decani")
    if parameter is not None:
        parameter = float(as_floats("parameter", parameter))
    low = 0.0 if spending == "power" else -_LARGEST_PARAMETER
    if needs is (parameter is None) or (
        parameter is not None and not low < parameter <= _LARGEST_PARAMETER
    ):
        between = f"a number above {low:g} and at most {_LARGEST_PARAMETER:g}"
        raise InputError.of(
            "parameter",
            required=f"{between if needs else 'left out'} for {spending!r}",
            got=repr(parameter),
        )
    one_side = spend(share, (1 - level) / 2, spending, parameter or 0.0)
    upper = boundary(share, one_side, sides=sides)
    from scipy import special

    tail = special.ndtr(-upper)
    return SequentialDesign(
        pd.DataFrame(
            {
                "look": range(1, len(share) + 1),
                "information": share,
                "spent": sides * one_side,
                "boundary": upper,
                "p_nominal": sides * tail,
            }
        ),
        spending,
        level,
        sides,
    )


def rising_root(rising: Callable[[float], float], low: float, high: float) -> float:
    """Return where a rising function is 0.

    Parameters
    ----------
    rising : callable
        The function.
    low, high : float
        Ends of the search.

    Returns
    -------
    float
        The root, or the end that is nearest to it.
    """
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (low, middle) if rising(middle) > 0 else (middle, high)
    return (low + high) / 2
