"""Small-sample t distributions of coefficients whose variance was estimated by REML."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.kernels.newton import inverse
from evalkit.kernels.variance_components import RemlFit
from evalkit.typing import FloatArray

__all__ = ["Contrast", "kenward_roger", "satterthwaite"]


@dataclass(frozen=True, slots=True)
class Contrast:
    """A linear combination of the coefficients with its small-sample t distribution.

    Attributes
    ----------
    estimate, std_error, df : float
        Estimate, standard error and degrees of freedom.
    """

    estimate: float
    std_error: float
    df: float


def satterthwaite(fit: RemlFit, combination: FloatArray, *, all_components: bool) -> Contrast:
    r"""Return a combination of the coefficients with Satterthwaite's degrees of freedom.

    Parameters
    ----------
    fit : RemlFit
        The fit.
    combination : ndarray of float, shape (p,)
        The combination, l.
    all_components : bool
        Whether components at the boundary count as estimated too; then the information is the
        expected one, because the observed one need not be positive there.

    Returns
    -------
    Contrast
        Estimate, standard error and degrees of freedom.

    Notes
    -----
    The degrees of freedom are :math:`2v^2/g'Ag` with :math:`v = l'(X'V^{-1}X)^{-1}l`, g its
    gradient in the components and A the inverse of their information. In R, ``lmerTest`` (with
    the observed information).
    """
    at = fit.at
    p = len(combination)
    used = np.flatnonzero(fit.active)
    information = at.observed
    if all_components and not fit.active.all():
        used, information = np.arange(len(fit.active)), at.expected
    variance = float(combination @ at.vcov @ combination)
    side = at.vcov @ combination
    gradient = np.einsum("jab,a,b->j", at.moments.first[:, :p, :p], side, side)[used]
    spread = inverse(information[np.ix_(used, used)])
    uncertainty = float(gradient @ spread @ gradient)
    df = 2 * variance**2 / uncertainty if uncertainty > 0 else np.nan
    return Contrast(float(combination @ at.coefficients), float(np.sqrt(variance)), df)


def kenward_roger(fit: RemlFit, combination: FloatArray) -> Contrast:
    r"""Return a combination of the coefficients with Kenward and Roger's correction.

    Parameters
    ----------
    fit : RemlFit
        The fit.
    combination : ndarray of float, shape (p,)
        The combination, l.

    Returns
    -------
    Contrast
        Estimate, adjusted standard error and degrees of freedom.

    Notes
    -----
    With :math:`\Phi = (X'V^{-1}X)^{-1}`, A the inverse of the expected information of all
    components, :math:`P_j = X'V^{-1}V_jV^{-1}X` and :math:`Q_{jk} =
    X'V^{-1}V_jV^{-1}V_kV^{-1}X`, the adjusted covariance is :math:`\Phi + 2\Phi\{\sum_{jk}
    A_{jk}(Q_{jk} - P_j\Phi P_k)\}\Phi`; V is linear in its components, so that second
    derivatives vanish. For one combination the scale factor of the F statistic is 1 and the
    degrees of freedom are Satterthwaite's with A. In R, ``pbkrtest::vcovAdj`` and ``ddf_Lb``.

    References
    ----------
    .. [1] Kenward MG, Roger JH (1997). Small sample inference for fixed effects from restricted
       maximum likelihood. Biometrics 53:983-997. doi:10.2307/2533558
    """
    at = fit.at
    p = len(combination)
    spread = inverse(at.expected)
    first = at.moments.first[:, :p, :p]
    middle = np.einsum("jk,jkab->ab", spread, at.moments.second[:, :, :p, :p]) - np.einsum(
        "jk,jab,bc,kcd->ad", spread, first, at.vcov, first, optimize=True
    )
    side = at.vcov @ combination
    variance = float(combination @ side)
    adjusted = variance + 2 * float(side @ middle @ side)
    gradient = np.einsum("jab,a,b->j", first, side, side)
    df = 2 * variance**2 / float(gradient @ spread @ gradient)
    return Contrast(float(combination @ at.coefficients), float(np.sqrt(adjusted)), df)
