"""Answers with their labels, where codes, labels and kinds of missing are kept apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from evalkit.core.columns import check_known
from evalkit.core.printing import html_table, text_block
from evalkit.errors import InputError
from evalkit.scales.answers import ItemColumn
from evalkit.scales.missing_codes import BLANK, MissingCodes, check_missing_codes
from evalkit.typing import BoolArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["NOT_ASKED", "SurveyData"]

NOT_ASKED = "not asked"
"""The kind of a missing answer to a question that was not put."""


@dataclass(frozen=True, eq=False, repr=False)
class SurveyData:
    """A survey: the codes, what they mean, and why answers are missing.

    Build one with :meth:`from_frame`, or read a file with :func:`evalkit.scales.read_survey`.

    Parameters
    ----------
    codes : pandas.DataFrame
        The answers as codes; every missing answer is empty here, whatever its kind.
    kinds : mapping of str to mapping of str to ndarray of bool
        By column and kind of missing ("vet ej", "ej aktuellt", "not asked", "not answered"),
        where it stands.
    labels : mapping of str to mapping
        By column, the labels of the answers' codes, in their order; also of those that nobody
        chose. A code that means missing is no answer, and has its label as its kind.
    questions : mapping of str to str
        By column, the label of the column.
    source : str
        Name of the file, if there was one.
    """

    codes: pd.DataFrame
    kinds: Mapping[str, Mapping[str, BoolArray]]
    labels: Mapping[str, Mapping[Any, str]] = field(default_factory=dict[str, Mapping[Any, str]])
    questions: Mapping[str, str] = field(default_factory=dict[str, str])
    source: str = ""

    @classmethod
    def from_frame(
        cls,
        df: pd.DataFrame,
        *,
        missing_codes: MissingCodes = (),
        columns: Sequence[str] | None = None,
        not_asked: Mapping[str, npt.ArrayLike] | None = None,
        labels: Mapping[str, Mapping[Any, str]] | None = None,
        questions: Mapping[str, str] | None = None,
    ) -> SurveyData:
        """Take the answers from a frame, with the kinds of missing apart.

        Parameters
        ----------
        df : pandas.DataFrame
            The answers; not changed.
        missing_codes : number, str, iterable of them, or mapping of them to str, default ()
            Codes that stand for missing answers; a mapping names the kinds, such as
            ``{98: "vet ej", 99: "ej aktuellt"}``.
        columns : sequence of str, optional
            Columns in which the codes count as missing; all by default. An age of 99 is none.
        not_asked : mapping of str to array_like of bool, optional
            By column, the rows to which the question was not put, because of an earlier answer.
        labels : mapping of str to mapping, optional
            By column, labels of the codes.
        questions : mapping of str to str, optional
            By column, its label.

        Returns
        -------
        SurveyData
            The survey.

        Raises
        ------
        evalkit.errors.InputError
            If a column is unknown, or a question that was not put has an answer.

        Examples
        --------
        >>> import pandas as pd
        >>> df = pd.DataFrame({"q1": [1, 2, 2], "q2": [4.0, 98.0, None]})
        >>> survey = SurveyData.from_frame(
        ...     df, missing_codes={98: "vet ej"}, not_asked={"q2": [False, False, True]}
        ... )
        >>> survey.missing_table().to_dict("records")
        [{'column': 'q2', 'kind': 'vet ej', 'n': 1}, {'column': 'q2', 'kind': 'not asked', 'n': 1}]
        """
        check_known(df, columns=columns, not_asked=list(not_asked or ()), labels=list(labels or ()))
        check_known(df, columns=list(df.columns))  # each is a text, and stands there once
        declared, _ = check_missing_codes(missing_codes)
        survey = cls(df.copy(), {}, dict(labels or {}), dict(questions or {}))
        for name in list(df.columns) if columns is None else columns:
            survey = survey.with_missing(str(name), declared)
        for name, rows in (not_asked or {}).items():
            survey = survey.with_not_asked(name, rows)
        return survey.with_blanks()

    def with_missing(self, column: str, declared: Mapping[float | str, str]) -> SurveyData:
        """Return the survey with codes of a column counted as missing.

        Parameters
        ----------
        column : str
            The column.
        declared : mapping of number or str to str
            Kinds of missing by code.

        Returns
        -------
        SurveyData
            A new survey.
        """
        import pandas as pd

        check_known(self.codes, column=column)
        series = self.codes[column]
        positions, levels = pd.factorize(series, use_na_sentinel=True)
        where = np.asarray(cast("Any", positions), dtype=np.int64)
        found: dict[str, BoolArray] = dict(self.kinds.get(column, {}))
        gone = np.zeros(len(where), dtype=np.bool_)
        for code, kind in declared.items():
            alike = [i for i, level in enumerate(levels) if _same(level, code)]
            if alike:
                here: BoolArray = np.isin(where, alike)
                found[kind] = found[kind] | here if kind in found else here
                gone |= here
        texts = dict(self.labels.get(column, {}))
        kept = {level: text for level, text in texts.items() if not _is_any(level, declared)}
        labels = self.labels if len(kept) == len(texts) else {**self.labels, column: kept}
        if not gone.any():
            return replace(self, labels=labels)
        return replace(
            self,
            codes=self.codes.assign(**{column: _emptied(series, gone)}),
            kinds={**self.kinds, column: found},
            labels=labels,
        )

    def with_not_asked(self, column: str, rows: npt.ArrayLike) -> SurveyData:
        """Return the survey with rows of a column marked as not asked.

        Parameters
        ----------
        column : str
            The column.
        rows : array_like of bool
            The rows to which the question was not put.

        Returns
        -------
        SurveyData
            A new survey.

        Raises
        ------
        evalkit.errors.InputError
            If the rows are not as many as the frame's, or one of them has an answer.
        """
        here = np.asarray(rows)
        if here.shape != (len(self.codes),) or here.dtype != np.bool_:
            raise InputError.of(
                "not_asked", required=f"{len(self.codes)} times True or False",
                got=f"{here.dtype} of shape {here.shape}", where=[column],
            )  # fmt: skip
        answered = here & self.codes[column].notna().to_numpy()
        if answered.any():
            raise InputError.of(
                "not_asked", required="rows without an answer",
                got=f"{int(answered.sum())} answers",
                where=(f"{column}, row {label!r}" for label in self.codes.index[answered]),
                remedy="Either the question was put, or the answer must be emptied.",
            )  # fmt: skip
        known = dict(self.kinds.get(column, {}))
        taken = np.zeros(len(here), dtype=np.bool_)
        for kind, where in known.items():
            if kind not in (BLANK, NOT_ASKED):
                taken |= where
        if BLANK in known:
            known[BLANK] = known[BLANK] & ~here
        earlier = known.get(NOT_ASKED, np.zeros(len(here), dtype=np.bool_))
        known[NOT_ASKED] = (here & ~taken) | earlier
        return replace(self, kinds={**self.kinds, column: known})

    def with_blanks(self) -> SurveyData:
        """Return the survey with what is empty for no stated reason marked as not answered.

        Returns
        -------
        SurveyData
            A new survey.
        """
        kinds: dict[str, dict[str, BoolArray]] = {}
        for name in self.codes.columns:
            known = dict(self.kinds.get(str(name), {}))
            blank: BoolArray = self.codes[name].isna().to_numpy()
            for kind, where in known.items():
                if kind != BLANK:
                    blank = blank & ~where
            if blank.any():
                known[BLANK] = blank
            if known:
                kinds[str(name)] = known
        return replace(self, kinds=kinds)

    def with_kinds(self, answers: ItemColumn) -> ItemColumn:
        """Return a column of answers with the kinds of missing that the survey knows.

        Parameters
        ----------
        answers : ItemColumn
            A column as read from ``codes``.

        Returns
        -------
        ItemColumn
            The column.
        """
        known = self.kinds.get(answers.column, {})
        declared = {kind: where for kind, where in answers.kinds.items() if kind != BLANK}
        return replace(answers, kinds={**known, **declared})

    def to_frame(self) -> pd.DataFrame:
        """Return the codes.

        Returns
        -------
        pandas.DataFrame
            A copy, in which every missing answer is empty.
        """
        return self.codes.copy()

    def labelled(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Return the answers as labels.

        Parameters
        ----------
        columns : sequence of str, optional
            The columns; those with labels by default.

        Returns
        -------
        pandas.DataFrame
            Ordered categories, also those that nobody chose, without those that mean missing.

        Raises
        ------
        evalkit.errors.InputError
            If a column has no labels, or a code without one.
        """
        import pandas as pd

        chosen = [name for name in self.codes.columns if name in self.labels]
        if columns is not None:
            check_known(self.codes, columns=columns)
            chosen = list(columns)
        frame: dict[str, Any] = {}
        for name in chosen:
            kept = dict(self.labels.get(name, {}))
            levels = cast("Iterable[object]", self.codes[name].dropna().unique().tolist())
            unknown = [level for level in levels if level not in kept]
            if unknown:
                raise InputError.of(
                    "columns", required="columns whose codes all have labels",
                    got=f"{name} with codes that have none", where=unknown,
                    remedy="Give their labels, or declare them missing.",
                )  # fmt: skip
            frame[name] = pd.Categorical(
                self.codes[name].map(kept), categories=list(dict.fromkeys(kept.values())),
                ordered=True,
            )  # fmt: skip
        return pd.DataFrame(frame, index=self.codes.index)

    def missing_table(self) -> pd.DataFrame:
        """Count the missing answers by column and kind.

        Returns
        -------
        pandas.DataFrame
            Columns ``column, kind, n``; kinds that do not occur are left out.
        """
        import pandas as pd

        rows = [
            (column, kind, int(where.sum()))
            for column, kinds in self.kinds.items()
            for kind, where in kinds.items()
            if where.any()
        ]
        return pd.DataFrame.from_records(rows, columns=["column", "kind", "n"])

    def __len__(self) -> int:
        """Return the number of respondents."""
        return len(self.codes)

    def _head(self) -> list[str]:
        """Say how large the survey is."""
        source = f" from {self.source}" if self.source else ""
        size = f"{len(self.codes)} respondents, {len(self.codes.columns)} columns"
        labels = f"{len(self.labels)} with labels"
        missing = any(where.any() for kinds in self.kinds.values() for where in kinds.values())
        below = "Missing answers by kind:" if missing else "No answer is missing."
        return [f"Survey{source}: {size}, {labels}", below]

    def __repr__(self) -> str:
        """Show the kinds of missing in at most fifteen lines."""
        return text_block(self._head(), self.missing_table(), ())

    def _repr_html_(self) -> str:
        """Show the kinds of missing in a notebook."""
        return html_table(self._head(), self.missing_table(), ())


def _same(value: object, code: float | str) -> bool:
    """Say whether a value is a declared code: numbers as numbers, labels as labels."""
    if isinstance(value, str) or isinstance(code, str):
        return isinstance(value, str) and isinstance(code, str) and value == code
    return not isinstance(value, (bool, np.bool_)) and bool(value == code)


def _is_any(value: object, codes: Iterable[float | str]) -> bool:
    """Say whether a value is one of some declared codes."""
    return any(_same(value, code) for code in codes)


def _emptied(series: pd.Series[Any], gone: BoolArray) -> pd.Series[Any]:
    """Return a column with values emptied; numbers stay numbers."""
    import pandas as pd

    emptied = series.mask(pd.Series(gone, index=series.index))
    if emptied.dtype == object and pd.api.types.infer_dtype(emptied, skipna=True) in {
        "integer", "floating", "mixed-integer-float",
    }:  # fmt: skip
        return pd.to_numeric(emptied)
    return emptied
