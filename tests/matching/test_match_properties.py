"""``match`` on drawn frames: the greedy rule by index labels, and what holds for every method."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from evalkit.errors import InputError
from evalkit.matching import match

rows = st.lists(
    st.tuples(st.booleans(), st.integers(0, 12), st.sampled_from("ab")), min_size=2, max_size=14
)


def by_rule(df: pd.DataFrame, options: dict[str, Any]) -> list[tuple[int, int]]:
    """Match as the documentation says, looking at every control for every participant."""
    sign = -1 if options["order"] == "largest" else 1
    one = sorted(df.index[df["took"] == 1], key=lambda i: (sign * df["score"][i], i))
    zero = sorted(df.index[df["took"] == 0])
    used = dict.fromkeys(zero, 0)
    reuse = options.get("reuse_max") or (np.inf if options.get("replace") else 1)
    pairs: list[tuple[int, int]] = []
    for _ in range(options["ratio"]):
        for t in one:
            near = [
                (abs(df["score"][t] - df["score"][c]), c)
                for c in zero
                if used[c] < reuse
                and (t, c) not in pairs
                and abs(df["score"][t] - df["score"][c]) <= options["caliper"]
                and ("exact" not in options or df["part"][t] == df["part"][c])
                and ("antiexact" not in options or df["part"][t] != df["part"][c])
            ]
            if near:
                pairs.append((t, min(near)[1]))
                used[min(near)[1]] += 1
    return sorted(pairs)


@given(
    drawn=rows,
    random=st.randoms(use_true_random=False),
    order=st.sampled_from(["largest", "smallest"]),
    ratio=st.integers(1, 3),
    caliper=st.integers(0, 13),
    rule=st.sampled_from(["none", "exact", "antiexact"]),
    reuse=st.sampled_from([None, 0, 2]),
)
@settings(max_examples=150, deadline=None)
def test_nearest_matching_follows_its_rule(
    drawn: list[tuple[bool, int, str]], random: Any, order: Any, ratio: int, caliper: int,
    rule: str, reuse: int | None,
) -> None:  # fmt: skip
    labels = random.sample(range(100), len(drawn))
    df = pd.DataFrame(drawn, columns=["took", "score", "part"], index=labels)
    df["took"] = df["took"].astype(int)
    one, zero = df.loc[df["took"] == 1, "score"], df.loc[df["took"] == 0, "score"]
    assume(len(one) and len(zero) and one.min() <= zero.max() and zero.min() <= one.max())
    options: dict[str, Any] = {"order": order, "ratio": ratio, "caliper": caliper}
    if rule != "none":
        options[rule] = "part"
    if reuse is not None:
        options |= {"replace": True, "reuse_max": reuse or None}
    wanted = by_rule(df, options)
    call: dict[str, Any] = options | {"distance": df["score"], "std_caliper": False}
    if not wanted:
        with pytest.raises(InputError, match="at least one pair within the calipers"):
            match("took ~ 1", df, **call)
        return
    pairs = match("took ~ 1", df, **call).pairs[["treated", "control"]].to_numpy().tolist()
    assert sorted((t, c) for t, c in pairs) == wanted


def drawn_call(seed: int) -> tuple[pd.DataFrame, str, dict[str, Any]]:
    """Draw a small frame, a formula and a combination of options."""
    r = np.random.default_rng(seed)
    n = int(r.integers(6, 60))
    df = pd.DataFrame({
        "t": r.permutation(np.arange(n) % 3 == 0).astype(int),
        "a": r.integers(0, 8, n),
        "x": r.normal(size=n).round(int(r.integers(0, 3))),
        "s": r.choice(list("kl"), n),
        "w": r.integers(1, 4, n),
    })  # fmt: skip
    method = str(r.choice(["nearest", "optimal", "full", "exact", "cem", "subclass"]))
    options: dict[str, Any] = {"method": method}

    def chance(p: float) -> bool:
        return bool(r.random() < p)

    if method in ("nearest", "optimal", "full"):
        if chance(0.4):
            options["distance"] = str(r.choice(["mahalanobis", "linear_propensity"]))
        if chance(0.4):
            options["caliper"] = {"a": 1.0, "propensity": 0.5} if chance(0.4) else 0.5
        if chance(0.4):
            options[str(r.choice(["exact", "antiexact"]))] = "s"
    if method == "nearest" and chance(0.4):
        options |= {"replace": True, "ratio": 2}
    if method not in ("exact", "cem") and chance(0.3):
        options["discard"] = "both"
    if chance(0.3):
        options["survey_weights"] = "w"
    estimands = ["ATT", "ATC"] + (["ATE"] if method not in ("nearest", "optimal") else [])
    options["estimand"] = str(r.choice(estimands))
    return df.set_axis(r.permutation(n)), "t ~ a + x" if chance(0.6) else "t ~ a", options


@pytest.mark.parametrize("block", range(4))
def test_what_holds_for_every_call(block: int) -> None:
    matched, said = 0, list[str]()
    for seed in range(60 * block, 60 * block + 60):
        df, formula, options = drawn_call(seed)
        try:
            found = match(formula, df, **options)
        except InputError as error:
            said.append(str(error))
            continue
        matched += 1
        weights, treated = found.row_weights, found.sample.treated
        assert np.isfinite(weights).all()
        assert (weights >= 0).all()
        for group in (treated, ~treated):
            survey = 1.0 if found.sample.weights is None else found.sample.weights
            total = (survey * (weights > 0))[group].sum()
            assert weights[group].sum() == pytest.approx(total), seed
        sets = found.row_subclass
        assert ((sets >= 0) == (weights > 0)).all() or found.replace, seed
        for k in range(sets.max() + 1):
            assert treated[sets == k].any(), seed
            assert (~treated[sets == k]).any(), seed
        assert not (weights[found.discarded] > 0).any()
        assert len(repr(found).splitlines()) <= 15
    assert matched > 40
    refusals = (
        "determine", "overlap", "at least one pair", "both groups", "leaves somebody",
        "tell for certain", "inverted",
    )  # fmt: skip
    assert [text for text in said if not any(word in text for word in refusals)] == []
