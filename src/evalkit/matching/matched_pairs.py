"""Matching that makes pairs and sets: nearest, optimal and full, from a frame's columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from evalkit.core.columns import cross, labels, numbers, refuse_rows
from evalkit.errors import InputError
from evalkit.kernels.coarsening import pair_weights, stratum_weights
from evalkit.kernels.greedy_matching import Pairs, greedy_match, variable_quota
from evalkit.kernels.optimal_matching import full_match, optimal_match
from evalkit.kernels.pair_space import PairRules, PairSpace
from evalkit.kernels.vector_matching import vector_match
from evalkit.matching.common_support import support_text
from evalkit.typing import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from evalkit.matching.distances import Distances
    from evalkit.matching.match_requests import MatchRequest
    from evalkit.matching.treatment_sample import TreatmentSample

__all__ = ["PairMatch", "match_pairs"]


@dataclass(frozen=True, eq=False)
class PairMatch:
    """Pairs, in rows of the sample.

    Attributes
    ----------
    weights : ndarray of float, shape (n,)
        Weights of the rows.
    subclass : ndarray of int, shape (n,)
        Set of each row, -1 without one.
    pair_rows : ndarray of int, shape (m, 3)
        Treated, control and set of every pair.
    distance : ndarray of float, shape (m,)
        Distance of every pair.
    words : tuple of str
        Calipers and rules in words.
    notes : tuple of str
        What a reader should know.
    """

    weights: FloatArray
    subclass: IntArray
    pair_rows: IntArray
    distance: FloatArray
    words: tuple[str, ...]
    notes: tuple[str, ...]


def match_pairs(
    sample: TreatmentSample,
    request: MatchRequest,
    distances: Distances,
    propensity: FloatArray | None,
    keep: BoolArray,
    rng: np.random.Generator | None,
) -> PairMatch:
    """Match in pairs or sets.

    Parameters
    ----------
    sample : TreatmentSample
        The sample.
    request : MatchRequest
        What was asked for.
    distances : Distances
        The distance.
    propensity : ndarray of float, shape (n,), or None
        Propensity scores, for a caliper on them beside another distance, and for an order.
    keep : ndarray of bool, shape (n,)
        Who may be matched.
    rng : numpy.random.Generator or None
        Source of randomness, for a random order.

    Returns
    -------
    PairMatch
        The pairs.

    Raises
    ------
    evalkit.errors.InputError
        If nobody can be matched, or an order or caliper has nothing to go by.
    """
    focal_group = sample.treated if request.estimand != "ATC" else ~sample.treated
    in_data_order = request.order == "data" or sample.frame.index.is_monotonic_increasing
    rows = np.arange(sample.n) if in_data_order else np.argsort(sample.rank)
    focal = rows[(focal_group & keep)[rows]]
    other = rows[(~focal_group & keep)[rows]]
    strata, levels = _strata(sample, request.exact)
    rules, words = _rules(sample, request, focal, other, propensity)
    caliper, caliper_words = _caliper(request, distances)
    words = [*caliper_words, *words]
    space = PairSpace(
        *_values(sample, distances, focal, other, transpose=request.estimand == "ATC"),
        None if strata is None else strata[focal],
        None if strata is None else strata[other],
        caliper=caliper,
        rules=rules,
    )
    if request.exact:
        words.append(f"exact on {', '.join(request.exact)}")
    if request.antiexact:
        words.append(f"different in {', '.join(request.antiexact)}")
    notes: list[str] = []
    if request.method != "full" and request.reuse == 1:
        notes += _shortages(strata, levels, focal, other, request)
    if request.method == "nearest":
        pairs = _nearest(request, space, distances.score, propensity, focal, rng)
    elif request.method == "optimal":
        pairs = optimal_match(space, int(request.ratio))
    else:
        pairs = _full(request, space)
    if not len(pairs):
        score = distances.score
        raise InputError.of(
            "df",
            required="at least one pair within the calipers and strata",
            got="none" + ("" if score is None else f"; {support_text(score, sample.treated)}"),
            remedy="Widen the caliper, or match on fewer columns.",
        )
    return _finish(sample, request, pairs, focal, other, words, notes)


def _values(
    sample: TreatmentSample,
    distances: Distances,
    focal: IntArray,
    other: IntArray,
    *,
    transpose: bool,
) -> tuple[FloatArray, FloatArray | None]:
    """Return scores, points or the table of those who are matched."""
    if distances.score is not None:
        return distances.score[focal], distances.score[other]
    if distances.points is not None:
        return distances.points[focal], distances.points[other]
    assert distances.table is not None
    place = np.where(sample.treated, np.cumsum(sample.treated), np.cumsum(~sample.treated)) - 1
    table = distances.table.T if transpose else distances.table
    return table[np.ix_(place[focal], place[other])], None


def _strata(
    sample: TreatmentSample, exact: Sequence[str]
) -> tuple[IntArray | None, tuple[object, ...]]:
    """Code the strata within which pairs are made."""
    coded = [labels(sample.frame[name]) for name in exact]
    return cross(coded, slice(None), single=False)


def _rules(
    sample: TreatmentSample,
    request: MatchRequest,
    focal: IntArray,
    other: IntArray,
    propensity: FloatArray | None,
) -> tuple[PairRules, list[str]]:
    """Read the variables on which pairs must differ, or may not differ much."""
    apart = [labels(sample.frame[name]).codes for name in request.antiexact]
    windows: list[FloatArray] = []
    widths: list[float] = []
    words: list[str] = []
    for name, size in request.calipers.items():
        if name == "distance":
            continue
        if name == "propensity":
            assert propensity is not None  # it was fitted for this
            values = propensity
        else:
            values = numbers(sample.frame, name, "caliper")
            refuse_rows(sample.frame, ~np.isfinite(values), "caliper", name, "finite", None)
        width, shown = _width(name, values, size, request.std_caliper)
        windows.append(values)
        widths.append(width)
        words.append(f"caliper {shown} on {name}")
    # The narrowest window beside its spread goes first: candidates are sorted by it.
    order = sorted(range(len(widths)), key=lambda k: widths[k] / (float(windows[k].std()) or 1.0))
    rules = PairRules(
        tuple(codes[focal] for codes in apart),
        tuple(codes[other] for codes in apart),
        tuple(windows[k][focal] for k in order),
        tuple(windows[k][other] for k in order),
        tuple(widths[k] for k in order),
    )
    return rules, words


def _width(name: str, values: FloatArray, size: float, standard: bool) -> tuple[float, str]:
    """Return a caliper in the variable's own units, and in words."""
    if not standard:
        return size, f"{size:g}"
    spread = float(values.std(ddof=1))
    if not spread > 0:
        raise InputError.of(
            "caliper", required="on a variable that varies", got=f"{name!r}, which does not"
        )
    return size * spread, f"{size:g} SD = {size * spread:.4g}"


