"""P-values for several hypotheses."""

from __future__ import annotations

from itertools import chain, combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.errors import InputError
from evalkit.trials.multiplicity import adjust_pvalues, gatekeeping, graphical_test

REFERENCE = Path(__file__).parents[1] / "reference" / "trials"


@pytest.mark.parametrize("method", ["holm", "hochberg", "bonferroni", "bh", "by"])
def test_adjusted_equals_r(method: str) -> None:
    expected = pd.read_csv(REFERENCE / "planning_adjusted_expected.csv")
    found = adjust_pvalues(expected["p_value"], method=method)  # type: ignore[arg-type]
    np.testing.assert_allclose(found, expected[method], rtol=1e-12)
    assert found.index.equals(expected.index)


def test_missing_are_not_counted() -> None:
    found = adjust_pvalues([0.01, np.nan, 0.03])
    np.testing.assert_allclose(found, [0.02, np.nan, 0.03])


def closed(p: np.ndarray, weights: np.ndarray, g: np.ndarray) -> np.ndarray:
    """Adjust by closed testing: every intersection by weighted Bonferroni, weights by the graph."""
    m = len(p)
    subsets = chain.from_iterable(combinations(range(m), r) for r in range(1, m + 1))
    adjusted = np.zeros(m)
    for subset in subsets:
        w, graph = weights.copy(), g.copy()
        for j in [j for j in range(m) if j not in subset]:
            new_w, new_g = w.copy(), np.zeros_like(graph)
            for a in range(m):
                new_w[a] = w[a] + w[j] * graph[j, a]
                loop = graph[a, j] * graph[j, a]
                for b in range(m):
                    if a != b and loop < 1:
                        new_g[a, b] = (graph[a, b] + graph[a, j] * graph[j, b]) / (1 - loop)
            new_w[j], new_g[j, :], new_g[:, j] = 0, 0, 0
            w, graph = new_w, new_g
        inside = [p[i] / w[i] for i in subset if w[i] > 0]
        local = min(1.0, min(inside, default=1.0))
        for i in subset:
            adjusted[i] = max(adjusted[i], local)
    return adjusted


@given(
    p=st.lists(st.floats(0.0001, 1), min_size=4, max_size=4),
    w=st.lists(st.floats(0, 1), min_size=4, max_size=4),
    g=st.lists(st.floats(0, 1), min_size=16, max_size=16),
)
def test_graph_is_closed_testing(p: list[float], w: list[float], g: list[float]) -> None:
    weights = np.round(np.array(w), 2)
    weights /= max(weights.sum(), 1)
    graph = np.round(np.array(g).reshape(4, 4), 2)
    np.fill_diagonal(graph, 0)
    graph /= np.maximum(graph.sum(axis=1, keepdims=True), 1)
    found = graphical_test(p, weights=weights, transitions=graph)
    np.testing.assert_allclose(found, closed(np.array(p), weights, graph), rtol=1e-9)


def test_known_procedures_are_graphs() -> None:
    p = [0.02, 0.011, 0.3]
    thirds = np.full((3, 3), 0.5)
    np.fill_diagonal(thirds, 0)
    holm = graphical_test(p, weights=np.full(3, 1 / 3), transitions=thirds)
    np.testing.assert_allclose(holm, adjust_pvalues(p), rtol=1e-12)
    sequence = graphical_test(p, weights=[1, 0, 0], transitions=np.eye(3, k=1))
    np.testing.assert_allclose(sequence, adjust_pvalues(p, method="fixed-sequence"), rtol=1e-12)


def test_serial_gate_waits_for_all_and_parallel_for_one() -> None:
    families = [{"a": 0.01, "b": 0.2}, {"c": 0.004}]
    serial = gatekeeping(families).set_index("hypothesis")["p_adjusted"]
    assert serial["c"] == pytest.approx(0.2)
    parallel = gatekeeping(families, kind="parallel").set_index("hypothesis")["p_adjusted"]
    assert parallel["a"] == pytest.approx(0.02)
    assert parallel["c"] == pytest.approx(0.02)  # half the level, handed on by a
    assert parallel["b"] == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: adjust_pvalues([0.1, 1.2]), "p_values: must be from 0 to 1"),
        (lambda: adjust_pvalues([0.1], method="sidak"), "method: must be one of"),  # type: ignore[arg-type]
        (lambda: adjust_pvalues([np.nan, 0.1], method="fixed-sequence"), "position 0"),
        (lambda: graphical_test([0.1], weights=[2], transitions=[[0]]), "weights"),
        (lambda: graphical_test([0.1, 0.1], weights=[0.7, 0.7], transitions=np.zeros((2, 2))),
         "weights: must be 2 shares that sum to at most 1"),
        (lambda: graphical_test([0.1], weights=[1], transitions=[[1]]), "row 0"),
        (lambda: graphical_test([0.1], weights=[1], transitions=[[0, 0]]), "shape"),
        (lambda: gatekeeping([]), "at least one hypothesis"),
        (lambda: gatekeeping([{"a": 0.1}, {"a": 0.2}]), "names that differ"),
    ],
)  # fmt: skip
def test_errors_name_the_argument(call: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()  # type: ignore[operator]


@pytest.mark.parametrize("wrong", [["a"], {"a": 0.1}])
def test_what_is_no_number_is_refused(wrong: object) -> None:
    with pytest.raises(InputError, match="p_values: must be numbers"):
        adjust_pvalues(wrong)
    with pytest.raises(InputError, match="transitions: must be numbers"):
        graphical_test([0.1, 0.2], weights=[0.5, 0.5], transitions=[[0], [0, 1]])  # type: ignore[list-item]
    with pytest.raises(InputError, match="families: must be mappings of names"):
        gatekeeping([[0.1]])  # type: ignore[list-item]


def test_nullable_series_keep_what_is_missing() -> None:
    found = adjust_pvalues(pd.Series([0.01, None, 0.04], dtype="Float64", index=list("abc")))
    np.testing.assert_allclose(found, [0.02, np.nan, 0.04])
    assert found.index.tolist() == ["a", "b", "c"]
