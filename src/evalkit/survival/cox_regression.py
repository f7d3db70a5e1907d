"""Cox regression: what changes the rate at which people leave."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from evalkit.core.checks import check_choice, check_counts, check_level
from evalkit.core.columns import Names, as_names, check_known
from evalkit.core.formula import design, formula_variables
from evalkit.core.sample import WeightsKind, read_sample
from evalkit.errors import InputError
from evalkit.survival.cox_estimation import (
    ConvergenceWarning,
    CoxOptions,
    SeparationWarning,
    estimate_cox,
)
from evalkit.survival.cox_input import (
    check_events,
    check_known_from,
    read_clusters,
    read_offset,
    weighted_rows,
)
from evalkit.survival.cox_result import CoxModel

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ConvergenceWarning", "CoxModel", "SeparationWarning", "cox"]


def cox(
    formula: str,
    df: pd.DataFrame,
    *,
    duration: str,
    event: str,
    entry: str | None = None,
    strata: Names | None = None,
    cluster: str | None = None,
    id: str | None = None,  # noqa: A002
    weights: str | None = None,
    weights_kind: WeightsKind = "case",
    offset: str | None = None,
    known_from: Mapping[str, str] | None = None,
    ties: Literal["efron", "breslow"] = "efron",
    penalty: Literal["firth"] | None = None,
    ci: Literal["wald", "profile"] | None = None,
    exponentiate: bool = False,
    level: float = 0.95,
    max_iterations: int | None = None,
) -> CoxModel:
    r"""Regress the rate of leaving on covariates, whatever the rate is over time (Cox).

    A hazard ratio compares rates among those who are still there; it says nothing of how much
    longer anybody stays. Show survival by treatment beside it.

    Parameters
    ----------
    formula : str
        Right-hand side, such as ``"age + C(region)"``.
    df : pandas.DataFrame
        One row for each spell, or several rows (entry, duration] with covariates that change.
    duration : str
        Column with the time of exit.
    event : str
        Column that is 1 if the exit is the event, and 0 if it is censored.
    entry : str, optional
        Column with the time from which the row is at risk: delayed entry, or the start of the
        interval.
    strata : str or sequence of str, optional
        Columns whose combinations have baseline hazards of their own.
    cluster : str, optional
        Column that says which rows are dependent: standard errors are then robust.
    id : str, optional
        Column that says which rows are one person's: robust too; with `cluster`, two ways.
    weights : str, optional
        Column with weights. Rows of weight 0 are dropped and counted.
    weights_kind : {"case", "sampling"}
        Case weights stand for repetitions; sampling weights give robust standard errors.
    offset : str, optional
        Column that is added to the log hazard with coefficient 1.
    known_from : mapping of str to str, optional
        For covariates of the formula that are settled only later, such as having been treated: the
        column with the time from which they are known (missing: never). Rows that use them before
        that are refused, see Notes.
    ties : {"efron", "breslow"}
        Treatment of tied events.
    penalty : {"firth"}, optional
        Firth's penalty, which keeps coefficients finite and reduces their bias in small samples.
    ci : {"wald", "profile"}, optional
        Intervals and tests by standard errors or by the profile likelihood. "wald" if left out,
        "profile" with a penalty.
    exponentiate : bool, default False
        Whether to give hazard ratios instead of their logarithms.
    level : float, default 0.95
        Confidence level.
    max_iterations : int, optional
        Steps after which to give up; 60 if left out, and 400 with a penalty.

    Returns
    -------
    CoxModel
        Coefficients on the log scale, with tests, baseline, predictions and residuals.

    Raises
    ------
    evalkit.errors.InputError
        If a column does not exist or holds what it must not; all rows are censored; a covariate is
        constant within the risk sets or a combination of others (it is named); or a covariate is
        used before it is known.

    Warns
    -----
    SeparationWarning
        If the likelihood rises for ever along some coefficients. They are named and given as
        infinite, without standard error; ``ci="profile"`` gives the end of the interval that
        exists, and ``penalty="firth"`` finite estimates.
    ConvergenceWarning
        If the maximum was not reached.

    Notes
    -----
    The coefficients maximise the partial likelihood [1]_, by Newton's method with step-halving, to
    1e-8 standard errors. Ties are Efron's [2]_ by default. Robust variances are sandwiches of
    score residuals summed by cluster [3]_, those of R, without a factor for few clusters: with
    fewer than 50 they are too small. Intervals and tests make up for part of it by Student's t,
    with one degree of freedom less than clusters; R takes the normal. Two ways of clustering are
    added, less that of their cells, and the way with fewer clusters gives the degrees of freedom.
    Splitting a row at any time changes neither coefficients nor model-based standard errors;
    robust ones then need `cluster` or `id`.

    Case weights of whole numbers give what repeated rows give with Breslow's ties. With Efron's
    they do not, because repeated rows are tied with each other; nor do robust standard errors, in
    which repetitions count as so many people. R does the same, but takes weights that are not
    whole numbers for sampling weights, and gives robust standard errors with them.

    Rows that lack a value are dropped and counted; a missing entry or weight is an error. With
    fewer than about ten events a coefficient, estimates are biased away from 0 and Wald intervals
    too short.

    *Immortal time.* Whoever is treated during the spell must have stayed until then. Having "ever
    been treated" as a covariate from the beginning counts that time in favour of the treatment: in
    the Stanford heart study it gives a log hazard ratio of -1.72 for a transplant (survival looks
    five times better), where the right one is 0.02. Split the rows at the start of the treatment
    with :func:`evalkit.survival.split_rows`, so that a person is untreated until then and treated
    from then on. Naming such covariates in `known_from` makes sure that it was done.

    In R: ``coxph(Surv(entry, duration, event) ~ ..., data, weights, cluster, ties)``.

    References
    ----------
    .. [1] Cox DR (1972). Regression models and life-tables. J R Stat Soc B 34:187-220.
       doi:10.1111/j.2517-6161.1972.tb00899.x
    .. [2] Efron B (1977). The efficiency of Cox's likelihood function for censored data.
       J Am Stat Assoc 72:557-565. doi:10.1080/01621459.1977.10480613
    .. [3] Lin DY, Wei LJ (1989). The robust inference for the Cox proportional hazards model.
       J Am Stat Assoc 84:1074-1078. doi:10.1080/01621459.1989.10478874

    Examples
    --------
    >>> import pandas as pd
    >>> spells = pd.DataFrame({
    ...     "days": [9, 1, 1, 6, 6, 8],
    ...     "ended": [1, 1, 0, 1, 1, 0],
    ...     "redo": [0, 1, 1, 1, 0, 0],
    ... })
    >>> fit = cox("redo", spells, duration="days", event="ended")
    >>> fit.to_frame()[["term", "estimate", "std_error"]].round(4).to_dict("records")
    [{'term': 'redo', 'estimate': 1.6769, 'std_error': 1.2776}]
    >>> fit.survival(pd.DataFrame({"redo": [0, 1]}), [6])["survival"].round(3).tolist()
    [0.694, 0.142]
    """
    check_choice("ties", ties, ("efron", "breslow"))
    if penalty is not None:
        check_choice("penalty", penalty, ("firth",))
    ci = ci or ("wald" if penalty is None else "profile")
    check_choice("ci", ci, ("wald", "profile"))
    level = check_level(level)
    if max_iterations is not None:
        check_counts("max_iterations", max_iterations, minimum=1)
    robust = cluster is not None or id is not None or weights_kind == "sampling"
    if robust and (penalty is not None or ci == "profile"):
        raise InputError.of(
            "penalty" if penalty else "ci",
            required="left out with cluster, id or sampling weights",
            got=repr(penalty or ci),
            remedy="A likelihood takes rows as independent; choose one of the two.",
        )
    check_known(df, duration=duration, event=event, id=id, offset=offset)
    variables = formula_variables(formula, df)
    others = [name for name in (id, offset) if name is not None]
    sample = read_sample(
        df,
        duration=duration,
        event=event,
        entry=entry,
        strata=strata,
        weights=weights,
        cluster=cluster,
        weights_kind=weights_kind,
        extra_columns=[*variables, *others],
    )
    sample = weighted_rows(sample)
    check_events(sample, event)
    check_known_from(df, sample, variables, known_from or {})
    made = design(formula, df, rows=sample.rows)
    coding = made.coding
    if not coding.names:
        raise InputError.of(
            "formula",
            required="of at least one covariate",
            got=repr(formula),
            remedy="Without covariates use evalkit.survival.nelson_aalen.",
        )
    return estimate_cox(
        sample,
        made.matrix,
        coding,
        CoxOptions(ties, penalty, ci, exponentiate, level, max_iterations),
        clusters=read_clusters(df, sample, cluster, id),
        offset=None if offset is None else read_offset(df, offset, sample),
        outcome=f"{duration} until {event}",
        index=df.index if len(sample.rows) == len(df) else df.index[sample.rows],
        strata=tuple(as_names(strata)),
        offset_name=offset,
        overwrite=True,
    )
