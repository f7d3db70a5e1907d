"""What the effects of other than linear models share: checks, the design with arms, strata."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evalkit.core.checks import check_choice
from evalkit.errors import InputError
from evalkit.kernels.arm_means import cluster_variance
from evalkit.kernels.sandwich import CLUSTERED, UNCLUSTERED
from evalkit.trials.requests import EffectRequest
from evalkit.trials.trial_sample import TrialSample
from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = [
    "ArmDesign",
    "arm_design",
    "check_adjustment",
    "check_arguments",
    "check_time_arguments",
    "check_vcov",
    "clustered",
    "refuse_dependent",
    "refuse_separated",
    "weight_of",
]


@dataclass(frozen=True, eq=False)
class ArmDesign:
    """A design matrix with an intercept, the arms, the strata and the covariates.

    Attributes
    ----------
    matrix : ndarray of float, shape (n, p)
        The intercept first, then one column for each other arm.
    names : tuple of str, length p
        Names of the columns.
    n_arms : int
        K, control included.
    """

    matrix: FloatArray
    names: tuple[str, ...]
    n_arms: int

    @property
    def rest(self) -> FloatArray:
        """Columns of strata and covariates."""
        return self.matrix[:, self.n_arms :]

    def in_arm(self, arm: int) -> FloatArray:
        """Return the matrix with everybody set to one arm.

        Parameters
        ----------
        arm : int
            Code of the arm.

        Returns
        -------
        ndarray of float, shape (n, p)
            The matrix.
        """
        moved = self.matrix.copy()
        moved[:, 1 : self.n_arms] = 0.0
        if arm > 0:
            moved[:, arm] = 1.0
        return moved


def arm_design(sample: TrialSample) -> ArmDesign:
    """Set the arms beside the strata and covariates.

    Parameters
    ----------
    sample : TrialSample
        The trial.

    Returns
    -------
    ArmDesign
        The matrix. Strata enter as one column each but for the first that occurs.
    """
    columns = [np.ones(sample.n)]
    names = ["Intercept"]
    for code, label in enumerate(sample.arm_levels[1:], start=1):
        columns.append((sample.arm == code).astype(np.float64))
        names.append(str(label))
    if sample.strata is not None:
        for code in np.unique(sample.strata)[1:].tolist():
            columns.append((sample.strata == code).astype(np.float64))
            names.append(f"stratum {sample.strata_levels[code]}")
    covariates = () if sample.covariates is None else sample.covariates.names
    matrix = np.column_stack([*columns, sample.matrix])
    return ArmDesign(matrix, (*names, *covariates), len(sample.arm_levels))


def weight_of(sample: TrialSample) -> FloatArray:
    """Return the case weights, 1 without any.

    Parameters
    ----------
    sample : TrialSample
        The trial.

    Returns
    -------
    ndarray of float, shape (n,)
        The weights.
    """
    return np.ones(sample.n) if sample.weights is None else sample.weights


def check_adjustment(
    sample: TrialSample, request: EffectRequest, allowed: Sequence[str], remedy: str = ""
) -> None:
    """Refuse adjustments that the measure does not have, and covariates that would be ignored.

    Parameters
    ----------
    sample : TrialSample
        The trial.
    request : EffectRequest
        What was asked for.
    allowed : sequence of str
        Adjustments that the measure has.
    remedy : str, optional
        What to use instead.
    """
    if request.adjustment not in allowed:
        raise InputError.of(
            "adjustment",
            required=f"one of {', '.join(repr(a) for a in allowed)} for {request.measure!r}",
            got=repr(request.adjustment),
            remedy=remedy,
        )
    if request.adjustment == "none" and sample.covariates is not None:
        raise InputError.of(
            "covariates",
            required='None with adjustment="none"',
            got=sample.covariates.coding.formula,
            remedy=f"Name how they enter: adjustment={allowed[-1]!r}."
            if len(allowed) > 1
            else remedy,
        )
    if request.adjustment != "none" and sample.covariates is None and sample.strata is None:
        raise InputError.of(
            "covariates",
            required=f"given with adjustment={request.adjustment!r}",
            got="none",
            remedy='Name the covariates, or use adjustment="none".',
        )


def check_vcov(request: EffectRequest, allowed: Sequence[str], *, clustered: bool = False) -> str:
    """Return the variance to use: what was asked for, or the first that is allowed.

    Parameters
    ----------
    request : EffectRequest
        What was asked for.
    allowed : sequence of str
        Names, the default first.
    clustered : bool, default False
        Whether the rows come in clusters, said in the message.

    Returns
    -------
    str
        The name.
    """
    if request.vcov is None:
        return allowed[0]
    if request.vcov not in allowed:
        situation = " in clusters" if clustered else ""
        remedy = ""
        if request.vcov in CLUSTERED and not clustered:
            remedy = "Name the column with the clusters in `cluster`."
        elif request.vcov in UNCLUSTERED and clustered:
            remedy = "It would treat persons of a cluster as independent."
        elif request.vcov in (*CLUSTERED, *UNCLUSTERED) and request.measure == "risk_difference":
            remedy = 'measure="difference" has it for outcomes of 0 and 1 too.'
        raise InputError.of(
            "vcov",
            required=f"one of {', '.join(repr(v) for v in allowed)} for {request.measure!r} with "
            f"adjustment={request.adjustment!r}{situation}",
            got=repr(request.vcov),
            remedy=remedy,
        )
    return check_choice("vcov", request.vcov, tuple(allowed))


def clustered(sample: TrialSample, influence: FloatArray) -> tuple[float, float]:
    """Return variance and degrees of freedom of an estimate from what the rows add to it.

    Parameters
    ----------
    sample : TrialSample
        The trial, with clusters.
    influence : ndarray of float, shape (n,)
        What each row adds.

    Returns
    -------
    tuple of float
        Variance and degrees of freedom.
    """
    assert sample.cluster is not None
    return cluster_variance(influence, sample.arm, sample.cluster)


def refuse_dependent(design: ArmDesign, dependent: IntArray) -> None:
    """Refuse columns that others determine.

    Parameters
    ----------
    design : ArmDesign
        The design.
    dependent : ndarray of int
        Such columns.
    """
    if len(dependent):
        raise InputError.of(
            "covariates",
            required="columns that the arms and the other columns do not determine",
            got=f"{len(dependent)} that they do",
            where=(repr(design.names[int(j)]) for j in dependent),
            remedy="Leave them out.",
        )


def refuse_separated(
    design: ArmDesign, outcome: FloatArray, infinite: BoolArray, request: EffectRequest, remedy: str
) -> None:
    """Refuse covariates that separate the outcomes, and name the cell that does it.

    Parameters
    ----------
    design : ArmDesign
        The design.
    outcome : ndarray of float, shape (n,)
        The outcome.
    infinite : ndarray of bool, shape (p,)
        Columns whose coefficients are infinite.
    request : EffectRequest
        What was asked for.
    remedy : str
        What to do instead.
    """
    if not infinite.any():
        return
    cells: list[str] = []
    for j in np.flatnonzero(infinite).tolist():
        column = design.matrix[:, j]
        values = np.unique(column)
        if j > 0 and len(values) == 2:
            for value in values.tolist():
                seen = outcome[column == value]
                if len(np.unique(seen)) == 1:
                    cells.append(
                        f"{design.names[j]} = {value:g}: {request.outcome} is {seen[0]:g} for all "
                        f"{len(seen)}"
                    )
    named = "; ".join(cells) or ", ".join(
        design.names[j] for j in np.flatnonzero(infinite).tolist() if j > 0
    )
    raise InputError.of(
        "outcome",
        required=f"not separated by arms and covariates ({request.outcome!r})",
        got=f"a model whose estimates are infinite: {named}",
        remedy=remedy,
    )


def check_arguments(
    measure: str,
    adjustment: str,
    *,
    adjustable: bool,
    stratified: bool,
    weighted: bool,
    weights_kind: str,
) -> None:
    """Refuse arguments that would have no influence; other measures than differences check theirs.

    Parameters
    ----------
    measure, adjustment : str
        The measure and the adjustment.
    adjustable, stratified, weighted : bool
        Whether there are covariates, strata and weights.
    weights_kind : str
        The kind of weights.
    """
    linear = measure == "difference"
    if linear and adjustment == "none" and adjustable:
        raise InputError.of(
            "covariates",
            required="left out where adjustment='none'",
            got="covariates",
            remedy="Say how they are to enter: adjustment='ancova', 'lin' or 'standardised'.",
        )
    if linear and adjustment != "none" and not adjustable and not stratified:
        raise InputError.of(
            "covariates",
            required=f"given where adjustment={adjustment!r}",
            got="none",
            remedy="Name the covariates to adjust for, or leave `adjustment` out.",
        )
    check_choice("weights_kind", weights_kind, ("case", "sampling"))
    if weights_kind == "sampling" and not weighted:
        raise InputError.of(
            "weights", required="a column where weights_kind='sampling'", got="None"
        )
    if weights_kind == "sampling" and not linear:
        raise InputError.of(
            "weights_kind", required=f"'case' for measure={measure!r}", got="'sampling'"
        )


def check_time_arguments(
    measure: str, *, event: str | None, tau: float | None, exposure: str | None
) -> None:
    """Refuse arguments of other measures than the one asked for.

    Parameters
    ----------
    measure : str
        The measure.
    event, exposure : str or None
        Columns.
    tau : float or None
        Horizon.
    """
    timed = measure in ("hazard_ratio", "rmst_difference")
    if timed and event is None:
        raise InputError.of(
            "event",
            required=f"the column that says whether the event was seen, for measure={measure!r}",
            got="None",
        )
    for name, given, fits in (
        ("event", event is not None, timed),
        ("tau", tau is not None, measure == "rmst_difference"),
        ("exposure", exposure is not None, measure == "rate_ratio"),
    ):
        if given and not fits:
            raise InputError.of(
                name, required=f"left out for measure={measure!r}", got="a value",
                remedy="It has no meaning there.",
            )  # fmt: skip
