"""Two-stage least squares of a trial: the assignment as instrument for what was received."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from evalkit.core.columns import Names, check_known, labels, numbers, rows_where
from evalkit.errors import InputError
from evalkit.kernels.instrumental import ReducedForm, reduced_form, structural_sandwich
from evalkit.kernels.student import student
from evalkit.trials.adherence_result import AndersonRubinSet
from evalkit.trials.linear_design import ancova_design
from evalkit.trials.sample_checks import check_clusters, check_persons, warn_few
from evalkit.trials.trial_sample import TrialSample, TrialWarning, read_trial
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Adherence", "InstrumentVcov", "Ratio", "estimate_ratio", "read_adherence"]

InstrumentVcov: TypeAlias = Literal["classical", "HC0", "HC1", "HC2", "CR0", "CR1S", "CR2"]
"""Variances of two-stage least squares."""

_WEAK = 10.0
_NOTHING = 1e-12
_BY_LINEARMODELS: dict[str, dict[str, Any]] = {
    "classical": {"cov_type": "unadjusted", "debiased": True},
    "HC0": {"cov_type": "robust", "debiased": False},
    "HC1": {"cov_type": "robust", "debiased": True},
    "CR0": {"cov_type": "clustered", "debiased": False},
    "CR1S": {"cov_type": "clustered", "debiased": True},
}


@dataclass(frozen=True, eq=False)
class Adherence:
    """A trial's rows with what was received.

    Attributes
    ----------
    sample : TrialSample
        The rows, by assigned arm: the control arm and one other.
    received : ndarray of float, shape (n,)
        What each person received.
    exogenous : ndarray of float, shape (n, k)
        Intercept and centred covariates.
    """

    sample: TrialSample
    received: FloatArray
    exogenous: FloatArray


@dataclass(frozen=True, eq=False)
class Ratio:
    """Two-stage estimate, reduced form and Anderson-Rubin set.

    Attributes
    ----------
    estimate, std_error, df : float
        Two-stage least squares; NaN where the first stage is 0.
    reduced : ReducedForm
        Effects of the assignment on outcome and received treatment.
    accepted : AndersonRubinSet
        The set.
    vcov : str
        Which variance.
    """

    estimate: float
    std_error: float
    df: float
    reduced: ReducedForm
    accepted: AndersonRubinSet
    vcov: str

    def columns(self, level: float) -> dict[str, FloatArray]:
        """Return columns of the ratio, the effect on the outcome, and the first stage.

        Parameters
        ----------
        level : float
            Confidence level.

        Returns
        -------
        dict
            The columns, three entries each.
        """
        spread = np.sqrt(np.maximum(np.diagonal(self.reduced.variance), 0))
        return student(
            [self.estimate, self.reduced.outcome, self.reduced.received],
            [self.std_error, *spread.tolist()],
            [self.df, self.reduced.df, self.reduced.df],
            level,
        )


def read_adherence(
    df: pd.DataFrame,
    *,
    outcome: str,
    assigned: str,
    received: str,
    control: object,
    covariates: Names | None,
    cluster: str | None,
    unit: str | None,
    binary: bool,
    argument: str = "received",
    kind: Literal["number", "binary"] = "number",
) -> Adherence:
    """Read and check a trial with what was received.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person randomised.
    outcome, assigned, received : str
        Columns.
    control : object
        Label of the control arm; None where the arms are written 0 and 1.
    covariates : str or sequence of str or None
        Formula or columns.
    cluster, unit : str or None
        Columns.
    binary : bool
        Whether `received` must be 0 or 1; otherwise a number of at least 0.
    argument : str, default "received"
        Name of the caller's argument.
    kind : {"number", "binary"}
        Kind of the outcome.

    Returns
    -------
    Adherence
        The rows.

    Raises
    ------
    evalkit.errors.InputError
        If a column is wrong, there are not two arms, or everybody received the same.
    """
    check_known(df, assigned=assigned, **{argument: received})
    if control is None and len(df):
        levels = labels(df[assigned]).levels
        if set(levels) == {0, 1}:
            control = False if all(isinstance(level, bool) for level in levels) else 0
    sample = read_trial(
        df,
        outcome=outcome,
        arm=assigned,
        control=control,
        kind=kind,
        covariates=covariates,
        cluster=cluster,
        unit=unit,
        extra_columns=[received],
    )
    if len(sample.arm_levels) != 2:
        raise InputError.of(
            "assigned",
            required=f"two arms ({assigned!r})",
            got=", ".join(repr(label) for label in sample.arm_levels),
            remedy="Keep the rows of the control arm and of one other.",
        )
    check_persons(sample)
    check_clusters(sample)
    if kind == "number" and np.ptp(sample.outcome) == 0:
        raise InputError.of(
            "outcome",
            required=f"different among those analysed ({outcome!r})",
            got=f"{sample.outcome[0]:g} for all {sample.n}",
            remedy="Without spread there is no test.",
        )
    values = numbers(df, received, argument)
    fits = (values == 0) | (values == 1) if binary else (values >= 0) & np.isfinite(values)
    wrong = ~np.isnan(values) & ~fits
    if wrong.any():
        raise InputError.of(
            argument,
            required=f"{'0 or 1' if binary else 'finite and at least 0'} ({received!r})",
            got=", ".join(f"{value:g}" for value in np.unique(values[wrong])[:5]),
            where=rows_where(df, wrong),
            remedy="For sessions attended use dose_response()." if binary else "",
        )
    used = values[sample.rows]
    if np.ptp(used) == 0:
        raise InputError.of(
            argument,
            required=f"different among those analysed ({received!r})",
            got=f"{used[0]:g} for all {sample.n}",
            remedy="Without anybody who received something else there is no effect of receiving.",
        )
    ones = np.ones((sample.n, 1))
    centred = ancova_design(sample).centred if sample.covariates is not None else ones[:, :0]
    return Adherence(sample, used, np.hstack([ones, centred]))


def estimate_ratio(data: Adherence, *, vcov: str | None, level: float, what: str) -> Ratio:
    """Estimate the effect of receiving, and warn of a first stage that does not support it.

    Parameters
    ----------
    data : Adherence
        The rows.
    vcov : str or None
        The variance; by default HC2, or CR2 with clusters.
    level : float
        Confidence level.
    what : str
        Name of what was received, for the warnings.

    Returns
    -------
    Ratio
        The estimates.

    Raises
    ------
    evalkit.errors.InputError
        If the variance does not exist or does not fit the data.

    Warns
    -----
    TrialWarning
        If the first stage is 0, negative or weak, or fewer than five degrees of freedom remain.
    """
    sample = data.sample
    clustered = sample.cluster is not None
    kind = ("CR2" if clustered else "HC2") if vcov is None else vcov
    allowed = ("CR0", "CR1S", "CR2") if clustered else ("classical", "HC0", "HC1", "HC2")
    if kind not in allowed:
        raise InputError.of(
            "vcov",
            required=f"one of {', '.join(allowed)} {'with' if clustered else 'without'} cluster",
            got=repr(vcov),
        )
    instrument = (sample.arm == 1).astype(np.float64)
    reduced = reduced_form(
        data.exogenous, instrument, data.received, sample.outcome, sample.cluster
    )
    size = max(float(np.std(data.received)), _NOTHING)
    if abs(reduced.received) <= _NOTHING * size:
        reduced = replace(reduced, received=0.0)
    accepted = AndersonRubinSet(reduced.anderson_rubin(level), level, reduced.df)
    warn_few(np.array([reduced.df]), sample.contrasts)
    _warn_weak(reduced, accepted, sample, what)
    if reduced.received == 0:
        return Ratio(np.nan, np.nan, np.nan, reduced, accepted, kind)
    estimate, std_error, df = _fit(data, instrument, kind)
    return Ratio(estimate, std_error, df, reduced, accepted, kind)


def _fit(data: Adherence, instrument: FloatArray, kind: str) -> tuple[float, float, float]:
    """Fit two-stage least squares; HC2 and CR2, which linearmodels lacks, by our own kernel."""
    from linearmodels.iv import IV2SLS

    sample = data.sample
    model: Any = IV2SLS(sample.outcome, data.exogenous, data.received, instrument)
    options = dict(_BY_LINEARMODELS.get(kind, _BY_LINEARMODELS["HC0"]))
    if options["cov_type"] == "clustered":
        options["clusters"] = sample.cluster
    fit = model.fit(**options)
    coefficients = np.asarray(fit.params, dtype=np.float64)
    if kind in ("HC2", "CR2"):
        robust = structural_sandwich(
            data.exogenous,
            instrument,
            data.received,
            sample.outcome,
            coefficients,
            kind=kind,
            cluster=sample.cluster,
        )
        return float(coefficients[-1]), float(robust.std_error[0]), float(robust.df[0])
    df = float(sample.n - len(coefficients))
    if sample.cluster is not None:
        df = float(sample.cluster.max())
    return float(coefficients[-1]), float(np.asarray(fit.std_errors)[-1]), df


def _warn_weak(
    reduced: ReducedForm, accepted: AndersonRubinSet, sample: TrialSample, what: str
) -> None:
    """Warn of a first stage that is nothing, negative or weak."""
    arm, control = sample.arm_levels[1], sample.control
    message = ""
    if reduced.received == 0:
        message = (
            f"CACE undefined: {what!r} is as common in {arm!r} as in {control!r}, so the first "
            f"stage is 0. Anderson-Rubin set: {accepted!r}."
        )
    elif not accepted.bounded or reduced.first_stage_f < _WEAK:
        form = "bounded" if accepted.bounded else "unbounded"
        message = (
            f"Weak first stage (F = {reduced.first_stage_f:.2f}, below {_WEAK:g}): estimate and "
            f"Wald interval are unreliable. The Anderson-Rubin set is {form} ({accepted!r})."
        )
    elif reduced.received < 0:
        message = (
            f"{what!r} is less common in {arm!r} than in {control!r}: the effect is then of those "
            "whom the assignment kept from it. Is the column coded the right way round?"
        )
    if message:
        warnings.warn(message, TrialWarning, stacklevel=4)
