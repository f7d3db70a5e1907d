"""Standardisation by riket's cells: anchors, exact tests, brute force, traps and their messages."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.errors import InputError
from evalkit.kernels.proportions import clopper_pearson
from evalkit.kernels.standardised_shares import (
    difference_interval,
    effective_interval,
    ratio_interval,
    standardised_share,
)
from evalkit.matching.standardisation import standardise
from evalkit.matching.treatment_sample import MatchingWarning

RIKET = pd.DataFrame({
    "sex": ["w", "w", "m", "m"], "age": ["-39", "40-", "-39", "40-"],
    "rate": [0.5, 0.4, 0.45, 0.35], "n": [3000, 5000, 2500, 6000],
})  # fmt: skip
STRATA = ["sex", "age"]


def people(seed: int = 0, n: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    sex, age = rng.choice(["w", "m"], n, p=[0.7, 0.3]), rng.choice(["-39", "40-"], n)
    df = pd.DataFrame({"sex": sex, "age": age, "site": rng.integers(0, 12, n)})
    rate = np.where(df["sex"] == "w", 0.6, 0.5)
    return df.assign(y=(rng.random(n) < rate).astype(int))


def by_term(found) -> pd.DataFrame:
    return found.to_frame().set_index("term")


def one_cell(**more):
    cell = pd.DataFrame({"c": ["a"], "x": [58], "n": [100]})
    riket = pd.DataFrame({"c": ["a"], "rate": [0.44], "n": [10_000]})
    return standardise(cell, outcome="x", n="n", reference=riket, strata="c", **more)


def test_the_anchor_by_three_intervals() -> None:
    """O = 58, E = 44, n = 100: R's binom.test and poisson.test."""
    for interval, ends in {"strata": (1.084, 1.541), "binomial": (1.084, 1.541),
                           "poisson": (1.001, 1.704)}.items():  # fmt: skip
        row = by_term(one_cell(interval=interval)).loc["ratio"]
        assert row[["conf_low", "conf_high"]].tolist() == pytest.approx(ends, abs=5e-4)
        assert row["p_value"] == pytest.approx(0.0062, abs=5e-5)
        assert row["estimate"] == pytest.approx(58 / 44)


def test_terms_and_units() -> None:
    frame = by_term(one_cell())
    assert frame.index.tolist() == ["observed", "expected", "ratio", "difference"]
    assert frame["estimate"].tolist() == pytest.approx([58, 44, 58 / 44, 14])
    assert frame.loc["difference", ["share", "share_low"]].tolist() == pytest.approx(
        [0.14, frame.loc["difference", "conf_low"] / 100]
    )
    direct = by_term(one_cell(kind="direct"))
    assert direct.index.tolist() == ["rate", "reference_rate", "difference", "ratio"]
    assert direct["estimate"].tolist() == pytest.approx([0.58, 0.44, 0.14, 58 / 44])
    assert frame["scale"].tolist() == ["count", "count", "ratio", "difference"]


def test_by_hand_in_four_cells() -> None:
    df = people()
    cells = df.groupby(STRATA)["y"].agg(["sum", "size"]).reset_index().merge(RIKET, on=STRATA)
    found = by_term(standardise(df, outcome="y", reference=RIKET, strata=STRATA))
    assert found.loc["expected", "estimate"] == pytest.approx((cells["size"] * cells["rate"]).sum())
    direct = by_term(standardise(df, outcome="y", reference=RIKET, strata=STRATA, kind="direct"))
    share = cells["n"] / cells["n"].sum()
    assert direct.loc["rate", "estimate"] == pytest.approx(
        (share * cells["sum"] / cells["size"]).sum()
    )
    own = cells["sum"] / cells["size"]
    variance = (cells["size"] * own * (1 - own)).sum()
    assert found.loc["observed", "std_error"] == pytest.approx(np.sqrt(variance), rel=0.02)


