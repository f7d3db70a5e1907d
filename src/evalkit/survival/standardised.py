"""Standardised survival, exits and times: what if everybody had the treatment, or nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from evalkit.core.checks import check_level
from evalkit.core.columns import Names
from evalkit.errors import InputError
from evalkit.kernels.standardise import Averages, Patterns, average, influences, patterns
from evalkit.kernels.time_index import TIE
from evalkit.survival.cause_specific import CauseSpecificCox, cause_specific_cox
from evalkit.survival.cox_regression import cox
from evalkit.survival.cox_result import CoxModel
from evalkit.survival.fine_gray_result import FineGray
from evalkit.survival.predicting import prediction_times, strata_codes
from evalkit.survival.robust import covariance
from evalkit.survival.standardised_people import (
    people_of,
    place,
    set_treatment,
    treatment_values,
)
from evalkit.survival.standardised_result import Measure, Standardised, lay_out
from evalkit.survival.standardised_source import Source, source_of
from evalkit.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Standardised", "standardised_survival"]


def standardised_survival(
    model: str | CoxModel | CauseSpecificCox | FineGray,
    df: pd.DataFrame,
    *,
    treatment: str,
    times: npt.ArrayLike | None = None,
    tau: npt.ArrayLike | None = None,
    reference: object = None,
    among: object = None,
    population: pd.DataFrame | None = None,
    population_weights: str | None = None,
    duration: str | None = None,
    event: str | None = None,
    cause: str | None = None,
    entry: str | None = None,
    strata: Names | None = None,
    cluster: str | None = None,
    weights: str | None = None,
    ties: Literal["efron", "breslow"] | None = None,
    level: float | None = None,
) -> Standardised:
    r"""Average predicted survival over people, with the treatment set to each value (g-formula).

    What share would still be in after a year if everybody had had the treatment, and if nobody
    had? How many days would that be? These are differences that can be read, where a hazard ratio
    cannot; and they adjust for the covariates of the model.

    Parameters
    ----------
    model : str, CoxModel, CauseSpecificCox or FineGray
        A fitted model whose covariates or strata include the treatment, or the formula of one to
        be fitted: with `event` a Cox model, with `cause` Cox models of all causes.
    df : pandas.DataFrame
        The frame that the model was fitted to, or is to be; one row a person, with covariates that
        do not change.
    treatment : str
        Column of the treatment; of 2 to 20 values.
    times : array_like, optional
        Times of the survival (and of the cumulative incidences).
    tau : array_like, optional
        Horizons of the restricted means (and of the times lost to each cause).
    reference : object, optional
        Value of the treatment that others are compared with; the first in order if left out.
    among : object, optional
        Average over those whose treatment has this value only: ``among="new"`` gives the effect
        on the treated. Over everybody if left out.
    population : pandas.DataFrame, optional
        Other people to average over, such as those of riket, with the model's variables. They are
        taken as given: standard errors then do not count the sampling of covariates.
    population_weights : str, optional
        Column of `population` with weights, such as the number of people in a cell.
    duration, event, cause, entry : str, optional
        As in :func:`evalkit.survival.cox`, if `model` is a formula; not otherwise.
    strata, cluster, weights : str, optional
        The same.
    ties : {"efron", "breslow"}, optional
        The same; "efron" if left out.
    level : float, optional
        Confidence level; that of the model, or 0.95, if left out.

    Returns
    -------
    Standardised
        For every value of the treatment the averages; for every other value but the reference the
        differences and ratios, other against reference.

    Raises
    ------
    evalkit.errors.InputError
        As the fit does; also if neither `times` nor `tau` is given, a time is beyond the follow-up
        of a stratum, the treatment is not in the model, has one value or more than 20, `reference`
        or `among` is none of them, the model has an offset, a penalty or infinite coefficients, or
        arguments of a fit are given together with a fitted model.

    Notes
    -----
    For Cox's model the average is :math:`\bar S_a(t) = \sum_i v_i e^{-H(t | a, z_i)} / \sum_i v_i`;
    for several causes see :meth:`evalkit.survival.CauseSpecificCox.cumulative_incidence`.

    Standard errors are the infinitesimal jackknife: what each row adds to the coefficients, to the
    baseline hazard and to the average over covariates, squared and summed by row or by cluster. So
    they count that the covariates are a sample, and do not rest on the model for their own sake;
    the hazards must be right for the estimates. Survival and incidences have log-log intervals,
    areas and differences Wald's, ratios Wald's of the logarithm; with clusters all take Student's
    t, with one degree of freedom less than clusters.

    The averages have a causal meaning if, given the covariates of the model, who was treated is as
    good as random, both kinds of people occur at all covariates, and censoring is independent. The
    treatment must be known at entry: see the immortal-time example of
    :func:`evalkit.survival.cox`. With delayed entry the average is over those who came under
    observation, from time 0.

    The cost is that of the distinct linear predictors times the event times. R:
    ``riskRegression::ate(..., estimator = "GFORMULA")``.

    References
    ----------
    .. [1] Gail MH, Byar DP (1986). Variance calculations for direct adjusted survival curves, with
       applications to testing for no treatment effect. Biom J 28:587-599.
       doi:10.1002/bimj.4710280508
    .. [2] Ozenne BMH, Scheike TH, Staerk L, Gerds TA (2020). On the estimation of average
       treatment effects with right-censored time to event outcome and competing risks. Biom J
       62:751-763. doi:10.1002/bimj.201800298
    .. [3] Chen PY, Tsiatis AA (2001). Causal inference on the difference of the restricted mean
       lifetime between two groups. Biometrics 57:1030-1038.
       doi:10.1111/j.0006-341X.2001.01030.x

    Examples
    --------
    >>> import pandas as pd
    >>> spells = pd.DataFrame({
    ...     "days": [30, 60, 90, 200, 40, 120, 200, 300, 80, 150],
    ...     "ended": [1, 1, 1, 0, 1, 1, 0, 0, 1, 1],
    ...     "arm": ["new"] * 4 + ["usual"] * 4 + ["new", "usual"],
    ...     "age": [30, 45, 28, 60, 33, 52, 61, 47, 39, 55],
    ... })
    >>> found = standardised_survival(
    ...     "arm + age", spells, treatment="arm", reference="usual", times=90, tau=180,
    ...     duration="days", event="ended",
    ... )
    >>> found.to_frame()[["term", "contrast", "time", "estimate"]].round(3)
                      term     contrast   time  estimate
    0             survival          new   90.0     0.554
    1                 rmst          new  180.0   113.020
    2             survival        usual   90.0     0.570
    3                 rmst        usual  180.0   115.057
    4  survival_difference  new - usual   90.0    -0.016
    5      rmst_difference  new - usual  180.0    -2.037
    6       survival_ratio  new / usual   90.0     0.973
    7           rmst_ratio  new / usual  180.0     0.982
    """
    source = source_of(
        _fitted(model, df, duration, event, cause, entry, strata, cluster, weights, ties, level)
    )
    level = source.level if level is None else check_level(level)
    asked, ends = _asked(times, "times"), _asked(tau, "tau")
    if not len(asked) and not len(ends):
        raise InputError.of("times", required="given, or tau", got="neither")
    values = treatment_values(df, source, treatment)
    base = 0 if reference is None else place(values, reference, "reference", treatment)
    people, weight, own = people_of(
        df, source, treatment, values, among, population, population_weights
    )
    added: list[FloatArray] = []
    means: list[FloatArray] = []
    for value in values:
        set_to = set_treatment(people, treatment, value, df)
        codes = strata_codes(set_to, source.strata, source.strata_levels)
        _check_horizons(source, codes[weight > 0], asked, ends)
        rows = [
            fit.rows(coding.apply(set_to))
            for fit, coding in zip(source.hazards, source.codings, strict=True)
        ]
        found = patterns(source.hazards, rows, codes, weight)
        averages = average(source.hazards, found, asked, ends)
        mean = found.weight @ averages.values
        means.append(mean)
        added.append(_added(source, found, averages, weight, mean, own))
    sign, offset = source.flip(len(asked), ends)
    estimate = np.concatenate([sign * mean + offset for mean in means])
    moved = np.concatenate([sign * part for part in added], axis=1)
    return lay_out(
        source,
        _measures(source, asked, ends),
        estimate,
        covariance(moved, source.ways),
        treatment=treatment,
        values=values,
        base=base,
        level=level,
        over=_over(treatment, among, population, len(people)),
    )


def _fitted(
    model: str | CoxModel | CauseSpecificCox | FineGray,
    df: pd.DataFrame,
    duration: str | None,
    event: str | None,
    cause: str | None,
    entry: str | None,
    strata: Names | None,
    cluster: str | None,
    weights: str | None,
    ties: Literal["efron", "breslow"] | None,
    level: float | None,
) -> CoxModel | CauseSpecificCox | FineGray:
    """Return the model, fitted here if it is a formula."""
    given = {
        "duration": duration, "event": event, "cause": cause, "entry": entry, "strata": strata,
        "cluster": cluster, "weights": weights, "ties": ties,
    }  # fmt: skip
    if not isinstance(model, str):
        extra = [name for name, value in given.items() if value is not None]
        if extra:
            raise InputError.of(
                extra[0], required="left out with a fitted model", got=repr(given[extra[0]])
            )
        return model
    if duration is None or (event is None) == (cause is None):
        raise InputError.of(
            "duration" if duration is None else "event",
            required="given with a formula"
            if duration is None
            else "given, or cause, but not both",
            got="None" if duration is None or event is None else "both",
        )
    at = 0.95 if level is None else level
    ties = ties or "efron"
    if cause is not None:
        return cause_specific_cox(
            model, df, duration=duration, cause=cause, entry=entry, strata=strata, cluster=cluster,
            weights=weights, ties=ties, level=at,
        )  # fmt: skip
    assert event is not None
    return cox(
        model, df, duration=duration, event=event, entry=entry, strata=strata, cluster=cluster,
        weights=weights, ties=ties, level=at,
    )  # fmt: skip


def _asked(times: npt.ArrayLike | None, argument: str) -> FloatArray:
    """Return the times asked for; none if left out."""
    if times is None:
        return np.zeros(0)
    asked = prediction_times(times, argument)
    if argument == "tau" and not (asked > 0).all():
        raise InputError.of("tau", required="above 0", got="0")
    return asked


def _check_horizons(source: Source, codes: IntArray, asked: FloatArray, ends: FloatArray) -> None:
    """Refuse times beyond the follow-up of a stratum that is averaged over."""
    for s in np.unique(codes).tolist():
        for argument, times in (("times", asked), ("tau", ends)):
            late = times[times > source.last[s] * (1 + TIE)]
            if len(late):
                where = f" of stratum {source.strata_levels[s]!r}" if source.strata else ""
                raise InputError.of(
                    argument,
                    required=f"within the follow-up{where}, up to {source.last[s]:g}",
                    got=", ".join(f"{t:g}" for t in late[:5]),
                    remedy="What nobody was followed to cannot be estimated.",
                )
        early = asked[asked < source.first[s] * (1 - TIE)]
        if len(early):
            raise InputError.of(
                "times",
                required=f"at or after the first entry, at {source.first[s]:g}",
                got=", ".join(f"{t:g}" for t in early[:5]),
            )


def _added(
    source: Source,
    found: Patterns,
    averages: Averages,
    weight: FloatArray,
    mean: FloatArray,
    own: bool,
) -> FloatArray:
    """What each row of the fit adds: through the model, and as one of those averaged over."""
    total = influences(source.hazards, averages)
    if own:
        total += weight[:, None] * (averages.values[found.index] - mean)
    return total


def _measures(source: Source, asked: FloatArray, ends: FloatArray) -> list[Measure]:
    """Name what was averaged, in the order of the averages."""
    # A single cause needs no curve of its own: its incidence is one minus the survival.
    causes = source.causes if source.subdistribution or len(source.causes) > 1 else ()
    curves = [("survival", "rmst", None)]
    curves += [("cumulative_incidence", "time_lost", cause) for cause in causes]
    if source.subdistribution:
        curves = curves[1:]
    measures: list[Measure] = []
    for share, area, cause in curves:
        measures += [Measure(share, cause, t) for t in asked.tolist()]
        measures += [Measure(area, cause, t) for t in ends.tolist()]
    return measures


def _over(treatment: str, among: object, population: pd.DataFrame | None, n: int) -> str:
    """Say over whom was averaged."""
    whom = "everybody" if among is None else f"those with {treatment} = {among!r}"
    return whom if population is None else f"{whom} in a population of {n} rows, taken as given"
