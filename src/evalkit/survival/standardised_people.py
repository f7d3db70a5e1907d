"""Over whom standardisation averages, and the treatment that they are given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core.columns import check_known, labels, numbers
from evalkit.errors import InputError
from evalkit.survival.standardised_source import Source
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["people_of", "place", "set_treatment", "treatment_values"]

_MOST_VALUES = 20


def treatment_values(df: pd.DataFrame, source: Source, treatment: str) -> list[object]:
    """Return the values of the treatment among the rows of the fit.

    Parameters
    ----------
    df : pandas.DataFrame
        The frame of the fit.
    source : Source
        The model.
    treatment : str
        The treatment.

    Returns
    -------
    list
        The values, in order.

    Raises
    ------
    evalkit.errors.InputError
        If the treatment is not in the model, or has one value or too many.
    """
    check_known(df, treatment=treatment)
    if treatment not in source.variables:
        raise InputError.of(
            "treatment",
            required="a covariate or a stratum of the model",
            got=repr(treatment),
            remedy=f"The model has {', '.join(source.variables)}.",
        )
    if len(df) <= source.sample.rows.max(initial=-1):
        raise InputError.of(
            "df",
            required="the frame that the model was fitted to",
            got=f"{len(df)} rows, where the fit used row {int(source.sample.rows.max()) + 1}",
        )
    rows = source.sample.rows
    if not (df.index if len(rows) == len(df) else df.index[rows]).equals(source.index):
        raise InputError.of(
            "df",
            required="the frame that the model was fitted to",
            got="one whose index has other labels, or the same in another order",
            remedy="Give the frame as it was; `population` holds other people.",
        )
    coded = labels(df[treatment].iloc[rows])
    present = np.unique(coded.codes)
    values = [coded.levels[code] for code in present.tolist()]
    if not 2 <= len(values) <= _MOST_VALUES:
        raise InputError.of(
            "treatment",
            required=f"a column of 2 to {_MOST_VALUES} values",
            got=f"{treatment!r} with {len(values)}",
        )
    return values


def place(values: Sequence[object], value: object, argument: str, treatment: str) -> int:
    """Find a value of the treatment.

    Parameters
    ----------
    values : sequence
        The values.
    value : object
        What to find.
    argument : str
        Name of the argument, for the message.
    treatment : str
        The treatment.

    Returns
    -------
    int
        Its position.

    Raises
    ------
    evalkit.errors.InputError
        If it is none of the values.
    """
    if value not in values:
        raise InputError.of(
            argument,
            required=f"a value of {treatment!r}",
            got=repr(value),
            remedy=f"Values: {', '.join(map(repr, values))}.",
        )
    return list(values).index(value)


def people_of(
    df: pd.DataFrame,
    source: Source,
    treatment: str,
    values: Sequence[object],
    among: object,
    population: pd.DataFrame | None,
    population_weights: str | None,
) -> tuple[pd.DataFrame, FloatArray, bool]:
    """Return the people to average over.

    Parameters
    ----------
    df : pandas.DataFrame
        The frame of the fit.
    source : Source
        The model.
    treatment : str
        The treatment.
    values : sequence
        Values of the treatment.
    among : object
        Value of the treatment of those to average over; None for everybody.
    population : pandas.DataFrame or None
        Other people.
    population_weights : str or None
        Column with their weights.

    Returns
    -------
    tuple of pandas.DataFrame, ndarray of float, shape (m,), and bool
        The people with the model's variables, their weights, 1 in all, and whether they are the
        rows of the fit.

    Raises
    ------
    evalkit.errors.InputError
        If a column is absent, or there is nobody of positive weight.
    """
    names = [name for name in source.variables if name != treatment]
    if population is None:
        if population_weights is not None:
            raise InputError.of(
                "population_weights", required="left out without a population",
                got=repr(population_weights),
            )  # fmt: skip
        people = df[[*names, treatment]].iloc[source.sample.rows]
        weights = source.sample.weights
        weight = np.ones(len(people)) if weights is None else weights.copy()
    else:
        check_known(population, population=names, population_weights=population_weights)
        wanted = [*names, treatment] if among is not None else names
        check_known(population, among=wanted)
        people = population[wanted]
        weight = np.ones(len(people))
        if population_weights is not None:
            weight = numbers(population, population_weights, "population_weights").copy()
    if among is not None:
        place(values, among, "among", treatment)
        weight[(people[treatment] != among).to_numpy(dtype=bool, na_value=True)] = 0.0
    if not (np.isfinite(weight).all() and (weight >= 0).all() and weight.any()):
        raise InputError.of(
            "population" if population is not None else "among",
            required="of at least one person, with weights of at least 0",
            got=f"{len(people)} rows with weights that are missing, negative or all 0",
        )
    return people, weight / weight.sum(), population is None


def set_treatment(
    people: pd.DataFrame, treatment: str, value: object, df: pd.DataFrame
) -> pd.DataFrame:
    """Set the treatment of everybody to one value.

    Parameters
    ----------
    people : pandas.DataFrame
        The people.
    treatment : str
        The treatment.
    value : object
        The value.
    df : pandas.DataFrame
        The frame of the fit.

    Returns
    -------
    pandas.DataFrame
        The people, with the treatment stored as in the frame of the fit.
    """
    import pandas as pd

    filled = pd.Series([value] * len(people), index=people.index).astype(df[treatment].dtype)
    return people.assign(**{treatment: filled})