def _caliper(request: MatchRequest, distances: Distances) -> tuple[float, list[str]]:
    """Return the caliper of the distance in its own units."""
    size = request.calipers.get("distance")
    if size is None:
        return np.inf, []
    if distances.score is not None:
        width, shown = _width("distance", distances.score, size, request.std_caliper)
        return width, [f"caliper {shown}"]
    if distances.table is not None and request.std_caliper:
        raise InputError.of(
            "std_caliper",
            required="False for distances that are given: their caliper is in their own units",
            got="True",
        )
    return size, [f"caliper {size:g}"]  # Mahalanobis's distance is in standard deviations


def _shortages(
    strata: IntArray | None,
    levels: tuple[object, ...],
    focal: IntArray,
    other: IntArray,
    request: MatchRequest,
) -> list[str]:
    """List the strata with fewer candidates than units that look for one."""
    who = (
        ("participants", "controls") if request.estimand != "ATC" else ("controls", "participants")
    )
    if strata is None:
        if len(other) >= len(focal):
            return []
        return [
            f"Fewer {who[1]} ({len(other)}) than {who[0]} ({len(focal)}): not all can be matched."
        ]
    wanted = np.bincount(strata[focal], minlength=len(levels))
    there = np.bincount(strata[other], minlength=len(levels))
    short = np.flatnonzero(there < wanted)
    if not len(short):
        return []
    shown: list[str] = []
    for k in short[:5].tolist():
        values = cast("tuple[object, ...]", levels[k])
        named = [f"{name} {value}" for name, value in zip(request.exact, values, strict=True)]
        shown.append(f"{', '.join(named)} ({there[k]} for {wanted[k]})")
    more = f" and {len(short) - 5} more" if len(short) > 5 else ""
    where = "1 stratum" if len(short) == 1 else f"{len(short)} strata"
    return [f"Fewer {who[1]} than {who[0]} in {where}: {'; '.join(shown)}{more}."]


