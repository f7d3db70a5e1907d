"""Several outcomes, arms or looks: p-values that hold for all of them together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from evalkit.core.checks import check_choice
from evalkit.errors import InputError
from evalkit.kernels.multiple_tests import adjust, adjust_along_graph
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["adjust_pvalues", "as_floats", "gatekeeping", "graphical_test"]

AdjustmentName: TypeAlias = Literal[
    "holm", "hochberg", "bonferroni", "bh", "by", "fixed-sequence", "none"
]
_METHODS = ("holm", "hochberg", "bonferroni", "bh", "by", "fixed-sequence", "none")
_SLACK = 1e-9  # weights such as 1/3 three times sum to a little more or less than 1


def adjust_pvalues(p_values: Any, *, method: AdjustmentName = "holm") -> Any:
    """Say which findings stand when several were tested.

    Parameters
    ----------
    p_values : array_like, shape (m,), or pandas.Series
        The p-values. Missing ones stay missing and are not counted.
    method : {"holm", "hochberg", "bonferroni", "bh", "by", "fixed-sequence", "none"}
        What is to hold; see Notes.

    Returns
    -------
    ndarray of float or pandas.Series
        Adjusted p-values in the order given: reject those up to the level. A series keeps its
        index and name.

    Raises
    ------
    evalkit.errors.InputError
        If a value is no share, or `method` is none that exists; or if a p-value is missing in a
        fixed sequence, where everything after it hangs on it.

    Notes
    -----
    *holm* and *bonferroni* bound the chance of any false finding whatever the dependence; Holm
    never rejects less. *hochberg* rejects a little more, and needs tests that are independent or
    positively dependent. *bh* and *by* bound the expected share of false findings among those
    made, the latter under any dependence. *fixed-sequence* tests in the order given, each at the
    full level, until one is not significant: the adjusted p-value is the largest so far.

    In R: ``p.adjust``.

    References
    ----------
    .. [1] Holm S (1979). A simple sequentially rejective multiple test procedure.
       Scand J Stat 6:65-70.
    .. [2] Hochberg Y (1988). A sharper Bonferroni procedure for multiple tests of significance.
       Biometrika 75:800-802. doi:10.1093/biomet/75.4.800
    .. [3] Benjamini Y, Hochberg Y (1995). Controlling the false discovery rate: a practical and
       powerful approach to multiple testing. J R Stat Soc B 57:289-300.
       doi:10.1111/j.2517-6161.1995.tb02031.x
    .. [4] Benjamini Y, Yekutieli D (2001). The control of the false discovery rate in multiple
       testing under dependency. Ann Stat 29:1165-1188. doi:10.1214/aos/1013699998

    Examples
    --------
    >>> adjust_pvalues([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    >>> adjust_pvalues([0.01, 0.04, 0.03], method="fixed-sequence").tolist()
    [0.01, 0.04, 0.04]
    """
    check_choice("method", method, _METHODS)
    given = _shares("p_values", p_values)
    if method == "fixed-sequence":
        _complete(given)
        adjusted = np.maximum.accumulate(given)
    else:
        adjusted = adjust(given, method)
    return _like(p_values, adjusted)


def graphical_test(p_values: Any, *, weights: npt.ArrayLike, transitions: npt.ArrayLike) -> Any:
    """Say which hypotheses fall if the level of a rejected one is handed on along a graph.

    Parameters
    ----------
    p_values : array_like, shape (m,), or pandas.Series
        The p-values, none missing.
    weights : array_like, shape (m,)
        Share of the level that each hypothesis begins with; they sum to at most 1.
    transitions : array_like, shape (m, m)
        Row j says which shares of the weight of j go to which others when j is rejected; the
        diagonal is 0 and rows sum to at most 1.

    Returns
    -------
    ndarray of float or pandas.Series
        Adjusted p-values in the order given: those up to the level are rejected, and the chance
        of any false rejection is at most the level whatever the dependence.

    Raises
    ------
    evalkit.errors.InputError
        If a p-value is missing or no share, or the graph is none.

    Notes
    -----
    Bonferroni-Holm, fixed sequences, fallback and gatekeeping are all graphs [1]_. In R:
    ``gMCP::gMCP(...)@adjPValues``.

    References
    ----------
    .. [1] Bretz F, Maurer W, Brannath W, Posch M (2009). A graphical approach to sequentially
       rejective multiple test procedures. Stat Med 28:586-604. doi:10.1002/sim.3495

    Examples
    --------
    Two primary outcomes share the level; each hands it on to the other half-way, and half-way to
    a secondary outcome:

    >>> graphical_test(
    ...     [0.02, 0.04, 0.01],
    ...     weights=[0.5, 0.5, 0],
    ...     transitions=[[0, 0.5, 0.5], [0.5, 0, 0.5], [0, 0, 0]],
    ... ).round(4).tolist()
    [0.04, 0.0533, 0.04]
    """
    given = _shares("p_values", p_values)
    _complete(given)
    m = len(given)
    w = _shares("weights", weights)
    g = as_floats("transitions", transitions)
    if w.shape != (m,) or np.isnan(w).any() or w.sum() > 1 + _SLACK:
        raise InputError.of(
            "weights", required=f"{m} shares that sum to at most 1", got=np.round(w, 4).tolist()
        )
    if g.shape != (m, m):
        raise InputError.of("transitions", required=f"of shape ({m}, {m})", got=f"{g.shape}")
    bad = (np.diag(g) != 0) | ~(g >= 0).all(axis=1) | (g.sum(axis=1) > 1 + _SLACK)
    if bad.any():
        raise InputError.of(
            "transitions",
            required="shares with a zero diagonal and rows that sum to at most 1",
            got=f"{int(bad.sum())} rows that are not",
            where=(f"row {i}" for i in np.flatnonzero(bad)),
        )
    return _like(p_values, adjust_along_graph(given, w, g))


def gatekeeping(
    families: Sequence[Mapping[str, float]], *, kind: Literal["serial", "parallel"] = "serial"
) -> pd.DataFrame:
    """Say which findings stand if secondary outcomes count only after the primary ones.

    Parameters
    ----------
    families : sequence of mapping of str to float
        P-values by name, the primary family first. Within a family hypotheses are tested by Holm
        (in a parallel gate, by Bonferroni).
    kind : {"serial", "parallel"}
        Whether a family is tested only when all of the one before it were rejected, or with the
        level of those that were.

    Returns
    -------
    pandas.DataFrame
        Columns ``family`` (from 1), ``hypothesis, p_value, p_adjusted``.

    Raises
    ------
    evalkit.errors.InputError
        If there is no family, one is empty, a name comes twice, or a p-value is missing or none.

    Notes
    -----
    *Serial*: the adjusted p-value is the largest of Holm's within the family and of all adjusted
    p-values before it. *Parallel*: a graph [1]_ in which every hypothesis of a family begins with
    (or inherits) an equal part of the family's level, and hands it on to the next family equally
    when rejected; the last family keeps its level and is tested by Holm.

    References
    ----------
    .. [1] Bretz F, Maurer W, Brannath W, Posch M (2009). A graphical approach to sequentially
       rejective multiple test procedures. Stat Med 28:586-604. doi:10.1002/sim.3495

    Examples
    --------
    >>> gatekeeping([{"work": 0.01}, {"mastery": 0.03, "stress": 0.02}])
       family hypothesis  p_value  p_adjusted
    0       1       work     0.01        0.01
    1       2    mastery     0.03        0.04
    2       2     stress     0.02        0.04
    """
    import pandas as pd

    check_choice("kind", kind, ("serial", "parallel"))
    kinds: list[object] = list(families)
    if not all(isinstance(family, Mapping) for family in kinds):
        raise InputError.of(
            "families",
            required="mappings of names to p-values, one for each family",
            got=", ".join(type(family).__name__ for family in kinds[:5]),
        )
    names = [name for family in families for name in family]
    if not families or not all(families):
        raise InputError.of(
            "families", required="at least one hypothesis in each family", got=f"{families!r}"
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError.of("families", required="names that differ", got="repeats", where=twice)
    given = _shares("families", [value for family in families for value in family.values()])
    _complete(given)
    sizes = [len(family) for family in families]
    number = np.repeat(np.arange(len(sizes)), sizes)
    if kind == "serial":
        adjusted, passed = np.empty(len(given)), 0.0
        for k in range(len(sizes)):
            inside = number == k
            adjusted[inside] = np.maximum(adjust(given[inside], "holm"), passed)
            passed = float(adjusted[inside].max())
    else:
        adjusted = adjust_along_graph(given, *_gates(number, sizes))
    return pd.DataFrame(
        {"family": number + 1, "hypothesis": names, "p_value": given, "p_adjusted": adjusted}
    )


def _gates(number: npt.NDArray[np.int64], sizes: list[int]) -> tuple[FloatArray, FloatArray]:
    """Return weights and transitions of parallel gates."""
    m, last = len(number), len(sizes) - 1
    weights = np.where(number == 0, 1 / sizes[0], 0.0)
    transitions = np.zeros((m, m))
    for j, k in enumerate(number):
        others = (number == k) & (np.arange(m) != j) if k == last else number == k + 1
        if others.any():
            transitions[j, others] = 1 / others.sum()
    return weights, transitions


def as_floats(argument: str, values: Any) -> FloatArray:
    """Return numbers as an array.

    Parameters
    ----------
    argument : str
        Name of the caller's argument.
    values : array_like
        What the caller gave; None and missing values become NaN.

    Returns
    -------
    ndarray of float
        The numbers.

    Raises
    ------
    evalkit.errors.InputError
        If they are no numbers.
    """
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError.of(
            argument, required="numbers", got=f"{type(values).__name__}, {values!r:.60}"
        ) from error


def _shares(argument: str, values: Any) -> FloatArray:
    """Return a flat sequence of shares, missing ones as NaN."""
    given = as_floats(argument, values)
    if given.ndim != 1 or not len(given):
        raise InputError.of(
            argument, required="a flat sequence of shares", got=f"shape {given.shape}"
        )
    wrong = np.flatnonzero((given < 0) | (given > 1))
    if len(wrong):
        raise InputError.of(
            argument,
            required="from 0 to 1",
            got=", ".join(f"{given[i]:g}" for i in wrong[:3]),
            where=(f"position {i}" for i in wrong),
        )
    return given


def _complete(p_values: FloatArray) -> None:
    """Refuse missing p-values where others hang on them."""
    gone = np.flatnonzero(np.isnan(p_values))
    if len(gone):
        raise InputError.of(
            "p_values",
            required="there for every hypothesis of a sequence or graph",
            got=f"{len(gone)} missing",
            where=(f"position {i}" for i in gone),
        )


def _like(given: Any, adjusted: FloatArray) -> Any:
    """Return adjusted p-values as a series where a series came."""
    import pandas as pd

    if isinstance(given, pd.Series):
        return pd.Series(adjusted, index=given.index, name=given.name)
    return adjusted
