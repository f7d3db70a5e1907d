"""Cox regression against R: every value in cox_expected.csv, which cox.R wrote.

Iterative values agree to 1e-6, as everywhere; most do so to 1e-9. Limits that R found by uniroot
or optim over repeated fits state their tolerance where they are compared.
"""

from __future__ import annotations

import itertools
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evalkit.kernels.numeric import two_sided_p
from evalkit.survival.cox_regression import CoxModel, cox
from evalkit.survival.robust import degrees_of_freedom

HERE = Path(__file__).parents[1] / "reference" / "survival"
MATRIX = list(itertools.product(("efron", "breslow"), (0, 1), (0, 1), (0, 1), (0, 1)))
IDS = [":".join(map(str, one)) for one in MATRIX]
NEW = pd.DataFrame({"x": [0.5, -1.0], "z": [1, 0], "g": ["b", "c"], "region": ["South", "West"]})


@cache
def data(name: str) -> pd.DataFrame:
    return pd.read_csv(HERE / f"cox_{name}.csv")


@cache
def everything() -> pd.DataFrame:
    return pd.read_csv(HERE / "cox_expected.csv", keep_default_na=False, na_values=["NA"])


def expected(case: str, quantity: str) -> pd.DataFrame:
    table = everything()
    found = table[(table["case"] == case) & (table["quantity"] == quantity)]
    assert len(found), (case, quantity)
    return found


def values(case: str, quantity: str) -> Any:
    return expected(case, quantity)["value"].to_numpy()


def close(actual: object, desired: object, rtol: float = 1e-6, atol: float = 1e-9) -> None:
    np.testing.assert_allclose(np.asarray(actual, dtype=float), desired, rtol=rtol, atol=atol)


def check_coefficients(case: str, fit: CoxModel) -> None:
    frame = fit.to_frame()
    close(frame["estimate"], values(case, "estimate"))
    close(frame["std_error"], values(case, "std_error"))
    close(np.sqrt(np.diag(fit.vcov)), values(case, "std_error"))
    close(fit.loglik, values(case, "loglik").item(), rtol=1e-9)
    close(fit.loglik_null, values(case, "loglik_null").item(), rtol=1e-9)
    close(fit.concordance, values(case, "concordance").item(), rtol=1e-10)
    close(fit.concordance_std_error, values(case, "concordance_std_error").item(), rtol=1e-9)
    tests = fit.tests().set_index("test")["statistic"]
    close(tests["score"], values(case, "score").item())
    close(tests["wald"], values(case, "wald").item())
    ratio = 2 * (values(case, "loglik") - values(case, "loglik_null"))
    close(tests["likelihood_ratio"], ratio.item())
    if "robust_score" in tests:
        close(tests["robust_score"], values(case, "robust_score").item())


@cache
def matrix_fit(ties: Any, entry: int, strata: int, weights: int, cluster: int) -> CoxModel:
    return cox(
        "x + z + g",
        data("spells"),
        duration="days",
        event="ended",
        entry="entry" if entry else None,
        strata="region" if strata else None,
        weights="w" if weights else None,
        cluster="office" if cluster else None,
        ties=ties,
    )


