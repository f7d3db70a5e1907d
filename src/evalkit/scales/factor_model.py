"""Do some items measure one thing: a one-factor model, and how well it fits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.core.checks import check_level
from evalkit.core.printing import html_table
from evalkit.core.results import EffectTable
from evalkit.errors import InputError
from evalkit.kernels.numeric import critical_value, two_sided_p
from evalkit.kernels.one_factor import FitIndices, fit_indices, fit_one_factor
from evalkit.kernels.reliability import item_covariances
from evalkit.scales.item_columns import codes_of, read_items

if TYPE_CHECKING:
    import pandas as pd

    from evalkit.scales.survey_data import SurveyData

__all__ = ["OneFactor", "one_factor"]


@dataclass(frozen=True, eq=False, repr=False)
class OneFactor:
    """A one-factor model of the items of a scale.

    Attributes
    ----------
    table : EffectTable
        The loadings, with ``uniqueness``, ``loading_std`` and the share explained, ``r_squared``.
    fit : FitIndices
        ``chi_square, df, p_value, cfi, tli, rmsea, rmsea_low, rmsea_high, srmr``; the interval of
        RMSEA has 90 %, as is usual.
    omega : float
        McDonald's omega of the sum of the items.
    heywood : tuple of str
        Items with a negative unique variance: signs of a wrong model, or of few people.
    """

    table: EffectTable
    fit: FitIndices
    omega: float
    heywood: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return the loadings.

        Returns
        -------
        pandas.DataFrame
            The columns of an effect table, then ``uniqueness, loading_std, r_squared``.
        """
        return self.table.to_frame()

    def fit_frame(self) -> pd.DataFrame:
        """Return the test and the indices of fit.

        Returns
        -------
        pandas.DataFrame
            One row: ``chi_square, df, p_value, cfi, tli, rmsea, rmsea_low, rmsea_high, srmr``.
        """
        import pandas as pd

        names = FitIndices.__slots__
        return pd.DataFrame({name: [getattr(self.fit, name)] for name in names})

    def __repr__(self) -> str:
        """Show loadings and fit in at most fifteen lines."""
        return repr(self.table)

    def _repr_html_(self) -> str:
        """Show loadings and fit in a notebook."""
        above = self.table._repr_html_()  # pyright: ignore[reportPrivateUsage]
        return above + html_table(["Fit"], self.fit_frame(), ())