def test_rows_counts_and_whole_weights_agree() -> None:
    df = people(1)
    rows = standardise(df, outcome="y", reference=RIKET, strata=STRATA).to_frame()
    counts = df.groupby(STRATA)["y"].agg(["sum", "size"]).reset_index()
    table = standardise(counts, outcome="sum", n="size", reference=RIKET, strata=STRATA).to_frame()
    pd.testing.assert_frame_equal(rows, table, rtol=1e-12)
    double = pd.concat([df, df])
    weighted = standardise(df.assign(w=2), outcome="y", weights="w", reference=RIKET, strata=STRATA)
    pd.testing.assert_frame_equal(
        weighted.to_frame().drop(columns="n"),
        standardise(double, outcome="y", reference=RIKET, strata=STRATA).to_frame().drop(
            columns="n"),
        rtol=1e-12,
    )  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_order_of_rows_and_of_cells_is_nothing(seed: int) -> None:
    df = people(seed, 60)
    one = standardise(df, outcome="y", reference=RIKET, strata=STRATA).to_frame()
    other = standardise(
        df.sample(frac=1, random_state=seed % 1000), outcome="y",
        reference=RIKET.iloc[::-1], strata=STRATA[::-1],
    ).to_frame()  # fmt: skip
    pd.testing.assert_frame_equal(one, other, rtol=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 20), st.integers(0, 20)), min_size=1, max_size=6))
def test_intervals_hold_the_estimate_and_stay_in_range(cells) -> None:
    n = np.array([size for size, _ in cells], dtype=float)
    p = np.array([min(x, size) / size for size, x in cells])
    found = standardised_share(p, n, n / n.sum(), 0.95, at_least=float(n.sum()))
    assert 0 <= found.low <= found.share + 1e-12
    assert found.share - 1e-12 <= found.high <= 1
    whole = clopper_pearson(round(float(n @ p)), n.sum())
    assert found.low >= float(whole.low) - 1e-9  # strata only narrow it
    assert found.high <= float(whole.high) + 1e-9


def test_participants_are_removed_from_riket() -> None:
    df = people(2)
    found = standardise(df, outcome="y", reference=RIKET, strata=STRATA, includes_participants=True)
    cells = found.cells.set_index(STRATA)
    inside = df.groupby(STRATA)["y"].agg(["sum", "size"])
    riket = RIKET.set_index(STRATA)
    rest = (riket["n"] * riket["rate"] - inside["sum"]) / (riket["n"] - inside["size"])
    assert cells["reference_rate"].to_dict() == pytest.approx(rest.to_dict())
    assert any("were removed" in note for note in found.notes)
    # Riket with the participants added, and then removed, is riket.
    joined = riket.assign(
        rate=(riket["n"] * riket["rate"] + inside["sum"]) / (riket["n"] + inside["size"]),
        n=riket["n"] + inside["size"],
    ).reset_index()
    again = standardise(
        df, outcome="y", reference=joined, strata=STRATA, includes_participants=True
    )
    plain = standardise(df, outcome="y", reference=RIKET, strata=STRATA)
    pd.testing.assert_frame_equal(again.to_frame(), plain.to_frame(), rtol=1e-9)


def test_uncertain_riket_widens_and_vanishes_with_its_size() -> None:
    df = people(3)
    plain = by_term(standardise(df, outcome="y", reference=RIKET, strata=STRATA))
    widths = []
    for factor in (0.01, 1, 1e6):
        riket = RIKET.assign(n=RIKET["n"] * factor)
        found = by_term(standardise(df, outcome="y", reference=riket, strata=STRATA,
                                    reference_uncertainty=True))  # fmt: skip
        widths.append(found.loc["ratio", "conf_high"] - found.loc["ratio", "conf_low"])
        assert found.loc["ratio", "estimate"] == pytest.approx(plain.loc["ratio", "estimate"])
    assert widths[0] > widths[1] > widths[2]
    assert widths[2] == pytest.approx(
        plain.loc["ratio", "conf_high"] - plain.loc["ratio", "conf_low"], rel=1e-4
    )


def test_intervals_of_an_uncertain_reference() -> None:
    share = (0.5, 0.4, 0.6)
    assert ratio_interval(share, 0.5, 0.0, 0.95) == pytest.approx((0.8, 1.2))
    near = ratio_interval(share, 0.5, 1e-12, 0.95)
    assert near == pytest.approx((0.8, 1.2), rel=1e-5)
    assert ratio_interval(share, 0.5, 0.1, 0.95) == (0.0, np.inf)
    low, high = difference_interval(share, 0.3, 0.0025, 0.95)
    half = np.hypot(0.1, 1.959964 * 0.05)
    assert (low, high) == pytest.approx((0.2 - half, 0.2 + half), rel=1e-6)
    assert effective_interval(0.0, 10, 0.95)[0] == 0
    assert effective_interval(1.0, 10, 0.95)[1] == 1


