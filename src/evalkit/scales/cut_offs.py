"""Bands of a score, which hold for one version of one scale."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from evalkit.core.checks import check_choice, check_labels
from evalkit.errors import InputError
from evalkit.scales.finite_numbers import numbers_of
from evalkit.typing import FloatArray, IntArray

__all__ = ["Cutoffs"]


@dataclass(frozen=True)
class Cutoffs:
    """Limits that divide a score into bands, with the version they were set for.

    Parameters
    ----------
    scale : str
        Name of the scale, or of the subscale.
    bounds : sequence of float
        The limits, ascending.
    labels : sequence of str
        Names of the bands, one more than there are limits.
    closed : {"left", "right"}, default "left"
        "left": a score equal to a limit belongs to the band above it (19 or more); "right": to
        the band below it (50 or less).
    version : str, default ""
        Version of the scale that the limits were set for.
    source : str, default ""
        Where they were read.

    Raises
    ------
    evalkit.errors.InputError
        If the limits do not ascend, or there is not one label more than limits.

    Examples
    --------
    >>> keds = Cutoffs("KEDS", bounds=[19], labels=["below 19", "19 or more"])
    >>> keds.band_of([18, 19]).tolist()
    [0, 1]
    """

    scale: str
    bounds: tuple[float, ...]
    labels: tuple[str, ...]
    closed: Literal["left", "right"] = "left"
    version: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        """Check the limits, and keep lists as tuples."""
        listed = numbers_of(self.bounds)
        if not listed or any(low >= high for low, high in pairwise(listed)):
            raise InputError.of("bounds", required="ascending numbers", got=repr(self.bounds))
        bounds = tuple(listed)
        labels = tuple(check_labels("labels", self.labels, length=len(bounds) + 1))
        check_choice("closed", self.closed, ("left", "right"))
        object.__setattr__(self, "bounds", bounds)
        object.__setattr__(self, "labels", labels)

    def band_of(self, scores: FloatArray | list[float]) -> IntArray:
        """Return the position of the band of each score.

        Parameters
        ----------
        scores : array_like, shape (n,)
            The scores.

        Returns
        -------
        ndarray of int, shape (n,)
            Positions in ``labels``; -1 where the score is missing.
        """
        values = np.asarray(scores, dtype=np.float64)
        side = "right" if self.closed == "left" else "left"
        found = np.searchsorted(np.asarray(self.bounds), values, side=side)
        return np.where(np.isnan(values), -1, found)

    def check_belongs(self, scale: str, part: str, version: str) -> None:
        """Refuse the limits of another scale, or of another version of it.

        Parameters
        ----------
        scale, part, version : str
            The scale, the score of it, and its version.

        Raises
        ------
        evalkit.errors.InputError
            If the limits belong to something else.
        """
        if self.scale not in (scale, part):
            raise InputError.of(
                "cutoffs", required=f"of {part}", got=f"cut-offs of {self.scale}",
                remedy="A cut-off holds only for the scale it was set for.",
            )  # fmt: skip
        if self.version != version:
            raise InputError.of(
                "cutoffs",
                required=f"of the version {version!r} of {scale}",
                got=f"cut-offs of the version {self.version!r}",
                remedy="A cut-off of another version is refused: it was set on other scores.",
            )
