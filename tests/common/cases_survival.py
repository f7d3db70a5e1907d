"""How to call the estimators of evalkit.survival, for the checks in test_estimators.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from evalkit import survival

EXEMPT: dict[str, str] = {"split_rows": "it prepares rows and estimates nothing"}

TIMES = [50, 100]
FORMULA = "sex + age + score"

EVENT: dict[str, Any] = {"duration": "days", "event": "ended"}
CAUSE: dict[str, Any] = {"duration": "days", "cause": "cause"}
SEX: dict[str, Any] = {"by": "sex", "reference": "man"}
ALL: dict[str, Any] = {"entry": "late", "weights": "weight", "cluster": "office"}

PLAIN = {"days": "time", "ended": "event"}
CAUSES = {"days": "time", "cause": "cause"}
LATE = {"late": "entry"}
WEIGHTED = {"weight": "weight"}
BY_SEX = {"sex": "group"}
MODEL = {"sex": "covariate", "age": "number", "score": "number"}
OFFICE = {"office": "cluster"}
REGION = {"region": "group"}


def register(add: Callable[..., None]) -> None:
    """Add every estimator."""
    curves(add)
    incidence(add)
    tests(add)
    pseudo(add)
    regression(add)
    discrete_and_parametric(add)


def curves(add: Callable[..., None]) -> None:
    """Add curves of staying, and their differences."""
    by_all = PLAIN | LATE | WEIGHTED | OFFICE
    for name in ("kaplan_meier", "nelson_aalen"):
        call = getattr(survival, name)
        add(name, lambda df, call=call: call(df, **EVENT, by="sex"), PLAIN | BY_SEX)
        add(
            name,
            lambda df, call=call: call(df, **EVENT, **ALL, weights_kind="sampling"),
            by_all,
            variant="late, weighted, clustered",
        )
    add("life_table", lambda df: survival.life_table(df, **EVENT, by="sex"), PLAIN | BY_SEX)
    add(
        "rmst_difference",
        lambda df: survival.rmst_difference(df, **EVENT, **SEX, tau=TIMES),
        PLAIN | BY_SEX,
        one_row="at least two groups",
        one_group="at least two groups",
    )
    add(
        "survival_difference",
        lambda df: survival.survival_difference(df, **EVENT, **SEX, times=TIMES),
        PLAIN | BY_SEX,
        one_row="at least two groups",
        one_group="at least two groups",
    )


def incidence(add: Callable[..., None]) -> None:
    """Add the estimators of exits by cause."""
    by_all = CAUSES | LATE | WEIGHTED | OFFICE
    add(
        "cumulative_incidence",
        lambda df: survival.cumulative_incidence(df, **CAUSE, by="sex"),
        CAUSES | BY_SEX,
    )
    add(
        "cumulative_incidence",
        lambda df: survival.cumulative_incidence(df, **CAUSE, **ALL),
        by_all,
        variant="late, weighted, clustered",
    )
    add(
        "incidence_difference",
        lambda df: survival.incidence_difference(df, **CAUSE, **SEX, times=TIMES),
        CAUSES | BY_SEX,
        one_row="at least two groups",
        one_group="at least two groups",
    )
    add(
        "days_lost",
        lambda df: survival.days_lost(df, **CAUSE, by="sex", tau=20),
        CAUSES | BY_SEX,
    )
    add(
        "days_lost_difference",
        lambda df: survival.days_lost_difference(df, **CAUSE, **SEX, tau=TIMES),
        CAUSES | BY_SEX,
        one_row="at least two groups",
        one_group="at least two groups",
    )
    add(
        "state_occupation",
        lambda df: survival.state_occupation(df, **CAUSE),
        CAUSES,
    )


def tests(add: Callable[..., None]) -> None:
    """Add the tests of equal curves."""
    few = {"one_row": "at least two groups", "one_group": "at least two groups"}
    add("logrank", lambda df: survival.logrank(df, **EVENT, by="sex"), PLAIN | BY_SEX, **few)
    add(
        "logrank",
        lambda df: survival.logrank(df, **EVENT, by="sex", entry="late", strata="region", rho=1.0),
        PLAIN | BY_SEX | LATE | {"region": "covariate"},
        variant="late, stratified, weighted early",
        **few,
    )
    add(
        "logrank_trend",
        lambda df: survival.logrank_trend(df, **EVENT, by="region", scores=[1, 2, 4]),
        PLAIN | REGION,
        **few,
    )
    add(
        "logrank_pairwise",
        lambda df: survival.logrank_pairwise(df, **EVENT, by="region"),
        PLAIN | REGION,
        **few,
    )
    add("gray_test", lambda df: survival.gray_test(df, **CAUSE, by="sex"), CAUSES | BY_SEX, **few)
    add(
        "gray_test",
        lambda df: survival.gray_test(df, **CAUSE, by="sex", entry="late"),
        CAUSES | BY_SEX | LATE,
        variant="late",
        **few,
    )


def pseudo(add: Callable[..., None]) -> None:
    """Add pseudo-values and regressions on them."""
    add(
        "pseudo_values",
        lambda df: survival.pseudo_values(df, **EVENT, times=TIMES),
        PLAIN,
        row_wise=True,
    )
    add(
        "pseudo_regression",
        lambda df: survival.pseudo_regression(FORMULA, df, **EVENT, times=TIMES),
        PLAIN | MODEL,
        one_row="formula",
        rtol=1e-6,
    )
    add(
        "pseudo_regression",
        lambda df: survival.pseudo_regression(
            FORMULA, df, **CAUSE, event_of_interest=1, measure="cumulative_incidence", times=TIMES,
            cluster="office",
        ),
        CAUSES | MODEL | OFFICE,
        variant="exits by cause",
        one_row="at least two clusters",
        rtol=1e-6,
    )  # fmt: skip


def regression(add: Callable[..., None]) -> None:
    """Add proportional hazards and what comes with them."""
    add(
        "cox",
        lambda df: survival.cox(FORMULA, df, **EVENT),
        PLAIN | MODEL,
        one_row="formula",
        rtol=1e-6,
    )
    add(
        "cox",
        lambda df: survival.cox("age + score", df, **EVENT, **ALL, strata="sex", ties="breslow"),
        PLAIN | LATE | WEIGHTED | OFFICE
        | {"age": "number", "score": "number", "sex": "covariate"},
        variant="late, weighted, clustered, stratified",
        one_row="at least two clusters",
        rtol=1e-6,
    )  # fmt: skip
    add(
        "fine_gray",
        lambda df: survival.fine_gray(FORMULA, df, **CAUSE, event_of_interest=1),
        CAUSES | MODEL,
        one_row="formula",
        rtol=1e-6,
    )
    add(
        "cause_specific_cox",
        lambda df: survival.cause_specific_cox(FORMULA, df, **CAUSE),
        CAUSES | MODEL,
        one_row="formula",
        rtol=1e-6,
    )
    add(
        "standardised_survival",
        lambda df: survival.standardised_survival(
            "sex + age + score",
            df,
            treatment="sex",
            reference="man",
            times=TIMES,
            tau=100,
            **EVENT,
        ),
        PLAIN | MODEL,
        one_row="formula",
        rtol=1e-6,
    )
    add(
        "ipcw",
        lambda df: survival.ipcw(df, **EVENT),
        PLAIN,
        row_wise=True,
    )


def discrete_and_parametric(add: Callable[..., None]) -> None:
    """Add hazards in discrete time and with a shape."""
    add(
        "discrete_hazard",
        lambda df: survival.discrete_hazard(FORMULA, df, **EVENT, breaks=[30, 90, 180, 400]),
        PLAIN | MODEL,
        one_row="formula",
        rtol=1e-6,
    )
    add(
        "discrete_hazard",
        lambda df: survival.discrete_hazard(
            FORMULA, df, **EVENT, **ALL, breaks=[30, 90, 180, 400], link="logit"
        ),
        PLAIN | MODEL | LATE | WEIGHTED | OFFICE,
        variant="late, weighted, clustered",
        one_row="formula",
        rtol=1e-6,
    )
    add(
        "parametric",
        lambda df: survival.parametric(FORMULA, df, **EVENT, distribution="weibull"),
        PLAIN | MODEL,
        one_row="formula",
        rtol=1e-5,
    )
    add(
        "compare_parametric",
        lambda df: survival.compare_parametric(FORMULA, df, **EVENT),
        PLAIN | MODEL,
        one_row="formula",
        dropped=lambda result: result.fits["weibull"].coefficients.n_dropped,
        rtol=1e-5,
    )
