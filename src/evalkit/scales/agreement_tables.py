"""Agreement of two measurements of the same people, such as self-report and register."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core.checks import check_choice, check_level
from evalkit.core.printing import html_table, sample_line, text_block
from evalkit.core.results import EffectTable
from evalkit.kernels.kappa import Kappa, NearMisses, agreement_weights, cohen_kappa
from evalkit.kernels.paired_shares import mcnemar, symmetry
from evalkit.scales.agreement_columns import category_rows, overall_rows, two_by_two_rows
from evalkit.scales.paired_categories import PairedCategories, read_categories
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Agreement", "agreement"]

_PRINTED = (
    "observed_agreement", "kappa", "pabak", "marginal_difference", "sensitivity", "specificity",
    "ppv", "npv",
)  # fmt: skip
_HIGH, _LOW = 0.8, 0.4


@dataclass(frozen=True, eq=False, repr=False)
class Agreement:
    """Agreement of two measurements.

    Attributes
    ----------
    table : EffectTable
        Terms as :func:`agreement` describes them.
    counts : ndarray of float, shape (k, k)
        People by category: rows by the first measurement, columns by the second.
    categories : tuple
        The categories in their order; with two the second is the positive one.
    names : tuple of str
        The two columns.
    """

    table: EffectTable
    counts: FloatArray
    categories: tuple[object, ...]
    names: tuple[str, str]

    def _value(self, term: str) -> float:
        """Read an overall estimate off the table."""
        data = self.table.data
        return float(data.loc[data["term"] == term, "estimate"].iloc[0])

    @property
    def observed(self) -> float:
        """Share of people on whom the two agree; near misses counted in part if asked for."""
        return self._value("observed_agreement")

    @property
    def kappa(self) -> float:
        """Cohen's kappa."""
        return self._value("kappa")

    def cross_table(self) -> pd.DataFrame:
        """Return how many people are in each pair of categories.

        Returns
        -------
        pandas.DataFrame
            Counts; rows by the first measurement, columns by the second.
        """
        import pandas as pd

        first, second = self.names
        return pd.DataFrame(
            self.counts.astype(np.int64),
            index=pd.Index(list(self.categories), name=first),
            columns=pd.Index(list(self.categories), name=second),
        )

    def tests(self) -> pd.DataFrame:
        """Test whether the two measurements have the same margins.

        Returns
        -------
        pandas.DataFrame
            Columns ``method, statistic, df, p_value, n``, where n are the people on whom the two
            differ: McNemar's test without and with continuity correction, exact, and mid-p. With
            more than two categories Bowker's test of symmetry.
        """
        import pandas as pd

        nan = float("nan")
        differing = int(self.counts.sum() - np.trace(self.counts))
        if len(self.categories) > 2:
            test = symmetry(self.counts)
            rows = [("Bowker", test.chi2, float(test.df), test.p_value)]
        else:
            both = mcnemar(int(self.counts[1, 0]), int(self.counts[0, 1]))
            rows = [
                ("McNemar", both.chi2, 1.0, both.p_value),
                ("McNemar, continuity correction", both.chi2_corrected, 1.0, both.p_corrected),
                ("McNemar, exact", nan, nan, both.p_exact),
                ("McNemar, mid-p", nan, nan, both.p_mid),
            ]
        frame = pd.DataFrame(rows, columns=["method", "statistic", "df", "p_value"])
        return frame.assign(n=differing)

    def to_frame(self) -> pd.DataFrame:
        """Return the numbers.

        Returns
        -------
        pandas.DataFrame
            The columns of an effect table; with more than two categories ``category`` before
            them, empty for what concerns all.
        """
        return self.table.to_frame()

    def _head(self) -> list[str]:
        """Say what agrees with what."""
        return [
            f"Agreement of {self.names[0]} and {self.names[1]}",
            sample_line(self.table.n_used, self.table.n_dropped),
            f"{self.table.method}; {100 * self.table.level:g} % intervals",
        ]

    def _shown(self) -> pd.DataFrame:
        """Return the rows that most readers want."""
        data = self.table.data
        return data[data["term"].isin(_PRINTED)].drop(columns=["n"])

    def __repr__(self) -> str:
        """Show the agreement in at most fifteen lines."""
        return text_block(self._head(), self._shown(), self.table.notes)

    def _repr_html_(self) -> str:
        """Show all of it in a notebook."""
        return html_table(self._head(), self.table.data, self.table.notes)


