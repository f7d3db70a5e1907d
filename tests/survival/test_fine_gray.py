"""Fine-Gray regression against R, by hand, by its invariants and by simulation.

Reference values are made by tests/reference/survival/fine_gray.R. Estimates are iterated on both
sides: relative 1e-6. The jackknife standard errors are central differences: relative 1e-5.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.errors import InputError
from evalkit.survival.fine_gray_regression import FineGray, fine_gray

REFERENCE = Path(__file__).parents[1] / "reference" / "survival"
PEOPLE = pd.DataFrame({"age": [70, 60], "sex": ["M", "F"]})
WHO = pd.DataFrame({"x": [0.0, 1.0], "z": [1, 0], "region": ["A", "C"]})
NAMES = {"sexM": "sex[T.M]", "regionB": "region[T.B]", "regionC": "region[T.C]", "male": "sex[T.M]"}
ENTRY = {"entry": "entry"}


def data(name: str) -> pd.DataFrame:
    return pd.read_csv(REFERENCE / f"fine_gray_{name}.csv")


def spells(n: int | None = None) -> pd.DataFrame:
    return data("spells").iloc[:n]


def fit(df: pd.DataFrame, formula: str = "x + z", cause: object = 1, **more: Any) -> FineGray:
    return fine_gray(formula, df, duration="days", cause="cause", event_of_interest=cause, **more)


def apart(df: pd.DataFrame) -> pd.DataFrame:
    return df.assign(days=df["days"] + np.where(df["cause"] == 0, 0.5, 0))


CMPRSK: dict[str, Any] = {"convention": "cmprsk"}
CASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "mgus2": ("mgus2", "age + sex", {}),
    "mgus2_death": ("mgus2", "age + sex", {"cause": 2}),
    "mgus2_breslow": ("mgus2", "age + sex", {"ties": "breslow"}),
    "crr_mgus2": ("mgus2", "age + sex", CMPRSK),
    "crr_mgus2_death": ("mgus2", "age + sex", {"cause": 2, **CMPRSK}),
    "weights": ("spells", "x + z", {"weights": "w"}),
    "cluster": ("spells", "x + z", {"cluster": "office"}),
    "entry_weights": ("spells", "x + z", {"weights": "w", **ENTRY}),
    "entry_weights_cluster": (
        "spells", "x + z", {"cause": 2, "weights": "w", "cluster": "office", **ENTRY},
    ),
    "entry_breslow": ("spells", "x + z", {"ties": "breslow", **ENTRY}),
    "strata": ("spells", "x + z", {"strata": "region"}),
    "strata_censoring_by": ("spells", "x + z", {"strata": "region", "censoring_by": "region"}),
    "everything": (
        "spells", "x + z",
        {"strata": "region", "censoring_by": "region", "weights": "w", "cluster": "office"} | ENTRY,
    ),
    "rows": ("rows", "x + z", {"id": "id", **ENTRY}),
    "rows_2": ("rows", "x + z", {"cause": 2, "id": "id", **ENTRY}),
    "apart": ("apart", "x + z", {"ties": "breslow"}),
    "crr_apart": ("apart", "x + z", CMPRSK),
}  # fmt: skip
for _cause in (1, 2, 3):
    CASES[f"spells_{_cause}"] = ("spells", "x + z", {"cause": _cause})
    CASES[f"entry_{_cause}"] = ("spells", "x + z + region", {"cause": _cause, **ENTRY})
    CASES[f"crr_{_cause}"] = ("spells", "x + z", {"cause": _cause, **CMPRSK})
    CASES[f"crr_group_{_cause}"] = (
        "spells", "x + z", {"cause": _cause, "censoring_by": "region", **CMPRSK},
    )  # fmt: skip


def expected() -> pd.DataFrame:
    frame = pd.read_csv(REFERENCE / "fine_gray_expected.csv", keep_default_na=False)
    return frame.assign(time=pd.to_numeric(frame["time"], errors="coerce"))


def test_every_reference_case_is_tested() -> None:
    assert set(expected()["case"]) == {*CASES, "jackknife", "jackknife_entry"}


@pytest.mark.parametrize("case", CASES)
def test_equals_r(case: str) -> None:
    name, formula, options = CASES[case]
    df = apart(data("spells")) if name == "apart" else data(name)
    model = fit(df, formula, **options)
    rows = expected()
    rows = rows[rows["case"] == case]
    got = model.to_frame().set_index("term")
    newdata = PEOPLE if name == "mgus2" else WHO
    for row in rows.itertuples():
        if row.quantity in ("loglik", "loglik_null"):
            assert getattr(model, row.quantity) == pytest.approx(row.value, rel=1e-9)
        elif row.quantity == "incidence":
            at = model.cumulative_incidence(newdata.iloc[[int(row.term)]], row.time)
            assert at["cumulative_incidence"].item() == pytest.approx(row.value, rel=1e-6)
        else:
            value = got.loc[NAMES.get(row.term, row.term), row.quantity]
            # In the variance crr counts the competing events of all groups in each group's curve.
            rel = 2e-3 if "crr_group" in case and row.quantity == "std_error" else 1e-6
            assert value == pytest.approx(row.value, rel=rel)
    assert {"estimate", "std_error"} <= set(rows["quantity"])


def test_published_values_of_mgus2() -> None:
    got = fit(data("mgus2"), "age + sex").to_frame()
    np.testing.assert_allclose(got["estimate"], [-0.0173017, -0.2597568], atol=1e-7)
    np.testing.assert_allclose(got["std_error"], [0.0057029, 0.1856347], atol=1e-7)
    got = fit(data("mgus2"), "age + sex", convention="cmprsk").to_frame()
    np.testing.assert_allclose(got["estimate"], [-0.0173382, -0.2600382], atol=1e-7)


@pytest.mark.parametrize(("case", "options"), [("jackknife", {}), ("jackknife_entry", ENTRY)])
def test_standard_errors_of_incidence_are_the_jackknife(case: str, options: dict[str, str]) -> None:
    model = fit(spells(100), **options)
    rows = expected()
    for row in rows[rows["case"] == case].itertuples():
        at = model.cumulative_incidence(WHO.iloc[[int(row.term)]], row.time)
        assert at["std_error"].item() == pytest.approx(row.value, rel=1e-5)


def test_the_two_conventions_agree_without_tied_censorings() -> None:
    df = apart(spells())
    one = fit(df, ties="breslow", vcov="fine-gray").to_frame()
    other = fit(df, convention="cmprsk").to_frame()
    np.testing.assert_allclose(one["estimate"], other["estimate"], rtol=1e-10)
    # The derivative of a Kaplan-Meier curve against that of a Nelson-Aalen one.
    np.testing.assert_allclose(one["std_error"], other["std_error"], rtol=1e-3)


def test_by_hand() -> None:
    # Events of interest at 1 and 4, a competing event at 2, censored at 3 and 5. After 2 the
    # person stays with weight G(4-) / G(2-) = 2/3: of three at risk at 3, one was censored.
    df = pd.DataFrame(
        {"days": [1, 2, 3, 4, 5], "cause": [1, 2, 0, 1, 0], "x": [1.0, 0.0, 1.0, 0.0, 1.0]}
    )
    model = fit(df, "x")
    r = np.exp(model.to_frame()["estimate"].item())
    at_1, at_4 = 3 * r + 2, 1 + r + 2 / 3
    assert model.loglik == pytest.approx(np.log(r / at_1) + np.log(1 / at_4), rel=1e-12)
    assert 1 - 3 * r / at_1 - r / at_4 == pytest.approx(0, abs=1e-9)
    base = model.baseline()
    np.testing.assert_allclose(base["cumulative_hazard"], np.cumsum([1 / at_1, 1 / at_4]))


def test_an_event_at_time_0_counts() -> None:
    df = spells(80).drop(columns="entry")
    early = df.assign(days=df["days"].where(df.index != df.index[df["cause"] == 1][0], 0))
    model = fit(early)
    assert model.baseline()["time"].iloc[0] == 0
    assert model.cumulative_incidence(WHO.iloc[:1], 0)["cumulative_incidence"].item() > 0


def test_without_competing_events_it_is_cox_regression() -> None:
    from evalkit.survival.cox_regression import cox

    df = spells().query("cause < 2")
    model = fit(df, **ENTRY)
    other = cox("x + z", df, duration="days", event="cause", entry="entry", cluster="id")
    for column in ("estimate", "std_error"):
        np.testing.assert_allclose(model.to_frame()[column], other.to_frame()[column], rtol=1e-8)
    assert any("Cox" in note for note in model.coefficients.notes)


def test_predictions() -> None:
    df = spells()
    model = fit(df)
    times = [0, 10, 60, 150, df["days"].max(), df["days"].max() + 1]
    got = model.cumulative_incidence(WHO, times)
    assert got.columns.tolist() == [
        "row", "time", "cumulative_incidence", "std_error", "conf_low", "conf_high",
    ]  # fmt: skip
    assert got["row"].tolist() == [0] * 6 + [1] * 6
    first = got[got["row"] == 0]
    assert first.iloc[0, 2:].tolist() == [0, 0, 0, 0]
    assert first.iloc[5, 2:].isna().all()
    inside = first.iloc[1:5]
    assert (inside["conf_low"] <= inside["cumulative_incidence"]).all()
    assert (inside["cumulative_incidence"] <= inside["conf_high"]).all()
    narrow = model.cumulative_incidence(WHO, times, level=0.5)
    assert (narrow["conf_high"] <= got["conf_high"])[1:5].all()


def test_censoring_variance_moves_little_and_is_refused_with_entry() -> None:
    robust, both = fit(spells()), fit(spells(), vcov="fine-gray")
    ratio = both.to_frame()["std_error"] / robust.to_frame()["std_error"]
    assert ((ratio - 1).abs() < 0.05).all()
    assert (ratio != 1).all()
    one, other = (m.cumulative_incidence(WHO, [30, 90])["std_error"] for m in (robust, both))
    np.testing.assert_allclose(one, other, rtol=0.1)
    with pytest.raises(InputError, match="vcov: must be 'robust' with delayed entry"):
        fit(spells(), vcov="fine-gray", **ENTRY)


def test_frames_and_printing() -> None:
    model = fit(spells())
    ratios = model.to_frame(exponentiate=True)
    plain = model.to_frame()
    np.testing.assert_allclose(ratios["conf_low"], np.exp(plain["conf_low"]))
    assert (ratios["std_error"] == plain["std_error"]).all()
    np.testing.assert_allclose(np.sqrt(np.diag(model.vcov)), plain["std_error"])
    assert len(repr(model).splitlines()) <= 15
    assert "<table>" in model._repr_html_()
    again = pickle.loads(pickle.dumps(model))
    pd.testing.assert_frame_equal(again.to_frame(), plain)
    pd.testing.assert_frame_equal(
        again.cumulative_incidence(WHO, [30]), model.cumulative_incidence(WHO, [30])
    )


def test_missing_values_are_dropped_and_counted() -> None:
    df = spells()
    holes = df.assign(x=df["x"].where(df.index % 10 > 0))
    model = fit(holes)
    assert model.coefficients.n_dropped == {"missing x": len(df.index[df.index % 10 == 0])}
    np.testing.assert_allclose(
        model.to_frame()["estimate"], fit(holes.dropna()).to_frame()["estimate"]
    )


frames = st.integers(0, 2**32 - 1).map(np.random.default_rng)
few = settings(max_examples=15)


@few
@given(frames, st.sampled_from([1e-12, 0.1, 365.25, 1e12]))
def test_order_of_rows_and_unit_of_time_do_not_matter(
    rng: np.random.Generator, unit: float
) -> None:
    df = spells(150)
    other = df.sample(frac=1, random_state=int(rng.integers(2**31))).assign(
        days=lambda d: d["days"] * unit, entry=lambda d: d["entry"] * unit
    )
    one, two = fit(df, weights="w", **ENTRY), fit(other, weights="w", **ENTRY)
    for column in ("estimate", "std_error"):
        np.testing.assert_allclose(two.to_frame()[column], one.to_frame()[column], rtol=1e-8)
    at, scaled = (
        m.cumulative_incidence(WHO, np.array([20, 60]) * u) for m, u in ((one, 1), (two, unit))
    )
    np.testing.assert_allclose(scaled["std_error"], at["std_error"], rtol=1e-8)


@few
@given(frames)
def test_splitting_rows_changes_nothing_if_the_person_is_named(rng: np.random.Generator) -> None:
    df = spells(120)
    cuts = np.floor(df["entry"] + rng.uniform(0, 1, len(df)) * (df["days"] - df["entry"]))
    inside = (cuts > df["entry"]) & (cuts < df["days"]) & (rng.random(len(df)) < 0.7)
    head = df[inside].assign(days=cuts[inside], cause=0)
    tail = df.assign(entry=np.where(inside, cuts, df["entry"]))
    rows = pd.concat([head, tail]).sample(frac=1, random_state=int(rng.integers(2**31)))
    whole, split = fit(df, **ENTRY), fit(rows, id="id", **ENTRY)
    for column in ("estimate", "std_error"):
        np.testing.assert_allclose(split.to_frame()[column], whole.to_frame()[column], rtol=1e-8)
    assert split.loglik == pytest.approx(whole.loglik, rel=1e-10)


@few
@given(frames)
def test_weights_as_repetitions_give_the_same_estimates_with_breslow(
    rng: np.random.Generator,
) -> None:
    df = spells(100).assign(times=lambda d: rng.integers(0, 4, len(d)))
    again = df.loc[df.index.repeat(df["times"])]
    one = fit(df, weights="times", weigh_censoring=True, ties="breslow", **ENTRY)
    two = fit(again, ties="breslow", **ENTRY)
    np.testing.assert_allclose(one.to_frame()["estimate"], two.to_frame()["estimate"], rtol=1e-7)


def test_renaming_and_merging_causes() -> None:
    df = spells()
    words = df.assign(cause=df["cause"].map({0: 0, 1: "arbete", 2: "studier", 3: "pension"}))
    one, two = fit(df), fit(words, cause="arbete")
    merged = fit(df.assign(cause=df["cause"].replace(3, 2)))
    for other in (two, merged):
        np.testing.assert_array_equal(one.to_frame()["estimate"], other.to_frame()["estimate"])


def bad(match: str, df: pd.DataFrame | None = None, formula: str = "x + z", **more: Any) -> None:
    with pytest.raises(InputError, match=match):
        fit(spells() if df is None else df, formula, **more)


def test_bad_arguments() -> None:
    bad("event_of_interest: must be a cause that occurs in 'cause'.*Causes: 1, 2, 3", cause=7)
    bad("event_of_interest: must be a cause", cause=0)
    bad("entry: must be a column of df; got 'entri'. Did you mean 'entry'", entry="entri")
    bad("id: must be a column of df", id="person")
    bad("formula: must be written with columns of df; got 'y'", formula="x + y")
    bad("convention: must be one of", convention="sas")
    bad("ties: must be one of", ties="exact")
    bad("vcov: must be one of", vcov="model")
    bad("level: must be a number strictly between 0 and 1", level=95)
    bad("formula: must be of at least one covariate", formula="1")


def test_bad_covariates() -> None:
    df = spells()
    bad("vary among those at risk; got 'y'", df.assign(y=3), "x + y")
    bad("got 'y', which 'x' and 'z' determine", df.assign(y=2 * df["x"] - df["z"]), "x + z + y")
    never = df.assign(y=((df["cause"] == 2) & (df["x"] > 0)).astype(int))
    bad("coefficients that grow without limit.*.at y", never, "x + y")


def test_bad_rows() -> None:
    rows = data("rows")
    bad("entry: must be given where 'id' has several rows", rows, id="id")
    several = rows.index[rows["id"].duplicated()][:3]
    gap = rows.assign(entry=rows["entry"] + rows.index.isin(several))
    bad("id: must be of persons whose rows.*got 3 rows.*at row", gap, id="id", **ENTRY)
    twice = rows.assign(cause=rows["cause"].where(~rows["id"].duplicated(keep="last"), 1))
    bad("id: must be of persons with an event in their last row", twice, id="id",
        **ENTRY)  # fmt: skip
    holes = rows.assign(x=rows["x"].where(~rows.index.isin(several - 1)))
    fit(holes, id="id", **ENTRY)  # a first row that is gone is a later entry
    bad("cause", spells().assign(cause=np.nan))
    bad("weights", spells().assign(w=-1), weights="w")
    zero = spells().assign(w=lambda d: (d["cause"] != 1).astype(float))
    bad("weights: must be above 0 for some event of interest", zero, weights="w")


def test_no_one_left_under_observation() -> None:
    # All three at risk at 3 are censored; the competing event at 5 is of somebody who came later.
    df = pd.DataFrame({
        "entry": [0, 0, 0, 0, 4, 4, 4, 4],
        "days": [1, 2, 3, 3, 5, 6, 7, 8],
        "cause": [1, 2, 0, 0, 2, 1, 1, 0],
        "x": [0.3, 1.2, 0.1, 0.7, 0.9, 0.2, 1.1, 0.4],
    })  # fmt: skip
    bad("probability of being under observation is estimated to be 0", df, "x", **ENTRY)


def simulate(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Draw from a Fine-Gray model: P(cause 1 by t) = 1 - {1 - q (1 - e^-t)}^exp(lin)."""
    x, z = rng.normal(size=n), rng.integers(0, 2, n)
    ratio = np.exp(0.5 * x - 0.5 * z)
    q = 0.5
    ever = 1 - (1 - q) ** ratio
    first = rng.random(n) < ever
    share = 1 - (1 - rng.random(n) * ever) ** (1 / ratio)
    time = np.where(first, -np.log(1 - np.minimum(share / q, 1 - 1e-12)), rng.exponential(1, n))
    censored = rng.exponential(1.5, n)
    cause = np.where(censored < time, 0, np.where(first, 1, 2))
    return pd.DataFrame({"days": np.minimum(time, censored), "cause": cause, "x": x, "z": z})


def test_coverage() -> None:
    # 250 samples of 500 with about 45 % censored: 95 % within three Monte Carlo errors.
    rng = np.random.default_rng(7)
    new = pd.DataFrame({"x": [0.3], "z": [1]})
    truth = 1 - (1 - 0.5 * (1 - np.exp(-1))) ** np.exp(0.5 * 0.3 - 0.5)
    inside, runs = np.zeros(3), 250
    for _ in range(runs):
        model = fit(simulate(500, rng))
        frame = model.to_frame()
        at = model.cumulative_incidence(new, [1.0])
        low = np.append(frame["conf_low"], at["conf_low"])
        high = np.append(frame["conf_high"], at["conf_high"])
        inside += (low <= [0.5, -0.5, truth]) & (high >= [0.5, -0.5, truth])
    assert np.abs(inside / runs - 0.95).max() < 3 * np.sqrt(0.95 * 0.05 / runs)
