"""Non-inferiority and equivalence: effects compared with a margin."""

from __future__ import annotations

import math
from dataclasses import replace
from numbers import Real
from typing import TypeVar, cast

import numpy as np

from evalkit.core.checks import check_choice, check_share
from evalkit.core.results import EffectTable
from evalkit.errors import InputError
from evalkit.kernels.student import student_quantile, student_tail
from evalkit.trials.trial_result import Higher
from evalkit.typing import BoolArray, FloatArray

__all__ = ["equivalence", "non_inferiority"]

Table = TypeVar("Table", bound=EffectTable)

_CLOSE = 1e-6


def non_inferiority(result: Table, *, margin: float, higher: Higher, alpha: float = 0.025) -> Table:
    r"""Test that an arm is not worse than the control arm by a margin or more.

    Parameters
    ----------
    result : EffectTable
        Effects, such as :func:`evalkit.trials.effect_measures.effect` returns.
    margin : float
        The smallest loss that would matter: a positive difference, or for ratios the ratio
        itself, below 1 if higher is better and above 1 if it is worse (and so with probabilities
        and one half). To be fixed before the data are seen.
    higher : {"better", "worse"}
        What a higher outcome (or ratio) means.
    alpha : float, default 0.025
        Level of the one-sided test.

    Returns
    -------
    EffectTable
        The result, of the type that came, with the columns ``margin``, ``margin_statistic``,
        ``p_margin`` (one-sided) and ``conclusion``: "non-inferior" or "not shown". The other
        columns stay as they were.

    Raises
    ------
    evalkit.errors.InputError
        If the margin is on the wrong side of no effect, or the intervals are not made from
        standard errors and have another level than :math:`1 - 2\alpha`.

    Notes
    -----
    The hypothesis :math:`\theta \le -\delta` (higher is better) is rejected if
    :math:`(\hat\theta + \delta)/se` exceeds the quantile of t, which is when the interval of level
    :math:`1 - 2\alpha` lies above :math:`-\delta`; ratios on the log scale. Results whose
    intervals are not estimate plus and minus a multiple of the standard error (such as score
    intervals) are decided by the interval, and have no ``p_margin``. Leaving out those who did
    not follow the treatment is no safer here than including them: report both.

    References
    ----------
    .. [1] Piaggio G, Elbourne DR, Pocock SJ, Evans SJW, Altman DG (2012). Reporting of
       noninferiority and equivalence randomized trials. JAMA 308:2594-2604.
       doi:10.1001/jama.2012.87802

    Examples
    --------
    >>> table = EffectTable.of(
    ...     {
    ...         "contrast": "group - individual",
    ...         "estimate": 0.3,
    ...         "std_error": 0.5,
    ...         "df": 60.0,
    ...         "conf_low": -0.7002,
    ...         "conf_high": 1.3002,
    ...     },
    ...     estimand="Difference in means",
    ...     method="Welch's t test",
    ...     level=0.95,
    ...     n_used=62,
    ... )
    >>> tested = non_inferiority(table, margin=1.0, higher="better").to_frame()
    >>> tested["conclusion"].item(), round(tested["p_margin"].item(), 4)
    ('non-inferior', 0.0059)
    """
    check_choice("higher", higher, ("better", "worse"))
    alpha = check_share("alpha", alpha)
    rows = _Rows(result, alpha)
    limit = rows.margin("margin", margin, below=higher == "better")
    statistic, p_value, shown = rows.beyond(limit, above=higher == "better")
    data = result.data.assign(
        margin=float(margin),
        margin_statistic=statistic,
        p_margin=p_value,
        conclusion=np.where(shown, "non-inferior", "not shown"),
    )
    note = (
        f"Non-inferiority, margin {margin:g}, higher = {higher}, one-sided level {alpha:g}: "
        f"{_count(shown, result)}."
    )
    return replace(result, data=data, notes=(*result.notes, note, *rows.notes))


