"""Every comparison with riket that the data allow, and what is said of them."""

from __future__ import annotations

import pickle
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit import published
from evalkit.errors import InputError
from evalkit.kernels.proportions import binomial_test, clopper_pearson
from evalkit.matching.aggregate_matching import maic
from evalkit.matching.national_figures import NationalFigure
from evalkit.matching.raking_margins import rake
from evalkit.matching.riket_comparison import compare_to_riket
from evalkit.matching.riket_explained import ESTIMANDS
from evalkit.matching.riket_sentences import SENTENCES
from evalkit.matching.standardisation import standardise

AMIA = pd.DataFrame({
    "delprojekt": ["Öst", "Nord", "Väst", "Syd"], "share": [0.67, 0.78, 0.43, 0.57],
    "n": [np.nan, 116, 258, 284],
})  # fmt: skip
FIGURES = {
    "vidare": NationalFigure(0.44, counts="vidare mot arbetsmarknaden", source="s. 176"),
    "kvar eller i arbete": NationalFigure(
        (0.79, 0.81), counts="inskrivna (70 %) eller i arbete och studier (10 %)",
        people="alla i riket", source="s. 173",
    ),
}  # fmt: skip
RIKET = pd.DataFrame({
    "sex": ["w", "w", "m", "m"], "age": ["-39", "40-", "-39", "40-"],
    "rate": [0.5, 0.4, 0.45, 0.35], "n": [3000, 5000, 2500, 6000],
})  # fmt: skip
MARGINS = {"sex": {"w": 0.485, "m": 0.515}, "age": {"-39": 0.333, "40-": 0.667}}


def people(seed: int = 0, n: int = 600) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame({
        "sex": rng.choice(["w", "m"], n, p=[0.7, 0.3]), "age": rng.choice(["-39", "40-"], n),
        "site": rng.choice(["N", "S", "V"], n), "y": rng.integers(0, 2, n),
    })  # fmt: skip


def amia(*, figures=FIGURES, **more):
    return compare_to_riket(AMIA, share="share", n="n", by="delprojekt", figures=figures, **more)


def row(found, group, comparison="as published", figure=None):
    frame = found.to_frame()
    chosen = frame[(frame["group"] == group) & (frame["comparison"] == comparison)]
    return (chosen if figure is None else chosen[chosen["figure"] == figure]).iloc[0]


def test_amia_against_both_national_figures() -> None:
    """Above one figure, below the other: the signs differ, and that is explained."""
    found = amia(base="hade nått 90 dagar i arbetslivsintroduktion")
    syd = [row(found, "Syd", figure=name) for name in FIGURES]
    assert [round(one["estimate"], 2) for one in syd] == [0.13, -0.23]
    assert all(one["p_value"] < 0.001 for one in syd)
    text = " ".join(found.notes)
    assert "The national figures disagree on Syd (and 2 more groups)" in text
    assert "vidare 44%: counts vidare mot arbetsmarknaden (s. 176)." in text
    assert "kvar eller i arbete 79\u00a0to\u00a081%: counts inskrivna" in text
    assert "among alla i riket" in text
    assert "only those who hade nått 90 dagar" in text
    assert "selected after they were included" in text
    swedish = " ".join(found.explanation())
    assert "De nationella siffrorna går isär för Syd (och 2 grupper till)" in swedish
    assert "+13,0 procentenheter mot vidare" in swedish
    assert "Räknade är bara de som hade nått 90 dagar" in swedish
    assert found.explanation("en") == found.notes[: len(found.explanation("en"))]


def test_unknown_numbers_give_bounds_only() -> None:
    found = amia()
    east = row(found, "Öst", figure="vidare")
    assert east[["lower", "upper"]].tolist() == pytest.approx([0.225, 0.235])
    assert np.isnan(east[["p_value", "conf_low", "conf_high", "n"]].astype(float)).all()
    assert east["test"] == "none: number of participants unknown"
    assert found.not_done == ("All participants together: the number of Öst is unknown.",)
    assert "all participants" not in found.to_frame()["group"].tolist()


