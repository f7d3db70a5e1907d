"""Residuals of a Cox model as pandas objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from evalkit.core.checks import check_choice
from evalkit.core.sample import Sample
from evalkit.kernels import cox_residuals as kernel
from evalkit.kernels.cox import CoxFit

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ResidualKind", "residual_frame"]

ResidualKind: TypeAlias = Literal[
    "martingale", "deviance", "score", "dfbeta", "schoenfeld", "scaled_schoenfeld"
]
_RESIDUALS = ("martingale", "deviance", "score", "dfbeta", "schoenfeld", "scaled_schoenfeld")


def residual_frame(
    fit: CoxFit, sample: Sample, index: pd.Index, names: tuple[str, ...], kind: ResidualKind
) -> pd.Series | pd.DataFrame:
    """Lay out residuals; see :meth:`evalkit.survival.cox_result.CoxModel.residuals`.

    Parameters
    ----------
    fit : CoxFit
        The fit.
    sample : Sample
        Its rows.
    index : pandas.Index
        Their labels.
    names : tuple of str
        Names of the coefficients.
    kind : str
        Which residuals.

    Returns
    -------
    pandas.Series or pandas.DataFrame
        The residuals.
    """
    import pandas as pd

    check_choice("kind", kind, _RESIDUALS)
    columns = list(names)
    if kind in ("martingale", "deviance"):
        values = kernel.martingale_residuals(fit)
        if kind == "deviance":
            values = kernel.deviance_residuals(values, sample.event)
        return pd.Series(values, index=index, name=kind)
    if kind in ("score", "dfbeta"):
        values = kernel.score_residuals(fit)
        if kind == "dfbeta":
            values = values @ fit.variance
        elif sample.weights is not None:
            values /= sample.weights[:, None]
        return pd.DataFrame(values, index=index, columns=columns)
    found = kernel.schoenfeld_residuals(fit)
    values = found.residuals
    if kind == "scaled_schoenfeld":
        values = values @ fit.variance * len(values) + fit.coefficients
    frame = pd.DataFrame(values, index=index[found.rows], columns=columns)
    frame.insert(0, "time", fit.risk.times[found.event_time], allow_duplicates=True)
    return frame
