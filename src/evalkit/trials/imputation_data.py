"""Reads a trial with missing outcomes into the arrays that imputation works on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.core.checks import check_choice
from evalkit.core.columns import Names, as_names, check_known, labels, numbers, plain, rows_where
from evalkit.core.formula import design, formula_variables
from evalkit.core.terms import Term, read_terms
from evalkit.errors import InputError
from evalkit.kernels.chained_equations import shortages
from evalkit.kernels.outcome_draws import OutcomeData
from evalkit.kernels.visit_models import Rule
from evalkit.trials.incomplete_trial import IncompleteTrial, ValueKind, refuse_lone_units
from evalkit.trials.sample_checks import check_clusters
from evalkit.trials.trial_sample import TrialSample, as_formula, read_trial
from evalkit.typing import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RULES", "read_incomplete"]

RULES: tuple[Rule, ...] = ("mar", "jump to reference", "copy increments", "copy reference")
_SPARE = 3  # residual degrees of freedom from which the variance of a draw has a mean


def read_incomplete(
    df: pd.DataFrame,
    *,
    outcome: str,
    arm: str,
    control: object,
    kind: ValueKind,
    covariates: Names | None,
    auxiliary: Names | None,
    earlier: Names | None,
    rule: str,
    reference: object,
    after: str | None,
    cluster: str | None,
    unit: str | None,
) -> IncompleteTrial:
    """Read and check a trial for imputation; the parameters are those of the public functions.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person randomised.
    outcome, arm, control, covariates, cluster, unit
        As :func:`evalkit.trials.trial_sample.read_trial`; covariates may be missing here.
    kind : {"number", "binary", "ordinal"}
        What the outcome is.
    auxiliary : str or sequence of str or None
        Further baseline variables for the imputation alone.
    earlier : str or sequence of str or None
        Earlier measurements, in order of time.
    rule : str
        How outcomes are imputed.
    reference : object
        Label of the reference arm; None for the control arm.
    after : str or None
        Column that says whose missing outcomes follow the rule.

    Returns
    -------
    IncompleteTrial
        The trial.

    Raises
    ------
    evalkit.errors.InputError
        If the columns do not serve, or too few outcomes are there to impute from.
    """
    check_choice("kind", kind, ("number", "binary", "ordinal"))
    check_choice("method", rule, RULES)
    before = as_names(earlier)
    check_known(df, outcome=outcome, arm=arm, earlier=before, after=after, unit=unit)
    _check_rule(rule, kind, before, reference, after)
    place = _canonical(df, unit)
    frame = df.iloc[place]
    options: dict[str, Any] = {"cluster": cluster, "unit": unit, "need_outcome": False}
    sample = read_trial(frame, outcome=outcome, arm=arm, control=control, kind=kind, **options)
    check_clusters(sample)
    refuse_lone_units(sample, ~np.isnan(sample.outcome))
    levels = {"number": 0, "binary": 2}.get(kind, len(sample.outcome_levels))
    if levels == 1:
        raise InputError.of("outcome", required="of at least two levels", got="one")
    formula = as_formula(covariates)
    more = as_formula(auxiliary)
    _refuse_outcomes(frame, (formula, more), [outcome, arm, *before])
    predictors, gaps = _predictors(frame, formula, more)
    columns = [_numbered(frame, name, "covariates") for name in gaps]
    history = [_numbered(frame, name, "earlier") for name in before]
    n, source = len(frame), _reference(sample, reference)
    data = OutcomeData(
        outcome=sample.outcome,
        n_levels=levels,
        earlier=np.column_stack([np.empty((n, 0)), *(one[0] for one in history)]),
        earlier_levels=tuple(len(one[1]) for one in history),
        predictors=predictors,
        incomplete=np.column_stack([np.empty((n, 0)), *(one[0] for one in columns)]),
        incomplete_levels=tuple(len(one[1]) for one in columns),
        arm=sample.arm,
        leaves=_leavers(frame, sample, rule, after) & (sample.arm != source),
        rule=_as_rule(rule),
        reference=source,
    )
    if kind == "number" and any(data.earlier_levels):
        raise InputError.of(
            "earlier",
            required="numbers, as the outcome is",
            got="categories",
            where=[name for name, one in zip(before, history, strict=True) if one[1]],
        )
    _refuse_shortage(sample, data, [*gaps, *before, outcome])
    scores = (0.0, 1.0) if kind == "binary" else _scores(sample.outcome_levels)
    return IncompleteTrial(
        frame,
        place,
        sample,
        outcome,
        kind,
        scores,
        data,
        formula,
        tuple(gaps),
        tuple(one[1] for one in columns),
    )


def _as_rule(rule: str) -> Rule:
    """Return the rule that a text names."""
    return next(known for known in RULES if known == rule)


def _check_rule(
    rule: str, kind: str, earlier: list[str], reference: object, after: str | None
) -> None:
    """Refuse rules that an outcome has no meaning for, and arguments without effect."""
    if rule == "mar":
        for name, value in (("reference", reference), ("after", after)):
            if value is not None:
                raise InputError.of(
                    name,
                    required="left out with method='mar', which has no reference arm",
                    got=repr(value),
                )
        return
    if rule == "jump to reference":
        return
    if kind != "number":
        raise InputError.of(
            "method",
            required=f"'mar' or 'jump to reference' for a {kind} outcome",
            got=repr(rule),
            remedy="Increments and residuals of levels have no meaning to copy.",
        )
    if not earlier:
        raise InputError.of(
            "earlier",
            required=f"the earlier measurements that method={rule!r} starts from",
            got="None",
            remedy="Without any, it is the same as method='jump to reference'.",
        )


def _canonical(df: pd.DataFrame, unit: str | None) -> IntArray:
    """Return the positions of the rows in the order of their identifiers."""
    import pandas as pd

    key = df.index.to_series() if unit is None else df[unit]
    if unit is None and isinstance(df.index, pd.MultiIndex):
        key = pd.Series([str(value) for value in df.index.tolist()])
    if bool(key.duplicated().any()):
        again = key[key.duplicated()].drop_duplicates().tolist()
        raise InputError.of(
            "df" if unit is None else "unit",
            required="an index that tells the rows apart" if unit is None else "different in rows",
            got=f"{len(again)} labels that stand at several rows",
            where=(repr(plain(value)) for value in again),
            remedy="Name the column that identifies persons with unit=, or reset the index; "
            "the draws are tied to it, so that they do not depend on the order of the rows.",
        )
    codes = labels(key.reset_index(drop=True)).codes
    return np.argsort(codes, kind="stable")


def _refuse_outcomes(
    frame: pd.DataFrame, formulas: tuple[str | None, ...], names: list[str]
) -> None:
    """Refuse the outcome, the arm or an earlier outcome among the baseline variables."""
    used = [name for text in formulas if text for name in formula_variables(text, frame)]
    wrong = [name for name in used if name in names]
    if wrong:
        raise InputError.of(
            "covariates",
            required="variables from before the randomisation",
            got=", ".join(repr(name) for name in wrong),
            remedy="The outcome, its earlier measurements and the arm have arguments of their own.",
        )


def _predictors(
    frame: pd.DataFrame, covariates: str | None, auxiliary: str | None
) -> tuple[FloatArray, list[str]]:
    """Return the matrix of the complete terms, and the names of the incomplete variables."""
    terms: dict[str, Term] = {}
    for text in (covariates, auxiliary):
        if text is not None:
            formula_variables(text, frame)
            terms |= {term.label: term for term in read_terms(text)}
    gaps: dict[str, None] = {}
    kept: list[str] = []
    for term in terms.values():
        absent = [name for name in term.variables if frame[name].isna().any()]
        gaps |= dict.fromkeys(absent)
        if not absent:
            quoted = term.is_name and not term.label.isidentifier()
            kept.append(f"`{term.label}`" if quoted else term.label)
    if not kept:
        return np.empty((len(frame), 0)), list(gaps)
    return np.asarray(design(" + ".join(kept), frame).matrix), list(gaps)


def _numbered(
    frame: pd.DataFrame, name: str, argument: str
) -> tuple[FloatArray, tuple[object, ...]]:
    """Return an incomplete column as numbers or levels, and its levels."""
    import pandas as pd

    series: pd.Series[Any] = frame[name]
    categorical = isinstance(series.dtype, pd.CategoricalDtype)
    if not categorical and pd.api.types.infer_dtype(series, skipna=True) != "string":
        values = numbers(frame, name, argument)
        if np.isin(values[~np.isnan(values)], (0.0, 1.0)).all():
            return values, (0, 1)
        return values, ()
    coded = labels(series.cat.remove_unused_categories() if categorical else series)
    if len(coded.levels) > 2 and not (categorical and series.cat.ordered):
        raise InputError.of(
            argument,
            required=f"numbers, two levels or an ordered category where it is missing ({name!r})",
            got=f"{len(coded.levels)} categories without an order",
            remedy="Give missing values a level of their own, or order the categories.",
        )
    return np.where(coded.codes < 0, np.nan, coded.codes.astype(np.float64)), coded.levels


def _leavers(frame: pd.DataFrame, sample: TrialSample, rule: str, after: str | None) -> BoolArray:
    """Say whose missing outcomes follow the rule."""
    if rule == "mar":
        return np.zeros(len(frame), dtype=np.bool_)
    if after is None:
        return np.ones(len(frame), dtype=np.bool_)
    values = numbers(frame, after, "after")
    wrong = ~np.isin(values, (0.0, 1.0)) & np.isnan(sample.outcome)
    if wrong.any():
        raise InputError.of(
            "after",
            required=f"True or False where the outcome is missing ({after!r})",
            got=f"{int(wrong.sum())} rows where it is not",
            where=rows_where(frame, wrong),
        )
    return values == 1


def _reference(sample: TrialSample, reference: object) -> int:
    """Return the code of the reference arm."""
    if reference is None:
        return 0
    wanted = plain(reference)
    if wanted not in sample.arm_levels:
        raise InputError.of(
            "reference",
            required="one of the arms " + ", ".join(repr(level) for level in sample.arm_levels),
            got=repr(reference),
        )
    return sample.arm_levels.index(wanted)


def _refuse_shortage(sample: TrialSample, data: OutcomeData, names: list[str]) -> None:
    """Refuse models with more coefficients than the rows of an arm can bear."""
    columns = np.column_stack([data.incomplete, data.earlier, data.outcome])
    kinds = (*data.incomplete_levels, *data.earlier_levels, data.n_levels)
    short: list[str] = []
    chained = data.incomplete.shape[1] > 0 or data.has_gaps or data.n_levels > 0
    if chained:
        for column, arm, known, needed in shortages(
            columns, kinds, data.predictors.shape[1], data.arm
        ):
            label = sample.arm_levels[arm]
            short.append(f"{names[column]!r} in {label!r}: {known} rows, {needed} needed")
    if not data.n_levels:
        first = 1 + data.predictors.shape[1] + data.incomplete.shape[1]
        arms: list[int] = np.unique(data.arm[data.missing]).tolist()
        if data.leaves[data.missing].any():
            arms = sorted({*arms, data.reference})
        for arm in arms:
            for j in range(data.earlier.shape[1] + 1):
                known = int(((data.last > j) & (data.arm == arm)).sum())
                needed = first + j + _SPARE
                if known < needed:
                    name = names[int(data.incomplete.shape[1]) + j]
                    label = sample.arm_levels[arm]
                    short.append(f"{name!r} in {label!r}: {known} rows, {needed} needed")
    if short:
        raise InputError.of(
            "df",
            required="enough rows in every arm for the imputation models",
            got="fewer than the coefficients and three more",
            where=dict.fromkeys(short),
            remedy="Use fewer covariates.",
        )


def _scores(levels: tuple[object, ...]) -> tuple[float, ...]:
    """Return ordered levels as numbers; nothing if they are not numbers."""
    found = [
        float(level)
        for level in levels
        if isinstance(level, (int, float)) and not isinstance(level, bool)
    ]
    return tuple(found) if len(found) == len(levels) else ()