def test_rounded_shares_try_every_number_of_successes() -> None:
    north = row(amia(), "Nord", figure="vidare")
    counts = [x for x in range(117) if abs(x / 116 - 0.78) <= 0.005]
    assert counts == [90, 91]
    assert north["p_value"] == pytest.approx(max(binomial_test(counts, 116, 0.44)))
    ends = clopper_pearson(counts, 116)
    assert north["conf_low"] == pytest.approx(ends.low[0] - 0.44)
    assert north["conf_high"] == pytest.approx(ends.high[1] - 0.44)
    assert north["lower"] == pytest.approx(90 / 116 - 0.44)
    assert "successes 90-91" in north["assumed"]


@pytest.mark.parametrize("uncertain", [False, True])
def test_rounded_shares_of_many_people(uncertain) -> None:
    """The share may be riket's own: no p-value below 1, however many people there are."""
    one = pd.DataFrame({"share": [0.44], "n": [100_000]})
    call = {"share": "share", "n": "n", "reference_uncertainty": uncertain}
    for figure, p in ((0.441, 1.0), ((0.4441, 0.47), 1.0), (0.4451, 0.956)):
        bounds = NationalFigure(figure, n=10**12 if uncertain else None)
        found = compare_to_riket(one, figures=bounds, **call).to_frame()
        assert found["p_value"].item() == pytest.approx(p, abs=0.01)


def test_a_share_that_no_number_gives() -> None:
    wrong = AMIA.assign(n=[np.nan, 7, 258, 284])  # 5 of 7 is 71 %, 6 of 7 is 86 %
    message = r"share: must be one that a number of successes of 'n' gives, rounded to 0.01.*row 1"
    with pytest.raises(InputError, match=message):
        compare_to_riket(wrong, share="share", n="n", by="delprojekt", figures=0.44)


def test_nobody_succeeds() -> None:
    df = people(2).assign(y=0)
    found = compare_to_riket(df, outcome="y", figures=0.01, cells=RIKET, strata=["sex", "age"],
                             margins=MARGINS, means={"sex": MARGINS["sex"]})  # fmt: skip
    frame = found.to_frame()
    assert np.isfinite(frame["p_value"]).all()
    assert (frame["conf_high"] > frame["estimate"]).all()


def test_unknown_numbers_are_printed() -> None:
    assert "n: 658 used, 0 dropped; number of Öst unknown" in repr(amia())


def test_figures_as_a_series() -> None:
    found = compare_to_riket(people(7), outcome="y", figures=pd.Series({"a": 0.4, "b": 0.5}))
    assert found.to_frame()["figure"].tolist() == ["a", "b"]


def test_the_goal() -> None:
    found = amia(goal="65 %")
    table = found.goal.to_frame().set_index("group")
    assert table["reached"].to_dict() == {"Nord": True, "Väst": False, "Syd": False}
    text = " ".join(found.notes)
    assert "Goal not tested for Öst" in text
    assert "Against a goal of at least 65 %: reached by 1 of 3 groups" in text


def test_alternativa_insatser_2010() -> None:
    """15.8 % of 1 469 against 26 %: far below, whatever the rounding."""
    df = pd.DataFrame({"who": ["Alternativ aktör"], "share": [0.158], "n": [1469]})
    figures = {"Arbetsförmedlingen": NationalFigure((0.255, 0.265), n=1426)}
    found = compare_to_riket(df, share="share", n="n", by="who", rounding=0.001, figures=figures)
    one = found.to_frame().iloc[0]
    assert one["estimate"] == pytest.approx(-0.102)
    assert one["conf_high"] < -0.07
    uncertain = compare_to_riket(
        df, share="share", n="n", by="who", rounding=0.001, reference_uncertainty=True,
        figures={"Arbetsförmedlingen": NationalFigure(0.26, n=1426)},
    ).to_frame().iloc[0]  # fmt: skip
    # The usual test of two shares, 232 of 1 469 and 371 of 1 426.
    pooled = (232 + 0.26 * 1426) / (1469 + 1426)
    z = (232 / 1469 - 0.26) / np.sqrt(pooled * (1 - pooled) * (1 / 1469 + 1 / 1426))
    assert abs(z) > 6
    assert uncertain["p_value"] < 1e-9
    assert uncertain["conf_high"] > one["conf_high"] - 0.006