@pytest.mark.parametrize("one", MATRIX, ids=IDS)
class TestMatrix:
    """Ties x entry x strata x weights x cluster."""

    def test_coefficients(self, one: tuple[Any, ...]) -> None:
        check_coefficients("matrix:" + ":".join(map(str, one)), matrix_fit(*one))

    def test_proportional_hazards(self, one: tuple[Any, ...]) -> None:
        case = "matrix:" + ":".join(map(str, one))
        close(matrix_fit(*one).test_proportional_hazards().table["statistic"],
              values(case, "zph_km"))  # fmt: skip

    def test_baseline(self, one: tuple[Any, ...]) -> None:
        case, fit = "matrix:" + ":".join(map(str, one)), matrix_fit(*one)
        baseline = fit.baseline()
        times = [5, 12, 20, 31]
        if not one[2]:
            baseline["stratum"] = "all"
        for stratum, part in baseline.groupby("stratum"):
            where = np.searchsorted(part["time"], times, side="right")
            hazard = np.append(0.0, part["cumulative_hazard"])[where]
            close(hazard, values(case, f"baseline:{stratum}"))

    def test_survival(self, one: tuple[Any, ...]) -> None:
        case, fit = "matrix:" + ":".join(map(str, one)), matrix_fit(*one)
        kinds: tuple[Any, ...] = ("log-log",)
        if one[:3] == ("efron", 1, 1):
            kinds = ("log-log", "log", "plain")
        for kind in kinds:
            # R takes the normal quantile also with clusters
            level = 1 - float(two_sided_p(1.959963984540054, degrees_of_freedom(fit.clusters)))
            predicted = fit.survival(NEW, [5, 12, 20, 31], ci=kind, level=level)
            for i, part in predicted.groupby("row"):
                asked = expected(case, f"survival{i + 1}").drop_duplicates("time")
                part = part.set_index("time").loc[asked["time"]]
                close(part["survival"], asked["value"])
                for ours, theirs in (
                    ("std_error", "survival_std_error"),
                    ("conf_low", f"{kind}_low"),
                    ("conf_high", f"{kind}_high"),
                ):
                    wanted = expected(case, f"{theirs}{i + 1}").drop_duplicates("time")
                    close(part[ours], wanted["value"])

    def test_residuals(self, one: tuple[Any, ...]) -> None:
        if one[-1]:
            return
        case, fit = "matrix:" + ":".join(map(str, one)), matrix_fit(*one)
        for kind in ("martingale", "deviance"):
            wanted = expected(case, kind)
            rows = wanted["term"].astype(int) - 1
            close(fit.residuals(kind).loc[rows], wanted["value"], atol=1e-8)
        for kind in ("score", "dfbeta"):
            ours = fit.residuals(kind)
            for j in range(4):
                wanted = expected(case, f"{kind}{j + 1}")
                rows = wanted["term"].astype(int) - 1
                close(ours.iloc[:, j].loc[rows], wanted["value"], atol=1e-8)
        for kind, theirs in (("schoenfeld", "schoenfeld"), ("scaled_schoenfeld", "scaledsch")):
            ours = fit.residuals(kind).groupby("time").sum()
            for j in range(4):
                wanted = expected(case, f"{theirs}{j + 1}")
                close(ours.iloc[:, j].loc[wanted["time"]], wanted["value"], atol=1e-7)


@pytest.mark.parametrize("transform", ["rank", "identity", "log"])
def test_transforms_of_time(transform: Any) -> None:
    fit = matrix_fit("efron", 1, 1, 0, 0)
    table = fit.test_proportional_hazards(transform).table
    close(table["statistic"], values("transforms", f"zph_{transform}"))


def test_offset() -> None:
    fit = cox("x + z", data("spells"), duration="days", event="ended", offset="off")
    check_coefficients("offset", fit)


def test_sampling_weights() -> None:
    fit = cox("x + z", data("spells"), duration="days", event="ended", weights="w",
              weights_kind="sampling")  # fmt: skip
    check_coefficients("sampling", fit)


def test_two_ways_of_clustering() -> None:
    fit = cox("x + z", data("spells"), duration="days", event="ended", entry="entry",
              cluster="office", id="person")  # fmt: skip
    close(fit.to_frame()["std_error"], values("two ways", "std_error"))


TEST1 = pd.DataFrame(
    {"time": [9, 1, 1, 6, 6, 8], "status": [1, 1, 0, 1, 1, 0], "x": [0, 1, 1, 1, 0, 0]}
)
TEST2 = pd.DataFrame(
    {
        "start": [1, 2, 5, 2, 1, 7, 3, 4, 8, 8],
        "stop": [2, 3, 6, 7, 8, 9, 9, 9, 14, 17],
        "event": [1] * 7 + [0] * 3,
        "x": [1, 0, 0, 1, 0, 1, 1, 1, 0, 0],
    }
)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_hand_sized_data(ties: Any) -> None:
    one = cox("x", TEST1, duration="time", event="status", ties=ties)
    check_coefficients(f"test1 {ties}", one)
    two = cox("x", TEST2, duration="stop", event="event", entry="start", ties=ties)
    check_coefficients(f"test2 {ties}", two)


