"""Linear models with a random intercept for each cluster, by restricted maximum likelihood.

On the deviations within clusters, and on the means of the clusters of one size, the variance is a
multiple of the identity: the cross products on these subspaces hold all that the likelihood needs,
so that time is linear in the rows, and a step of the fit costs the same whatever their number.
"""

from __future__ import annotations

import numpy as np

from evalkit.kernels.variance_components import Moments, RemlFit, fit_reml, strata_moments
from evalkit.typing import FloatArray, IntArray

__all__ = ["fit_random_intercept"]


def fit_random_intercept(x: FloatArray, y: FloatArray, cluster: IntArray) -> RemlFit:
    """Fit coefficients and two variances by restricted maximum likelihood.

    Parameters
    ----------
    x : ndarray of float, shape (n, p)
        Covariates, the intercept among them; linearly independent.
    y : ndarray of float, shape (n,)
        Outcomes.
    cluster : ndarray of int, shape (n,)
        Codes 0, 1, ... of the clusters, none unused.

    Returns
    -------
    RemlFit
        The fit; ``components`` are the variance within clusters and that between them, which is
        0 exactly if the likelihood is largest there.
    """
    size = np.bincount(cluster)
    w = np.column_stack([x, y])
    means = np.column_stack([np.bincount(cluster, weights=column) / size for column in w.T])
    within = w - means[cluster]
    sizes, which = np.unique(size, return_inverse=True)
    counts = np.bincount(which)
    products = [within.T @ within]
    for k, m in enumerate(sizes.tolist()):
        here = means[which == k]
        products.append(m * here.T @ here)
    stacked = np.stack(products)
    dimensions = np.append(float(len(y) - len(size)), counts)
    loadings = np.column_stack([np.ones(len(sizes) + 1), np.append(0, sizes)]).astype(np.float64)

    def moments(components: FloatArray) -> Moments:
        """Return the moments at two variances."""
        return strata_moments(stacked, dimensions, loadings, components)

    left = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    start = np.array([float(left @ left) / (len(y) - x.shape[1])])
    return fit_reml(moments, start, 1)
