"""Reading a trial, and what goes with its results."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evalkit.core.results import EffectTable
from evalkit.errors import InputError
from evalkit.trials.estimand import Estimand
from evalkit.trials.trial_result import TrialEffect, as_randomised
from evalkit.trials.trial_sample import as_formula, read_trial


def trial() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "person": [11, 12, 13, 14, 15, 16],
            "arm": ["ReDO", "CAU", "ReDO", "CAU", "ReDO", "CAU"],
            "mastery": [21.0, 19.0, np.nan, 24.0, 18.0, 20.0],
            "work": [1, 0, 1, 1, 0, 0],
            "health": pd.Categorical(["bad", "good", "fair", "bad", "good", "fair"],
                                     categories=["bad", "fair", "good"], ordered=True),
            "age": [30, 41, 52, 33, np.nan, 28],
            "site": ["Syd", "Syd", "Nord", "Nord", "Syd", None],
            "group": ["g1", None, "g2", None, "g1", None],
            "weight": [1.0, 2.0, 1.0, 1.0, 1.0, 1.0],
        },
        index=list("abcdef"),
    )  # fmt: skip


BASIC = {"outcome": "mastery", "arm": "arm", "control": "CAU"}


def test_rows_are_dropped_once_and_counted_by_arm() -> None:
    sample = read_trial(trial(), **BASIC, covariates="age", strata="site")
    assert sample.arm_levels == ("CAU", "ReDO")
    assert sample.rows.tolist() == [0, 1, 3]
    assert sample.n_randomised == (3, 3)
    assert sample.n_analysed == (2, 1)
    assert dict(sample.n_dropped) == {"missing mastery": 1, "missing site": 1, "missing age": 1}
    assert sample.strata_levels == ("Nord", "Syd")
    assert sample.matrix.ravel().tolist() == [30, 41, 33]
    assert sample.analysed_line() == "Analysed of randomised: ReDO 1 of 3, CAU 2 of 3"


def test_a_row_without_a_group_stands_alone() -> None:
    sample = read_trial(trial(), outcome="work", arm="arm", control="CAU", cluster="group")
    assert sample.cluster is not None
    assert sample.cluster[0] == sample.cluster[4]
    assert len(set(sample.cluster.tolist())) == 5


def test_ordinal_outcomes_keep_the_order_of_their_categories() -> None:
    sample = read_trial(trial(), outcome="health", arm="arm", control="CAU", kind="ordinal")
    assert sample.outcome.tolist() == [0, 2, 1, 0, 2, 1]
    assert sample.outcome_levels == ("bad", "fair", "good")


def test_outcomes_may_stay_missing() -> None:
    sample = read_trial(trial(), **BASIC, need_outcome=False)
    assert np.isnan(sample.outcome).tolist() == [False, False, True, False, False, False]


def test_input_is_not_changed() -> None:
    df = trial()
    read_trial(df, **BASIC, covariates="age", strata="site", cluster="group", weights="weight")
    pd.testing.assert_frame_equal(df, trial())


def changed(**columns: object) -> pd.DataFrame:
    return trial().assign(**columns)


@pytest.mark.parametrize(
    ("df", "more", "message"),
    [
        (trial(), {"control": "control"}, "one of the arms in 'arm': 'CAU', 'ReDO'"),
        (trial(), {"control": True}, "control: must be one of the arms"),
        (changed(arm=[0, 1, 0, 1, 0, 1]), {"control": False}, "control: must be one of the arms"),
        (changed(arm="CAU"), {}, "at least two arms"),
        (changed(arm=["ReDO", None, "ReDO", "CAU", "ReDO", "CAU"]), {}, "row 'b'"),
        (changed(mastery=[1, np.nan, 2, np.nan, 3, np.nan]), {},
         "missing for all 3 randomised to 'CAU'"),
        (changed(mastery=np.inf), {}, "outcome: must be finite"),
        (changed(mastery="high"), {}, "outcome: must be a column of numbers"),
        (trial(), {"outcome": "mastry"}, "Did you mean 'mastery'"),
        (trial(), {"kind": "binary"}, "outcome: must be 0 or 1"),
        (trial(), {"outcome": "site", "kind": "ordinal"}, "a column of numbers"),
        (trial().astype({"site": "category"}), {"outcome": "site", "kind": "ordinal"},
         "categories without an order"),
        (changed(mastery=[0.5] * 6), {"kind": "count"}, "whole numbers"),
        (changed(mastery=-1.0), {"kind": "duration"}, "at least 0"),
        (changed(person=[1, 1, 2, 2, 3, 4]), {"unit": "person"}, "2 identifiers .*1, 2"),
        (changed(person=[1, None, 2, 5, 3, 4]), {"unit": "person"}, "missing"),
        (changed(weight=[1, -1, 1, 1, 1, 1.0]), {"weights": "weight"}, "weights: .*row 'b'"),
        (changed(age=[np.nan, 1, np.nan, 1, np.nan, 1]), {"covariates": "age"},
         "at least one complete row in every arm"),
        (trial().head(0), {}, "at least one row"),
    ],
)  # fmt: skip
def test_bad_input_is_named(df: pd.DataFrame, more: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_trial(df, **{**BASIC, **more})  # type: ignore[arg-type]


def test_lists_of_columns_become_formulas() -> None:
    assert as_formula(["age", "days before"]) == "age + `days before`"
    assert as_formula([]) is None
    assert as_formula("age * sex") == "age * sex"


def test_estimand_names_its_five_attributes() -> None:
    made = Estimand("all randomised", "a - b", "y", "difference in means", {"death": "composite"})
    assert made.to_frame()["attribute"].tolist() == [
        "Population", "Treatments", "Variable", "Intercurrent events", "Summary",
    ]  # fmt: skip
    assert "death (composite)" in repr(made)
    assert made.with_changes(variable="z").variable == "z"
    with pytest.raises(InputError, match=r"intercurrent\['death'\]: must be one of"):
        made.with_changes(intercurrent={"death": "ignored"})
    with pytest.raises(InputError, match="population: must be said in words"):
        made.with_changes(population=" ")


def test_results_say_who_was_analysed_and_what_higher_means() -> None:
    sample = read_trial(trial(), **BASIC)
    result = TrialEffect.from_sample(
        {"term": "difference", "contrast": sample.contrasts[0], "estimate": [1.0], "n": sample.n},
        sample,
        attributes=as_randomised(sample, outcome="mastery", summary="difference in means"),
        higher="better",
        method="By hand",
        level=0.95,
    )
    assert isinstance(result, EffectTable)
    lines = repr(result).splitlines()
    assert lines[0] == "Difference in means, ReDO - CAU, higher = better"
    assert lines[2] == (
        "Analysed of randomised: ReDO 2 of 3, CAU 3 of 3; 1 dropped (missing mastery: 1)"
    )
    assert "treatment policy" in repr(result.attributes)
