"""Item analysis: words, warnings, missing answers, and what it refuses."""

from __future__ import annotations

import pickle
import time
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.errors import InputError
from evalkit.scales.factor_model import one_factor
from evalkit.scales.item_analysis import reliability
from evalkit.scales.reliability_results import ReversedItemWarning
from evalkit.scales.response_patterns import answer_patterns, suspected_reversals
from evalkit.scales.split_halves import split_half
from evalkit.scales.survey_data import SurveyData


def answers(n: int = 120, k: int = 5, seed: int = 1) -> pd.DataFrame:
    """Draw answers 1-5 that share a factor."""
    rng = np.random.default_rng(seed)
    raw = rng.normal(size=(n, 1)) + rng.normal(size=(n, k))
    codes = np.clip(np.rint(raw + 3), 1, 5).astype(int)
    return pd.DataFrame(codes, columns=[f"q{i}" for i in range(1, k + 1)])


def test_what_comes_back() -> None:
    df = answers()
    before = df.copy()
    result = reliability(df, ["q1", "q2", "q3", "q4"], item_range=(1, 5), n_bootstrap=200, rng=4)
    pd.testing.assert_frame_equal(df, before)
    frame = result.to_frame()
    assert frame["term"].tolist() == [
        "alpha", "alpha_std", "omega", "omega_std", "lambda6", "mean_r", "alpha", "alpha_std",
    ]  # fmt: skip
    assert frame["interval"].tolist() == ["Feldt", "", "delta", "", "", "", *["bootstrap"] * 2]
    assert result.bootstrap.shape == (200, 2)
    boot = frame.iloc[6]
    assert boot["conf_low"] == pytest.approx(result.alpha_interval[0], abs=0.04)
    assert boot["conf_high"] == pytest.approx(result.alpha_interval[1], abs=0.04)
    again = reliability(df, ["q1", "q2", "q3", "q4"], n_bootstrap=200, rng=4)
    np.testing.assert_array_equal(again.bootstrap, result.bootstrap)
    assert list(result.item_frame.columns) == [
        "item", "n", "missing", "mean", "sd", "item_rest_r", "alpha_if_dropped",
        "alpha_std_if_dropped", "loading", "floor", "ceiling",
    ]  # fmt: skip
    assert result.item_frame["floor"].tolist() == (df.iloc[:, :4] == 1).mean().tolist()
    assert len(str(result).splitlines()) <= 15
    assert "<table>" in result._repr_html_()
    copy = pickle.loads(pickle.dumps(result))
    assert copy.alpha == result.alpha
    assert result.suspects == ()
    assert result.notes == ()


def test_order_of_items_and_shifts_change_nothing() -> None:
    df = answers()
    first = reliability(df)
    again = reliability(df[["q3", "q1", "q5", "q2", "q4"]] + [10, 0, 3, -2, 1])
    for name in ("alpha", "alpha_std", "omega", "omega_std", "lambda6"):
        assert getattr(again, name) == pytest.approx(getattr(first, name), rel=1e-8)


def test_columns_may_be_numbered() -> None:
    df = answers()
    assert reliability(pd.DataFrame(df.to_numpy())).alpha == reliability(df).alpha
    turned = pd.DataFrame(df.assign(q2=6 - df["q2"]).to_numpy())
    with pytest.warns(ReversedItemWarning, match=r"^Against the other items: 1 .*reversed twice"):
        reliability(turned, reversed_items=["1"])
    assert suspected_reversals(turned, reversed_items=["1"])["suspicion"].tolist() == [
        "reversed twice"
    ]
    with pytest.raises(InputError, match=r"^items: must be the name of one column of df; got 'a'"):
        reliability(pd.DataFrame(df.to_numpy(), columns=["a", "a", "b", "c", "d"]))


