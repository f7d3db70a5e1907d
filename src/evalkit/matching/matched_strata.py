"""Matching without pairs: on strata, exact or coarsened, on subclasses, and of whole samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from evalkit.core.columns import labels, numbers
from evalkit.errors import InputError
from evalkit.kernels.coarsening import (
    both_groups,
    combine_codes,
    equal_cuts,
    interval_codes,
    quantile_codes,
    stratum_weights,
    sturges,
)
from evalkit.kernels.profile_matching import cardinality_match, profile_match
from evalkit.matching.balance_rows import covariates_of
from evalkit.typing import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from evalkit.kernels.profile_matching import Subset
    from evalkit.matching.match_requests import MatchRequest
    from evalkit.matching.treatment_sample import TreatmentSample

__all__ = ["StratumMatch", "match_samples", "match_strata", "match_subclasses"]

_TOLERANCE = 0.05
_SLACK = 1e-7


@dataclass(frozen=True, eq=False)
class StratumMatch:
    """Rows that are compared, without pairs.

    Attributes
    ----------
    weights : ndarray of float, shape (n,)
        Weights of the rows.
    subclass : ndarray of int, shape (n,)
        Stratum of each row, -1 without one.
    words : tuple of str
        The method in words.
    notes : tuple of str
        What a reader should know.
    """

    weights: FloatArray
    subclass: IntArray
    words: tuple[str, ...]
    notes: tuple[str, ...]


def match_strata(sample: TreatmentSample, request: MatchRequest) -> StratumMatch:
    """Match exactly, or on coarsened values.

    Parameters
    ----------
    sample : TreatmentSample
        The sample; strata are made of the formula's variables.
    request : MatchRequest
        What was asked for.

    Returns
    -------
    StratumMatch
        The strata with members of both groups.

    Raises
    ------
    evalkit.errors.InputError
        If there is no such stratum, or cut points are not what they must be.
    """
    if not sample.variables:
        raise InputError.of(
            "formula", required="at least one variable to match on", got=repr(sample.formula)
        )
    coded: list[IntArray] = []
    words: list[str] = []
    cutpoints = _cutpoints(sample, request.cutpoints) if request.method == "cem" else {}
    for name in sample.variables:
        if name in cutpoints:
            codes, shown = _coarse(sample, name, cutpoints[name])
            coded.append(codes)
            words.append(shown)
        else:
            coded.append(labels(sample.frame[name]).codes)
            words.append(name)
    strata = both_groups(combine_codes(coded), sample.treated)
    if not (strata >= 0).any():
        raise InputError.of(
            "formula",
            required="variables of which some combination occurs in both groups",
            got=f"none in common on {', '.join(sample.variables)}",
            remedy="Match on fewer variables, or coarsen them (method='cem').",
        )
    weights = stratum_weights(strata, sample.treated, request.estimand, sample.weights)
    n = int(strata.max()) + 1
    return StratumMatch(weights, strata, (f"{n} strata of {', '.join(words)}",), ())


def _cutpoints(sample: TreatmentSample, given: object) -> dict[str, object]:
    """Return what is to be coarsened, and how; None for Sturges's number of bins."""
    categories = set(sample.coding.levels) if sample.coding is not None else set[str]()
    numeric = [
        name
        for name in sample.variables
        if name not in categories and sample.frame[name].dtype.kind not in "bmM"
    ]
    if given is None:
        return cast("dict[str, object]", dict.fromkeys(numeric))
    if not isinstance(given, Mapping):
        return dict.fromkeys(numeric, given)
    named = dict(cast("Mapping[str, object]", given))
    wrong = [name for name in named if name not in sample.variables]
    if wrong:
        raise InputError.of(
            "cutpoints",
            required=f"for variables of the formula: {', '.join(sample.variables)}",
            got=", ".join(map(repr, wrong)),
        )
    chosen = cast("dict[str, object]", dict.fromkeys(numeric))
    chosen |= named
    return {name: value for name, value in chosen.items() if value != "exact"}


def _coarse(sample: TreatmentSample, name: str, cuts: object) -> tuple[IntArray, str]:
    """Coarsen one variable."""
    values = numbers(sample.frame, name, "cutpoints")
    bins: Any = sturges(len(values)) if cuts is None else cuts
    if isinstance(bins, Integral) and bins is not True and int(bins) >= 1:
        bins = int(bins)
        return interval_codes(values, equal_cuts(values, bins)), f"{name} ({bins} bins)"
    if isinstance(cuts, (list, tuple, np.ndarray)):
        items: list[Any] = list(cast("Any", cuts))
        if items and all(isinstance(v, Real) and np.isfinite(float(v)) for v in items):
            edges = np.array(items, dtype=np.float64)
            if (np.diff(edges) > 0).all():
                shown = ", ".join(f"{edge:g}" for edge in edges[:6])
                more = " ..." if len(edges) > 6 else ""
                return interval_codes(values, edges), f"{name} (cut at {shown}{more})"
    raise InputError.of(
        "cutpoints",
        required="a number of bins, cut points in increasing order, or 'exact'",
        got=f"{cuts!r} for {name!r}",
        remedy="A value at a cut point belongs to the interval above it.",
    )


