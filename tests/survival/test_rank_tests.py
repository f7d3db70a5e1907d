"""Rank tests: hand-derived values, equivalences, invariants, counts, and what is refused."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.core.counts import Counts
from evalkit.core.sample import EmptyRiskSetWarning
from evalkit.errors import InputError
from evalkit.kernels.gray import gray_scores
from evalkit.kernels.multiple_tests import adjust
from evalkit.kernels.rank_tests import chi_square
from evalkit.survival.gray import gray_test
from evalkit.survival.risk_tables import read_compared
from evalkit.survival.tests import logrank, logrank_pairwise, logrank_trend

FEW = settings(max_examples=30)
NAMES: dict[str, Any] = {"duration": "days", "event": "ended", "by": "arm"}


@st.composite
def spells(draw: st.DrawFn) -> pd.DataFrame:
    """Draw spells with ties, late entry, three groups, strata and weights."""
    n = draw(st.integers(12, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    days = rng.integers(1, draw(st.sampled_from([6, 15, 400])), n).astype(float)
    frame = pd.DataFrame(
        {
            "days": days,
            "exit": rng.integers(0, 3, n),
            "late": np.minimum(days - 1, rng.integers(0, 6, n)),
            "arm": rng.integers(0, 3, n),
            "site": rng.integers(0, 2, n),
            "copies": rng.integers(1, 4, n),
        }
    )
    frame.loc[:5, "arm"] = [0, 1, 2, 0, 1, 2]
    frame.loc[:5, ["days", "late", "exit", "site"]] = [
        [1, 0, 1, 0], [400, 0, 0, 0], [400, 0, 0, 0],
        [1, 0, 1, 1], [400, 0, 0, 1], [400, 0, 0, 1],
    ]  # fmt: skip
    return frame.assign(ended=(frame["exit"] > 0).astype(int))


def test_by_hand() -> None:
    # At 2: 5 at risk (3 in a), 2 events, 1 of them in a. At 4: 2 at risk, 1 in a; event in b.
    frame = pd.DataFrame(
        {
            "days": [2, 3, 4, 2, 4],
            "ended": [1, 0, 0, 1, 1],
            "arm": list("aaabb"),
        }
    )
    made = logrank(frame, **NAMES)
    variance = 2 * 3 / 4 * (3 / 5) * (2 / 5) + 1 / 4
    expected = 2 * 3 / 5 + 1 / 2
    assert made.groups["observed"].tolist() == [1, 2]
    np.testing.assert_allclose(made.groups["expected"], [expected, 3 - expected], rtol=1e-14)
    assert made.statistic == pytest.approx((1 - expected) ** 2 / variance, rel=1e-12)
    assert (made.df, made.n_used) == (1, 5)


def test_last_event_of_everybody_adds_no_variance() -> None:
    frame = pd.DataFrame({"days": [1, 2, 3, 3], "ended": 1, "arm": [0, 1, 0, 1]})
    made = logrank(frame, **NAMES)
    # 1 of 2 at 1, then 2 of 3 at 2; at 3 both have the event and nothing can differ.
    variance = 1 / 4 + 2 / 9
    assert made.statistic == pytest.approx((1 + 0 - 1 / 2 - 1 / 3) ** 2 / variance, rel=1e-12)


@FEW
@given(spells(), st.booleans(), st.booleans(), st.sampled_from([(0, 0), (1, 0), (0.5, 1)]))
def test_order_unit_and_labels_do_not_matter(
    frame: pd.DataFrame, late: bool, stratified: bool, powers: tuple[float, float]
) -> None:
    options: dict[str, Any] = dict(zip(("rho", "gamma"), powers, strict=True))
    options |= {"entry": "late"} if late else {}
    options |= {"strata": "site"} if stratified else {}
    one = logrank(frame, **NAMES, **options)
    other = frame.sample(frac=1, random_state=1)
    other["arm"] = other["arm"].map({0: 2, 1: 0, 2: 1})
    other[["days", "late"]] = other[["days", "late"]] * 1e-12
    two = logrank(other, **NAMES, **options)
    assert two.statistic == pytest.approx(one.statistic, rel=1e-9)
    assert two.df == one.df
    np.testing.assert_allclose(two.groups["observed"].to_numpy()[[2, 0, 1]], one.groups["observed"])


@FEW
@given(spells(), st.booleans(), st.booleans())
def test_case_weights_are_repetitions(frame: pd.DataFrame, late: bool, stratified: bool) -> None:
    options: dict[str, Any] = {"rho": 0.5} | ({"entry": "late"} if late else {})
    options |= {"strata": "site"} if stratified else {}
    one = logrank(frame, weights="copies", **NAMES, **options)
    two = logrank(frame.loc[frame.index.repeat(frame["copies"])], **NAMES, **options)
    assert one.statistic == pytest.approx(two.statistic, rel=1e-9)
    assert one.groups["n"].tolist() == np.bincount(frame["arm"]).tolist()


@FEW
@given(spells(), st.booleans(), st.booleans())
def test_counts_give_the_same(frame: pd.DataFrame, late: bool, stratified: bool) -> None:
    entry: dict[str, Any] = {"entry": "late"} if late else {}
    strata: dict[str, Any] = {"strata": "site"} if stratified else {}
    counts = Counts.from_rows(frame, duration="days", cause="exit", groups=["arm", "site"], **entry)
    one, two = logrank(frame, **NAMES, **entry, **strata), logrank(counts, by="arm", **strata)
    assert two.statistic == pytest.approx(one.statistic, rel=1e-12)
    pd.testing.assert_frame_equal(one.groups, two.groups, rtol=1e-12, check_dtype=False)
    if not late:
        gray = gray_test(frame, duration="days", cause="exit", by="arm", **strata)
        counted = gray_test(counts, by="arm", **strata)
        np.testing.assert_allclose(counted.statistic, gray.statistic, rtol=1e-12)


@FEW
@given(spells())
def test_gray_ignores_order_and_unit_and_is_logrank_of_one_cause(frame: pd.DataFrame) -> None:
    options: dict[str, Any] = {"duration": "days", "cause": "exit", "by": "arm"}
    one = gray_test(frame, **options)
    shuffled = frame.sample(frac=1, random_state=1).assign(days=lambda d: d["days"] * 1e9)
    np.testing.assert_allclose(gray_test(shuffled, **options).statistic, one.statistic, rtol=1e-9)
    # With one cause the scores are the log-rank test's; the variances differ by what the common
    # incidence says in place of each group's own, which vanishes as n grows.
    plain = frame.assign(exit=frame["ended"])
    gray = gray_test(plain, **options)
    assert gray.df[0] == logrank(frame, **NAMES).df


def test_gray_of_one_cause_tends_to_the_logrank_test() -> None:
    rng = np.random.default_rng(8)
    frame = pd.DataFrame(
        {
            "days": rng.exponential(100, 20_000),
            "exit": rng.integers(0, 2, 20_000),
            "arm": rng.integers(0, 3, 20_000),
        }
    ).assign(ended=lambda d: d["exit"])
    gray = gray_test(frame, duration="days", cause="exit", by="arm")
    assert gray.statistic[0] == pytest.approx(logrank(frame, **NAMES).statistic, rel=0.02)


@FEW
@given(spells())
def test_two_groups_are_their_pair_and_their_trend(frame: pd.DataFrame) -> None:
    two = frame[frame["arm"] < 2]
    alone = logrank(two, **NAMES)
    pairs = logrank_pairwise(frame, adjustment="none", **NAMES).to_frame()
    assert pairs["statistic"].iloc[0] == pytest.approx(alone.statistic, rel=1e-9)
    assert logrank_trend(two, scores=[3, -1], **NAMES).statistic == pytest.approx(
        alone.statistic, rel=1e-9
    )
    assert pairs[["group", "reference"]].to_numpy().tolist() == [[1, 0], [2, 0], [2, 1]]


@FEW
@given(spells(), st.floats(-5, 5), st.floats(0.1, 10))
def test_scores_of_a_trend_have_no_origin_and_no_unit(
    frame: pd.DataFrame, origin: float, unit: float
) -> None:
    one = logrank_trend(frame, **NAMES)
    two = logrank_trend(frame, scores=[origin + unit * k for k in range(3)], **NAMES)
    assert two.statistic == pytest.approx(one.statistic, rel=1e-7)


def test_rejects_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2024)
    rejected = np.zeros(3)
    for _ in range(120):
        frame = pd.DataFrame(
            {
                "days": rng.geometric(0.05, 120),
                "exit": rng.choice([0, 1, 2], 120, p=[0.4, 0.4, 0.2]),
                "arm": rng.integers(0, 2, 120),
            }
        ).assign(ended=lambda d: (d["exit"] > 0).astype(int))
        gray = gray_test(frame, duration="days", cause="exit", by="arm").p_value
        rejected += np.array([logrank(frame, **NAMES).p_value, *gray]) < 0.05
    # Three standard errors of 120 draws about 5 %.
    assert (np.abs(rejected / 120 - 0.05) < 3 * np.sqrt(0.05 * 0.95 / 120)).all()


def test_adjusting_leaves_missing_p_values_out() -> None:
    given_p = [0.04, np.nan, 0.01, 0.03]
    np.testing.assert_allclose(adjust(given_p, "bonferroni"), [0.12, np.nan, 0.03, 0.09])
    np.testing.assert_allclose(adjust(given_p, "holm"), [0.06, np.nan, 0.03, 0.06])
    np.testing.assert_allclose(adjust(given_p, "bh"), [0.04, np.nan, 0.03, 0.04])
    np.testing.assert_allclose(adjust([0.5, 0.9], "holm"), [1.0, 1.0])


def test_pairs_that_never_meet_are_missing() -> None:
    frame = pd.DataFrame(
        {
            "days": [3, 4, 5, 13, 14, 15, 4, 14],
            "late": [0, 0, 0, 10, 10, 10, 0, 10],
            "ended": 1,
            "arm": list("aaabbbcc"),
        }
    )
    made = logrank_pairwise(frame, entry="late", **NAMES).to_frame()
    assert made["p_value"].isna().tolist() == [True, False, False]
    assert made["df"].tolist() == [0, 1, 1]
    with pytest.raises(InputError, match="at risk together"):
        logrank(frame[frame["arm"] != "c"], entry="late", **NAMES)


def test_a_stratum_without_events_or_with_one_group_adds_nothing() -> None:
    frame = pd.DataFrame(
        {
            "days": [2, 3, 4, 2, 4],
            "exit": [1, 0, 0, 2, 1],
            "arm": list("aaabb"),
            "site": 1,
        }
    ).assign(ended=lambda d: (d["exit"] > 0).astype(int))
    more = pd.DataFrame({
        "days": [1, 2, 3, 5], "exit": [0, 0, 1, 1], "arm": list("abaa"), "site": [2, 2, 3, 3],
        "ended": [0, 0, 1, 1],
    })  # fmt: skip
    both = pd.concat([frame, more])
    alone = logrank(frame, **NAMES, rho=1)
    assert logrank(both, **NAMES, strata="site", rho=1).statistic == pytest.approx(alone.statistic)
    names: dict[str, Any] = {"duration": "days", "cause": "exit", "by": "arm"}
    np.testing.assert_allclose(
        gray_test(both, strata="site", **names).statistic, gray_test(frame, **names).statistic
    )


def test_results_print_and_pickle() -> None:
    frame = pd.DataFrame({"days": [1, 2, 3, 4], "ended": [1, 1, 0, 1], "arm": list("abab")})
    for made in (
        logrank(frame, **NAMES),
        logrank_pairwise(frame, **NAMES),
        gray_test(frame, duration="days", cause="ended", by="arm"),
    ):
        again = pickle.loads(pickle.dumps(made))
        pd.testing.assert_frame_equal(again.to_frame(), made.to_frame())
        assert len(repr(made).splitlines()) <= 15
        assert "arm" in made._repr_html_()
    assert list(logrank(frame, **NAMES).to_frame()) == [
        "method", "statistic", "df", "p_value", "n",
    ]  # fmt: skip
    assert logrank(frame, rho=1, strata="ended", **NAMES).method == (
        "Log-rank test, Fleming-Harrington weights with rho = 1, gamma = 0, stratified by ended"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": "one"}, "at least two groups"),
        ({"event": "never"}, "all censored"),
        ({"rho": -1}, "rho: must be a number of at least 0"),
        ({"gamma": np.nan}, "gamma: must be a number of at least 0"),
        ({"by": "arms"}, "Did you mean 'arm'"),
        ({"duration": None}, "a column of df"),
    ],
)
def test_what_is_refused(options: dict[str, Any], message: str) -> None:
    frame = pd.DataFrame({
        "days": [1, 2, 3], "ended": [1, 0, 1], "never": 0, "arm": list("aba"), "one": 1,
    })  # fmt: skip
    with pytest.raises(InputError, match=message):
        logrank(frame, **NAMES | options)
    for scores in ([1, 1], [1, "a"], [1, None]):
        with pytest.raises(InputError, match="2 finite numbers"):
            logrank_trend(frame, scores=scores, **NAMES)
    with pytest.raises(InputError, match=r"weights: must be whole .* got 1 rows.*row 2"):
        logrank(frame.assign(w=[1, 2, 0.5, *[1] * (len(frame) - 3)]), weights="w", **NAMES)
    with pytest.raises(InputError, match="'holm'"):
        logrank_pairwise(frame, adjustment="sidak", **NAMES)


def late_spells(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """Draw two arms with the same incidence of exit 1 that differ in all else."""
    parts: list[pd.DataFrame] = []
    for arm, (speed, share, ends) in enumerate([(0.5, 0.6, 5.0), (2.0, 0.3, 3.0)]):
        m = 4 * n
        first = rng.random(m) < 0.4
        time = np.where(first, rng.exponential(1, m), rng.exponential(speed, m))
        late = np.where(rng.random(m) < share, rng.uniform(0, 1 - arm / 2, m), 0.0)
        end = rng.uniform(0, ends, m)
        frame = pd.DataFrame(
            {
                "days": np.minimum(time, end),
                "exit": np.where(time <= end, np.where(first, 1, 2), 0),
                "late": late,
                "arm": arm,
            }
        )
        parts.append(frame[frame["days"] > frame["late"]].head(n))
    return pd.concat(parts, ignore_index=True)


def test_gray_with_late_entry_rejects_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    names: dict[str, Any] = {"duration": "days", "cause": "exit", "by": "arm"}
    ps: list[float] = []
    for _ in range(400):
        frame = late_spells(rng, 100)
        found = read_compared(frame, entry="late", **names)
        scores = gray_scores(found.tables, 0)
        ps.append(chi_square(scores.observed - scores.expected, scores.covariance)[2])
    # Three standard errors of 400 draws. Log-rank of exit 1 among those still there rejects nearly
    # always: the rates differ, the incidences do not.
    for level in (0.05, 0.2):
        off = np.mean(np.array(ps) < level) - level
        assert abs(off) < 3 * np.sqrt(level * (1 - level) / 400)
    whole = gray_test(frame, entry="late", **names)
    pieces = pd.concat(
        [
            frame[frame["days"] <= 0.7],
            frame[(frame["days"] > 0.7) & (frame["late"] < 0.7)].assign(days=0.7, exit=0),
            frame[frame["days"] > 0.7].assign(late=lambda d: d["late"].clip(lower=0.7)),
        ]
    )
    cut = gray_test(pieces, entry="late", **names)
    np.testing.assert_allclose(cut.statistic, whole.statistic, rtol=1e-9)
    nobody_late = gray_test(frame.assign(late=0), entry="late", **names)
    np.testing.assert_allclose(
        nobody_late.statistic, gray_test(frame, **names).statistic, rtol=1e-12
    )
    days = frame.assign(days=np.ceil(30 * frame["days"]), late=np.floor(30 * frame["late"]))
    counts = Counts.from_rows(days, duration="days", cause="exit", entry="late", groups="arm")
    np.testing.assert_allclose(
        gray_test(counts, by="arm").statistic,
        gray_test(days, entry="late", **names).statistic,
        rtol=1e-10,
    )


def test_gray_warns_of_a_group_whose_risk_set_empties() -> None:
    frame = pd.DataFrame(
        {
            "days": [1, 4, 6, 9, 2, 3, 5, 7, 8],
            "exit": [1, 1, 2, 1, 1, 2, 1, 2, 1],
            "late": [0, 2, 2, 2, 0, 0, 0, 0, 0],
            "arm": [0] * 4 + [1] * 5,
        }
    )
    names: dict[str, Any] = {"duration": "days", "cause": "exit", "by": "arm", "entry": "late"}
    with pytest.warns(EmptyRiskSetWarning, match="arm 0 who are at risk at 1 leave then, although"):
        made = gray_test(frame, **names)
    # What happens in arm 0 after day 1 does not count.
    with pytest.warns(EmptyRiskSetWarning):
        other = gray_test(frame.assign(exit=[1, 2, 1, 1, 1, 2, 1, 2, 1]), **names)
    np.testing.assert_allclose(other.statistic, made.statistic, rtol=1e-12)
