"""How power grows with the effect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from evalkit.core.checks import check_columns
from evalkit.core.typography import Lang, Typography
from evalkit.errors import InputError
from evalkit.plots.axes import GRID, number_axis, percent_axis
from evalkit.plots.style import ACCENT, MUTED, canvas, in_house_style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["power_curve"]

_WIDTH_CM, _HEIGHT_CM = 12.0, 7.0
_USUAL = 0.8
_WORDS: dict[str, dict[str, str]] = {
    "sv": {"effect": "Sann effekt", "power": "Styrka"},
    "en": {"effect": "True effect", "power": "Power"},
}


@in_house_style
def power_curve(frame: pd.DataFrame, *, ax: Axes | None = None, lang: Lang = "sv") -> Axes:
    """Draw power against the true effect, with the usual 80 % marked.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns ``effect`` and ``power``.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    lang : {"sv", "en"}, default "sv"
        Language of words and numbers.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    evalkit.errors.InputError
        If a column is missing or there are fewer than two rows.
    """
    check_columns(frame, frame=["effect", "power"])
    if len(frame) < 2:
        raise InputError.of(
            "frame",
            required="power at two effects or more",
            got=f"{len(frame)} rows",
            remedy="Give a sequence of effects to power().",
        )
    set_in, words = Typography(lang), _WORDS[lang]
    axes = cast("Any", canvas(_WIDTH_CM, _HEIGHT_CM) if ax is None else ax)
    ordered = frame.sort_values("effect")
    axes.axhline(_USUAL, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.plot(ordered["effect"], ordered["power"], color=ACCENT, linewidth=1.8, marker="o",
              markersize=3.5)  # fmt: skip
    percent_axis(axes, 1.0, set_in)
    number_axis(axes.xaxis, set_in)
    axes.set_xlabel(words["effect"])
    axes.set_ylabel(words["power"])
    axes.grid(axis="y", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    return cast("Axes", axes)
