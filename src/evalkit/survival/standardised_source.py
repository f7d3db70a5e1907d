"""What standardisation needs of a fitted model, whichever model it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from evalkit.core.formula import Coding
from evalkit.core.sample import Sample
from evalkit.errors import InputError
from evalkit.kernels.hazard_fit import HazardFit, from_cox
from evalkit.survival.cause_specific_result import CauseSpecificCox
from evalkit.survival.cox_result import CoxModel
from evalkit.survival.fine_gray_result import FineGray
from evalkit.survival.robust import Ways
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Source", "source_of"]


@dataclass(frozen=True, eq=False)
class Source:
    """A fitted model as standardisation sees it.

    Attributes
    ----------
    hazards : tuple of HazardFit
        The fits, one for each cause.
    codings : tuple of Coding
        How each fit's formula turns columns into covariates.
    causes : tuple
        Causes that incidences are given of; none for a Cox model.
    subdistribution : bool
        Whether the one hazard is that of the subdistribution of the one cause.
    sample : Sample
        The rows of the fit.
    strata : tuple of str
        Columns that make up the strata.
    first, last : ndarray of float, shape (n_strata,)
        First entry and last time observed in each stratum.
    ways : Ways
        How rows add up to independent units.
    level : float
        Confidence level of the fit.
    method : str
        The model in words.
    index : pandas.Index
        Labels of the rows of the fit.
    """

    hazards: tuple[HazardFit, ...]
    codings: tuple[Coding, ...]
    causes: tuple[object, ...]
    subdistribution: bool
    sample: Sample
    strata: tuple[str, ...]
    first: FloatArray
    last: FloatArray
    ways: Ways
    level: float
    method: str
    index: pd.Index

    @property
    def strata_levels(self) -> tuple[object, ...]:
        """The strata."""
        return self.sample.strata_levels

    @property
    def variables(self) -> list[str]:
        """Columns that the model uses, strata included."""
        names = [name for coding in self.codings for name in coding.variables]
        return list(dict.fromkeys([*names, *self.strata]))

    def flip(self, n_times: int, ends: FloatArray) -> tuple[float, FloatArray]:
        """Turn what the kernel averages into what is given: its sign, and what is added.

        The kernel sees a subdistribution as a survival and its area; given are one minus it, and
        the horizon less the area.
        """
        if not self.subdistribution:
            return 1.0, np.zeros(1)
        return -1.0, np.concatenate([np.ones(n_times), ends])


def source_of(model: CoxModel | CauseSpecificCox | FineGray) -> Source:
    """Take over a fitted model.

    Parameters
    ----------
    model : CoxModel, CauseSpecificCox or FineGray
        The model.

    Returns
    -------
    Source
        What standardisation needs of it.

    Raises
    ------
    evalkit.errors.InputError
        If it is none of these, or has an offset, a penalty or infinite coefficients.
    """
    if isinstance(model, FineGray):
        sample = model.sample
        codes = np.zeros(sample.n, dtype=np.int64) if sample.strata is None else sample.strata
        size = max(len(sample.strata_levels), 1)
        first, last = np.full(size, -np.inf), np.full(size, -np.inf)
        np.maximum.at(last, codes, sample.time)
        if sample.entry is not None:
            first[:] = np.inf
            np.minimum.at(first, codes, sample.entry)
        return Source(
            (model.fit,),
            (model.coding,),
            (model.event_of_interest,),
            True,
            sample,
            model.strata,
            first,
            last,
            Ways(() if model.cluster is None else (model.cluster,), None, model.df),
            model.coefficients.level,
            "Fine-Gray model",
            model.index,
        )
    if isinstance(model, CauseSpecificCox):
        models = list(model.models.values())
        return Source(
            model.hazards,
            tuple(one.coding for one in models),
            model.causes,
            False,
            model.sample,
            models[0].strata,
            models[0].fit.risk.start,
            models[0].fit.risk.end,
            model.ways,
            model.level,
            "cause-specific Cox models",
            models[0].index,
        )
    if not isinstance(cast("object", model), CoxModel):
        raise InputError.of(
            "model",
            required="a formula, or a fitted Cox, cause-specific or Fine-Gray model",
            got=type(model).__name__,
        )
    for argument, value in (("offset", model.offset), ("penalty", model.penalty)):
        if value is not None:
            raise InputError.of("model", required=f"without {argument}", got=f"one with {value!r}")
    if model.fit.infinite.any() or not model.fit.converged:
        raise InputError.of(
            "model",
            required="a fit with finite coefficients",
            got="one without maximum",
            remedy="Merge levels that go with no event.",
        )
    return Source(
        (from_cox(model.fit),),
        (model.coding,),
        (),
        False,
        model.sample,
        model.strata,
        model.fit.risk.start,
        model.fit.risk.end,
        Ways.of(model.sample, model.clusters),
        model.coefficients.level,
        "Cox model",
        model.index,
    )
