"""Balance: how alike those who took part and those they are compared with are, before and after."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from itertools import chain, combinations, groupby, islice
from numbers import Real
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from evalkit.core.checks import check_choice
from evalkit.core.columns import Names, as_names, check_known, numbers, refuse_rows
from evalkit.errors import InputError
from evalkit.kernels.balance import (
    ColumnBalance,
    balance_columns,
    balance_levels,
    effective_size,
)
from evalkit.matching.balance_result import Balance, Estimand
from evalkit.matching.balance_rows import Covariate, covariates_of, frame_covariates, products
from evalkit.matching.treatment_sample import TreatmentSample, treatment_sample
from evalkit.typing import BoolArray, FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["balance", "sample_balance"]

_BLOCK = 16  # columns measured at a time
_MEASURES = ("mean_treated", "mean_control", "smd", "variance_ratio", "ecdf_mean", "ecdf_max")


def balance(
    df: pd.DataFrame,
    *,
    treatment: str,
    variables: Names,
    weights: object = None,
    treated: object = None,
    estimand: Estimand | None = None,
    survey_weights: str | None = None,
    squares: bool = False,
    interactions: bool = False,
    threshold: float = 0.1,
) -> Balance:
    """Tabulate how alike the groups of a comparison are in their background.

    Answers "whom are the participants compared with?": means, standardised differences, variance
    ratios and distances between distribution functions of every covariate and every level,
    before and, with ``weights``, after matching or weighting.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person. It is not changed.
    treatment : str
        Column with 1 for those who took part and 0 for the others, or labels. With more than two
        groups every pair is compared.
    variables : str or sequence of str
        The covariates: numbers (and bools) as they are, everything else by its levels.
    weights : str, Series or array, optional
        Weights of at least 0 that matching or weighting gave, with the survey weights already in
        them: a column, a Series with an entry for each row of ``df``, or an array in the rows'
        order.
    treated : object, optional
        Label of those who took part; needed for two groups that are not 1 and 0.
    estimand : {"ATT", "ATE", "ATC", "ATO"}, optional
        Chooses the standard deviation by which differences are divided, always the one before
        the adjustment: of those who took part (ATT, the default for two groups), of both groups
        (the root of their mean variance; ATE and ATO, the only ones for more than two groups),
        or of the others (ATC).
    survey_weights : str, optional
        Column with sampling weights, which hold before the adjustment; rows where they are 0 are
        left out.
    squares, interactions : bool, default False
        Add rows for squares of numbers and for products of all pairs of columns.
    threshold : float, default 0.1
        Absolute standardised differences beyond it are counted as large.

    Returns
    -------
    Balance
        ``.to_frame()``, ``.sizes``, ``.largest``, ``.beyond()``, ``.plot()`` (love plot).

    Raises
    ------
    evalkit.errors.InputError
        If a column does not exist or holds what it must not, weights lack a row, are negative or
        infinite, or a group has no positive weight.

    Notes
    -----
    ``smd`` is (mean treated - mean control) / s. The variance of numbers is
    ``sum w (x - m)^2 / (1 - sum w^2)`` with weights that sum to 1, of a share p it is p(1 - p).
    ``variance_ratio`` is treated / control. ``ecdf_mean`` and ``ecdf_max`` are the mean over the
    distinct values and the largest of the distances between the weighted distribution functions.
    ``ess`` is Kish's (sum w)^2 / sum w^2. Where s is 0 the standardised difference is missing,
    and a note says so. Rows that lack a covariate are dropped and counted.

    Differences in means say nothing of what was not measured. A test of balance is not given: it
    mixes balance with size (Imai, King and Stuart 2008).

    References
    ----------
    Austin (2009), Statistics in Medicine 28, 3083-3107, doi:10.1002/sim.3697. Imai, King and
    Stuart (2008), JRSS A 171, 481-502, doi:10.1111/j.1467-985X.2007.00527.x. In R:
    ``summary(MatchIt::matchit(...))``, ``cobalt::bal.tab``.

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({
    ...     "amia": [1, 1, 1, 0, 0, 0, 0],
    ...     "age": [50, 54, 46, 30, 44, 52, 62],
    ...     "w": [1, 1, 1, 0, 1, 1, 0],
    ... })
    >>> table = balance(df, treatment="amia", variables="age", weights="w").to_frame()
    >>> table[["mean_treated", "mean_control", "smd", "smd_adjusted"]].round(3).values.tolist()
    [[50.0, 47.0, 0.75, 0.5]]
    """
    if estimand is not None:
        check_choice("estimand", estimand, ("ATT", "ATE", "ATC", "ATO"))
    if not isinstance(cast("object", treatment), str):
        raise InputError.of("treatment", required="the name of a column", got=repr(treatment))
    check_known(df, treatment=treatment, variables=variables)
    names = as_names(variables)
    if not names or treatment in names:
        raise InputError.of(
            "variables", required="at least one column, and not the treatment",
            got=repr(treatment) if names else "none",
        )  # fmt: skip
    quoted = treatment if treatment.isidentifier() else f"`{treatment}`"
    sample = treatment_sample(
        f"{quoted} ~ 1", df, treated=treated, weights=survey_weights, columns=names, several=True,
        weights_argument="survey_weights",
    )  # fmt: skip
    several = len(sample.levels) > 2
    if several and estimand in ("ATT", "ATC"):
        raise InputError.of(
            "estimand",
            required="'ATE' or 'ATO' with more than two groups, or left out",
            got=repr(estimand),
        )
    after = None if weights is None else _read_adjustment(df, weights)[sample.rows]
    if after is not None and survey_weights is not None:
        held = (
            f"The weights after the adjustment are to hold the survey weights ({survey_weights})."
        )
        sample = replace(sample, notes=(*sample.notes, held))
    return _tabulate(
        sample,
        frame_covariates(sample.frame, names),
        after,
        estimand=estimand or ("ATE" if several else "ATT"),
        adjusted="" if after is None else "weighted",
        products_of=(squares, interactions),
        threshold=threshold,
    )


def sample_balance(
    sample: TreatmentSample,
    weights: FloatArray | None,
    *,
    estimand: Estimand,
    adjusted: str,
    squares: bool = False,
    interactions: bool = False,
    threshold: float = 0.1,
    distance: FloatArray | None = None,
    focal: int | None = None,
) -> Balance:
    """Tabulate the balance of a sample whose weights are known.

    Parameters
    ----------
    sample : TreatmentSample
        The sample.
    weights : ndarray of float, shape (n,), or None
        Weights after the adjustment, survey weights included.
    estimand : {"ATT", "ATE", "ATC", "ATO"}
        Chooses the standard deviation.
    adjusted : str
        What the weights stand for, such as "matched".
    squares, interactions : bool, default False
        Add rows for squares and products.
    threshold : float, default 0.1
        What is called large.
    distance : ndarray of float, shape (n,), optional
        The score, shown as the first row.
    focal : int, optional
        With more than two groups: the one whose standard deviation is used.

    Returns
    -------
    Balance
        The table.
    """
    rows = covariates_of(sample)
    if distance is not None:
        rows.insert(0, Covariate("distance", values=distance))
    return _tabulate(
        sample,
        rows,
        weights,
        estimand=estimand,
        adjusted=adjusted if weights is not None else "",
        products_of=(squares, interactions),
        threshold=threshold,
        focal=focal,
    )


def _read_adjustment(df: pd.DataFrame, weights: object) -> FloatArray:
    """Read weights after matching or weighting, one for each row of the frame."""
    import pandas as pd

    frame, name = df, weights if isinstance(weights, str) else "weights"
    if isinstance(weights, str):
        check_known(df, weights=weights)
    elif isinstance(weights, pd.Series):
        series = cast("pd.Series[Any]", weights)
        same = series.index.equals(df.index)
        lacking = df.index.difference(series.index)
        if len(lacking) or not (same or series.index.is_unique):
            raise InputError.of(
                "weights",
                required="one weight for each row of df, by its index label",
                got=f"none for {len(lacking)} rows" if len(lacking) else "repeated labels",
                where=[repr(label) for label in lacking[:5].tolist()],
                remedy="weights.reindex(df.index, fill_value=0) gives the others no weight.",
            )
        frame = (series if same else series.reindex(df.index)).to_frame("weights")
    else:
        array = np.asarray(weights)
        if array.shape != (len(df),):
            raise InputError.of(
                "weights",
                required=f"a column, a Series, or {len(df)} numbers in the rows' order",
                got=f"an array of shape {array.shape}",
            )
        frame = pd.DataFrame({"weights": array}, index=df.index)
    values = numbers(frame, name, "weights")
    wrong = ~((values >= 0) & np.isfinite(values))
    refuse_rows(df, wrong, "weights", name, "finite and at least 0", None)
    return values


def _tabulate(
    sample: TreatmentSample,
    rows: Sequence[Covariate],
    after: FloatArray | None,
    *,
    estimand: Estimand,
    adjusted: str,
    products_of: tuple[bool, bool],
    threshold: float,
    focal: int | None = None,
) -> Balance:
    """Measure every covariate for every pair of groups."""
    import pandas as pd

    if not (isinstance(threshold, Real) and np.isfinite(threshold) and threshold > 0):
        raise InputError.of("threshold", required="a positive number", got=threshold)
    before = np.ones(sample.n) if sample.weights is None else sample.weights
    sets = [before] if after is None else [before, after]
    squares, interactions = products_of
    measured: list[tuple[int, int, list[tuple[str, str]], ColumnBalance]] = []
    variances: dict[int, FloatArray] = {}
    for low, high in combinations(range(len(sample.levels)), 2):
        made = chain(rows, products(rows, squares=squares, interactions=interactions))
        two = (sample.group == low) | (sample.group == high)
        whole = bool(two.all())
        treated = sample.group == high if whole else sample.group[two] == high
        chosen = sets if whole else [w[two] for w in sets]
        _refuse_no_weight(treated, chosen, (sample.levels[low], sample.levels[high]))
        names, found = _measure(made, treated, chosen, None if whole else two)
        measured.append((low, high, names, found))
        variances |= {high: found.var1[0], low: found.var0[0]}
    parts: list[pd.DataFrame] = []
    undefined: dict[str, None] = {}
    for low, high, names, found in measured:
        one, zero = variances[high], variances[low]
        spread = {"ATT": one, "ATC": zero}.get(estimand, (one + zero) / 2)
        part = _frame(names, found, spread if focal is None else variances[focal])
        part.insert(2, "contrast", f"{sample.levels[high]} - {sample.levels[low]}")
        parts.append(part)
        flat = part["smd"].isna().tolist()
        undefined |= {f"{n}={v}" if v else n: None
                      for (n, v), no in zip(names, flat, strict=True) if no}  # fmt: skip
    notes = list(sample.notes)
    if undefined:
        unknown = any(np.isnan(spread).any() for spread in variances.values())
        alone = ", or one person's" if unknown else ""
        shown = ", ".join(islice(undefined, 5)) + (" ..." if len(undefined) > 5 else "")
        notes.append(f"No standardised difference of {shown}: its standard deviation is 0{alone}.")
    return Balance(
        data=pd.concat(parts, ignore_index=True),
        sizes=_sizes(sample, sets),
        estimand=estimand,
        threshold=float(threshold),
        adjusted=adjusted,
        n_used=sample.n,
        n_dropped=dict(sample.n_dropped),
        notes=tuple(notes),
        focal="" if focal is None else str(sample.levels[focal]),
    )


def _refuse_no_weight(
    treated: BoolArray, sets: Sequence[FloatArray], levels: tuple[object, object]
) -> None:
    """Refuse weights that leave a group empty."""
    for w in sets:
        for inside, level in ((~treated, levels[0]), (treated, levels[1])):
            if not w[inside].any():
                raise InputError.of(
                    "weights",
                    required="positive for somebody in every group",
                    got=f"only zeros in {level!r}",
                )


def _measure(
    rows: Iterable[Covariate],
    treated: BoolArray,
    sets: Sequence[FloatArray],
    two: BoolArray | None,
) -> tuple[list[tuple[str, str]], ColumnBalance]:
    """Measure numbers in blocks of columns and categories by their levels, in the rows' order."""
    names: list[tuple[str, str]] = []
    found: list[ColumnBalance] = []
    for is_number, run in groupby(rows, key=lambda row: row.codes is None):
        while block := list(islice(run, _BLOCK)):
            if is_number:
                names += [(row.name, "") for row in block]
                found.append(_numbers(block, treated, sets, two))
                continue
            for row in block:
                assert row.codes is not None  # numbers or codes
                codes = row.codes if two is None else row.codes[two]
                names += [(row.name, level) for level in row.levels]
                found.append(balance_levels(codes, len(row.levels), treated, sets))
    joined = (
        np.concatenate([getattr(part, field.name) for part in found], axis=-1)
        for field in fields(ColumnBalance)
    )
    return names, ColumnBalance(*joined)


