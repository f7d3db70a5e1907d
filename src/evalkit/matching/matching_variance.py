"""Effects by matching with replacement, with Abadie and Imbens's standard errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from evalkit.core.checks import check_choice, check_counts, check_level
from evalkit.core.columns import check_known
from evalkit.core.results import EffectTable
from evalkit.errors import InputError
from evalkit.kernels.abadie_imbens import (
    MatchingEstimate,
    estimated_score_term,
    match_means,
    neighbour_variance,
)
from evalkit.kernels.coarsening import kish_ess
from evalkit.kernels.propensity import PropensityFit
from evalkit.kernels.wald import wald
from evalkit.matching.distances import fit_score
from evalkit.matching.matched_effects import WHOM, read_outcome, refuse_adjusted
from evalkit.matching.treatment_sample import TreatmentSample, treatment_sample
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["matching_estimator"]

_LOCAL = 2  # people on whom a local variance or covariance rests at least
_OFTEN = 0.05  # share of all comparisons with one person that is said
_WORDS = {
    "inverse_variance": "the covariates over their standard deviations",
    "mahalanobis": "Mahalanobis's distance",
    "propensity": "the estimated propensity score (logit)",
}


def matching_estimator(
    formula: str,
    df: pd.DataFrame,
    *,
    outcome: str,
    distance: Literal["inverse_variance", "mahalanobis", "propensity"] = "inverse_variance",
    n_matches: int = 1,
    bias_adjusted: bool = False,
    estimand: Literal["ATT", "ATE", "ATC"] = "ATT",
    variance: Literal["heteroscedastic", "homoscedastic"] = "heteroscedastic",
    neighbours: int | None = None,
    treated: object = None,
    level: float = 0.95,
) -> EffectTable:
    r"""Estimate an effect by matching with replacement, with a standard error made for it.

    Answers "how did those who took part fare beside the people most like them?", when the same
    person may be compared with several. The bootstrap does not work for that; this variance does.

    Parameters
    ----------
    formula : str
        ``took_part ~ covariates``.
    df : pandas.DataFrame
        One row for each person, with an index that names each row once. It is not changed.
    outcome : str
        Column of numbers, or of 0 and 1.
    distance : {"inverse_variance", "mahalanobis", "propensity"}, default "inverse_variance"
        Distance between people: of covariates over their standard deviations, Mahalanobis's with
        the covariance of all rows, or of propensity scores estimated by logistic regression.
    n_matches : int, default 1
        Matches of each person. All who are as near as the last count too, equally.
    bias_adjusted : bool, default False
        Correct for covariates in which matches differ, by a regression among the matches. Not for
        "propensity".
    estimand : {"ATT", "ATE", "ATC"}, default "ATT"
        Over whom the effect is averaged.
    variance : {"heteroscedastic", "homoscedastic"}, default "heteroscedastic"
        Each person's outcome variance from the nearest people of the own group, or one variance
        for all.
    neighbours : int, optional
        How many of the nearest beside the person; 2 by default. For "propensity" local
        covariances rest on as many. Not used otherwise by "homoscedastic".
    treated : object, optional
        Label of those who took part, unless the column holds 1 and 0.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    EffectTable
        The effect, with ``mean_treated``, ``mean_control``, ``n_used_as_matches``,
        ``ess_of_matches`` (Kish's) and ``largest_use``, the most comparisons with one person.

    Raises
    ------
    evalkit.errors.InputError
        If a column or argument is not what it must be, a group has too few people, an argument
        does not belong to the distance or variance, or the regression cannot be fitted.

    Notes
    -----
    See :mod:`evalkit.kernels.abadie_imbens` for the formulas. The interval is normal. Rows that
    lack the outcome or a covariate are dropped and counted. For "propensity" the variance allows
    for the estimation of the score, which lowers it for the ATE. Matching on many continuous
    covariates leaves a bias that falls slower than the standard error: use ``bias_adjusted``.

    References
    ----------
    Abadie and Imbens (2006), doi:10.1111/j.1468-0262.2006.00655.x; (2011),
    doi:10.1198/jbes.2009.07333; (2016), doi:10.3982/ECTA11293. In R: ``Matching::Match`` with
    ``Weight = 1`` or 2, and ``Var.calc = neighbours``, 0 for "homoscedastic".

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({
    ...     "amia": [1, 1, 1, 0, 0, 0, 0],
    ...     "age": [30, 41, 52, 29, 40, 50, 61],
    ...     "days": [90.0, 80, 110, 100, 120, 130, 140],
    ... })
    >>> table = matching_estimator("amia ~ age", df, outcome="days", neighbours=1).to_frame()
    >>> round(table["estimate"].item(), 4)
    -23.3333
    """
    check_choice("distance", distance, tuple(_WORDS))
    check_choice("estimand", estimand, ("ATT", "ATE", "ATC"))
    check_choice("variance", variance, ("heteroscedastic", "homoscedastic"))
    check_level(level)
    m = int(check_counts("n_matches", n_matches, minimum=1)[0])
    near = _neighbours(neighbours, variance, distance)
    if bias_adjusted and distance == "propensity":
        raise InputError.of(
            "bias_adjusted",
            required="left out with distance='propensity'",
            got=bias_adjusted,
            remedy="Match on the covariates, or use aipw().",
        )
    check_known(df, outcome=outcome)
    sample = treatment_sample(formula, df, treated=treated, columns=[outcome])
    refuse_adjusted(sample, outcome)
    values = read_outcome(sample.frame, outcome, "difference")
    if not sample.names:
        raise InputError.of("formula", required="at least one covariate", got=repr(formula))
    _refuse_few(sample, m, near, variance, estimand, distance)
    points, score = _points(sample, distance)
    found = match_means(
        values, sample.treated, points, m, estimand,
        covariates=sample.matrix if bias_adjusted else None,
    )  # fmt: skip
    if len(found.dependent):
        raise InputError.of(
            "bias_adjusted",
            required="used with covariates that vary among the matches",
            got="a regression that cannot be fitted to them",
            where=[sample.names[int(k)] for k in found.dependent],
            remedy="Leave these covariates out, or raise n_matches.",
        )
    spread, allowed = _variance(sample, values, points, score, found, estimand, variance, near)
    columns = wald(np.array([found.estimate]), np.array([np.sqrt(spread)]), level)
    used = found.uses[found.uses > 0]
    one, zero = str(sample.levels[1]), str(sample.levels[0])
    notes = [*sample.notes]
    if used.max() > _OFTEN * used.sum() and used.sum() * _OFTEN > _LOCAL:
        notes.append(
            f"One person is the match in {100 * used.max() / used.sum():.0f} % of the comparisons."
        )
    if score is not None:
        notes.append(
            "The variance allows for the estimation of the score."
            if allowed
            else "The variance takes the score as known: with few people, allowing for its "
            "estimation gave a variance below 0."
        )
    how = "variance from the nearest people" if variance == "heteroscedastic" else "one variance"
    return EffectTable.of(
        {
            "term": outcome,
            "contrast": f"{one} - {zero}",
            **columns,
            "n": sample.n,
            "mean_treated": found.treated_mean,
            "mean_control": found.control_mean,
            "n_used_as_matches": len(used),
            "ess_of_matches": kish_ess(used),
            "largest_use": float(used.max()),
        },
        estimand=f"Difference in the mean of {outcome}, {one} - {zero}, over {WHOM[estimand]}",
        method=f"{m} nearest by {_WORDS[distance]}, with replacement and ties"
        + (", bias-adjusted" if bias_adjusted else "")
        + f"; Abadie-Imbens, {how}",
        level=level,
        n_used=sample.n,
        n_dropped=sample.n_dropped,
        notes=notes,
    )


def _neighbours(neighbours: int | None, variance: str, distance: str) -> int:
    """Settle on how many people local variances rest."""
    if neighbours is None:
        return _LOCAL
    if variance == "homoscedastic" and distance != "propensity":
        raise InputError.of(
            "neighbours", required="left out with variance='homoscedastic'", got=neighbours
        )
    least = _LOCAL if distance == "propensity" else 1
    return int(check_counts("neighbours", neighbours, minimum=least)[0])


def _refuse_few(
    sample: TreatmentSample, n_matches: int, near: int, variance: str, estimand: str, distance: str
) -> None:
    """Refuse more matches, or neighbours, than a group has people."""
    counts = sample.counts()
    for code, name in enumerate(sample.levels):
        matched_with = {"ATT": code == 0, "ATC": code == 1, "ATE": True}[estimand]
        if matched_with and counts[code] < n_matches:
            raise InputError.of(
                "n_matches",
                required=f"at most {counts[code]}, the people in {name!r}",
                got=n_matches,
            )
        if counts[code] == 1 and estimand == ("ATC", "ATT")[code]:
            raise InputError.of(
                "df", required="at least two people over whom the effect is averaged",
                got=f"one in {name!r}",
            )  # fmt: skip
        if variance == "heteroscedastic" and counts[code] < near + 1:
            raise InputError.of(
                "neighbours",
                required=f"fewer than the {counts[code]} people in {name!r}",
                got=near,
                remedy="variance='homoscedastic' needs no neighbours.",
            )
        if distance == "propensity" and counts[code] < near:
            raise InputError.of(
                "neighbours",
                required=f"at most {counts[code]}, the people in {name!r}",
                got=near,
                remedy="Match on the covariates: local covariances need people near each score.",
            )


def _points(sample: TreatmentSample, distance: str) -> tuple[FloatArray, PropensityFit | None]:
    """Map people to points whose Euclidean distances are those asked for."""
    x = sample.matrix
    if distance == "propensity":
        fit = fit_score(sample, "logit", firth=False)
        return fit.probability[:, None], fit
    scaled = x / x.std(axis=0)
    if distance == "inverse_variance":
        return scaled, None
    p = int(x.shape[1])
    correlation: FloatArray = np.corrcoef(scaled, rowvar=False).reshape(p, p)
    factor = np.asarray(np.linalg.cholesky(correlation), dtype=np.float64)
    solved = np.asarray(np.linalg.solve(factor, scaled.T), dtype=np.float64)
    return np.ascontiguousarray(solved.T), None


def _variance(
    sample: TreatmentSample,
    values: FloatArray,
    points: FloatArray,
    score: PropensityFit | None,
    found: MatchingEstimate,
    estimand: Literal["ATT", "ATE", "ATC"],
    variance: str,
    near: int,
) -> tuple[float, bool]:
    """Return the variance of the estimate, and whether it allows for an estimated score."""
    sigma = None
    if variance == "heteroscedastic":
        sigma = neighbour_variance(
            values, sample.treated, points, near, who=(found.uses > 0) | (estimand == "ATE")
        )
    spread = found.variance(sigma, estimand)
    if score is None:
        return spread, False
    everything = np.column_stack([np.ones(sample.n), sample.matrix])
    changed = spread + estimated_score_term(
        values, sample.treated, score.probability, everything, score.variance, estimand,
        found.estimate, points=sample.matrix / sample.matrix.std(axis=0), neighbours=near,
    )  # fmt: skip
    # Local covariances of few people can overshoot.
    return (changed, True) if changed > 0 else (spread, False)