def test_everything_from_persons() -> None:
    df = people()
    found = compare_to_riket(
        df, outcome="y", by="site", figures=0.4091, cells=RIKET, strata=["sex", "age"],
        margins=MARGINS, means={"sex": MARGINS["sex"]}, goal=0.65,
    )  # fmt: skip
    frame = found.to_frame()
    assert set(frame["comparison"]) == {"as published", "indirect", "direct", "margins", "means"}
    assert frame["group"].unique().tolist() == ["all participants", "N", "S", "V"]
    crude = row(found, "all participants")
    assert crude["p_value"] == pytest.approx(float(binomial_test(df["y"].sum(), 600, 0.4091)))
    plain = standardise(df, outcome="y", reference=RIKET, strata=["sex", "age"]).to_frame()
    indirect = row(found, "all participants", "indirect")
    assert indirect["estimate"] == pytest.approx(plain["share"].iloc[3])
    assert indirect["ratio_low"] == pytest.approx(plain["conf_low"].iloc[2])
    assert indirect["std_error"] == pytest.approx(plain["std_error"].iloc[3] / 600)
    assert indirect["p_value"] == plain["p_value"].iloc[3]
    direct = standardise(df, outcome="y", reference=RIKET, strata=["sex", "age"], kind="direct")
    assert row(found, "all participants", "direct")["estimate"] == pytest.approx(
        direct.to_frame()["estimate"].iloc[2]
    )
    south = df[df["site"] == "S"]
    raked = rake(south, MARGINS).mean(south["y"], reference=0.4091).to_frame()
    mine = row(found, "S", "margins")
    names = ["estimate", "p_value", "conf_low", "conf_high"]
    assert mine[names].tolist() == pytest.approx(raked.iloc[2][names].tolist())
    assert "sex x age" in mine["assumed"]
    matched = maic(south, targets={"sex": MARGINS["sex"]}).mean(south["y"], reference=0.4091)
    assert "go together" not in row(found, "S", "means")["assumed"]  # there is one variable
    assert row(found, "S", "means")["estimate"] == pytest.approx(
        matched.to_frame()["estimate"].iloc[2]
    )
    text = " ".join(found.notes)
    for words in ("as published: the participants as they are", "indirect: the participants minus",
                  "direct: the participants' cell shares", "margins: ", "means: ",
                  "are the mix of people"):  # fmt: skip
        assert words in text
    assert "are not comparable with each other" in text
    assert (frame["estimand"] != "").all()
    assert len(repr(found).splitlines()) <= 15
    assert "<table>" in found._repr_html_()
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(found)).to_frame(), frame)


def test_uncertain_figures_widen_everything() -> None:
    df = people(8)
    call = {"outcome": "y", "margins": MARGINS, "means": {"sex": MARGINS["sex"]},
            "figures": NationalFigure(0.41, n=500)}  # fmt: skip
    known = compare_to_riket(df, **call).to_frame()
    found = compare_to_riket(df, **call, reference_uncertainty=True).to_frame()
    assert (found["conf_high"] > known["conf_high"]).all()
    assert (found["conf_low"] < known["conf_low"]).all()
    assert (found["ratio_high"] > known["ratio_high"]).all()
    assert found["std_error"].to_numpy() == pytest.approx(
        np.sqrt(known["std_error"].to_numpy() ** 2 + 0.41 * 0.59 / 500)
    )
    assert (found["p_value"] > known["p_value"]).all()


