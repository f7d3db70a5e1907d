"""Checks that fitted models share: covariates that add nothing, estimates that run away."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evalkit.errors import InputError
from evalkit.kernels.newton import dependent_columns
from evalkit.typing import BoolArray, FloatArray

__all__ = ["check_rank", "refuse_runaway"]

_RUNAWAY = 0.01  # share of the largest movement that a parameter must have to be named


def check_rank(X: FloatArray, names: Sequence[str], argument: str = "formula") -> None:
    """Refuse columns that are constant or combinations of others.

    Parameters
    ----------
    X : ndarray of float, shape (n, p)
        Covariates, without the constant.
    names : sequence of str, length p
        Their names.
    argument : str, default "formula"
        Name of the argument that they come from.

    Raises
    ------
    evalkit.errors.InputError
        If a column is constant or a linear combination of those before it and a constant.
    """
    ones = np.column_stack([np.ones(len(X)), X])
    dependent = [int(c) for c in dependent_columns(ones.T @ ones)]
    if dependent:
        texts = [
            repr(names[c - 1]) + (" (constant)" if np.ptp(ones[:, c]) == 0 else "")
            for c in dependent
        ]
        raise InputError.of(
            argument,
            required="of covariates that vary, none a combination of the others",
            got=", ".join(texts),
            remedy="Leave it out.",
        )


def refuse_runaway(
    direction: FloatArray,
    reach: FloatArray,
    terms: Sequence[str],
    preferred: BoolArray,
    remedy: str,
) -> InputError:
    """Build the error that names the parameters whose estimates are infinite.

    Parameters
    ----------
    direction : ndarray of float, shape (P,)
        Where the likelihood keeps rising.
    reach : ndarray of float, shape (P,)
        Largest absolute value of what each parameter multiplies.
    terms : sequence of str, length P
        Names of the parameters.
    preferred : ndarray of bool, shape (P,)
        Parameters to name alone if one of them is among those that move.
    remedy : str
        What to do.

    Returns
    -------
    InputError
        The error, to be raised by the caller.
    """
    moved = np.abs(direction) * reach
    far = moved > _RUNAWAY * moved.max()
    chosen = far & preferred if (far & preferred).any() else far
    return InputError.of(
        "formula",
        required="of covariates that do not separate rows with an event from rows without",
        got="estimates that run to infinity",
        where=[terms[int(k)] for k in np.flatnonzero(chosen)],
        remedy=remedy,
    )
