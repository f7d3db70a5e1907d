"""Negative controls: an effect on something that the programme cannot have touched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from evalkit.core.checks import check_level
from evalkit.core.columns import Names, as_names
from evalkit.core.printing import html_table, sample_line, text_block
from evalkit.core.results import EffectTable
from evalkit.errors import InputError
from evalkit.matching.effect_clusters import check_compared
from evalkit.matching.matched_result import Matched
from evalkit.matching.weighted_result import Weighted

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["NegativeControl", "negative_control"]

Verdict: TypeAlias = Literal["differs", "alike", "unclear"]
_MEANING = {
    "differs": "the groups differ in what the programme cannot have touched: what was adjusted for "
    "does not make them comparable, and the effect on the real outcome is suspect too.",
    "alike": "no more than the margin apart: nothing here speaks against the comparison.",
    "unclear": "no difference found, but one that matters is not ruled out.",
}


@dataclass(frozen=True, eq=False, repr=False)
class NegativeControl:
    """Effects on outcomes that the programme cannot have touched, with a verdict on each.

    Build one with :func:`negative_control`.

    Parameters
    ----------
    data : pandas.DataFrame
        The numbers; see :meth:`to_frame`.
    method : str
        How the groups were made comparable.
    level : float
        Confidence level.
    margin : float or None
        Differences up to it do not matter.
    n_used : int
        Rows used, for the outcome that most have.
    n_dropped : mapping of str to int
        Rows left out, by reason; those that lack an outcome, for that outcome only.
    notes : tuple of str
        Sentences that belong with the numbers.
    """

    data: pd.DataFrame
    method: str
    level: float
    margin: float | None
    n_used: int
    n_dropped: Mapping[str, int] = field(default_factory=dict[str, int])
    notes: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """Return the effects.

        Returns
        -------
        pandas.DataFrame
            One row for each outcome: ``term, contrast, estimate, std_error, p_value, conf_low,
            conf_high, n, verdict``, the verdict "differs", "alike" or "unclear".
        """
        return self.data.copy()

    @property
    def passed(self) -> bool:
        """Whether no outcome differs."""
        return not (self.data["verdict"] == "differs").any()

    def __repr__(self) -> str:
        """Show the effects in plain text."""
        return text_block(self._head(), self.data, self._said())

    def _repr_html_(self) -> str:
        """Show the effects in a notebook."""
        return html_table(self._head(), self.data, self._said())

    def _head(self) -> list[str]:
        """Say what was compared."""
        what = f"{100 * self.level:g} % intervals"
        if self.margin is not None:
            what += f", margin {self.margin:g}"
        return [
            "Negative control: effects that must be 0 in a fair comparison",
            self.method,
            what,
            sample_line(self.n_used, self.n_dropped),
        ]

    def _said(self) -> list[str]:
        """Say in words what the verdicts mean."""
        found = dict.fromkeys(self.data["verdict"].tolist())
        return [*(f"{verdict}: {_MEANING[verdict]}" for verdict in found), *self.notes]


def negative_control(
    compared: Weighted | Matched,
    outcomes: Names,
    *,
    margin: float | None = None,
    level: float = 0.95,
    **options: Any,
) -> NegativeControl:
    """Estimate the effect on outcomes that the programme cannot have touched.

    Answers "is the comparison fair?" by asking for effects where there can be none, such as on
    sick days the year before the programme (if they were not adjusted for).

    Parameters
    ----------
    compared : Weighted or Matched
        The comparison, from :func:`evalkit.matching.weight` or :func:`evalkit.matching.match`.
    outcomes : str or sequence of str
        Columns that were settled before the programme, or that it has no way to change.
    margin : float, optional
        A difference up to which groups count as alike, in the outcome's units. Without it no
        difference is ever called alike: that it was not found shows nothing.
    level : float, default 0.95
        Confidence level.
    **options : object
        Passed on to ``compared.effect``, such as ``covariates``.

    Returns
    -------
    NegativeControl
        The effects, a verdict on each, and ``.passed``.

    Raises
    ------
    evalkit.errors.InputError
        If an outcome was itself adjusted for, there are more than two groups, the margin is not
        positive, or a ratio is asked for.

    Notes
    -----
    "differs" if the interval leaves 0 out (but with a margin not if it lies within it), "alike" if
    it lies within the margin, else "unclear". Several outcomes are judged each on its own.

    References
    ----------
    Lipsitch, Tchetgen Tchetgen and Cohen (2010). Negative controls: a tool for detecting
    confounding and bias in observational studies. Epidemiology 21:383-388.
    doi:10.1097/EDE.0b013e3181d61eeb

    Examples
    --------
    >>> import pandas as pd
    >>> from evalkit.matching import weight
    >>> df = pd.DataFrame({
    ...     "amia": [1, 1, 1, 0, 0, 0, 0, 0],
    ...     "women": [1, 1, 0, 1, 0, 0, 0, 1],
    ...     "days_before": [40.0, 60, 80, 50, 70, 90, 60, 40],
    ... })
    >>> negative_control(weight("amia ~ women", df), "days_before").to_frame()["verdict"].item()
    'unclear'
    """
    check_level(level)
    check_compared(compared)
    if len(compared.sample.levels) != 2:
        raise InputError.of("compared", required="two groups", got=len(compared.sample.levels))
    if options.get("measure", "difference") != "difference":
        raise InputError.of("measure", required="'difference'", got=repr(options["measure"]))
    if margin is not None and not (isinstance(margin, Real) and np.isfinite(margin) and margin > 0):
        raise InputError.of("margin", required="a positive difference", got=repr(margin))
    names = list(dict.fromkeys(as_names(outcomes)))
    _refuse_adjusted(names, (compared.sample.treatment, *compared.sample.variables))
    tables: list[EffectTable] = [compared.effect(name, level=level, **options) for name in names]
    data = _rows(tables, margin)
    dropped = {reason: n for table in tables for reason, n in table.n_dropped.items()}
    notes = tuple(dict.fromkeys(note for table in tables for note in table.notes))
    used = max(table.n_used for table in tables)
    return NegativeControl(data, tables[0].method, level, margin, used, dropped, notes)


def _refuse_adjusted(names: list[str], variables: Iterable[str]) -> None:
    """Refuse outcomes that were balanced by design."""
    if not names:
        raise InputError.of("outcomes", required="at least one column", got="none")
    known = set(variables)
    twice = [name for name in names if name in known]
    if twice:
        raise InputError.of(
            "outcomes",
            required="columns that are not the treatment, and were not adjusted for",
            got=", ".join(map(repr, twice)),
            remedy="What was adjusted for is alike by design, and tests nothing.",
        )


def _rows(tables: list[EffectTable], margin: float | None) -> pd.DataFrame:
    """Put the effects of all outcomes into one table, with a verdict on each row."""
    import pandas as pd

    data = pd.concat([table.to_frame() for table in tables], ignore_index=True)
    data["verdict"] = [
        _verdict(float(low), float(high), margin)
        for low, high in zip(data["conf_low"], data["conf_high"], strict=True)
    ]
    kept = ("term", "contrast", "estimate", "std_error", "p_value", "conf_low", "conf_high", "n")
    names = [str(name) for name in data.columns]
    keys = names[: names.index("term")]
    return data[[*keys, *kept, "verdict"]]


def _verdict(low: float, high: float, margin: float | None) -> Verdict:
    """Judge an interval."""
    if margin is not None and -margin <= low and high <= margin:
        return "alike"
    if low > 0 or high < 0:
        return "differs"
    return "unclear"