def one_factor(
    df: pd.DataFrame | SurveyData,
    items: Sequence[str] | None = None,
    *,
    item_range: tuple[float, float] | None = None,
    missing_codes: float | Iterable[float] = (),
    mapping: Mapping[Any, float] | None = None,
    allow_fractions: bool = False,
    level: float = 0.95,
) -> OneFactor:
    r"""Fit a one-factor model to the items of a scale, and test it.

    Parameters
    ----------
    df : pandas.DataFrame or SurveyData
        One row for each person. It is not changed.
    items : sequence of str, optional
        Columns with at least three items; all columns if left out.
    item_range : (float, float), optional
        Lowest and highest code; other codes are refused.
    missing_codes : float or iterable of float, optional
        Codes that stand for missing answers.
    mapping : mapping, optional
        Code of each label, for columns of text.
    allow_fractions : bool, default False
        Accept codes that are not whole numbers.
    level : float, default 0.95
        Confidence level of the loadings' intervals.

    Returns
    -------
    OneFactor
        Loadings in the items' units for a factor of variance 1, and indices of fit.

    Raises
    ------
    evalkit.errors.InputError
        If there are fewer than three items, an item does not vary, items determine each other, or
        the model does not converge.

    Notes
    -----
    Maximum likelihood of :math:`\Sigma = \lambda\lambda' + \Psi` for the covariances over n, with
    expected information. Rows with a missing item are dropped and counted. Codes are taken as
    numbers: with few answer categories or lopsided answers the test rejects too often.

    In R: ``lavaan::cfa("f =~ q1 + q2 + q3 + q4", std.lv = TRUE)``.

    References
    ----------
    .. [1] Joreskog KG (1969). A general approach to confirmatory maximum likelihood factor
       analysis. Psychometrika 34:183-202. doi:10.1007/BF02289343
    .. [2] Hu L, Bentler PM (1999). Cutoff criteria for fit indexes in covariance structure
       analysis. Struct Equ Modeling 6:1-55. doi:10.1080/10705519909540118

    Examples
    --------
    >>> import pandas as pd
    >>> answers = pd.DataFrame({
    ...     "q1": [1, 2, 3, 4, 5, 4, 2, 3], "q2": [2, 2, 3, 5, 4, 4, 1, 3],
    ...     "q3": [1, 3, 2, 4, 5, 3, 2, 4], "q4": [2, 1, 3, 3, 5, 4, 3, 3],
    ... })
    >>> model = one_factor(answers)
    >>> model.fit.df, round(model.omega, 3)
    (2, 0.916)
    """
    df = codes_of(df)
    level = check_level(level)
    answers = read_items(
        df,
        items,
        item_range=item_range,
        missing_codes=missing_codes,
        mapping=mapping,
        allow_fractions=allow_fractions,
    )
    k = len(answers.items)
    if k < 3:
        raise InputError.of("items", required="at least three items", got=f"{k}")
    whole = ~np.isnan(answers.values).any(axis=1)
    values = answers.values[whole]
    n = len(values)
    if n <= k:
        raise InputError.of("items", required="answered in full by more people than items",
                            got=f"{n} people for {k} items")  # fmt: skip
    covariance = item_covariances(values).covariance * ((n - 1) / n)
    constant = [name for name, v in zip(answers.items, np.diag(covariance), strict=True) if v == 0]
    if constant:
        raise InputError.of("items", required="items that vary", got="zero variance",
                            where=constant)  # fmt: skip
    fit = fit_one_factor(covariance)
    if fit is None:
        raise InputError.of("items", required="items that do not determine each other",
                            got="a singular covariance matrix")  # fmt: skip
    if not fit.converged:
        raise InputError.of("items", required="items that a one-factor model can describe",
                            got="a fit that does not converge",
                            remedy="Look at their correlations first.")  # fmt: skip
    indices = fit_indices(fit, covariance, n)
    heywood = tuple(np.array(answers.items, dtype=object)[fit.uniqueness < 0].tolist())
    error = np.sqrt(np.diag(fit.covariance)[:k] / n)
    variance = np.diag(covariance)
    half = critical_value(level) * error
    notes = [_fit_line(indices), f"Omega of the sum: {fit.omega:.3f}."]
    if heywood:
        notes.append("Negative unique variance: " + ", ".join(heywood) + ".")
    table = EffectTable.of(
        {
            "item": list(answers.items),
            "term": "loading",
            "estimate": fit.loadings,
            "std_error": error,
            "statistic": fit.loadings / error,
            "p_value": two_sided_p(fit.loadings / error),
            "conf_low": fit.loadings - half,
            "conf_high": fit.loadings + half,
            "n": n,
            "uniqueness": fit.uniqueness,
            "loading_std": fit.loadings / np.sqrt(variance),
            "r_squared": 1 - fit.uniqueness / variance,
        },
        estimand="Loadings on one factor of variance 1, in the items' units",
        method="Maximum likelihood",
        level=level,
        n_used=n,
        n_dropped={} if whole.all() else {"an item missing": int((~whole).sum())},
        notes=notes,
    )
    return OneFactor(table, indices, fit.omega, heywood)


def _fit_line(fit: FitIndices) -> str:
    """Say how well the model fits."""
    if fit.df == 0:
        return "Three items fit one factor exactly: the fit cannot be tested."
    return (
        f"Chi-square {fit.chi_square:.2f} on {fit.df} df, p = {fit.p_value:.4f}; CFI {fit.cfi:.3f},"
        f" TLI {fit.tli:.3f}, RMSEA {fit.rmsea:.3f} (90 %: {fit.rmsea_low:.3f} to"
        f" {fit.rmsea_high:.3f}), SRMR {fit.srmr:.3f}."
    )