def agreement(
    df: pd.DataFrame,
    *,
    a: str,
    b: str,
    count: str | None = None,
    positive: object = None,
    order: Sequence[object] | None = None,
    near: NearMisses = "none",
    level: float = 0.95,
) -> Agreement:
    r"""Estimate how far two measurements of the same people agree.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person, or with `count` for each pair of categories. It is not changed.
    a, b : str
        Columns with the two categories, such as self-report and register. What is "relative to"
        something is relative to `b`.
    count : str, optional
        Column with the number of people in each row.
    positive : object, optional
        With two categories the one that sensitivity is about; 1 or True if left out.
    order : sequence, optional
        All categories in their order. Needed for near misses unless columns are numbers without
        gaps, or ordered categories; and for categories that occur in neither column.
    near : {"none", "linear", "quadratic"}
        How much neighbouring ordered categories agree: not at all, :math:`1 - |i-j|/(k-1)`, or
        :math:`1 - (i-j)^2/(k-1)^2`.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    Agreement
        Terms ``observed_agreement, expected_agreement, kappa, kappa_max`` (the largest that the
        margins allow), ``pabak``; with two categories ``prevalence_index, bias_index,
        positive_agreement, negative_agreement, share_a, share_b, marginal_difference`` (a - b),
        and relative to `b` ``sensitivity, specificity, ppv, npv``. With more than two, for each
        category ``share_a, share_b, marginal_difference, sensitivity, ppv``.

    Raises
    ------
    evalkit.errors.InputError
        If the columns share no category (as when they hold counts of a margin: then see
        :func:`evalkit.scales.agreement_bounds`), nobody has both, there is only one category, it
        is not said which of two is positive, or categories have no order where one is needed.

    Notes
    -----
    Shares have Wilson intervals, kappa the large-sample interval of Fleiss, Cohen and Everitt
    [1]_, and the marginal difference Tango's score interval [2]_, whose test is McNemar's
    (``tests()`` has the exact one). Where all agree, kappa's lower limit comes from Wilson's of the
    observed agreement. PABAK is :math:`(k p_o - 1)/(k - 1)`, kappa if all categories were equally
    frequent in both; prevalence and bias index are
    :math:`(n_{++} - n_{--})/n` and :math:`(n_{+-} - n_{-+})/n` [3]_. Predictive values depend on
    how common the category is among these people. Rows where a or b is missing are dropped and
    counted.

    In R: ``psych::cohen.kappa``, ``mcnemar.test``, ``epiR::epi.tests(method = "wilson")``.

    References
    ----------
    .. [1] Fleiss JL, Cohen J, Everitt BS (1969). Large sample standard errors of kappa and
       weighted kappa. Psychol Bull 72:323-327. doi:10.1037/h0028106
    .. [2] Tango T (1998). Equivalence test and confidence interval for the difference in
       proportions for the paired-sample design. Stat Med 17:891-908.
       doi:10.1002/(SICI)1097-0258(19980430)17:8<891::AID-SIM780>3.0.CO;2-B
    .. [3] Byrt T, Bishop J, Carlin JB (1993). Bias, prevalence and kappa. J Clin Epidemiol
       46:423-429. doi:10.1016/0895-4356(93)90018-V

    Examples
    --------
    >>> import pandas as pd
    >>> cells = pd.DataFrame({
    ...     "self_report": ["yes", "yes", "no", "no"], "register": ["yes", "no", "yes", "no"],
    ...     "n": [40, 9, 6, 65],
    ... })
    >>> found = agreement(cells, a="self_report", b="register", count="n", positive="yes")
    >>> round(found.observed, 3), round(found.kappa, 3)
    (0.875, 0.739)
    >>> found.tests()["p_value"].round(3).tolist()
    [0.439, 0.606, 0.607, 0.454]
    """
    level = check_level(level)
    check_choice("near", near, ("none", "linear", "quadratic"))
    pairs = read_categories(df, a, b, count=count, positive=positive, order=order, near=near)
    k = len(pairs.categories)
    found = cohen_kappa(pairs.counts, agreement_weights(k, near), level)
    rows = overall_rows(pairs.counts, found, near, level)
    named = f"{a} - {b}"
    if k == 2:
        rows += two_by_two_rows(pairs.counts, named, level)
    else:
        rows += category_rows(pairs.counts, pairs.categories, named, level)
    columns: dict[str, object] = {name: [row.get(name) for row in rows] for name in rows[0]}
    if k == 2:
        columns.pop("category")
    weighted = "" if near == "none" else f", {near} weights"
    table = EffectTable.of(
        columns,
        estimand=f"Agreement of {a} and {b}; sensitivity and the like relative to {b}",
        method=f"Cohen's kappa{weighted}, large samples; shares: Wilson; difference: Tango",
        level=level,
        n_used=int(pairs.counts.sum()),
        n_dropped=pairs.n_dropped,
        notes=_notes(pairs, found, b),
    )
    return Agreement(table, pairs.counts, pairs.categories, (a, b))


def _notes(pairs: PairedCategories, found: Kappa, b: str) -> list[str]:
    """Say what must not be misread."""
    notes = [f"Relative to {b}, which may err too."]
    rows, columns = pairs.counts.sum(axis=1), pairs.counts.sum(axis=0)
    if np.isnan(found.estimate):
        notes.append("Kappa is undefined: everybody is in the same category in both.")
    elif min(np.count_nonzero(rows), np.count_nonzero(columns)) < 2:
        notes.append("Kappa is 0 whatever the agreement: one of the two never varies.")
    elif found.observed >= _HIGH and found.estimate < _LOW:
        notes.append(
            "High agreement and low kappa: one category is common, so that chance alone agrees "
            f"on {100 * found.expected:.0f} %. Report both, and pabak."
        )
    if len(pairs.categories) > 2:
        lone = np.flatnonzero((rows == 0) != (columns == 0)).tolist()
        if lone:
            named = ", ".join(repr(pairs.categories[i]) for i in lone[:5])
            notes.append(f"In one of the two only: {named}. Are categories written alike?")
    else:
        for place, words in ((1, "sensitivity"), (0, "specificity")):
            if columns[place] == 0:
                notes.append(f"No {words}: nobody is {pairs.categories[place]!r} in {b}.")
    return notes
