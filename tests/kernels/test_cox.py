"""Kernels of Cox regression, against the definitions written out risk set by risk set."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.kernels.cox import dependent, fit_cox, solve_spd
from evalkit.kernels.cox_data import CoxData, prepare
from evalkit.kernels.cox_firth import firth_likelihood, fit_firth, likelihood, profile
from evalkit.kernels.cox_likelihood import information, moments
from evalkit.kernels.cox_residuals import martingale_residuals, score_residuals
from evalkit.kernels.risk_sets import cumulate, risk_sets, stable_order

Rows = dict[str, Any]


def draw(seed: int, n: int = 60, p: int = 3, last: int = 15) -> Rows:
    rng = np.random.default_rng(seed)
    entry = np.where(rng.random(n) < 0.4, 0.0, rng.integers(0, last // 2, n)).astype(float)
    return {
        "time": entry + rng.integers(1, last, n),
        "event": rng.integers(0, 2, n),
        "entry": entry,
        "strata": rng.integers(0, 3, n),
        "weights": rng.choice([0.5, 1.0, 2.5], n),
        "x": rng.normal(size=(n, p)) + 3.0,
        "offset": rng.normal(size=n) / 5,
    }


def by_definition(rows: Rows, beta: np.ndarray, ties: str) -> tuple[float, Any, Any]:
    """Log-likelihood, score and information from the risk sets themselves."""
    x, v = rows["x"], rows["weights"]
    eta = x @ beta + rows["offset"]
    w = v * np.exp(eta)
    p = x.shape[1]
    value, score, info = 0.0, np.zeros(p), np.zeros((p, p))
    dead = rows["event"] == 1
    for s, t in {(s, t) for s, t in zip(rows["strata"][dead], rows["time"][dead], strict=True)}:
        here = rows["strata"] == s
        risk = here & (rows["entry"] < t) & (rows["time"] >= t)
        tied = here & dead & (rows["time"] == t)
        d, mean = tied.sum(), v[tied].mean()
        value += float((v * eta)[tied].sum())
        score += (v[:, None] * x)[tied].sum(axis=0)
        for copy in range(d):
            share = w * risk - (copy / d if ties == "efron" else 0.0) * w * tied
            m = share @ x / share.sum()
            value -= mean * np.log(share.sum())
            score -= mean * m
            info += mean * ((x.T * share) @ x / share.sum() - np.outer(m, m))
    return value, score, info


def prepared(rows: Rows, ties: str, parts: tuple[str, ...]) -> tuple[CoxData, Rows]:
    plain: Rows = {"entry": np.full(len(rows["time"]), -1.0), "strata": rows["strata"] * 0,
                   "weights": np.ones(len(rows["time"])), "offset": rows["offset"] * 0}  # fmt: skip
    used = {name: rows[name] if name in parts else plain[name] for name in plain}
    sets = risk_sets(
        rows["time"],
        rows["event"],
        entry=rows["entry"] if "entry" in parts else None,
        strata=rows["strata"] if "strata" in parts else None,
        n_strata=3 if "strata" in parts else 1,
        weights=rows["weights"] if "weights" in parts else None,
    )
    offset = rows["offset"] if "offset" in parts else None
    return prepare(sets, rows["x"], offset=offset, ties=ties), {**rows, **used}


PARTS = [
    tuple(name for name, on in zip(("entry", "strata", "weights", "offset"), chosen, strict=True)
          if on)
    for chosen in product((0, 1), repeat=4)
]  # fmt: skip


@pytest.mark.parametrize("parts", PARTS, ids="+".join)
@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_likelihood_is_the_definition(ties: str, parts: tuple[str, ...]) -> None:
    data, rows = prepared(draw(1), ties, parts)
    for beta in (np.zeros(3), np.array([0.4, -0.7, 0.2])):
        value, score, info = by_definition(rows, beta, ties)
        at = moments(data, beta)
        # ours has centred covariates: the constant that this leaves out of eta cancels
        np.testing.assert_allclose(at.loglik, value, rtol=1e-12)
        np.testing.assert_allclose(at.score, score, rtol=1e-9, atol=1e-10)
        np.testing.assert_allclose(information(data, at), info, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_information_with_factors_by_time(ties: str) -> None:
    data, _ = prepared(draw(2), ties, ("entry", "strata", "weights"))
    at = moments(data, np.array([0.4, -0.7, 0.2]))
    size = len(data.risk.times)
    whole = sum(information(data, at, np.eye(size)[g]) * (g - 3.0) for g in range(size))
    factors = np.arange(size) - 3.0
    np.testing.assert_allclose(information(data, at, factors), whole, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(information(data, at, np.ones(size)), information(data, at))


def test_chunks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    data, _ = prepared(draw(3), "efron", ("entry", "weights"))
    beta = np.array([0.4, -0.7, 0.2])
    at = moments(data, beta)
    info = information(data, at)
    for rows in (1, 7, 59, 60):
        monkeypatch.setattr("evalkit.kernels.cox_likelihood._CHUNK", rows)
        other = moments(data, beta)
        np.testing.assert_allclose(other.score, at.score, rtol=1e-12)
        np.testing.assert_allclose(information(data, other), info, rtol=1e-12)


def test_sparse_strata_are_found_as_dense_ones_are(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = draw(4, n=300)
    rows["strata"] = np.arange(300) // 3
    common: Rows = {"entry": rows["entry"], "strata": rows["strata"], "n_strata": 100}
    dense = risk_sets(rows["time"], rows["event"], **common)
    monkeypatch.setattr("evalkit.kernels.risk_sets._DENSE", -1000)
    monkeypatch.setattr("evalkit.kernels.risk_sets.max", min, raising=False)
    sparse = risk_sets(rows["time"], rows["event"], **common)
    for name in ("times", "stratum", "first", "deaths", "at_risk", "segments", "rows", "exit"):
        np.testing.assert_array_equal(getattr(dense, name), getattr(sparse, name))


def test_a_risk_set_that_empties_leaves_nothing_behind() -> None:
    # The first row is ten billion times as heavy as the others, and gone before they come.
    time, event = np.array([1.0, 3, 4, 5]), np.array([1, 1, 1, 0])
    entry, x = np.array([0.0, 2, 2, 2]), np.array([[23.0], [0.1], [0.3], [-0.2]])
    with_it = fit_cox(prepare(risk_sets(time, event, entry=entry), x))
    alone = fit_cox(prepare(risk_sets(time[1:], event[1:], entry=entry[1:]), x[1:]))
    np.testing.assert_allclose(with_it.coefficients, alone.coefficients, rtol=1e-9)
    beta = np.array([1.0])
    at = moments(prepare(risk_sets(time, event, entry=entry), x), beta)
    only = moments(prepare(risk_sets(time[1:], event[1:], entry=entry[1:]), x[1:]), beta)
    np.testing.assert_allclose(at.s0[1:] / at.s0[1], only.s0 / only.s0[0], rtol=1e-15)


def test_large_linear_predictors_do_not_overflow() -> None:
    x = np.array([[0.0], [0.0], [60.0], [0.0]])
    data = prepare(risk_sets(np.array([1.0, 2, 3, 4]), np.array([1, 1, 1, 0])), x)
    at = moments(data, np.array([12.0]))
    assert at.shift > 500
    # beside the third row the others weigh nothing: log(1 / e^720) twice, then log(1)
    assert at.loglik == pytest.approx(-1440.0)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_residuals_add_up(ties: str) -> None:
    data, rows = prepared(draw(6), ties, ("entry", "strata", "weights"))
    fit = fit_cox(data)
    assert martingale_residuals(fit) @ rows["weights"] == pytest.approx(0, abs=1e-10)
    np.testing.assert_allclose(score_residuals(fit).sum(axis=0), 0, atol=1e-6)
    unweighted = score_residuals(fit) / rows["weights"][:, None]
    np.testing.assert_allclose(unweighted * rows["weights"][:, None], score_residuals(fit))


def test_dependent_covariates_are_found() -> None:
    rows = draw(7, p=2)
    x = rows["x"]
    rows["x"] = np.column_stack([x, x[:, 0] - 2 * x[:, 1], np.full(60, 7.0)])
    data, _ = prepared(rows, "efron", ())
    at = moments(data, np.zeros(4))
    assert dependent(data, at, information(data, at)) == [(2, [0, 1]), (3, [])]


def test_covariates_constant_within_strata_are_found() -> None:
    rows = draw(8, p=2)
    rows["x"][:, 1] = rows["strata"] * 1.7
    data, _ = prepared(rows, "efron", ("strata",))
    at = moments(data, np.zeros(2))
    assert dependent(data, at, information(data, at)) == [(1, [])]


@pytest.mark.parametrize("parts", [(), ("entry", "strata", "weights")], ids="+".join)
@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_firth_score_is_the_derivative(ties: str, parts: tuple[str, ...]) -> None:
    data, _ = prepared(draw(9), ties, parts)
    evaluate = firth_likelihood(data)
    beta = np.array([0.3, -0.2, 0.1])
    slopes = [(evaluate(beta + h)[0] - evaluate(beta - h)[0]) / 2e-5 for h in np.eye(3) * 1e-5]
    np.testing.assert_allclose(evaluate(beta)[1], slopes, rtol=1e-6, atol=1e-7)


def test_profile_limits_lie_where_the_likelihood_has_fallen() -> None:
    data, _ = prepared(draw(10), "efron", ())
    fit, z = fit_cox(data), 1.96
    found = profile(likelihood(data), fit, 0, z)
    for limit in (found.low, found.high):
        held = prepare(data.risk, (data.x[1:].T)[np.argsort(data.risk.rows)],
                       offset=(limit * data.x[0])[np.argsort(data.risk.rows)])  # fmt: skip
        assert 2 * (fit.loglik - fit_cox(held).loglik) == pytest.approx(z**2, rel=1e-8)


def monotone(n: int = 30) -> CoxData:
    rng = np.random.default_rng(11)
    arm = np.repeat([0.0, 1.0], n // 2)
    x = np.column_stack([arm, rng.normal(size=n)])
    return prepare(risk_sets(rng.integers(1, 20, n) * 1.0, (arm == 0).astype(np.int64)), x)


def test_monotone_likelihood_is_recognised() -> None:
    fit = fit_cox(monotone())
    assert fit.infinite.tolist() == [True, False]
    assert fit.coefficients[0] < 0
    assert fit.converged
    found = profile(likelihood(fit.data), fit, 0, 1.96)
    assert found.low == -np.inf
    assert -5 < found.high < 0


def test_strong_effects_are_not_taken_for_infinite_ones() -> None:
    rng = np.random.default_rng(12)
    arm = np.repeat([0.0, 1.0], 500)
    time = rng.exponential(np.where(arm == 1, 1.0, 1e3))
    fit = fit_cox(prepare(risk_sets(time, np.ones(1000, dtype=np.int64)), arm[:, None]))
    assert not fit.infinite.any()
    assert fit.converged
    one = arm.copy()
    one[999] = 0.0  # a single event among those without
    fit = fit_cox(prepare(risk_sets(time, (one == arm).astype(np.int64)), arm[:, None]))
    assert not fit.infinite.any()


def test_firth_stays_finite() -> None:
    fit = fit_firth(monotone())
    assert fit.converged
    assert -8 < fit.coefficients[0] < -1


def test_solve_refuses_what_is_not_positive_definite() -> None:
    assert solve_spd(np.array([[1.0, 2.0], [2.0, 1.0]]), np.ones(2)) is None
    assert solve_spd(np.array([[np.nan]]), np.ones(1)) is None
    scaled = np.diag([1e-150, 1e150])
    np.testing.assert_allclose(solve_spd(scaled, np.ones(2)), [1e150, 1e-150])


@given(st.lists(st.integers(1, 40), min_size=1, max_size=12), st.booleans(), st.integers(0, 2**31))
def test_cumulate_sums_each_segment(lengths: list[int], backwards: bool, seed: int) -> None:
    ends = np.cumsum(lengths)
    values = np.random.default_rng(seed).normal(size=(2, ends[-1]))
    segments = np.concatenate([[0], ends[:-1]])
    out = cumulate(values, segments, backwards=backwards)
    for first, end in zip(segments, ends, strict=True):
        part = values[:, first:end]
        wanted = np.cumsum(part[:, ::-1], axis=1)[:, ::-1] if backwards else part.cumsum(axis=1)
        np.testing.assert_array_equal(out[:, first:end], wanted)


@given(st.lists(st.integers(0, 2**30), max_size=50))
def test_stable_order(key: list[int]) -> None:
    keys = np.array(key, dtype=np.int32)
    np.testing.assert_array_equal(stable_order(keys), np.argsort(keys, kind="stable"))
