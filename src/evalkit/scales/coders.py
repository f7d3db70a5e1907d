"""Agreement of two or more people who have coded the same comments, and where they differ."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core.checks import check_choice, check_level
from evalkit.core.columns import check_known
from evalkit.core.printing import html_table, sample_line, text_block
from evalkit.core.results import EffectTable
from evalkit.errors import InputError
from evalkit.kernels.kappa import (
    Kappa,
    NearMisses,
    agreement_weights,
    cohen_kappa,
    fleiss_kappa,
)
from evalkit.scales.coded_comments import CodedComments, check_codes, read_codes
from evalkit.typing import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CoderAgreement", "coder_agreement"]

_ALL = "all"


@dataclass(frozen=True, eq=False, repr=False)
class CoderAgreement:
    """How far coders agree.

    Attributes
    ----------
    table : EffectTable
        Keys ``coders, code``; terms ``observed_agreement`` and ``cohen_kappa`` for each pair of
        coders, ``observed_agreement`` and ``fleiss_kappa`` for all of them.
    disagreements : pandas.DataFrame
        Comments on which coders differ: ``comment``, the codes by each coder, and ``versions``,
        how many different ones there are.
    coders : tuple of str
        The coders.
    """

    table: EffectTable
    disagreements: pd.DataFrame
    coders: tuple[str, ...]

    @property
    def kappa(self) -> float:
        """Kappa of all codes together: Cohen's of two coders, Fleiss's of more.

        Where comments have several codes there is none, and NaN.
        """
        term = "cohen_kappa" if len(self.coders) == 2 else "fleiss_kappa"
        data = self.table.data
        found = data.loc[(data["term"] == term) & (data["code"] == ""), "estimate"]
        return float(found.iloc[0]) if len(found) else float("nan")

    def to_frame(self) -> pd.DataFrame:
        """Return the numbers.

        Returns
        -------
        pandas.DataFrame
            Columns ``coders, code`` and those of an effect table. Rows with an empty ``code`` are
            about all codes together, the others about one code against all others.
        """
        return self.table.to_frame()

    def _head(self) -> list[str]:
        """Say who coded how much."""
        differing = f"{len(self.disagreements)} with disagreement (.disagreements)"
        return [
            f"Agreement of {len(self.coders)} coders on comments, {differing}",
            sample_line(self.table.n_used, self.table.n_dropped),
            f"{self.table.method}; {100 * self.table.level:g} % intervals",
        ]

    def __repr__(self) -> str:
        """Show the agreement in at most fifteen lines."""
        data = self.table.data
        whole = (data["code"] == "").to_numpy()
        kappas = (data["term"] != "observed_agreement").to_numpy()
        together = whole & kappas
        shown = data[whole if together.any() else whole | kappas]
        return text_block(self._head(), shown, self.table.notes)

    def _repr_html_(self) -> str:
        """Show the agreement in a notebook."""
        return html_table(self._head(), self.table.data, self.table.notes)


def coder_agreement(
    df: pd.DataFrame,
    *,
    coders: Sequence[str],
    codes: Collection[object] | None = None,
    id: str | None = None,  # noqa: A002 (the word that users know)
    separator: str | None = None,
    near: NearMisses = "none",
    level: float = 0.95,
) -> CoderAgreement:
    r"""Estimate how far two or more people agree who have coded the same comments.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each comment. It is not changed.
    coders : sequence of str
        Two or more columns with the codes that each coder gave: one code, or a list of several.
        An empty list says that no code fits; a missing value that this coder has not coded it.
    codes : collection, optional
        All codes in their order; those that occur, sorted, if left out.
    id : str, optional
        Column that names the comments in the list of disagreements; the index if left out.
    separator : str, optional
        What stands between the codes of a text, as ";" in "positive;negative".
    near : {"none", "linear", "quadratic"}
        For pairs of coders, how much neighbouring codes agree; `codes` then gives their order.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    CoderAgreement
        Cohen's kappa of each pair of coders, Fleiss's of all of them if they are three or more,
        for all codes together and for each code against the others, and the ``disagreements``.

    Raises
    ------
    evalkit.errors.InputError
        If there are fewer than two coders, a code is not among `codes`, no comment was coded by
        two of them, or near misses count among comments with several codes or codes without order.

    Notes
    -----
    Cohen's kappa [1]_ compares with what two coders would agree on by chance given how often each
    uses the codes, Fleiss's [2]_ given how often all use them together. Each pair is compared on
    the comments that both coded; Fleiss's kappa takes all that two or more coded. Where comments
    may have several codes, agreement is on whether each single code is there or not, and nothing
    is said for all codes together but the share of comments with exactly the same codes.

    In R: ``psych::cohen.kappa``, ``irr::kappam.fleiss``.

    References
    ----------
    .. [1] Cohen J (1960). A coefficient of agreement for nominal scales. Educ Psychol Meas
       20:37-46. doi:10.1177/001316446002000104
    .. [2] Fleiss JL (1971). Measuring nominal scale agreement among many raters. Psychol Bull
       76:378-382. doi:10.1037/h0031619

    Examples
    --------
    >>> import pandas as pd
    >>> comments = pd.DataFrame({
    ...     "first": ["positive", "positive", "negative", "neutral", "negative"],
    ...     "second": ["positive", "neutral", "negative", "neutral", "negative"],
    ... })
    >>> found = coder_agreement(comments, coders=["first", "second"])
    >>> round(found.kappa, 3)
    0.706
    >>> found.disagreements.to_dict("records")
    [{'comment': 1, 'first': 'positive', 'second': 'neutral', 'versions': 2}]
    """
    level = check_level(level)
    check_choice("near", near, ("none", "linear", "quadratic"))
    check_known(df, coders=coders, id=id)
    names = tuple(coders) if not isinstance(coders, str) else ()
    if len(names) < 2 or len({*names}) < len(names):
        raise InputError.of("coders", required="two or more columns, once each", got=repr(coders))
    allowed = check_codes(codes)
    read = read_codes(df, names, codes=allowed, separator=separator, argument="coders")
    known = np.column_stack([one.known for one in read])
    rated = known.sum(axis=1) >= 2
    if not rated.any():
        raise InputError.of("coders", required="comments that two of them have coded", got="none")
    single = not any((one.several | one.none).any() for one in read)
    if near != "none" and not (single and allowed):
        raise InputError.of(
            "near", required="'none', unless each comment has one code and codes= gives an order",
            got=repr(near),
        )  # fmt: skip
    rows = _pair_rows(read, names, single, near, level)
    if len(names) > 2:
        rows += _all_rows(read, rated, single, level)
    notes = [] if single else ["Comments may have several codes: each code has its own kappa."]
    if any(row["estimate"] != row["estimate"] for row in rows):
        notes.append("Kappa is undefined where nobody, or everybody, was given the code.")
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    table = EffectTable.of(
        columns,
        estimand="Agreement on the codes of comments",
        method="Cohen's kappa, large samples" + ("; Fleiss's, jackknife" if len(names) > 2 else ""),
        level=level,
        n_used=int(rated.sum()),
        n_dropped={} if rated.all() else {"coded by fewer than two": int((~rated).sum())},
        notes=notes,
    )
    return CoderAgreement(table, _disagreements(df, read, names, id), names)


def _row(
    coders: str, code: object, term: str, found: Kappa, *, share: bool = False
) -> dict[str, object]:
    """Lay out one row: kappa, or the share that agrees."""
    nan = float("nan")
    return {
        "coders": coders, "code": code, "term": term,
        "estimate": found.observed if share else found.estimate,
        "std_error": nan if share else found.std_error,
        "conf_low": nan if share else found.low, "conf_high": nan if share else found.high,
        "n": found.n,
    }  # fmt: skip


def _rows(coders: str, code: object, term: str, found: Kappa) -> list[dict[str, object]]:
    """Lay out the share that agrees, and kappa."""
    return [_row(coders, code, "observed_agreement", found, share=True),
            _row(coders, code, term, found)]  # fmt: skip


def _pair_rows(
    read: Sequence[CodedComments],
    names: Sequence[str],
    single: bool,
    near: NearMisses,
    level: float,
) -> list[dict[str, object]]:
    """Lay out every pair of coders."""
    rows: list[dict[str, object]] = []
    k = len(read[0].codes)
    for i, j in combinations(range(len(names)), 2):
        both = read[i].known & read[j].known
        if not both.any():
            continue
        called = f"{names[i]} - {names[j]}"
        first, second = read[i].member[both], read[j].member[both]
        if single:
            table = _crossed(first.argmax(axis=1), second.argmax(axis=1), k)
            found = cohen_kappa(table, agreement_weights(k, near), level)
            rows += _rows(called, "", "cohen_kappa", found)
        else:
            alike = float((first == second).all(axis=1).mean())
            nan = float("nan")
            same = Kappa(alike, nan, nan, nan, nan, nan, int(both.sum()))
            rows.append(_row(called, "", "observed_agreement", same, share=True))
        for place, code in enumerate(read[0].codes):
            table = _crossed(first[:, place].astype(np.int64), second[:, place].astype(np.int64), 2)
            found = cohen_kappa(table, agreement_weights(2), level)
            rows += _rows(called, code, "cohen_kappa", found)
    return rows


def _crossed(first: IntArray, second: IntArray, k: int) -> FloatArray:
    """Count the comments with each pair of codes."""
    return np.bincount(first * k + second, minlength=k * k).reshape(k, k).astype(np.float64)


def _all_rows(
    read: Sequence[CodedComments], rated: BoolArray, single: bool, level: float
) -> list[dict[str, object]]:
    """Lay out all coders together."""
    member = np.stack([one.member for one in read]).sum(axis=0)[rated].astype(np.float64)
    coders = np.stack([one.known for one in read]).sum(axis=0)[rated].astype(np.float64)
    rows = _rows(_ALL, "", "fleiss_kappa", fleiss_kappa(member, level)) if single else []
    for place, code in enumerate(read[0].codes):
        counts = np.column_stack([coders - member[:, place], member[:, place]])
        rows += _rows(_ALL, code, "fleiss_kappa", fleiss_kappa(counts, level))
    return rows


def _disagreements(
    df: pd.DataFrame, read: Sequence[CodedComments], names: Sequence[str], person: str | None
) -> pd.DataFrame:
    """List the comments on which coders differ, with everybody's codes as text."""
    import pandas as pd

    comments = (df.index if person is None else df[person]).tolist()
    codes = read[0].codes
    rows: list[dict[str, object]] = []
    for row, comment in enumerate(comments):
        given = [tuple(one.member[row].tolist()) if one.known[row] else None for one in read]
        versions = {one for one in given if one is not None}
        if len(versions) > 1:
            texts = [
                None if one is None else "; ".join(
                    str(code) for code, there in zip(codes, one, strict=True) if there
                )
                for one in given
            ]  # fmt: skip
            rows.append(
                {"comment": comment, **dict(zip(names, texts, strict=True)),
                 "versions": len(versions)}
            )  # fmt: skip
    return pd.DataFrame(rows, columns=["comment", *names, "versions"])