def _nearest(
    request: MatchRequest,
    space: PairSpace,
    score: FloatArray | None,
    propensity: FloatArray | None,
    focal: IntArray,
    rng: np.random.Generator | None,
) -> Pairs:
    """Match greedily, in the order asked for."""
    n1 = space.n_focal
    own = score if score is not None else propensity
    # Whoever is hardest to match chooses first: the highest scores among participants, the lowest
    # among the others.
    hardest = "largest" if request.estimand == "ATT" else "smallest"
    wanted = request.order or (hardest if score is not None else "closest")
    if own is None and (wanted in ("largest", "smallest") or request.ratio_limits):
        raise InputError.of(
            "order" if request.ratio_limits is None else "ratio_limits",
            required="used with a score: distance='propensity', or a caliper on 'propensity'",
            got=repr(request.order if request.ratio_limits is None else request.ratio_limits),
        )
    mine = np.zeros(n1) if own is None else own[focal]
    order: IntArray | None = np.arange(n1)
    if wanted == "closest":
        order = None
    elif wanted == "random":
        assert rng is not None  # resolved for this order
        order = rng.permutation(n1)
    elif wanted != "data":
        order = np.argsort(-mine if wanted == "largest" else mine, kind="stable")
    if request.ratio_limits is None:
        quota = np.full(n1, int(request.ratio), dtype=np.int64)
    else:
        low, high = (int(v) for v in request.ratio_limits)
        towards = mine if request.estimand == "ATT" else -mine
        quota = variable_quota(towards, request.ratio, low, high)
    search = greedy_match if space.on_a_line else vector_match
    return search(space, quota, order=order, reuse=request.reuse)


def _full(request: MatchRequest, space: PairSpace) -> Pairs:
    """Match everybody in sets."""
    low, high = request.ratio_limits or (0.0, np.inf)
    if request.ratio_limits is None:
        found = full_match(space)
    else:
        shared = 1.0 if low >= 1 else float(round(1 / low))
        found = full_match(space, most_others=high, most_focal=shared, least=max(int(low), 1))
    if found is None:
        raise InputError.of(
            "ratio_limits",
            required="limits that everybody within the calipers can be divided by",
            got=repr(request.ratio_limits),
            remedy="Widen them: sets of up to that many cannot hold everybody.",
        )
    return found


def _finish(
    sample: TreatmentSample,
    request: MatchRequest,
    pairs: Pairs,
    focal: IntArray,
    other: IntArray,
    words: list[str],
    notes: list[str],
) -> PairMatch:
    """Weigh the rows, and number the sets in the order of their rows."""
    one, zero = focal[pairs.focal], other[pairs.other]
    shared = np.bincount(pairs.focal, minlength=len(focal))[pairs.focal] == 1
    shared &= np.bincount(pairs.other, minlength=len(other))[pairs.other] > 1
    center = np.where(shared, sample.n + pairs.other, pairs.focal)
    if request.method != "full":
        center = pairs.focal
    _, first, code = np.unique(center, return_index=True, return_inverse=True)
    number = np.empty(len(first), dtype=np.int64)
    number[np.argsort(first, kind="stable")] = np.arange(len(first))
    sets = number[code]
    subclass = np.full(sample.n, -1, dtype=np.int64)
    if not request.replace:
        subclass[one] = subclass[zero] = sets
    if request.method == "full":
        weights = stratum_weights(subclass, sample.treated, request.estimand, sample.weights)
    else:
        survey = None if sample.weights is None else (sample.weights[focal], sample.weights[other])
        mine, theirs = pair_weights(pairs.focal, pairs.other, len(focal), len(other), survey)
        weights = np.zeros(sample.n)
        weights[focal], weights[other] = mine, theirs
    treated, control = (zero, one) if request.estimand == "ATC" else (one, zero)
    notes += _shortfall(request, pairs)
    if request.replace:
        times = np.bincount(pairs.other)
        again = int((times > 1).sum())
        note = f"{int((times > 0).sum())} candidates in {len(pairs)} pairs"
        if again:
            note += f", {again} of them in several (up to {int(times.max())}): the bootstrap does "
            note += "not hold for such matches"
        notes.append(f"{note}.")
    return PairMatch(
        weights, subclass, np.stack([treated, control, sets], axis=1), pairs.distance,
        tuple(words), tuple(notes),
    )  # fmt: skip


def _shortfall(request: MatchRequest, pairs: Pairs) -> list[str]:
    """Say how many of the matched got fewer candidates than were asked for."""
    if request.method == "full" or request.ratio_limits is not None or request.ratio == 1:
        return []
    got = np.bincount(pairs.focal)
    few = int(((got > 0) & (got < request.ratio)).sum())
    if not few:
        return []
    who = (
        ("participants", "controls") if request.estimand != "ATC" else ("controls", "participants")
    )
    matched = f"{few} of {int((got > 0).sum())} matched {who[0]}"
    return [f"{matched} have fewer than {request.ratio:g} {who[1]}; weights make up for it."]
