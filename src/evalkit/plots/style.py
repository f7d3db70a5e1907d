"""The house style: sizes, colours and settings that every figure shares."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ACCENT", "INK", "MUTED", "SERIES", "canvas", "in_house_style", "text_on", "write_lines"]

INK = "#1d2b36"
MUTED = "#5a6871"
ACCENT = "#0f4c5c"

SERIES = ("#0f4c5c", "#5f9cad", "#f2c063", "#e4e9eb")
"""Colours of at most four series: each is lighter than the one before, so that neighbours
differ for every colour vision and on a black-and-white printer."""

_CM = 1 / 2.54
_LINE_POINTS = 10.0
_SETTINGS = {
    "font.size": 8.5,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": INK,
    "xtick.major.width": 0.6,
    "ytick.major.size": 0,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8.5,
    "text.parse_math": False,
}

P = ParamSpec("P")
R = TypeVar("R")


def in_house_style(draw: Callable[P, R]) -> Callable[P, R]:
    """Make a function draw in the house style, leaving the caller's settings alone.

    Parameters
    ----------
    draw : callable
        A function that draws.

    Returns
    -------
    callable
        The same, in the house style.
    """

    @wraps(draw)
    def styled(*args: P.args, **kwargs: P.kwargs) -> R:
        import matplotlib as mpl

        with cast("Any", mpl).rc_context(_SETTINGS):
            return draw(*args, **kwargs)

    return styled


def canvas(width_cm: float, height_cm: float) -> Axes:
    """Make the axes of a new figure that belongs to no window.

    Parameters
    ----------
    width_cm, height_cm : float
        Size of the figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; ``axes.figure`` is the figure.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_cm * _CM, height_cm * _CM), layout="constrained")
    return figure.subplots()


def write_lines(
    axes: Axes, text: str, place: tuple[float, float], *, shift: tuple[float, float], **style: Any
) -> None:
    """Write a text line by line, so that each line keeps its alignment in whatever font.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to write.
    text : str
        The text; a line break begins a new line.
    place : (float, float)
        The place in data coordinates around which the lines are centred, or above which they
        stand if the style says ``va="bottom"``.
    shift : (float, float)
        Distance from the place, in points.
    **style : object
        Alignment, colour and the like, for ``Axes.annotate``.
    """
    lines = text.split("\n")
    below = 0.0 if style.get("va") == "bottom" else (1 - len(lines)) / 2
    for number, line in enumerate(reversed(lines)):
        offset = (shift[0], shift[1] + (below + number) * _LINE_POINTS)
        cast("Any", axes).annotate(
            line, place, xytext=offset, textcoords="offset points", annotation_clip=False, **style
        )


def text_on(colour: str) -> str:
    """Choose the colour of a text that stands on a colour.

    Parameters
    ----------
    colour : str
        Any colour that matplotlib knows.

    Returns
    -------
    str
        White, or the house's ink, whichever contrasts more.
    """
    from matplotlib.colors import to_rgb

    def luminance(name: str) -> float:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(name)]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    here = luminance(colour) + 0.05
    return "#ffffff" if 1.05 / here > here / (luminance(INK) + 0.05) else INK