def test_clusters_use_student() -> None:
    df = people(4)
    found = by_term(standardise(df, outcome="y", reference=RIKET, strata=STRATA, cluster="site"))
    assert found.loc["ratio", "df"] == df["site"].nunique() - 1
    riket = df.merge(RIKET, on=STRATA, how="left")["rate"].to_numpy()
    residual = df["y"] - riket - (df["y"] - riket).mean()
    each = residual.groupby(df["site"]).sum() / len(df)
    g = len(each)
    assert found.loc["observed", "std_error"] == pytest.approx(
        len(df) * np.sqrt(g / (g - 1) * (each**2).sum())
    )
    direct = standardise(df, outcome="y", reference=RIKET, strata=STRATA, cluster="site",
                         kind="direct")  # fmt: skip
    assert "t test" in direct.method


def test_the_mix_of_clusters_is_no_difference_between_them() -> None:
    """Offices in regions of unlike shares, each with just riket's: only the mix varies."""
    riket = pd.DataFrame({"region": ["n", "s"], "rate": [0.2, 0.6], "n": [1000, 1000]})
    parts = [
        pd.DataFrame({"region": region, "office": f"{region}{i}", "y": [1] * x + [0] * (10 - x)})
        for region, x in (("n", 2), ("s", 6)) for i in range(4)
    ]  # fmt: skip
    df = pd.concat(parts)
    found = by_term(
        standardise(df, outcome="y", reference=riket, strata="region", cluster="office")
    )
    assert found.loc["difference", ["estimate", "std_error"]].tolist() == pytest.approx([0, 0])


def test_groups_of_one_cluster_are_refused() -> None:
    df = people(4).assign(project=np.repeat(["A", "B"], 150))
    df["office"] = np.where(df["project"] == "A", df["site"], 99)
    call = {"outcome": "y", "reference": RIKET, "strata": STRATA, "cluster": "office"}
    with pytest.raises(InputError, match=r"at least two clusters in every group; got one \(at B\)"):
        standardise(df, by="project", **call)
    with pytest.raises(InputError, match="cluster: must be at least two clusters; got one"):
        standardise(df[df["project"] == "B"], **call)


def test_sampling_weights_have_no_exact_test() -> None:
    df = people(5).assign(w=np.random.default_rng(0).uniform(0.5, 2, 300))
    found = standardise(df, outcome="y", reference=RIKET, strata=STRATA, weights="w",
                        weights_kind="sampling")  # fmt: skip
    row = by_term(found).loc["observed"]
    assert row["estimate"] == pytest.approx((df["w"] * df["y"]).sum())
    assert "score test" in found.method
    with pytest.raises(InputError, match="includes_participants: must be False with sampling"):
        standardise(df, outcome="y", reference=RIKET, strata=STRATA, weights="w",
                    weights_kind="sampling", includes_participants=True)  # fmt: skip


def test_several_projects_are_not_comparable() -> None:
    df = people(6).assign(project=np.repeat(["A", "B", "C"], 100))
    with pytest.warns(MatchingWarning, match="not comparable with each other"):
        found = standardise(df, outcome="y", reference=RIKET, strata=STRATA, by="project")
    assert found.notes[0].startswith("Ratios of different groups")
    assert found.to_frame()["project"].tolist() == [p for p in "ABC" for _ in range(4)]
    alone = standardise(df[df["project"] == "B"], outcome="y", reference=RIKET, strata=STRATA)
    pd.testing.assert_frame_equal(
        found.to_frame().query("project == 'B'").drop(columns="project").reset_index(drop=True),
        alone.to_frame(), rtol=1e-12,
    )  # fmt: skip
    standardise(df, outcome="y", reference=RIKET, strata=STRATA, by="project", kind="direct")