def test_the_mix_of_people_adds_up() -> None:
    df = people(1)
    found = compare_to_riket(df, outcome="y", figures=0.41, cells=RIKET, strata=["sex", "age"])
    crude, indirect = row(found, "all participants"), row(found, "all participants", "indirect")
    mix = indirect["riket"] - crude["riket"]
    assert crude["estimate"] == pytest.approx(mix + indirect["estimate"])


def test_the_mix_is_not_what_the_cells_count_otherwise() -> None:
    """Against a figure that is not the cells' total, only a part of the shift is the mix."""
    df = people(1)
    call = {"outcome": "y", "cells": RIKET, "strata": ["sex", "age"]}
    total = float(RIKET["n"] @ RIKET["rate"] / RIKET["n"].sum())
    found = compare_to_riket(df, figures=0.5, **call)
    indirect = row(found, "all participants", "indirect")
    note = next(note for note in found.notes if note.startswith("Of the "))
    points = [
        float(part.replace("\u2212", "-")) for part in re.findall(r"[+\u2212]\d+\.\d", note)
    ]  # fmt: skip
    shares = [indirect["participants"] - 0.5, total - 0.5, indirect["riket"] - total,
              indirect["estimate"]]  # fmt: skip
    assert points == pytest.approx([100 * share for share in shares], abs=0.0501)
    assert "riket's cells add up to 40.8% instead" in note
    # A figure that is the total is taken before one that is not, whatever the order.
    found = compare_to_riket(df, figures={"other": 0.5, "total": 0.41}, **call)
    assert any("against total" in note and "are the mix of people: r" in note
               for note in found.notes)  # fmt: skip
    found = compare_to_riket(df, figures=0.41, **(call | {"cells": RIKET.drop(columns="n")}))
    assert any("if riket is the total of riket's cells" in note for note in found.notes)
    assert any("om riket är summan av rikets celler" in said for said in found.explanation())


def test_the_same_people_are_compared() -> None:
    df = people(1)
    df.loc[:99, "site"] = None
    df.loc[90:149, "age"] = None
    found = compare_to_riket(df, outcome="y", by="site", figures=0.41, cells=RIKET,
                             strata=["sex", "age"], margins=MARGINS)  # fmt: skip
    counts = {kind: row(found, "all participants", kind)["n"] for kind in (
        "as published", "indirect", "direct", "margins")}  # fmt: skip
    assert counts == {"as published": 500, "indirect": 450, "direct": 450, "margins": 450}
    assert found.n_dropped == {"missing site": 100}
    for kind in ("indirect", "direct", "margins"):
        assert f"{kind} leaves out 50 (missing age: 50)." in found.notes
    indirect = row(found, "all participants", "indirect")
    note = next(note for note in found.notes if note.startswith("Of the "))
    assert "all participants (450 whose cell is known)" in note
    assert f"{100 * (indirect['participants'] - 0.41):+.1f} points" in note


def test_cells_that_are_not_the_figure() -> None:
    df = people(2)
    found = compare_to_riket(df, outcome="y", figures={"page 5": 0.5}, cells=RIKET,
                             strata=["sex", "age"])  # fmt: skip
    assert any(note.startswith("Riket's cells add up to 40.8%, not page 5 (50%)")
               for note in found.notes)  # fmt: skip


def test_signs_of_indirect_and_direct() -> None:
    riket = pd.DataFrame({"c": ["a", "b"], "rate": [0.5, 0.5], "n": [100, 900]})
    df = pd.DataFrame({"c": ["a", "b"], "x": [63, 4], "n": [90, 10]})
    found = compare_to_riket(df, outcome="x", n="n", cells=riket, strata="c")
    assert any("differ in sign for all participants" in note for note in found.notes)


