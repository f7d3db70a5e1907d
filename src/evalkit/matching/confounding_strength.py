"""The E-value: how strongly an unobserved confounder must act to explain an estimate away."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Literal

import numpy as np

from evalkit.core.checks import check_choice
from evalkit.core.printing import html_table, text_block
from evalkit.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["EValue", "e_value"]

Measure = Literal["risk_ratio", "odds_ratio", "hazard_ratio", "difference"]
_MEASURES = ("risk_ratio", "odds_ratio", "hazard_ratio", "difference")
_FAR = 300.0  # beyond it exp(2 x) has no place in a float
_PER_SD = 0.91  # log risk ratio per standard deviation, by Chinn and VanderWeele


@dataclass(frozen=True, eq=False, repr=False)
class EValue:
    """How strong a confounder must be; build one with :func:`e_value`.

    Parameters
    ----------
    risk_ratio : float
        The estimate as a risk ratio against the value asked about.
    estimate : float
        E-value of the estimate.
    limit : float
        E-value of the confidence limit nearest to that value; 1 if the interval holds it, NaN
        without limits.
    how : str
        How the estimate became a risk ratio.
    """

    risk_ratio: float
    estimate: float
    limit: float
    how: str

    def to_frame(self) -> pd.DataFrame:
        """Return the numbers.

        Returns
        -------
        pandas.DataFrame
            One row: ``risk_ratio, e_value, e_value_limit``.
        """
        import pandas as pd

        return pd.DataFrame([{
            "risk_ratio": self.risk_ratio, "e_value": self.estimate, "e_value_limit": self.limit
        }])  # fmt: skip

    def __repr__(self) -> str:
        """Show the E-value in plain text."""
        return text_block(self._head(), self.to_frame(), self._notes())

    def _repr_html_(self) -> str:
        """Show the E-value in a notebook."""
        return html_table(self._head(), self.to_frame(), self._notes())

    def _head(self) -> list[str]:
        """Say what is shown."""
        return ["E-value: sensitivity to a confounder that was not observed", self.how]

    def _notes(self) -> list[str]:
        """Say in words what it means."""
        said = f"raise both taking part and the outcome {self.estimate:.2f}-fold (risk ratios)"
        return [
            f"A confounder would have to {said}, beyond what was adjusted for, to explain it away."
        ]


def e_value(
    estimate: float,
    conf_low: float | None = None,
    conf_high: float | None = None,
    *,
    measure: Measure = "risk_ratio",
    rare: bool | None = None,
    sd: float | None = None,
    null: float | None = None,
) -> EValue:
    r"""Compute the E-value of an estimate and of its confidence limit.

    Answers "how strongly would something unobserved have to be linked with both taking part and
    the outcome to explain this away?", on the scale of risk ratios.

    Parameters
    ----------
    estimate : float
        The estimate: a ratio, or a difference in means.
    conf_low, conf_high : float, optional
        Its confidence limits, both or neither. The result asks about the nearer to ``null``.
    measure : {"risk_ratio", "odds_ratio", "hazard_ratio", "difference"}, default "risk_ratio"
        What it is. Ratios of rates and of means of positive outcomes count as risk ratios.
    rare : bool, optional
        For odds and hazard ratios: whether fewer than about 15 in 100 have the outcome by the
        end. They then are near risk ratios, and otherwise are transformed. Must be said.
    sd : float, optional
        For differences: standard deviation of the outcome, such as the pooled one. Needed.
    null : float, optional
        The value that is asked about; no effect (1, or 0 for differences) if left out.

    Returns
    -------
    EValue
        ``.estimate``, ``.limit``.

    Raises
    ------
    evalkit.errors.InputError
        If a ratio is not positive, the estimate lies outside its limits, one limit is missing, or
        ``rare`` or ``sd`` does not belong to the measure or is missing.

    Notes
    -----
    With RR above 1 (else its inverse), :math:`E = RR + \sqrt{RR (RR - 1)}`. Odds ratios of common
    outcomes become :math:`\sqrt{OR}`, hazard ratios
    :math:`(1 - 0.5^{\sqrt{HR}})/(1 - 0.5^{\sqrt{1/HR}})`, differences d in standard deviations
    :math:`e^{0.91 d}`, limits likewise. For a value other than no effect RR is the ratio of the
    two.

    References
    ----------
    VanderWeele and Ding (2017). Sensitivity analysis in observational research: introducing the
    E-value. Ann Intern Med 167:268-274. doi:10.7326/M16-2607. In R: ``EValue::evalue``.

    Examples
    --------
    >>> found = e_value(3.9, 1.8, 8.7)
    >>> round(found.estimate, 2), round(found.limit, 2)
    (7.26, 3.0)
    """
    check_choice("measure", measure, _MEASURES)
    given = {"estimate": estimate, "conf_low": conf_low, "conf_high": conf_high, "sd": sd,
             "null": null}  # fmt: skip
    for name, number in given.items():
        if isinstance(number, bool) or not isinstance(number, Real | None):
            raise InputError.of(name, required="a number", got=repr(number))
    common = _settle(measure, rare, sd)
    ends = _limits(estimate, conf_low, conf_high)
    nothing = 0.0 if measure == "difference" else 1.0
    aim = nothing if null is None else null
    against = _risk_ratio("null", aim, measure, common, sd)
    ratio = _risk_ratio("estimate", estimate, measure, common, sd) / against
    limit = np.nan
    if ends is not None:
        low, high = (
            _risk_ratio(name, end, measure, common, sd) / against
            for name, end in zip(("conf_low", "conf_high"), ends, strict=True)
        )
        limit = 1.0 if low <= 1 <= high else _e(low if low > 1 else high)
    how = {
        "risk_ratio": "The estimate is a risk ratio.",
        "odds_ratio": f"The odds ratio {'was square-rooted' if common else 'counts'} as a risk "
        f"ratio: the outcome is {'common' if common else 'rare'}.",
        "hazard_ratio": f"The hazard ratio {'was transformed to' if common else 'counts as'} a "
        f"risk ratio: the outcome is {'common' if common else 'rare'}.",
        "difference": "The difference in standard deviations, d, counts as the risk ratio "
        "exp(0.91 d).",
    }[measure]
    return EValue(ratio, _e(ratio), limit, how)


def _settle(measure: str, rare: bool | None, sd: float | None) -> bool:
    """Say whether a ratio must be transformed, and refuse what does not belong."""
    ratio = measure in ("odds_ratio", "hazard_ratio")
    if ratio != isinstance(rare, bool) or (rare is not None and not ratio):
        raise InputError.of(
            "rare",
            required="True or False for odds and hazard ratios, and left out otherwise",
            got=f"{rare!r} with measure={measure!r}",
            remedy="It decides how the ratio becomes a risk ratio: rare=True if fewer than 15 in "
            "100 have the outcome." if ratio else "",
        )  # fmt: skip
    if (measure == "difference") != (sd is not None):
        raise InputError.of(
            "sd",
            required="the outcome's standard deviation for differences, and left out otherwise",
            got=f"{sd!r} with measure={measure!r}",
        )
    if sd is not None and not (np.isfinite(sd) and sd > 0):
        raise InputError.of("sd", required="positive", got=sd)
    return ratio and not rare


def _limits(estimate: float, low: float | None, high: float | None) -> tuple[float, float] | None:
    """Check that limits come both or not at all, and surround the estimate."""
    if low is None and high is None:
        return None
    if low is None or high is None:
        raise InputError.of(
            "conf_low", required="given together with conf_high", got=f"{low!r} and {high!r}"
        )
    if not low <= estimate <= high:
        raise InputError.of(
            "estimate", required=f"between its limits {low:g} and {high:g}", got=f"{estimate}"
        )
    return low, high


def _risk_ratio(name: str, value: float, measure: str, common: bool, sd: float | None) -> float:
    """Turn a value into a risk ratio."""
    if measure == "difference":
        if not np.isfinite(value):
            raise InputError.of(name, required="a finite number", got=value)
        scaled = _PER_SD * value / (1.0 if sd is None else sd)
        if abs(scaled) > _FAR:
            raise InputError.of(
                name, required="within some hundred standard deviations", got=value,
                remedy="Is sd that of the outcome?",
            )  # fmt: skip
        return float(np.exp(scaled))
    if not (np.isfinite(value) and value > 0):
        raise InputError.of(
            name, required="a positive ratio", got=value,
            remedy="Exponentiate it if it is a logarithm.",
        )  # fmt: skip
    if not common:
        return float(value)
    if measure == "odds_ratio":
        return float(np.sqrt(value))
    return float((1 - 0.5 ** np.sqrt(value)) / (1 - 0.5 ** np.sqrt(1 / value)))


def _e(ratio: float) -> float:
    """Return the E-value of a risk ratio."""
    larger = max(ratio, 1 / ratio)
    return larger + float(np.sqrt(larger * (larger - 1)))
