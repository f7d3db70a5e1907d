"""What stands in a formula: its terms, their variables, and formulaic's part in computing them.

Formulas are read by formulaic; nothing else in evalkit knows that. A plain sum of column names is
read here, because importing formulaic takes longer than many a fit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from evalkit.errors import InputError
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Term",
    "categorical",
    "column_names",
    "encode",
    "is_numeric",
    "learn_coding",
    "levels_of",
    "numbers",
    "plain_dtypes",
    "read_terms",
]

_NAME = r"[^\W\d][\w.]*|`[^`]+`"
_PLAIN_SUM = re.compile(rf"\s*(?:{_NAME})(?:\s*\+\s*(?:{_NAME}))*\s*")
_NUMBERS = ("0", "1")  # formulaic's terms for the intercept


@dataclass(frozen=True)
class Term:
    """One term of a formula.

    Attributes
    ----------
    label : str
        The term as written, ``a`` or ``a:log(b)``.
    factors : tuple of str
        What is multiplied: ``a`` and ``log(b)``.
    variables : tuple of str
        Names used: ``a`` and ``b``.
    is_name : bool
        Whether the term is one name by itself.
    source : formulaic.Term or None
        The term as formulaic has it, if it was read by formulaic.
    """

    label: str
    factors: tuple[str, ...]
    variables: tuple[str, ...]
    is_name: bool
    source: Any = None


def read_terms(formula: object) -> tuple[Term, ...]:
    """Return the terms of a right-hand side, without the intercept.

    Parameters
    ----------
    formula : str
        The right-hand side, with or without a leading ``~``.

    Returns
    -------
    tuple of Term
        The terms, each once, main effects before interactions.

    Raises
    ------
    evalkit.errors.InputError
        If the formula cannot be read, or has a left-hand side.
    """
    if not isinstance(formula, str) or not formula.strip():
        raise InputError.of(
            "formula", required="the right-hand side of a formula", got=repr(formula)
        )
    text = formula.strip().removeprefix("~")
    if _PLAIN_SUM.fullmatch(text):
        names = dict.fromkeys(name.strip().strip("`") for name in re.findall(_NAME, text))
        return tuple(Term(name, (name,), (name,), is_name=True) for name in names)
    return tuple(_term(term) for term in _parse(text))


def _formulaic() -> Any:
    """Return formulaic, imported when it is first needed; it has no types that would help."""
    import_module("formulaic.errors")
    import_module("formulaic.utils.variables")
    return import_module("formulaic")


def _parse(text: str) -> list[Any]:
    """Let formulaic read a formula."""
    formulaic = _formulaic()
    try:
        parsed = formulaic.Formula(text)
    except formulaic.errors.FormulaicError as error:
        message = re.split(r"[.\n]", str(error).replace("`.` operator", "`.`"))[0]
        raise InputError.of(
            "formula", required="a formula such as 'age + C(region)'", got=f"{text!r}: {message}"
        ) from error
    if not isinstance(parsed, formulaic.SimpleFormula):
        raise InputError.of(
            "formula",
            required="the right-hand side only",
            got=repr(text),
            remedy="Leave out '~' with what stands before it, and '|'.",
        )
    return [term for term in cast("Iterable[Any]", parsed) if str(term) not in _NUMBERS]


def _term(term: Any) -> Term:
    """Describe one of formulaic's terms."""
    factors = [f for f in term.factors if f.eval_method.value != "literal"]
    alone = len(term.factors) == len(factors) == 1
    return Term(
        label=str(term),
        factors=tuple(str(f.expr) for f in factors),
        variables=tuple(dict.fromkeys(name for f in factors for name in _names_in(f))),
        is_name=alone and factors[0].eval_method.value == "lookup",
        source=term,
    )


def _names_in(factor: Any) -> list[str]:
    """Return the variables that one factor uses, in its order."""
    if factor.eval_method.value == "lookup":
        return [str(factor.expr)]
    found = _formulaic().utils.variables.get_expression_variables(factor.expr, {})
    names = [str(v) for v in found if "callable" not in {role.value for role in v.roles}]
    return sorted(
        (name for name in names if name.partition(".")[0] not in ("np", "contr")),
        key=str(factor.expr).index,
    )