def test_indirect_and_direct_can_differ_in_sign() -> None:
    riket = pd.DataFrame({"c": ["a", "b"], "rate": [0.5, 0.5], "n": [100, 900]})
    df = pd.DataFrame({"c": ["a", "b"], "x": [63, 4], "n": [90, 10]})
    signs = [
        np.sign(by_term(standardise(df, outcome="x", n="n", reference=riket, strata="c",
                                    kind=kind)).loc["difference", "estimate"])
        for kind in ("indirect", "direct")
    ]  # fmt: skip
    assert signs == [1, -1]


def test_missing_values_are_counted() -> None:
    df = people(7)
    df.loc[[0, 1], "sex"] = None
    df["y"] = df["y"].astype(float)
    df.loc[[1, 2], "y"] = np.nan
    found = standardise(df, outcome="y", reference=RIKET, strata=STRATA)
    assert found.n_dropped == {"missing sex": 2, "missing y": 1}
    assert found.n_used == 297


def test_persons_of_dropped_rows_are_counted() -> None:
    df = pd.DataFrame({"c": ["a", None, "a"], "x": [3, 7, np.nan], "n": [5, 20, 9]})
    riket = pd.DataFrame({"c": ["a"], "rate": [0.4], "n": [100]})
    found = standardise(df, outcome="x", n="n", reference=riket, strata="c")
    assert found.n_dropped == {"missing c": 20, "missing x": 9}
    assert found.n_used == 5


def test_printing_and_pickling() -> None:
    found = one_cell()
    assert len(repr(found).splitlines()) <= 15
    assert "Poisson-binomial" in repr(found)
    assert "<table>" in found._repr_html_()
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(found)).cells, found.cells)


def test_plots() -> None:
    df = people(11).assign(project=np.repeat(["A", "B", "C"], 100))
    found = standardise(
        df, outcome="y", reference=RIKET, strata=STRATA, by="project", kind="direct"
    )
    axes = found.plot(lang="en")
    rate = found.to_frame().query("term == 'rate'")["estimate"]
    np.testing.assert_allclose(axes.lines[0].get_xdata(), 100 * rate)
    assert [text.get_text() for text in axes.texts][1::2][:3] == ["A", "B", "C"]
    assert "Alla deltagare" in [text.get_text() for text in one_cell().plot().texts]


