"""Effects from completed data sets: drawn, or with missing outcomes at their conditional means."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from evalkit.core.results import EffectTable
from evalkit.errors import InputError
from evalkit.kernels.contrast_variance import Contrasts, prepare_contrasts
from evalkit.kernels.outcome_draws import OutcomeDraws
from evalkit.kernels.rubin import Pooled, pool
from evalkit.trials.incomplete_trial import IncompleteTrial
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "LinearEffects",
    "check_finite",
    "independent_design",
    "pool_tables",
    "with_progress",
]


@dataclass(frozen=True, eq=False)
class LinearEffects:
    """Adjusted differences in means over the imputations, for any shift of what was imputed.

    Build it with :meth:`of`.

    Parameters
    ----------
    trial : IncompleteTrial
        The trial.
    draws : OutcomeDraws
        The imputations.
    contrasts : tuple of Contrasts
        The analysis: one for all imputations, or one each where baseline differs.
    """

    trial: IncompleteTrial
    draws: OutcomeDraws
    contrasts: tuple[Contrasts, ...]

    @classmethod
    def of(cls, trial: IncompleteTrial, draws: OutcomeDraws) -> LinearEffects:
        """Prepare the analysis of each imputation.

        Parameters
        ----------
        trial : IncompleteTrial
            The trial.
        draws : OutcomeDraws
            The imputations.

        Returns
        -------
        LinearEffects
            The analyses.
        """
        columns = np.arange(1, len(trial.sample.arm_levels), dtype=np.int64)
        copies = draws.baseline if trial.incomplete else draws.baseline[:1]
        return cls(
            trial,
            draws,
            tuple(
                prepare_contrasts(independent_design(trial, one), columns, trial.sample.cluster)
                for one in copies
            ),
        )

    @property
    def df(self) -> FloatArray:
        """Degrees of freedom of complete data, one for each contrast."""
        return np.mean([one.df for one in self.contrasts], axis=0)

    def at(self, shift: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return estimates and variances of every imputation.

        Parameters
        ----------
        shift : ndarray of float, shape (r,)
            What is added to each row imputed, on the scale of the draws.

        Returns
        -------
        estimates : ndarray of float, shape (c, m)
            One row for each arm but the control arm.
        variances : ndarray of float, shape (c, m)
            Their variances.
        """
        data, values = self.trial.data, self.draws.values(shift)
        outcomes = np.repeat(data.outcome[:, None], values.shape[1], axis=1)
        outcomes[self.draws.rows] = values
        if data.n_levels:
            outcomes = np.asarray(self.trial.scores)[outcomes.astype(np.int64)]
        if len(self.contrasts) == 1:
            return self.contrasts[0].of(outcomes)
        found = [one.of(outcomes[:, [i]]) for i, one in enumerate(self.contrasts)]
        return np.hstack([one[0] for one in found]), np.hstack([one[1] for one in found])

    def pooled(self, shift: FloatArray) -> Pooled:
        """Return the effects pooled by Rubin's rules.

        Parameters
        ----------
        shift : ndarray of float, shape (r,)
            What is added to each row imputed.

        Returns
        -------
        Pooled
            The effects.
        """
        return pool(*self.at(shift), self.df)


def independent_design(trial: IncompleteTrial, baseline: FloatArray) -> FloatArray:
    """Return the design of the analysis, or refuse it if columns depend on each other.

    Parameters
    ----------
    trial : IncompleteTrial
        The trial.
    baseline : ndarray of float, shape (n, q)
        The incomplete baseline variables, filled in.

    Returns
    -------
    ndarray of float, shape (n, K + p)
        The design.
    """
    design = trial.analysis_design(baseline)
    scaled = design / np.maximum(np.sqrt((design**2).sum(axis=0)), 1e-300)
    rank = int(np.linalg.matrix_rank(scaled, tol=1e-9))
    if rank < design.shape[1]:
        raise InputError.of(
            "covariates",
            required="columns that do not determine each other",
            got=f"{design.shape[1]} columns of rank {rank}, the arms among them",
            remedy="Leave out constants and repetitions.",
        )
    return design


