"""What a call of ``match`` asks for: checked, and refused where the method would not use it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Literal, TypeAlias, cast

import numpy as np

from evalkit.core.checks import check_choice
from evalkit.core.columns import as_names
from evalkit.errors import InputError
from evalkit.kernels.coarsening import Target
from evalkit.matching.common_support import check_discard

__all__ = ["MatchRequest", "Method", "Order", "read_request"]

Method: TypeAlias = Literal[
    "nearest", "optimal", "full", "exact", "cem", "subclass", "cardinality", "profile"
]
"""How people are matched."""

Order: TypeAlias = Literal["largest", "smallest", "closest", "random", "data"]
"""Who chooses first."""

METHODS = ("nearest", "optimal", "full", "exact", "cem", "subclass", "cardinality", "profile")
ORDERS = ("largest", "smallest", "closest", "random", "data")

# What is left as it is by default, and the methods that use it.
_PAIRING = {"nearest", "optimal", "full"}
_DEFAULTS: dict[str, tuple[object, set[str]]] = {
    "distance": (None, {*_PAIRING, "subclass"}),
    "link": ("logit", {*_PAIRING, "subclass"}),
    "firth": (False, {*_PAIRING, "subclass"}),
    "ratio": (1, {"nearest", "optimal", "cardinality"}),
    "ratio_limits": (None, {"nearest", "full"}),
    "replace": (False, {"nearest"}),
    "reuse_max": (None, {"nearest"}),
    "caliper": (None, _PAIRING),
    "std_caliper": (True, _PAIRING),
    "exact": (None, _PAIRING),
    "antiexact": (None, _PAIRING),
    "order": (None, {"nearest"}),
    "discard": ("none", {*_PAIRING, "subclass"}),
    "subclasses": (None, {"subclass"}),
    "cutpoints": (None, {"cem"}),
    "tolerance": (None, {"cardinality", "profile"}),
    "seconds": (None, {"cardinality", "profile"}),
    "survey_weights": (None, {*_PAIRING, "exact", "cem", "subclass"}),
    "rng": (None, {"nearest"}),
}


@dataclass(frozen=True, eq=False)
class MatchRequest:
    """A checked request.

    Attributes
    ----------
    method : str
        The method.
    estimand : {"ATT", "ATC", "ATE"}
        Over whom effects are to be averaged.
    distance : object
        The distance; "propensity" unless another was given.
    link : {"logit", "probit", "cloglog"}
        Link of the propensity score.
    firth : bool
        Whether its likelihood is penalised.
    ratio : float
        Candidates for each unit.
    ratio_limits : tuple of float or None
        Fewest and most.
    replace : bool
        Whether candidates may be used again.
    reuse : int
        How often each may be used; 0 for any number.
    calipers : dict of str to float
        Caliper of the distance ("distance"), the propensity score ("propensity") and covariates.
    std_caliper : bool
        Whether calipers are in standard deviations.
    exact, antiexact : list of str
        Columns on which pairs must agree, and must differ.
    order : str or None
        Who chooses first; None for the method's own.
    discard : str
        Rule of the common support.
    limits : tuple of float or None
        Its limits, if they were given.
    subclasses : int
        Number of subclasses.
    cutpoints : object
        Cut points of coarsened exact matching.
    tolerance : object
        Largest differences in means, in standard deviations.
    seconds : float
        Time for integer programs.
    """

    method: str
    estimand: Target
    distance: object
    link: Any
    firth: bool
    ratio: float
    ratio_limits: tuple[float, float] | None
    replace: bool
    reuse: int
    calipers: dict[str, float]
    std_caliper: bool
    exact: list[str]
    antiexact: list[str]
    order: str | None
    discard: str
    limits: tuple[float, float] | None
    subclasses: int
    cutpoints: object
    tolerance: object
    seconds: float

    @property
    def columns(self) -> list[str]:
        """Columns beyond the formula's that must not be missing."""
        named = [name for name in self.calipers if name not in ("distance", "propensity")]
        return list(dict.fromkeys([*self.exact, *self.antiexact, *named]))


def read_request(method: object, estimand: object, given: Mapping[str, Any]) -> MatchRequest:
    """Check the arguments of a call, and refuse those that the method does not use.

    Parameters
    ----------
    method, estimand : object
        As the caller gave them.
    given : mapping of str to object
        The other arguments by name.

    Returns
    -------
    MatchRequest
        The request.

    Raises
    ------
    evalkit.errors.InputError
        If an argument is not what it must be, or would not be used.
    """
    name = check_choice("method", method, METHODS)
    allowed = ("ATT", "ATC") if name in ("nearest", "optimal") else ("ATT", "ATC", "ATE")
    if estimand == "ATE" and "ATE" not in allowed:
        raise InputError.of(
            "estimand",
            required=f"'ATT' or 'ATC' for method={name!r}, which finds partners for one group",
            got="'ATE'",
            remedy="Use method='full', 'subclass', 'cem' or 'exact', or weight(estimand='ATE').",
        )
    target = cast("Target", check_choice("estimand", estimand, allowed))
    _refuse_unused(name, given)
    replace = _flag("replace", given["replace"])
    reuse_max = given["reuse_max"]
    if reuse_max is not None and not replace:
        raise InputError.of(
            "reuse_max",
            required="left out without replacement",
            got=repr(reuse_max),
            remedy="Add replace=True.",
        )
    order = given["order"]
    if order is not None:
        check_choice("order", order, ORDERS)
    if given["rng"] is not None and order != "random":
        raise InputError.of(
            "rng", required="left out unless order='random'", got=repr(given["rng"])
        )
    discard, limits = check_discard(given["discard"])
    calipers = _calipers(given["caliper"], given["distance"])
    if not _flag("std_caliper", given["std_caliper"]) and not calipers:
        raise InputError.of("std_caliper", required="left out without a caliper", got="False")
    exact, antiexact = as_names(given["exact"]), as_names(given["antiexact"])
    both = [column for column in exact if column in antiexact]
    if both:
        raise InputError.of(
            "antiexact", required="other columns than exact", got=", ".join(map(repr, both))
        )
    return MatchRequest(
        method=name,
        estimand=target,
        distance="propensity" if given["distance"] is None else given["distance"],
        link=check_choice("link", given["link"], ("logit", "probit", "cloglog")),
        firth=_firth(given),
        ratio=_ratio(given["ratio"], whole=given["ratio_limits"] is None),
        ratio_limits=_limits(given["ratio_limits"], given["ratio"], name),
        replace=replace,
        reuse=(0 if reuse_max is None else _whole("reuse_max", reuse_max)) if replace else 1,
        calipers=calipers,
        std_caliper=bool(given["std_caliper"]),
        exact=exact,
        antiexact=antiexact,
        order=order,
        discard=discard,
        limits=limits,
        subclasses=5 if given["subclasses"] is None else _whole("subclasses", given["subclasses"]),
        cutpoints=given["cutpoints"],
        tolerance=given["tolerance"],
        seconds=60.0 if given["seconds"] is None else _positive("seconds", given["seconds"]),
    )


