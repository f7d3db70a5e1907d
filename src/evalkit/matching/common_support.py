"""Where the groups overlap on a score, and the rules by which others are left out beforehand."""

from __future__ import annotations

from numbers import Real
from typing import Literal, TypeAlias, cast

import numpy as np

from evalkit.errors import InputError
from evalkit.typing import BoolArray, FloatArray

__all__ = [
    "Discard",
    "apart",
    "check_discard",
    "crump_limit",
    "discarded_rows",
    "refuse_no_overlap",
]

Discard: TypeAlias = Literal["none", "treated", "control", "both", "crump"]
"""Who is left out: nobody, those beyond the other group's range, those with extreme scores."""

RULES = ("none", "treated", "control", "both", "crump")


def check_discard(discard: object) -> tuple[str, tuple[float, float] | None]:
    """Check the rule by which rows are left out beforehand.

    Parameters
    ----------
    discard : object
        A rule by name, or a pair of probabilities.

    Returns
    -------
    name : str
        The rule; "limits" for a pair.
    limits : tuple of float or None
        The pair.

    Raises
    ------
    evalkit.errors.InputError
        If it is neither.
    """
    got = repr(discard)
    if isinstance(discard, str) and discard in RULES:
        return discard, None
    if isinstance(discard, (tuple, list)):
        pair = tuple(cast("list[object]", discard))
        if len(pair) == 2 and all(isinstance(v, Real) for v in pair):
            low, high = (float(cast("float", v)) for v in pair)
            if 0 <= low < high <= 1:
                return "limits", (low, high)
    raise InputError.of(
        "discard",
        required=f"one of {', '.join(map(repr, RULES))}, or limits such as (0.1, 0.9)",
        got=got,
    )


def crump_limit(probability: FloatArray) -> float:
    r"""Return the probability below which, and above one minus which, few can be learnt from.

    Parameters
    ----------
    probability : ndarray of float, shape (n,)
        Propensity scores strictly between 0 and 1.

    Returns
    -------
    float
        The limit :math:`\alpha`; 0 if nobody should be left out.

    Notes
    -----
    The rows kept minimise :math:`\sum g_i / k^2`, :math:`g = 1 / \{e(1 - e)\}`, over the k rows
    with the smallest g: the variance of the effect on those kept, for a constant effect and
    variance. Crump, Hotz, Imbens and Mitnik (2009), Biometrika 96, 187-199,
    doi:10.1093/biomet/asn055.

    Examples
    --------
    >>> crump_limit(np.array([0.4, 0.5, 0.6]))
    0.0
    >>> 0 < crump_limit(np.array([0.001, 0.4, 0.5, 0.6])) < 0.4
    True
    """
    with np.errstate(divide="ignore"):
        g = np.sort(1 / (probability * (1 - probability)))
    k = np.arange(1, len(g) + 1)
    sums = np.cumsum(g)
    last_of_ties = np.append(g[1:] > g[:-1], True)
    objective = np.where(last_of_ties & np.isfinite(sums), sums / k**2, np.inf)
    best = int(np.argmin(objective))
    if best == len(g) - 1:
        return 0.0
    # Any limit between the last row kept and the first left out gives the same rows.
    between = (g[best] + min(g[best + 1], 2 * g[best])) / 2
    return float(0.5 - np.sqrt(max(0.25 - 1 / between, 0.0)))


def discarded_rows(
    rule: str,
    limits: tuple[float, float] | None,
    score: FloatArray,
    probability: FloatArray | None,
    treated: BoolArray,
) -> tuple[BoolArray, str]:
    """Say who is left out before matching.

    Parameters
    ----------
    rule : {"none", "treated", "control", "both", "crump", "limits"}
        The rule.
    limits : tuple of float or None
        Limits of the probability, for "limits".
    score : ndarray of float, shape (n,)
        The score.
    probability : ndarray of float, shape (n,), or None
        Propensity scores, for "crump" and "limits".
    treated : ndarray of bool, shape (n,)
        Who took part.

    Returns
    -------
    out : ndarray of bool, shape (n,)
        Who is left out.
    words : str
        The rule in words, with its limits; empty for "none".

    Raises
    ------
    evalkit.errors.InputError
        If the rule needs probabilities and there are none, or leaves a group empty.
    """
    out = np.zeros(len(treated), dtype=np.bool_)
    words = ""
    if rule in ("crump", "limits"):
        if probability is None:
            raise InputError.of(
                "discard",
                required="none, treated, control or both for scores that are no probabilities",
                got=repr(rule if limits is None else limits),
            )
        low = crump_limit(probability) if limits is None else limits[0]
        high = 1 - low if limits is None else limits[1]
        out = (probability < low) | (probability > high)
        words = f"propensity score within [{low:.4g}, {high:.4g}]"
        words += " (rule of Crump and others)" if rule == "crump" else ""
    else:
        if rule in ("treated", "both"):
            inside = score[~treated]
            out |= treated & ((score < inside.min()) | (score > inside.max()))
        if rule in ("control", "both"):
            inside = score[treated]
            out |= ~treated & ((score < inside.min()) | (score > inside.max()))
        if rule != "none":
            words = {
                "treated": "participants within the controls' range of scores",
                "control": "controls within the participants' range of scores",
                "both": "both groups within each other's range of scores",
            }[rule]
    if not (treated & ~out).any() or not (~treated & ~out).any():
        raise InputError.of(
            "discard",
            required="a rule that leaves somebody in both groups",
            got=f"{limits or rule!r}; {support_text(score, treated)}",
        )
    return out, words


def support_text(score: FloatArray, treated: BoolArray) -> str:
    """Tell both groups' ranges of scores, and how many lie outside the other's.

    Parameters
    ----------
    score : ndarray of float, shape (n,)
        The score.
    treated : ndarray of bool, shape (n,)
        Who took part.

    Returns
    -------
    str
        The ranges.
    """
    one, zero = score[treated], score[~treated]
    out1 = int(((one < zero.min()) | (one > zero.max())).sum())
    out0 = int(((zero < one.min()) | (zero > one.max())).sum())
    return (
        f"scores of {len(one)} participants from {one.min():.4g} to {one.max():.4g} ({out1} "
        f"outside the controls' range), of {len(zero)} controls from {zero.min():.4g} "
        f"to {zero.max():.4g} ({out0} outside the participants')"
    )


def apart(values: FloatArray, treated: BoolArray) -> bool:
    """Say whether every value of one group exceeds every value of the other.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
        A score or a covariate.
    treated : ndarray of bool, shape (n,)
        Who took part.

    Returns
    -------
    bool
        Whether the ranges have nothing in common.
    """
    one, zero = values[treated], values[~treated]
    return bool(one.min() > zero.max() or zero.min() > one.max())


def refuse_no_overlap(score: FloatArray, treated: BoolArray) -> None:
    """Refuse groups whose scores have no range in common.

    Parameters
    ----------
    score : ndarray of float, shape (n,)
        The score.
    treated : ndarray of bool, shape (n,)
        Who took part.

    Raises
    ------
    evalkit.errors.InputError
        If every score of one group exceeds every score of the other.
    """
    if apart(score, treated):
        raise InputError.of(
            "formula",
            required="covariates on which the groups overlap",
            got=f"no common support: {support_text(score, treated)}",
            remedy="Nobody is comparable: look for controls who are like the participants.",
        )