def equivalence(
    result: Table, *, margin: float | tuple[float, float], alpha: float = 0.05
) -> Table:
    r"""Test that an effect lies between two margins: two one-sided tests.

    Parameters
    ----------
    result : EffectTable
        Effects, such as :func:`evalkit.trials.effect_measures.effect` returns.
    margin : float or (float, float)
        The lower and upper margin; one number stands for minus and plus it, for ratios for its
        inverse and itself, for probabilities for one minus it and itself.
    alpha : float, default 0.05
        Level of each test; the two together have the same.

    Returns
    -------
    EffectTable
        The result, of the type that came, with the columns ``margin_low``, ``margin_high``,
        ``p_margin`` (the larger of two one-sided p-values) and ``conclusion``: "equivalent" or
        "not shown".

    Raises
    ------
    evalkit.errors.InputError
        If the margins do not lie on both sides of no effect, or the intervals are not made from
        standard errors and have another level than :math:`1 - 2\alpha`.

    Notes
    -----
    Equivalence is shown where the interval of level :math:`1 - 2\alpha` lies between the margins
    [1]_; ratios on the log scale. An effect that is not significant is not thereby equivalent.
    R: ``TOSTER::tsum_TOST``.

    References
    ----------
    .. [1] Schuirmann DJ (1987). A comparison of the two one-sided tests procedure and the power
       approach for assessing the equivalence of average bioavailability. J Pharmacokinet
       Biopharm 15:657-680. doi:10.1007/BF01068419

    Examples
    --------
    >>> table = EffectTable.of(
    ...     {"estimate": 0.1, "std_error": 0.2, "df": 80.0, "conf_low": -0.298, "conf_high": 0.498},
    ...     estimand="Difference in means",
    ...     method="Welch's t test",
    ...     level=0.95,
    ...     n_used=82,
    ... )
    >>> equivalence(table, margin=0.5).to_frame()["conclusion"].item()
    'equivalent'
    """
    alpha = check_share("alpha", alpha)
    rows = _Rows(result, alpha)
    ends = rows.both(margin)
    low = rows.margin("margin", ends[0], below=True, signed=True)
    high = rows.margin("margin", ends[1], below=False, signed=True)
    _, p_low, above = rows.beyond(low, above=True)
    _, p_high, under = rows.beyond(high, above=False)
    shown = above & under
    data = result.data.assign(
        margin_low=ends[0],
        margin_high=ends[1],
        p_margin=np.maximum(p_low, p_high),
        conclusion=np.where(shown, "equivalent", "not shown"),
    )
    note = (
        f"Equivalence, margins {ends[0]:g} to {ends[1]:g}, two one-sided tests at level "
        f"{alpha:g}: {_count(shown, result)}."
    )
    return replace(result, data=data, notes=(*result.notes, note, *rows.notes))


