"""Who is lost, and whether it differs between arms: table and test of missing outcomes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from evalkit.core.checks import check_level
from evalkit.core.columns import Names
from evalkit.core.formula import design
from evalkit.core.printing import html_table, text_block
from evalkit.core.results import EffectTable, TestResult
from evalkit.errors import InputError
from evalkit.kernels.least_squares import dependent_columns, least_squares
from evalkit.kernels.proportions import wilson
from evalkit.kernels.sandwich import hotelling, sandwich
from evalkit.trials.proportions import proportion_difference
from evalkit.trials.sample_checks import check_clusters
from evalkit.trials.trial_sample import TrialSample, as_formula, read_trial
from evalkit.typing import BoolArray, FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Attrition", "attrition_table", "attrition_test", "read_attrition"]


@dataclass(frozen=True, eq=False, repr=False)
class Attrition:
    """Missing outcomes by arm.

    Parameters
    ----------
    data : pandas.DataFrame
        One row for each arm, the control arm last: ``arm, n_randomised, n_observed, n_missing,
        share_missing, conf_low, conf_high``.
    differences : EffectTable
        Differences of the shares missing, arm minus control.
    baseline : pandas.DataFrame
        Baseline by arm and whether the outcome is missing: ``arm, variable, mean_observed,
        mean_missing, smd``; empty without covariates.
    outcome : str
        The outcome.
    level : float
        Confidence level.
    notes : tuple of str
        Sentences that belong with the numbers.
    """

    data: pd.DataFrame
    differences: EffectTable
    baseline: pd.DataFrame
    outcome: str
    level: float
    notes: tuple[str, ...] = field(default=())

    def to_frame(self) -> pd.DataFrame:
        """Return the shares missing by arm.

        Returns
        -------
        pandas.DataFrame
            As ``data``.
        """
        return self.data.copy()

    def _head(self) -> list[str]:
        """Say what is counted."""
        return [
            f"Missing {self.outcome} by arm",
            f"Wilson intervals, {100 * self.level:g} %",
        ]

    def __repr__(self) -> str:
        """Show the shares in a few lines of plain text."""
        return text_block(self._head(), self.data, self.notes)

    def _repr_html_(self) -> str:
        """Show the shares in a notebook."""
        return html_table(self._head(), self.data, self.notes)


def read_attrition(
    df: pd.DataFrame,
    *,
    outcome: str,
    arm: str,
    control: object,
    covariates: Names | None,
    cluster: str | None = None,
    unit: str | None = None,
    argument: str = "covariates",
) -> tuple[TrialSample, BoolArray, FloatArray, tuple[str, ...]]:
    """Read a trial with all its rows, and the covariates of all of them.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person randomised.
    outcome, arm, control, covariates, cluster, unit
        As :func:`evalkit.trials.trial_sample.read_trial`.
    argument : str, default "covariates"
        Name of the caller's argument for the covariates, for messages.

    Returns
    -------
    sample : TrialSample
        The sample.
    observed : ndarray of bool, shape (n,)
        Whether the outcome is there.
    matrix : ndarray of float, shape (n, p)
        Covariates, complete.
    names : tuple of str
        Their names.

    Raises
    ------
    evalkit.errors.InputError
        If a column does not serve, or a covariate is missing for somebody.
    """
    sample = read_trial(
        df, outcome=outcome, arm=arm, control=control, cluster=cluster, unit=unit,
        need_outcome=False,
    )  # fmt: skip
    observed = ~np.isnan(sample.outcome)
    formula = as_formula(covariates)
    if formula is None:
        return sample, observed, np.empty((sample.n, 0)), ()
    made = design(formula, df)
    if made.n_dropped:
        raise InputError.of(
            argument,
            required="known for everybody randomised",
            got=f"{sum(made.n_dropped.values())} rows with missing values",
            where=(f"{reason}: {n}" for reason, n in made.n_dropped.items()),
            remedy="Give missing values a level of their own, or impute them: "
            "multiple_imputation() fills in baseline variables too.",
        )
    return sample, observed, np.asarray(made.matrix), made.names


def attrition_table(
    df: pd.DataFrame,
    *,
    outcome: str,
    arm: str,
    control: object,
    covariates: Names | None = None,
    unit: str | None = None,
    level: float = 0.95,
) -> Attrition:
    """Count those without outcome in each arm, and compare them at baseline with the others.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person randomised.
    outcome : str
        Column with the outcome, of numbers; missing for those lost.
    arm : str
        Column with the arm as randomised.
    control : object
        Label of the control arm.
    covariates : str or sequence of str, optional
        Formula, or columns, of baseline variables to compare; complete.
    unit : str, optional
        Column that identifies persons; repeated values are an error.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    Attrition
        Shares missing with Wilson's interval; ``differences`` with Miettinen and Nurminen's;
        ``baseline`` with means of those seen and lost, and their difference (lost minus seen)
        over the root of the mean of the two variances. No p-values: :func:`attrition_test`.

    Raises
    ------
    evalkit.errors.InputError
        If a column does not serve.

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"arm": ["ReDO"] * 3 + ["CAU"] * 3, "y": [1, None, None, 2, 3, None]})
    >>> attrition_table(df, outcome="y", arm="arm", control="CAU")
    Missing y by arm
    Wilson intervals, 95 %
    arm   n_randomised  n_observed  n_missing  share_missing  conf_low  conf_high
    ReDO             3           1          2         0.6667    0.2077     0.9385
    CAU              3           2          1         0.3333    0.0615     0.7923
    Difference of the shares, ReDO - CAU: 0.3333 (-0.4496 to 0.8266).
    """
    import pandas as pd

    level = check_level(level)
    sample, observed, matrix, names = read_attrition(
        df, outcome=outcome, arm=arm, control=control, covariates=covariates, unit=unit
    )
    n_arms = len(sample.arm_levels)
    total = np.bincount(sample.arm, minlength=n_arms)
    lost = total - np.bincount(sample.arm[observed], minlength=n_arms)
    order = [*range(1, n_arms), 0]
    interval = wilson(lost[order], total[order], level)
    data = pd.DataFrame(
        {
            "arm": [sample.arm_levels[i] for i in order],
            "n_randomised": total[order],
            "n_observed": (total - lost)[order],
            "n_missing": lost[order],
            "share_missing": interval.estimate,
            "conf_low": interval.low,
            "conf_high": interval.high,
        }
    )
    differences = proportion_difference(
        lost[1:],
        total[1:],
        np.repeat(lost[0], n_arms - 1),
        np.repeat(total[0], n_arms - 1),
        level=level,
        arm=str(sample.arm_levels[1]) if n_arms == 2 else "arm",
        control=str(sample.control),
        labels=None if n_arms == 2 else list(sample.arm_levels[1:]),
    )
    rows: list[dict[str, object]] = []
    for i in order:
        inside = sample.arm == i
        for k, name in enumerate(names):
            seen, gone = matrix[inside & observed, k], matrix[inside & ~observed, k]
            rows.append(
                {
                    "arm": sample.arm_levels[i],
                    "variable": name,
                    "mean_observed": _mean(seen),
                    "mean_missing": _mean(gone),
                    "smd": _smd(gone, seen),
                }
            )
    columns = ["arm", "variable", "mean_observed", "mean_missing", "smd"]
    found = differences.to_frame()
    notes = tuple(
        f"Difference of the shares, {contrast}: {estimate:.4f} ({low:.4f} to {high:.4f})."
        for contrast, estimate, low, high in zip(
            sample.contrasts, found["estimate"], found["conf_low"], found["conf_high"], strict=True
        )
    )
    baseline = pd.DataFrame(rows, columns=columns)
    return Attrition(data, differences, baseline, outcome, level, notes)


def _mean(values: FloatArray) -> float:
    """Return the mean; NaN of nothing."""
    return float(values.mean()) if len(values) else float("nan")


def _smd(first: FloatArray, second: FloatArray) -> float:
    """Return the standardised difference of means; NaN where there is no spread to divide by."""
    if len(first) < 2 or len(second) < 2:
        return float("nan")
    spread = np.sqrt((first.var(ddof=1) + second.var(ddof=1)) / 2)
    return float((first.mean() - second.mean()) / spread) if spread > 0 else float("nan")


def attrition_test(
    df: pd.DataFrame,
    *,
    outcome: str,
    arm: str,
    control: object,
    covariates: Names | None = None,
    cluster: str | None = None,
    unit: str | None = None,
) -> TestResult:
    r"""Test whether outcomes are missing alike in all arms.

    Without covariates: the score test that the shares missing are equal, Pearson's chi-squared
    times :math:`(N-1)/N`, for two arms the test of Miettinen and Nurminen. With covariates: the
    test that the arm matters neither by itself nor by changing who is lost, that is, of arm and
    arm by covariate in a linear model of being missing, with HC2 or, in clusters, CR2 variances
    and Hotelling's approximation [1]_.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person randomised.
    outcome : str
        Column with the outcome, of numbers; missing for those lost.
    arm : str
        Column with the arm as randomised.
    control : object
        Label of the control arm.
    covariates : str or sequence of str, optional
        Formula, or columns, of baseline variables; complete.
    cluster : str, optional
        Column with clusters; missing for those who stand alone.
    unit : str, optional
        Column that identifies persons; repeated values are an error.

    Returns
    -------
    TestResult
        The test. A large p-value does not say that outcomes are missing at random: see
        :func:`evalkit.trials.tipping_point` and :func:`evalkit.trials.lee_bounds`.

    Raises
    ------
    evalkit.errors.InputError
        If a column does not serve, nobody or everybody is lost, covariates repeat each other, or,
        with clusters or covariates, nobody is lost in several arms.

    References
    ----------
    .. [1] Pustejovsky JE, Tipton E (2018). Small-sample methods for cluster-robust variance
       estimation and hypothesis testing in fixed effects models. J Bus Econ Stat 36:672-683.
       doi:10.1080/07350015.2016.1247004

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"arm": ["ReDO"] * 3 + ["CAU"] * 3, "y": [1, None, None, 2, 3, None]})
    >>> attrition_test(df, outcome="y", arm="arm", control="CAU")
    Score test of equal shares missing
    Null hypothesis: y is missing alike in all arms
    n: 6 used, 0 dropped
    statistic  df  p_value  n
       0.5556   1   0.4561  6
    """
    sample, observed, matrix, names = read_attrition(
        df, outcome=outcome, arm=arm, control=control, covariates=covariates, cluster=cluster,
        unit=unit,
    )  # fmt: skip
    if observed.all():
        raise InputError.of(
            "outcome",
            required=f"missing for somebody ({outcome!r})",
            got="an outcome for everybody randomised",
            remedy="There is no attrition to test.",
        )
    arms = np.eye(len(sample.arm_levels))[sample.arm]
    if not names and cluster is None:
        total, lost = arms.sum(axis=0), arms.T @ ~observed
        share = lost.sum() / sample.n
        spread = ((lost - total * share) ** 2 / (total * share * (1 - share))).sum()
        statistic = float(spread) * (sample.n - 1) / sample.n
        return TestResult(
            f"{outcome} is missing alike in all arms",
            "Score test of equal shares missing",
            statistic,
            float(len(total) - 1),
            float(special.chdtrc(len(total) - 1, statistic)),
            sample.n,
        )
    check_clusters(sample)
    centred = matrix - matrix.mean(axis=0)
    moved = [arms[:, [k]] * centred for k in range(1, arms.shape[1])]
    tested = np.hstack([arms[:, 1:], *moved])
    x = np.hstack([np.ones((sample.n, 1)), centred, tested])
    if len(dependent_columns(x)):
        raise InputError.of(
            "covariates",
            required="columns that do not determine each other in any arm",
            got=", ".join(names),
            remedy="Leave out constants, repetitions and levels that an arm lacks.",
        )
    fit = least_squares(x, (~observed).astype(np.float64))
    whole = [
        f"all of {sample.arm_levels[i]!r} seen" for i in np.flatnonzero(arms.T @ ~observed == 0)
    ]
    if len(whole) > 1:
        raise InputError.of(
            "outcome",
            required="missing for somebody in all arms but one, with clusters or covariates",
            got=", ".join(whole),
            remedy="Their shares missing do not vary, and have no variance. Without clusters and "
            "covariates the score test compares them; or leave out an arm.",
        )
    contrasts = np.eye(x.shape[1])[1 + len(names) :]
    kind = "HC2" if sample.cluster is None else "CR2"
    joint = sandwich(fit, kind, cluster=sample.cluster, contrasts=contrasts, joint=True)
    test = hotelling(joint)
    return TestResult(
        f"{outcome} is missing alike in all arms, given covariates" if names else
        f"{outcome} is missing alike in all arms",
        f"Linear model of being missing, {kind} variance, F test of arm"
        + (" and arm by covariates" if names else ""),
        test.statistic,
        test.df,
        test.p_value,
        sample.n,
    )  # fmt: skip
