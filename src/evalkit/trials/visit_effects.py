"""Effects at several times after the start, from all measurements of everybody."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from evalkit.core.checks import check_choice, check_level
from evalkit.core.columns import Names
from evalkit.core.results import TestResult
from evalkit.errors import InputError
from evalkit.kernels.least_squares import dependent_columns
from evalkit.kernels.reml_contrasts import kenward_roger
from evalkit.kernels.student import student
from evalkit.kernels.variance_components import RemlFit
from evalkit.kernels.visit_covariance import (
    Pattern,
    fit_visits,
    group_by_pattern,
    joint_test,
    structure,
)
from evalkit.trials.estimand import Estimand
from evalkit.trials.trial_result import Higher, TrialEffect
from evalkit.trials.trial_sample import TrialWarning
from evalkit.trials.visit_sample import VisitSample, read_visits
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["VisitEffects", "repeated_measures"]

_ROUNDING = 1e-20  # of the outcome's squares: residuals that are nothing else
_SINGULAR = 1e-9  # smallest eigenvalue of a correlation matrix that is no rounding
_POLICY: dict[str, Any] = {"any departure from the assigned arm": "treatment policy"}


@dataclass(frozen=True, eq=False, repr=False)
class VisitEffects(TrialEffect):
    """Effects at each visit, with their joint test and the covariance between visits.

    Parameters
    ----------
    data, estimand, method, level, n_used, n_dropped, notes, attributes, arms
        As :class:`evalkit.trials.TrialEffect`.
    joint : TestResult
        The test that there is no effect at any visit.
    covariance : pandas.DataFrame
        Covariance of the outcomes of a person, visit by visit.
    """

    joint: TestResult = field(kw_only=True)
    covariance: pd.DataFrame = field(kw_only=True)


def repeated_measures(
    df: pd.DataFrame,
    *,
    outcome: str,
    arm: str,
    control: object,
    unit: str,
    visit: str,
    visits: Sequence[object] | None = None,
    baseline: object = None,
    covariates: Names | None = None,
    covariates_by_visit: bool = False,
    covariance: Literal["unstructured", "compound"] = "unstructured",
    level: float = 0.95,
    higher: Higher | None = None,
    estimand: Estimand | None = None,
) -> VisitEffects:
    r"""Estimate the effect at each visit, with measurements that some persons lack.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person and visit.
    outcome : str
        Column with the outcome.
    arm : str
        Column with the arm as randomised.
    control : object
        Label of the control arm.
    unit : str
        Column that identifies the persons.
    visit : str
        Column with the visit.
    visits : sequence, optional
        The visits in order; needed where they are texts without an order.
    baseline : object, optional
        The visit before the start. It is an outcome too, with the same mean in all arms: the
        constrained longitudinal analysis. Without it every visit has an effect (a mixed model
        for repeated measures); a baseline value may then be one of `covariates`.
    covariates : str or sequence of str, optional
        Right-hand side of a formula, or columns.
    covariates_by_visit : bool, default False
        Give every covariate a slope of its own at each visit.
    covariance : {"unstructured", "compound"}
        A variance for each visit and a covariance for each pair, or one of each.
    level : float, default 0.95
        Confidence level.
    higher : {"better", "worse"}, optional
        What a higher outcome means.
    estimand : Estimand, optional
        What is estimated, if not the difference between the arms as randomised.

    Returns
    -------
    VisitEffects
        One row for each visit (after the baseline) and arm, with key ``visit``; ``n`` is the
        persons seen at the visit. ``joint`` tests all of them.

    Raises
    ------
    evalkit.errors.InputError
        If a column does not exist or holds what it must not, a person is in two arms or twice at
        a visit, an arm has nobody at a visit, covariates are collinear, there are too few
        persons for the covariance, nobody was seen at both visits of a pair, or the outcome at
        a visit has no spread or follows from the other visits.

    Warns
    -----
    TrialWarning
        If the likelihood did not reach its maximum.

    Notes
    -----
    Outcomes of a person are normal with mean :math:`\mu_{visit} + x'\beta + \delta_{arm, visit}`
    and a covariance that is estimated by restricted maximum likelihood. Standard errors and
    degrees of freedom are those of Kenward and Roger [1]_ (of a covariance that is linear in its
    parameters). Rows without an outcome are left out and counted; whoever has one measurement
    counts. That is unbiased where what is missing can be foreseen from what was measured
    (missing at random).

    In R: ``mmrm::mmrm(y ~ visit * arm + us(visit | id), method = "Kenward-Roger", vcov =
    "Kenward-Roger-Linear")``, and for compound symmetry ``lme4::lmer`` with
    ``pbkrtest::KRmodcomp``.

    References
    ----------
    .. [1] Kenward MG, Roger JH (1997). Small sample inference for fixed effects from restricted
       maximum likelihood. Biometrics 53:983-997. doi:10.2307/2533558
    .. [2] Lu K (2010). On efficiency of constrained longitudinal data analysis versus longitudinal
       analysis of covariance. Biometrics 66:891-896. doi:10.1111/j.1541-0420.2009.01332.x

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> person, week = np.repeat(np.arange(60), 3), np.tile([0, 16, 52], 60)
    >>> arm = np.where(person < 30, "ReDO", "CAU")
    >>> y = 20 + np.repeat(rng.normal(0, 3, 60), 3) + rng.normal(0, 2, 180)
    >>> y = y + 2 * ((arm == "ReDO") & (week > 0))
    >>> df = pd.DataFrame({"id": person, "arm": arm, "week": week, "mastery": y})
    >>> found = repeated_measures(
    ...     df, outcome="mastery", arm="arm", control="CAU", unit="id", visit="week", baseline=0
    ... )
    >>> found.to_frame()[["visit", "contrast", "n"]]
       visit    contrast   n
    0     16  ReDO - CAU  60
    1     52  ReDO - CAU  60
    """
    check_choice("covariance", covariance, ("unstructured", "compound"))
    level = check_level(level)
    sample = read_visits(
        df,
        outcome=outcome,
        arm=arm,
        control=control,
        unit=unit,
        visit=visit,
        visits=visits,
        covariates=covariates,
    )
    first = _first_with_effect(sample, baseline, visit)
    x, names = _matrix(sample, first, covariates_by_visit)
    _refuse_collinear(x, names)
    n_visits = len(sample.visit_levels)
    # Every visit has a mean of its own: a constant taken off changes no effect, and keeps digits.
    centred = sample.outcome - sample.outcome.mean()
    patterns = group_by_pattern(sample.unit, sample.visit, x, centred, n_visits)
    basis = structure(n_visits, covariance)
    _refuse_few(sample, len(basis), x.shape[1])
    if covariance == "unstructured":
        _refuse_unseen_pairs(patterns, sample)
    _refuse_no_spread(x, centred, sample, covariance)
    fit = fit_visits(patterns, basis)
    found = np.einsum("k,kab->ab", fit.components, basis)
    _refuse_singular(found, outcome)
    if not fit.converged:
        warnings.warn(
            "The restricted likelihood did not reach its maximum; with few persons "
            'covariance="compound" asks less of the data.',
            TrialWarning,
            stacklevel=2,
        )
    arms = range(1, len(sample.arm_levels))
    cells = [(v, a) for v in range(first, n_visits) for a in arms]
    contrasts = np.eye(x.shape[1])[-len(cells) :]
    columns, joint = _columns(sample, fit, cells, contrasts, level)
    contrast_names = [f"{sample.arm_levels[a]} - {sample.arm_levels[0]}" for a in arms]
    made = estimand or Estimand(
        "all randomised",
        f"{'; '.join(contrast_names)}, as randomised",
        f"{outcome} at each visit",
        "difference in means",
        _POLICY,
    )
    kind = "constrained longitudinal analysis" if first else "mixed model for repeated measures"
    said = "; ".join(contrast_names) + (f", higher = {higher}" if higher else "")
    return VisitEffects.from_arms(
        columns,
        sample.arms,
        attributes=made,
        contrasts=said,
        method=f"{kind[0].upper()}{kind[1:]}, {covariance} covariance, REML with Kenward-Roger",
        level=level,
        n_dropped=sample.n_dropped,
        joint=joint,
        covariance=_as_frame(found, sample),
    )


def _first_with_effect(sample: VisitSample, baseline: object, visit: str) -> int:
    """Return the first visit that has an effect."""
    if baseline is None:
        return 0
    if baseline != sample.visit_levels[0]:
        raise InputError.of(
            "baseline",
            required=f"the first visit in {visit!r}, {sample.visit_levels[0]!r}",
            got=repr(baseline),
            remedy="visits=[...] says in which order they come.",
        )
    return 1


def _matrix(sample: VisitSample, first: int, by_visit: bool) -> tuple[FloatArray, list[str]]:
    """Return covariates, visit means and effects, in this order, with their names."""
    at = np.eye(len(sample.visit_levels))[sample.visit]
    columns: list[FloatArray] = []
    names: list[str] = []
    if sample.covariates is not None:
        for name, raw in zip(sample.covariates.names, sample.covariates.matrix.T, strict=True):
            values = raw - raw.mean()  # the visits' means take the rest
            if by_visit:
                columns += [values * here for here in at.T]
                names += [f"{name} at {level}" for level in sample.visit_levels]
            else:
                columns.append(values)
                names.append(name)
    columns += list(at.T)
    names += [f"visit {level}" for level in sample.visit_levels]
    for v in range(first, len(sample.visit_levels)):
        for a in range(1, len(sample.arm_levels)):
            columns.append(at[:, v] * (sample.arm == a))
            names.append(f"{sample.arm_levels[a]} at {sample.visit_levels[v]}")
    return np.column_stack(columns), names


def _refuse_collinear(x: FloatArray, names: list[str]) -> None:
    """Refuse columns that add nothing, by name."""
    # Visits and effects first: what depends on them is a covariate that can be left out.
    dependent = x.shape[1] - 1 - dependent_columns(x[:, ::-1])
    if len(dependent):
        raise InputError.of(
            "covariates",
            required="that none is a combination of visits, arms and the others",
            got=f"{len(dependent)} that are",
            where=(repr(names[int(j)]) for j in dependent),
            remedy="Leave them out.",
        )


def _refuse_few(sample: VisitSample, parameters: int, coefficients: int) -> None:
    """Refuse more parameters than the measurements can carry."""
    left = len(sample.outcome) - coefficients
    persons = len(np.unique(sample.unit))
    if left <= parameters or persons <= len(sample.visit_levels) + 1:
        raise InputError.of(
            "df",
            required="more measurements than the model has parameters",
            got=f"{len(sample.outcome)} measurements of {persons} persons for {coefficients} "
            f"coefficients and {parameters} variances and covariances",
            remedy='covariance="compound" has two.',
        )


def _refuse_unseen_pairs(patterns: list[Pattern], sample: VisitSample) -> None:
    """Refuse pairs of visits at which nobody was seen at both: their covariance is not known."""
    together = np.eye(len(sample.visit_levels), dtype=np.int64)
    for pattern in patterns:
        together[np.ix_(pattern.visits, pattern.visits)] += pattern.n_units
    never = np.argwhere(np.triu(together == 0))
    if len(never):
        levels = sample.visit_levels
        raise InputError.of(
            "outcome",
            required="there for somebody at both visits of every pair",
            got=f"{len(never)} pairs at which nobody has both",
            where=(f"{levels[i]!r} and {levels[j]!r}" for i, j in never.tolist()),
            remedy='covariance="compound" does not need every pair.',
        )


def _refuse_no_spread(x: FloatArray, y: FloatArray, sample: VisitSample, covariance: str) -> None:
    """Refuse outcomes that the means fit exactly: without spread there is no variance."""
    left = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    at = sample.visit if covariance == "unstructured" else np.zeros_like(sample.visit)
    size = float(y @ y) + float(np.square(sample.outcome).sum()) * _ROUNDING
    flat = np.flatnonzero(np.bincount(at, weights=left**2) <= _ROUNDING * size)
    if len(flat):
        by_visit = covariance == "unstructured"
        raise InputError.of(
            "outcome",
            required="different between persons of an arm, at every visit",
            got="outcomes without spread, or that the covariates fit exactly",
            where=(f"visit {sample.visit_levels[v]!r}" for v in flat.tolist()) if by_visit else (),
            remedy="Leave such a visit out.",
        )


def _refuse_singular(covariance: FloatArray, outcome: str) -> None:
    """Refuse a covariance by which the outcome at one visit follows from the others."""
    spread = np.sqrt(np.diagonal(covariance))
    if np.linalg.eigvalsh(covariance / np.outer(spread, spread))[0] < _SINGULAR:
        raise InputError.of(
            "outcome",
            required=f"not determined at one visit by the other visits ({outcome!r})",
            got="a covariance between visits that is singular",
            remedy="Leave out a visit that repeats others, such as a value carried forward.",
        )


def _columns(
    sample: VisitSample,
    fit: RemlFit,
    cells: list[tuple[int, int]],
    contrasts: FloatArray,
    level: float,
) -> tuple[dict[str, object], TestResult]:
    """Return the columns of the result, and the joint test."""
    from scipy import special

    found = [kenward_roger(fit, contrast) for contrast in contrasts]
    columns: dict[str, object] = {
        "visit": [sample.visit_levels[v] for v, _ in cells],
        "term": "difference",
        "contrast": [f"{sample.arm_levels[a]} - {sample.arm_levels[0]}" for _, a in cells],
        **student(
            [one.estimate for one in found],
            [one.std_error for one in found],
            [one.df for one in found],
            level,
        ),
        "n": [sample.persons_at(v) for v, _ in cells],
    }
    test = joint_test(fit, contrasts)
    joint = TestResult(
        "no difference between the arms at any visit",
        "F test by Kenward and Roger",
        test.statistic,
        test.df,
        float(special.fdtrc(*test.df, test.statistic)),
        len(np.unique(sample.unit)),
        sample.n_dropped,
    )
    return columns, joint


def _as_frame(covariance: FloatArray, sample: VisitSample) -> pd.DataFrame:
    """Return a covariance with the visits' names."""
    import pandas as pd

    names = list(sample.visit_levels)
    return pd.DataFrame(covariance, index=names, columns=names)
