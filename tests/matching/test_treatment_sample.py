"""The treatment and the covariates of a comparison: what is read, dropped, left out and refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from evalkit.errors import InputError
from evalkit.matching.treatment_groups import split_formula
from evalkit.matching.treatment_sample import treatment_sample


def people() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "amia": [1, 0, 0, 1, 0, 0],
            "age": [41.0, 38.0, np.nan, 52.0, 29.0, 60.0],
            "sex": list("kmkmkm"),
            "region": ["Öst", None, "Öst", "Väst", "Syd", "Syd"],
            "ended": [1, 0, 1, np.nan, 0, 1],
            "w": [1.0, 2.0, 1.0, 1.0, 3.0, 1.0],
        },
        index=list("fedcba"),
    )


def test_rows_are_dropped_once_and_counted_by_reason():
    sample = treatment_sample("amia ~ age + sex", people(), columns=["region"], weights="w")
    assert sample.frame.index.tolist() == ["f", "c", "b", "a"]
    assert dict(sample.n_dropped) == {"missing age": 1, "missing region": 1}
    assert sample.n_all == (4, 2)
    assert sample.counts() == (2, 2)
    assert sample.weights is not None
    assert sample.weights.tolist() == [1.0, 1.0, 3.0, 1.0]
    assert sample.rank.tolist() == [3, 2, 1, 0]


def test_rows_without_survey_weight_are_left_out_and_counted():
    df = people().assign(w=[1.0, 0.0, 0.0, 1.0, 3.0, 1.0])
    sample = treatment_sample("amia ~ age", df, weights="w")
    assert sample.frame.index.tolist() == ["f", "c", "b", "a"]
    assert dict(sample.n_dropped) == {"missing age": 1, "w is 0": 1}
    with pytest.raises(InputError, match=r"complete row in every group; got none in 1 \(at w is 0"):
        treatment_sample("amia ~ sex", df.assign(w=1.0 - df["amia"]), weights="w")


def test_missing_values_in_unused_columns_do_not_matter():
    assert treatment_sample("amia ~ sex", people()).n == 6


def test_later_changes_of_the_frame_do_not_reach_the_sample():
    df = people()
    sample = treatment_sample("amia ~ sex", df, weights="w")
    df.loc["f", ["w", "ended"]] = [9.0, 7.0]
    df["amia"] = 0
    assert sample.weights is not None
    assert sample.weights[0] == 1.0
    assert sample.frame.loc["f", "ended"] == 1
    assert sample.treated.sum() == 2


def test_constant_and_collinear_covariates_are_left_out_and_named():
    df = people().assign(all_alike=3.0, double=lambda d: 2 * d["age"] + 1)
    sample = treatment_sample("amia ~ all_alike + age + double + sex", df)
    assert sample.names == ("age", "sex[T.m]")
    assert sample.terms == {"age": (0,), "sex": (1,)}
    assert sample.notes == (
        "all_alike is left out: it is the same for everybody.",
        "double is left out: the covariates before it determine it.",
    )


def test_labels_of_groups_need_the_one_that_took_part():
    df = people().assign(amia=["AMiA", "riket", "riket", "AMiA", "riket", "riket"])
    with pytest.raises(InputError, match=r"1 for those who took part.*treated='riket'"):
        treatment_sample("amia ~ sex", df)
    sample = treatment_sample("amia ~ sex", df, treated="AMiA")
    assert sample.levels == ("riket", "AMiA")
    assert sample.treated.tolist() == [True, False, False, True, False, False]
    with pytest.raises(InputError, match=r"one of the groups.*got 'ReDO'"):
        treatment_sample("amia ~ sex", df, treated="ReDO")


@pytest.mark.parametrize("dtype", ["bool", "Int64", "boolean", "float", "category", "int8"])
def test_every_storage_of_the_treatment(dtype: Any):
    df = people()
    df["amia"] = df["amia"].astype(dtype)
    assert treatment_sample("amia ~ sex", df).treated.tolist() == [
        True, False, False, True, False, False,
    ]  # fmt: skip


def test_several_groups():
    df = people().assign(amia=["A", "B", "C", "A", "B", "C"])
    with pytest.raises(InputError, match=r"two groups.*isin"):
        treatment_sample("amia ~ sex", df)
    sample = treatment_sample("amia ~ sex", df, several=True)
    assert sample.levels == ("A", "B", "C")
    assert sample.group.tolist() == [0, 1, 2, 0, 1, 2]
    with pytest.raises(InputError, match=r"treated: must be left out with more than two groups"):
        treatment_sample("amia ~ sex", df, treated="B", several=True)


@pytest.mark.parametrize(
    ("change", "formula", "message"),
    [
        ({}, "amia", "a formula such as"),
        ({}, "~ age", "a formula such as"),
        ({}, 7, "a formula such as.*got a int"),
        ({}, "ami ~ age", "Did you mean 'amia'"),
        ({}, "amia ~ age + amia", "on both sides"),
        ({"amia": [1, 1, 1, 1, 1, 1]}, "amia ~ sex", "two groups.*got 1"),
        ({"amia": [1, None, 0, 0, 0, 1]}, "amia ~ sex", "known for everybody.*row 'e'"),
        ({"age": [None, 1, 1, None, 2, 3]}, "amia ~ age", "complete row in every group.*none in 1"),
        ({"w": [1, -1, 1, 1, 1, 1]}, "amia ~ sex", "weights: must be finite.*row 'e'"),
        ({"w": [0, 0, 0, 0, 0, 0]}, "amia ~ sex", "positive somewhere"),
    ],
)
def test_bad_input_is_refused(change: dict[str, object], formula: object, message: str):
    with pytest.raises(InputError, match=message):
        treatment_sample(formula, people().assign(**change), weights="w")  # pyright: ignore[reportArgumentType]


def test_a_repeated_index_is_refused():
    df = people()
    df.index = pd.Index(list("ffdcba"))
    with pytest.raises(InputError, match=r"names each row once; got 2 rows.*row 'f'"):
        treatment_sample("amia ~ sex", df, unique_index=True)
    sample = treatment_sample("amia ~ sex", df)
    assert sample.frame.index.equals(df.index)
    assert sample.rank.tolist() == [4, 5, 3, 2, 1, 0]


def test_labels_are_ranked_whatever_they_are():
    df = people()
    df.index = pd.CategoricalIndex(list("fedcba"), categories=list("fedcba"))
    assert treatment_sample("amia ~ sex", df).rank.tolist() == [0, 1, 2, 3, 4, 5]
    df.index = pd.MultiIndex.from_tuples([("a", 2), ("a", 1), (3, 1), (3, 0), (2, 9), ("b", 0)])
    assert treatment_sample("amia ~ sex", df).rank.tolist() == [1, 0, 5, 4, 3, 2]
    df.index = pd.Index([1, "a", 0, "c", "b", 2], dtype=object)
    assert treatment_sample("amia ~ sex", df).rank.tolist() == [1, 3, 0, 5, 4, 2]


def test_a_formula_without_covariates():
    sample = treatment_sample("amia ~ 1", people())
    assert sample.matrix.shape == (6, 0)
    assert sample.coding is None


def test_backticks_and_spaces():
    assert split_formula(" `tog del` ~ a:b + c ") == ("tog del", "a:b + c")