BAD = {
    "percentages": (
        {"reference": RIKET.assign(rate=RIKET["rate"] * 100)},
        (
            r"reference\['rate'\]: must be shares from 0 to 1; got 50, 40, 45 \(at sex=w, age=-39.*"
            r"look like percentages: divide by 100"
        ),
    ),
    "unseen level": (
        {"reference": RIKET[RIKET["sex"] == "w"]},
        r"df: must be in levels that riket's table has; got 1 levels .*sex='m'",
    ),
    "unseen cell": (
        {"reference": RIKET.iloc[:3]},
        r"df: must be in cells that riket's table has; got 1 cells .*sex=m, age=40-",
    ),
    "cell twice": (
        {"reference": pd.concat([RIKET, RIKET.iloc[:1]])},
        r"every cell stands once; got 1 cells that stand several times \(at sex=w, age=-39\)",
    ),
    "no rate": (
        {"reference": RIKET.drop(columns="rate")},
        r"the columns sex, age, rate \(and n\); got one without rate",
    ),
    "missing rate": (
        {"reference": RIKET.assign(rate=[0.5, np.nan, 0.4, 0.3])},
        r"there in every cell; got 1 missing \(at sex=w, age=40-\).*standardise_bounds",
    ),
    "no n": (
        {"reference": RIKET.drop(columns="n"), "kind": "direct"},
        r"a column 'n' \(persons in each cell\), which direct standardisation needs",
    ),
    "empty riket cell": (
        {"reference": RIKET.assign(n=[1, 2, 0, 3])},
        r"reference\['n'\]: must be positive in every cell; got 0 \(at sex=m, age=-39\)",
    ),
    "empty riket cell without a rate": (
        {"reference": RIKET.assign(n=[1, 2, 0, 3], rate=[0.5, 0.4, np.nan, 0.3])},
        r"positive in every cell; got 0 \(at sex=m, age=-39\). Leave out cells of nobody: ref",
    ),
    "too few in riket": (
        {"reference": RIKET.assign(n=[5, 5000, 2500, 6000]), "includes_participants": True},
        r"riket's cells hold more people than participants; got 1 cells .*sex=w, age=-39",
    ),
    "too few successes in riket": (
        {"reference": RIKET.assign(rate=[0.001, 0.4, 0.4, 0.4]), "includes_participants": True},
        r"at least as many successes as the participants have; got 1 cells",
    ),
    "outcome in percent": (
        {"outcome": "p"},
        r"outcome: must be 1 for success and 0 for none \('p'\); got 100",
    ),
    "interval of direct": (
        {"kind": "direct", "interval": "poisson"},
        r"interval: must be 'strata' with direct standardisation; got 'poisson'",
    ),
    "weights and n": (
        {"n": "one", "weights": "one"},
        r"weights: must be left out where `n` makes rows of counts",
    ),
    "weights_kind alone": (
        {"weights_kind": "sampling"},
        r"weights_kind: must be left out without `weights`",
    ),
    "kind": ({"kind": "both"}, r"kind: must be one of 'indirect', 'direct'; got 'both'"),
    "strata of numbers": ({"strata": [1]}, r"strata: must be the name of a column; got 1"),
    "no outcome": ({"outcome": None}, r"outcome: must be the name of a column; got None"),
    "no table": ({"reference": [1]}, r"reference: must be a pandas DataFrame; got list"),
    "no strata": ({"strata": []}, r"strata: must be at least one column; got none"),
    "a column that is not there": (
        {"outcome": "yy"},
        r"outcome: must be a column of df; got 'yy'.*",
    ),
    "counts above n": (
        {"n": "one", "outcome": "p"},
        r"a number of successes, whole and at most 'one'",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name) -> None:
    change, message = BAD[name]
    df = people(8).assign(one=1)
    df["p"] = 100 * df["y"]
    call = {"outcome": "y", "reference": RIKET, "strata": STRATA} | change
    with pytest.raises(InputError, match=message):
        standardise(df, **call)


@pytest.mark.parametrize("name", ["term", "estimate", "n", "rate", "share"])
def test_groups_do_not_take_the_names_of_results(name) -> None:
    df = people(8).assign(**{name: "a"})
    with pytest.raises(InputError, match=f"by: must be columns that are not named .*got '{name}'"):
        standardise(df, outcome="y", reference=RIKET, strata=STRATA, by=name, kind="direct")
    cell = {"expected": ["a"], "rate": [0.4], "n": [90]}
    with pytest.raises(InputError, match="strata: must be columns that are not named"):
        standardise(pd.DataFrame({"expected": ["a"], "y": [1]}), outcome="y",
                    reference=pd.DataFrame(cell), strata="expected")  # fmt: skip


@pytest.mark.filterwarnings("ignore::evalkit.matching.treatment_sample.MatchingWarning")
def test_a_stratum_can_be_the_group() -> None:
    df = people(8)
    found = standardise(df, outcome="y", reference=RIKET, strata=STRATA, by="sex")
    assert found.cells[["sex", "age"]].to_numpy().tolist() == [
        ["m", "-39"], ["m", "40-"], ["w", "-39"], ["w", "40-"]
    ]  # fmt: skip
    counts = df.groupby(["sex", "age"]).size()
    assert found.cells["n"].tolist() == counts.tolist()


def test_rows_of_nobody_count_nothing() -> None:
    riket = pd.DataFrame({"c": ["a", "b"], "rate": [0.4, 0.5], "n": [100, 100]})
    df = pd.DataFrame({"c": ["a", "b"], "x": [3, 0], "k": [5, 0]})
    found, alone = (
        standardise(one, outcome="x", n="k", reference=riket, strata="c").to_frame()
        for one in (df, df.iloc[:1])
    )
    pd.testing.assert_frame_equal(found, alone)
    with pytest.raises(InputError, match=r"n: must be positive somewhere in every group"):
        standardise(df.iloc[1:], outcome="x", n="k", reference=riket, strata="c")


@pytest.mark.parametrize(("rates", "same"), [([0.0, 0.0], 0), ([1.0, 1.0], 0), ([0.0, 1.0], 0),
                                             ([0.0, 1.0], 1)])  # fmt: skip
def test_shares_that_leave_no_other_outcome(rates, same) -> None:
    """With riket at 0 or 1 in every cell any other outcome is impossible, in both kinds."""
    riket = pd.DataFrame({"c": ["a", "b"], "rate": rates, "n": [100, 100]})
    df = pd.DataFrame({"c": ["a", "b"], "x": [0, 4] if same else [1, 3], "k": [4, 4]})
    for kind in ("indirect", "direct"):
        found = by_term(standardise(df, outcome="x", n="k", reference=riket, strata="c", kind=kind))
        if same or rates != [0.0, 1.0]:
            assert found.loc["difference", "p_value"] == same
        assert np.isfinite(found.loc["difference", "p_value"])


def test_an_uncertain_reference_is_pooled_under_the_null() -> None:
    """With one cell it is the test of two proportions, which a reference of 0 does not break."""
    riket = pd.DataFrame({"c": ["a"], "rate": [0.0], "n": [50]})
    df = pd.DataFrame({"c": ["a"], "x": [2], "k": [40]})
    found = by_term(standardise(df, outcome="x", n="k", reference=riket, strata="c",
                                reference_uncertainty=True))  # fmt: skip
    pooled = 2 / 90
    z = 0.05 / np.sqrt(pooled * (1 - pooled) * (1 / 40 + 1 / 50))
    assert found.loc["difference", "statistic"] == pytest.approx(z, rel=1e-12)


def test_cells_of_participants_alone() -> None:
    df = pd.DataFrame({"c": ["a", "a", "b"], "y": [1, 0, 1]})
    riket = pd.DataFrame({"c": ["a", "b"], "rate": [0.5, 0.5], "n": [2, 100]})
    with pytest.raises(InputError, match=r"people besides the participants; got 1 cells that do "
                                         r"not \(at c=a\)\. Merge levels"):  # fmt: skip
        standardise(df, outcome="y", reference=riket, strata="c", includes_participants=True)
    missing = pd.DataFrame({"c": ["b", None], "y": [1, 0]})
    found = standardise(missing, outcome="y", reference=riket, strata="c",
                        includes_participants=True)  # fmt: skip
    assert "Participants whose rows were dropped are still among riket." in found.notes


def test_the_method_is_printed_whole() -> None:
    for more in ({}, {"interval": "binomial"}, {"interval": "poisson"}, {"kind": "direct"}):
        assert " ..." not in repr(one_cell(**more))


def test_later_changes_of_the_frames_do_not_reach_the_result() -> None:
    df, riket = people(3), RIKET.copy()
    found = standardise(df, outcome="y", reference=riket, strata=STRATA)
    before = found.to_frame(), found.cells.copy()
    df["y"], riket["rate"], riket["n"] = 0, 0.9, 7
    pd.testing.assert_frame_equal(found.to_frame(), before[0])
    pd.testing.assert_frame_equal(found.cells, before[1])


def test_riket_cells_without_participants() -> None:
    df = people(9)
    df = df[~((df["sex"] == "m") & (df["age"] == "40-"))]
    standardise(df, outcome="y", reference=RIKET, strata=STRATA)
    with pytest.raises(
        InputError, match=r"in every cell of riket.*1 cells without.*sex=m, age=40-"
    ):
        standardise(df, outcome="y", reference=RIKET, strata=STRATA, kind="direct")


def test_all_and_nobody() -> None:
    df = people(10).assign(y=1)
    found = by_term(standardise(df, outcome="y", reference=RIKET, strata=STRATA))
    assert found.loc["observed", "conf_high"] == len(df)
    nobody = by_term(standardise(df.assign(y=0), outcome="y", reference=RIKET, strata=STRATA))
    assert nobody.loc["ratio", ["estimate", "conf_low"]].tolist() == [0, 0]
    assert nobody.loc["ratio", "conf_high"] > 0
    none = RIKET.assign(rate=0.0)
    found = by_term(standardise(df, outcome="y", reference=none, strata=STRATA))
    assert np.isnan(found.loc["ratio", "estimate"])
    assert found.loc["difference", "p_value"] == 0
