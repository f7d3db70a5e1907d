"""Contours of what an estimate would be with a confounder that was left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from evalkit.core.typography import Lang, Typography
from evalkit.errors import InputError
from evalkit.plots.axes import title_axis
from evalkit.plots.style import ACCENT, INK, MUTED, canvas, in_house_style
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["confounding_contours"]

_WIDTH_CM, _HEIGHT_CM = 16.0, 11.0
_LINES = 8
_PLACES = (
    (5, 2), (5, -9), (-5, 2), (-5, -9), (5, 12), (-5, 12), (16, 6), (16, 18), (16, -14), (30, 10),
    (30, 26), (44, 16), (44, 34), (60, 24), (60, 44), (-30, 14), (-30, 30),
)  # fmt: skip
_OTHER = "#b4530f"  # apart from the accent for every colour vision, and in grey by its lightness
_WORDS = {
    "sv": {
        "x": "Andel av deltagandets oförklarade variation som störfaktorn förklarar",
        "y": "Andel av utfallets oförklarade variation som störfaktorn förklarar",
        "estimate": "Skattning med störfaktorn (▲ utan: {now}); tjock linje: ingen effekt",
        "statistic": "t-värde med störfaktorn (▲ utan: {now}); tjock linje: gränsen för "
        "säkerställd effekt",
    },
    "en": {
        "x": "Share of the treatment's residual variance that the confounder explains",
        "y": "Share of the outcome's residual variance that the confounder explains",
        "estimate": "Estimate with the confounder (▲ without: {now}); thick line: no effect",
        "statistic": "t statistic with the confounder (▲ without: {now}); thick line: its critical "
        "value",
    },
}


@in_house_style
def confounding_contours(
    across: FloatArray,
    up: FloatArray,
    height: FloatArray,
    *,
    critical: float = 0.0,
    value: str = "estimate",
    points: Sequence[tuple[str, float, float]] = (),
    lang: Lang = "sv",
    ax: Axes | None = None,
) -> Axes:
    """Draw contours over the strength of a confounder.

    Parameters
    ----------
    across, up : ndarray of float, shapes (j,) and (k,)
        Partial R² with the treatment and with the outcome, from 0 up.
    height : ndarray of float, shape (k, j)
        What is drawn; the first is what was found without a confounder.
    critical : float, default 0
        The contour that is drawn thick.
    value : {"estimate", "statistic"}, default "estimate"
        What ``height`` is, for the title.
    points : sequence of (name, x, y), optional
        Benchmarks: names, shares of the treatment's and of the outcome's residual variance.
    lang : {"sv", "en"}, default "sv"
        Language.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if left out.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; a triangle at the origin is the estimate as it is.

    Raises
    ------
    evalkit.errors.InputError
        If the shapes do not agree.
    """
    if height.shape != (len(up), len(across)):
        raise InputError.of("height", required=f"of shape {(len(up), len(across))}",
                            got=height.shape)  # fmt: skip
    set_in, words = Typography(lang), _WORDS[lang]
    axes = cast("Any", canvas(_WIDTH_CM, _HEIGHT_CM) if ax is None else ax)
    finite = height[np.isfinite(height)]
    levels = _levels(float(finite.min()), float(finite.max()), critical)
    step = float(np.diff(levels).min()) if len(levels) > 1 else max(abs(float(levels[0])), 1e-9)
    digits = max(0, int(np.ceil(-np.log10(step) - 1e-9)))

    def text(number: float) -> str:
        return set_in.number(number, digits)

    lines = axes.contour(across, up, height, levels=levels, colors=MUTED, linewidths=0.7)
    axes.clabel(lines, fmt=text, fontsize=7, inline=True)
    if finite.min() < critical < finite.max():
        axes.contour(across, up, height, levels=[critical], colors=_OTHER, linewidths=1.8)
    axes.plot(0, 0, "^", color=INK, markersize=6, clip_on=False, zorder=3)

    def percent(share: float, _: int) -> str:
        tenths = round(100 * share, 9)
        return set_in.percent(tenths, 0 if float(tenths).is_integer() else 1)

    axes.set_xlim(0, across[-1])
    axes.set_ylim(0, up[-1])
    axes.locator_params(nbins=6)
    axes.xaxis.set_major_formatter(percent)
    axes.yaxis.set_major_formatter(percent)
    _name_points(axes, points)
    now = set_in.number(float(height[0, 0]), digits + 1)
    axes.set_xlabel(words["x"], fontsize=8, color=MUTED)
    axes.annotate(
        words[value].replace("{now}", now), (0, 1), xycoords="axes fraction", xytext=(-8, 19),
        textcoords="offset points", va="bottom", annotation_clip=False,
    )  # fmt: skip
    title_axis(axes, words["y"], raised=False)
    return cast("Axes", axes)


def _name_points(axes: Any, points: Sequence[tuple[str, float, float]]) -> None:
    """Mark points, and write each name where it covers least of what is there already."""
    width, height = (float(size) * 72 / axes.figure.dpi for size in axes.bbox.size)
    limits = float(axes.get_xlim()[1]), float(axes.get_ylim()[1])
    centres = [(x / limits[0] * width, y / limits[1] * height) for _, x, y in points]
    taken = [(x - 3, y - 3, x + 3, y + 3) for x, y in centres]
    for (name, x, y), (at, level) in zip(points, centres, strict=True):
        axes.plot(x, y, "o", color=ACCENT, markersize=4.5, zorder=3)
        long = 4.7 * len(name)  # points, at a size of 8

        def covered(shift: tuple[int, int], at: float = at, level: float = level,
                    long: float = long) -> float:  # fmt: skip
            left = at + shift[0] - (long if shift[0] < 0 else 0.0)
            low = level + shift[1]
            box = (left, low, left + long, low + 8)
            outside = max(0.0, -box[0], box[2] - width) + max(0.0, 2 - box[1], box[3] - height)
            return 100 * outside + sum(_shared(box, other) for other in taken)

        shift = min(_PLACES, key=covered)
        left = at + shift[0] - (long if shift[0] < 0 else 0.0)
        taken.append((left, level + shift[1], left + long, level + shift[1] + 8))
        far = abs(shift[1]) > 12 or abs(shift[0]) > 12
        axes.annotate(
            name, (x, y), xytext=shift, textcoords="offset points", va="bottom",
            ha="right" if shift[0] < 0 else "left", color=ACCENT, fontsize=8,
            arrowprops={"arrowstyle": "-", "color": ACCENT, "linewidth": 0.4, "shrinkA": 1,
                        "shrinkB": 2} if far else None,
        )  # fmt: skip


def _shared(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Return the area that two rectangles share."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return max(wide, 0.0) * max(high, 0.0)


def _levels(low: float, high: float, critical: float) -> FloatArray:
    """Choose round contours, leaving out the one that is drawn thick."""
    rough = (high - low) / _LINES
    if not rough > 0:
        return np.array([high])
    unit = 10.0 ** int(np.floor(np.log10(rough)))
    step = unit * min((m for m in (1, 2, 5, 10) if m * unit >= rough * (1 - 1e-9)), default=10)
    first, last = int(np.ceil(low / step)), int(np.floor(high / step))
    levels = np.asarray(np.arange(first, last + 1) * step, dtype=np.float64)
    kept = levels[np.abs(levels - critical) > 1e-9 * step]
    return np.asarray(kept if len(kept) else [(low + high) / 2], dtype=np.float64)
