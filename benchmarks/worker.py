"""Time one task with one Python tool, in an interpreter of its own.

    python benchmarks/worker.py TOOL TASK DATA REPEATS

reads the columns that ``beside.py`` wrote, calls the tool REPEATS times, and prints one line of
JSON: the seconds of each call, a number that all tools must agree on, and by how many bytes the
peak memory grew. Imports and reading are not timed; everything from a data frame to numbers is.
"""

from __future__ import annotations

import json
import resource
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd

DAY = 365
Task = Callable[[], Callable[[], float]]


def read(path: Path) -> pd.DataFrame:
    """Read the columns, each a run of float64, into a frame with whole numbers where they are."""
    layout = json.loads(path.with_suffix(".json").read_text("utf-8"))
    values = np.fromfile(path, dtype="<f8").reshape(len(layout["columns"]), layout["n"])
    frame = pd.DataFrame(dict(zip(layout["columns"], values, strict=True)))
    return frame.astype(dict.fromkeys(layout["whole"], "int64"))


def covariates(df: pd.DataFrame) -> list[str]:
    """Return the names of the covariates."""
    return [name for name in df.columns if name.startswith("x")]


def evalkit(task: str, df: pd.DataFrame) -> Callable[[], float]:
    """Return the task done by evalkit."""
    from evalkit import survival

    plain: dict[str, Any] = {"duration": "days", "event": "ended"}
    formula = " + ".join(covariates(df))

    def cox(**more: Any) -> float:
        fit = survival.cox(formula, df, **plain, **more)
        return float(fit.to_frame()["estimate"].iloc[0])

    def curve() -> float:
        frame = survival.kaplan_meier(df, **plain).to_frame()
        return float(frame["survival"][frame["time"] == DAY].iloc[0])

    def incidence() -> float:
        frame = survival.cumulative_incidence(df, duration="days", cause="cause").to_frame()
        return float(frame["cumulative_incidence"][frame["time"] == DAY].iloc[0])

    return {
        "km": curve,
        "logrank": lambda: float(survival.logrank(df, **plain, by="group").statistic),
        "aj": incidence,
        "cox": cox,
        "cox_cluster": lambda: cox(cluster="cluster"),
    }[task]


def lifelines(task: str, df: pd.DataFrame) -> Callable[[], float]:
    """Return the task done by lifelines."""
    from lifelines import AalenJohansenFitter, CoxPHFitter, KaplanMeierFitter
    from lifelines.statistics import logrank_test

    first = df["group"] == 0
    parts = [df[first], df[~first]]

    def curve() -> float:
        fit = KaplanMeierFitter().fit(df["days"], df["ended"])
        return float(fit.survival_function_["KM_estimate"].loc[DAY])

    def test() -> float:
        one, other = parts
        done = logrank_test(one["days"], other["days"], one["ended"], other["ended"])
        return float(done.test_statistic)

    def incidence() -> float:
        fit = AalenJohansenFitter(seed=1).fit(df["days"], df["cause"], event_of_interest=1)
        return float(fit.predict(DAY))

    def cox(**more: Any) -> float:
        columns = ["days", "ended", *covariates(df), *more.values()]
        fit = CoxPHFitter().fit(df[columns], "days", "ended", **more)
        return float(fit.params_.iloc[0])

    return {
        "km": curve, "logrank": test, "aj": incidence, "cox": cox,
        "cox_cluster": lambda: cox(cluster_col="cluster"),
    }[task]  # fmt: skip


def sksurv(task: str, df: pd.DataFrame) -> Callable[[], float]:
    """Return the task done by scikit-survival."""
    from sksurv.compare import compare_survival
    from sksurv.linear_model import CoxPHSurvivalAnalysis
    from sksurv.nonparametric import cumulative_incidence_competing_risks, kaplan_meier_estimator
    from sksurv.util import Surv

    happened = df["ended"].to_numpy(dtype=bool)
    days = df["days"].to_numpy(dtype=np.float64)

    def curve() -> float:
        times, values, _ = kaplan_meier_estimator(happened, days, conf_type="log-log")
        return float(values[np.searchsorted(times, DAY)])

    def incidence() -> float:
        times, values, _ = cumulative_incidence_competing_risks(
            df["cause"].to_numpy(), days, conf_type="log-log"
        )
        return float(values[1][np.searchsorted(times, DAY)])

    def test() -> float:
        return float(compare_survival(Surv.from_arrays(happened, days), df["group"].to_numpy())[0])

    def cox() -> float:
        fit = CoxPHSurvivalAnalysis(ties="efron")
        return float(fit.fit(df[covariates(df)], Surv.from_arrays(happened, days)).coef_[0])

    return {"km": curve, "logrank": test, "aj": incidence, "cox": cox}[task]


def statsmodels(task: str, df: pd.DataFrame) -> Callable[[], float]:
    """Return the task done by statsmodels."""
    from statsmodels.duration.hazard_regression import PHReg
    from statsmodels.duration.survfunc import CumIncidenceRight, SurvfuncRight, survdiff

    def curve() -> float:
        done = SurvfuncRight(df["days"], df["ended"])
        return float(done.surv_prob[np.searchsorted(done.surv_times, DAY, side="right") - 1])

    def incidence() -> float:
        done = CumIncidenceRight(df["days"], df["cause"])
        return float(done.cinc[0][np.searchsorted(done.times, DAY, side="right") - 1])

    def cox() -> float:
        fit = PHReg(df["days"], df[covariates(df)], status=df["ended"], ties="efron").fit(disp=0)
        return float(fit.params[0])

    return {
        "km": curve, "aj": incidence, "cox": cox,
        "logrank": lambda: float(survdiff(df["days"], df["ended"], df["group"])[0]),
    }[task]  # fmt: skip


TOOLS = {
    "evalkit": evalkit, "lifelines": lifelines, "scikit-survival": sksurv,
    "statsmodels": statsmodels,
}  # fmt: skip


def main(tool: str, task: str, data: str, repeats: str) -> None:
    """Time the calls and print what came out."""
    warnings.simplefilter("ignore")
    df = read(Path(data))
    call = TOOLS[tool](task, df)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds: list[float] = []
    value = float("nan")
    for _ in range(int(repeats)):
        start = perf_counter()
        value = call()
        seconds.append(perf_counter() - start)
    grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    print(json.dumps({"seconds": seconds, "value": value, "grown": grown}))


if __name__ == "__main__":
    main(*sys.argv[1:])
