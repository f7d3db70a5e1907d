"""How to call the estimators of evalkit.matching, for the checks in test_estimators.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from evalkit import matching

EXEMPT: dict[str, str] = {
    "e_value": "it takes an estimate, not a frame",
    "goal_attainment": "it takes counts, not a frame",
}

ARM = {"arm": "group"}
AGE = {"age": "number"}
SCORE = {"score": "number"}
NET = {"net": "number"}
REGION = {"region": "covariate"}
WEIGHT = {"weight": "weight"}
FORM, BOTH = "arm ~ age + score", ARM | AGE | SCORE
TREATED: dict[str, Any] = {"treated": "ReDO"}
TWO = "two groups"
POOR: dict[str, Any] = {"one_row": TWO, "one_group": TWO, "refused": frozenset({"arm"})}
NAMED: dict[str, Any] = {"unique_index": "an index that names each row once"}
OF_SAMPLE: dict[str, Any] = {"dropped": lambda result: result.sample.n_dropped}
RIKET = pd.DataFrame({
    "region": ["n", "s", "w"], "rate": [0.55, 0.45, 0.5], "n": [3000, 4000, 5000],
})  # fmt: skip


def register(add: Callable[..., None]) -> None:
    """Add every estimator."""
    matched(add)
    weighted(add)
    doubly_robust(add)
    sensitivity(add)
    riket(add)


def _effect(result: Any) -> pd.DataFrame:
    """Return the effect that follows, and the balance."""
    effect = result.effect("net").to_frame()
    balance = result.balance().to_frame()
    return pd.concat([effect, balance], ignore_index=True)


def matched(add: Callable[..., None]) -> None:
    """Add matching and what follows it."""

    def match(variant: str, roles: dict[str, str], form: str = FORM, **call: Any) -> None:
        frame = call.pop("frame", _effect)
        add(
            "match",
            lambda df: matching.match(form, df, **TREATED, **call),
            roles,
            variant=variant,
            frame=frame,
            rtol=1e-7,
            **OF_SAMPLE,
            **NAMED,
            **POOR,
        )

    match("nearest", BOTH | REGION, exact="region", caliper=0.5)
    match("survey weights", BOTH | WEIGHT, survey_weights="weight", ratio=2, replace=True)
    match("Mahalanobis", BOTH | REGION, distance="mahalanobis", antiexact="region",
          caliper={"age": 1})  # fmt: skip
    match("optimal", BOTH, method="optimal", discard="both")
    # On a line several sets may have the same total distance.
    match("full", BOTH, method="full", estimand="ATE",
          frame=lambda result: result.pairs[["distance"]].sum().to_frame())  # fmt: skip
    match("exact", ARM | REGION | {"sex": "covariate"}, "arm ~ region + sex", method="exact")
    match("coarsened", ARM | AGE | REGION, "arm ~ age + region", method="cem")
    match("subclass", BOTH, method="subclass")
    for method in ("cardinality", "profile"):  # which of those alike is chosen goes by the label
        match(method, ARM | AGE, "arm ~ age", method=method,
              frame=lambda result: result.n.reset_index())  # fmt: skip
    add(
        "matching_estimator",
        lambda df: matching.matching_estimator(FORM, df, outcome="net", **TREATED),
        BOTH | NET,
        rtol=1e-8,
        **POOR,
    )


def _weigh(df: pd.DataFrame, **call: Any) -> Any:
    """Weigh the arms."""
    return matching.weight(FORM, df, **TREATED, **call)


def weighted(add: Callable[..., None]) -> None:
    """Add balance, weights and what follows them."""
    add(
        "balance",
        lambda df: matching.balance(
            df, treatment="arm", variables=["age", "region"], survey_weights="weight", **TREATED
        ),
        ARM | AGE | REGION | WEIGHT,
        rtol=1e-8,
        **POOR,
    )
    for method in ("ipw", "overlap", "entropy", "cbps", "stable"):
        add(
            "weight",
            lambda df, method=method: _weigh(df, method=method, survey_weights="weight"),
            BOTH | WEIGHT,
            variant=method,
            frame=_effect,
            rtol=1e-6,
            **OF_SAMPLE,
            **POOR,
        )
    add(
        "weight",
        lambda df: matching.weight("region ~ age + score", df, estimand="ATE"),
        {"region": "group"} | AGE | SCORE,
        variant="three groups",
        frame=_effect,
        rtol=1e-6,
        **OF_SAMPLE,
        **{**POOR, "refused": frozenset({"region"})},
    )
    add(
        "survival_effect",
        lambda df: matching.survival_effect(_weigh(df), duration="days", event="ended", tau=60.0),
        BOTH,
        rtol=1e-7,
        **POOR,
    )
    add(
        "negative_control",
        lambda df: matching.negative_control(_weigh(df), ["net", "late"]),
        BOTH,
        rtol=1e-7,
        **POOR,
    )


def doubly_robust(add: Callable[..., None]) -> None:
    """Add estimators with two models."""
    methods: tuple[Any, ...] = ("aipw", "tmle")
    for method in methods:
        add(
            "aipw",
            lambda df, method=method: matching.aipw(
                FORM, df, outcome="net", method=method, cluster="office", **TREATED
            ),
            BOTH | NET,
            variant=method,
            rtol=1e-6,
            **POOR,
        )
    add(
        "aipw",
        lambda df, rng: matching.aipw(
            FORM,
            df,
            outcome="net",
            folds=4,
            survey_weights="weight",
            cluster="person",
            rng=rng,
            **TREATED,
        ),
        BOTH | NET | WEIGHT,
        variant="folds",
        random=True,
        by_label=True,
        rtol=1e-6,
        **POOR,
    )


def sensitivity(add: Callable[..., None]) -> None:
    """Add what hidden confounding could do."""
    add(
        "rosenbaum_bounds",
        lambda df: matching.rosenbaum_bounds(matching.match(FORM, df, **TREATED), "net"),
        ARM,
        rtol=1e-7,
        says=r"pairs: 73 used",
        **NAMED,
        **POOR,
    )
    add(
        "omitted_variable",
        lambda df: matching.omitted_variable(FORM, df, outcome="net", benchmarks="age", **TREATED),
        BOTH | NET,
        rtol=1e-8,
        **POOR,
    )


def riket(add: Callable[..., None]) -> None:
    """Add comparisons with a table."""
    ended = {"ended": "number"}
    kinds: tuple[Any, ...] = ("indirect", "direct")
    for kind in kinds:
        add(
            "standardise",
            lambda df, kind=kind: matching.standardise(
                df, outcome="ended", reference=RIKET, strata="region", kind=kind
            ),
            ended | REGION,
            variant=kind,
            one_row="people in every cell" if kind == "direct" else "result",
        )
    add(
        "standardise_bounds",
        lambda df: matching.standardise_bounds(
            df, outcome="ended", reference=RIKET.drop(columns="n"), strata="region", rounding=0.01
        ),
        ended | REGION,
    )
    add(
        "rake",
        lambda df: matching.rake(
            df, {"region": {"n": 0.3, "s": 0.3, "w": 0.4}, "sex": {"man": 0.5, "woman": 0.5}},
            weights="weight",
        ),
        REGION | {"sex": "covariate"} | WEIGHT,
        rtol=1e-7,
        one_row="people in every level",
    )  # fmt: skip
    add(
        "maic",
        lambda df: matching.maic(df, targets={"age": 44.0, "score": 0.1}, weights="weight"),
        AGE | SCORE | WEIGHT,
        rtol=1e-7,
        one_row="between the participants'",
    )
    add(
        "compare_to_riket",
        lambda df: matching.compare_to_riket(
            df, outcome="ended", figures={"riket": 0.44}, cells=RIKET, strata="region"
        ),
        ended,  # whoever has no region is in the first comparison, but not in the others
        rtol=1e-7,
    )
