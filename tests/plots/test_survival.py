"""Figures of survival show what the frame says: every number in them can be read back."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evalkit.errors import InputError
from evalkit.kernels.natural_spline import smooth
from evalkit.plots import survival as plots
from evalkit.plots.curves import LINES, spread

LIMITS = (90, 180, 365, 914)


def survival_frame(**keys: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            **keys,
            "time": [100.0, 200.0, 300.0, 1000.0],
            "at_risk": [1200, 8, 6, 4],
            "survival": [0.9, 0.8, 0.6, 0.3],
            "conf_low": [0.8, 0.7, 0.5, 0.1],
            "conf_high": [0.95, 0.9, 0.7, 0.6],
        }
    )


def incidence_frame() -> pd.DataFrame:
    both = [
        pd.DataFrame({"cause": cause, "time": [100.0, 300.0], "cumulative_incidence": values})
        for cause, values in ((1, [0.2, 0.5]), (2, [0.1, 0.2]))
    ]
    return pd.concat(both, ignore_index=True)


def cumulative_frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "arm": ["a", "a", "b", "b"],
            "time": [30, 90, 30, 120],
            "cumulative_hazard": [0.2, 0.5, 0.1, 0.4],
            "conf_low": [0.1, 0.3, 0.0, 0.2],
            "conf_high": [0.4, 9.0, 0.2, 0.7],
        }
    )


def hazard_frame() -> pd.DataFrame:
    return pd.DataFrame(
        {"start": [0, 90, 180], "end": [90, 180, np.inf], "hazard": [0.01, 0.005, 0.002]}
    )


def residual_frame() -> pd.DataFrame:
    time = np.arange(1.0, 41.0)
    return pd.DataFrame({"time": time, "residual": np.where(time % 2, 1.0, -1.0)})


def coefficient_frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "term": ["age", "sex[man]", "empty"],
            "estimate": [0.0, np.log(2), np.nan],
            "conf_low": [-0.1, np.log(1.5), np.nan],
            "conf_high": [0.1, np.log(3), np.nan],
        }
    )


DRAWINGS: dict[str, Callable[..., object]] = {
    "survival": lambda **rest: plots.survival_curves(survival_frame(), **rest),
    "incidence": lambda **rest: plots.incidence_curves(incidence_frame(), **rest),
    "stacked": lambda **rest: plots.stacked_exits(incidence_frame(), **rest),
    "hazard": lambda **rest: plots.hazard_by_day(hazard_frame(), **rest),
    "cumulative": lambda **rest: plots.cumulative_hazards(cumulative_frame(), **rest),
    "forest": lambda **rest: plots.coefficient_forest(coefficient_frame(), **rest),
    "schoenfeld": lambda **rest: plots.schoenfeld(residual_frame(), name="age", **rest),
}


def texts(axes: object) -> list[str]:
    """Return the texts of a figure, with plain spaces."""
    return [text.get_text().replace("\xa0", " ") for text in axes.texts]


@pytest.mark.parametrize("name", DRAWINGS)
@pytest.mark.parametrize("lang", ["sv", "en"])
def test_every_figure_can_be_saved(name: str, lang: str) -> None:
    axes = DRAWINGS[name](lang=lang)
    for kind in ("png", "svg", "pdf"):
        target = BytesIO()
        axes.figure.savefig(target, format=kind)
        assert target.tell() > 1000


@pytest.mark.parametrize("name", DRAWINGS)
def test_every_figure_can_be_drawn_into_given_axes(name: str) -> None:
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    assert DRAWINGS[name](ax=axes) is axes


@pytest.mark.parametrize("name", DRAWINGS)
def test_figures_leave_the_settings_and_the_windows_alone(name: str) -> None:
    import matplotlib as mpl
    from matplotlib import pyplot as plt

    before = dict(mpl.rcParams)
    DRAWINGS[name]()
    assert dict(mpl.rcParams) == before
    assert plt.get_fignums() == []


def test_the_curve_begins_at_everybody_and_steps_at_each_time() -> None:
    line = plots.survival_curves(survival_frame()).lines[0]
    assert line.get_drawstyle() == "steps-post"
    assert line.get_xdata().tolist() == [0, 100, 200, 300, 1000]
    assert line.get_ydata().tolist() == [1, 0.9, 0.8, 0.6, 0.3]


def test_the_numbers_at_risk_stand_under_their_ticks() -> None:
    axes = plots.survival_curves(survival_frame(), until=1000)
    assert axes.get_xticks().tolist() == [0, 365, 730]
    assert texts(axes) == ["Andel kvar", "Under risk", "1 200", "4", "4"]
    below = [text for text in axes.texts if text.get_text() == "4"]
    assert [text.xy[0] for text in below] == [365, 730]


def test_groups_have_names_in_their_colours_and_lines_of_their_own() -> None:
    frame = pd.concat([survival_frame(sex="kvinna"), survival_frame(sex="man")])
    axes = plots.survival_curves(frame, names={"kvinna": "Kvinnor"}, until=400)
    named = [text for text in axes.texts if text.get_text() in ("Kvinnor", "man")]
    assert [text.get_color() for text in named] == [*LINES[:2], *LINES[:2]]
    assert len(axes.collections) == 2
    assert "1 200" in texts(axes)


def test_several_keys_make_one_name() -> None:
    frame = pd.concat([survival_frame(sex=s, arm=a) for s in "ab" for a in "xy"])
    axes = plots.survival_curves(frame, at_risk=False)
    assert {"a, x", "a, y", "b, x", "b, y"} <= set(texts(axes))


def test_limits_within_the_axis_are_marked() -> None:
    axes = plots.survival_curves(survival_frame(), limits=LIMITS, until=400, at_risk=False)
    assert texts(axes)[:3] == ["90", "180", "365"]
    assert [line.get_xdata()[0] for line in axes.lines[1:]] == [90, 180, 365]


def test_numbers_at_risk_beyond_the_last_time_are_zero() -> None:
    axes = plots.survival_curves(survival_frame(), until=2000)
    assert texts(axes)[-5:] == ["4", "4", "0", "0", "0"]


def test_long_curves_are_thinned_but_not_their_table() -> None:
    time = np.arange(1.0, 20_001.0)
    frame = pd.DataFrame({"time": time, "at_risk": 20_001 - time, "survival": 1 - time / 20_001})
    axes = plots.survival_curves(frame)
    line = axes.lines[0]
    assert len(line.get_xdata()) <= 3001
    assert line.get_ydata()[-1] == frame["survival"].iloc[-1]
    assert "16 351" in texts(axes)  # 20 001 - 3 650: at risk on day 3 650


def test_incidences_share_one_axis_as_high_as_needed() -> None:
    axes = plots.incidence_curves(incidence_frame(), names={1: "Arbete", 2: "Studier"})
    assert axes.get_ylim()[1] == pytest.approx(0.525)
    assert {"Arbete", "Studier"} <= set(texts(axes))


def test_stacked_exits_fill_the_whole() -> None:
    axes = plots.stacked_exits(incidence_frame(), names={1: "Arbete", 2: "Studier"}, lang="en")
    assert texts(axes)[1:] == ["Arbete, 50%", "Studier, 20%", "Still in, 30%"]


def test_stacked_exits_at_an_earlier_day() -> None:
    axes = plots.stacked_exits(incidence_frame(), until=200)
    assert texts(axes)[1:] == ["1, 20 %", "2, 10 %", "Kvar, 70 %"]


def test_hazards_are_level_in_each_interval() -> None:
    line = plots.hazard_by_day(hazard_frame(), until=400).lines[0]
    assert line.get_xdata().tolist() == [0, 90, 180, 400]
    assert line.get_ydata() == pytest.approx([10, 5, 2, 2])


def test_cumulative_hazards_begin_at_nothing_and_their_bands_do_not_dwarf_them() -> None:
    axes = plots.cumulative_hazards(cumulative_frame(), limits=[90])
    line = axes.lines[0]
    assert line.get_xdata().tolist() == [0, 30, 90]
    assert line.get_ydata().tolist() == [0, 0.2, 0.5]
    assert axes.get_ylim() == (0, pytest.approx(1.05 * 2.5 * 0.5))
    assert texts(axes) == ["90", "Kumulativ intensitet", "a", "b"]
    bare = plots.cumulative_hazards(cumulative_frame(), band=False, lang="en")
    assert bare.get_ylim() == (0, pytest.approx(1.05 * 0.5))
    assert texts(bare)[0] == "Cumulative hazard"


def test_the_axis_follows_what_is_drawn() -> None:
    wide = incidence_frame().assign(conf_high=0.9)
    assert plots.incidence_curves(wide).get_ylim()[1] == pytest.approx(1.05 * 0.9)
    assert plots.incidence_curves(wide, band=False).get_ylim()[1] < 0.6


def test_probabilities_of_intervals_are_drawn_as_rates_a_day() -> None:
    frame = hazard_frame().assign(interval="a", hazard=[0.5, 0.2, 0.9])[
        ["interval", "start", "end", "hazard"]
    ]
    line = plots.hazard_by_day(frame, probability=True, per=1).lines[0]
    assert line.get_xdata().tolist() == [0, 90, 180]
    rates = -np.log([0.5, 0.8]) / 90
    assert line.get_ydata() == pytest.approx([*rates, rates[-1]])
    with pytest.raises(InputError, match="one interval with an end"):
        plots.hazard_by_day(frame.tail(1), probability=True)


def test_coefficients_are_drawn_as_ratios_with_their_numbers() -> None:
    axes = plots.coefficient_forest(coefficient_frame(), names={"age": "Ålder"})
    assert texts(axes) == ["1,00  (0,90 till 1,11)", "2,00  (1,50 till 3,00)"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["Ålder", "sex[man]"]


def test_an_endless_interval_does_not_hide_the_others() -> None:
    frame = coefficient_frame().dropna()
    frame.loc[len(frame)] = ["apart", 22.1, -43_000.0, 43_000.0]
    axes = plots.coefficient_forest(frame)
    assert 1e9 < axes.get_xlim()[1] < 1e15
    assert texts(axes)[0].startswith("1,00")


def test_the_line_through_level_residuals_is_level() -> None:
    axes = plots.schoenfeld(residual_frame(), name="age", estimate=0.25, p_value=0.8)
    assert np.abs(axes.lines[1].get_ydata()).max() < 0.3
    assert texts(axes)[0] == "0,25"
    assert texts(axes)[1] == "Koefficient för age över tid (prövning av konstans: p = 0,800)"


def test_a_term_is_chosen_among_several() -> None:
    both = pd.concat([residual_frame().assign(term=term) for term in ("age", "sex")])
    assert "sex" in texts(plots.schoenfeld(both, term="sex"))[0]
    with pytest.raises(InputError, match=r"term: must be one of the coefficients.*age, sex"):
        plots.schoenfeld(both)


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: plots.survival_curves(pd.DataFrame({"time": [1]})), "'survival'"),
        (lambda: plots.survival_curves(survival_frame().head(0)), "at least one row"),
        (
            lambda: plots.survival_curves(
                pd.concat([survival_frame(office=str(k)) for k in range(7)])
            ),
            "at most 6 curves; got 7",
        ),
        (lambda: plots.survival_curves(survival_frame().assign(time=np.inf)), "finite"),
        (
            lambda: plots.stacked_exits(pd.concat([incidence_frame(), incidence_frame()])),
            "one group",
        ),
        (lambda: plots.stacked_exits(incidence_frame().head(0)), "got none"),
        (lambda: plots.hazard_by_day(hazard_frame().drop(columns="end")), "'end'"),
        (lambda: plots.coefficient_forest(coefficient_frame().tail(1)), "an estimate"),
        (lambda: plots.coefficient_forest(coefficient_frame(), scale="ratio"), "positive"),
        (lambda: plots.coefficient_forest(coefficient_frame(), scale="odds"), "scale"),
        (lambda: plots.schoenfeld(residual_frame().head(0)), "at least one row"),
        (lambda: plots.survival_curves(survival_frame(), lang="de"), "'sv' or 'en'"),
    ],
)
def test_what_cannot_be_drawn_is_said(draw: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        draw()


def test_labels_are_moved_apart_and_no_farther() -> None:
    assert spread([0.1, 0.9], 0.2) == pytest.approx([0.1, 0.9])
    assert spread([0.5, 0.5], 0.2) == pytest.approx([0.4, 0.6])
    moved = spread([0.3, 0.31, 0.32, 0.9], 0.1)
    assert moved == pytest.approx([0.21, 0.31, 0.41, 0.9])
    assert np.diff(sorted(spread([0.2, 0.25, 0.33, 0.4, 0.41], 0.1))).min() >= 0.1 - 1e-12


def test_a_straight_line_is_smoothed_to_itself() -> None:
    x = np.linspace(3, 900, 50)
    line, error = smooth(x, 5 - 2 * x, np.array([0.0, 450.0, 1200.0]))
    assert line == pytest.approx([5, -895, -2395], rel=1e-9)
    assert error == pytest.approx(0, abs=1e-9)


def test_few_points_are_smoothed_as_far_as_they_go() -> None:
    line, error = smooth(np.array([1.0, 1.0]), np.array([2.0, 4.0]), np.array([1.0]))
    assert line == pytest.approx([3.0])
    assert error == pytest.approx([1.0])
    _, unknown = smooth(np.array([1.0, 2.0]), np.array([2.0, 4.0]), np.array([1.0]))
    assert np.isnan(unknown).all()


def test_smooth_lines_equal_those_of_r(root: Path) -> None:
    folder = root / "tests/reference/survival"
    points = pd.read_csv(folder / "natural_spline_points.csv")
    x, y = points["x"].to_numpy(np.float64), points["y"].to_numpy(np.float64)
    for df, part in pd.read_csv(folder / "natural_spline_expected.csv").groupby("df"):
        line, error = smooth(x, y, part["at"].to_numpy(np.float64), df=int(df))
        np.testing.assert_allclose(line, part["fit"], rtol=1e-10)
        np.testing.assert_allclose(error, part["std_error"], rtol=1e-10)
