"""How to call the estimators of evalkit.scales, for the checks in test_estimators.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from evalkit import scales

EXEMPT: dict[str, str] = {
    "agreement_bounds": "it takes margins, not a frame",
    "already_reversed": "it reads a record and estimates nothing",
    "collapse": "it recodes answers and estimates nothing",
    "eq5d_value_sets": "it lists what is in the package",
    "instrument": "it looks an instrument up",
    "instruments": "it lists what is in the package",
    "measurement_error": "it takes numbers, not a frame",
    "not_shipped": "it lists what is not in the package",
    "read_scale": "it reads a definition",
    "read_survey": "it reads a file",
    "reverse_items": "it recodes a frame and estimates nothing",
    "share_change": "it takes counts, not a frame",
}

ITEMS = ["came", "sessions", "period", "begun"]
NUMBERS = dict.fromkeys(ITEMS, "number")
SHORT = scales.Scale(
    "Short", items=["period", "weight"], range=(0, 3), formula="mean", min_answered=1,
    cutoffs=[scales.Cutoffs("Short", bounds=[1.5], labels=["low", "high"])],
)  # fmt: skip
PAIR: dict[str, Any] = {"before": "late", "after": "sessions"}
BOTH = {"late": "number", "sessions": "number"}
LONG: dict[str, Any] = {
    "id": "person", "wave": "wave", "score": "score", "before": "start", "after": "end",
}  # fmt: skip
WAVES: dict[str, Any] = {
    "wave": "arm", "before": "CAU", "after": "ReDO", "people": "different",
}  # fmt: skip
WAVE = {"arm": "group"}
TWO_WAVES: dict[str, Any] = {
    "one_row": "before: must be a value of 'arm'|after: must be a value of 'arm'",
    "one_group": "after: must be a value of 'arm'",
}
TWO_PEOPLE = "two people with both"


def register(add: Callable[..., None]) -> None:
    """Add every estimator."""
    items(add)
    raters(add)
    changes(add)
    summaries(add)
    agreements(add)


def _table_dropped(result: Any) -> Any:
    """Return the numbers dropped of results that hold a table."""
    return result.table.n_dropped


def items(add: Callable[..., None]) -> None:
    """Add scores, and what says how good their items are."""
    add(
        "score",
        lambda df: scales.score(df, SHORT),
        # Missing answers are what the missing rule is for: no row is dropped.
        {},
        row_wise=True,
        empty=True,
    )
    add(
        "reliability",
        lambda df: scales.reliability(df, ITEMS, missing="complete"),
        NUMBERS,
        variant="complete",
        dropped=_table_dropped,
        reason="an item missing",
        rtol=1e-6,
    )
    add("reliability", lambda df: scales.reliability(df, ITEMS), {}, variant="pairwise", rtol=1e-6)
    add(
        "reliability",
        lambda df, rng: scales.reliability(
            df.sort_values("person"), ITEMS, missing="complete", n_bootstrap=50, rng=rng
        ),
        {},
        variant="bootstrap",
        random=True,
        rtol=1e-6,
    )
    few = "answered in full by two people"
    for how in ("odd-even", "all"):
        add(
            "split_half",
            lambda df, how=how: scales.split_half(df, ITEMS, halves=how),
            NUMBERS,
            variant=how,
            reason="an item missing",
            one_row=few,
        )
    add(
        "one_factor",
        lambda df: scales.one_factor(df, ITEMS),
        NUMBERS,
        dropped=_table_dropped,
        reason="an item missing",
        rtol=1e-6,
        one_row="by more people than items",
    )
    add(
        "answer_patterns",
        lambda df: scales.answer_patterns(df, ITEMS, item_range=(0, 20), shortest=3),
        {},
    )
    add(
        "suspected_reversals",
        lambda df: scales.suspected_reversals(
            df.assign(turned=-df["sessions"].astype("float64")), [*ITEMS, "turned"]
        ),
        {},
        frame=lambda result: result,
        one_row="answered in pairs by two people or more",
        says="turned",
    )
    add(
        "floor_ceiling",
        lambda df: scales.floor_ceiling(df, "sessions", low=0, high=20),
        {"sessions": "number"},
    )


def raters(add: Callable[..., None]) -> None:
    """Add agreement of raters and of occasions."""
    add(
        "icc",
        lambda df: scales.icc(df, ["came", "period", "begun"]),
        dict.fromkeys(("came", "period", "begun"), "number"),
        reason="a rating missing",
        one_row="two people with all ratings",
    )
    add(
        "icc",
        lambda df: scales.icc(
            _long(df, ["came", "begun"]), subject="person", rater="wave", score="score"
        ),
        {},
        variant="long",
        one_row="two people with all ratings",
    )
    add(
        "retest",
        lambda df: scales.retest(df, first="late", second="sessions"),
        BOTH,
        dropped=_table_dropped,
        one_row="four people with both scores",
    )


def _long(df: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Lay columns out below each other, by wave."""
    parts = [
        df[["person"]].assign(wave=wave, score=df[name])
        for wave, name in zip(("start", "end"), columns, strict=True)
    ]
    return pd.concat(parts, ignore_index=True)


