"""Matching: each participant with the people who are most alike, before outcomes are looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.core.checks import resolve_rng
from evalkit.core.columns import Names
from evalkit.errors import InputError
from evalkit.kernels.coarsening import Target
from evalkit.matching.common_support import Discard, discarded_rows, refuse_no_overlap
from evalkit.matching.distances import (
    Distance,
    Distances,
    fit_score,
    no_overlap,
    read_distances,
)
from evalkit.matching.match_requests import MatchRequest, Method, Order, read_request
from evalkit.matching.matched_pairs import match_pairs
from evalkit.matching.matched_result import Matched
from evalkit.matching.matched_strata import match_samples, match_strata, match_subclasses
from evalkit.matching.treatment_sample import TreatmentSample, treatment_sample
from evalkit.typing import BoolArray, FloatArray, IntArray, RandomSource

if TYPE_CHECKING:
    import pandas as pd

    from evalkit.kernels.propensity import Link

__all__ = ["match"]

_LARGE_SHARE = 0.05
_TITLES = {
    "nearest": "Nearest matching",
    "optimal": "Optimal matching",
    "full": "Optimal full matching",
    "exact": "Exact matching",
    "cem": "Coarsened exact matching",
    "subclass": "Subclassification",
    "cardinality": "Cardinality matching",
    "profile": "Profile matching",
}


def match(
    formula: str,
    df: pd.DataFrame,
    *,
    method: Method = "nearest",
    distance: Distance | None = None,
    link: Link = "logit",
    firth: bool = False,
    ratio: float = 1,
    ratio_limits: tuple[float, float] | None = None,
    replace: bool = False,
    reuse_max: int | None = None,
    caliper: float | Mapping[str, float] | None = None,
    std_caliper: bool = True,
    exact: Names | None = None,
    antiexact: Names | None = None,
    order: Order | None = None,
    estimand: Target = "ATT",
    discard: Discard | tuple[float, float] = "none",
    subclasses: int | None = None,
    cutpoints: int | Sequence[float] | Mapping[str, object] | None = None,
    tolerance: float | Mapping[str, float] | None = None,
    seconds: float | None = None,
    treated: object = None,
    survey_weights: str | None = None,
    rng: RandomSource = None,
) -> Matched:
    """Match those who took part with others who are alike.

    Answers "whom should the participants be compared with?", without looking at any outcome.

    Parameters
    ----------
    formula : str
        ``took_part ~ covariates``.
    df : pandas.DataFrame
        One row for each person, whose index label names it. It is not changed.
    method : str, default "nearest"
        "nearest": each participant in turn takes the nearest control that is left. "optimal":
        pairs of the smallest total distance. "full": everybody in sets of one unit of either
        group, at the smallest total distance. "exact": all with the same values. "cem": the same
        after numbers have been cut into intervals. "subclass": by quantiles of the score.
        "cardinality": the largest samples whose means differ by no more than ``tolerance``.
        "profile": the largest samples with the means of those whom the estimand is about.
    distance : str, Series, DataFrame or callable, optional
        "propensity" (the default), "linear_propensity" (the linear predictor), "mahalanobis"
        (covariance pooled within the groups), "robust_mahalanobis" (of ranks); a Series with a
        score for each row; a DataFrame of distances, participants x controls, by index label; or
        a function of the two groups' covariate matrices that returns such a table.
    link : {"logit", "probit", "cloglog"}, default "logit"
        Link of the propensity score.
    firth : bool, default False
        Penalise its likelihood (logit), for covariates that separate the groups.
    ratio : int, default 1
        Controls for each participant; on average, if ``ratio_limits`` are given.
    ratio_limits : tuple, optional
        Fewest and most. Nearest: those with the lowest scores get most (Ming and Rosenbaum). Full:
        such as ``(1 / 3, 5)``, up to three participants or five controls in a set.
    replace : bool, default False
        Let controls be used again, each at most once by the same participant.
    reuse_max : int, optional
        How often a control may be used, with ``replace``.
    caliper : float or mapping of str to float, optional
        Largest difference allowed in a pair: of the distance, in its standard deviations among
        all rows (Mahalanobis distances as they are), or by name: numeric columns, "distance",
        and "propensity" beside another distance.
    std_caliper : bool, default True
        False if calipers are in the variables' own units.
    exact, antiexact : str or sequence of str, optional
        Columns on which the members of a pair must agree, or must differ.
    order : {"largest", "smallest", "closest", "random", "data"}, optional
        Who chooses first: the highest score (default with a score; for the ATC the lowest), the
        lowest, the closest pair of all at every step (default otherwise), by chance, or as the
        rows stand.
    estimand : {"ATT", "ATC", "ATE"}, default "ATT"
        Over whom effects are to be averaged. "nearest" and "optimal" find partners for the
        participants (ATT) or the others (ATC).
    discard : str or tuple of float, default "none"
        Who is left out beforehand: "treated" or "control" beyond the other group's scores,
        "both", "crump" (extreme scores by the rule of Crump and others), or limits of the score
        such as ``(0.1, 0.9)``. The score is not estimated anew without them.
    subclasses : int, optional
        Number of subclasses; 5 by default.
    cutpoints : int, sequence of float or mapping, optional
        Bins or cut points for numbers in "cem", for all or by column; "exact" leaves a column as
        it is. By default Sturges's number of bins of one width. Categories are never coarsened.
    tolerance : float or mapping of str to float, optional
        Largest differences in means for "cardinality" and "profile", in standard deviations of
        the balance table; 0.05 by default.
    seconds : float, optional
        Time for these two; 60 by default. The result says if more rows might have been found.
    treated : object, optional
        Label of those who took part; needed unless the column holds 1 and 0.
    survey_weights : str, optional
        Column with survey weights: they weigh the propensity score, and the matching weights are
        multiplied by them.
    rng : int, Generator or None
        Source of randomness, for ``order="random"``.

    Returns
    -------
    Matched
        ``.pairs``, ``.weights``, ``.data``, ``.n``, ``.ess``, ``.unmatched``,
        ``.unmatched_profile()``, ``.balance()``, ``.effect(outcome)``, ``.plot()``.

    Raises
    ------
    evalkit.errors.InputError
        If an argument is not what it must be or would not be used, covariates separate the
        groups, scores do not overlap, or nobody can be matched.

    Notes
    -----
    Calipers, strata and the limit of reuse hold for every pair. Ties are broken by the index
    label, never by the order of the rows (but with ``order="data"``). Participants without a pair
    change the estimand, and the result says so. Matching weights are 1 for the group that the
    estimand is about; those of the others add up to their number.

    Rows that lack a value in a column that is used are dropped and counted; others do not matter.

    Nearest matching on a score takes one sort, with millions of candidates too. Mahalanobis
    distances are fast in up to ten columns: put categories into ``exact``. Optimal and full
    matching look at every pair within calipers and strata.

    References
    ----------
    Rosenbaum and Rubin (1985), American Statistician 39, 33-38,
    doi:10.1080/00031305.1985.10479383. Iacus, King and Porro (2012), Political Analysis 20, 1-24,
    doi:10.1093/pan/mpr013. In R: ``MatchIt::matchit`` (from 4.5.4; earlier ones do not honour
    calipers on a propensity score).

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({
    ...     "amia": [1, 1, 1, 0, 0, 0, 0, 0],
    ...     "age": [44, 51, 38, 61, 43, 50, 30, 36],
    ...     "sex": list("kmkmkmkk"),
    ... })
    >>> matched = match("amia ~ age", df, exact="sex", distance="mahalanobis")
    >>> matched.pairs[["treated", "control"]].to_numpy().tolist()
    [[0, 4], [1, 5], [2, 7]]
    """
    request = read_request(
        method,
        estimand,
        {
            "distance": distance, "link": link, "firth": firth, "ratio": ratio,
            "ratio_limits": ratio_limits, "replace": replace, "reuse_max": reuse_max,
            "caliper": caliper, "std_caliper": std_caliper, "exact": exact,
            "antiexact": antiexact, "order": order, "discard": discard, "subclasses": subclasses,
            "cutpoints": cutpoints, "tolerance": tolerance, "seconds": seconds,
            "survey_weights": survey_weights, "rng": rng,
        },
    )  # fmt: skip
    if isinstance(caliper, Mapping):
        _refuse_ambiguous(df, caliper)
    sample = treatment_sample(
        formula,
        df,
        treated=treated,
        weights=survey_weights,
        columns=request.columns,
        unique_index=True,
        weights_argument="survey_weights",
    )
    source = resolve_rng(rng) if request.order == "random" else None
    return _match(sample, df, request, source)


def _refuse_ambiguous(df: pd.DataFrame, caliper: Mapping[str, float]) -> None:
    """Refuse columns that are called as what else a caliper may be on."""
    both = [name for name in ("distance", "propensity") if name in caliper and name in df]
    if both:
        raise InputError.of(
            "caliper",
            required="by names that mean one thing",
            got=f"{both[0]!r}, which is a column of df too",
            remedy="Rename the column.",
        )


def _match(
    sample: TreatmentSample,
    df: pd.DataFrame,
    request: MatchRequest,
    rng: np.random.Generator | None,
) -> Matched:
    """Match a sample."""
    n = sample.n
    discarded = np.zeros(n, dtype=np.bool_)
    pairs, lengths = np.empty((0, 3), dtype=np.int64), np.empty(0)
    score: FloatArray | None = None
    if request.method in ("exact", "cem"):
        found = match_strata(sample, request)
    elif request.method in ("cardinality", "profile"):
        found = match_samples(sample, request)
    else:
        distances, propensity = _distances(sample, df, request)
        score = distances.score if distances.score is not None else propensity
        words: list[str] = [f"on {distances.words}"]
        if score is not None:
            refuse_no_overlap(score, sample.treated)
            probability = distances.fit.probability if distances.fit is not None else propensity
            discarded, rule = discarded_rows(
                request.discard, request.limits, score, probability, sample.treated
            )
            words += [rule] if rule else []
        if request.method == "subclass":
            assert distances.score is not None  # checked with the distance
            found = match_subclasses(sample, request, distances.score, ~discarded)
        else:
            made = match_pairs(sample, request, distances, propensity, ~discarded, rng)
            found, pairs, lengths = made, made.pair_rows, made.distance
            words += _ratio_words(request)
        far = () if distances.points is None else no_overlap(sample)
        return _result(
            sample, request, found.weights, found.subclass, pairs, lengths, discarded, score,
            [*words, *found.words], [*far, *found.notes],
        )  # fmt: skip
    return _result(
        sample, request, found.weights, found.subclass, pairs, lengths, discarded, score,
        found.words, found.notes,
    )  # fmt: skip


def _distances(
    sample: TreatmentSample, df: pd.DataFrame, request: MatchRequest
) -> tuple[Distances, FloatArray | None]:
    """Compute the distance, and the propensity score where something beside it needs one."""
    distances = read_distances(sample, df, request.distance, request.link, firth=request.firth)
    if request.method == "subclass" and distances.score is None:
        raise InputError.of(
            "distance", required="a score for method='subclass'", got=f"{distances.words}"
        )
    wanted = request.discard != "none" and distances.score is None
    if "propensity" in request.calipers or wanted:
        fit = distances.fit or fit_score(sample, request.link, firth=request.firth)
        return distances, fit.probability
    if distances.fit is None and (request.link != "logit" or request.firth):
        raise InputError.of(
            "link" if request.link != "logit" else "firth",
            required="left out without a propensity score",
            got=repr(request.link if request.link != "logit" else True),
        )
    return distances, None


def _ratio_words(request: MatchRequest) -> list[str]:
    """Say how many candidates each unit gets, and in which order."""
    words: list[str] = []
    if request.method != "full":
        words.append(f"1:{request.ratio:g}")
    if request.ratio_limits is not None:
        low, high = request.ratio_limits
        words.append(f"between {low:.3g} and {high:g} to one")
    if request.method == "nearest":
        times = "" if request.reuse == 0 else f", at most {request.reuse} times"
        words.append(f"with replacement{times}" if request.replace else "without replacement")
        if request.order is not None:
            words.append(f"order {request.order}")
    return words


def _result(
    sample: TreatmentSample,
    request: MatchRequest,
    weights: FloatArray,
    subclass: IntArray,
    pairs: IntArray,
    lengths: FloatArray,
    discarded: BoolArray,
    score: FloatArray | None,
    words: Sequence[str],
    notes: Sequence[str],
) -> Matched:
    """Put the result together, and say what it can estimate."""
    said = [*sample.notes, *notes]
    if sample.weights is not None:
        said.append("Matching weights are multiplied by the survey weights.")
    for name, group in (("participant", sample.treated), ("control", ~sample.treated)):
        share = float(weights[group].max() / weights[group].sum())
        enough = int((weights[group] > 0).sum()) > 2 / _LARGE_SHARE
        if share > _LARGE_SHARE and enough:
            said.append(f"One {name} has {100 * share:.0f} % of the weight of all {name}s.")
    return Matched(
        sample=sample,
        method=request.method,
        description=f"{_TITLES[request.method]}: {', '.join(words)}",
        estimand=request.estimand,
        target=_target(sample, request.estimand, weights),
        row_weights=weights,
        row_subclass=subclass,
        pair_rows=pairs,
        pair_distance=lengths,
        discarded=discarded,
        score=score,
        replace=request.replace,
        notes=tuple(said),
    )


def _target(sample: TreatmentSample, estimand: str, weights: FloatArray) -> str:
    """Say whose effect the matched rows can show."""
    treated: Any = sample.treated
    group = {"ATT": treated, "ATC": ~treated}.get(estimand, np.ones(sample.n, dtype=np.bool_))
    who = {"ATT": "participants", "ATC": "controls"}.get(estimand, "rows")
    everybody = int(group.sum())
    lost = int((group & ~(weights > 0)).sum())
    if lost:
        return (
            f"{lost} of {everybody} {who} unmatched: the estimand is no longer {estimand}, but the "
            f"effect on the {everybody - lost} who were matched"
        )
    if everybody == 1:
        return f"{estimand}, the effect on one {who[:-1]}"
    return f"{estimand}, the effect on all {everybody} {who}"
