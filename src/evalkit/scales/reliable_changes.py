"""Who has changed: more than error of measurement explains, and into the normal range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core.checks import check_level
from evalkit.core.results import EffectTable
from evalkit.errors import InputError
from evalkit.kernels.numeric import normal_quantile
from evalkit.kernels.paired_change import spread as standard_deviation
from evalkit.kernels.proportions import wilson
from evalkit.scales.given_numbers import check_finite, check_mean_and_sd, check_truth
from evalkit.scales.paired_waves import PairedWaves, read_pairs
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ReliableChange", "reliable_change"]

_CLASSES = ("recovered", "improved", "unchanged", "deteriorated")


@dataclass(frozen=True, eq=False, repr=False)
class ReliableChange:
    """Who has changed reliably.

    Attributes
    ----------
    table : EffectTable
        Shares of the classes, with ``count``.
    people : pandas.DataFrame
        One row for each person with both scores: ``id, before, after, change, rci,
        crossed, change_class``.
    threshold : float
        Change in the units of the score above which it is reliable.
    cut_off : float or None
        Score beyond which a person counts as in the normal range.
    cut_off_kind : str
        Where the cut-off comes from; empty without one.
    """

    table: EffectTable
    people: pd.DataFrame
    threshold: float
    cut_off: float | None
    cut_off_kind: str

    def to_frame(self) -> pd.DataFrame:
        """Return the shares of the classes.

        Returns
        -------
        pandas.DataFrame
            The columns of an effect table and ``count``.
        """
        return self.table.to_frame()

    def __repr__(self) -> str:
        """Show the shares in at most fifteen lines."""
        return repr(self.table)

    def _repr_html_(self) -> str:
        """Show the shares in a notebook."""
        return self.table._repr_html_()  # pyright: ignore[reportPrivateUsage]


def reliable_change(
    df: pd.DataFrame,
    *,
    before: object,
    after: object,
    reliability: float,
    higher_is_better: bool,
    id: str | None = None,  # noqa: A002 (the word that users know)
    wave: str | None = None,
    score: str | None = None,
    sd: float | None = None,
    cut_off: float | None = None,
    norm: tuple[float, float] | None = None,
    patients: tuple[float, float] | None = None,
    level: float = 0.95,
) -> ReliableChange:
    r"""Count who improved or deteriorated by more than error of measurement explains.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person, or for each person and wave; as in
        :func:`evalkit.scales.change`. It is not changed.
    before, after : str or object
        The columns with the scores; with `wave`, the values of that column.
    reliability : float
        Reliability of the score, from 0 to below 1, from a source that the caller names.
    higher_is_better : bool
        Whether a higher score is better.
    id, wave, score : str, optional
        Columns with the person, the wave and the score.
    sd : float, optional
        Standard deviation that goes with the reliability; that of the scores before of those
        paired if left out.
    cut_off : float, optional
        Score that a person must pass to count as in the normal range.
    norm : (float, float), optional
        Mean and standard deviation of the normal population, from which to compute the cut-off.
    patients : (float, float), optional
        Mean and standard deviation of those who seek help; the paired before if left out.
    level : float, default 0.95
        The change is reliable beyond this quantile of error; also the level of the intervals.

    Returns
    -------
    ReliableChange
        Shares, Wilson intervals and numbers of the classes: ``recovered`` (reliably improved, and
        from the wrong to the right side of the cut-off), ``improved`` (reliably, without that),
        ``unchanged`` and ``deteriorated`` (reliably). Without a cut-off nobody is ``recovered``
        and the class is left out.

    Raises
    ------
    evalkit.errors.InputError
        If scores cannot be paired, ``reliability`` is not from 0 to below 1, ``higher_is_better``
        is neither True nor False, a standard deviation is not above 0, a cut-off or mean is not
        finite, both ``cut_off`` and ``norm`` are given, or the norm lies on the wrong side of those
        before.

    Notes
    -----
    The reliable-change index [1]_ is :math:`(x_2 - x_1) / (s \sqrt{2} \sqrt{1 - r})`, reliable
    beyond the normal quantile (1.96 at 95 %). With `norm` the cut-off is Jacobson and Truax's c,
    :math:`(s_0 m_1 + s_1 m_0)/(s_0 + s_1)`, where a score is as far from both groups in their
    standard deviations. At 95 % one in twenty unchanged people passes the index by chance, half of
    them in each direction: compare the share improved with the share deteriorated.

    People without both scores are dropped and counted.

    References
    ----------
    .. [1] Jacobson NS, Truax P (1991). Clinical significance: a statistical approach to defining
       meaningful change in psychotherapy research. J Consult Clin Psychol 59:12-19.
       doi:10.1037/0022-006X.59.1.12

    Examples
    --------
    >>> import pandas as pd
    >>> scores = pd.DataFrame({"start": [30, 28, 33, 25, 31], "end": [22, 27, 15, 34, 29]})
    >>> result = reliable_change(scores, before="start", after="end", reliability=0.85, sd=7.5,
    ...                          higher_is_better=False, cut_off=18)
    >>> round(result.threshold, 2), result.to_frame()["count"].tolist()
    (8.05, [1, 0, 3, 1])
    """
    level = check_level(level)
    wanted = "a number from 0 to below 1"
    reliability = check_finite("reliability", reliability, wanted)
    if not 0 <= reliability < 1:
        raise InputError.of("reliability", required=wanted, got=repr(reliability))
    higher_is_better = check_truth("higher_is_better", higher_is_better)
    pairs = read_pairs(df, before=before, after=after, id=id, wave=wave, score=score)
    if pairs.n < 2:
        raise InputError.of("df", required="two people with both scores", got=f"{pairs.n}")
    spread = standard_deviation(pairs.before) if sd is None else check_finite("sd", sd)
    if not spread > 0:
        raise InputError.of("sd", required="above 0", got=f"{spread:g}")
    error = spread * float(np.sqrt(2 * (1 - reliability)))
    threshold = normal_quantile(level) * error
    limit, kind = _cut_off(pairs, cut_off, norm, patients, higher_is_better=higher_is_better)
    people = _classify(pairs, error, threshold, limit, higher_is_better=higher_is_better)
    classes = _CLASSES if limit is not None else _CLASSES[1:]
    counts = np.array([int((people["change_class"] == name).sum()) for name in classes])
    found = wilson(counts, pairs.n, level)
    notes = [pairs.counts(), f"Reliable: a change of more than {threshold:.2f}."]
    if limit is not None:
        inside = int(_beyond(pairs.before, limit, higher_is_better=higher_is_better).sum())
        notes.append(
            f"Cut-off {limit:.2f} ({kind}); {inside} of {pairs.n} were beyond it already before."
        )
    table = EffectTable.of(
        {
            "term": list(classes),
            "estimate": found.estimate,
            "conf_low": found.low,
            "conf_high": found.high,
            "n": pairs.n,
            "count": counts,
        },
        estimand=f"Shares by reliable change from {before} to {after}",
        method=f"Reliable-change index with reliability {reliability:g}; Wilson intervals",
        level=level,
        n_used=pairs.n,
        n_dropped=pairs.n_dropped,
        notes=notes,
    )
    return ReliableChange(table, people, threshold, limit, kind)


def _cut_off(
    pairs: PairedWaves,
    given: float | None,
    norm: tuple[float, float] | None,
    patients: tuple[float, float] | None,
    *,
    higher_is_better: bool,
) -> tuple[float | None, str]:
    """Return the cut-off, and where it comes from."""
    if given is not None and norm is not None:
        raise InputError.of("cut_off", required="given without norm", got="both")
    if patients is not None and norm is None:
        raise InputError.of("patients", required="given with norm", got="alone")
    if given is not None:
        return check_finite("cut_off", given), "given"
    if norm is None:
        return None, ""
    own = (float(pairs.before.mean()), standard_deviation(pairs.before))
    mean_0, sd_0 = check_mean_and_sd("norm", norm)
    mean_1, sd_1 = check_mean_and_sd("patients", own if patients is None else patients)
    if (mean_0 > mean_1) != higher_is_better or mean_0 == mean_1:
        raise InputError.of(
            "norm",
            required=f"a mean {'above' if higher_is_better else 'below'} that of those before",
            got=f"{mean_0:g} against {mean_1:g}",
            remedy="Check higher_is_better.",
        )
    return (sd_0 * mean_1 + sd_1 * mean_0) / (sd_0 + sd_1), "c of Jacobson and Truax"


def _beyond(
    scores: FloatArray, limit: float, *, higher_is_better: bool
) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Say who is past the cut-off, on the better side."""
    return scores > limit if higher_is_better else scores < limit


def _classify(
    pairs: PairedWaves,
    error: float,
    threshold: float,
    limit: float | None,
    *,
    higher_is_better: bool,
) -> pd.DataFrame:
    """Lay out every person's change."""
    import pandas as pd

    moved = pairs.after - pairs.before
    better = moved if higher_is_better else -moved
    crossed = np.zeros(pairs.n, dtype=np.bool_)
    if limit is not None:
        was = _beyond(pairs.before, limit, higher_is_better=higher_is_better)
        crossed = ~was & _beyond(pairs.after, limit, higher_is_better=higher_is_better)
    improved = better > threshold
    names = np.select(
        [improved & crossed, improved, better < -threshold], ["recovered", "improved",
                                                              "deteriorated"], "unchanged"
    )  # fmt: skip
    return pd.DataFrame(
        {
            "id": list(pairs.people),
            "before": pairs.before,
            "after": pairs.after,
            "change": moved,
            "rci": moved / error if error > 0 else np.full(pairs.n, np.nan),
            "crossed": crossed,
            "change_class": names.tolist(),
        }
    )