def test_missing_answers() -> None:
    df = answers().astype(float)
    df.loc[3, "q1"] = np.nan
    df.loc[5, "q2"] = np.nan
    df.loc[7] = np.nan
    result = reliability(df)
    assert result.table.n_used == 119
    assert result.table.n_dropped == {"no item answered": 1}
    assert result.to_frame()["n"].tolist() == [117] * 6
    assert "pairwise: from 117 to 119 people" in str(result)
    assert np.isnan(result.to_frame().set_index("term").loc["omega", "std_error"])
    complete = reliability(df, missing="complete")
    assert complete.table.n_dropped == {"an item missing": 3}
    assert complete.alpha == pytest.approx(reliability(df.dropna()).alpha, rel=1e-12)
    coded = df.fillna(99).astype(int)
    assert reliability(coded, missing_codes={99}).alpha == result.alpha


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"q1": [1, 2, 3]}, "undefined: one item has no reliability of its own"),
        ({"q1": [1, 2, 3, 2], "q2": [4, 4, 4, 4], "q3": [1, 3, 3, 2]},
         "undefined: zero variance (q2)"),
        ({"q1": [1, 2, 3], "q2": [3, 2, 1]}, "undefined: zero variance of the sum"),
        ({"q1": [1, 2, None, None], "q2": [None, None, 3, 1], "q3": [1, 2, 3, 2]},
         "undefined: fewer than two people answered q1 and q2"),
    ],
)  # fmt: skip
def test_undefined_alpha_says_why(columns: dict[str, list[float]], reason: str) -> None:
    result = reliability(pd.DataFrame(columns), n_bootstrap=10, rng=1)
    assert np.isnan(result.alpha)
    assert np.isnan(result.alpha_std)
    assert result.reason == reason
    assert f"Alpha is {reason}." in result.notes
    assert len(result.bootstrap) == 0


def test_two_items_have_no_omega() -> None:
    df = answers(k=2)
    result = reliability(df)
    assert np.isnan(result.omega)
    assert any("alpha_std, the Spearman-Brown coefficient" in note for note in result.notes)
    assert result.alpha_std == pytest.approx(split_half(df).spearman_brown, rel=1e-12)
    against = reliability(df.assign(q2=6 - df["q2"]))
    assert against.alpha < 0
    assert any("one of them may run the wrong way" in note for note in against.notes)


def test_negative_alpha_is_reported_and_suspects_are_named() -> None:
    df = answers(n=300, k=3)
    turned = df.assign(q2=6 - df["q2"])
    message = r"q2 \(item-rest r -0\.\d\d\).*reversed twice, or not at all. Nothing was changed"
    with pytest.warns(ReversedItemWarning, match=message):
        result = reliability(turned)
    assert result.alpha < 0
    assert result.suspects == ("q2",)
    with pytest.warns(ReversedItemWarning, match=r"q2 may have been reversed twice: already in"):
        reliability(turned, reversed_items=["q2"])


def test_double_reversal_is_named() -> None:
    df = answers(n=300)
    assert suspected_reversals(df).empty
    turned = df.assign(q2=6 - df["q2"], q4=6 - df["q4"])
    found = suspected_reversals(turned, item_range=(1, 5), reversed_items=["q4"])
    assert found["item"].tolist() == ["q2", "q4"]
    assert found["suspicion"].tolist() == ["not reversed", "reversed twice"]
    assert (found["item_rest_r"] < found["item_rest_r_if_turned"]).all()
    assert found["alpha_if_all_turned"].iloc[0] == pytest.approx(reliability(df).alpha, rel=1e-12)


