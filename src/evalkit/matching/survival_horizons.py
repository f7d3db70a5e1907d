"""The horizons that effects on the time until an event need."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalkit.errors import InputError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["settle_horizons"]


def settle_horizons(measure: str, tau: float | None, times: npt.ArrayLike | None) -> list[float]:
    """Check that the measure has the times that it needs, and no others.

    Parameters
    ----------
    measure : {"rmst", "survival", "hazard_ratio"}
        What is compared.
    tau : float or None
        Horizon of "rmst".
    times : array_like or None
        Times of "survival".

    Returns
    -------
    list of float
        The times; none for "hazard_ratio".

    Raises
    ------
    evalkit.errors.InputError
        If one is missing, superfluous, or no positive time.
    """
    given = {"tau": tau, "times": times}
    needed = {"rmst": "tau", "survival": "times"}.get(measure)
    for name, value in given.items():
        if (value is not None) != (name == needed):
            raise InputError.of(
                name,
                required=f"given for measure={measure!r}"
                if name == needed
                else f"left out with measure={measure!r}",
                got=repr(value),
                remedy="Choose it beforehand, within the follow-up of every group."
                if name == needed
                else "",
            )
    if needed is None:
        return []
    try:
        values = np.atleast_1d(np.asarray(given[needed], dtype=np.float64)).ravel()
    except (TypeError, ValueError):
        values = np.empty(0)
    if not len(values) or not (np.isfinite(values) & (values > 0)).all():
        raise InputError.of(needed, required="positive times", got=repr(given[needed]))
    if needed == "tau" and len(values) > 1:
        raise InputError.of("tau", required="one time", got=repr(tau))
    return values.tolist()
