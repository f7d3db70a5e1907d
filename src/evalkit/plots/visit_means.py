"""Means of the arms of a trial over its measurements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from evalkit.core.checks import check_columns
from evalkit.core.typography import NBSP, Lang, Typography
from evalkit.errors import InputError
from evalkit.plots.style import ACCENT, MUTED, canvas, in_house_style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["visit_means"]

_WIDTH_CM, _HEIGHT_CM = 16.0, 7.6
_COLOURS = (ACCENT, "#7d8b93", "#b07a1e", "#5f9cad")  # the arm in the accent, control in grey
_APART = 0.06  # of a step between measurements, so that intervals do not hide each other


@in_house_style
def visit_means(
    means: pd.DataFrame,
    *,
    visit: str = "visit",
    arm: str = "arm",
    label: str = "",
    ax: Axes | None = None,
    lang: Lang = "sv",
) -> Axes:
    """Draw the mean of each arm at each measurement, with its interval and its persons below.

    Parameters
    ----------
    means : pandas.DataFrame
        One row for each arm and measurement, in order: `visit`, `arm`, ``mean, conf_low,
        conf_high, n``.
    visit : str, default "visit"
        Column with the measurements' names.
    arm : str, default "arm"
        Column with the arms' names; at most four.
    label : str, optional
        What is measured, above the axis.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if left out.
    lang : {"sv", "en"}, default "sv"
        Language of numbers.

    Returns
    -------
    matplotlib.axes.Axes
        The axes. The value axis need not begin at 0: it shows differences.

    Raises
    ------
    InputError
        If a column is missing, there are no rows, or more than four arms.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = [("0", "ReDO", 18.0, 17.0, 19.0, 60), ("16", "ReDO", 20.0, 19.0, 21.0, 50)]
    >>> names = ["visit", "arm", "mean", "conf_low", "conf_high", "n"]
    >>> len(visit_means(pd.DataFrame(rows, columns=names)).lines)
    1
    """
    check_columns(means, visit=visit, arm=arm, means=["mean", "conf_low", "conf_high", "n"])
    frame = cast("Any", means)
    visits: list[Any] = list(dict.fromkeys(frame[visit]))
    arms: list[Any] = list(dict.fromkeys(frame[arm]))
    if not 1 <= len(arms) <= len(_COLOURS):
        raise InputError.of("means", required=f"one to {len(_COLOURS)} arms", got=len(arms))
    set_in = Typography(lang)
    axes = cast("Any", canvas(_WIDTH_CM, _HEIGHT_CM) if ax is None else ax)
    low, high = float(means["conf_low"].min()), float(means["conf_high"].max())
    room = (high - low) or 1.0
    ends: list[tuple[float, str, str]] = []
    for place, name in enumerate(arms):
        own = frame[frame[arm] == name]
        colour = _COLOURS[place]
        x = np.array([visits.index(one) for one in own[visit]], dtype=np.float64)
        x += _APART * (place - (len(arms) - 1) / 2)
        values = own[["mean", "conf_low", "conf_high"]].to_numpy(dtype=np.float64)
        axes.vlines(x, values[:, 1], values[:, 2], color=colour, linewidth=1.3)
        axes.plot(x, values[:, 0], "-o", color=colour, markersize=4.5, linewidth=1.6)
        ends.append((float(values[-1, 0]), str(name), colour))
        below = low - room * (0.10 + 0.085 * (place + 1))
        for at, n in zip(x, own["n"], strict=True):
            axes.text(round(at), below, f"{set_in.integer(int(n))}", ha="center", fontsize=7.8,
                      va="center_baseline", color=colour)  # fmt: skip
        axes.text(-0.6, below, f"n, {name}", fontsize=7.8, color=colour, ha="left",
                  va="center_baseline")  # fmt: skip
    _name(axes, ends, len(visits) - 1, 0.075 * room)
    axes.set_xlim(-0.6, len(visits) - 0.45)
    axes.set_ylim(low - room * (0.12 + 0.085 * (len(arms) + 0.5)), high + 0.05 * room)
    axes.set_xticks(range(len(visits)), [str(one) for one in visits])
    axes.tick_params(axis="x", length=0, labelsize=8.5, pad=12)
    for name in axes.get_xticklabels():  # on one line, with rings and tails or without
        name.set_verticalalignment("baseline")
    axes.locator_params(axis="y", nbins=7)
    ticks = [at for at in axes.get_yticks() if low - 0.06 * room <= at <= high + 0.05 * room]
    decimals = 0 if all(float(at).is_integer() for at in ticks) else 1
    axes.set_yticks(ticks, [set_in.number(float(at), decimals) for at in ticks])
    axes.grid(axis="y", color="#e3e8ea", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["left"]].set_visible(False)
    if label:
        axes.set_title(label.replace(" ", NBSP), loc="left", fontsize=8, color=MUTED)
    return cast("Axes", axes)


def _name(axes: Any, ends: Sequence[tuple[float, str, str]], last: int, apart: float) -> None:
    """Write the arms' names at the ends of their lines, not over each other."""
    ordered = sorted(ends)
    places = [value for value, _, _ in ordered]
    for i in range(1, len(places)):
        places[i] = max(places[i], places[i - 1] + apart)
    for place, (_, name, colour) in zip(places, ordered, strict=True):
        axes.text(last + 0.13, place, name, color=colour, fontsize=8.5, fontweight="bold",
                  va="center_baseline")  # fmt: skip