def test_bad_codes() -> None:
    df = answers(n=40)
    spoilt = df.assign(q3=[99] * 14 + df["q3"].tolist()[14:])
    message = r"^q3: 14 values outside 1-5 \(99 x 14\)\. Declare missing_codes=\{99\}, or fix"
    with pytest.raises(InputError, match=message):
        reliability(spoilt, item_range=(1, 5))
    two = spoilt.assign(q3=[0, *spoilt["q3"].tolist()[1:]])
    with pytest.raises(InputError, match=r"^q3: 14 values outside 1-5 \(99 x 13, 0 x 1\)"):
        reliability(two, item_range=(1, 5))
    with pytest.raises(
        InputError, match=r"^q1: must be whole codes; got 1 that are not, such as 3"
    ):
        reliability(df.astype(float).assign(q1=[3.5, *df["q1"].tolist()[1:]]))
    fractions = df.astype(float).assign(q1=[3.5, *df["q1"].tolist()[1:]])
    assert reliability(fractions, allow_fractions=True).alpha > 0
    with pytest.raises(InputError, match=r"^q1: must be codes; got true and false"):
        reliability(df.assign(q1=df["q1"] > 3))
    text = df.assign(q1=df["q1"].map({1: "no", 2: "no", 3: "so-so", 4: "yes", 5: "yes"}))
    with pytest.raises(InputError, match=r"^q1: must be codes; got labels.*pass mapping="):
        reliability(text)
    words = {"agree": 3, "neither": 2, "disagree": 1}
    labelled = pd.DataFrame(
        {
            "a": ["agree", "neither", "disagree", "agree", None],
            "b": ["agree", "disagree", "disagree", "neither", "agree"],
        }
    )
    assert reliability(labelled, mapping=words).table.n_used == 5
    with pytest.raises(InputError, match=r"^a: must be labels that mapping= gives a code; got 'a"):
        reliability(labelled, mapping={"disagree": 1, "neither": 2})
    with pytest.raises(InputError, match=r"^q2: must be finite codes"):
        reliability(df.assign(q2=np.inf))
    with pytest.raises(InputError, match=r"^item_range: must be \(lowest, highest\)"):
        reliability(df, item_range=(5, 1))
    with pytest.raises(InputError, match=r"^missing_codes: .*got 3, within the declared range"):
        reliability(df, item_range=(1, 5), missing_codes=3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"items": "q1"}, "^items: must be a list of columns"),
        ({"items": ["q1", "q9"]}, "^items: must be a column of df; got 'q9'"),
        ({"items": ["q1", "q1"]}, "^items: must be items that differ"),
        ({"items": []}, "^items: must be items that differ; got none"),
        ({"missing": "drop"}, "^missing: must be one of 'pairwise', 'complete'"),
        ({"n_bootstrap": -1}, "^n_bootstrap: must be whole numbers"),
        ({"level": 95}, "^level: "),
        ({"reversed_items": ["x"]}, "^reversed_items: must be a column of df"),
        ({"rng": -3, "n_bootstrap": 5}, "^rng: "),
    ],
)
def test_bad_arguments(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        reliability(answers(), **arguments)  # type: ignore[arg-type]


def test_nobody_answered() -> None:
    empty = pd.DataFrame({"a": [np.nan, np.nan], "b": [np.nan, np.nan]})
    with pytest.raises(InputError, match=r"^items: must be items that somebody answered"):
        reliability(empty)


def test_halves() -> None:
    df = answers(k=4)
    odd = split_half(df)
    assert odd.halves == (("q1", "q3"), ("q2", "q4"))
    a, b = df["q1"] + df["q3"], df["q2"] + df["q4"]
    assert odd.correlation == pytest.approx(np.corrcoef(a, b)[0, 1], rel=1e-12)
    first = split_half(df, halves="first-second")
    assert first.halves[0] == ("q1", "q2")
    given = split_half(df, halves=["q2", "q1"])
    assert given.lambda_4 == pytest.approx(first.lambda_4, rel=1e-12)
    every = split_half(df, halves="all")
    assert every.n_splits == 3
    assert every.lambda_4 == pytest.approx(reliability(df).alpha, rel=1e-12)
    assert "3 splits" in str(every)
    assert "<table>" in every._repr_html_()
    with pytest.raises(InputError, match=r"^halves: must be a single split of more than 16 items"):
        split_half(answers(k=17), halves="all")
    with pytest.raises(InputError, match=r"^halves: must be 'odd-even', 'first-second', 'all'"):
        split_half(df, halves="thirds")
    for half in (["q9"], ["q1", "q2", "q3", "q4"]):
        with pytest.raises(InputError, match=r"^halves: must be some of the items, not all"):
            split_half(df, halves=half)
    with pytest.raises(InputError, match=r"^items: must be at least two items"):
        split_half(df, ["q1"])
    with pytest.raises(InputError, match=r"^items: must be items whose sum varies"):
        split_half(pd.DataFrame({"a": [1, 1, 1], "b": [2, 2, 2]}))


def test_one_factor_words_and_refusals() -> None:
    df = answers(k=4)
    result = one_factor(df)
    assert result.fit_frame().columns.tolist()[:3] == ["chi_square", "df", "p_value"]
    assert result.to_frame()["item"].tolist() == ["q1", "q2", "q3", "q4"]
    assert "Chi-square" in str(result)
    assert len(str(result).splitlines()) <= 15
    assert "RMSEA" in result.table.notes[0]
    assert "<table>" in result._repr_html_()
    assert pickle.loads(pickle.dumps(result)).omega == result.omega
    three = one_factor(df, ["q1", "q2", "q3"])
    assert three.table.notes[0].startswith("Three items fit one factor exactly")
    with pytest.raises(InputError, match=r"^items: must be at least three items"):
        one_factor(df, ["q1", "q2"])
    with pytest.raises(InputError, match=r"zero variance"):
        one_factor(df.assign(q2=3))
    with pytest.raises(InputError, match=r"a singular covariance matrix"):
        one_factor(df.assign(q2=df["q1"]))
    with pytest.raises(InputError, match=r"by more people than items"):
        one_factor(df.head(4))


def test_a_factor_that_is_not_there() -> None:
    wanted = np.array([[1, 0.5, 0.5], [0.5, 1, -0.1], [0.5, -0.1, 1]])
    raw = np.random.default_rng(2).normal(size=(50, 3))
    raw -= raw.mean(axis=0)
    white = raw @ np.linalg.inv(np.linalg.cholesky(np.cov(raw.T))).T
    df = pd.DataFrame(white @ np.linalg.cholesky(wanted).T, columns=["a", "b", "c"])
    with pytest.raises(InputError, match=r"got a fit that does not converge"):
        one_factor(df, allow_fractions=True)
    result = reliability(df, allow_fractions=True)
    assert result.alpha == pytest.approx(1.5 * (1 - 3 / wanted.sum()), rel=1e-9)
    assert np.isnan(result.omega)
    assert result.item_frame["loading"].isna().all()
    assert "Omega is missing: the one-factor model has no finite solution." in result.notes
    combined = answers(k=3).assign(sum=lambda d: d.sum(axis=1))
    singular = reliability(combined)
    assert np.isnan(singular.omega)
    assert np.isnan(singular.lambda6)
    assert "the covariances are not positive definite" in singular.notes[0]


def test_speed() -> None:
    df = answers(n=10_000, k=20)
    times: list[float] = []
    for _ in range(2):
        start = time.perf_counter()
        reliability(df, n_bootstrap=1_000, rng=1)
        times.append(time.perf_counter() - start)
    assert min(times) < 10  # 2 s on a machine of its own


@given(st.integers(0, 10_000), st.integers(3, 7))
def test_order_of_items_and_of_people_and_shifts_are_nothing(seed: int, k: int) -> None:
    df = answers(n=60, k=k, seed=seed).astype(float)
    rng = np.random.default_rng(seed)
    df = df.mask(rng.random(df.shape) < 0.05)
    shifts = pd.Series(rng.integers(-9, 9, k), index=df.columns)
    other = (df + shifts).sample(frac=1, random_state=seed)[rng.permutation(df.columns)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ReversedItemWarning)
        first, again = reliability(df), reliability(other)
        with_one_loss = split_half(df, halves="all"), split_half(other, halves="all")
    for name in ("alpha", "alpha_std", "lambda6", "mean_correlation", "omega"):
        known = getattr(first, name)
        assert getattr(again, name) == pytest.approx(known, rel=1e-6, abs=1e-9, nan_ok=True)
    one, two = (result.item_frame.set_index("item") for result in (first, again))
    for name in ("item_rest_r", "alpha_if_dropped", "sd"):
        np.testing.assert_allclose(two.loc[one.index, name], one[name], rtol=1e-8, atol=1e-10)
    assert with_one_loss[1].lambda_4 == pytest.approx(with_one_loss[0].lambda_4, rel=1e-8)
    assert with_one_loss[1].n_dropped == with_one_loss[0].n_dropped


def test_missing_codes_may_be_one_number_or_named() -> None:
    df = answers(n=40).astype(float)
    df.loc[3, "q1"] = np.nan
    coded = df.fillna(99)
    known = reliability(df).alpha
    for codes in (99, [99], {99: "vet ej"}):
        assert reliability(coded, missing_codes=codes).alpha == known
    # a text would otherwise be read digit by digit
    with pytest.raises(InputError, match=r"^missing_codes: must be numbers such as 99; got '99'"):
        reliability(coded, missing_codes="99")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"^missing_codes: must be numbers such as 99; got None"):
        reliability(coded, missing_codes=[None])  # type: ignore[list-item]


