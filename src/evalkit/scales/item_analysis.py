"""Item analysis: how reliable the sum of some items is, and which items do not belong."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from evalkit.core.checks import check_choice, check_counts, check_level, resolve_rng
from evalkit.core.columns import check_known
from evalkit.core.results import EffectTable
from evalkit.errors import InputError
from evalkit.kernels.numeric import normal_quantile
from evalkit.kernels.one_factor import FactorFit, fit_one_factor
from evalkit.kernels.reliability import (
    ItemCovariances,
    against_the_others,
    alpha_if_dropped,
    bootstrap_alpha,
    correlations,
    cronbach_alpha,
    feldt_interval,
    item_covariances,
    item_rest_correlations,
    lambda_6,
)
from evalkit.scales.item_columns import ItemAnswers, codes_of, read_items
from evalkit.scales.reliability_results import Reliability, ReversedItemWarning
from evalkit.typing import FloatArray, RandomSource

if TYPE_CHECKING:
    import pandas as pd

    from evalkit.scales.survey_data import SurveyData

__all__ = ["reliability"]


@dataclass(frozen=True, eq=False)
class _Items:
    """Answers used, and their moments."""

    answers: ItemAnswers
    values: FloatArray
    moments: ItemCovariances
    dropped: dict[str, int]

    @property
    def fewest(self) -> int:
        """People behind the pair of items that fewest answered."""
        return int(self.moments.n.min())

    @property
    def complete(self) -> bool:
        """Whether nobody who is used left an item out."""
        return not np.isnan(self.values).any()


def reliability(
    df: pd.DataFrame | SurveyData,
    items: Sequence[str] | None = None,
    *,
    item_range: tuple[float, float] | None = None,
    missing_codes: float | Iterable[float] = (),
    mapping: Mapping[Any, float] | None = None,
    allow_fractions: bool = False,
    reversed_items: Sequence[str] = (),
    missing: Literal["pairwise", "complete"] = "pairwise",
    n_bootstrap: int = 0,
    rng: RandomSource = None,
    level: float = 0.95,
) -> Reliability:
    r"""Estimate how reliable the sum of some items is, and what each item adds to it.

    Parameters
    ----------
    df : pandas.DataFrame or SurveyData
        One row for each person. It is not changed.
    items : sequence of str, optional
        Columns with the k items, all scored in one direction; all columns if left out.
    item_range : (float, float), optional
        Lowest and highest code that the items can have. With it, other codes are refused, and
        the shares at the ends of each item are given.
    missing_codes : float or iterable of float, optional
        Codes that stand for missing answers.
    mapping : mapping, optional
        Code of each label, for columns of text.
    allow_fractions : bool, default False
        Accept codes that are not whole numbers.
    reversed_items : sequence of str, optional
        Items whose codes were turned around before; only the warning about items that run against
        the others makes use of it.
    missing : {"pairwise", "complete"}
        Take each covariance from the people who answered both items, or everything from those who
        answered all.
    n_bootstrap : int, default 0
        Bootstrap samples of people for percentile intervals of both alphas.
    rng : int, numpy.random.Generator or None
        Source of randomness of the bootstrap.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    Reliability
        ``alpha, alpha_std, omega, omega_std, lambda6, mean_correlation``, their table, and
        ``item_frame`` with one row for each item: ``item, n, missing, mean, sd, item_rest_r,
        alpha_if_dropped, alpha_std_if_dropped, loading`` (standardised, of the one factor), and
        with ``item_range`` the shares ``floor`` and ``ceiling`` of the answers at its ends. ``n``
        in the table is the number of people behind the pair of items that fewest answered.

    Raises
    ------
    evalkit.errors.InputError
        If an item does not exist, is text without ``mapping``, or has codes that cannot be.

    Warns
    -----
    evalkit.scales.reliability_results.ReversedItemWarning
        If items correlate below 0 with the rest. They are named, and nothing is changed.

    Notes
    -----
    With covariances C of k items, :math:`\alpha = k/(k-1)\,\{1 - \mathrm{tr}(C)/1'C1\}` [1]_;
    the standardised alpha has correlations in place of covariances. Its interval is Feldt's [2]_,
    with the F distribution of n - 1 and (n - 1)(k - 1) degrees of freedom, n as above. Omega [3]_
    is :math:`(\sum\lambda)^2 / \{(\sum\lambda)^2 + \sum\psi\}` in a one-factor model fitted by
    maximum likelihood; its interval, by the delta method, needs that nobody left an item out.

    Alpha is undefined, with a reason, for one item, and if an item does not vary. For two items
    the standardised alpha is the Spearman-Brown coefficient, and omega is not identified. Omega is
    missing, with a note, where the model has no finite solution, or pairwise covariances are not
    positive definite. A negative alpha is reported as it is. Rows without any answer are dropped
    and counted.

    In R: ``psych::alpha(x)``, ``psych::alpha.ci``, and lavaan for omega.

    References
    ----------
    .. [1] Cronbach LJ (1951). Coefficient alpha and the internal structure of tests.
       Psychometrika 16:297-334. doi:10.1007/BF02310555
    .. [2] Feldt LS, Woodruff DJ, Salih FA (1987). Statistical inference for coefficient alpha.
       Appl Psychol Meas 11:93-103. doi:10.1177/014662168701100107
    .. [3] McNeish D (2018). Thanks coefficient alpha, we'll take it from here.
       Psychol Methods 23:412-433. doi:10.1037/met0000144

    Examples
    --------
    >>> import pandas as pd
    >>> answers = pd.DataFrame({
    ...     "q1": [1, 2, 3, 4, 5, 4], "q2": [2, 2, 3, 5, 4, 4], "q3": [1, 3, 2, 4, 5, 3],
    ... })
    >>> result = reliability(answers, ["q1", "q2", "q3"], item_range=(1, 5))
    >>> round(result.alpha, 4)
    0.9252
    >>> result.item_frame["alpha_if_dropped"].round(3).tolist()
    [0.818, 0.927, 0.915]
    """
    df = codes_of(df)
    level = check_level(level)
    check_choice("missing", missing, ("pairwise", "complete"))
    draws = int(check_counts("n_bootstrap", n_bootstrap)[0])
    answers = read_items(
        df,
        items,
        item_range=item_range,
        missing_codes=missing_codes,
        mapping=mapping,
        allow_fractions=allow_fractions,
    )
    check_known(df, reversed_items=[x for x in reversed_items if x not in answers.items])
    used = _use(answers, missing)
    covariance = used.moments.covariance
    reason = _undefined(used)
    notes = [f"Alpha is {reason}."] if reason else []
    fit = None if reason else fit_one_factor(covariance)
    if fit is not None and not fit.converged:
        notes.append("Omega is missing: the one-factor model has no finite solution.")
        fit = None
    elif fit is None and not reason:
        few = len(answers.items) < 3
        notes.append(
            "Two items: report alpha_std, the Spearman-Brown coefficient; omega needs three."
            if few
            else "Omega is missing: the covariances are not positive definite."
        )
    if missing == "pairwise" and not used.complete:
        notes.append(
            f"Covariances are pairwise: from {used.fewest} to {int(used.moments.n.max())} people."
        )
    samples = np.empty((0, 2))
    if draws and not reason:
        samples = np.stack(bootstrap_alpha(used.values, draws, resolve_rng(rng)), axis=1)
        lost = int(np.isnan(samples).any(axis=1).sum())
        if lost:
            notes.append(f"{lost} of {draws} bootstrap samples have no alpha and are left out.")
    suspects = _suspects(used, reversed_items, notes)
    columns = _coefficients(used, reason, fit, samples, level, notes)
    table = EffectTable.of(
        columns,
        estimand=f"Reliability of the sum of {len(answers.items)} items",
        method=("Pairwise" if missing == "pairwise" else "Complete") + " covariances",
        level=level,
        n_used=len(used.values),
        n_dropped=used.dropped,
        notes=notes,
    )
    return Reliability(
        table,
        _item_frame(used, fit),
        _labelled(covariance, answers.items),
        suspects,
        reason,
        samples,
    )


def _use(answers: ItemAnswers, missing: str) -> _Items:
    """Leave out the rows that say nothing, or with ``complete`` those that leave anything out."""
    gone = np.isnan(answers.values)
    out = gone.any(axis=1) if missing == "complete" else gone.all(axis=1)
    why = "an item missing" if missing == "complete" else "no item answered"
    values = answers.values[~out]
    if not len(values):
        raise InputError.of("items", required="items that somebody answered", got="no such row")
    dropped = {why: int(out.sum())} if out.any() else {}
    return _Items(answers, values, item_covariances(values), dropped)


def _undefined(used: _Items) -> str:
    """Say why alpha is undefined; nothing if it is not."""
    names = used.answers.items
    covariance = used.moments.covariance
    if len(names) < 2:
        return "undefined: one item has no reliability of its own"
    if used.fewest < 2:
        i, j = (int(place) for place in np.argwhere(used.moments.n < 2)[0])
        return f"undefined: fewer than two people answered {names[i]} and {names[j]}"
    constant = [name for name, v in zip(names, np.diag(covariance), strict=True) if not v > 0]
    if constant:
        return f"undefined: zero variance ({', '.join(constant)})"
    if np.isnan(cronbach_alpha(covariance)):
        return "undefined: zero variance of the sum"
    return ""


def _suspects(used: _Items, reversed_items: Sequence[str], notes: list[str]) -> tuple[str, ...]:
    """Name the items that run against the others, and warn."""
    covariance = used.moments.covariance
    marked = against_the_others(covariance)
    names = [n for n, wrong in zip(used.answers.items, marked, strict=True) if wrong]
    if not names:
        if len(marked) == 2 and covariance[0, 1] < 0:
            notes.append("The two items correlate below 0: one of them may run the wrong way.")
        return ()
    rest = item_rest_correlations(covariance)[marked]
    listed = ", ".join(f"{name} (item-rest r {r:.2f})" for name, r in zip(names, rest, strict=True))
    twice = [name for name in names if name in set(reversed_items)]
    why = "They may have been reversed twice, or not at all."
    if twice:
        why = f"{', '.join(twice)} may have been reversed twice: already in the data, and again."
    said = f"Against the other items: {listed}. {why} Nothing was changed."
    notes.append(said)
    warnings.warn(said, ReversedItemWarning, stacklevel=3)
    return tuple(names)


def _coefficients(
    used: _Items,
    reason: str,
    fit: FactorFit | None,
    samples: FloatArray,
    level: float,
    notes: list[str],
) -> dict[str, object]:
    """Return the columns of the table of coefficients."""
    covariance = used.moments.covariance
    k, nan = len(covariance), float("nan")
    r = correlations(covariance)
    alpha, alpha_std, lambda6, mean_r = (
        (nan, nan, nan, nan)
        if reason
        else (
            float(cronbach_alpha(covariance)),
            float(cronbach_alpha(r)),
            lambda_6(covariance),
            float((r.sum() - k) / (k * (k - 1))),
        )
    )
    omega, omega_std, error = nan, nan, nan
    if fit is not None:
        again = fit_one_factor(r)
        omega, omega_std = fit.omega, nan if again is None else again.omega
        if (fit.uniqueness < 0).any():
            notes.append("The one-factor model has negative unique variances; mistrust omega.")
        if used.complete:
            slope = fit.omega_gradient
            error = float(np.sqrt(slope @ fit.covariance @ slope / len(used.values)))
    z = normal_quantile(level)
    low, high = feldt_interval(alpha, used.fewest, k, level)
    rows = [
        ("alpha", alpha, nan, low, high, "Feldt"),
        ("alpha_std", alpha_std, nan, nan, nan, ""),
        ("omega", omega, error, omega - z * error, omega + z * error, "delta"),
        ("omega_std", omega_std, nan, nan, nan, ""),
        ("lambda6", lambda6, nan, nan, nan, ""),
        ("mean_r", mean_r, nan, nan, nan, ""),
    ]
    if len(samples):
        tails = [(1 - level) / 2, (1 + level) / 2]
        for at, (term, value) in enumerate((("alpha", alpha), ("alpha_std", alpha_std))):
            known = samples[~np.isnan(samples[:, at]), at]
            lower, upper = np.quantile(known, tails).tolist() if len(known) else (nan, nan)
            spread = float(known.std(ddof=1)) if len(known) > 1 else nan
            rows.append((term, value, spread, lower, upper, "bootstrap"))
    names = ("term", "estimate", "std_error", "conf_low", "conf_high", "interval")
    columns: dict[str, object] = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    return columns | {"n": used.fewest}


def _item_frame(used: _Items, fit: FactorFit | None) -> pd.DataFrame:
    """Describe every item."""
    import pandas as pd

    covariance = used.moments.covariance
    spread = np.sqrt(np.diag(covariance))
    there = np.diag(used.moments.n)
    nothing = np.full(len(spread), np.nan)
    many = len(spread) > 1
    r = correlations(covariance)
    columns: dict[str, object] = {
        "item": list(used.answers.items),
        "n": there,
        "missing": len(used.values) - there,
        "mean": used.moments.mean,
        "sd": spread,
        "item_rest_r": item_rest_correlations(covariance) if many else nothing,
        "alpha_if_dropped": alpha_if_dropped(covariance),
        "alpha_std_if_dropped": alpha_if_dropped(r),
        "loading": nothing if fit is None else fit.loadings / spread,
    }
    if used.answers.item_range is not None:
        for name, end in zip(("floor", "ceiling"), used.answers.item_range, strict=True):
            at_end = (used.values == end).sum(axis=0)
            columns[name] = np.where(there > 0, at_end / np.maximum(there, 1), np.nan)
    return pd.DataFrame(columns)


def _labelled(matrix: FloatArray, names: tuple[str, ...]) -> pd.DataFrame:
    """Put the items' names on a matrix."""
    import pandas as pd

    return pd.DataFrame(matrix, index=list(names), columns=list(names))
