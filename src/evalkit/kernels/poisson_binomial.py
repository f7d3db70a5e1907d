r"""Sums of independent yes-or-no outcomes with unlike probabilities: exact distribution and test.

With :math:`n_j` persons of probability :math:`r_j` in stratum j, the number of successes is a sum
of binomial counts. Their distributions are convolved directly, the smallest two first: all terms
are positive, so that probabilities keep their relative precision far into the tails, which a
Fourier transform loses below 1e-16. Terms below 1e-200 are left out, which keeps the work in
proportion to the variance.

References
----------
.. [1] Hoeffding W (1956). On the distribution of the number of successes in independent trials.
   Ann Math Stat 27:713-721. doi:10.1214/aoms/1177728178
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass

import numpy as np

from evalkit.typing import Alternative, FloatArray, IntArray

__all__ = ["Successes", "poisson_binomial", "poisson_binomial_test"]

_NEGLIGIBLE = 1e-200
_TIE = 1 + 1e-7  # probabilities this close count as equal, as in R's binom.test


@dataclass(frozen=True, slots=True)
class Successes:
    """Distribution of a number of successes.

    Attributes
    ----------
    first : int
        The number to which ``probability[0]`` belongs.
    probability : ndarray of float, shape (m,)
        Probabilities of that number and those after it; of all others it is below 1e-200.
    """

    first: int
    probability: FloatArray


def poisson_binomial(n: IntArray, rate: FloatArray) -> Successes:
    """Return the distribution of the number of successes in all strata together.

    Parameters
    ----------
    n : ndarray of int, shape (J,)
        Persons in each stratum, at least 0.
    rate : ndarray of float, shape (J,)
        Probability of success in each, from 0 to 1.

    Returns
    -------
    Successes
        The distribution.

    Examples
    --------
    >>> poisson_binomial(np.array([1, 1]), np.array([0.5, 0.2])).probability.round(2).tolist()
    [0.4, 0.5, 0.1]
    """
    distinct, place = np.unique(rate, return_inverse=True)
    persons = np.bincount(place.ravel(), n, minlength=len(distinct)).astype(np.int64)
    parts: list[tuple[int, int, int, FloatArray]] = []
    for order, (count, p) in enumerate(zip(persons.tolist(), distinct.tolist(), strict=True)):
        if count:
            one = _binomial(count, p)
            parts.append((len(one.probability), order, one.first, one.probability))
    if not parts:
        return Successes(0, np.ones(1))
    heapq.heapify(parts)
    order = len(distinct)
    while len(parts) > 1:
        _, _, first_a, a = heapq.heappop(parts)
        _, _, first_b, b = heapq.heappop(parts)
        both = _trimmed(first_a + first_b, np.convolve(a, b).astype(np.float64, copy=False))
        order += 1
        heapq.heappush(parts, (len(both.probability), order, both.first, both.probability))
    return Successes(parts[0][2], parts[0][3])


def _binomial(n: int, p: float) -> Successes:
    """Return one binomial distribution, from its mode outwards by the ratios of its terms."""
    if p in (0.0, 1.0):
        return Successes(n * int(p), np.ones(1))
    mode = min(int((n + 1) * p), n)
    # Beyond this distance the terms are below 1e-200 of the mode's (Bernstein's inequality).
    far = 461.0
    reach = math.ceil(far / 3 + math.sqrt((far / 3) ** 2 + 2 * far * n * p * (1 - p))) + 2
    low, high = max(0, mode - reach), min(n, mode + reach)
    up, down = np.arange(mode, high), np.arange(mode, low, -1)
    odds = p / (1 - p)
    above = np.cumprod((n - up) / (up + 1.0) * odds)
    below = np.cumprod(down / (n - down + 1.0) / odds)
    terms = np.concatenate([below[::-1], np.ones(1), above]).astype(np.float64, copy=False)
    return _trimmed(low, terms / terms.sum())


def _trimmed(first: int, terms: FloatArray) -> Successes:
    """Leave out the negligible terms at both ends."""
    kept = np.flatnonzero(terms > _NEGLIGIBLE)
    return Successes(first + int(kept[0]), terms[kept[0] : kept[-1] + 1])


def poisson_binomial_test(
    observed: int, n: IntArray, rate: FloatArray, alternative: Alternative = "two-sided"
) -> float:
    """Exact test that everybody succeeds with the probability of the stratum.

    The two-sided p-value is the total probability of all numbers no more probable than the one
    observed (probabilities within a relative 1e-7 count as equal). With one stratum it is
    R's ``binom.test(observed, n, rate)$p.value``.

    Parameters
    ----------
    observed : int
        Number of successes.
    n : ndarray of int, shape (J,)
        Persons in each stratum.
    rate : ndarray of float, shape (J,)
        Probability of success in each under the null hypothesis, from 0 to 1.
    alternative : {"two-sided", "less", "greater"}
        Direction: "less" asks whether there are fewer successes than the rates lead to expect.

    Returns
    -------
    float
        The p-value; 0 stands for less than about 1e-195.
    """
    found = poisson_binomial(n, rate)
    at = observed - found.first
    terms = found.probability
    size = len(terms)
    if alternative == "less":
        chosen = terms[: max(at + 1, 0)]
    elif alternative == "greater":
        chosen = terms[max(at, 0) :]
    else:
        own = float(terms[at]) if 0 <= at < size else 0.0
        chosen = terms[terms <= own * _TIE]
    return min(math.fsum(np.sort(chosen).tolist()), 1.0)