@pytest.mark.parametrize("draws", [1, 2, 5])
def test_few_people_and_few_bootstrap_samples(draws: int) -> None:
    two = pd.DataFrame({"a": [1, 2], "b": [1, 3], "c": [1, 4]})
    for seed in range(6):  # half of all samples of two people do not vary
        result = reliability(two, n_bootstrap=draws, rng=seed)
        lost = int(np.isnan(result.bootstrap[:, 0]).sum())
        limits = result.to_frame().iloc[6][["conf_low", "conf_high"]].astype(float)
        assert limits.isna().all() == (lost == draws)
        assert any("bootstrap samples have no alpha" in note for note in result.notes) == (lost > 0)


def test_suspects_cannot_be_told_from_too_little() -> None:
    df = answers(n=40, k=3)
    for spoilt, message in (
        (df[["q1", "q2"]], "^items: must be at least three items.*got 2"),
        (df.assign(q2=3), r"^items: must be items that vary; got zero variance \(at q2\)"),
        (df.assign(q2=[1.0] + [np.nan] * 39), "^items: must be answered in pairs by two people"),
    ):
        with pytest.raises(InputError, match=message):
            suspected_reversals(spoilt)


def test_a_half_that_does_not_vary_is_said() -> None:
    df = pd.DataFrame({"a": [1, 2, 5, 3], "b": [2, 2, 3, 1], "c": [5, 4, 1, 3], "d": [1, 2, 2, 4]})
    result = split_half(df)
    assert np.isnan(result.correlation)
    assert "Correlation and Spearman-Brown are undefined: a half does not vary." in str(result)
    assert "a half of some split does not vary" in str(split_half(df, halves="all"))
    holes = split_half(answers().astype(float).mask(lambda d: d.index.to_series() == 3))
    assert "119 used, 1 dropped (an item missing: 1)" in str(holes)


def test_no_rows_are_refused() -> None:
    with pytest.raises(InputError, match=r"^df: must be a frame with rows; got none"):
        reliability(answers().head(0))


@pytest.mark.parametrize("ends", [(1,), (1, 2, 3), 5, (1, float("nan")), ("1", "5")])
def test_the_range_is_two_numbers(ends: object) -> None:
    with pytest.raises(InputError, match=r"^item_range: must be \(lowest, highest\)"):
        reliability(answers(), item_range=ends)  # type: ignore[arg-type]


def test_a_survey_is_taken_like_its_codes() -> None:
    df = answers(n=80).mask(lambda d: d == 2, 98)
    survey = SurveyData.from_frame(df, missing_codes={98: "vet ej"})
    codes = df.mask(df == 98)
    assert reliability(survey).alpha == reliability(codes).alpha
    assert one_factor(survey).omega == one_factor(codes).omega
    assert split_half(survey).lambda_4 == split_half(codes).lambda_4
    assert suspected_reversals(survey).empty
    patterns = answer_patterns(survey, item_range=(1, 5)).people
    pd.testing.assert_frame_equal(patterns, answer_patterns(codes, item_range=(1, 5)).people)
