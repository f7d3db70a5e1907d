"""Split-half reliability: how well one half of a scale stands for the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.errors import InputError
from evalkit.kernels.half_scores import all_halves, split_scores
from evalkit.kernels.reliability import item_covariances
from evalkit.scales.item_columns import codes_of, read_items
from evalkit.scales.reliability_results import SplitHalf
from evalkit.typing import BoolArray

if TYPE_CHECKING:
    import pandas as pd

    from evalkit.scales.survey_data import SurveyData

__all__ = ["split_half"]

_MOST = 16  # items whose 6,435 splits are all tried
_WORDS = {
    "odd-even": "Every other item",
    "first-second": "The first half of the items and the second",
    "all": "All splits into halves, averaged",
}


def split_half(
    df: pd.DataFrame | SurveyData,
    items: Sequence[str] | None = None,
    *,
    halves: str | Sequence[str] = "odd-even",
    item_range: tuple[float, float] | None = None,
    missing_codes: float | Iterable[float] = (),
    mapping: Mapping[Any, float] | None = None,
    allow_fractions: bool = False,
) -> SplitHalf:
    r"""Estimate the reliability of a scale from the agreement of its halves.

    Parameters
    ----------
    df : pandas.DataFrame or SurveyData
        One row for each person. It is not changed.
    items : sequence of str, optional
        Columns with the items, in the order of the questionnaire; all columns if left out.
    halves : {"odd-even", "first-second", "all"} or sequence of str
        How to split, or the items of the first half. "all" tries every split, of at most
        16 items.
    item_range : (float, float), optional
        Lowest and highest code; other codes are refused.
    missing_codes : float or iterable of float, optional
        Codes that stand for missing answers.
    mapping : mapping, optional
        Code of each label, for columns of text.
    allow_fractions : bool, default False
        Accept codes that are not whole numbers.

    Returns
    -------
    SplitHalf
        Correlation of the halves, Spearman-Brown coefficient and Guttman's lambda 4.

    Raises
    ------
    evalkit.errors.InputError
        If there are fewer than two items, or the halves are not what they must be.

    Notes
    -----
    With the correlation r of the half scores, Spearman and Brown's coefficient [1]_ is
    :math:`2r/(1+r)`, right for halves of equal length and variance; Guttman's lambda 4 [2]_,
    :math:`4\,\mathrm{cov}(A,B)/\mathrm{var}(A+B)`, lets the variances differ. For an even number
    of items the mean of lambda 4 over all splits is Cronbach's alpha. Rows with a missing item
    are dropped and counted. For two items this is the coefficient to report [3]_.

    In R: ``psych::splitHalf(x, covar = TRUE)``.

    References
    ----------
    .. [1] Brown W (1910). Some experimental results in the correlation of mental abilities.
       Br J Psychol 3:296-322. doi:10.1111/j.2044-8295.1910.tb00207.x
    .. [2] Guttman L (1945). A basis for analyzing test-retest reliability. Psychometrika
       10:255-282. doi:10.1007/BF02288892
    .. [3] Eisinga R, te Grotenhuis M, Pelzer B (2013). The reliability of a two-item scale.
       Int J Public Health 58:637-642. doi:10.1007/s00038-012-0416-3

    Examples
    --------
    >>> import pandas as pd
    >>> answers = pd.DataFrame({"q1": [1, 2, 3, 4, 5, 4], "q2": [2, 2, 3, 5, 4, 4]})
    >>> round(split_half(answers).spearman_brown, 4)
    0.9248
    """
    df = codes_of(df)
    answers = read_items(
        df,
        items,
        item_range=item_range,
        missing_codes=missing_codes,
        mapping=mapping,
        allow_fractions=allow_fractions,
    )
    k = len(answers.items)
    if k < 2:
        raise InputError.of("items", required="at least two items", got=f"{k}")
    whole = ~np.isnan(answers.values).any(axis=1)
    n = int(whole.sum())
    if n < 2:
        raise InputError.of("items", required="answered in full by two people", got=f"{n}")
    method, first = _splits(halves, answers.items)
    found = split_scores(item_covariances(answers.values[whole]).covariance, first)
    known = found.lambda_4[~np.isnan(found.lambda_4)]
    if not len(known):
        raise InputError.of("items", required="items whose sum varies", got="zero variance")
    best = first[int(np.nanargmax(found.lambda_4))]
    names = np.array(answers.items, dtype=object)
    return SplitHalf(
        method,
        float(found.correlation.mean()),
        float(found.spearman_brown.mean()),
        float(known.mean()),
        float(known.min()),
        float(known.max()),
        (tuple(names[best].tolist()), tuple(names[~best].tolist())),
        n,
        len(first),
        {} if whole.all() else {"an item missing": int((~whole).sum())},
    )


def _splits(halves: str | Sequence[str], items: tuple[str, ...]) -> tuple[str, BoolArray]:
    """Return what the split is called, and which items are in the first half of each."""
    k = len(items)
    places = np.arange(k)
    if not isinstance(halves, str):
        chosen = list(halves)
        unknown = [name for name in chosen if name not in items]
        if unknown or not 0 < len(set(chosen)) < k:
            raise InputError.of(
                "halves",
                required="some of the items, not all",
                got=", ".join(map(repr, unknown or chosen)) or "none",
            )
        return "A given half", np.isin(np.array(items), chosen)[None]
    if halves not in _WORDS:
        raise InputError.of(
            "halves",
            required=", ".join(map(repr, _WORDS)) + ", or a list of items",
            got=repr(halves),
        )
    if halves == "all":
        if k > _MOST:
            raise InputError.of(
                "halves",
                required=f"a single split of more than {_MOST} items",
                got="'all'",
                remedy="Take 'odd-even', or Cronbach's alpha, which averages all splits.",
            )
        return _WORDS[halves], all_halves(k)
    first = places % 2 == 0 if halves == "odd-even" else places < (k + 1) // 2
    return _WORDS[halves], first[None]