def match_subclasses(
    sample: TreatmentSample, request: MatchRequest, score: FloatArray, keep: BoolArray
) -> StratumMatch:
    """Divide the sample into subclasses by a score.

    Parameters
    ----------
    sample : TreatmentSample
        The sample.
    request : MatchRequest
        What was asked for.
    score : ndarray of float, shape (n,)
        The score.
    keep : ndarray of bool, shape (n,)
        Who may be matched.

    Returns
    -------
    StratumMatch
        The subclasses.
    """
    inside = quantile_codes(score[keep], sample.treated[keep], request.subclasses, request.estimand)
    codes = np.full(sample.n, -1, dtype=np.int64)
    codes[keep] = inside
    n = int(inside.max()) + 1
    notes = ()
    if n < request.subclasses:
        joined = (
            f"{request.subclasses} subclasses were asked for; those that lacked a group, or an "
        )
        notes = (f"{joined}interval of scores, were joined with a neighbour: {n} are left.",)
    weights = stratum_weights(codes, sample.treated, request.estimand, sample.weights)
    return StratumMatch(weights, codes, (f"{n} subclasses",), notes)


def match_samples(sample: TreatmentSample, request: MatchRequest) -> StratumMatch:
    """Choose the largest samples whose covariate means agree.

    Parameters
    ----------
    sample : TreatmentSample
        The sample.
    request : MatchRequest
        What was asked for.

    Returns
    -------
    StratumMatch
        The chosen rows, all with weight 1 and without strata.

    Raises
    ------
    evalkit.errors.InputError
        If there are no covariates, or nobody can be chosen within the tolerance and the time.
    """
    if not sample.names:
        raise InputError.of(
            "formula", required="at least one covariate that varies", got=repr(sample.formula)
        )
    # In the order of the labels, so that who is taken of those alike does not depend on the rows'.
    order = np.argsort(sample.rank)
    rows = [(one.name, *column) for one in covariates_of(sample) for column in one.columns()]
    x = np.column_stack([values for _, _, values in rows])[order]
    treated = sample.treated[order]
    tolerance, shown = _tolerance([name for name, _, _ in rows], request.tolerance)
    scale = _scale(x, treated, request.estimand)
    x, width = x / scale, np.maximum(tolerance - _SLACK, 0.0)  # the solver may exceed it a little
    if request.method == "cardinality":
        found = cardinality_match(
            x, treated, width, ratio=int(request.ratio), seconds=request.seconds
        )
        subsets = [_check(found, request, treated)]
    else:
        whose = {"ATT": treated, "ATC": ~treated, "ATE": np.ones(len(treated), np.bool_)}
        target = x[whose[request.estimand]].mean(axis=0)
        subsets: list[Subset] = []
        for group, needed in ((treated, "ATT"), (~treated, "ATC")):
            if request.estimand != needed:
                one = profile_match(x, group, target, width, seconds=request.seconds)
                subsets.append(_check(one, request, group))
    chosen = np.zeros(sample.n, dtype=np.bool_)
    for one in subsets:
        chosen[order] |= one.chosen
    if request.method == "profile" and request.estimand != "ATE":
        chosen |= sample.treated if request.estimand == "ATT" else ~sample.treated
    notes = [
        f"Stopped after {request.seconds:g} seconds: at most {one.bound:.0f} rows could have been "
        f"chosen, {int(one.chosen.sum())} were."
        for one in subsets
        if not one.optimal
    ]
    words = [f"means within {shown} SD"]
    if request.method == "cardinality":
        words.insert(0, f"1:{int(request.ratio)}")
    none = np.full(sample.n, -1, dtype=np.int64)
    return StratumMatch(chosen.astype(np.float64), none, tuple(words), tuple(notes))


def _check(found: Subset | None, request: MatchRequest, group: BoolArray) -> Subset:
    """Refuse a choice of nobody."""
    if found is None or not (found.chosen & group).any():
        raise InputError.of(
            "tolerance",
            required="one within which somebody can be chosen",
            got=f"{request.tolerance if request.tolerance is not None else _TOLERANCE!r}, "
            + ("no choice found in time" if found is None else "which leaves nobody"),
            remedy="Widen it, use fewer covariates, or give more seconds.",
        )
    return found


def _tolerance(names: Sequence[str], given: object) -> tuple[FloatArray, str]:
    """Read the largest differences in means, for each covariate or level."""
    p, got = len(names), repr(given)
    if given is None or (isinstance(given, Real) and given is not True):
        value = _TOLERANCE if given is None else float(given)
        if 0 <= value < np.inf:
            return np.full(p, value), f"{value:g}"
    elif isinstance(given, Mapping):
        named = dict(cast("Mapping[str, Any]", given))
        wrong = [name for name in named if name not in names]
        if wrong:
            raise InputError.of(
                "tolerance",
                required=f"for covariates: {', '.join(dict.fromkeys(names))}",
                got=", ".join(map(repr, wrong)),
            )
        if all(isinstance(v, Real) and 0 <= float(v) < np.inf for v in named.values()):
            each = np.full(p, _TOLERANCE)
            for name, value in named.items():
                each[[k for k, mine in enumerate(names) if mine == name]] = float(value)
            return each, f"{each.min():g} to {each.max():g}"
    raise InputError.of(
        "tolerance",
        required="a number of at least 0, in standard deviations, or one by term",
        got=got,
    )


def _scale(x: FloatArray, treated: BoolArray, estimand: str) -> FloatArray:
    """Return the standard deviations by which differences are divided, as in the balance table."""
    binary = ((x == 0) | (x == 1)).all(axis=0)
    spreads: list[FloatArray] = []
    for part in (x[treated], x[~treated]):
        free: FloatArray = part.var(axis=0, ddof=min(1, len(part) - 1))
        spreads.append(np.where(binary, np.asarray(part.var(axis=0)), free))
    one, zero = spreads
    spread = one if estimand == "ATT" else zero if estimand == "ATC" else (one + zero) / 2
    overall = x.std(axis=0)  # for a covariate that does not vary in the group
    return np.sqrt(np.where(spread > 0, spread, np.where(overall > 0, overall**2, 1.0)))