def test_closed_form_of_test1() -> None:
    fit = cox("x", TEST1, duration="time", event="status", ties="breslow")
    close(fit.to_frame()["estimate"], np.log((3 + np.sqrt(33)) / 2), rtol=1e-10)


@pytest.mark.parametrize("transform", ["km", "rank", "identity", "log"])
def test_lung(transform: Any) -> None:
    fit = cox("age + sex + ph.ecog", data("lung").assign(died=lambda d: d["status"] - 1),
              duration="time", event="died")  # fmt: skip
    check_coefficients("lung", fit)
    table = fit.test_proportional_hazards(transform).table
    close(table["statistic"], values("lung", f"zph_{transform}"))
    assert fit.coefficients.n_dropped == {"missing ph.ecog": 1}


def test_veteran() -> None:
    fit = cox("trt + celltype + karno + diagtime + age + prior", data("veteran"), duration="time",
              event="status")  # fmt: skip
    check_coefficients("veteran", fit)
    test = fit.test_proportional_hazards()
    close(test.table["statistic"], values("veteran", "zph_km"))
    assert test.table["df"].tolist() == [1, 3, 1, 1, 1, 1, 8]
    each = fit.test_proportional_hazards(by="coefficient").table
    close(each["statistic"], values("veteran", "zph_by_coefficient"))
    assert fit.to_frame()["contrast"].tolist()[1] == "large - adeno"


def test_rossi() -> None:
    fit = cox("fin + age + race + wexp + mar + paro + prio", data("rossi"), duration="week",
              event="arrest")  # fmt: skip
    check_coefficients("rossi", fit)
    close(fit.test_proportional_hazards().table["statistic"], values("rossi", "zph_km"))


def test_recurrent_events() -> None:
    bladder = data("bladder2").assign(gap=lambda d: d["stop"] - d["start"])
    common: dict[str, Any] = {"event": "event", "cluster": "id"}
    formula = "rx + size + number"
    check_coefficients(
        "bladder2 AG", cox(formula, bladder, duration="stop", entry="start", **common)
    )
    check_coefficients(
        "bladder2 PWP total",
        cox(formula, bladder, duration="stop", entry="start", strata="enum", **common),
    )
    check_coefficients(
        "bladder2 PWP gap", cox(formula, bladder, duration="gap", strata="enum", **common)
    )


def test_immortal_time() -> None:
    formula = "transplant + age + surgery"
    naive = cox(formula, data("jasa"), duration="futime", event="fustat")
    right = cox(formula, data("heart"), duration="stop", event="event", entry="start", id="id")
    check_coefficients("jasa", naive)
    close(right.to_frame()["estimate"], values("heart", "estimate"))
    plain = cox(formula, data("heart"), duration="stop", event="event", entry="start")
    check_coefficients("heart", plain)
    assert naive.to_frame()["estimate"][0] == pytest.approx(-1.717113, abs=5e-7)
    assert plain.to_frame()["estimate"][0] == pytest.approx(0.016096, abs=5e-7)


def test_profile_likelihood() -> None:
    frame = cox("x + z", data("spells"), duration="days", event="ended", ci="profile").to_frame()
    limits = values("profile", "limit").reshape(2, 2)
    close(frame["conf_low"], limits[:, 0])
    close(frame["conf_high"], limits[:, 1])
    close(frame["statistic"] ** 2, values("profile", "ratio"))


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_firth(ties: Any) -> None:
    fit = cox("arm + age", data("separated"), duration="days", event="ended", ties=ties,
              penalty="firth")  # fmt: skip
    frame, case = fit.to_frame(), f"firth {ties}"
    close(frame["estimate"], values(case, "estimate"), rtol=1e-5)  # optim stops early
    close(fit.loglik, values(case, "loglik").item(), rtol=1e-9)
    close(fit.loglik_null, values(case, "loglik_null").item(), rtol=1e-10)
    close(frame.loc[0, ["conf_low", "conf_high"]], values(case, "limit"))