def _refuse_unused(method: str, given: Mapping[str, Any]) -> None:
    """Refuse arguments that the method would ignore."""
    for argument, (default, users) in _DEFAULTS.items():
        value = given[argument]
        same = value is default or (isinstance(value, (str, int)) and value == default)
        if not same and method not in users:
            large = hasattr(value, "dtype") or hasattr(value, "columns") or callable(value)
            shown = f"a {type(value).__name__}" if large else repr(value)
            raise InputError.of(
                argument,
                required=f"left out for method={method!r}, which does not use it",
                got=shown,
                remedy=f"It is used by {', '.join(map(repr, sorted(users)))}.",
            )


def _flag(argument: str, value: object) -> bool:
    """Check a yes or no."""
    got = repr(value)
    if not isinstance(value, (bool, np.bool_)):
        raise InputError.of(argument, required="True or False", got=got)
    return bool(cast("Any", value))


def _firth(given: Mapping[str, Any]) -> bool:
    """Check the penalty, which is that of the logit."""
    firth = _flag("firth", given["firth"])
    if firth and given["link"] != "logit":
        raise InputError.of("firth", required="False unless link='logit'", got="True")
    return firth


def _whole(argument: str, value: object, least: int = 1) -> int:
    """Check a whole number."""
    got = repr(value)
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Integral) or int(value) < least:
        raise InputError.of(argument, required=f"a whole number of at least {least}", got=got)
    return int(value)


def _positive(argument: str, value: object) -> float:
    """Check a positive number."""
    if not isinstance(value, Real) or not 0 < float(value) < np.inf:
        raise InputError.of(argument, required="a positive number", got=repr(value))
    return float(value)


def _ratio(value: object, *, whole: bool) -> float:
    """Check the number of candidates for each unit; on average if it varies."""
    if whole:
        return float(_whole("ratio", value))
    ratio = _positive("ratio", value)
    if ratio < 1:
        raise InputError.of("ratio", required="at least 1", got=repr(value))
    return ratio


def _limits(value: object, ratio: object, method: str) -> tuple[float, float] | None:
    """Check the fewest and the most candidates."""
    got = repr(value)
    if value is None:
        return None
    pair = tuple(cast("Any", value)) if isinstance(value, (tuple, list)) else ()
    if len(pair) != 2 or not all(isinstance(v, Real) for v in pair):
        raise InputError.of("ratio_limits", required="a pair such as (1, 4)", got=got)
    low, high = float(pair[0]), float(pair[1])
    least = 1 / low if 0 < low < 1 and method == "full" else low
    whole = np.isinf(high) and method == "full"
    if not (low > 0 and abs(least - round(least)) < 1e-9 and (whole or high == round(high))):
        raise InputError.of(
            "ratio_limits",
            required="whole numbers, or for full matching a fraction such as 1/3 first",
            got=got,
        )
    if high < max(low, 1) or (method == "nearest" and not low < float(cast("Any", ratio)) < high):
        raise InputError.of(
            "ratio_limits",
            required="(fewest, most)" + (" around ratio" if method == "nearest" else ""),
            got=f"{got}" + (f" with ratio={ratio!r}" if method == "nearest" else ""),
        )
    return low, high


def _calipers(value: object, distance: object) -> dict[str, float]:
    """Check one caliper of the distance, or several by name."""
    if value is None:
        return {}
    named: dict[Any, object] = (
        dict(cast("Mapping[Any, object]", value))
        if isinstance(value, Mapping)
        else {"distance": value}
    )
    for name, width in named.items():
        if not isinstance(name, str):
            raise InputError.of("caliper", required="widths by column name", got=repr(name))
        if isinstance(width, bool) or not isinstance(width, Real) or not 0 <= float(width) < np.inf:
            raise InputError.of(
                "caliper",
                required="a number of at least 0, or a mapping of columns to such numbers",
                got=f"{width!r} for {name!r}",
            )
    is_score = distance is None or (isinstance(distance, str) and distance == "propensity")
    if "propensity" in named and is_score:
        if "distance" in named:
            raise InputError.of(
                "caliper",
                required="one caliper on the propensity score",
                got="both 'distance' and 'propensity'",
            )
        named["distance"] = named.pop("propensity")
    return {name: float(cast("Any", width)) for name, width in named.items()}
