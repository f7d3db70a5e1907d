"""What is said of imputed effects: the measure, the method, and what a reader should know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from evalkit.errors import InputError
from evalkit.trials.estimand import Estimand, Strategy
from evalkit.trials.incomplete_trial import IncompleteTrial
from evalkit.trials.trial_result import as_randomised

__all__ = ["SUMMARIES", "choose_measure", "imputed_estimand", "method_text", "notes_on"]

SUMMARIES = {"difference": "difference in means", "risk_difference": "risk difference"}
"""Measures that are differences of means, and how they are called."""

_MEASURES = {
    "number": ("difference",),
    "binary": ("risk_difference", "risk_ratio", "odds_ratio"),
    "ordinal": ("proportional_odds", "difference", "probabilistic_index", "win_ratio"),
}
_WORDS = {
    "mar": "at random given the arm",
    "jump to reference": "by jump to reference",
    "copy increments": "by copying the increments of the reference arm",
    "copy reference": "by copying the reference arm",
}
_COURSES = {
    "jump to reference": "taken to do as {} from the last measurement on",
    "copy increments": "taken to change as {} from the last measurement on",
    "copy reference": "taken to do as {} all along",
}


def choose_measure(trial: IncompleteTrial, measure: str | None) -> str:
    """Return the measure, or the usual one for the outcome.

    Parameters
    ----------
    trial : IncompleteTrial
        The trial.
    measure : str or None
        The measure asked for.

    Returns
    -------
    str
        The measure.

    Raises
    ------
    evalkit.errors.InputError
        If the measure does not fit the outcome.
    """
    known = _MEASURES[trial.kind]
    chosen = known[0] if measure is None else measure
    if chosen not in known:
        raise InputError.of(
            "measure",
            required=f"for a {trial.kind} outcome (kind=) one of "
            + ", ".join(repr(name) for name in known),
            got=repr(measure),
            remedy="multiple_imputation(...).pool(analyse) pools any other analysis.",
        )
    if chosen in ("probabilistic_index", "win_ratio") and trial.covariates is not None:
        raise InputError.of(
            "covariates",
            required=f"left out with measure={chosen!r}, which does not adjust for them",
            got=repr(trial.covariates),
            remedy="auxiliary= uses them for the imputation alone.",
        )
    if chosen == "difference" and trial.kind == "ordinal" and not trial.scores:
        raise InputError.of(
            "measure",
            required="for levels that are no numbers another one than 'difference'",
            got=repr(chosen),
            remedy="Say measure='proportional_odds', or give the levels as numbers.",
        )
    return chosen


def imputed_estimand(trial: IncompleteTrial, summary: str, after: str | None) -> Estimand:
    """Return what is estimated if those whose outcome is missing do as a rule says.

    Parameters
    ----------
    trial : IncompleteTrial
        The trial.
    summary : str
        The measure in words.
    after : str or None
        Column that says whose missing outcomes follow the rule.

    Returns
    -------
    Estimand
        The effect of the arms as randomised. Where outcomes that follow a reference arm are
        imputed, they are those of a scenario: the strategy is hypothetical for them.
    """
    sample, rule = trial.sample, trial.data.rule
    events: dict[str, Strategy] | None = None
    if rule != "mar":
        reference = sample.arm_levels[trial.data.reference]
        whose = f"in other arms than {reference}" if after is None else f"where {after} is true"
        events = {
            "any departure from the assigned arm, outcome seen": "treatment policy",
            f"outcome missing {whose}, {_COURSES[rule].format(reference)}": "hypothetical",
        }
    return as_randomised(sample, outcome=trial.outcome, summary=summary, intercurrent=events)


def method_text(
    trial: IncompleteTrial,
    inference: str,
    n_imputations: int,
    n_bootstrap: int,
    cluster: str | None,
    delta: float | Mapping[Any, float],
) -> str:
    """Say how missing outcomes were dealt with.

    Parameters
    ----------
    trial : IncompleteTrial
        The trial.
    inference : str
        How standard errors were found.
    n_imputations, n_bootstrap : int
        Their numbers.
    cluster : str or None
        Column with clusters.
    delta : float or mapping
        The shift.

    Returns
    -------
    str
        The method line.
    """
    how = f"Missing outcomes {_WORDS[trial.data.rule]}"
    if isinstance(delta, Mapping):
        moved = ", ".join(f"{key} {value:+g}" for key, value in delta.items() if value)
    else:
        moved = f"{delta:+g}" if delta else ""
    how += f", shifted ({moved})" if moved else ""
    if inference == "rubin":
        robust = "" if cluster is None else "CR2; "
        return f"{how}; {n_imputations} imputations; {robust}Rubin's rules"
    units = "" if cluster is None else " of clusters"
    times = "" if inference == "jackknife" else f", {n_bootstrap} replications"
    return f"{how}, at their conditional means; {inference}{units}{times}"


def notes_on(trial: IncompleteTrial, cluster: str | None, inference: str) -> list[str]:
    """Say what was imputed, and what a reader should know of it.

    Parameters
    ----------
    trial : IncompleteTrial
        The trial.
    cluster : str or None
        Column with clusters.
    inference : str
        How standard errors were found.

    Returns
    -------
    list of str
        The notes.
    """
    sample, data = trial.sample, trial.data
    gone = np.bincount(data.arm[data.missing], minlength=len(sample.arm_levels))
    order = [*range(1, len(sample.arm_levels)), 0]
    parts = [f"{sample.arm_levels[i]} {gone[i]} of {sample.n_randomised[i]}" for i in order]
    notes = [f"Imputed outcomes: {', '.join(parts)}."]
    if trial.incomplete:
        notes.append(f"Imputed baseline variables: {', '.join(trial.incomplete)}.")
    if cluster is not None and len(data.missing):
        notes.append(
            "The imputation models ignore the clusters: imputed outcomes vary less between "
            "clusters than observed ones, and intervals may be too short."
        )
    if data.rule != "mar" and inference == "rubin":
        notes.append(
            "Rubin's variance is conservative for reference-based imputation; "
            "inference='jackknife' estimates the variance over repeated trials."
        )
    return notes
