"""Who was randomised: background by arm, and how far apart the arms are in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, isnan, log10
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from evalkit.core.checks import check_choice
from evalkit.core.columns import check_known, labels, numbers, refuse_rows
from evalkit.core.printing import cell_text, html_table, text_block
from evalkit.errors import InputError
from evalkit.kernels.baseline_differences import category_distance, standardised_difference, welch
from evalkit.kernels.rounding import percent_half_up
from evalkit.trials.flow_counting import FlowCounter
from evalkit.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Baseline", "baseline_table"]

Kind: TypeAlias = Literal["mean", "median", "share"]
"""How a variable is summed up: mean and SD, median and quartiles, or the share of each level."""

_KINDS: tuple[Kind, ...] = ("mean", "median", "share")
_FEW = 2  # whole numbers with at most so many values are levels
_ALL = "all"
_NOTE = (
    "SMD: standardised mean difference, arm minus control; of several levels the distance of "
    "Yang and Dalton, which has no sign."
)
_TESTED = (
    "The p-values say how often chance alone gives as large a difference; after randomisation it "
    "is always chance. CONSORT 2025 asks to leave them out."
)
_NUMBERS = frozenset({"integer", "floating", "mixed-integer-float", "decimal"})


@dataclass(frozen=True, eq=False, repr=False)
class Baseline:
    """Background by arm.

    Parameters
    ----------
    data : pandas.DataFrame
        One row for each variable, level and arm, and for ``all``: ``variable, level, kind, arm,
        n, n_missing, mean, sd, median, q1, q3, count, share``.
    differences : pandas.DataFrame
        One row for each variable and other arm: ``variable, contrast, smd``, and ``p_value`` if
        tests were asked for.
    arms : tuple of str
        The arms, the control arm last.
    n_randomised : mapping of str to int
        Persons by arm.
    """

    data: pd.DataFrame
    differences: pd.DataFrame
    arms: tuple[str, ...]
    n_randomised: Mapping[str, int]

    def to_frame(self) -> pd.DataFrame:
        """Return the numbers.

        Returns
        -------
        pandas.DataFrame
            ``variable, level, kind, arm, n, n_missing, mean, sd, median, q1, q3, count, share``:
            of numbers the first level is empty and count and share are missing; of levels the
            mean and the like are. ``share`` is of those whose value is known.
        """
        return self.data.copy()

    def smd(self) -> pd.DataFrame:
        """Return the standardised mean differences.

        Returns
        -------
        pandas.DataFrame
            ``variable, contrast, smd`` (and ``p_value`` if asked for), one row for each variable
            and arm other than the control arm.
        """
        return self.differences.copy()

    def side_by_side(self) -> pd.DataFrame:
        """Return the table as it is printed: texts, a column for each arm.

        Returns
        -------
        pandas.DataFrame
            ``variable``, a column for each arm and ``all``, each with its number of persons in
            the name, and ``SMD`` (several arms: one for each contrast), with ``p`` if tests were
            asked for.
        """
        import pandas as pd

        rows: list[dict[str, str]] = []
        for name, part in self.data.groupby("variable", sort=False):
            of_name = self.differences[self.differences["variable"] == name]
            beside = self._beside(of_name)
            decimals = _decimals(part["sd"].tolist())
            kind = str(part["kind"].iloc[0])
            if kind == "share":
                rows.append({"variable": f"{name}, n (%)", **beside})
            for level, cells in part.groupby("level", sort=False):
                label = f"  {level}" if kind == "share" else f"{name}, {_SUMMARY[kind]}"
                texts = {
                    self._column(str(cell["arm"])): _cell(kind, cell, decimals)
                    for cell in cells.to_dict("records")
                }
                rows.append({"variable": label, **texts, **({} if kind == "share" else beside)})
            missing = part.drop_duplicates("arm").set_index("arm")["n_missing"]
            if missing.any():
                lost = {self._column(str(arm)): str(n) for arm, n in missing.items()}
                rows.append({"variable": "  not known", **lost})
        columns = [self._column(arm) for arm in (*self.arms, _ALL)]
        heads = self._beside(self.differences)
        frame = pd.DataFrame(rows, columns=["variable", *columns, *heads])
        return frame.fillna("")

    def __repr__(self) -> str:
        """Show the first rows of the table in plain text."""
        return text_block(["Baseline by arm"], self.side_by_side(), self._notes())

    def _repr_html_(self) -> str:
        """Show the table in a notebook."""
        return html_table(["Baseline by arm"], self.side_by_side(), self._notes())

    def _notes(self) -> list[str]:
        """Say what the differences are."""
        return [_NOTE, *([_TESTED] if "p_value" in self.differences else [])]

    def _column(self, arm: str) -> str:
        """Head the column of an arm, or of all, with its number of persons."""
        n = sum(self.n_randomised.values()) if arm == _ALL else self.n_randomised[arm]
        return f"{arm} (n={n})"

    def _beside(self, differences: pd.DataFrame) -> dict[str, str]:
        """Write the differences of contrasts, and their tests, by the name of their column."""
        texts: dict[str, str] = {}
        for row in differences.to_dict("records"):
            of = "" if len(self.arms) == 2 else f" {row['contrast']}"
            smd = float(row["smd"])
            texts[f"SMD{of}"] = "" if isnan(smd) else f"{round(smd, 2) + 0.0:.2f}"  # no minus zero
            if "p_value" in row:
                texts[f"p{of}"] = cell_text("p_value", float(row["p_value"]))
        return texts


_SUMMARY = {"mean": "mean (SD)", "median": "median [quartiles]"}


def _decimals(spreads: Sequence[float]) -> int:
    """Return the decimals that show two digits of the smallest standard deviation, one at least."""
    known = [spread for spread in spreads if spread > 0]
    return min(max(1, 1 + ceil(-log10(min(known)))), 6) if known else 1


def _cell(kind: str, cell: Mapping[Any, Any], decimals: int) -> str:
    """Write one cell of the printed table."""
    if not cell["n"]:
        return "-"
    if kind == "share":
        count = int(cell["count"])
        return f"{count} ({percent_half_up(count, int(cell['n']))})"
    if kind == "mean":
        spread = "-" if isnan(cell["sd"]) else f"{cell['sd']:.{decimals}f}"
        mean = round(cell["mean"], decimals) + 0.0  # no minus zero
        return f"{mean:.{decimals}f} ({spread})"
    return f"{cell['median']:.10g} [{cell['q1']:.10g}-{cell['q3']:.10g}]"


def baseline_table(
    df: pd.DataFrame,
    *,
    arm: str,
    control: object,
    variables: Sequence[str],
    kinds: Mapping[str, Kind] | None = None,
    tests: bool = False,
) -> Baseline:
    """Describe who was randomised, by arm.

    Answers: who are the people in this trial, and did the randomisation make the arms alike?

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person randomised. It is not changed.
    arm : str
        Column with the arm as randomised.
    control : object
        Label of the control arm.
    variables : sequence of str
        Columns measured before the randomisation, in the order to show them.
    kinds : mapping of str to {"mean", "median", "share"}, optional
        How to sum a variable up. Numbers with more than two values get "mean", all others
        "share"; levels keep the order of their categories, and those that nobody has are left
        out.
    tests : bool, default False
        Add p-values of differences: Welch's t test of means (for "median" too), Pearson's
        chi-squared test of levels. They test whether the randomisation was carried out, not
        whether the arms are alike enough; CONSORT 2025 asks to leave them out.

    Returns
    -------
    Baseline
        Numbers by arm (``to_frame()``), standardised differences (``smd()``) and both as a table
        of texts (``side_by_side()``).

    Raises
    ------
    evalkit.errors.InputError
        If a column does not exist, an arm is missing somewhere, ``control`` is no arm or there is
        no other, a variable is missing for all, infinite or stands twice, or a kind does not fit.

    Notes
    -----
    With means :math:`m`, standard deviations :math:`s` (divisor n - 1) and shares :math:`p`, the
    standardised mean difference [1]_ is :math:`(m_1 - m_0) / \\sqrt{(s_1^2 + s_0^2) / 2}` for
    numbers, and :math:`(p_1 - p_0) / \\sqrt{(p_1(1 - p_1) + p_0(1 - p_0)) / 2}` for a variable
    with two levels, of the second level. For more levels it is the Mahalanobis distance of the
    shares [2]_, which has no sign. It is infinite where neither arm varies and they differ.

    The difference does not depend on the number of persons, but how far chance takes it does: in
    arms drawn from the same people, :math:`\\mathrm{SMD}^2 / (1/n_1 + 1/n_0)` is about
    chi-squared, with one degree of freedom for numbers and one less than the levels otherwise.
    With 60 in each arm one variable of twenty is beyond 0.36, or 0.45 if it has three levels.
    Missing values are left out, and counted. Quartiles are interpolated linearly (R's type 7).

    In R, ``tableone::CreateTableOne(strata =, test = FALSE)`` with ``smd = TRUE``.

    References
    ----------
    .. [1] Austin PC (2009). Balance diagnostics for comparing the distribution of baseline
       covariates between treatment groups in propensity-score matched samples. Stat Med
       28:3083-3107. doi:10.1002/sim.3697
    .. [2] Yang D, Dalton JE (2012). A unified approach to measuring the effect size between two
       groups using SAS. SAS Global Forum 2012, paper 335-2012.

    Examples
    --------
    >>> from evalkit import synthetic
    >>> trial = synthetic.load_redo_trial()
    >>> table = baseline_table(
    ...     trial, arm="arm", control="kontroll", variables=["sex", "mastery_0"]
    ... )
    >>> table.smd()["variable"].tolist()
    ['sex', 'mastery_0']
    """
    import pandas as pd

    names = _check_names(variables)
    check_known(df, arm=arm, variables=names)
    wanted: dict[str, Kind] = dict(kinds or {})
    strange = [name for name in wanted if name not in names]
    if strange:
        raise InputError.of(
            "kinds", required="kinds of variables", got=", ".join(map(repr, strange))
        )
    people = FlowCounter(df, arm, control, None, {})
    if _ALL in people.arms:
        raise InputError.of("arm", required=f"no arm called {_ALL!r}", got=repr(arm),
                            remedy="Rename it: the table has a column for all.")  # fmt: skip
    n_by_arm = {name: int((people.codes == i).sum()) for i, name in enumerate(people.arms)}
    rows: list[dict[str, object]] = []
    differences: list[dict[str, object]] = []
    for name in names:
        column = _Column.read(df, name, wanted.get(name))
        for place, label in enumerate((*people.arms, _ALL)):
            inside = people.codes == place if label != _ALL else np.ones(len(df), dtype=np.bool_)
            rows += [{"variable": name, "arm": label, **row} for row in column.summary(inside)]
        for place, label in enumerate(people.arms[:-1]):
            one, other = people.codes == place, people.codes == len(people.arms) - 1
            row: dict[str, object] = {"variable": name, "contrast": f"{label} - {people.arms[-1]}"}
            row["smd"] = column.distance(one, other)
            if tests:
                row["p_value"] = column.p_value(one, other)
            differences.append(row)
    order = ["variable", "level", "kind", "arm", "n", "n_missing", "mean", "sd", "median", "q1",
             "q3", "count", "share"]  # fmt: skip
    data = pd.DataFrame(rows, columns=order)
    data = data.sort_values("variable", key=lambda it: it.map(names.index), kind="stable")
    return Baseline(data.reset_index(drop=True), pd.DataFrame(differences), people.arms, n_by_arm)


def _check_names(variables: Sequence[str]) -> list[str]:
    """Return the variables, each once."""
    names = [variables] if isinstance(variables, str) else list(variables)
    twice = sorted({name for name in names if names.count(name) > 1})
    if not names or twice:
        raise InputError.of(
            "variables", required="at least one column, each once",
            got=", ".join(map(repr, twice)) or "none",
        )  # fmt: skip
    return names


@dataclass(frozen=True, slots=True)
class _Column:
    """A variable, as numbers or as codes of levels."""

    name: str
    kind: Kind
    values: FloatArray
    codes: IntArray
    levels: tuple[str, ...]

    @classmethod
    def read(cls, df: pd.DataFrame, name: str, kind: Kind | None) -> _Column:
        """Read a variable, and choose how to sum it up where that is not said."""
        check_choice(f"kinds[{name!r}]", kind or "share", _KINDS)
        if df[name].isna().all():
            raise InputError.of("variables", required="known for somebody", got=repr(name))
        if kind is None:
            many = _is_numeric(df[name]) and df[name].nunique() > _FEW
            kind = "mean" if many else "share"
        if kind == "share":
            coded = labels(df[name])
            found, codes = np.unique(coded.codes, return_inverse=True)
            codes = codes.astype(np.int64) - (found[0] < 0)  # -1 is missing, and stays so
            present = [coded.levels[i] for i in found.tolist() if i >= 0]
            levels = tuple(str(level) for level in present)
            if len(set(levels)) < len(levels):  # 1 and "1"
                levels = tuple(repr(level) for level in present)
            return cls(name, kind, np.empty(0), codes, levels)
        values = numbers(df, name, "variables")
        refuse_rows(df, np.isinf(values), "variables", name, "finite", values)
        return cls(name, kind, values, np.empty(0, dtype=np.int64), ())

    def summary(self, inside: np.ndarray[Any, np.dtype[np.bool_]]) -> Iterator[dict[str, object]]:
        """Sum up the variable for some persons: one row, or one for each level."""
        if self.kind == "share":
            codes = self.codes[inside]
            known = codes[codes >= 0]
            counts = np.bincount(known, minlength=len(self.levels))
            base = {"kind": self.kind, "n": len(known), "n_missing": len(codes) - len(known)}
            for level, count in zip(self.levels, counts.tolist(), strict=True):
                share = count / len(known) if len(known) else float("nan")
                yield {"level": level, **base, "count": count, "share": share}
            return
        values = self.values[inside]
        known = values[~np.isnan(values)]
        row: dict[str, object] = {"level": "", "kind": self.kind, "n": len(known),
                                  "n_missing": len(values) - len(known)}  # fmt: skip
        if len(known):
            q1, median, q3 = np.quantile(known, [0.25, 0.5, 0.75]).tolist()
            row |= {"mean": float(known.mean()), "median": median, "q1": q1, "q3": q3}
        if len(known) > 1:
            row["sd"] = float(known.std(ddof=1))
        yield row

    def distance(self, one: Any, other: Any) -> float:
        """Return the standardised difference of two arms."""
        if self.kind == "share":
            return category_distance(self._counts(one), self._counts(other))
        return standardised_difference(self.values[one], self.values[other])

    def p_value(self, one: Any, other: Any) -> float:
        """Test whether two arms differ."""
        if self.kind != "share":
            return welch(self.values[one], self.values[other])
        from scipy.stats import chi2_contingency

        table = np.array([self._counts(one), self._counts(other)])
        table = table[:, table.sum(axis=0) > 0]
        if table.shape[1] < 2 or not table.sum(axis=1).all():
            return float("nan")
        return float(chi2_contingency(table, correction=False).pvalue)

    def _counts(self, inside: Any) -> IntArray:
        """Count the persons of each level."""
        codes = self.codes[inside]
        return np.bincount(codes[codes >= 0], minlength=len(self.levels))


def _is_numeric(series: pd.Series[Any]) -> bool:
    """Say whether a column holds numbers, in whatever type, and no truth values."""
    import pandas as pd

    if series.dtype == np.dtype(object):
        return pd.api.types.infer_dtype(series, skipna=True) in _NUMBERS
    return pd.api.types.is_numeric_dtype(series) and not pd.api.types.is_bool_dtype(series)
