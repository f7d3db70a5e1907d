"""Figures of who is compared with whom: the groups' scores, and the quantiles of a covariate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalkit.core.checks import check_choice
from evalkit.core.columns import check_known, numbers, refuse_rows
from evalkit.errors import InputError
from evalkit.matching.treatment_sample import TreatmentSample
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from evalkit.core.typography import Lang

__all__ = ["draw_overlap", "draw_quantiles"]

_LABEL = {"sv": "Sannolikhet att delta", "en": "Probability of taking part"}


def draw_overlap(
    sample: TreatmentSample, scores: FloatArray, *, lang: Lang, ax: Axes | None
) -> Axes:
    """Draw how the propensity scores of two groups are spread, with their survey weights.

    Parameters
    ----------
    sample : TreatmentSample
        The sample.
    scores : ndarray of float, shape (n,)
        The scores.
    lang : {"sv", "en"}
        Language.
    ax : matplotlib.axes.Axes or None
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib.axes.Axes
        Those who took part upwards, the others downwards.

    Raises
    ------
    evalkit.errors.InputError
        If there are more than two groups.
    """
    from evalkit.plots.balance import score_overlap

    check_choice("lang", lang, ("sv", "en"))
    _refuse_several(sample, "plot_overlap")
    parts = [
        (
            _name(sample, code),
            scores[sample.group == code],
            None if sample.weights is None else sample.weights[sample.group == code],
        )
        for code in (1, 0)
    ]
    return score_overlap(parts, label=_LABEL[lang], lang=lang, ax=ax)


def draw_quantiles(
    sample: TreatmentSample,
    weights: FloatArray | None,
    variable: str,
    *,
    lang: Lang,
    ax: Axes | None,
) -> Axes:
    """Draw the quantiles of a covariate in one group against those in the other.

    Parameters
    ----------
    sample : TreatmentSample
        The sample.
    weights : ndarray of float, shape (n,), or None
        Weights after an adjustment; None for the survey weights alone.
    variable : str
        A column of numbers.
    lang : {"sv", "en"}
        Language of numbers.
    ax : matplotlib.axes.Axes or None
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib.axes.Axes
        Points on the line mean that the groups are alike.

    Raises
    ------
    evalkit.errors.InputError
        If the column is not one of numbers without missing values, or there are more than two
        groups.
    """
    from evalkit.plots.balance import quantile_plot

    check_choice("lang", lang, ("sv", "en"))
    _refuse_several(sample, "plot_quantiles")
    check_known(sample.frame, variable=variable)
    values = numbers(sample.frame, variable, "variable")
    refuse_rows(sample.frame, ~np.isfinite(values), "variable", variable, "finite and not missing")
    w = sample.weights if weights is None else weights
    w = np.ones(sample.n) if w is None else w
    return quantile_plot(
        values[sample.treated],
        values[~sample.treated],
        label=variable,
        groups=(_name(sample, 1), _name(sample, 0)),
        treated_weights=w[sample.treated],
        control_weights=w[~sample.treated],
        lang=lang,
        ax=ax,
    )


def _name(sample: TreatmentSample, code: int) -> str:
    """Name a group: by its label, with the column if the label alone says nothing."""
    level = sample.levels[code]
    return level if isinstance(level, str) else f"{sample.treatment}: {level}"


def _refuse_several(sample: TreatmentSample, argument: str) -> None:
    """Refuse a figure of two groups for more."""
    if len(sample.levels) != 2:
        raise InputError.of(argument, required="two groups", got=len(sample.levels))