def learn_coding(
    terms: Sequence[Term], data: pd.DataFrame
) -> tuple[Any, dict[str, list[int]], dict[str, str]]:
    """Let formulaic settle how the terms are coded: contrasts, knots, means.

    Parameters
    ----------
    terms : sequence of Term
        The terms, to be coded beside an intercept.
    data : pandas.DataFrame
        Complete data in plain dtypes.

    Returns
    -------
    spec : formulaic.ModelSpec
        The coding, for :func:`encode`.
    columns : dict of str to list of int
        For each term's label, its columns of the encoded matrix.
    kinds : dict of str to str
        For each variable of a factor coded as categorical, that factor.
    """
    wanted = _formulaic().ModelSpec.from_spec(
        ["1", *(term.source for term in terms)], output="numpy", na_action="ignore"
    )
    spec = _evaluate(wanted, data).model_spec
    slices = zip(spec.terms, spec.term_slices.values(), strict=True)
    everything = list(range(len(spec.column_names)))
    columns: dict[str, list[int]] = {str(term): everything[where] for term, where in slices}
    factors = {str(f.expr): f for term in spec.terms for f in term.factors}
    kinds = {
        name: label
        for label, (kind, _) in spec.encoder_state.items()
        if kind.value == "categorical"
        for name in _names_in(factors[label])
    }
    return spec, columns, kinds


def encode(spec: Any, data: pd.DataFrame) -> FloatArray:
    """Return the matrix of data under a coding that :func:`learn_coding` settled.

    Parameters
    ----------
    spec : formulaic.ModelSpec
        The coding.
    data : pandas.DataFrame, n rows
        Complete data in plain dtypes.

    Returns
    -------
    ndarray of float64, shape (n, q)
        The matrix; its first column is the intercept.
    """
    return np.asarray(_evaluate(spec, data), dtype=np.float64)


def column_names(spec: Any, columns: Iterable[int]) -> list[str]:
    """Return the names of some columns of an encoded matrix."""
    return [str(spec.column_names[column]) for column in columns]


def _evaluate(spec: Any, data: pd.DataFrame) -> Any:
    """Let formulaic compute a matrix."""
    try:
        with np.errstate(all="ignore"):
            return spec.get_model_matrix(data)
    except _formulaic().errors.FormulaicError as error:
        raise InputError.of(
            "formula", required="possible to compute", got=str(error).rstrip(".")
        ) from error


def levels_of(values: pd.Series[Any]) -> tuple[object, ...]:
    """Return the levels of a categorical variable that occur, the reference first."""
    import pandas as pd

    return tuple(pd.Categorical(values).remove_unused_categories().categories.tolist())


def categorical(values: pd.Series[Any], levels: tuple[object, ...]) -> pd.Categorical:
    """Return a column as a categorical with given levels, which hold all its values."""
    import pandas as pd

    if isinstance(values.dtype, pd.CategoricalDtype):
        return cast("pd.Categorical", values.cat.set_categories(list(levels)).array)
    return pd.Categorical(values, categories=list(levels))


def plain_dtypes(
    df: pd.DataFrame, names: Iterable[str], levels: Mapping[str, tuple[object, ...]]
) -> pd.DataFrame:
    """Copy columns in plain dtypes: whole numbers, floats, or categories with known levels."""
    import pandas as pd

    columns: dict[str, Any] = {}
    for name in names:
        values = df[name]
        if is_numeric(values):
            columns[name] = numbers(values)
            if values.dtype.kind in "iub":  # so that C(x) names its levels 1 and not 1.0
                columns[name] = columns[name].astype(np.int64)
        else:
            known = levels[name] if name in levels else levels_of(values)
            columns[name] = categorical(values, known)
    return pd.DataFrame(columns, index=pd.RangeIndex(len(df)))


def is_numeric(values: pd.Series[Any]) -> bool:
    """Say whether a column holds numbers or bools, whatever their dtype."""
    import pandas as pd
    from pandas.api import types

    if isinstance(values.dtype, pd.CategoricalDtype):
        return False
    if values.dtype == object:
        kind = types.infer_dtype(values, skipna=True)
        return kind in ("integer", "floating", "mixed-integer-float", "boolean", "decimal")
    return types.is_bool_dtype(values.dtype) or types.is_numeric_dtype(values.dtype)


def numbers(values: pd.Series[Any]) -> FloatArray:
    """Return a numeric column as floats; missing is NaN."""
    if isinstance(values.dtype, np.dtype) and values.dtype != object:
        return values.to_numpy().astype(np.float64, copy=False)
    return values.to_numpy(dtype=np.float64, na_value=np.nan)
