"""Effects of treatments given in groups, with the variances between and within groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from evalkit.kernels.partially_nested import NestedFit
from evalkit.trials.group_membership import Membership
from evalkit.trials.trial_result import TrialEffect
from evalkit.trials.trial_sample import TrialSample

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["NestedEffect", "nested_notes", "share_between", "variance_frame"]


@dataclass(frozen=True, eq=False, repr=False)
class NestedEffect(TrialEffect):
    """An effect with the variances between and within groups.

    Parameters
    ----------
    data, estimand, method, level, n_used, n_dropped, notes, attributes, arms
        As :class:`evalkit.trials.trial_result.TrialEffect`.
    variances : pandas.DataFrame
        Columns ``component, variance, std_error, at_boundary``.
    icc : float
        Share of the variance in the arm that lies between groups (and what groups share).
    icc_interval : tuple of float
        Its exact confidence limits; NaN with crossed factors.
    loglik : float
        Restricted log-likelihood.
    loglik_without_groups : float
        The largest one without variance between groups.
    groups : str
        How many groups there are and how large.
    """

    variances: pd.DataFrame = field(kw_only=True)
    icc: float = field(kw_only=True)
    icc_interval: tuple[float, float] = field(kw_only=True)
    loglik: float = field(kw_only=True)
    loglik_without_groups: float = field(kw_only=True)
    groups: str = field(kw_only=True)


def share_between(fit: NestedFit, *, common: bool) -> float:
    """Return the share of the arm's variance that lies between groups and what they share.

    Parameters
    ----------
    fit : NestedFit
        The fit.
    common : bool
        Whether the arms have one residual variance.

    Returns
    -------
    float
        The intraclass correlation.
    """
    residuals = 1 if common else 2
    between = float(fit.components[residuals:].sum())
    return between / (between + float(fit.components[residuals - 1]))


def variance_frame(
    fit: NestedFit, sample: TrialSample, shared: Sequence[str], *, common: bool
) -> pd.DataFrame:
    """Lay out the variances.

    Parameters
    ----------
    fit : NestedFit
        The fit.
    sample : TrialSample
        The trial.
    shared : sequence of str
        Columns of crossed factors.
    common : bool
        Whether the arms have one residual variance.

    Returns
    -------
    pandas.DataFrame
        Columns ``component, variance, std_error, at_boundary``.
    """
    import pandas as pd

    arm, control = sample.arm_levels[1], sample.control
    residuals = ["residual"] if common else [f"residual, {control}", f"residual, {arm}"]
    return pd.DataFrame(
        {
            "component": [*residuals, "between groups", *(f"between {name}" for name in shared)],
            "variance": fit.components,
            "std_error": np.sqrt(np.diagonal(fit.component_vcov)),
            "at_boundary": ~fit.active,
        }
    )


def nested_notes(
    fit: NestedFit,
    members: Membership,
    icc: float,
    limits: tuple[float, float],
    shared: Sequence[str],
) -> list[str]:
    """Say what belongs with the effect: correlation, boundary, groups.

    Parameters
    ----------
    fit : NestedFit
        The fit.
    members : Membership
        The groups.
    icc : float
        Intraclass correlation.
    limits : tuple of float
        Its interval.
    shared : sequence of str
        Columns of crossed factors.

    Returns
    -------
    list of str
        The sentences.
    """
    notes = [f"{members.line()[:1].upper()}{members.line()[1:]}.", *members.notes]
    spread = f"{limits[0]:.2f} to {limits[1]:.2f}, exact"
    if not fit.active.all() and icc == 0:
        notes.append(
            "ICC = 0 at the boundary: the likelihood is largest without variance between groups"
            + ("." if shared else f" ({spread}).")
        )
    elif shared:
        held = [f"between {name}" for name, kept in _kept(fit, shared) if not kept]
        notes.append(f"ICC {icc:.3f}, of group and {', '.join(shared)} together.")
        if held:
            notes.append(f"Variance 0 at the boundary: {', '.join(held)}.")
    else:
        notes.append(f"ICC {icc:.3f} ({spread}).")
    notes.append("difference_cr2: least squares with CR2 variance, Satterthwaite df.")
    return notes


def _kept(fit: NestedFit, shared: Sequence[str]) -> list[tuple[str, bool]]:
    """Return names of the random effects and whether their variance is above 0."""
    names = ["groups", *shared]
    return list(zip(names, fit.active[-len(names) :].tolist(), strict=True))
