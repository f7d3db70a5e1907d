"""The levels of survey answers: those on the scale, those beside it, and which side each is on."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np

from evalkit.core.checks import check_labels
from evalkit.errors import InputError
from evalkit.scales.cut_points import CutPoints, refuse_values
from evalkit.scales.survey_data import SurveyData
from evalkit.typing import IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Levels", "levels_of", "place_levels", "read_levels", "read_sides"]

LevelNames: TypeAlias = Sequence[object] | Mapping[Any, str]

_FEW = 8


@dataclass(frozen=True)
class Levels:
    """Levels of answers.

    Attributes
    ----------
    labels : tuple of str
        Levels on the scale, from the negative to the positive end.
    outside : tuple of str
        Levels beside the scale, such as "vet ej".
    positions : mapping
        By answer as it stands in the data (see :func:`answer_key`), the position of its level:
        those on the scale first, then those outside.
    cuts : CutPoints or None
        Cut points that merge numbers into the levels on the scale.
    arguments : str
        The caller's arguments that take more levels, for messages.
    """

    labels: tuple[str, ...]
    outside: tuple[str, ...]
    positions: Mapping[object, int]
    cuts: CutPoints | None = None
    arguments: str = "levels or outside"

    @property
    def all_labels(self) -> tuple[str, ...]:
        """The labels on the scale, then those outside."""
        return (*self.labels, *self.outside)


def answer_key(value: object) -> object:
    """Return what an answer is known by: numbers as floats, true and false apart from 1 and 0."""
    if isinstance(value, bool) or type(value) is np.bool_:
        return ("bool", str(value))
    return float(value) if isinstance(value, Real) else str(value)


def read_levels(argument: str, levels: object) -> dict[object, str]:
    """Return the labels of levels as the caller wrote them.

    Parameters
    ----------
    argument : str
        Name of the argument, for messages.
    levels : sequence or mapping
        The answers in order, or a mapping of them to labels.

    Returns
    -------
    dict
        Labels by answer, in order.

    Raises
    ------
    evalkit.errors.InputError
        If they are one text, or a set, which has no order, or an answer or label stands twice.
    """
    if isinstance(levels, Mapping):
        named = [(key, str(label)) for key, label in cast("Mapping[object, str]", levels).items()]
    elif isinstance(levels, (str, bytes, Set)) or not isinstance(levels, Iterable):
        raise InputError.of(
            argument, required="a sequence of answers, or a mapping of them to labels",
            got=repr(cast("object", levels)),
            remedy="A set has no order: put them in a list." if isinstance(levels, Set)
            else "Put it in a list.",
        )  # fmt: skip
    else:
        named = [(value, _label(value)) for value in cast("Iterable[object]", levels)]
    labels = check_labels(argument, [label for _, label in named], length=len(named))
    return dict(zip((answer_key(value) for value, _ in named), labels, strict=True))


def _label(value: object) -> str:
    """Write an answer as a label."""
    key = answer_key(value)
    return f"{key:g}" if isinstance(key, float) else str(value)


def levels_of(
    survey: SurveyData,
    columns: Sequence[str],
    levels: LevelNames | None,
    outside: LevelNames,
    cuts: CutPoints | None = None,
) -> Levels:
    """Find the levels of answers to several questions.

    Parameters
    ----------
    survey : SurveyData
        The answers.
    columns : sequence of str
        The questions.
    levels : sequence, mapping or None
        The levels on the scale in order; None if the data know them, from labels or from ordered
        categories.
    outside : sequence or mapping
        Levels beside the scale; also kinds of missing answers.
    cuts : CutPoints, optional
        Cut points that merge numbers into ``levels``, which are labels then.

    Returns
    -------
    Levels
        The levels.

    Raises
    ------
    evalkit.errors.InputError
        If nobody says in which order the answers stand, or the questions have different ones.
    """
    beside = read_levels("outside", outside)
    scale = _known_levels(survey, columns, beside) if levels is None else read_levels(
        "levels", levels
    )  # fmt: skip
    if len(scale) < 2:
        raise InputError.of("levels", required="at least two levels", got=f"{len(scale)}",
                            where=scale.values())  # fmt: skip
    labels, outer = tuple(scale.values()), tuple(beside.values())
    both = sorted({*labels} & {*outer}) or [key for key in beside if key in scale]
    if both:
        raise InputError.of("outside", required="other answers than those on the scale",
                            got="some that stand in both", where=both)  # fmt: skip
    positions = {key: i for i, key in enumerate([*scale, *beside])}
    # Where codes have labels, either may be named.
    for i, label in enumerate((*labels, *outer)):
        positions.setdefault(label, i)
    return Levels(labels if cuts is None else cuts.labelled(labels), outer, positions, cuts)


def _known_levels(
    survey: SurveyData, columns: Sequence[str], beside: Mapping[object, str]
) -> dict[object, str]:
    """Return the levels that the data themselves declare, the same for all questions."""
    declared: dict[str, dict[object, str]] = {}
    for column in columns:
        own = _declared(survey, column)
        gone = {*survey.kinds.get(column, {}), *beside.values()}
        declared[column] = {
            key: label for key, label in own.items() if label not in gone and key not in beside
        }
    first, *others = columns
    for other in others:
        if list(declared[other].items()) != list(declared[first].items()):
            raise InputError.of(
                "items", required="questions with the same answers", where=[first, other],
                got=f"{', '.join(declared[first].values())} and "
                f"{', '.join(declared[other].values())}",
                remedy="Make one table for each kind of answers, or pass levels=.",
            )  # fmt: skip
    return declared[first]


def _declared(survey: SurveyData, column: str) -> dict[object, str]:
    """Return the labels by answer that a column declares."""
    import pandas as pd

    if survey.labels.get(column):
        return {answer_key(code): str(text) for code, text in survey.labels[column].items()}
    series = survey.codes[column]
    if isinstance(series.dtype, pd.CategoricalDtype) and series.cat.ordered:
        return read_levels(column, series.cat.categories.tolist())
    found = [repr(value) for value in series.dropna().unique().tolist()[:_FEW]]
    raise InputError.of(
        "levels", required="given, since answers have no order of their own",
        got=f"{column} with {', '.join(found) or 'no answers'}",
        remedy="Name every level of the form, from the negative to the positive end: "
        "levels=[...], or levels={code: label, ...}.",
    )  # fmt: skip


def place_levels(survey: SurveyData, column: str, levels: Levels) -> IntArray:
    """Return the position of each answer's level.

    Parameters
    ----------
    survey : SurveyData
        The answers.
    column : str
        The question.
    levels : Levels
        The levels.

    Returns
    -------
    ndarray of int, shape (n,)
        The positions; -1 where there is no answer.

    Raises
    ------
    evalkit.errors.InputError
        If there is an answer that is no level.
    """
    import pandas as pd

    series: pd.Series[Any] = survey.codes[column]
    where, uniques = pd.factorize(series, use_na_sentinel=True)
    found = np.asarray(cast("Any", where), dtype=np.int64)
    answers: list[object] = list(cast("Iterable[object]", uniques))
    texts = {answer_key(k): str(text) for k, text in survey.labels.get(column, {}).items()}
    position = np.full(len(answers) + 1, -1, dtype=np.int64)
    strange: list[int] = []
    for i, answer in enumerate(answers):
        key = answer_key(answer)
        place = levels.positions.get(key)
        if levels.cuts is not None and isinstance(key, float):
            merged = int(levels.cuts.place(np.array([key]))[0])
            place = place if merged < 0 else merged
        elif place is None and key in texts:
            place = levels.positions.get(texts[key])
        if place is None:
            strange.append(i)
        else:
            position[i] = place
    if strange:
        raise _no_level(column, found, answers, strange, levels)
    codes = position[found]
    for kind, rows in survey.kinds.get(column, {}).items():
        for i, label in enumerate(levels.outside, start=len(levels.labels)):
            if label.casefold() == kind.casefold():
                codes = np.where(rows, i, codes)
    return codes


def _no_level(
    column: str, found: IntArray, answers: Sequence[object], strange: Sequence[int], levels: Levels
) -> InputError:
    """Word the error for answers that are no level."""
    numbers = [i for i in strange if isinstance(answer_key(answers[i]), float)]
    if levels.cuts is not None and numbers:
        values = np.array([float(cast("Any", answers[i])) for i in numbers])
        repeated = np.repeat(values, [int((found == i).sum()) for i in numbers])
        refuse_values(column, repeated, np.ones(len(repeated), dtype=np.bool_), levels.cuts)
    times = Counter({i: int((found == i).sum()) for i in strange}).most_common()
    total = sum(count for _, count in times)
    shown = ", ".join(f"{_quoted(answers[i])} x {count}" for i, count in times[:_FEW])
    more = f" and {len(times) - _FEW} others" if len(times) > _FEW else ""
    first = answers[times[0][0]]
    near = difflib.get_close_matches(str(first), levels.all_labels, n=1)
    hint = f" Did you mean {near[0]!r}?" if isinstance(first, str) and near else ""
    return InputError(
        f"{column}: {total} answer{'' if total == 1 else 's'} that "
        f"{'is' if total == 1 else 'are'} no level ({shown}{more}); the levels are "
        f"{', '.join(repr(label) for label in levels.all_labels)}.{hint} Add them to "
        f"{levels.arguments}, or declare them in missing_codes."
    )


def _quoted(value: object) -> str:
    """Show an answer: numbers bare, texts in quotes."""
    key = answer_key(value)
    return f"{key:g}" if isinstance(key, float) else repr(value)


def read_sides(
    levels: Levels,
    positive: Collection[object] | None,
    neutral: Collection[object] | None,
    negative: Collection[object] | None,
) -> tuple[int, ...] | None:
    """Say on which side each level of the scale is.

    Parameters
    ----------
    levels : Levels
        The levels.
    positive, neutral, negative : collection or None
        Levels on either side, by answer or label. What is left out follows if it can: with two of
        the three the rest is the third; ``neutral`` alone has the levels before it negative and
        those after it positive; ``positive`` alone has all others neutral or negative, which
        must be said.

    Returns
    -------
    tuple of int, or None
        -1, 0 or 1 by level; None if nothing is said.

    Raises
    ------
    evalkit.errors.InputError
        If a level is unknown, on two sides or on none, or the sides are not in order.
    """
    given = {"positive": positive, "neutral": neutral, "negative": negative}
    said = {name: _positions(levels, name, side) for name, side in given.items()
            if side is not None}  # fmt: skip
    if not said:
        return None
    size = len(levels.labels)
    every = set(range(size))
    if set(said) == {"neutral"}:
        if not said["neutral"]:
            raise InputError.of("positive", required="given where no level is neutral", got="None")
        low, high = min(said["neutral"]), max(said["neutral"])
        said["negative"] = {i for i in every if i < low}
        said["positive"] = {i for i in every if i > high}
    if len(said) == 1:
        (name,) = said
        raise InputError.of(
            "neutral", required=f"given beside {name}: what is left may be neutral or not",
            got="None", remedy="Pass neutral=[] if no level is neutral.",
        )  # fmt: skip
    if len(said) == 2:
        (third,) = set(given) - set(said)
        said[third] = every - set().union(*said.values())
    sides = [0] * size
    places = Counter(i for side in said.values() for i in side)
    wrong = [levels.labels[i] for i in range(size) if places[i] != 1]
    if wrong:
        raise InputError.of("positive, neutral, negative", required="each level on one side",
                            got="levels on none or on two", where=wrong)  # fmt: skip
    for name, value in (("negative", -1), ("neutral", 0), ("positive", 1)):
        for i in said[name]:
            sides[i] = value
    if sides != sorted(sides):
        raise InputError.of(
            "levels", required="from the negative to the positive end",
            got=", ".join(
                f"{label} ({side:+d})" for label, side in zip(levels.labels, sides, strict=True)
            ),
            remedy="Turn the order of levels around, or correct the sides.",
        )  # fmt: skip
    return tuple(sides)


def _positions(levels: Levels, argument: str, side: Collection[object]) -> set[int]:
    """Return the positions of levels that are named by answer or label."""
    named: list[object] = [side] if isinstance(side, (str, Real)) else list(side)
    found: set[int] = set()
    for value in named:
        place = levels.positions.get(answer_key(value))
        if place is None or place >= len(levels.labels):
            raise InputError.of(
                argument, required="levels of the scale", got=repr(value),
                remedy=f"Levels: {', '.join(levels.labels)}.",
            )  # fmt: skip
        found.add(place)
    return found
