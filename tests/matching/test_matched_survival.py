"""Times until an event after matching and weighting: R's survival, and what each row moves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evalkit.errors import InputError
from evalkit.matching.matched_comparison import match
from evalkit.matching.matched_survival import survival_effect
from evalkit.matching.weighting import weight

HERE = Path(__file__).parents[1] / "reference" / "matching"
NAMES: dict[str, Any] = {"duration": "days", "event": "ended"}
MEASURES: list[dict[str, Any]] = [
    {"tau": 1.0},
    {"measure": "survival", "times": [0.3, 0.9]},
    {"measure": "hazard_ratio"},
]


def people(seed: int = 5, n: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=n), (rng.random(n) < 0.4).astype(float)
    took = (rng.random(n) < 1 / (1 + np.exp(0.2 - 0.6 * x + 0.3 * z))).astype(int)
    time, end = rng.exponential(size=n) * np.exp(0.4 * took + 0.3 * x), rng.uniform(1, 4, n)
    return pd.DataFrame({
        "took": took, "x": x, "z": z, "days": np.minimum(time, end),
        "ended": (time <= end).astype(int), "s": rng.uniform(0.5, 2, n),
        "office": rng.integers(0, 9, n),
    })  # fmt: skip


def table(*args: Any, **kwargs: Any) -> pd.DataFrame:
    return survival_effect(*args, **NAMES, **kwargs).to_frame()


def test_survival_of_r():
    # survival::coxph and survfit in R 4.2.2: matched_survival.R.
    rows = pd.read_csv(HERE / "matched_survival_rows.csv").set_index("id")
    expected = pd.read_csv(HERE / "matched_survival_expected.csv").set_index("case")
    plain = weight("took ~ 1", rows.assign(w1=1.0), survey_weights="w1")
    weighted = weight("took ~ 1", rows, survey_weights="w")
    # Given weights, whose estimation adds nothing.
    given = replace(weighted, fit=replace(weighted.fit, weights=rows["w"].to_numpy(), slope=None))
    plain = replace(plain, fit=replace(plain.fit, weights=np.ones(len(rows)), slope=None))
    cases = {"pairs": (plain, "pair"), "weights": (given, None), "both": (given, "pair")}
    for name, (compared, cluster) in cases.items():
        found = table(compared, measure="hazard_ratio", cluster=cluster).iloc[0]
        groups, n = 60, 120
        factor = 1.0 if cluster is None else groups / (groups - 1) * (n - 1) / (n - 2)
        wanted = expected.loc[name]
        assert np.log(found["estimate"]) == pytest.approx(wanted["coefficient"], rel=1e-6)
        assert found["std_error"] == pytest.approx(np.sqrt(factor) * wanted["robust"], rel=1e-6)
    mean = table(given, tau=60)["estimate"].item()
    assert mean == pytest.approx(expected.loc["rmst_60", "coefficient"], rel=1e-10)
    share = table(given, measure="survival", times=40)["estimate"].item()
    assert share == pytest.approx(expected.loc["survival_40", "coefficient"], rel=1e-10)


@pytest.mark.parametrize("call", MEASURES, ids=lambda call: call.get("measure", "rmst"))
@pytest.mark.parametrize(
    "how", [{}, {"estimand": "ATE"}, {"method": "overlap"}, {"method": "entropy"}], ids=str
)
def test_the_variance_is_what_each_row_moves(how: dict[str, Any], call: dict[str, Any]):
    df = people(n=44)
    ratio = call.get("measure") == "hazard_ratio"

    def estimates(frame: pd.DataFrame) -> Any:
        made = weight("took ~ x + z", frame, survey_weights="s", **how)
        values = table(made, **call)["estimate"].to_numpy()
        return np.log(values) if ratio else values

    step, moved = 1e-4, list[Any]()
    for row in range(len(df)):
        ends: list[Any] = []
        for factor in (1 + step, 1 - step):
            frame = df.copy()
            frame["s"] = df["s"].where(df.index != row, df["s"] * factor)
            ends.append(estimates(frame))
        moved.append((ends[0] - ends[1]) / (2 * step))
    found = table(weight("took ~ x + z", df, survey_weights="s", **how), **call)
    wanted = np.sqrt(np.square(np.array(moved)).sum(axis=0))
    # A hazard ratio depends on the groups' total weights too, which are taken as given.
    loose = ratio and how.get("method") == "entropy"
    np.testing.assert_allclose(found["std_error"], wanted, rtol=1e-3 if loose else 5e-5)


def test_everybody_followed_to_the_end_is_the_plain_effect():
    df = people(n=200).assign(ended=1)
    df["short"] = df["days"].clip(upper=0.8)
    df["left"] = (df["days"] > 0.5).astype(float)
    for compared in (weight("took ~ x + z", df), match("took ~ x + z", df)):
        mean = table(compared, tau=0.8).iloc[0]
        plain = compared.effect("short").to_frame().iloc[0]
        share = table(compared, measure="survival", times=0.5).iloc[0]
        left = compared.effect("left").to_frame().iloc[0]
        for one, other in ((mean, plain), (share, left)):
            for column in ("estimate", "std_error", "conf_low", "mean_control"):
                assert one[column] == pytest.approx(other[column], rel=1e-9)


def test_pairs_are_clusters():
    df = people(n=150)
    matched = match("took ~ x + z", df)
    found = survival_effect(matched, **NAMES, tau=1.0)
    assert f"variance from {len(matched.pairs)} clusters" in found.method
    assert found.to_frame()["df"].item() == len(matched.pairs) - 1
    by_office = survival_effect(matched, **NAMES, tau=1.0, cluster="office")
    assert f"variance from {df['office'].nunique()} clusters" in by_office.method
    reused = match("took ~ x + z", df, replace=True)
    again = survival_effect(reused, **NAMES, tau=1.0)
    assert "clusters" not in again.method
    assert any("takes the weights as given" in note for note in again.notes)


def test_several_groups():
    rng = np.random.default_rng(3)
    df = people(n=300).assign(took=rng.integers(0, 3, 300))
    made = weight("took ~ x", df, estimand="ATE")
    for call in MEASURES:
        found = table(made, **call)
        assert found["contrast"].unique().tolist() == ["1 - 0", "2 - 0"]
    focal = weight("took ~ x", df, estimand="ATT", focal=2)
    assert survival_effect(focal, **NAMES, tau=1.0).estimand.endswith("over 2")


def test_one_person_or_no_event_shows_no_spread():
    df = people()
    df = pd.concat([df[df["took"] == 1].head(1), df[df["took"] == 0]]).assign(ended=1)
    one = weight("took ~ x", df)
    tau = float(df[df["took"] == 1]["days"].iloc[0])
    calls: list[dict[str, Any]] = [
        {"tau": tau / 2}, {"measure": "survival", "times": [tau / 3, tau / 2]},
        {"measure": "hazard_ratio"},
    ]  # fmt: skip
    for call in calls:
        found = survival_effect(one, **NAMES, **call)
        assert np.isnan(found.to_frame()["std_error"]).all()
        assert len([n for n in found.notes if n.startswith("No standard error: 1 person")]) == 1
    df = people().assign(ended=lambda d: d["ended"] * (1 - d["took"]))
    none = survival_effect(weight("took ~ x", df), **NAMES, tau=1.0)
    assert any("Everybody in 1 has the same days up to 1" in note for note in none.notes)
    assert none.to_frame()["std_error"].item() > 0


def test_missing_times_are_dropped_and_counted():
    df = people(n=100).astype({"ended": float})
    df.loc[[2, 7], "days"] = np.nan
    df.loc[9, "ended"] = np.nan
    found = survival_effect(weight("took ~ x + z", df), **NAMES, tau=1.0)
    assert dict(found.n_dropped) == {"missing days": 2, "missing ended": 1}
    assert found.n_used == 97
    assert len(repr(found).splitlines()) <= 15


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({}, "tau: must be given for measure='rmst'"),
        ({"tau": 1.0, "times": 2.0}, "times: must be left out with measure='rmst'"),
        ({"measure": "survival"}, "times: must be given"),
        ({"measure": "hazard_ratio", "tau": 1.0}, "tau: must be left out"),
        ({"measure": "cox"}, "measure: must be one of"),
        ({"tau": -1.0}, "tau: must be positive"),
        ({"tau": [1.0, 2.0]}, "tau: must be one time"),
        ({"tau": "a year"}, "tau: must be positive times; got 'a year'"),
        ({"tau": 50.0}, r"tau: must be within the follow-up of every group; \S+ ends at"),
        ({"measure": "survival", "times": 50.0}, "times: must be within the follow-up"),
        ({"tau": 1.0, "event": "s"}, "event: must be 0 or 1"),
        ({"tau": 1.0, "duration": "x"}, "duration: must be finite and at least 0"),
        ({"tau": 1.0, "cluster": "one"}, "at least two clusters"),
        ({"measure": "hazard_ratio", "event": "none"}, "no event among .* measure='rmst' exists"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(call: dict[str, Any], message: str):
    df = people().assign(one=1, none=lambda d: d["ended"] * (1 - d["took"]))
    df.loc[df["days"].idxmax(), "ended"] = 0
    df.loc[df[df["took"] == 1]["days"].idxmax(), "ended"] = 0
    df.loc[df[df["took"] == 0]["days"].idxmax(), "ended"] = 0
    with pytest.raises(InputError, match=message):
        survival_effect(weight("took ~ x + z", df), **{**NAMES, **call})
    frame: Any = df
    with pytest.raises(InputError, match=r"compared: must be the result of match\(\) or weight"):
        survival_effect(frame, **NAMES, tau=1.0)


def test_broken_pairs_are_told():
    df = people()
    df.loc[::5, "days"] = np.nan
    found = survival_effect(match("took ~ x", df), **NAMES, tau=1.0)
    lost = found.n_dropped["missing days"]
    assert lost > 0
    assert any(note.startswith(f"{lost} of the matched lack a value") for note in found.notes)
    whole = survival_effect(match("took ~ x", people()), **NAMES, tau=1.0)
    assert not any("lack a value" in note for note in whole.notes)
