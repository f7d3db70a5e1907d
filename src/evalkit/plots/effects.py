"""Effects of trials as a forest plot: arms, subgroups, outcomes or sensitivity analyses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from evalkit.core.checks import check_columns
from evalkit.core.results import STANDARD_COLUMNS
from evalkit.core.typography import Lang, Typography
from evalkit.errors import InputError
from evalkit.plots.axes import title_axis
from evalkit.plots.coefficients import coefficient_forest
from evalkit.plots.style import in_house_style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["effect_plot"]

_WORDS: dict[str, dict[str, str]] = {
    "sv": {
        "difference": "Skillnad", "ratio": "Kvot, logaritmisk skala", "probability": "Sannolikhet",
        "level": "konfidensintervall", "all": "Alla", "undrawn": "Ej ritade",
    },
    "en": {
        "difference": "Difference", "ratio": "Ratio, log scale", "probability": "Probability",
        "level": "confidence interval", "all": "All", "undrawn": "Not drawn",
    },
}  # fmt: skip

_NOTHING = {"difference": 0.0, "ratio": 1.0, "probability": 0.5}  # where there is no effect


@in_house_style
def effect_plot(
    data: pd.DataFrame,
    *,
    level: float = 0.95,
    title: str | None = None,
    names: Mapping[str, str] | None = None,
    label: str | None = None,
    ax: Axes | None = None,
    lang: Lang = "sv",
) -> Axes:
    """Draw effects as points with their intervals, one line each, and the numbers beside them.

    Parameters
    ----------
    data : pandas.DataFrame
        One row for each effect, as ``TrialEffect.to_frame()`` gives them: ``contrast, estimate,
        conf_low, conf_high, n``, key columns before, and ``scale`` ("difference", "ratio", or
        "probability" around one half). Rows whose estimate is missing, infinite, or a ratio of 0
        have no place on the axis, and are named beneath it.
    level : float, default 0.95
        Level of the intervals, named on the axis.
    title : str, optional
        What the figure shows, written above it.
    names : mapping, optional
        Names to show instead of labels of arms, subgroups and their levels.
    label : str, optional
        What the axis shows; "Skillnad" or "Kvot" with the level if left out.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure, as high as the rows need, if left out.
    lang : {"sv", "en"}, default "sv"
        Language of numbers and of the axis.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, logarithmic for ratios. A line is named after what tells the rows apart: keys
        (such as a subgroup and its level), the contrast, the term. Levels have their number of
        persons.

    Raises
    ------
    evalkit.errors.InputError
        If a column is missing, no row has an estimate that can be drawn, a ratio is negative,
        scales are mixed, or the scale is that of numbers needed to treat.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame(
    ...     {
    ...         "contrast": ["ReDO - kontroll"],
    ...         "estimate": [1.4],
    ...         "conf_low": [0.2],
    ...         "conf_high": [2.6],
    ...     }
    ... )
    >>> effect_plot(table, lang="en").get_xlabel()
    'Difference, 95% confidence interval'
    """
    check_columns(data, data=["estimate", "conf_low", "conf_high"])
    scales = {str(one) for one in data["scale"]} if "scale" in data else {"difference"}
    if len(scales) > 1:
        raise InputError.of(
            "data",
            required="effects on one scale",
            got=" and ".join(sorted(scales)),
            remedy="Draw one figure for each.",
        )
    if not scales <= set(_NOTHING):
        raise InputError.of(
            "data",
            required="differences, ratios or probabilities",
            got=f"scale {scales.pop()!r}",
            remedy="Numbers needed to treat have intervals that pass through infinity: draw the "
            "risk differences.",
        )
    words, set_in = _WORDS[lang], Typography(lang)
    scale = scales.pop() if scales else "difference"
    ratio = scale == "ratio"
    if label is None:
        percentage = round(100 * level, 6)
        share = set_in.percent(percentage, 0 if percentage.is_integer() else 1)
        label = f"{words[scale]}, {share} {words['level']}"
    data = data.assign(**{"line of effect": _lines(data, names or {}, words["all"])})
    estimate = data["estimate"].to_numpy(dtype=np.float64)
    placed = np.isfinite(estimate) & ~(ratio & (estimate == 0))
    if not placed.any():
        raise InputError.of(
            "data",
            required="at least one row with an estimate that has a place on the axis",
            got=", ".join(f"{value:g}" for value in estimate[:5]) or "no rows",
            remedy="Where a cell is empty the risk difference can be drawn." if ratio else "",
        )
    undrawn = [
        f"{line} ({'?' if np.isnan(value) else '0' if value == 0 else '∞'})"
        for line, value in zip(data["line of effect"][~placed], estimate[~placed], strict=True)
    ]
    if undrawn:
        label += f"\n{words['undrawn']}: {'; '.join(undrawn)}"
    axes = coefficient_forest(
        cast("pd.DataFrame", data[placed]),
        scale="ratio" if ratio else "plain",
        term="line of effect",
        label=label,
        ax=ax,
        lang=lang,
    )
    if _NOTHING[scale] != (1 if ratio else 0):
        drawn = cast("Any", axes)
        drawn.lines[0].set_xdata([_NOTHING[scale], _NOTHING[scale]])
        drawn.relim()
        drawn.autoscale_view(scaley=False)
    if title:
        title_axis(cast("Any", axes), title, raised=False)
    return axes


def _lines(data: pd.DataFrame, names: Mapping[str, str], everybody: str) -> list[str]:
    """Name the rows after what tells them apart."""
    columns = [str(name) for name in data.columns]
    first = min(i for i, name in enumerate(columns) if name in STANDARD_COLUMNS)
    keys = columns[:first]
    used = [name for name in ("contrast", "term") if name in columns]
    told = [name for name in used if data[name].nunique() > 1]
    parts = keys + told or used[:1]
    if not parts:
        return [str(i + 1) for i in range(len(data))]
    grouped = {"subgroup", "level"} <= set(keys)
    lines: list[str] = []
    for _, row in data.iterrows():
        texts = [str(row[name]) for name in parts]
        if grouped and row["subgroup"] == "":
            texts = [names.get("all", everybody), *(str(row[name]) for name in told)]
        texts = [names.get(text, text) for text in texts if text]
        line = ": ".join(texts[:2]) + "".join(f", {text}" for text in texts[2:])
        if grouped and "n" in columns:
            line += f" (n = {row['n']})"
        lines.append(line)
    return lines