def check_finite(tables: Iterable[EffectTable | pd.DataFrame], argument: str) -> None:
    """Refuse estimates that cannot be pooled.

    Parameters
    ----------
    tables : iterable of EffectTable or pandas.DataFrame
        One table for each imputation, with ``estimate`` and ``std_error``.
    argument : str
        Name of the caller's argument, for the message.

    Raises
    ------
    evalkit.errors.InputError
        If an estimate is infinite, a ratio of 0, or it or its standard error missing.
    """
    import pandas as pd

    wrong = total = 0
    for table in tables:
        frame = table if isinstance(table, pd.DataFrame) else table.to_frame()
        values = frame[["estimate", "std_error"]].to_numpy(dtype=np.float64)
        ratio = "scale" in frame and ((frame["scale"] == "ratio") & (values[:, 0] <= 0)).any()
        wrong += bool(ratio) or not bool(np.isfinite(values).all())
        total += 1
    if wrong:
        raise InputError.of(
            argument,
            required="finite, with a standard error, in every imputation",
            got=f"an estimate or standard error that is not in {wrong} of {total}",
            remedy="Ratios are infinite where an arm has no events; differences are not.",
        )


def pool_tables(
    tables: Iterable[EffectTable | pd.DataFrame], level: float, argument: str = "analyse"
) -> tuple[dict[str, object], Pooled, FloatArray]:
    """Pool the tables of one analysis over the imputations, row by row.

    Parameters
    ----------
    tables : iterable of EffectTable or pandas.DataFrame
        One table for each imputation, with ``estimate, std_error`` and, where there are,
        ``term, contrast, df, scale``; ratios (``scale`` is "ratio") have standard errors of
        logarithms, and are pooled as such. Tests are of 0, of a ratio of 1, and, where
        ``scale`` is "probability", of 0.5.
    level : float
        Confidence level.
    argument : str, default "analyse"
        Name of the caller's argument, for messages.

    Returns
    -------
    columns : dict
        Columns of an effect table.
    pooled : Pooled
        The pooled estimates, of the logarithms of ratios.
    df : ndarray of float, shape (c,)
        Degrees of freedom of complete data.
    """
    import pandas as pd

    from evalkit.kernels.student import student

    frames = [one if isinstance(one, pd.DataFrame) else one.to_frame() for one in tables]
    first = frames[0]
    for name in ("estimate", "std_error"):
        if name not in first:
            raise InputError.of(
                argument, required=f"a function whose result has {name!r}", got=list(first.columns)
            )
    if any(len(frame) != len(first) for frame in frames):
        raise InputError.of(
            argument,
            required="a function whose results have the same rows for every imputation",
            got="different numbers of rows",
        )
    check_finite(frames, argument)
    scale = first["scale"] if "scale" in first else pd.Series(["difference"] * len(first))
    ratio = (scale == "ratio").to_numpy(dtype=bool)
    null = np.where(scale == "probability", 0.5, 0.0)
    estimates = np.column_stack([_column(frame, "estimate") for frame in frames])
    estimates[ratio] = np.log(estimates[ratio])
    errors = np.column_stack([_column(frame, "std_error") for frame in frames])
    df = np.full(len(first), np.inf)
    if "df" in first:
        given = np.column_stack([_column(frame, "df") for frame in frames])
        df = np.where(np.isnan(given).any(axis=1), np.inf, given.mean(axis=1))
    pooled = pool(estimates, errors**2, df)
    numbers = student(pooled.estimate - null, np.sqrt(pooled.total), pooled.df, level)
    for name in ("estimate", "conf_low", "conf_high"):
        value = numbers[name] + null
        numbers[name] = np.where(ratio, np.exp(np.where(ratio, value, 0.0)), value)
    before = list(first.columns)[: list(first.columns).index("estimate")]
    columns: dict[str, object] = {name: first[name].tolist() for name in before}
    columns |= numbers
    if "n" in first:
        columns["n"] = first["n"].tolist()
    if "scale" in first:
        columns["scale"] = first["scale"].tolist()
    return columns, pooled, df


def _column(frame: pd.DataFrame, name: str) -> FloatArray:
    """Return a column as floats."""
    return frame[name].to_numpy(dtype=np.float64)


def with_progress(items: range, progress: bool, total: int, label: str) -> Iterable[int]:
    """Return the items, behind a progress bar if asked for.

    Parameters
    ----------
    items : range
        The items.
    progress : bool
        Whether to show a bar.
    total : int
        How many there are.
    label : str
        What is counted.

    Returns
    -------
    iterable of int
        The items.
    """
    if not progress:
        return items
    from tqdm.auto import tqdm

    bar = cast("Callable[..., Any]", tqdm)
    return cast("Iterable[int]", bar(items, total=total, desc=label))