class _Rows:
    """The numbers of a result on the scale where no effect is 0."""

    def __init__(self, result: EffectTable, alpha: float) -> None:
        """Read the numbers, and see how the intervals were made."""
        data = result.data
        scales = {str(one) for one in data["scale"]} if "scale" in data else {"difference"}
        if len(scales) > 1 or not scales <= {"difference", "ratio", "probability"}:
            raise InputError.of(
                "result", required="effects that are all differences, ratios or probabilities",
                got=", ".join(sorted(scales)),
            )  # fmt: skip
        self.scale = scales.pop()
        names = ("estimate", "conf_low", "conf_high")
        numbers = {name: data[name].to_numpy(dtype=np.float64) for name in names}
        if self.scale == "ratio":
            with np.errstate(divide="ignore"):  # a ratio of 0 is minus infinity
                numbers = {name: np.log(values) for name, values in numbers.items()}
        self.estimate = numbers["estimate"]
        self.low, self.high = numbers["conf_low"], numbers["conf_high"]
        self.error = data["std_error"].to_numpy(dtype=np.float64)
        df = data["df"].to_numpy(dtype=np.float64)
        self.df = np.where(np.isnan(df), np.inf, df)
        self.alpha = alpha
        self.notes: list[str] = []
        self.wald = self._made_of_errors(result.level)
        if not self.wald:
            if abs(result.level - (1 - 2 * alpha)) > 1e-9:
                raise InputError.of(
                    "result",
                    required=f"made with level={1 - 2 * alpha:g}, because its intervals are not "
                    "made from standard errors",
                    got=f"level={result.level:g}",
                    remedy="Estimate the effect with that level, or choose another alpha.",
                )
            self.notes.append("Decided by the interval, which is not made from standard errors.")

    def _made_of_errors(self, level: float) -> bool:
        """Say whether the limits are the estimate plus and minus a multiple of its error."""
        reach = student_quantile(level, self.df) * self.error
        off = np.abs(np.concatenate([self.estimate - reach - self.low,
                                     self.estimate + reach - self.high]))  # fmt: skip
        # The limits may have been rounded for print, but not to less than a thousandth.
        return bool(np.all(off <= 1e-3 * np.concatenate([reach, reach]) + _CLOSE))

    def margin(self, name: str, value: object, *, below: bool, signed: bool = False) -> float:
        """Return a margin on the scale where no effect is 0, from the side it belongs to."""
        number = float(value) if isinstance(value, Real) else math.nan
        if self.scale == "ratio":
            fits = 0 < number < 1 if below else number > 1
            words = "a ratio below 1" if below else "a ratio above 1"
            limit = math.log(number) if number > 0 else math.nan
        elif self.scale == "probability":
            fits = 0 < number < 0.5 if below else 0.5 < number < 1
            words = f"a probability {'below' if below else 'above'} one half"
            limit = number
        elif signed:
            fits = number < 0 if below else number > 0
            words = "below 0 for the lower margin" if below else "above 0 for the upper margin"
            limit = number
        else:
            fits, words = number > 0, "a difference above 0"
            limit = -number if below else number
        if not fits or not math.isfinite(number):
            raise InputError.of(name, required=words, got=repr(value))
        return limit

    def both(self, margin: float | tuple[float, float]) -> tuple[float, float]:
        """Return the two margins that an argument stands for."""
        shown = repr(margin)
        if isinstance(margin, tuple):
            given = cast("tuple[object, ...]", margin)
            if len(given) == 2 and isinstance(given[0], Real) and isinstance(given[1], Real):
                return float(given[0]), float(given[1])
        elif isinstance(margin, Real):
            number = float(margin)
            if self.scale == "ratio":
                return (1 / number if number > 0 else math.nan), number
            return (1 - number if self.scale == "probability" else -number), number
        raise InputError.of("margin", required="a number or two of them", got=shown)

    def beyond(self, limit: float, *, above: bool) -> tuple[FloatArray, FloatArray, BoolArray]:
        """Test that the effects lie above a limit, or below it."""
        sign = 1.0 if above else -1.0
        if not self.wald:
            nothing = np.full(len(self.estimate), np.nan)
            shown = self.low > limit if above else self.high < limit
            return nothing, nothing, shown
        there = np.where(self.error > 0, self.error, np.nan)
        statistic = (self.estimate - limit) / there
        p_value = student_tail(sign * statistic, self.df)
        return statistic, p_value, p_value < self.alpha


def _count(shown: BoolArray, result: EffectTable) -> str:
    """Say for which effects it was shown."""
    if len(shown) == 1:
        return "shown" if shown[0] else "not shown"
    named = [str(one) for one in result.data["contrast"]]
    if len(set(named)) < len(named):
        return f"shown for {int(shown.sum())} of {len(shown)}"
    found = [name for name, one in zip(named, shown, strict=True) if one]
    return f"shown for {', '.join(found) or 'none'}"
