"""The covariates of a comparison as rows of a balance table: numbers, levels and products."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core.columns import labels, numbers, refuse_rows
from evalkit.core.terms import is_numeric
from evalkit.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

    from evalkit.matching.treatment_sample import TreatmentSample

__all__ = ["Covariate", "covariates_of", "frame_covariates", "products"]


@dataclass(frozen=True, eq=False)
class Covariate:
    """One covariate: numbers, or a category with its levels.

    Parameters
    ----------
    name : str
        Its name.
    values : ndarray of float, shape (n,), or None
        Its numbers; None for a category.
    codes : ndarray of int, shape (n,), or None
        The level of each row; None for numbers.
    levels : tuple of str
        Names of the levels; empty for numbers.
    """

    name: str
    values: FloatArray | None = None
    codes: IntArray | None = None
    levels: tuple[str, ...] = ()

    def columns(self) -> Iterator[tuple[str, FloatArray]]:
        """Give the covariate as columns of numbers, a level as 0 and 1.

        Yields
        ------
        name : str
            The column's name.
        values : ndarray of float, shape (n,)
            The column.
        """
        if self.values is not None:
            yield self.name, self.values
        elif self.codes is not None:
            for code, level in enumerate(self.levels):
                yield f"{self.name}={level}", (self.codes == code).astype(np.float64)


def frame_covariates(
    df: pd.DataFrame, variables: Sequence[str], categorical: Sequence[str] = ()
) -> list[Covariate]:
    """Read columns as covariates: numbers as they are, everything else by its levels.

    Parameters
    ----------
    df : pandas.DataFrame
        Complete in the columns.
    variables : sequence of str
        The columns.
    categorical : sequence of str, optional
        Columns of numbers that are categories.

    Returns
    -------
    list of Covariate
        In the order of ``variables``. Levels that no row has are left out.
    """
    found: list[Covariate] = []
    for name in variables:
        dates = getattr(df[name].dtype, "kind", "") in "mM"  # refused by numbers()
        if name not in categorical and (dates or is_numeric(df[name])):
            values = numbers(df, name, "variables")
            refuse_rows(df, ~np.isfinite(values), "variables", name, "finite", None)
            found.append(Covariate(name, values=values))
            continue
        coded = labels(df[name])
        used = np.bincount(coded.codes, minlength=len(coded.levels)) > 0
        place = np.cumsum(used) - 1
        levels = tuple(str(v) for v, there in zip(coded.levels, used, strict=True) if there)
        found.append(Covariate(name, codes=place[coded.codes], levels=levels))
    return found


def covariates_of(sample: TreatmentSample) -> list[Covariate]:
    """Read the covariates of a sample: its variables, and what the formula computes from them.

    Parameters
    ----------
    sample : TreatmentSample
        The sample.

    Returns
    -------
    list of Covariate
        The variables in the formula's order, then computed terms such as ``log(income)``.
    """
    categorical = () if sample.coding is None else tuple(sample.coding.levels)
    found = frame_covariates(sample.frame, sample.variables, categorical)
    plain = {*sample.variables, *(f"C({name})" for name in sample.variables)}
    for term, columns in sample.terms.items():
        if term in plain or (term.startswith("C(") and ":" not in term):
            continue
        found += [Covariate(sample.names[k], values=sample.matrix[:, k]) for k in columns]
    return found


def products(
    covariates: Sequence[Covariate], *, squares: bool, interactions: bool
) -> Iterator[Covariate]:
    """Make the squares of numbers and the products of all pairs of columns, one at a time.

    Parameters
    ----------
    covariates : sequence of Covariate
        The covariates.
    squares, interactions : bool
        Which to make.

    Yields
    ------
    Covariate
        The product, named ``age^2`` or ``age * sex=k``. Squares of columns with two values and
        products of two levels of one category are left out: they tell nothing new.
    """
    for one in covariates:
        if squares and one.values is not None and not _has_two_values(one.values):
            yield Covariate(f"{one.name}^2", values=one.values**2)
    if interactions:
        for one, other in combinations(covariates, 2):
            for name, values in one.columns():
                for beside, others in other.columns():
                    yield Covariate(f"{name} * {beside}", values=values * others)


def _has_two_values(values: FloatArray) -> bool:
    """Say whether a column holds at most two values."""
    return bool(((values == values.min()) | (values == values.max())).all())
