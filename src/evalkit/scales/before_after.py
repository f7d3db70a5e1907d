"""Change of people measured before and after: the mean change, and how large it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core.checks import check_level
from evalkit.core.results import EffectTable
from evalkit.errors import InputError
from evalkit.kernels.paired_change import VARIANTS, spread, standardised_change
from evalkit.kernels.student import student
from evalkit.scales.paired_waves import PairedWaves, read_pairs

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from evalkit.core.typography import Lang

__all__ = ["Change", "change"]


@dataclass(frozen=True, eq=False, repr=False)
class Change:
    """Change from before to after in people who have both scores.

    Attributes
    ----------
    table : EffectTable
        Terms ``mean_before, mean_after, mean_change, srm, d_before, d_av, d_rm``.
    n_before, n_after, n_paired : int
        People with a score before, after, and both.
    correlation : float
        Correlation of the two scores; NaN if one does not vary.
    names : tuple of str
        What the two measurements are called.
    score : str
        What was measured; empty if the two columns have no name in common.
    """

    table: EffectTable
    n_before: int
    n_after: int
    n_paired: int
    correlation: float
    names: tuple[str, str] = ("before", "after")
    score: str = ""

    def _value(self, term: str) -> float:
        """Read an estimate off the table."""
        data = self.table.data
        return float(data.loc[data["term"] == term, "estimate"].iloc[0])

    @property
    def mean_change(self) -> float:
        """Mean of after minus before."""
        return self._value("mean_change")

    @property
    def srm(self) -> float:
        """Standardised response mean: mean change over the standard deviation of the changes."""
        return self._value("srm")

    def to_frame(self) -> pd.DataFrame:
        """Return the numbers.

        Returns
        -------
        pandas.DataFrame
            The columns of an effect table and ``hedges``, the standardised change times Hedges's
            factor for n - 1 degrees of freedom, which takes the small-sample bias out of ``srm``
            and ``d_before``, and a little too much out of the others.
        """
        return self.table.to_frame()

    def plot(self, ax: Axes | None = None, *, label: str | None = None, lang: Lang = "sv") -> Axes:
        """Draw the means before and after as two points with a line, and the change beside them.

        For several scores in one figure, hand their means to
        :func:`evalkit.plots.dumbbell.draw_dumbbell`.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure if left out.
        label : str, optional
            What was measured, as it is to be read; the name of the score if left out.
        lang : {"sv", "en"}, default "sv"
            Language of numbers and headings.

        Returns
        -------
        matplotlib.axes.Axes
            The axes.
        """
        from evalkit.plots.dumbbell import DumbbellRows, draw_dumbbell

        named = label or self.score or ("Score" if lang == "en" else "Poäng")
        means = [np.array([self._value(term)]) for term in ("mean_before", "mean_after")]
        rows = DumbbellRows(
            (named,), means[0], means[1], (self.n_paired,), *self.names, unit="score"
        )
        return draw_dumbbell(rows, lang=lang, ax=ax)

    def __repr__(self) -> str:
        """Show the numbers in at most fifteen lines."""
        return repr(self.table)

    def _repr_html_(self) -> str:
        """Show the numbers in a notebook."""
        return self.table._repr_html_()  # pyright: ignore[reportPrivateUsage]


def change(
    df: pd.DataFrame,
    *,
    before: object,
    after: object,
    id: str | None = None,  # noqa: A002 (the word that users know)
    wave: str | None = None,
    score: str | None = None,
    level: float = 0.95,
) -> Change:
    r"""Estimate the change of a score from before to after, in people paired by id.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person with a column for each measurement; or, with `wave` and `score`,
        one row for each person and wave. It is not changed.
    before, after : str or object
        The columns with the scores; with `wave`, the values of that column.
    id : str, optional
        Column with the person; needed with `wave`.
    wave, score : str, optional
        Columns with the wave and with the score.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    Change
        Means before and after of those paired, the mean change (after minus before), and four
        standardised changes, each under its own name; ``n_before, n_after, n_paired``.

    Raises
    ------
    evalkit.errors.InputError
        If columns do not exist or are no numbers, a person stands twice in a wave, a row has no id
        or no wave, ids are lacking in rows by wave, or fewer than two people are paired.

    Notes
    -----
    The mean change has a t interval with n - 1 degrees of freedom. The standardised changes divide
    it by different standard deviations: ``srm`` (:math:`d_z`) by that of the changes, ``d_before``
    (Glass's delta) by that before, ``d_av`` by :math:`\sqrt{(s_1^2 + s_2^2)/2}`, ``d_rm`` by that
    of the changes over :math:`\sqrt{2(1-r)}` [1]_. They differ as soon as the correlation is not
    one half: name the one that is reported. The interval of ``srm`` is exact under normality (from
    the noncentral t distribution), the others are Bonett's [2]_ large-sample intervals.

    Only pairs count; people with one score are dropped and counted, and the mean before of those
    without a score after is given beside. A change is no effect: without a comparison it contains
    whatever would have happened anyway, and regression towards the mean.

    In R: ``t.test(after, before, paired = TRUE)``.

    References
    ----------
    .. [1] Lakens D (2013). Calculating and reporting effect sizes to facilitate cumulative
       science. Front Psychol 4:863. doi:10.3389/fpsyg.2013.00863
    .. [2] Bonett DG (2008). Confidence intervals for standardized linear contrasts of means.
       Psychol Methods 13:99-109. doi:10.1037/1082-989X.13.2.99

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({
    ...     "person": [1, 2, 3, 4, 5, 1, 2, 3, 4, 6],
    ...     "wave": ["start"] * 5 + ["end"] * 5,
    ...     "wai": [25, 30, 28, 33, 40, 31, 33, 29, 39, 35],
    ... })
    >>> result = change(rows, id="person", wave="wave", score="wai", before="start", after="end")
    >>> result.n_before, result.n_after, result.n_paired, result.mean_change
    (5, 5, 4, 4.0)
    """
    level = check_level(level)
    pairs = read_pairs(df, before=before, after=after, id=id, wave=wave, score=score)
    if pairs.n < 2:
        raise InputError.of("df", required="two people with both scores", got=f"{pairs.n}",
                            remedy="Check that ids are written alike in both waves.")  # fmt: skip
    varies = spread(pairs.before) > 0 and spread(pairs.after) > 0
    r = float(np.corrcoef(pairs.before, pairs.after)[0, 1]) if varies else float("nan")
    named = f"{before}", f"{after}"
    columns, undefined = _columns(pairs, named, level)
    notes = [pairs.counts()]
    if not varies:
        notes.append("Standardised changes are undefined: zero variance before or after.")
    elif undefined:
        why = "all change alike" if "srm" in undefined else "the two scores correlate perfectly"
        notes.append(f"Undefined: {', '.join(undefined)}; {why}.")
    table = EffectTable.of(
        columns,
        estimand=f"Change from {named[0]} to {named[1]} in people with both",
        method="Paired t; srm: noncentral t; d_before, d_av, d_rm: large samples",
        level=level,
        n_used=pairs.n,
        n_dropped=pairs.n_dropped,
        notes=notes,
    )
    return Change(table, pairs.n_before, pairs.n_after, pairs.n, r, named, score or "")


def _columns(
    pairs: PairedWaves, named: tuple[str, str], level: float
) -> tuple[dict[str, object], list[str]]:
    """Return the columns of the table, and the standardised changes that are undefined."""
    values = np.stack([pairs.before, pairs.after, pairs.after - pairs.before])
    n = pairs.n
    size = float(np.abs(values[:2]).max())
    sd = np.array([spread(row, at) for row, at in zip(values, (None, None, size), strict=True)])
    means = student(values.mean(axis=1), sd / np.sqrt(n), np.full(3, n - 1.0), level)
    means["statistic"][:2] = np.nan  # nobody asks whether a mean score is 0
    means["p_value"][:2] = np.nan
    ds = standardised_change(pairs.before, pairs.after, level)
    none = np.full(len(VARIANTS), np.nan)
    joined = {
        "estimate": ds.estimate,
        "std_error": ds.std_error,
        "statistic": none,
        "df": none,
        "p_value": none,
        "conf_low": ds.low,
        "conf_high": ds.high,
    }
    columns = {name: np.concatenate([means[name], joined[name]]) for name in joined}
    contrast = f"{named[1]} - {named[0]}"
    undefined = [name for name, d in zip(VARIANTS, ds.estimate, strict=True) if np.isnan(d)]
    return {
        "term": ["mean_before", "mean_after", "mean_change", *VARIANTS],
        "contrast": ["", "", *([contrast] * (1 + len(VARIANTS)))],
        **columns,
        "n": n,
        "hedges": np.concatenate([np.full(3, np.nan), ds.estimate * ds.hedges]),
    }, undefined