def changes(add: Callable[..., None]) -> None:
    """Add change of people, and of waves that cannot be paired."""
    known: dict[str, Any] = {
        "dropped": _table_dropped, "one_row": TWO_PEOPLE, "reason": "no score",
    }  # fmt: skip
    later = ["late", "sessions"]
    add("change", lambda df: scales.change(df, **PAIR), BOTH, **known)
    add("change", lambda df: scales.change(_long(df, later), **LONG), {}, variant="long", **known)
    reliable: dict[str, Any] = {"reliability": 0.8, "higher_is_better": True, "cut_off": 10}
    add("reliable_change", lambda df: scales.reliable_change(df, **PAIR, **reliable), BOTH, **known)
    add(
        "ordinal_change",
        lambda df: scales.ordinal_change(df, before="weight", after="period", levels=range(4)),
        {"weight": "covariate", "period": "covariate"},
        **known,
    )
    for measure, column in (("mean", "score"), ("share", "came"), ("ordinal", "period")):
        add(
            "wave_difference",
            lambda df, measure=measure, column=column: scales.wave_difference(
                df, score=column, measure=measure, **WAVES
            ),
            {**WAVE, column: "covariate" if measure == "share" else "number"},
            variant=measure,
            **TWO_WAVES,
        )


def summaries(add: Callable[..., None]) -> None:
    """Add tables of answers, response rates and weights against non-response."""
    known: dict[str, Any] = {"dropped": lambda result: result.counts.n_dropped}
    levels: dict[str, Any] = {"levels": range(4), "neutral": [2]}
    add(
        "likert_table",
        lambda df: scales.likert_table(df, ["weight", "period"], by="region", **levels),
        {"region": "group"},
        variant="groups",
        panels=True,
        **known,
    )
    add(
        "likert_table",
        lambda df: scales.likert_table(df, ["period"], weights="weight", **levels),
        {"weight": "number"},
        variant="weights",
        **known,
    )
    add(
        "collapse_table",
        lambda df: scales.collapse_table(
            df, ["sessions"], ["0-4/5-9/10-20", "0-2/3-6/7-20"], ["few", "some", "many"]
        ),
        {},
        panels=True,
    )
    add(
        "multiple_choice",
        lambda df: scales.multiple_choice(df, ["came", "begun"], by="arm"),
        {"arm": "group"},
        variant="groups",
        no_figure="group: must be one of the groups by arm",
    )
    add("multiple_choice", lambda df: scales.multiple_choice(df, ["came", "begun"]), {})
    call: dict[str, Any] = {"yes": 1, "no": 0}
    add("yes_no", lambda df: scales.yes_no(df, ["came", "begun"], **call), {})
    add(
        "yes_no",
        lambda df: scales.yes_no(df, ["came", "begun"], by="arm", **call),
        {"arm": "group"},
        variant="groups",
        panels=True,
        **known,
    )
    add(
        "response_rate",
        lambda df: scales.response_rate(df, answered="came", by="arm"),
        {"came": "covariate", "arm": "group"},
        # Everybody who was asked has answered or not: that cannot be unknown.
        refused=frozenset({"came"}),
        dropped=lambda result: result.rates.n_dropped,
    )
    add(
        "nonresponse_weights",
        lambda df: scales.nonresponse_weights(df, ["region", "sex"], answered="came"),
        {"came": "covariate", "region": "covariate"},
        refused=frozenset({"came", "region"}),
        one_row="somebody who has answered",
        rtol=1e-7,
    )


def agreements(add: Callable[..., None]) -> None:
    """Add agreement of two sources and of coders, and tables of coded comments."""
    add(
        "agreement",
        lambda df: scales.agreement(df, a="came", b="begun"),
        {"came": "covariate", "begun": "covariate"},
        dropped=_table_dropped,
    )
    add(
        "coder_agreement",
        lambda df: scales.coder_agreement(
            df.assign(second=df["region"].astype(object).where(df["office"] > 3, "n")),
            coders=["region", "second"],
        ),
        {},
    )
    add(
        "comment_table",
        lambda df: scales.comment_table(
            df, code="region", answer="sex", codes={"n": -1, "s": 0, "w": 1}
        ),
        {"sex": "covariate"},
        dropped=_table_dropped,
    )
