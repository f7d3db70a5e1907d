"""Cause-specific Cox regression: a model of the rate of every exit, and what follows together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from evalkit.core.checks import check_choice, check_level
from evalkit.core.columns import Names, as_names, check_known
from evalkit.core.formula import design, formula_variables
from evalkit.core.sample import Sample, WeightsKind, read_sample
from evalkit.errors import InputError
from evalkit.survival.cause_specific_result import CauseSpecificCox
from evalkit.survival.cox_estimation import CoxOptions, estimate_cox
from evalkit.survival.cox_input import read_clusters, weighted_rows
from evalkit.survival.cox_result import CoxModel

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CauseSpecificCox", "cause_specific_cox"]


def cause_specific_cox(
    formula: str | Mapping[object, str],
    df: pd.DataFrame,
    *,
    duration: str,
    cause: str,
    entry: str | None = None,
    strata: Names | None = None,
    cluster: str | None = None,
    id: str | None = None,  # noqa: A002
    weights: str | None = None,
    weights_kind: WeightsKind = "case",
    ties: Literal["efron", "breslow"] = "efron",
    exponentiate: bool = False,
    level: float = 0.95,
) -> CauseSpecificCox:
    r"""Regress the rate of every exit on covariates, in one call, and predict exits by cause.

    The rates of the causes are what changes people's ways out; how many leave each way follows
    from all of them together. A covariate that speeds up one exit lowers the share of the others
    without touching their rates: read the coefficients beside the predicted incidences.

    Parameters
    ----------
    formula : str or mapping of cause to str
        Right-hand side for all causes, or one for each.
    df : pandas.DataFrame
        One row for each spell, or several rows (entry, duration] with covariates that change.
    duration : str
        Column with the time of exit.
    cause : str
        Column with the cause of the exit; 0 is censored.
    entry : str, optional
        Column with the time from which the row is at risk.
    strata : str or sequence of str, optional
        Columns whose combinations have baseline hazards of their own, for every cause.
    cluster, id : str, optional
        Columns that say which rows are dependent: standard errors are then robust.
    weights : str, optional
        Column with weights. Rows of weight 0 are dropped and counted.
    weights_kind : {"case", "sampling"}
        Case weights stand for repetitions; sampling weights give robust standard errors.
    ties : {"efron", "breslow"}
        Treatment of tied events.
    exponentiate : bool, default False
        Whether to give hazard ratios instead of their logarithms.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    CauseSpecificCox
        One Cox model for each cause, with predictions that use all of them.

    Raises
    ------
    evalkit.errors.InputError
        As :func:`evalkit.survival.cox`; also if all rows are censored, or `formula` is a mapping
        that leaves a cause out or names one that does not occur.

    Warns
    -----
    SeparationWarning
        If a coefficient of some cause is infinite; predictions are then refused.

    Notes
    -----
    Each cause is modelled as by :func:`evalkit.survival.cox`, exits for other causes being
    censored: the likelihood falls apart by cause, so nothing is lost, and the coefficients are
    independent of each other. All models use the same rows, those complete in every formula.

    With `cluster` or `id`, intervals of coefficients and predictions take Student's t as there.

    In R: ``coxph(Surv(entry, duration, factor(cause)) ~ ..., data, id = id)``, or
    ``riskRegression::CSC``.

    References
    ----------
    .. [1] Prentice RL, Kalbfleisch JD, Peterson AV, Flournoy N, Farewell VT, Breslow NE (1978).
       The analysis of failure times in the presence of competing risks. Biometrics 34:541-554.
       doi:10.2307/2530374

    Examples
    --------
    >>> import pandas as pd
    >>> spells = pd.DataFrame({
    ...     "days": [20, 35, 35, 60, 80, 95, 120, 150, 170, 200],
    ...     "exit": ["work", "work", "study", "work", 0, "study", "work", 0, "work", "study"],
    ...     "age": [30, 52, 41, 28, 60, 35, 44, 58, 49, 51],
    ... })
    >>> models = cause_specific_cox("age", spells, duration="days", cause="exit")
    >>> models.to_frame()[["cause", "term", "estimate"]].round(3).to_dict("records")
    [{'cause': 'study', 'term': 'age', 'estimate': -0.115}, {'cause': 'work', 'term': 'age',
      'estimate': -0.106}]
    >>> models.cumulative_incidence(pd.DataFrame({"age": [40]}), [90])[
    ...     ["cause", "cumulative_incidence"]
    ... ].round(3).to_dict("records")
    [{'cause': 'study', 'cumulative_incidence': 0.097}, {'cause': 'work',
      'cumulative_incidence': 0.284}]
    """
    check_choice("ties", ties, ("efron", "breslow"))
    level = check_level(level)
    check_known(df, duration=duration, cause=cause, id=id)
    given = [formula] if isinstance(formula, str) else list(formula.values())
    variables = [name for one in given for name in formula_variables(one, df)]
    sample = weighted_rows(
        read_sample(
            df,
            duration=duration,
            cause=cause,
            entry=entry,
            strata=strata,
            weights=weights,
            cluster=cluster,
            weights_kind=weights_kind,
            extra_columns=[*dict.fromkeys(variables), *([] if id is None else [id])],
        )
    )
    formulas = _by_cause(formula, sample, cause)
    clusters = read_clusters(df, sample, cluster, id)
    options = CoxOptions(ties=ties, exponentiate=exponentiate, level=level)
    models: dict[object, CoxModel] = {}
    for code, (label, one) in enumerate(formulas.items(), start=1):
        made = design(one, df, rows=sample.rows)
        if not made.names:
            raise InputError.of(
                "formula",
                required="of at least one covariate",
                got=repr(one),
                remedy="Without covariates use evalkit.survival.cumulative_incidence.",
            )
        event = (sample.event == code).astype(np.int64)
        models[label] = estimate_cox(
            replace(sample, event=event, causes=(label,)),
            made.matrix,
            made.coding,
            options,
            clusters=clusters,
            outcome=f"{duration} until {cause} {label!r}",
            index=df.index[sample.rows],
            strata=tuple(as_names(strata)),
            overwrite=True,
        )
    return CauseSpecificCox(models, sample, level)


def _by_cause(formula: str | Mapping[object, str], sample: Sample, cause: str) -> dict[object, str]:
    """Return the formula of each cause, in the order of the causes."""
    occurring = [c for c, n in zip(sample.causes, _events(sample), strict=True) if n]
    if not occurring:
        raise InputError.of(
            "cause",
            required=f"a cause in at least one row ({cause!r})",
            got=f"all {sample.n} rows censored",
            remedy="Without events no rate can be estimated; check the coding of the column.",
        )
    if isinstance(formula, str):
        return dict.fromkeys(occurring, formula)
    if set(formula) != set(occurring):
        raise InputError.of(
            "formula",
            required="one formula for all causes, or one for each",
            got=f"formulas for {', '.join(map(repr, formula))}",
            remedy=f"Causes: {', '.join(map(repr, occurring))}.",
        )
    return {label: formula[label] for label in occurring}


def _events(sample: Sample) -> list[int]:
    """Return the number of events of each cause."""
    return np.bincount(sample.event, minlength=sample.n_causes + 1)[1:].tolist()
