"""Maps of how a trial's effect changes with what is assumed of missing outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from evalkit.core.checks import check_columns
from evalkit.core.typography import Lang, Typography
from evalkit.errors import InputError
from evalkit.plots.axes import GRID, number_axis
from evalkit.plots.style import ACCENT, INK, MUTED, canvas, in_house_style, text_on
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["tipping_map"]

_WIDTH_CM, _LINE_CM, _MAP_CM = 15.0, 7.5, 11.0
_MOST_CELLS = 150  # from which numbers in the cells could not be read
_COLOURS = {"higher": "#5f9cad", "inconclusive": "#eef1f2", "lower": "#f2c063"}
_WORDS: dict[str, dict[str, str]] = {
    "sv": {
        "arm": "Förskjutning av saknade utfall i {arm}",
        "control": "Förskjutning av saknade utfall i {control}",
        "effect": "Effekt ({arm} \u2212 {control})",
        "higher": "Högre i {arm}", "lower": "Lägre i {arm}", "inconclusive": "Ej säkerställt",
    },
    "en": {
        "arm": "Shift of missing outcomes in {arm}",
        "control": "Shift of missing outcomes in {control}",
        "effect": "Effect ({arm} \u2212 {control})",
        "higher": "Higher in {arm}", "lower": "Lower in {arm}", "inconclusive": "Inconclusive",
    },
}  # fmt: skip


@in_house_style
def tipping_map(
    frame: pd.DataFrame,
    *,
    arm: str = "arm",
    control: str = "control",
    level: float = 0.95,
    ax: Axes | None = None,
    lang: Lang = "sv",
) -> Axes:
    """Draw the effect over shifts of the missing outcomes.

    With several shifts of the control arm, a map: its cells are coloured by the conclusion and
    hold the estimates. With one, the effect with its interval over the shift of the arm.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``delta_arm, delta_control, estimate, conf_low, conf_high, conclusion``, a row for every
        pair of shifts.
    arm, control : str
        Names of the arms.
    level : float, default 0.95
        Confidence level, named in the figure.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if left out.
    lang : {"sv", "en"}, default "sv"
        Language of numbers and labels.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    InputError
        If a column is missing, there are no rows, or a pair of shifts is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame(
    ...     {
    ...         "delta_arm": [-1.0, 0.0], "delta_control": 0.0, "estimate": [0.5, 1.5],
    ...         "conf_low": [-0.5, 0.5], "conf_high": [1.5, 2.5],
    ...         "conclusion": ["inconclusive", "higher"],
    ...     }
    ... )
    >>> len(tipping_map(frame, arm="ReDO", control="CAU").lines)
    3
    """
    names = ["delta_arm", "delta_control", "estimate", "conf_low", "conf_high", "conclusion"]
    check_columns(frame, frame=names)
    if frame.empty:
        raise InputError.of("frame", required="at least one row", got="none")
    words = {key: text.format(arm=arm, control=control) for key, text in _WORDS[lang].items()}
    over = np.unique(frame["delta_arm"].to_numpy(dtype=np.float64))
    beside = np.unique(frame["delta_control"].to_numpy(dtype=np.float64))
    if len(over) * len(beside) != len(frame):
        raise InputError.of(
            "frame", required="one row for every pair of shifts", got=f"{len(frame)} rows"
        )
    ordered = frame.sort_values(["delta_control", "delta_arm"], kind="stable")
    height = _LINE_CM if len(beside) == 1 else _MAP_CM
    axes = cast("Any", canvas(_WIDTH_CM, height) if ax is None else ax)
    set_in = Typography(lang)
    if len(beside) == 1:
        _draw_line(axes, ordered, words, level, set_in)
    else:
        _draw_map(axes, ordered, over, beside, words, set_in)
        axes.set_ylabel(words["control"], fontsize=8, color=MUTED)
    axes.set_xlabel(words["arm"], fontsize=8, color=MUTED)
    return cast("Axes", axes)


def _draw_line(
    axes: Any, frame: pd.DataFrame, words: dict[str, str], level: float, set_in: Typography
) -> None:
    """Draw the effect with its interval over the shift, and where the conclusion changes."""
    shift, estimate, low, high = (
        frame[name].to_numpy(dtype=np.float64)
        for name in ("delta_arm", "estimate", "conf_low", "conf_high")
    )
    axes.fill_between(shift, low, high, color=ACCENT, alpha=0.16, linewidth=0)
    axes.plot(shift, estimate, color=ACCENT, linewidth=1.8)
    axes.axhline(0, color=MUTED, linewidth=0.8)
    if shift[0] <= 0 <= shift[-1]:
        axes.axvline(0, color=MUTED, linewidth=0.7, linestyle=(0, (2, 2)), zorder=0.5)
    number_axis(axes.xaxis, set_in)
    number_axis(axes.yaxis, set_in)
    axes.grid(axis="y", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    percent = round(100 * level, 6)
    decimals = 0 if float(percent).is_integer() else 1
    axes.annotate(f"{words['effect']}, {set_in.percent(percent, decimals)}", (0, 1),
                  xycoords="axes fraction", xytext=(-8, 6), textcoords="offset points",
                  va="bottom", annotation_clip=False)  # fmt: skip


def _draw_map(
    axes: Any,
    frame: pd.DataFrame,
    over: FloatArray,
    beside: FloatArray,
    words: dict[str, str],
    set_in: Typography,
) -> None:
    """Colour a cell for every pair of shifts by its conclusion."""
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    kinds = list(_COLOURS)
    codes = np.array([kinds.index(one) for one in frame["conclusion"]], dtype=np.int64)
    shape = (len(beside), len(over))
    axes.pcolormesh(
        _edges(over), _edges(beside), codes.reshape(shape), vmin=-0.5, vmax=len(kinds) - 0.5,
        cmap=ListedColormap(list(_COLOURS.values())), edgecolors="white", linewidth=0.6,
    )  # fmt: skip
    if len(frame) <= _MOST_CELLS:
        values = frame["estimate"].to_numpy(dtype=np.float64)
        decimals = 1 if np.abs(values).max() >= 1 else 2
        rows = frame[["delta_arm", "delta_control"]].to_numpy(dtype=np.float64)
        for (x, y), value, code in zip(rows, values, codes, strict=True):
            axes.text(x, y, set_in.number(value, decimals), ha="center", va="center_baseline",
                      fontsize=6.5, color=text_on(_COLOURS[kinds[code]]))  # fmt: skip
    if over[0] <= 0 <= over[-1] and beside[0] <= 0 <= beside[-1]:
        axes.plot(0, 0, "o", markersize=14, markerfacecolor="none", markeredgecolor=INK)
    number_axis(axes.xaxis, set_in)
    number_axis(axes.yaxis, set_in)
    present = [kind for code, kind in enumerate(kinds) if (codes == code).any()]
    axes.legend(
        handles=[Patch(facecolor=_COLOURS[kind], label=words[kind]) for kind in present],
        loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, fontsize=8,
        borderaxespad=0.3,
    )  # fmt: skip


def _edges(values: FloatArray) -> FloatArray:
    """Return the borders of the cells around values in order."""
    middle = (values[1:] + values[:-1]) / 2
    if not len(middle):
        return np.array([values[0] - 0.5, values[0] + 0.5])
    first, last = 2 * values[0] - middle[0], 2 * values[-1] - middle[-1]
    return np.concatenate([[first], middle, [last]])
