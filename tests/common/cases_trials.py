"""How to call the estimators of evalkit.trials, for the checks in test_estimators.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from evalkit import trials

EXEMPT: dict[str, str] = {
    "adjust_pvalues": "it takes p-values, not a frame",
    "consort": "it counts persons and estimates nothing",
    "detectable_effect": "it takes a plan, not a frame",
    "gatekeeping": "it takes p-values, not a frame",
    "graphical_test": "it takes p-values, not a frame",
    "power": "it takes a plan, not a frame",
    "proportion_difference": "it takes counts, not a frame",
    "proportion_odds_ratio": "it takes counts, not a frame",
    "proportion_ratio": "it takes counts, not a frame",
    "randomise": "it allocates units and estimates nothing",
    "sample_size": "it takes a plan, not a frame",
    "sequential_analysis": "it takes estimates, not a frame",
    "sequential_design": "it takes a plan, not a frame",
    "simulate_power": "it draws its own frames",
}

ARMS: dict[str, Any] = {"arm": "arm", "control": "CAU"}
ARM = {"arm": "group"}
SCORE = {"score": "number"}
AGE = {"age": "number"}
REGION = {"region": "covariate"}
ANALYSED: dict[str, Any] = {
    "says": r"\b160\b|\b87\b|Analysed of randomised: ReDO \d+ of 73, CAU \d+ of 87"
}
TWO = "at least two arms|one of the arms"
POOR: dict[str, Any] = {"one_row": TWO, "one_group": TWO, "refused": frozenset({"arm"})}


def register(add: Callable[..., None]) -> None:
    """Add every estimator."""
    effects(add)
    designs(add)
    adherence(add)
    missing(add)


def effects(add: Callable[..., None]) -> None:
    """Add effects of the arms as randomised."""

    def effect(variant: str, roles: dict[str, str], **call: Any) -> None:
        add(
            "effect",
            lambda df: trials.effect(df, **ARMS, **call),
            ARM | roles,
            variant=variant,
            no_figure="pass through infinity" if call.get("measure") == "nnt" else "",
            **POOR,
        )

    adjusted = {"covariates": "age", "strata": "region"}
    effect("means", SCORE, outcome="score")
    effect("means, strata", SCORE | REGION, outcome="score", strata="region")
    for how in ("ancova", "lin", "standardised"):
        effect(
            f"means, {how}, clusters",
            SCORE | AGE | REGION,
            outcome="score",
            cluster="office",
            adjustment=how,
            **adjusted,
        )
    ended = {"ended": "number"}
    for measure in ("risk_difference", "risk_ratio", "odds_ratio", "nnt"):
        effect(measure, ended, outcome="ended", measure=measure)
    effect("risks, strata", ended | REGION, outcome="ended", measure="risk_difference",
           strata="region")  # fmt: skip
    effect("risks, standardised", ended | AGE, outcome="ended", measure="odds_ratio",
           covariates="age", adjustment="standardised", cluster="office")  # fmt: skip
    for measure in ("proportional_odds", "probabilistic_index", "win_ratio"):
        effect(measure, {"weight": "number"}, outcome="weight", measure=measure)
    effect("rate_ratio", {"weight": "number"}, outcome="weight", measure="rate_ratio")
    times = {"days": "number", "ended": "event"}
    effect("hazard_ratio", times, outcome="days", event="ended", measure="hazard_ratio")
    effect("rmst_difference", times, outcome="days", event="ended", measure="rmst_difference",
           tau=60.0)  # fmt: skip


def _visits(df: pd.DataFrame) -> pd.DataFrame:
    """Measure everybody twice."""
    later = df.assign(visit=1, score=-(df["score"].astype(float) ** 2))
    return pd.concat([df.assign(visit=0), later], ignore_index=True)


def designs(add: Callable[..., None]) -> None:
    """Add analyses that fit the design: groups, clusters, visits, several arms, permutations."""
    score = {"outcome": "score"}
    add(
        "partially_nested",
        lambda df: trials.partially_nested(df, **score, **ARMS, group="circle"),
        ARM | SCORE,
        rtol=1e-6,
        **POOR,
    )
    add(
        "randomisation_test",
        lambda df, rng: trials.randomisation_test(
            df, **score, **ARMS, strata="region", unit="person", n_permutations=200, rng=rng
        ),
        ARM | SCORE | REGION,
        random=True,
        **POOR,
    )
    add(
        "subgroup_effects",
        lambda df: trials.subgroup_effects(df, **score, **ARMS, subgroups="region"),
        ARM | SCORE | REGION,
        # The row of all persons, first, keeps those whose subgroup is not known.
        frame=lambda result: result.to_frame().iloc[1:].reset_index(drop=True),
        **POOR,
    )
    add("compare_arms", lambda df: trials.compare_arms(df, **score, **ARMS), ARM | SCORE, **POOR)
    for name, margin in (("non_inferiority", {"higher": "better"}), ("equivalence", {})):
        call = getattr(trials, name)
        add(
            name,
            lambda df, call=call, margin=margin: call(
                trials.effect(df, **score, **ARMS), margin=0.5, **margin
            ),
            ARM | SCORE,
            **POOR,
        )
    days = {"days": "number"}
    add(
        "two_part_effect",
        lambda df: trials.two_part_effect(df, outcome="net", **ARMS),
        ARM | {"net": "number"},
        no_figure="effects on one scale",
        **POOR,
    )
    add(
        "quantile_effect",
        lambda df, rng: trials.quantile_effect(
            df, outcome="days", **ARMS, n_resamples=100, unit="person", rng=rng
        ),
        ARM | days,
        random=True,
        **POOR,
    )
    add(
        "gee",
        lambda df: trials.gee(df, outcome="ended", **ARMS, cluster="office", covariates="age"),
        ARM | {"ended": "number"} | AGE,
        rtol=1e-7,
        **POOR,
    )
    add(
        "repeated_measures",
        lambda df: trials.repeated_measures(
            _visits(df), **score, **ARMS, unit="person", visit="visit", baseline=0
        ),
        ARM,
        rtol=1e-6,
        **POOR,
    )
    add(
        "stepped_wedge",
        lambda df: trials.stepped_wedge(
            df,
            **score, exposed="begun", cluster="office", period="period",
        ),
        SCORE,
        rtol=1e-6,
        one_row="at least two clusters|no combination",
    )  # fmt: skip
    add(
        "baseline_table",
        lambda df: trials.baseline_table(df, **ARMS, variables=["age", "region"]),
        ARM,
        **POOR,
    )


def adherence(add: Callable[..., None]) -> None:
    """Add effects of what was received."""
    call: dict[str, Any] = {"outcome": "score", "assigned": "arm", "control": "CAU"}
    for name in ("cace", "as_treated", "per_protocol"):
        add(
            name,
            lambda df, name=name: getattr(trials, name)(
                df, **call, received="came", covariates="age", cluster="office"
            ),
            ARM | SCORE | AGE,
            always_dropped=21 if name == "per_protocol" else 0,
            **POOR,
            **ANALYSED,
        )
    add(
        "dose_response",
        lambda df: trials.dose_response(df, **call, sessions="sessions"),
        ARM | SCORE,
        **POOR,
    )
    add(
        "balke_pearl_bounds",
        lambda df: trials.balke_pearl_bounds(df, **{**call, "outcome": "ended"}, received="came"),
        ARM | {"ended": "number"},
        **POOR,
    )


def missing(add: Callable[..., None]) -> None:
    """Add what is done about missing outcomes."""
    after: dict[str, Any] = {"outcome": "after", **ARMS}
    drawn: dict[str, Any] = {"n_imputations": 5, "covariates": "age", "unit": "person"}
    for name in ("attrition_table", "attrition_test"):
        add(
            name,
            lambda df, name=name: getattr(trials, name)(df, **after, covariates="age"),
            ARM,
            **POOR,
            **ANALYSED,
        )
    add(
        "attrition_weights",
        lambda df: trials.attrition_weights(df, **after, response="age"),
        ARM,
        rtol=1e-7,
        **POOR,
        **ANALYSED,
    )
    for method in ("mar", "jump to reference"):
        add(
            "multiple_imputation",
            lambda df, rng, method=method: trials.multiple_imputation(
                df, **after, **drawn, method=method, rng=rng
            ),
            ARM,
            variant=method,
            random=True,
            rtol=1e-7,
            **POOR,
            **ANALYSED,
        )
    add(
        "tipping_point",
        lambda df, rng: trials.tipping_point(df, **after, **drawn, rng=rng),
        ARM,
        random=True,
        rtol=1e-7,
        **POOR,
        **ANALYSED,
    )
    add("lee_bounds", lambda df: trials.lee_bounds(df, **after), ARM, **POOR, **ANALYSED)
    add(
        "manski_bounds",
        lambda df: trials.manski_bounds(df, **after, lowest=-4, highest=4),
        ARM,
        **POOR,
        **ANALYSED,
    )
