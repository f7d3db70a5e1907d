"""Which column says who took part, and who did."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalkit.core.columns import Labels, labels, plain, refuse_rows
from evalkit.errors import InputError
from evalkit.typing import IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_groups", "split_formula"]


def split_formula(formula: object) -> tuple[str, str]:
    """Split ``took_part ~ age + sex`` into the treatment's column and the covariates.

    Parameters
    ----------
    formula : str
        The formula.

    Returns
    -------
    treatment : str
        The column on the left, without backticks.
    covariates : str
        The right-hand side.

    Raises
    ------
    evalkit.errors.InputError
        If it is no text, or has not one column on its left and covariates on its right.

    Examples
    --------
    >>> split_formula("amia ~ age + C(region)")
    ('amia', 'age + C(region)')
    """
    wanted = "a formula such as 'took_part ~ age + sex'"
    if not isinstance(formula, str):
        raise InputError.of("formula", required=wanted, got=f"a {type(formula).__name__}")
    left, tilde, right = formula.partition("~")
    name = left.strip()
    if name.startswith("`") and name.endswith("`") and len(name) > 2:
        name = name[1:-1]
    if not tilde or not name or not right.strip() or "~" in right:
        raise InputError.of(
            "formula",
            required=wanted,
            got=repr(formula),
            remedy="The column that says who took part stands left of ~, the covariates right.",
        )
    return name, right.strip()


def read_groups(
    df: pd.DataFrame, treatment: str, *, treated: object = None, several: bool = False
) -> tuple[IntArray, tuple[object, ...]]:
    """Code who took part.

    Parameters
    ----------
    df : pandas.DataFrame
        The frame.
    treatment : str
        Column with 1 and 0, True and False, or labels.
    treated : object, optional
        Label of those who took part; needed for two groups unless the column holds 1 and 0.
    several : bool, default False
        Allow more than two groups.

    Returns
    -------
    group : ndarray of int, shape (n,)
        1 for those who took part, else 0; with more than two groups the position in the levels.
    levels : tuple
        Labels of the groups: the comparison group first if there are two, else sorted.

    Raises
    ------
    evalkit.errors.InputError
        If somebody's group is missing, there are not two groups, or it cannot be told which of
        them took part.
    """
    coded: Labels = labels(df[treatment])
    missing = coded.codes < 0
    refuse_rows(
        df, missing, "formula", treatment, "known for everybody", None,
        remedy="Leave out those of whom it is not known whether they took part.",
    )  # fmt: skip
    used = np.bincount(coded.codes, minlength=len(coded.levels)) > 0
    found = [level for level, there in zip(coded.levels, used, strict=True) if there]
    shown = ", ".join(repr(level) for level in found[:5]) or "no rows"
    if len(found) < 2 or (len(found) > 2 and not several):
        raise InputError.of(
            "formula",
            required=f"{'at least ' if several else ''}two groups ({treatment!r})",
            got=shown if len(found) <= 5 else f"{len(found)} groups, such as {shown}",
            remedy="Keep the rows of those who took part and of those whom they are compared with."
            if len(found) < 2
            else f"Compare two of them: df[df[{treatment!r}].isin([...])].",
        )
    if treated is not None and len(found) > 2:
        raise InputError.of(
            "treated",
            required=f"left out with more than two groups ({treatment!r}: {shown})",
            got=repr(treated),
        )
    numeric = all(isinstance(level, (int, float, np.bool_)) for level in found)
    if treated is not None:
        if plain(treated) not in found:
            raise InputError.of(
                "treated",
                required=f"one of the groups in {treatment!r}: {shown}",
                got=repr(treated),
            )
        first = plain(treated)
    elif len(found) == 2 and numeric and set(found) == {0, 1}:
        first = found[1]
    elif len(found) == 2:
        raise InputError.of(
            "formula",
            required=f"1 for those who took part and 0 for the others ({treatment!r})",
            got=shown,
            remedy=f"Say who took part: treated={found[-1]!r}.",
        )
    else:
        first = None
    order = found if len(found) > 2 else [*(v for v in found if v != first), first]
    recode = np.array([order.index(v) if v in order else -1 for v in coded.levels], dtype=np.int64)
    return recode[coded.codes], tuple(order)