def test_what_is_not_possible_is_said() -> None:
    df = people(3)
    df = df[~((df["site"] == "N") & (df["sex"] == "m"))]
    found = compare_to_riket(df, outcome="y", by="site", figures=0.41, cells=RIKET,
                             strata=["sex", "age"], margins=MARGINS)  # fmt: skip
    text = " ".join(found.not_done)
    assert "direct, N: df: must be people in every cell of riket" in text
    south = standardise(df[df["site"] == "S"], outcome="y", reference=RIKET,
                        strata=["sex", "age"], kind="direct").to_frame()  # fmt: skip
    assert row(found, "S", "direct")["estimate"] == south["estimate"].iloc[2]
    assert set(found.to_frame().query("comparison == 'direct'")["group"]) == {
        "all participants", "S", "V"
    }  # fmt: skip
    assert "margins, N: df: must be people in every level" in text
    assert row(found, "all participants", "direct")["n"] == len(df)


def test_suppressed_cells_give_bounds() -> None:
    riket = RIKET.drop(columns="rate").assign(rate_low=RIKET["rate"] - 0.01,
                                              rate_high=RIKET["rate"] + 0.01)  # fmt: skip
    found = compare_to_riket(people(4), outcome="y", cells=riket, strata=["sex", "age"])
    one = row(found, "all participants", "indirect")
    assert one["upper"] - one["lower"] == pytest.approx(0.02)
    assert np.isnan(one["estimate"])
    assert one["conf_low"] < one["lower"] < one["upper"] < one["conf_high"]
    assert "lower" in repr(found)


def test_participants_are_removed() -> None:
    df = people(5)
    x, n = df["y"].sum(), len(df)
    figure = NationalFigure((10_000 * 0.4 + x) / (10_000 + n), n=10_000 + n)
    found = compare_to_riket(df, outcome="y", figures=figure, includes_participants=True)
    assert found.to_frame()["riket"].item() == pytest.approx(0.4)
    with pytest.raises(InputError, match="every figure has n, above the number of participants"):
        compare_to_riket(df, outcome="y", figures=0.4, includes_participants=True)
    with pytest.raises(InputError, match="holds at least the participants' successes"):
        compare_to_riket(df, outcome="y", figures=NationalFigure(0.01, n=1000),
                         includes_participants=True)  # fmt: skip
    with pytest.raises(InputError, match="False where a number of participants is unknown"):
        amia(includes_participants=True)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 200), st.floats(0.01, 0.99), st.data())
def test_counts_are_the_exact_binomial_test(n, figure, data) -> None:
    x = data.draw(st.integers(0, n))
    df = pd.DataFrame({"x": [x], "n": [n]})
    one = compare_to_riket(df, outcome="x", n="n", figures=figure).to_frame().iloc[0]
    assert one["p_value"] == pytest.approx(float(binomial_test(x, n, figure)), rel=1e-7)
    ends = clopper_pearson(x, n)
    assert [one["conf_low"], one["conf_high"]] == pytest.approx(
        [float(ends.low) - figure, float(ends.high) - figure], abs=1e-12
    )
    band = compare_to_riket(df, outcome="x", n="n", figures=(figure, min(figure + 0.05, 1.0)))
    wide = band.to_frame().iloc[0]
    assert wide["p_value"] >= one["p_value"] - 1e-12
    assert wide["conf_low"] <= one["conf_low"]


def test_both_languages_say_the_same() -> None:
    """The same sentences, with the same numbers to fill in."""
    fields = {
        lang: {key: set(re.findall(r"{(\w+)}", text)) for key, text in told.items()}
        for lang, told in SENTENCES.items()
    }
    assert fields["sv"] == fields["en"]
    assert list(ESTIMANDS) == ["as published", "indirect", "direct", "margins", "means"]


def test_the_published_figures() -> None:
    """The shares here are those that the final report prints."""
    printed = published.load("004.riket").to_frame().set_index("row")["value"]
    shares = AMIA.set_index("delprojekt")["share"]
    assert {name: round(100 * share) for name, share in shares.items()} == {
        name: printed[name] for name in shares.index
    }
    assert printed["Riket, vidare mot arbetsmarknaden"] == 44
    assert printed["Riket, kvarstående som inskrivna på Af"] == 70
    assert printed["Riket, arbete eller utbildning"] == 10


