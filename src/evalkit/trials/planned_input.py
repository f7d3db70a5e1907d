"""Reads and checks the plan of a trial."""

from __future__ import annotations

import math
from typing import Any, cast, get_args

from evalkit.core.checks import check_choice, check_level
from evalkit.errors import InputError
from evalkit.trials.planned_design import RISKS, PlannedDesign, PlannedMeasure, number

__all__ = ["read_design"]

_ABOUT_ALL = {
    "cluster_size", "icc", "cluster_size_cv", "clusters_in", "attrition", "adherence",
    "contamination",
}  # fmt: skip
_ABOUT = {
    "difference": {"sd", "margin", "correlation"},
    "risk_difference": {"control", "margin", "correlation"},
    "risk_ratio": {"control", "correlation"},
    "odds_ratio": {"control", "correlation"},
    # Adjusting a hazard ratio for what predicts the outcome does not make it more precise.
    "hazard_ratio": {"event_share"},
}


def read_design(
    measure: str,
    *,
    level: float,
    sides: int,
    method: str,
    **given: Any,
) -> PlannedDesign:
    """Check a plan.

    Parameters
    ----------
    measure : str
        What the effect is.
    level : float
        Confidence level.
    sides : {1, 2}
        Sides of the test.
    method : {"formula", "exact"}
        How power is computed.
    **given : object
        What else the plan says, as documented in :func:`evalkit.trials.power`.

    Returns
    -------
    PlannedDesign
        The plan.

    Raises
    ------
    evalkit.errors.InputError
        If an argument is out of range, does not belong to the measure, or is needed and missing.
    """
    check_choice("measure", measure, get_args(PlannedMeasure))
    check_choice("method", method, ("formula", "exact"))
    level = check_level(level)
    if isinstance(sides, bool) or sides not in (1, 2):
        raise InputError.of("sides", required="1 or 2", got=repr(sides))
    allowed = _ABOUT_ALL | _ABOUT[measure]
    unknown = [name for name in given if name not in allowed]
    if unknown:
        raise InputError.of(
            unknown[0],
            required=f"an argument that a plan for {measure!r} has",
            got=repr(given[unknown[0]]),
            remedy=f"It has {', '.join(sorted(allowed))}.",
        )
    clustered = "cluster_size" in given
    _check_clusters(given, clustered)
    if method == "exact" and (measure not in RISKS or clustered or given.get("correlation")):
        raise InputError.of(
            "method",
            required="'formula' for means, hazards, clusters and adjusted analyses",
            got=repr(method),
            remedy="simulate_power() gives the power of any analysis.",
        )
    sd = given.get("sd", 1.0)
    margin = _within("margin", given.get("margin", 0.0), 0, math.inf)
    if margin and sides == 2:
        raise InputError.of(
            "sides", required="1 with a margin of non-inferiority", got="2", remedy="Give sides=1."
        )
    adherence = _within("adherence", given.get("adherence", 1.0), 0, 1)
    contamination = _within("contamination", given.get("contamination", 0.0), 0, 1)
    if contamination >= adherence:
        raise InputError.of(
            "contamination", required=f"below adherence ({adherence:g})", got=f"{contamination:g}"
        )
    return PlannedDesign(
        measure=measure,
        alpha=1 - level if sides == 2 else (1 - level) / 2,
        sides=sides,
        exact=method == "exact",
        sd=_pair("sd", sd, 0, math.inf, open_low=True),
        equal_sd=not isinstance(sd, (tuple, list)),
        control=_needed(given, "control", measure in RISKS)[0],
        event_share=_needed(given, "event_share", measure == "hazard_ratio"),
        correlation=_within("correlation", given.get("correlation", 0.0), -1, 1, strict=True),
        cluster_size=_within("cluster_size", given["cluster_size"], 1, math.inf)
        if clustered
        else None,
        icc=_within("icc", given.get("icc", 0.0), 0, 1),
        cluster_size_cv=_within("cluster_size_cv", given.get("cluster_size_cv", 0.0), 0, math.inf),
        in_arm_only=given.get("clusters_in", "both") == "arm",
        attrition=_pair("attrition", given.get("attrition", 0.0), 0, 1, open_high=True),
        adherence=adherence,
        contamination=contamination,
        margin=margin,
    )


def _check_clusters(given: dict[str, Any], clustered: bool) -> None:
    """Refuse what belongs to clusters without clusters, and clusters without their correlation."""
    alone = [name for name in ("icc", "cluster_size_cv", "clusters_in") if name in given]
    if alone and not clustered:
        raise InputError.of(
            "cluster_size", required=f"given together with {alone[0]}", got="nothing"
        )
    if clustered and "icc" not in given:
        raise InputError.of(
            "icc",
            required="given together with cluster_size",
            got="nothing",
            remedy="Rehabilitation groups: 0.05-0.15 is common; icc=0 plans as if nobody met.",
        )
    check_choice("clusters_in", given.get("clusters_in", "both"), ("both", "arm"))


def _needed(given: dict[str, Any], name: str, needed: bool) -> tuple[float, float]:
    """Return a share, or a pair of them, that one measure needs."""
    if not needed:
        return (math.nan, math.nan)
    if name not in given:
        raise InputError.of(name, required="a share for this measure", got="nothing")
    if name == "control" and isinstance(given[name], (tuple, list)):
        raise InputError.of(name, required="one share", got=repr(given[name]))
    return _pair(name, given[name], 0, 1, open_low=True, open_high=name == "control")


def _within(
    argument: str, value: object, low: float, high: float, *, strict: bool = False
) -> float:
    """Return a number of a range."""
    given = number(argument, value)
    if not (low < given < high if strict else low <= given <= high):
        between = f"from {low:g} to {high:g}" if math.isfinite(high) else f"of at least {low:g}"
        raise InputError.of(argument, required=f"a number {between}", got=f"{given:g}")
    return given


def _pair(
    argument: str,
    value: object,
    low: float,
    high: float,
    *,
    open_low: bool = False,
    open_high: bool = False,
) -> tuple[float, float]:
    """Return numbers for the arm and the control arm, from one or two."""
    given: list[object] = [value, value]
    if isinstance(value, (tuple, list)):
        given = list(cast("list[object]", value))
    if len(given) != 2:
        raise InputError.of(argument, required="a number, or (arm, control)", got=f"{value!r}")
    first, second = (_within(argument, item, low, high) for item in given)
    if (open_low and low in (first, second)) or (open_high and high in (first, second)):
        raise InputError.of(
            argument, required=f"strictly between {low:g} and {high:g}", got=f"{value!r}"
        )
    return first, second
