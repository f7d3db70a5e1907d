"""Omitted confounders in data: against regressions that have them, the figure, and refusals."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evalkit.errors import InputError
from evalkit.matching.omitted_confounder import omitted_variable

LALONDE = pd.read_csv(
    Path(__file__).parents[1] / "reference" / "matching" / "balance_rows.csv"
).set_index("id")
FULL = "treat ~ age + educ + race + married + nodegree + re74 + re75"


def test_the_estimate_is_least_squares():
    found = omitted_variable(FULL, LALONDE, outcome="re78").to_frame().iloc[0]
    assert found["estimate"] == pytest.approx(1548.2438, abs=5e-5)  # lm in R 4.2.2
    assert found["df"] == 604
    t = found["statistic"]
    assert found["partial_r2"] == pytest.approx(t**2 / (t**2 + 604))


@pytest.mark.parametrize("left_out", ["re74", "race", "educ"])
def test_leaving_out_a_covariate_that_was_observed(left_out: str):
    # The covariate's own strength moves the short regression's estimate to the long one's, up to
    # direction; with several columns (race) by no more than that.
    terms = ["age", "educ", "race", "married", "nodegree", "re74", "re75"]
    short = "treat ~ " + " + ".join(term for term in terms if term != left_out)
    without = omitted_variable(short, LALONDE, outcome="re78")
    whole = omitted_variable(short + f" + {left_out}", LALONDE, outcome="re78")
    rest = pd.get_dummies(LALONDE[[t for t in terms if t != left_out]], drop_first=True)
    x = np.column_stack([np.ones(len(LALONDE)), rest.to_numpy(dtype=float)])
    z = pd.get_dummies(LALONDE[[left_out]], drop_first=True).to_numpy(dtype=float)
    d, y = LALONDE["treat"].to_numpy(dtype=float), LALONDE["re78"].to_numpy(dtype=float)

    def share(target: Any, columns: Any) -> float:
        before = target - columns @ np.linalg.lstsq(columns, target)[0]
        both = np.column_stack([columns, z])
        after = target - both @ np.linalg.lstsq(both, target)[0]
        return 1 - float(after @ after) / float(before @ before)

    r2_treatment, r2_outcome = share(d, x), share(y, np.column_stack([x, d]))
    moved = abs(whole.estimate - without.estimate)
    most = abs(without.adjusted(r2_outcome, r2_treatment)["estimate"].item() - without.estimate)
    if z.shape[1] == 1:
        assert moved == pytest.approx(most, rel=1e-9)
        error = without.adjusted(r2_outcome, r2_treatment)["std_error"].item()
        assert whole.std_error == pytest.approx(error, rel=1e-9)
    else:
        assert moved <= most


def test_benchmarks_of_whole_terms():
    found = omitted_variable(FULL, LALONDE, outcome="re78", benchmarks=["race", "re74"], k=[0.5, 1])
    assert found.bounds["bound"].tolist() == ["0.5x race", "1x race", "0.5x re74", "1x re74"]
    assert len(repr(found).splitlines()) <= 15
    again = found.adjusted(found.bounds["r2_outcome"], found.bounds["r2_treatment"])
    np.testing.assert_allclose(again["conf_low"], found.bounds["conf_low"])
    impossible = omitted_variable(FULL, LALONDE, outcome="re78", benchmarks="race", k=[1, 9])
    assert any("No confounder can be 9x race" in note for note in impossible.notes)
    assert "<table" in found._repr_html_()
    assert pickle.loads(pickle.dumps(found)).robustness == found.robustness


def test_negative_effects_are_mirrored():
    one = omitted_variable(FULL, LALONDE, outcome="re78", q=0.5)
    other = omitted_variable(FULL, LALONDE.assign(re78=-LALONDE["re78"]), outcome="re78", q=0.5)
    assert other.robustness == pytest.approx(one.robustness, rel=1e-12)
    assert other.adjusted(0.1, 0.1)["estimate"].item() == pytest.approx(
        -one.adjusted(0.1, 0.1)["estimate"].item(), rel=1e-9
    )
    assert "takes 50 % of the estimate away" in " ".join(repr(one).split())


def test_the_figure(clashing_texts: Any):
    found = omitted_variable(FULL, LALONDE, outcome="re78", benchmarks=["re74", "educ"])
    axes = found.plot()
    texts = [text.get_text() for text in axes.texts]
    assert {"1x re74", "2x educ"} <= set(texts)
    assert "Skattning med störfaktorn (▲ utan: 1\u00a0548,2); tjock linje: ingen effekt" in texts
    assert "Andel av utfallets oförklarade variation som störfaktorn förklarar" in texts
    assert axes.get_ylabel() == ""
    assert clashing_texts(axes.figure) == []
    wide = omitted_variable(FULL, LALONDE, outcome="re78", benchmarks=["race", "re74", "educ"])
    axes = wide.plot()
    assert axes.get_xlim()[1] > 0.9 > 0.2 > axes.get_ylim()[1]  # each as far as it needs
    assert clashing_texts(axes.figure) == []
    other = found.plot(value="statistic", lang="en", limit=0.4)
    assert other.get_xlim() == (0.0, 0.4)
    assert clashing_texts(other.figure) == []
    with pytest.raises(InputError, match="limit: must be a number strictly between 0 and 1"):
        found.plot(limit=1.2)
    with pytest.raises(InputError, match="value: must be one of"):
        found.plot(value="p")  # pyright: ignore[reportArgumentType]


@pytest.fixture
def clashing_texts() -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    def clashes(figure: Any) -> list[str]:
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        edge = figure.bbox
        boxes = [(t.get_text(), Text.get_window_extent(t, canvas.get_renderer()))
                 for t in figure.axes[0].texts]  # fmt: skip
        outside = [text for text, box in boxes if box.x1 > edge.x1 + 1 or box.y1 > edge.y1 + 1]
        names = [(text, box) for text, box in boxes if "x " in text]
        pairs = ((one, other) for k, one in enumerate(names) for other in names[:k])
        return outside + [one[0] for one, other in pairs if one[1].overlaps(other[1])]

    return clashes


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"q": 0.0}, "q: must be a positive share"),
        ({"benchmarks": "z"}, "benchmarks: must be terms of the formula: x"),
        ({"k": 2.0}, "k: must be left out without benchmarks"),
        ({"k": [0.0], "benchmarks": "x"}, "k: must be positive"),
        ({"outcome": "exact"}, "not explained exactly"),
        ({"formula": "took ~ x + same"}, "do not determine who took part"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(call: dict[str, Any], message: str):
    rng = np.random.default_rng(1)
    df = pd.DataFrame({"took": np.arange(40) % 2, "x": rng.normal(size=40)})
    df = df.assign(y=rng.normal(size=40), same=2.0 * df["took"] + df["x"])
    df["exact"] = (df["took"] == 1).astype(float) * 4
    options = {"formula": "took ~ x", "outcome": "y", **call}
    with pytest.raises(InputError, match=message):
        omitted_variable(options.pop("formula"), df, **options)
    fine = omitted_variable("took ~ x", df, outcome="y")
    with pytest.raises(InputError, match="r2_treatment: must be shares"):
        fine.adjusted(0.1, 1.0)
    with pytest.raises(InputError, match=r"r2_outcome: must be shares from 0 to 1; got 10.*0.1"):
        fine.adjusted(10, 0.1)
    with pytest.raises(InputError, match="two rows more than coefficients"):
        omitted_variable("took ~ x", df.head(4), outcome="y")