def test_plots() -> None:
    axes = amia(goal=0.65).plot()
    texts = [text.get_text() for text in axes.texts]
    assert any(text.startswith("vidare 44") for text in texts)
    assert any(text.startswith("Mål 65") for text in texts)
    found = compare_to_riket(people(6), outcome="y", by="site", cells=RIKET, strata=["sex", "age"])
    axes = found.plot(comparison="indirect", lang="en")
    assert "upright mark: riket with the participants' mix" in axes.get_xlabel()
    assert (
        found.plot(comparison="direct")
        .get_xlabel()
        .endswith("lodrätt streck: riket; båda med rikets sammansättning)")
    )
    lines = amia(goal=0.65, figures={"a": 0.3, "b": 0.4, "c": 0.5}).plot().lines
    assert len({str(line._unscaled_dash_pattern) for line in lines[:4]}) == 4
    assert "Alla deltagare" in [t.get_text() for t in found.plot(comparison="direct").texts]
    with pytest.raises(InputError, match=r"comparison: must be one of direct, indirect"):
        found.plot(comparison="margins")


BAD = {
    "nothing": ({"outcome": None}, r"outcome: must be given, or share instead of it; got neither"),
    "both": ({"share": "y"}, r"outcome: must be given, or share instead of it; got both"),
    "no riket": ({"figures": None}, r"figures: must be given, or cells; got neither"),
    "percent": (
        {"figures": 44},
        (
            r"figures\['riket'\]: must be a share from 0 to 1; got 44. This "
            r"looks like a percentage"
        ),
    ),
    "text": ({"figures": {"a": "44 %"}}, r"figures\['a'\]: must be a share, or the bounds of one"),
    "reversed": ({"figures": {"a": (0.5, 0.4)}}, r"a share, or the bounds of one; got 0.5, 0.4"),
    "n": ({"figures": NationalFigure(0.4, n=2.5)}, r"with n a whole number of persons; got 2.5"),
    "no share": ({"figures": {"a": None}}, r"bounds of one; got None"),
    "empty": ({"figures": {}}, r"figures: must be at least one figure"),
    "cells alone": ({"cells": RIKET}, r"strata: must be given with cells, and only then; got None"),
    "no table": ({"cells": 5, "strata": "sex"}, r"cells: must be a pandas DataFrame; got int"),
    "strata alone": ({"strata": "sex"}, r"strata: must be given with cells, and only then"),
    "rounding of persons": ({"rounding": 0.01}, r"rounding: must be given with share only"),
    "margins without figures": (
        {"figures": None, "cells": RIKET, "strata": ["sex", "age"], "margins": MARGINS},
        r"margins: must be given with figures",
    ),
    "uncertain without n": (
        {"reference_uncertainty": True},
        (
            r"reference_uncertainty: must be True "
            r"only where every figure has n; got figures without \(at riket\)"
        ),
    ),
    "goal": ({"goal": 65}, r"goal: must be a share strictly between 0 and 1"),
    "outcome": ({"outcome": "sex"}, r"outcome: must be a column of numbers \('sex'\)"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name) -> None:
    change, message = BAD[name]
    with pytest.raises(InputError, match=message):
        compare_to_riket(people(7), **({"outcome": "y", "figures": 0.41} | change))


def test_bad_shares() -> None:
    for change, message in (
        ({"share": AMIA["share"] * 100}, r"share: must be a share from 0 to 1 .*percentages"),
        ({"n": [1.5, 116, 258, 284]}, r"n: must be a whole number of persons"),
        ({"delprojekt": ["Syd"] * 4}, r"one row for each group of shares; got repeats \(at Syd\)"),
        ({"share": np.nan}, r"share: must be there in some row"),
    ):
        with pytest.raises(InputError, match=message):
            compare_to_riket(AMIA.assign(**change), share="share", n="n", by="delprojekt",
                             figures=0.44)  # fmt: skip
    with pytest.raises(InputError, match="cells: must be left out where participants are"):
        amia(cells=RIKET, strata="sex")
    with pytest.raises(InputError, match="margins: must be left out unless df has one row"):
        amia(margins=MARGINS)
