"""Agreement, coders, raked weights and response rates against R.

Closed forms agree to a relative 1e-10, iterations and roots to 1e-6. After ``rake`` R's ``survey``
takes ten rounds over the margins for the residuals, where ours are exact.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evalkit.scales.agreement_tables import Agreement, agreement
from evalkit.scales.coders import coder_agreement
from evalkit.scales.raked_respondents import NonresponseWeights, nonresponse_weights
from evalkit.scales.response_rates import response_rate

HERE = Path(__file__).parents[1] / "reference" / "scales"
TABLES = pd.read_csv(HERE / "agreement_tables.csv")
CODINGS = pd.read_csv(HERE / "agreement_codings.csv")
PEOPLE = pd.read_csv(HERE / "agreement_people.csv")
EXPECTED = pd.read_csv(HERE / "agreement_expected.csv")

SMALL = ["report", "rare", "opposed", "empty_cell"]
LARGE = ["codes", "grades"]
MARGINS = {
    "project": {"Nord": 100, "Ost": 110, "Syd": 120, "Vast": 70},
    "sex": {"K": 230, "M": 170},
}


def expected(name: str, quantity: str) -> np.ndarray:
    """Return what R gave, once for each source."""
    rows = EXPECTED[(EXPECTED["set"] == name) & (EXPECTED["quantity"] == quantity)]
    assert len(rows), (name, quantity)
    return rows["value"].to_numpy()


def agreed(name: str, near: str = "none", level: float = 0.95) -> Agreement:
    """Return the agreement of a table."""
    cells = TABLES[TABLES["set"] == name]
    positive = 2 if name in SMALL else None
    return agreement(cells, a="a", b="b", count="n", positive=positive, near=near, level=level)  # type: ignore[arg-type]


def row(found: Agreement, term: str) -> pd.Series:
    """Return the first row of a term."""
    frame = found.to_frame()
    return frame[frame["term"] == term].iloc[0]


@pytest.mark.parametrize("name", SMALL + LARGE)
def test_kappa(name: str) -> None:
    found = agreed(name)
    kappa = row(found, "kappa")
    for value, quantity in (
        (found.kappa, "kappa_none"),
        (kappa["std_error"], "kappa_se_none"),
        (kappa["conf_low"], "kappa_low_none"),
        (kappa["conf_high"], "kappa_high_none"),
        (found.observed, "observed"),
        (row(found, "observed_agreement")["conf_low"], "observed_low"),
        (row(found, "observed_agreement")["conf_high"], "observed_high"),
        (row(found, "pabak")["estimate"], "pabak"),
    ):
        for other in expected(name, quantity):
            assert value == pytest.approx(other, rel=1e-10), quantity


@pytest.mark.parametrize("name", LARGE)
@pytest.mark.parametrize("near", ["linear", "quadratic"])
def test_weighted_kappa(name: str, near: str) -> None:
    kappa = row(agreed(name, near), "kappa")
    for other in expected(name, f"kappa_{near}"):
        assert kappa["estimate"] == pytest.approx(other, rel=1e-10)
    assert kappa["std_error"] == pytest.approx(expected(name, f"kappa_se_{near}").item(), rel=1e-10)


@pytest.mark.parametrize("name", SMALL + LARGE)
def test_mcnemar_and_bowker(name: str) -> None:
    tests = agreed(name).tests()
    assert tests["statistic"].iloc[0] == pytest.approx(expected(name, "chi2").item(), rel=1e-10)
    p = {"chi2_p": 0}
    if name in SMALL:
        p |= {"chi2_corrected_p": 1, "exact_p": 2, "mid_p": 3}
        corrected = expected(name, "chi2_corrected").item()
        assert tests["statistic"].iloc[1] == pytest.approx(corrected, rel=1e-10)
    for quantity, place in p.items():
        other = expected(name, quantity).item()
        assert tests["p_value"].iloc[place] == pytest.approx(other, rel=1e-10)


@pytest.mark.parametrize("name", SMALL)
def test_relative_to_the_register(name: str) -> None:
    found = agreed(name)
    for term, quantity in {
        "sensitivity": "se",
        "specificity": "sp",
        "ppv": "pv.pos",
        "npv": "pv.neg",
    }.items():
        ours = row(found, term)[["estimate", "conf_low", "conf_high"]].to_numpy(dtype=float)
        theirs = [expected(name, f"{quantity}_{end}").item() for end in ("est", "low", "high")]
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-14)
    for term in ("prevalence_index", "bias_index"):
        assert row(found, term)["estimate"] == pytest.approx(expected(name, term).item(), rel=1e-10)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_marginal_difference(name: str, level: float) -> None:
    difference = row(agreed(name, level=level), "marginal_difference")
    for end in ("low", "high"):
        other = expected(name, f"difference_{end}_{level:g}").item()
        assert difference[f"conf_{end}"] == pytest.approx(other, rel=1e-6)
    chi2 = expected(name, "chi2").item()
    assert difference["statistic"] ** 2 == pytest.approx(chi2, rel=1e-10)
    assert difference["p_value"] == pytest.approx(expected(name, "chi2_p").item(), rel=1e-10)


@pytest.mark.parametrize("name", ["complete", "holes"])
def test_coders(name: str) -> None:
    comments = CODINGS[CODINGS["set"] == name]
    found = coder_agreement(comments, coders=["first", "second", "third"])
    frame = found.to_frame()
    whole = frame[frame["code"] == ""].set_index(["coders", "term"])
    fleiss = whole.loc[("all", "fleiss_kappa")]
    assert found.kappa == fleiss["estimate"]
    assert fleiss["estimate"] == pytest.approx(expected(name, "fleiss").item(), rel=1e-10)
    assert fleiss["std_error"] == pytest.approx(expected(name, "fleiss_se").item(), rel=1e-6)
    alike = whole.loc[("all", "observed_agreement"), "estimate"]
    assert alike == pytest.approx(expected(name, "fleiss_po").item(), rel=1e-10)
    for pair in (("first", "second"), ("first", "third"), ("second", "third")):
        cohen = whole.loc[(" - ".join(pair), "cohen_kappa")]
        named = "_".join(pair)
        for value, quantity in ((cohen["estimate"], "cohen"), (cohen["std_error"], "cohen_se")):
            other = expected(name, f"{quantity}_{named}").item()
            assert value == pytest.approx(other, rel=1e-10)


def weighted(name: str) -> NonresponseWeights:
    """Return the weights of a design."""
    margins: dict[str, dict[object, float]] = {
        column: {level: n if name == "finite" else n / 400 for level, n in levels.items()}
        for column, levels in MARGINS.items()
    }
    return nonresponse_weights(PEOPLE, margins, weights="design" if name == "started" else None)


@pytest.mark.parametrize("name", ["plain", "finite", "started"])
def test_raked_weights_and_what_they_estimate(name: str) -> None:
    found = weighted(name)
    scale = 1.0 if name == "finite" else 400 / 152
    for place in (1, 2, 3, 50, 152):
        ours = found.weights.iloc[place - 1] * scale
        assert ours == pytest.approx(expected(name, f"weight_{place}").item(), rel=1e-6)
    assert found.ess == pytest.approx(expected(name, "ess").item(), rel=1e-6)
    assert found.largest == pytest.approx(expected(name, "largest").item(), rel=1e-6)
    for table, variable in (
        (found.share(PEOPLE, "yes"), "yes"),
        (found.mean(PEOPLE, "score"), "score"),
    ):
        first = table.to_frame().iloc[0]
        for other in expected(name, variable):
            assert first["estimate"] == pytest.approx(other, rel=1e-6)
        for other in expected(name, f"{variable}_se"):
            assert first["std_error"] == pytest.approx(other, rel=1e-6)


@pytest.mark.parametrize("name", ["plain", "started"])
def test_answers_missing_to_one_question(name: str) -> None:
    row = np.arange(1, len(PEOPLE) + 1)
    unsaid = (row % 4 == 0) | ((PEOPLE["project"] == "Ost") & (row % 2 == 0))
    partly = PEOPLE[["yes", "score"]].mask(unsaid)
    found = weighted(name)
    for table, variable in ((found.share(partly, "yes"), "yes"), (found.mean(partly, "score"),
                                                                  "score")):  # fmt: skip
        first = table.to_frame().iloc[0]
        assert table.n_used == int((~unsaid).sum())
        for key, ours in (("", "estimate"), ("_se", "std_error")):
            other = expected(name, f"{variable}_partly{key}").item()
            assert first[ours] == pytest.approx(other, rel=1e-6)


@pytest.mark.parametrize("counts", [(54, 75, 90), (18, 18, 25), (0, 12, 40), (310, 320, 330)])
def test_response_rates(counts: tuple[int, int, int]) -> None:
    x, n, people = counts
    name = f"{x}_{n}_{people}"
    plain = response_rate(answered=x, sent=n).to_frame().iloc[0]
    for end in ("low", "high"):
        other = expected(name, f"rate_{end}").item()
        assert plain[f"conf_{end}"] == pytest.approx(other, rel=1e-10, abs=1e-14)
    finite = response_rate(answered=x, sent=n, population=people).to_frame().iloc[0]
    for end, edge in (("low", 0), ("high", n)):
        if x != edge:
            other = expected(name, f"finite_{end}").item()
            assert finite[f"conf_{end}"] == pytest.approx(other, rel=1e-6)
        else:
            assert finite[f"conf_{end}"] == x / n
