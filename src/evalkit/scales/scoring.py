"""Scores of instruments and scales, as their definitions say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

import numpy as np

from evalkit.core.checks import check_choice
from evalkit.errors import InputError
from evalkit.kernels import scale_scores
from evalkit.scales.answers import ItemColumn, ItemNames, columns_of_items, outside_range, read_item
from evalkit.scales.catalogue import instrument
from evalkit.scales.definition import Scale
from evalkit.scales.missing_codes import BLANK, MissingCodes, check_codes_apart, check_missing_codes
from evalkit.scales.reversal import already_reversed
from evalkit.scales.scores_result import PartScores, Scores
from evalkit.scales.subscale import Subscale
from evalkit.scales.survey_data import SurveyData
from evalkit.scales.suspicion import rows_to_look_at, warn_of_reversals
from evalkit.scales.value_sets import ValueSet
from evalkit.typing import BoolArray, FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["score"]


def score(
    df: pd.DataFrame | SurveyData,
    scale: Scale | str,
    *,
    items: ItemNames | None = None,
    missing_codes: MissingCodes = (),
    mapping: Mapping[object, float] | None = None,
    subscales: Sequence[str] | None = None,
    value_set: str | ValueSet | None = None,
) -> Scores:
    r"""Score a questionnaire.

    What does each respondent score, on how many answers does that rest, and why do some have no
    score? The frame is not changed, no value is clipped, and nothing is guessed: a value that is
    no answer is an error until it is declared missing.

    Parameters
    ----------
    df : pandas.DataFrame or SurveyData
        One row for each respondent.
    scale : Scale or str
        The definition, or the name of an instrument; see :func:`evalkit.scales.instruments`.
    items : sequence of str, or mapping of str to str, optional
        The columns, in the order of the form or by item; by default those named as the items.
    missing_codes : number, iterable of numbers, or mapping of number to str, default ()
        Codes that stand for missing answers. A mapping such as ``{98: "vet ej", 99: "ej
        aktuellt"}`` keeps the kinds apart in the column ``missing_kinds``. Labels may be given
        too, where columns hold labels.
    mapping : mapping of label to number, optional
        Codes of the labels, where columns hold labels; NaN for a label that means missing. There is
        no default: labels have no order. Numbers are their own codes, unless the mapping has
        numbers, or true and false, for labels.
    subscales : sequence of str, optional
        The scores that are wanted; only their items need columns.
    value_set : str or ValueSet, optional
        The value set of EQ-5D, which the caller always names; see
        :func:`evalkit.scales.eq5d_value_sets`.

    Returns
    -------
    Scores
        ``to_frame()`` has ``score, n_answered, reason_missing, rescued`` in the rows' order, with
        ``scale`` before if there are several.

    Raises
    ------
    evalkit.errors.InputError
        If a value is outside the declared range or not whole, labels come without a mapping, a
        code declared missing is a possible answer, an item that is to be reversed has been
        reversed by :func:`evalkit.scales.reverse_items`, or a value set is needed and not named.

    Warns
    -----
    ScaleWarning
        If an item runs clearly against the sum of the others: perhaps reversed twice, or never.

    Notes
    -----
    With points :math:`p_j` (codes, reversed as lowest + highest - code, or recoded), k items, and
    A the items answered, a mean is :math:`\sum_{j \in A} p_j / |A|` and a sum is k times that,
    times the multiplier of the scale. There is a score if A is at least as large as the missing
    rule asks; where A is smaller than k, the score counts as rescued.

    In R, ``psych::scoreItems(keys, items, totals = TRUE, impute = "none", min = 1, max = 5)``
    gives the same scores where at least one item is answered; it has no missing rule.

    References
    ----------
    .. [1] Hays RD, Sherbourne CD, Mazel RM (1993). The RAND 36-Item Health Survey 1.0.
       Health Econ 2:217-227. doi:10.1002/hec.4730020305

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"a": [5, 3, 99], "b": [4, 2, 3], "c": [5, 3, 0]})
    >>> short = Scale("Short", items=["a", "b", "c"], range=(0, 5), formula="mean", min_answered=2)
    >>> scores = score(df, short, missing_codes=99)
    >>> scores.to_frame()["score"].round(3).tolist()
    [4.667, 2.667, 1.5]
    >>> scores.n_rescued
    {'Short': 1}

    Energy of RAND-36 with one of four items missing:

    >>> row = pd.DataFrame({"q23": [4], "q27": [3], "q29": [3], "q31": [None]})
    >>> float(score(row, "RAND-36", subscales=["energy"]).score.iloc[0].round(1))
    46.7
    """
    import pandas as pd

    definition = instrument(scale) if isinstance(scale, str) else scale
    if not isinstance(cast("object", definition), Scale):
        raise InputError.of(
            "scale", required="a Scale or the name of an instrument", got=repr(scale)
        )
    survey = df if isinstance(df, SurveyData) else None
    frame = df.codes if isinstance(df, SurveyData) else df
    if not isinstance(cast("object", frame), pd.DataFrame):
        raise InputError.of("df", required="a pandas DataFrame", got=type(df).__name__)
    parts = _chosen_parts(definition, subscales)
    values = _chosen_value_set(definition, parts, value_set)
    wanted = [item for item in definition.items if any(item in part.items for part in parts)]
    columns = columns_of_items(frame, definition, items, wanted)
    _check_not_reversed(frame, definition, columns)
    kinds, named = check_missing_codes(missing_codes)
    check_codes_apart(kinds, {columns[item]: definition.limits(item) for item in columns})
    read: dict[str, ItemColumn] = {}
    for item, column in columns.items():
        answers = read_item(frame, column, kinds, mapping)
        read[item] = answers if survey is None else survey.with_kinds(answers)
    coded = _coded(definition, read)
    unnamed = {BLANK, *kinds.values()}
    named |= survey is not None
    named |= any(not unnamed.issuperset(answers.kinds) for answers in read.values())
    result: dict[str, PartScores] = {}
    for part in parts:
        scored = _score_part(definition, part, coded, values)
        words = _kinds_in_words(part, read, len(frame)) if named else None
        result[part.name] = PartScores(scored.score, scored.n_answered, scored.rescued, words)
    notes = _notes(kinds, read)
    added = {part.name: part.items for part in parts if part.formula in ("sum", "mean")}
    notes += warn_of_reversals(_points(definition, coded, added, len(frame)), added)
    return Scores(
        definition, frame.index, result, columns, "" if values is None else values.name,
        tuple(notes),
    )  # fmt: skip


def _chosen_parts(scale: Scale, subscales: Sequence[str] | None) -> tuple[Subscale, ...]:
    """Return the scores that are wanted, in the order asked for."""
    if subscales is None:
        return scale.parts
    names = [subscales] if isinstance(subscales, str) else list(subscales)
    if not names:
        raise InputError.of("subscales", required="None or at least one name", got="none")
    return tuple(scale.part(name) for name in dict.fromkeys(names))


def _chosen_value_set(
    scale: Scale, parts: Sequence[Subscale], value_set: str | ValueSet | None
) -> ValueSet | None:
    """Return the value set that the caller names; there is no default."""
    if all(part.formula != "value set" for part in parts):
        if value_set is not None:
            raise InputError.of(
                "value_set", required=f"None: {scale.name} has no value sets", got=repr(value_set)
            )
        return None
    known = [values.name for values in scale.value_sets]
    if value_set is None:
        raise InputError.of(
            "value_set", required="named: an index has no default value set", got="None",
            remedy=f"Those of {scale.name}: {', '.join(map(repr, known))}."
            if known
            else "Give a ValueSet.",
        )  # fmt: skip
    if isinstance(value_set, ValueSet):
        for part in parts:
            value_set.check_fits(part.items, [scale.limits(item) for item in part.items])
        return value_set
    check_choice("value_set", value_set, known or ["a ValueSet"])
    return next(values for values in scale.value_sets if values.name == value_set)


def _check_not_reversed(df: pd.DataFrame, scale: Scale, columns: Mapping[str, str]) -> None:
    """Refuse to reverse what reverse_items has reversed."""
    done = already_reversed(df)
    twice = [
        column
        for item, column in columns.items()
        if column in done and (item in scale.reversed or item in scale.recode)
    ]
    if twice:
        raise InputError.of(
            "items", required="not reversed yet: the scale reverses them itself",
            got="columns that reverse_items has reversed", where=twice,
            remedy="Score the original frame, or take a Scale that does not reverse them.",
        )  # fmt: skip


def _coded(scale: Scale, read: Mapping[str, ItemColumn]) -> dict[str, np.ndarray]:
    """Return the coded answers of each item; their points, if answers may be fractions."""
    coded: dict[str, np.ndarray] = {}
    refused: dict[str, tuple[ItemColumn, BoolArray]] = {}
    for item, answers in read.items():
        low, high = scale.limits(item)
        if scale.fractions:
            values = answers.values.astype(np.float64)
            if answers.missing is not None:
                values = np.where(answers.missing, np.nan, values)
            wrong = (values < low) | (values > high)
            if wrong.any():
                refused[item] = (answers, wrong)
            turned = item in scale.reversed
            coded[item] = scale_scores.reverse(values, low, high) if turned else values
        else:
            result = scale_scores.code_answers(answers.values, int(low), int(high), answers.missing)
            if result.refused is not None:
                refused[item] = (answers, result.refused)
            coded[item] = result.codes
    if refused:
        raise outside_range(refused, {item: scale.limits(item) for item in read})
    return coded


def _score_part(
    scale: Scale,
    part: Subscale,
    coded: Mapping[str, np.ndarray],
    values: ValueSet | None,
) -> scale_scores.ScaleScores:
    """Compute one score."""
    chosen = [coded[item] for item in part.items]
    if part.formula == "value set" and values is not None:
        return scale_scores.value_index(chosen, values.start, values.table, values.worst)
    if part.formula == "s-UMS":  # two questions, six of which four, and one with grades
        return scale_scores.yes_no_algorithm(chosen[:2], chosen[2:-1], chosen[-1], 4)
    mean = part.formula == "mean"
    if scale.fractions:
        return scale_scores.add_up_values(
            chosen, mean=mean, multiplier=part.multiplier, min_answered=part.needed
        )
    tables = [scale_scores.points_table(list(scale.points(item).values())) for item in part.items]
    return scale_scores.add_up(
        chosen, tables, mean=mean, multiplier=part.multiplier, min_answered=part.needed
    )


def _points(
    scale: Scale,
    coded: Mapping[str, np.ndarray],
    parts: Mapping[str, Sequence[str]],
    n: int,
) -> dict[str, FloatArray]:
    """Return the points of some rows, to look for items that run against the others."""
    rows = rows_to_look_at(n)
    points: dict[str, FloatArray] = {}
    for item in {item: None for items in parts.values() for item in items}:
        if scale.fractions:
            points[item] = coded[item][rows]
        else:
            table = scale_scores.points_table(list(scale.points(item).values()))
            points[item] = table[coded[item][rows]]
    return points


def _kinds_in_words(part: Subscale, read: Mapping[str, ItemColumn], n: int) -> np.ndarray:
    """Say for each row which kinds of missing it has, and how many of each; the blank last."""
    items = [read[item].kinds for item in part.items]
    names = dict.fromkeys(kind for kinds in items for kind in kinds)
    ordered = sorted(names, key=lambda kind: kind == BLANK)
    times = len(items) + 1
    patterns: list[tuple[int, ...]] = [()]  # the numbers of each kind that occur together
    which = np.zeros(n, dtype=np.int64)
    for kind in ordered:
        which *= times
        for kinds in items:
            if kind in kinds:
                which += kinds[kind]
        present = np.bincount(which, minlength=len(patterns) * times) > 0
        found = np.flatnonzero(present).tolist()
        patterns = [(*patterns[code // times], code % times) for code in found]
        which = (np.cumsum(present) - 1)[which]
    words = np.empty(len(patterns), dtype=object)
    for place, pattern in enumerate(patterns):
        there = zip(ordered, pattern, strict=True)
        words[place] = ", ".join(f"{kind}: {number}" for kind, number in there if number)
    return words[which]


def _notes(kinds: Mapping[float | str, str], read: Mapping[str, ItemColumn]) -> list[str]:
    """Say which declared codes never occur: often a sign that another code was used."""
    found = {code for answers in read.values() for code in answers.found}
    never = [code for code in kinds if code not in found]
    if not never or not read:
        return []
    shown = ", ".join(code if isinstance(code, str) else f"{code:g}" for code in never)
    return [f"Declared as missing but never there: {shown}."]
