"""Intraclass correlations, error of measurement and retest: layouts, words, refusals."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.errors import InputError
from evalkit.scales.rater_agreement import icc, measurement_error
from evalkit.scales.retest_agreement import retest
from evalkit.scales.score_extremes import floor_ceiling


def wide() -> pd.DataFrame:
    """Return the table of Shrout and Fleiss."""
    return pd.DataFrame(
        {
            "a": [9, 6, 8, 7, 10, 6],
            "b": [2, 1, 4, 1, 5, 2],
            "c": [5, 3, 6, 2, 6, 4],
            "d": [8, 2, 8, 6, 9, 7],
        }
    )


def test_long_and_wide_agree() -> None:
    df = wide()
    long = df.rename_axis("person").reset_index().melt("person", var_name="who", value_name="y")
    result = icc(long.sample(frac=1, random_state=1), subject="person", rater="who", score="y")
    pd.testing.assert_frame_equal(result.to_frame(), icc(df).to_frame())
    assert result.n_used == 6
    assert len(str(result).splitlines()) <= 15


def test_columns_may_be_numbered() -> None:
    again = icc(pd.DataFrame(wide().to_numpy()))
    pd.testing.assert_frame_equal(again.to_frame(), icc(wide()).to_frame())


def test_incomplete_people_are_dropped() -> None:
    df = pd.concat([wide(), pd.DataFrame({"a": [5.0], "b": [np.nan], "c": [1], "d": [2]})])
    result = icc(df)
    assert result.n_dropped == {"a rating missing": 1}
    assert result.to_frame()["estimate"].tolist() == icc(wide()).to_frame()["estimate"].tolist()


def test_undefined_and_negative() -> None:
    flat = icc(pd.DataFrame({"a": [1, 1, 1], "b": [1, 1, 1]}))
    assert flat.to_frame()["estimate"].isna().all()
    assert "Undefined: zero variance." in flat.notes
    below = icc(pd.DataFrame({"a": [1, 2, 3], "b": [3, 2, 1]}))
    assert (below.to_frame()["estimate"].iloc[0]) < 0
    assert "Negative" in str(below)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"columns": ["a"]}, "^columns: must be two raters or more; got 1"),
        ({"columns": ["a", "x"]}, "^columns: must be a column of df; got 'x'"),
        ({"subject": "a"}, "^subject, rater, score: must be given together"),
        ({"level": 2}, "^level: "),
    ],
)
def test_bad_arguments(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        icc(wide(), **arguments)  # type: ignore[arg-type]


def test_bad_ratings() -> None:
    long = pd.DataFrame({"p": [1, 1, 2, 2], "r": ["x", "x", "x", "y"], "y": [1, 2, 3, 4]})
    with pytest.raises(InputError, match=r"^subject: must be once for each rater"):
        icc(long, subject="p", rater="r", score="y")
    with pytest.raises(InputError, match=r"^rater: must be there in every row"):
        icc(long.assign(r=["x", None, "x", "y"]), subject="p", rater="r", score="y")
    with pytest.raises(InputError, match=r"^df: must be two people with all ratings; got 1"):
        icc(wide().head(1))
    with pytest.raises(InputError, match=r"^columns: must be a column of numbers"):
        icc(wide().assign(a="high"))
    with pytest.raises(InputError, match=r"^columns: must be finite \('a'\); got 6 rows"):
        icc(wide().assign(a=np.inf))


def test_measurement_error() -> None:
    error = measurement_error(10.0, 0.91, n=25)
    assert error.sem == pytest.approx(3.0)
    assert error.mdc == pytest.approx(1.959963984540054 * np.sqrt(2) * 3)
    assert error.mdc_group == pytest.approx(error.mdc / 5)
    assert list(error.to_frame().columns) == ["sd", "reliability", "sem", "mdc", "mdc_group"]
    assert "Minimal detectable change" in str(error)
    assert "<table>" in error._repr_html_()
    assert "mdc_group" not in measurement_error(10.0, 0.91).to_frame()
    for arguments, message in (
        ((0.0, 0.9), "^sd: must be a number above 0"),
        ((np.nan, 0.9), "^sd: "),
        ((1.0, 1.2), "^reliability: must be a number from 0 to 1"),
        ((1.0, np.nan), "^reliability: "),
    ):
        with pytest.raises(InputError, match=message):
            measurement_error(*arguments)
    with pytest.raises(InputError, match=r"^n: must be whole numbers of at least 1"):
        measurement_error(1.0, 0.5, n=0)
    with pytest.raises(InputError, match=r"^n: must be whole numbers of at least 1; got 2.5"):
        measurement_error(1.0, 0.5, n=2.5)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"^sd: must be a number above 0; got '1'"):
        measurement_error("1", 0.5)  # type: ignore[arg-type]


def test_retest_by_hand() -> None:
    rng = np.random.default_rng(5)
    first = rng.normal(50, 8, 30)
    df = pd.DataFrame({"one": first, "two": first + 1 + rng.normal(0, 3, 30)})
    holes = pd.concat([df, pd.DataFrame({"one": [50.0, np.nan], "two": [np.nan, np.nan]})])
    result = retest(holes, first="one", second="two")
    assert result.table.n_dropped == {"two missing": 1, "both missing": 1}
    frame = result.to_frame().set_index("term")
    difference = df["two"] - df["one"]
    assert frame.loc["mean_difference", "estimate"] == pytest.approx(difference.mean())
    consistency = difference.std() / np.sqrt(2)
    assert frame.loc["sem_consistency", "estimate"] == pytest.approx(consistency, rel=1e-12)
    assert frame.loc["limit_high", "estimate"] == pytest.approx(
        difference.mean() + 1.959963984540054 * difference.std(), rel=1e-12
    )
    between = 30 * difference.mean() ** 2 / 2  # mean square of the two occasions
    squared = consistency**2 + (between - consistency**2) / 30
    assert result.sem == pytest.approx(np.sqrt(squared), rel=1e-12)
    assert result.mdc == pytest.approx(1.959963984540054 * np.sqrt(2) * result.sem, rel=1e-12)
    estimates = icc(df).to_frame().set_index("term")["estimate"]
    assert result.icc_agreement == estimates["ICC2"]
    # R: cor.test's limits are tanh(atanh(r) -+ z / sqrt(n - 3))
    r = np.corrcoef(df["one"], df["two"])[0, 1]
    low = np.tanh(np.arctanh(r) - 1.959963984540054 / np.sqrt(27))
    assert frame.loc["pearson", "conf_low"] == pytest.approx(low, rel=1e-12)
    from scipy import stats

    spread = consistency * np.sqrt(29 / stats.chi2.ppf([0.975, 0.025], 29))
    found = frame.loc["sem_consistency", ["conf_low", "conf_high"]].astype(float)
    np.testing.assert_allclose(found, spread, rtol=1e-9)
    assert len(str(result).splitlines()) <= 15
    assert "<table>" in result._repr_html_()
    assert pickle.loads(pickle.dumps(result)).sem == result.sem


def test_retest_refuses() -> None:
    df = pd.DataFrame({"one": [1, 2, 3], "two": [1, 2, 4]})
    with pytest.raises(InputError, match=r"^df: must be four people with both scores; got 3"):
        retest(df, first="one", second="two")
    flat = retest(pd.DataFrame({"one": [1, 1, 1, 1], "two": [1, 2, 1, 2]}), first="one",
                  second="two")  # fmt: skip
    assert np.isnan(flat.to_frame().set_index("term").loc["pearson", "estimate"])


def test_floor_and_ceiling() -> None:
    df = pd.DataFrame({"who5": [0, 0, 24, 52, 76, 100, None]})
    result = floor_ceiling(df, "who5", low=0, high=100)
    frame = result.to_frame()
    assert frame["count"].tolist() == [2, 1]
    assert result.n_dropped == {"who5 missing": 1}
    assert len(result.notes) == 2
    assert floor_ceiling(df, "who5", low=0, high=100, threshold=0.3).notes == (
        "Floor effect: more than 30 % have the lowest score.",
    )
    with pytest.raises(InputError, match=r"^score: must be from 0 to 25 \('who5'\); got 3 rows"):
        floor_ceiling(df, "who5", low=0, high=25)
    with pytest.raises(InputError, match=r"^low: must be below high"):
        floor_ceiling(df, "who5", low=5, high=5)
    with pytest.raises(InputError, match=r"^score: must be a column with scores"):
        floor_ceiling(df.tail(1), "who5", low=0, high=100)


def test_a_column_is_no_second_rater_of_itself() -> None:
    with pytest.raises(InputError, match=r"^columns: must be raters that differ; got repeats"):
        icc(wide(), ["a", "a", "b"])
    with pytest.raises(InputError, match=r"^second: must be another column than first; got 'a'"):
        retest(wide(), first="a", second="a")


def test_retest_of_a_constant_has_no_correlation() -> None:
    df = pd.DataFrame({"one": [0.1] * 7, "two": [2.0, 5, 4, 6, 1, 2, 3]})
    assert df["one"].to_numpy().std() > 0  # rounding
    frame = retest(df, first="one", second="two").to_frame().set_index("term")
    assert frame.loc["pearson", ["estimate", "conf_low", "conf_high"]].isna().all()


@given(st.integers(0, 10_000))
def test_order_of_raters_and_people_is_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    df = pd.DataFrame(rng.normal(size=(9, 1)) + rng.normal(size=(9, 3)), columns=list("abc"))
    other = df.sample(frac=1, random_state=seed)[["c", "a", "b"]]
    numbers = ["estimate", "statistic", "p_value", "conf_low", "conf_high"]
    np.testing.assert_allclose(
        icc(other).to_frame()[numbers], icc(df).to_frame()[numbers], rtol=1e-8, atol=1e-10
    )
