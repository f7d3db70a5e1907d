"""Fine-Gray regression: what changes the cumulative incidence of one cause among several."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from evalkit.core.checks import check_choice, check_level
from evalkit.core.columns import Names, as_names, check_known
from evalkit.core.formula import Design, design, formula_variables
from evalkit.core.results import EffectTable
from evalkit.core.sample import Sample, WeightsKind, read_sample
from evalkit.errors import InputError
from evalkit.kernels import fine_gray as kernel
from evalkit.kernels.cox import CoxFit, fit_cox
from evalkit.kernels.cox_data import prepare
from evalkit.kernels.cox_likelihood import information, moments
from evalkit.kernels.hazard_fit import from_cox
from evalkit.kernels.numeric import add_by
from evalkit.kernels.wald import cluster_df, wald
from evalkit.survival.cox_estimation import refuse_dependent
from evalkit.survival.cox_input import check_clusters, weighted_rows
from evalkit.survival.fine_gray_result import FineGray
from evalkit.survival.persons import read_persons, rows_used
from evalkit.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FineGray", "fine_gray"]

Ties: TypeAlias = Literal["efron", "breslow"]

_VARIANCES = {
    "robust": "robust standard errors, the weights taken as known",
    "fine-gray": "standard errors of Fine and Gray, which count the estimation of the weights",
}


def fine_gray(
    formula: str,
    df: pd.DataFrame,
    *,
    duration: str,
    cause: str,
    event_of_interest: object,
    entry: str | None = None,
    strata: Names | None = None,
    censoring_by: Names | None = None,
    weights: str | None = None,
    weights_kind: WeightsKind = "case",
    weigh_censoring: bool = False,
    cluster: str | None = None,
    id: str | None = None,  # noqa: A002
    convention: Literal["survival", "cmprsk"] = "survival",
    ties: Ties | None = None,
    vcov: Literal["robust", "fine-gray"] | None = None,
    level: float = 0.95,
) -> FineGray:
    r"""Regress the cumulative incidence of one cause on covariates (Fine and Gray).

    A subdistribution hazard ratio above 1 says that the cause has happened to more people by any
    time, through whatever way: by its own rate, or because other exits became fewer. It is a
    statement about shares. For the rates themselves use
    :func:`evalkit.survival.cause_specific_cox`.

    Parameters
    ----------
    formula : str
        Right-hand side, such as ``"age + C(region)"``.
    df : pandas.DataFrame
        One row for each person, or several rows (entry, duration] with covariates that change.
    duration : str
        Column with the time of exit.
    cause : str
        Column with the cause of the exit; 0 is censored.
    event_of_interest : object
        The cause that is modelled, as it stands in `cause`.
    entry : str, optional
        Column with the time of (delayed) entry.
    strata : str or sequence of str, optional
        Columns whose combinations have baseline hazards of their own.
    censoring_by : str or sequence of str, optional
        Columns whose combinations have distributions of censoring and entry of their own. Without
        them censoring must not depend on covariates.
    weights : str, optional
        Column with weights. Rows of weight 0 are dropped and counted.
    weights_kind : {"case", "sampling"}
        What the weights mean; standard errors are robust either way, as in R.
    weigh_censoring : bool, default False
        Whether weights also count in the distribution of censoring and entry. R's ``finegray``
        leaves them out there; with them, and Breslow's ties, whole-number weights give the
        estimates of repeated rows.
    cluster : str, optional
        Column that says which rows belong together in the standard errors. The persons (`id`) if
        left out.
    id : str, optional
        Column that says which rows are one person's. Needed where a person has several rows,
        which must follow each other without gaps; only the last may have an event.
    convention : {"survival", "cmprsk"}
        Whose details to follow, see Notes.
    ties : {"efron", "breslow"}, optional
        How tied events count; that of the convention if left out.
    vcov : {"robust", "fine-gray"}, optional
        Whether standard errors take the weights of the risk set as known, or count that they are
        estimated ("fine-gray"; not with delayed entry). That of the convention if left out.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    FineGray
        Coefficients on the log scale, with predictions.

    Raises
    ------
    evalkit.errors.InputError
        If a column does not exist or holds what it must not; `event_of_interest` is no cause; a
        covariate is constant or a combination of others; a coefficient is infinite because one of
        its values separates the events; a person's rows leave gaps or overlap; or nobody could
        have been uncensored, or have entered, when somebody had a competing event.

    Notes
    -----
    Rows with a competing event at T stay in the risk set with the weight
    :math:`\hat G(t-)\hat H(t-) / \{\hat G(T-)\hat H(T-)\}`, where G is the probability of not
    being censored and H that of having entered [2]_. The coefficients solve
    :math:`\sum_i \int \{x_i - \bar x(t)\} w_i(t) dN_i(t) = 0`.

    "survival" follows ``coxph(Surv(fgstart, fgstop, fgstatus) ~ ..., weights = fgwt,
    cluster = id)`` after ``finegray(..., id = id)`` in R: events at a time have left before those
    censored at that time, ties are Efron's, and standard errors are robust with the person as
    cluster (R without ``cluster`` takes the split rows for persons). "cmprsk" follows ``crr``:
    events at a time are still at risk of being censored then, ties are Breslow's, and standard
    errors those of Fine and Gray [1]_. The two agree where no censoring ties with an event,
    except for ties among events.

    No row is split: an iteration costs O(n p), memory is that of the design matrix and three
    vectors.

    Rows that lack a value are dropped and counted; a missing cause, entry or weight is an error.
    Standard errors are for large samples: with fewer than about 10 events a coefficient, or 50
    clusters, they are too small. With `cluster` or `id` intervals and tests take Student's t, with
    one degree of freedom less than clusters (R takes the normal).

    References
    ----------
    .. [1] Fine JP, Gray RJ (1999). A proportional hazards model for the subdistribution of a
       competing risk. J Am Stat Assoc 94:496-509. doi:10.1080/01621459.1999.10474144
    .. [2] Geskus RB (2011). Cause-specific cumulative incidence estimation and the Fine and Gray
       model under both left truncation and right censoring. Biometrics 67:39-49.
       doi:10.1111/j.1541-0420.2010.01420.x

    Examples
    --------
    >>> import pandas as pd
    >>> spells = pd.DataFrame({
    ...     "days": [20, 35, 35, 60, 80, 95, 120, 150, 170, 200],
    ...     "exit": ["work", "work", "study", "work", 0, "study", "work", 0, "work", "study"],
    ...     "age": [30, 52, 41, 28, 60, 35, 44, 58, 49, 51],
    ... })
    >>> model = fine_gray("age", spells, duration="days", cause="exit", event_of_interest="work")
    >>> model.to_frame()[["term", "estimate", "std_error"]].round(4).to_dict("records")
    [{'term': 'age', 'estimate': -0.062, 'std_error': 0.041}]
    >>> model.cumulative_incidence(pd.DataFrame({"age": [40]}), [90])[
    ...     "cumulative_incidence"
    ... ].round(3).tolist()
    [0.323]
    """
    check_choice("convention", convention, ("survival", "cmprsk"))
    events_first = convention == "survival"
    ties = ties or ("efron" if events_first else "breslow")
    check_choice("ties", ties, ("efron", "breslow"))
    vcov = vcov or ("robust" if events_first or entry is not None else "fine-gray")
    check_choice("vcov", vcov, tuple(_VARIANCES))
    level = check_level(level)
    if vcov == "fine-gray" and entry is not None:
        raise InputError.of(
            "vcov",
            required="'robust' with delayed entry",
            got="'fine-gray'",
            remedy="The variance of Fine and Gray is not known to hold for truncated data.",
        )
    check_known(df, duration=duration, cause=cause, id=id)
    sample = _without_zero_weights(
        read_sample(
            df,
            duration=duration,
            cause=cause,
            entry=entry,
            by=censoring_by,
            strata=strata,
            weights=weights,
            cluster=cluster,
            weights_kind=weights_kind,
            extra_columns=[*formula_variables(formula, df), *([] if id is None else [id])],
        )
    )
    event = _codes(sample, cause, event_of_interest)
    person, first, last = read_persons(df, sample, id)
    groups = sample.cluster if cluster is not None else person
    if groups is not None:
        given = ("id", id) if cluster is None else ("cluster", cluster)
        check_clusters(given[0], str(given[1]), int(groups.max()) + 1)
    made = design(formula, df, rows=sample.rows)
    model = kernel.subdistribution(
        sample.time,
        event,
        entry=sample.entry,
        first=first,
        last=last,
        strata=sample.strata,
        group=sample.groups,
        weights=sample.weights,
        weigh_censoring=weigh_censoring,
        events_first=events_first,
    )
    _check_weights(df, sample, model)
    fit = _maximise(made, model, ties)
    hazard = from_cox(fit) if vcov == "robust" else kernel.count_censoring(model, fit)
    moved = add_by(groups, hazard.influence)
    covariance = moved.T @ moved
    notes = _notes(sample, event, groups, made, weigh_censoring)
    return FineGray(
        coefficients=_coefficients(
            fit.coefficients, covariance, made, sample, level, cluster_df(groups),
            event_of_interest,
            f"Fine-Gray, {ties.capitalize()} ties; {_VARIANCES[vcov]}", notes,
        ),
        vcov=_named(covariance, made.names),
        event_of_interest=event_of_interest,
        loglik=fit.loglik,
        loglik_null=fit.loglik_null,
        n_events=int((event == 1).sum()),
        n_competing=int((event == 2).sum()),
        n_censored=int((event == 0).sum()),
        ties=ties,
        fit=hazard,
        sample=sample,
        index=df.index if len(sample.rows) == len(df) else df.index[sample.rows],
        coding=made.coding,
        strata=tuple(as_names(strata)),
        cluster=groups,
    )  # fmt: skip


def _without_zero_weights(sample: Sample) -> Sample:
    """Leave out rows of weight 0, and count them."""
    rest = weighted_rows(sample)
    if rest is sample or sample.groups is None or sample.weights is None:
        return rest
    return replace(rest, groups=sample.groups[sample.weights > 0])


def _codes(sample: Sample, cause: str, event_of_interest: object) -> IntArray:
    """Code the causes: 1 for the one of interest, 2 for others, 0 for censored."""
    if event_of_interest not in sample.causes:
        raise InputError.of(
            "event_of_interest",
            required=f"a cause that occurs in {cause!r}",
            got=repr(event_of_interest),
            remedy=f"Causes: {', '.join(repr(c) for c in sample.causes) or 'none, all censored'}.",
        )
    code = sample.causes.index(event_of_interest) + 1
    return np.where(sample.event == code, 1, np.where(sample.event > 0, 2, 0))


def _check_weights(df: pd.DataFrame, sample: Sample, model: kernel.Subdistribution) -> None:
    """Refuse rows whose weight in later risk sets is undefined, and events without weight."""
    gone = kernel.vanished(model)
    if len(gone):
        times = sorted({float(sample.time[i]) for i in gone})
        raise InputError.of(
            "df",
            required="a sample in which somebody is always left to be censored later, and had"
            " entered before",
            got=f"competing events at times ({', '.join(f'{t:g}' for t in times[:5])}) when the"
            " probability of being under observation is estimated to be 0",
            where=rows_used(df, sample, gone),
            remedy="Start later, when more have entered, or end the follow-up earlier.",
        )
    if not len(model.risk.times):
        raise InputError.of(
            "weights", required="above 0 for some event of interest", got="0 for all of them"
        )


def _maximise(made: Design, model: kernel.Subdistribution, ties: Ties) -> CoxFit:
    """Fit the model, and name the columns that make it impossible."""
    names = np.array(made.names, dtype=object)
    if not len(names):
        raise InputError.of(
            "formula",
            required="of at least one covariate",
            got="none",
            remedy="Without covariates use evalkit.survival.cumulative_incidence.",
        )
    data = prepare(model.risk, made.matrix, ties=ties, carried=model.carried, overwrite=True)
    null = moments(data, np.zeros(len(names)))
    info = information(data, null)
    refuse_dependent(data, null, info, made.names)
    fit = fit_cox(data, null=null, null_information=info)
    if fit.infinite.any() or not fit.converged:
        raise InputError.of(
            "formula",
            required="of covariates whose coefficients are finite",
            got="coefficients that grow without limit: at some values nobody, or everybody first,"
            " has the event of interest",
            where=names[fit.infinite if fit.infinite.any() else slice(None)].tolist(),
            remedy="Merge the levels, or leave the covariate out.",
        )
    return fit


def _coefficients(
    estimate: FloatArray,
    covariance: FloatArray,
    made: Design,
    sample: Sample,
    level: float,
    df: float,
    event_of_interest: object,
    method: str,
    notes: list[str],
) -> EffectTable:
    """Lay out the coefficients with Wald intervals and tests."""
    return EffectTable.of(
        {
            "term": made.names,
            **wald(estimate, np.sqrt(np.diagonal(covariance)), level, df),
            "n": sample.n,
        },
        estimand=f"Log subdistribution hazard ratio of {event_of_interest!r}",
        method=method,
        level=level,
        n_used=sample.n,
        n_dropped=sample.n_dropped,
        notes=notes,
    )


def _named(covariance: FloatArray, names: tuple[str, ...]) -> pd.DataFrame:
    """Label a covariance matrix."""
    import pandas as pd

    return pd.DataFrame(covariance, index=list(names), columns=list(names))


def _notes(
    sample: Sample,
    event: IntArray,
    groups: IntArray | None,
    made: Design,
    weigh_censoring: bool,
) -> list[str]:
    """Say what the reader of the coefficients should know."""
    n, other = int((event == 1).sum()), int((event == 2).sum())
    censored = int((event == 0).sum())
    notes = [f"{n} events of interest, {other} competing events, {censored} rows without event."]
    if not other:
        notes.append("Without competing events this is Cox regression.")
    if n < 10 * len(made.names):
        notes.append("Fewer than 10 events a coefficient: intervals are too short.")
    if groups is not None and groups.max() + 1 < 50:
        notes.append(
            f"Only {int(groups.max()) + 1} clusters: robust standard errors are too small."
        )
    if sample.weights is not None and not weigh_censoring:
        notes.append("Weights do not count in the distribution of censoring (as in R).")
    return notes
