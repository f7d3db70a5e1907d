"""Response rates of surveys: by wave and group, with intervals that know the population's size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from evalkit.core.checks import check_counts, check_level
from evalkit.core.columns import as_names, check_known, cross, labels, numbers, refuse_rows
from evalkit.core.results import STANDARD_COLUMNS, EffectTable
from evalkit.core.typography import Lang, Typography
from evalkit.errors import InputError
from evalkit.kernels.numeric import binned
from evalkit.kernels.survey_shares import finite_correction, survey_shares
from evalkit.scales.survey_headings import free_headings, refuse_taken
from evalkit.scales.survey_respondents import Population, population_sizes
from evalkit.typing import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from evalkit.core.columns import Names

__all__ = ["ResponseRates", "response_rate"]

_MOST = 2.0**53
_RESERVED = {*STANDARD_COLUMNS, "answered", "sent", "population"}
_WORDS = {
    "sv": {"answered": ("Svarat", "Antal svar"), "sent": ("Tillfrågade", "Antal tillfrågade"),
           "rate": ("Svarsfrekvens", "Andel svar")},
    "en": {"answered": ("Answered", "Answers"), "sent": ("Asked", "People asked"),
           "rate": ("Response rate", "Share")},
}  # fmt: skip
_CENSUS = "Where everybody was asked the rate is no estimate, and its interval has no width."
_NO_PROOF = (
    "A high rate does not show that those who answered are like the others:"
    " nonresponse_weights makes them alike in known margins only."
)


@dataclass(frozen=True, eq=False, repr=False)
class ResponseRates:
    """Response rates, one row for each wave and group.

    Attributes
    ----------
    rates : EffectTable
        The keys, term ``response_rate``, then ``answered, sent, population``.
    keys : tuple of str
        The key columns: the wave and the groups.
    small : int
        Groups with fewer people asked are shown as counts.
    """

    rates: EffectTable
    keys: tuple[str, ...]
    small: int

    def to_frame(self) -> pd.DataFrame:
        """Return the numbers, also those of small groups.

        Returns
        -------
        pandas.DataFrame
            The columns of an effect table, then ``answered, sent, population``.
        """
        return self.rates.to_frame()

    def table(self, *, lang: Lang = "sv", decimals: int = 0) -> pd.DataFrame:
        """Set the table as a report prints it.

        Parameters
        ----------
        lang : {"sv", "en"}, default "sv"
            Language of headings and numbers.
        decimals : int, default 0
            Decimals of percentages.

        Returns
        -------
        pandas.DataFrame
            Texts: the keys, how many have answered and were asked, and the rate, such as "72 %";
            of small groups "7 av 11".
        """
        t, words, data = Typography(lang), free_headings(_WORDS[lang], self.keys), self.rates.data
        counts = {
            words[name]: [t.integer(n) for n in data[name].tolist()]
            for name in ("answered", "sent")
        }
        rates = {words["rate"]: self._texts(t, decimals)}
        return data[list(self.keys)].assign(**counts, **rates)

    def _texts(self, t: Typography, decimals: int = 0) -> list[str]:
        """Write the rates, those of small groups as counts."""
        between = "av" if t.lang == "sv" else "of"
        pairs = zip(self.rates.data["answered"], self.rates.data["sent"], strict=True)
        return [
            f"{t.integer(x)} {between} {t.integer(n)}"
            if n < self.small
            else t.share(int(x), int(n), decimals)
            for x, n in pairs
        ]

    def plot(self, ax: Axes | None = None, *, title: str | None = None, lang: Lang = "sv") -> Axes:
        """Draw the rates with their intervals, one line each; small groups as counts in words.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure if left out.
        title : str, optional
            What the figure shows, written above it.
        lang : {"sv", "en"}, default "sv"
            Language of numbers and labels.

        Returns
        -------
        matplotlib.axes.Axes
            The axes.
        """
        from evalkit.plots.rates import draw_rates

        data = self.rates.data
        points = data[["estimate", "conf_low", "conf_high"]].to_numpy(dtype=np.float64)
        points = np.where((data["sent"] < self.small).to_numpy()[:, None], np.nan, points)
        rows = [[str(one) for one in row] for row in data[list(self.keys)].to_numpy().tolist()]
        return draw_rates(
            [", ".join(row) for row in rows],
            points,
            self._texts(Typography(lang)),
            level=self.rates.level,
            title=title,
            ax=ax,
            lang=lang,
        )

    def __repr__(self) -> str:
        """Show the rates in at most fifteen lines."""
        return repr(self.rates)

    def _repr_html_(self) -> str:
        """Show the rates in a notebook."""
        return self.rates._repr_html_()  # pyright: ignore[reportPrivateUsage]


def response_rate(
    df: pd.DataFrame | None = None,
    *,
    answered: str | int,
    sent: str | int | None = None,
    wave: str | None = None,
    by: Names | None = None,
    total: str | None = None,
    id: str | None = None,  # noqa: A002 (the word that users know)
    population: str | Population = None,
    small: int = 20,
    level: float = 0.95,
) -> ResponseRates:
    r"""Estimate how many of those who were asked have answered, by wave and group.

    Parameters
    ----------
    df : pandas.DataFrame, optional
        Without `sent`: one row for each person asked (and wave). With `sent`: one row for each
        group (and wave) with counts; rows of one group are added up. Not needed for one rate
        from two numbers. It is not changed.
    answered : str or int
        Column that says who has answered (0 or 1, True or False), or with how many have; without
        `df` the number.
    sent : str or int, optional
        Column with how many were asked; without `df` the number.
    wave : str, optional
        Column with the wave of the survey.
    by : str or sequence of str, optional
        Columns with the groups.
    total : str, optional
        Name of a last group (of each wave) that holds all groups together, such as "Samtliga".
    id : str, optional
        Column with the person. With it, nobody may stand twice in a wave.
    population : int, mapping or str, optional
        How many people those asked stand for: a number without groups and waves, with them a
        mapping by group (by tuples where there are several columns), or a column. The interval
        then has the finite-population correction, and no width where everybody was asked. Left
        out, those asked are a sample of an endless population.
    small : int, default 20
        Where fewer were asked, ``table()`` and ``plot()`` give "7 av 11" instead of a percentage;
        0 gives percentages throughout.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    ResponseRates
        ``to_frame()`` term ``response_rate`` with ``n`` (people asked), ``answered, sent,
        population``; ``table()`` the texts of a report; ``plot()``.

    Raises
    ------
    evalkit.errors.InputError
        If more have answered than were asked, or were asked than there are; if a count is not
        whole; if it is not said of somebody whether they answered; if a person stands twice.

    Notes
    -----
    Wilson's interval [1]_. Of a population of N it takes the variance
    :math:`p(1-p)/n \cdot (N-n)/(N-1)`. Rows without a wave or group are dropped and counted;
    categories with no row have none here.

    In R: ``prop.test(answered, sent, correct = FALSE)``.

    References
    ----------
    .. [1] Wilson EB (1927). Probable inference, the law of succession, and statistical inference.
       J Am Stat Assoc 22:209-212. doi:10.1080/01621459.1927.10502953

    Examples
    --------
    >>> response_rate(answered=54, sent=75).to_frame()["conf_low"].round(3).item()
    0.61
    >>> import pandas as pd
    >>> groups = pd.DataFrame({"project": ["Nord", "Syd"], "x": [40, 7], "n": [50, 11]})
    >>> response_rate(groups, answered="x", sent="n", by="project").table(lang="en")
      project Answered Asked Response rate
    0    Nord       40    50           80%
    1     Syd        7    11       7 of 11
    """
    level = check_level(level)
    (smallest,) = check_counts("small", [small])
    if df is None:
        df, answered, sent = _one_rate(answered, sent, wave, by, total, id)
    elif not isinstance(answered, str) or not (sent is None or isinstance(sent, str)):
        raise InputError.of("answered, sent", required="columns of df", got=f"{answered!r}, "
                            f"{sent!r}", remedy="Numbers are given without df.")  # fmt: skip
    keys = [*as_names(wave), *as_names(by)]
    named = population if isinstance(population, str) else None
    check_known(df, answered=answered, sent=sent, wave=wave, by=by, id=id, population=named)
    for argument, names in (("wave", as_names(wave)), ("by", as_names(by))):
        refuse_taken(argument, names, _RESERVED)
    if len({*keys}) < len(keys):
        raise InputError.of("by", required="other columns than the wave", got=repr(wave))
    if len(df) == 0:
        raise InputError.of("df", required="at least one row", got="none")
    if id is not None:
        _refuse_repeats(df, id, wave, sent)
    asked, given = _counts(df, answered, sent)
    coded = [labels(df[key]) for key in keys]
    known = np.ones(len(df), dtype=np.bool_)
    dropped: dict[str, int] = {}
    for key, column in zip(keys, coded, strict=True):
        dropped[f"{key} missing"] = int(asked[known & (column.codes < 0)].sum())
        known &= column.codes >= 0
    if not known.any():
        raise InputError.of("by", required="columns with values", got="missing ones only")
    kept = np.flatnonzero(known)
    found, crossed = cross(coded, kept, False)
    levels = cast("tuple[tuple[object, ...], ...]", crossed)
    codes = np.zeros(len(kept), dtype=np.int64) if found is None else found
    groups = max(len(levels), 1)
    n, x = binned(codes, asked[kept], groups), binned(codes, given[kept], groups)
    people = _population(df, population, levels, kept, codes, n)
    shown = [", ".join(str(one) for one in row) for row in levels] or ["all"]
    _refuse("answered", "at most as many as were asked", x > n, x, n, shown)
    _refuse("population", "at least as many as were asked", n > people, people, n, shown)
    some: BoolArray = n > 0
    if not some.all():
        nobody = [name for name, there in zip(shown, some, strict=True) if not there]
        raise InputError.of("sent", required="groups in which somebody was asked", got="0",
                            where=nobody, remedy="Leave them out.")  # fmt: skip
    n_used = int(n.sum())
    if total is not None:
        levels, n, x, people = _with_total(total, len(as_names(wave)), levels, n, x, people)
    rates = survey_shares(x, x, n, n, level=level, correction=finite_correction(n, people))
    columns: dict[str, object] = {key: [row[i] for row in levels] for i, key in enumerate(keys)}
    notes = [_NO_PROOF] if population is None else [_CENSUS, _NO_PROOF]
    table = EffectTable.of(
        columns
        | {
            "term": "response_rate",
            "estimate": rates.estimate,
            "conf_low": rates.low,
            "conf_high": rates.high,
            "n": n.astype(np.int64),
            "answered": x.astype(np.int64),
            "sent": n.astype(np.int64),
            "population": people if population is None else people.astype(np.int64),
        },
        estimand="Share of those asked who have answered",
        method="Wilson" if population is None else "Wilson with finite-population correction",
        level=level,
        n_used=n_used,
        n_dropped={why: count for why, count in dropped.items() if count},
        notes=notes,
    )
    return ResponseRates(table, tuple(keys), int(smallest))


def _one_rate(
    answered: str | int, sent: str | int | None, *others: object
) -> tuple[pd.DataFrame, str, str]:
    """Make a frame of one group from two numbers."""
    import pandas as pd

    if isinstance(answered, str) or isinstance(sent, str) or sent is None or any(others):
        raise InputError.of(
            "df", required="a frame with the columns, unless answered and sent are numbers",
            got="None",
        )  # fmt: skip
    (x,), (n,) = check_counts("answered", [answered]), check_counts("sent", [sent], minimum=1)
    return pd.DataFrame({"answered": [int(x)], "sent": [int(n)]}), "answered", "sent"


def _refuse_repeats(df: pd.DataFrame, person: str, wave: str | None, sent: str | None) -> None:
    """Refuse people who stand twice in a wave."""
    if sent is not None:
        raise InputError.of("id", required="given for rows of people only", got=f"sent={sent!r}")
    refuse_rows(df, df[person].isna().to_numpy(), "id", person, "known in every row")
    twice = df.duplicated([person, *as_names(wave)], keep=False).to_numpy()
    within = "" if wave is None else f" and {wave}"
    refuse_rows(df, twice, "id", person, f"one row for each person{within}",
                remedy="Count everybody once: reminders are no new questionnaires.")  # fmt: skip


def _counts(df: pd.DataFrame, answered: str, sent: str | None) -> tuple[FloatArray, FloatArray]:
    """Return how many were asked and have answered, in each row."""
    given = numbers(df, answered, "answered")
    if sent is None:
        missing = np.isnan(given)
        remedy = f"If it holds the answers themselves, use df[{answered!r}].notna()."
        refuse_rows(df, missing, "answered", answered, "known in every row", remedy=remedy)
        wrong = (given != 0) & (given != 1)
        refuse_rows(df, wrong, "answered", answered, "0 or 1, who has answered", given,
                    remedy=f"{remedy} If it holds counts, name sent= too.")  # fmt: skip
        return np.ones(len(df)), given
    asked = numbers(df, sent, "sent")
    for argument, name, values in (("answered", answered, given), ("sent", sent, asked)):
        whole = (values >= 0) & (values <= _MOST) & (np.floor(values) == values)
        refuse_rows(df, ~whole, argument, name, "whole numbers of at least 0", values)
    return asked, given


def _population(
    df: pd.DataFrame, population: str | Population, levels: Sequence[tuple[object, ...]],
    kept: IntArray, codes: IntArray, n: FloatArray,
) -> FloatArray:  # fmt: skip
    """Return the size of the population behind each group, NaN without end."""
    if not isinstance(population, str):
        groups: list[object] = [row[0] if len(row) == 1 else row for row in levels] or [None]
        return np.array(population_sizes(population, groups)[0])
    values = numbers(df, population, "population")[kept]
    wrong = ~((values >= 1) & (np.floor(values) == values))
    first: FloatArray = np.full(len(n), np.nan)
    first[codes[::-1]] = values[::-1]
    frame = df.iloc[kept]
    refuse_rows(frame, wrong, "population", population, "whole numbers of at least 1", values)
    refuse_rows(frame, first[codes] != values, "population", population,
                "the same in all rows of a group", values)  # fmt: skip
    return first


def _with_total(
    total: str, waves: int, levels: Sequence[tuple[object, ...]], *sums: FloatArray
) -> tuple[Sequence[tuple[object, ...]], FloatArray, FloatArray, FloatArray]:
    """Put a group that holds all others after those of each wave."""
    if not levels or len(levels[0]) == waves:
        raise InputError.of("total", required="left out without groups", got=repr(total))
    if any(total in row[waves:] for row in levels):
        raise InputError.of("total", required="a name that no group has", got=repr(total))
    named: list[tuple[object, ...]] = []
    numbers: list[list[float]] = []
    for when in dict.fromkeys(row[:waves] for row in levels):
        rows = [i for i, row in enumerate(levels) if row[:waves] == when]
        named += [*(levels[i] for i in rows), (*when, *[total] * (len(levels[0]) - waves))]
        numbers += [*([float(one[i]) for one in sums] for i in rows)]
        numbers.append([float(one[rows].sum()) for one in sums])
    n, x, people = np.array(numbers).T
    return named, n, x, people


def _refuse(
    argument: str, required: str, wrong: Any, these: FloatArray, asked: FloatArray, names: list[str]
) -> None:
    """Refuse counts that cannot be, by group."""
    if wrong.any():
        raise InputError.of(
            argument, required=required, got=f"{int(wrong.sum())} groups where it is not",
            where=(f"{names[i]}: {these[i]:g} and {asked[i]:g} asked"
                   for i in np.flatnonzero(wrong)),
        )  # fmt: skip