def _numbers(
    rows: Sequence[Covariate],
    treated: BoolArray,
    sets: Sequence[FloatArray],
    two: BoolArray | None,
) -> ColumnBalance:
    """Measure some covariates that are numbers."""
    columns = [row.values for row in rows if row.values is not None]
    return balance_columns(
        columns if two is None else [column[two] for column in columns], treated, sets
    )


def _frame(
    names: Sequence[tuple[str, str]], found: ColumnBalance, spread: FloatArray
) -> pd.DataFrame:
    """Lay out the measures, differences divided by the root of the spread."""
    import pandas as pd

    scale = np.sqrt(np.where(spread > 0, spread, np.nan))
    columns: dict[str, object] = {
        "variable": [name for name, _ in names],
        "level": [level for _, level in names],
    }
    ratio = found.var1 / np.where(found.var0 > 0, found.var0, np.nan)
    ratio[:, found.binary] = np.nan
    measures = (found.mean1, found.mean0, (found.mean1 - found.mean0) / scale, ratio,
                found.ecdf_mean, found.ecdf_max)  # fmt: skip
    for s, ending in enumerate(("", "_adjusted")[: len(found.mean1)]):
        for name, values in zip(_MEASURES, measures, strict=True):
            columns[name + ending] = values[s]
    return pd.DataFrame(columns)


def _sizes(sample: TreatmentSample, sets: Sequence[FloatArray]) -> pd.DataFrame:
    """Count each group, and its effective size, before and after."""
    import pandas as pd

    rows: list[dict[str, object]] = []
    for code in reversed(range(len(sample.levels))):
        inside = sample.group == code
        row: dict[str, object] = {"group": str(sample.levels[code])}
        for w, ending in zip(sets, ("", "_adjusted"), strict=False):
            row[f"n{ending}"] = int((w[inside] > 0).sum()) if ending else int(inside.sum())
            row[f"ess{ending}"] = effective_size(w[inside])
        rows.append(row)
    return pd.DataFrame(rows)
