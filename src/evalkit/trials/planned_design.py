"""The plan of a trial: what it measures, and what makes its information smaller than its size."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal, TypeAlias, cast

import numpy as np

from evalkit.errors import InputError
from evalkit.kernels.power_of_tests import arms_df, exact_power, normal_power, student_power

__all__ = ["RISKS", "PlannedDesign", "PlannedMeasure", "number"]

PlannedMeasure: TypeAlias = Literal[
    "difference", "risk_difference", "risk_ratio", "odds_ratio", "hazard_ratio"
]

_WORDS = {
    "difference": "difference in means",
    "risk_difference": "risk difference",
    "risk_ratio": "risk ratio",
    "odds_ratio": "odds ratio",
    "hazard_ratio": "hazard ratio",
}
RISKS = ("risk_difference", "risk_ratio", "odds_ratio")
_RATIOS = ("risk_ratio", "odds_ratio", "hazard_ratio")
_LARGEST_RATIO = 1e6


@dataclass(frozen=True)
class PlannedDesign:
    """A plan, checked. Pairs are (arm, control arm).

    Parameters
    ----------
    measure : str
        What the effect is.
    alpha : float
        Size of the test, on all its sides together.
    sides : {1, 2}
        Sides of the test.
    exact : bool
        Whether power is summed over all outcomes.
    sd : (float, float)
        Standard deviations of the outcome.
    equal_sd : bool
        Whether one standard deviation was given for both.
    control : float
        Risk in the control arm.
    event_share : (float, float)
        Shares with an event.
    correlation : float
        Of the outcome with the covariates adjusted for.
    cluster_size : float or None
        Mean size of clusters; None if everybody stands alone.
    icc, cluster_size_cv : float
        Correlation in clusters, and the coefficient of variation of their sizes.
    in_arm_only : bool
        Whether only the arm has clusters.
    attrition : (float, float)
        Shares lost to follow-up.
    adherence, contamination : float
        Shares treated in the arm and in the control arm.
    margin : float
        Margin of non-inferiority.
    """

    measure: str
    alpha: float
    sides: int
    exact: bool
    sd: tuple[float, float]
    equal_sd: bool
    control: float
    event_share: tuple[float, float]
    correlation: float
    cluster_size: float | None
    icc: float
    cluster_size_cv: float
    in_arm_only: bool
    attrition: tuple[float, float]
    adherence: float
    contamination: float
    margin: float

    def effects(self, effect: object) -> list[float]:
        """Return the effects asked for, checked against the measure.

        Parameters
        ----------
        effect : float or sequence of float
            What the caller gave.

        Returns
        -------
        list of float
            The effects.
        """
        given: list[object] = [effect]
        if isinstance(effect, Iterable):
            given = list(cast("Iterable[object]", effect))
        values = [number("effect", value) for value in given]
        if not values:
            raise InputError.of("effect", required="at least one number", got="none")
        for value in values:
            if self.measure in _RATIOS and value <= 0:
                raise InputError.of("effect", required="a ratio above 0", got=f"{value:g}")
            if self.measure in RISKS and not 0 <= self._risk(value) <= 1:
                raise InputError.of(
                    "effect",
                    required="such that the risk in the arm is a share",
                    got=f"{value:g}, which makes it {self._risk(value):g}",
                    remedy=f"The risk in the control arm is {self.control:g}.",
                )
        return values

    def row(self, effect: float, n_arm: int, n_control: int) -> dict[str, Any]:
        """Return the power of one effect, with what it is computed from.

        Parameters
        ----------
        effect : float
            True effect of being treated.
        n_arm, n_control : int
            Persons randomised.

        Returns
        -------
        dict
            A row of the table.
        """
        share = self.adherence - self.contamination
        left = (n_arm * (1 - self.attrition[0]), n_control * (1 - self.attrition[1]))
        self._refuse_few(left)
        if self.measure == "hazard_ratio":
            diluted, error, df, power = self._hazards(effect, share, left)
        elif self.measure == "difference":
            diluted, error, df, power = self._means(effect, share, left)
        else:
            diluted, error, df, power = self._risks(effect, share, left)
        return {
            "measure": self.measure,
            "effect": effect,
            "n_arm": n_arm,
            "n_control": n_control,
            "diluted": diluted,
            "std_error": error,
            "df": df,
            "power": power,
        }

    def _refuse_few(self, left: tuple[float, float]) -> None:
        """Refuse arms with fewer than two persons after attrition, or two clusters."""
        for i, arm in enumerate(("the arm", "the control arm")):
            size = self._size(i)
            units, what = (left[i], "persons") if size is None else (left[i] / size, "clusters")
            if units < 2 - 1e-9 or (self.exact and round(left[i]) < 2):
                raise InputError.of(
                    "n",
                    required=f"enough for two {what} in {arm} after attrition",
                    got=f"{units:.2g}",
                    remedy="One has no spread, and what it shows cannot be told from chance.",
                )

    def _means(
        self, effect: float, share: float, left: tuple[float, float]
    ) -> tuple[float, float, float, float]:
        """Return diluted effect, standard error, degrees of freedom and power of means."""
        inflation = self._inflation()
        unexplained = 1 - self.correlation**2
        first, second = (self.sd[i] ** 2 * unexplained * inflation[i] / left[i] for i in (0, 1))
        error = np.sqrt(first + second)
        df = np.asarray(self._df(left, (first, second)))
        diluted = effect * share
        power = student_power(np.asarray(diluted + self.margin), error, df, self.alpha, self.sides)
        return diluted, float(error), float(df), float(power)

    def _risks(
        self, effect: float, share: float, left: tuple[float, float]
    ) -> tuple[float, float, float, float]:
        """Return diluted risk difference, standard error, no degrees of freedom, and power."""
        p0 = self.control
        diluted = (self._risk(effect) - p0) * share
        p1 = p0 + diluted
        if self.exact:
            n1, n0 = round(left[0]), round(left[1])
            power = exact_power(
                p1, n1, p0, n0, delta=-self.margin, alpha=self.alpha, sides=self.sides
            )
            return diluted, math.sqrt(p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0), math.nan, power
        inflation = self._inflation()
        per = [inflation[i] * (1 - self.correlation**2) / left[i] for i in (0, 1)]
        parts = (p1 * (1 - p1) * per[0], p0 * (1 - p0) * per[1])
        error = math.sqrt(parts[0] + parts[1])
        pooled = (left[0] * p1 + left[1] * p0) / (left[0] + left[1])
        # At a margin the risks differ under the null too, and pooling them would be wrong.
        null = error if self.margin else math.sqrt(pooled * (1 - pooled) * (per[0] + per[1]))
        if error == 0:
            return diluted, error, math.nan, 1.0 if diluted + self.margin > 0 else 0.0
        df = math.nan if self.cluster_size is None else self._df(left, parts)
        return diluted, error, df, self._power(diluted + self.margin, null, error, df)

    def _hazards(
        self, effect: float, share: float, left: tuple[float, float]
    ) -> tuple[float, float, float, float]:
        """Return diluted hazard ratio, its log's standard error, no df, and power."""
        inflation = self._inflation()
        events = [left[i] * self.event_share[i] / inflation[i] for i in (0, 1)]
        in_arm = left[0] / (left[0] + left[1])
        error = 1 / math.sqrt((events[0] + events[1]) * in_arm * (1 - in_arm))
        shift = math.log(effect) * share
        df = math.nan
        if self.cluster_size is not None:
            df = self._df(left, (1 / events[0], 1 / events[1]))
        return math.exp(shift), error, df, self._power(shift, error, error, df)

    def _power(self, shift: float, null_error: float, error: float, df: float) -> float:
        """Return the power of a normal test, or of a t test where clusters set its df."""
        moved, null, spread = np.asarray(shift), np.asarray(null_error), np.asarray(error)
        if math.isnan(df):
            return float(normal_power(moved, null, spread, self.alpha, self.sides))
        return float(student_power(moved, spread, np.asarray(df), self.alpha, self.sides))

    def _risk(self, effect: float) -> float:
        """Return the risk of those treated."""
        p0 = self.control
        if self.measure == "risk_ratio":
            return p0 * effect
        if self.measure == "odds_ratio":
            return p0 * effect / (1 - p0 + p0 * effect)
        return p0 + effect

    def _size(self, arm: int) -> float | None:
        """Return the mean size that clusters of an arm have after attrition; None without."""
        if self.cluster_size is None or (arm == 1 and self.in_arm_only):
            return None
        return self.cluster_size * (1 - self.attrition[arm])

    def _inflation(self) -> tuple[float, float]:
        """Return the design effect of each arm."""
        spread = 1 + self.cluster_size_cv**2
        sizes = (self._size(0), self._size(1))
        first, second = (
            1.0 if size is None else max(1 + (spread * size - 1) * self.icc, 1 - self.icc)
            for size in sizes
        )
        return first, second

    def _df(self, left: tuple[float, float], parts: tuple[float, float]) -> float:
        """Return the degrees of freedom of a comparison, from the variance of each arm's part."""
        units = [left[i] if (size := self._size(i)) is None else left[i] / size for i in (0, 1)]
        if self.equal_sd and not self.in_arm_only:
            return units[0] + units[1] - 2
        variance = np.asarray(parts[0]), np.asarray(parts[1])
        return float(arms_df(variance, (np.asarray(units[0] - 1), np.asarray(units[1] - 1))))

    def whole(self, persons: float, *, inside: Literal["arm", "control"]) -> int:
        """Round persons up, to whole clusters where an arm has them.

        Parameters
        ----------
        persons : float
            Persons needed.
        inside : {"arm", "control"}
            The arm.

        Returns
        -------
        int
            Persons to randomise.
        """
        if self.cluster_size is None or (inside == "control" and self.in_arm_only):
            return math.ceil(persons - 1e-9)
        clusters = math.ceil(persons / self.cluster_size - 1e-9)
        return math.ceil(clusters * self.cluster_size - 1e-9)

    def least(self, allocation: float) -> int:
        """Return the fewest controls for which the power can be computed.

        Parameters
        ----------
        allocation : float
            Persons in the arm for each control.

        Returns
        -------
        int
            The number.
        """
        # Two clusters an arm, or two persons after attrition, is the least that has a variance.
        fewest = [
            2 / (1 - self.attrition[i]) if self._size(i) is None else 2 * (self.cluster_size or 1)
            for i in (0, 1)
        ]
        persons = math.ceil(max(fewest[0] / allocation, fewest[1]) + 1e-9)
        # The exact sum counts whole persons.
        return persons + math.ceil(1 / allocation) if self.exact else persons

    def search_range(self, direction: str, n: tuple[int, int]) -> tuple[float, float]:
        """Return the null and the largest effect that can be, in one direction.

        Parameters
        ----------
        direction : {"higher", "lower"}
            Where to look.
        n : (int, int)
            Persons randomised.

        Returns
        -------
        (float, float)
            The ends of the search.
        """
        up = direction == "higher"
        share = self.adherence - self.contamination
        null = -self.margin / share  # diluted it is the margin
        if self.measure == "difference":
            left = (1 - max(self.attrition)) * min(n)
            far = 200 * max(self.sd) / math.sqrt(left) / share * max(self._inflation())
            return null, (far if up else -far)
        if self.measure == "risk_difference":
            return max(null, -self.control), (1 - self.control if up else -self.control)
        if self.measure == "risk_ratio":
            return 1.0, (1 / self.control if up else 0.0)
        return 1.0, (_LARGEST_RATIO if up else 1 / _LARGEST_RATIO)

    def sentence(self) -> tuple[str, str, str]:
        """Say what is planned, how power is computed, and what takes from the information.

        Returns
        -------
        tuple of str
            Measure, method and assumptions.
        """
        how = "Exact sum over outcomes of the Miettinen-Nurminen test"
        if not self.exact:
            by_t = self.measure == "difference" or self.cluster_size is not None
            how = "Noncentral t" if by_t else "Normal approximation"
        sides = "two-sided" if self.sides == 2 else "one-sided"
        parts: list[str] = []
        if self.measure in RISKS:
            parts.append(f"risk {self.control:g} in the control arm")
        if self.cluster_size is not None:
            where = "groups" if self.in_arm_only else "clusters"
            inside = " in the arm alone" if self.in_arm_only else ""
            parts.append(f"{where} of {self.cluster_size:g}{inside}, ICC {self.icc:g}")
        if any(self.attrition):
            lost = [f"{100 * share:g} %" for share in self.attrition]
            parts.append(f"attrition {lost[0]} and {lost[1]}")
        if (self.adherence, self.contamination) != (1.0, 0.0):
            parts.append(
                f"{100 * self.adherence:g} % treated in the arm, "
                f"{100 * self.contamination:g} % in the control arm"
            )
        if self.correlation:
            parts.append(f"adjusted for covariates of correlation {self.correlation:g}")
        if self.margin:
            parts.append(f"non-inferiority, margin {self.margin:g}")
        return (
            _WORDS[self.measure],
            f"{how}, {sides} at {100 * self.alpha:g} %",
            "; ".join(parts) or "simple randomisation, everybody followed up and treated",
        )


def number(argument: str, value: object) -> float:
    """Return a finite number.

    Parameters
    ----------
    argument : str
        Name of the argument, for the message.
    value : object
        What the caller gave.

    Returns
    -------
    float
        The number.
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
        raise InputError.of(argument, required="a number", got=f"{value!r}")
    if not math.isfinite(float(value)):
        raise InputError.of(argument, required="a finite number", got=repr(value))
    return float(value)
