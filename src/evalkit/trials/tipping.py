"""How far those lost must differ from those seen before the conclusion of a trial changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from evalkit.core.checks import check_counts, check_level, resolve_rng
from evalkit.core.columns import Names
from evalkit.core.printing import html_table, text_block
from evalkit.errors import InputError
from evalkit.kernels.outcome_draws import draw_outcomes
from evalkit.kernels.visit_models import Rule
from evalkit.trials.estimand import Estimand
from evalkit.trials.imputation_analysis import LinearEffects
from evalkit.trials.imputation_data import read_incomplete
from evalkit.trials.imputation_words import (
    SUMMARIES,
    choose_measure,
    imputed_estimand,
    method_text,
    notes_on,
)
from evalkit.trials.incomplete_trial import IncompleteTrial, ValueKind
from evalkit.trials.sample_checks import warn_few
from evalkit.trials.tipping_search import ShiftedEffects, tipping_frames
from evalkit.trials.trial_result import Higher, direction
from evalkit.typing import FloatArray, RandomSource

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["TippingPoint", "tipping_point"]

_STEPS = 17
_LOG_ODDS = 3.0  # widest shift of log odds tried by default: a factor of twenty


@dataclass(frozen=True, eq=False, repr=False)
class TippingPoint:
    """Effects over a map of shifts, and where the conclusion changes.

    Parameters
    ----------
    data : pandas.DataFrame
        One row for each pair of shifts: ``delta_arm, delta_control``, the columns ``estimate``
        to ``conf_high``, and ``conclusion``: "higher" or "lower" where the interval leaves out
        0, else "inconclusive".
    tips : pandas.DataFrame
        For each shift of the control arm, and going up and down from no shift in the arm, the
        nearest shift with another conclusion: ``delta_control, direction, conclusion,
        tipping_delta, conclusion_beyond``; missing if there is none on the map.
    attributes : Estimand
        What is estimated.
    title : str
        The effect, with the direction of the contrast.
    method : str
        How outcomes were imputed.
    level : float
        Confidence level; the conclusion changes at 1 less it.
    unit : str
        What the shifts are in.
    arms : tuple of (object, object)
        The arm and the control arm.
    n : int
        Rows of the trial.
    notes : tuple of str
        Sentences that belong with the numbers.
    """

    data: pd.DataFrame
    tips: pd.DataFrame
    attributes: Estimand
    title: str
    method: str
    level: float
    unit: str
    arms: tuple[object, object]
    n: int
    notes: tuple[str, ...] = field(default=())

    def to_frame(self) -> pd.DataFrame:
        """Return the map.

        Returns
        -------
        pandas.DataFrame
            As ``data``.
        """
        return self.data.copy()

    def __repr__(self) -> str:
        """Show where the conclusion changes in a few lines of plain text."""
        return text_block(self._head(), self.tips, self.notes)

    def _repr_html_(self) -> str:
        """Show where the conclusion changes in a notebook."""
        return html_table(self._head(), self.tips, self.notes)

    def _head(self) -> list[str]:
        """Say what was shifted, and how."""
        return [
            f"Tipping points: {self.title}",
            f"{self.method}; {100 * self.level:g} % intervals",
            f"n: {self.n} used, 0 dropped; shifts of imputed outcomes in {self.unit}",
        ]

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the map, or, where the control arm is not shifted, the effect over the shift.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure by default.
        **options : object
            Passed on to :func:`evalkit.plots.tipping.tipping_map`.

        Returns
        -------
        matplotlib.axes.Axes
            The axes.
        """
        from evalkit.plots.tipping import tipping_map

        named: dict[str, Any] = {"arm": str(self.arms[0]), "control": str(self.arms[1])}
        named |= {"level": self.level} | options
        return tipping_map(self.data, ax=ax, **named)


def tipping_point(
    df: pd.DataFrame,
    *,
    outcome: str,
    arm: str,
    control: object,
    deltas: npt.ArrayLike | None = None,
    control_deltas: npt.ArrayLike = (0.0,),
    kind: ValueKind = "number",
    covariates: Names | None = None,
    auxiliary: Names | None = None,
    earlier: Names | None = None,
    method: Rule = "mar",
    reference: object = None,
    after: str | None = None,
    measure: str | None = None,
    n_imputations: int = 50,
    n_cycles: int = 10,
    cluster: str | None = None,
    unit: str | None = None,
    level: float = 0.95,
    higher: Higher | None = None,
    estimand: Estimand | None = None,
    rng: RandomSource = None,
    progress: bool = False,
) -> TippingPoint:
    """Find how much worse, or better, those lost must have done for the conclusion to change.

    Outcomes are imputed once, as :func:`evalkit.trials.multiple_imputation` does, and then
    shifted: by one amount in the arm and by another in the control arm. The same draws serve
    every shift, so that the map is smooth.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person randomised.
    outcome : str
        Column with the outcome.
    arm : str
        Column with the arm as randomised; two arms.
    control : object
        Label of the control arm.
    deltas : array_like, optional
        Shifts of the imputed outcomes of the arm, in the unit of the outcome, or in log odds for
        levels. By default 17 from -2 to 2 standard deviations, or from -3 to 3 log odds.
    control_deltas : array_like, default (0,)
        Shifts of the imputed outcomes of the control arm.
    kind : {"number", "binary", "ordinal"}
        What the outcome is.
    covariates, auxiliary, earlier : str or sequence of str, optional
        Baseline variables that predict and adjust, those that only predict, and earlier
        measurements; as :func:`evalkit.trials.multiple_imputation`.
    method : {"mar", "jump to reference", "copy increments", "copy reference"}
        What the shifts start from.
    reference : object, optional
        Label of the reference arm; the control arm by default.
    after : str, optional
        True-or-false column: whose missing outcomes follow the method.
    measure : str, optional
        "difference" (the default for numbers, and for ordered levels that are numbers) or
        "risk_difference" (the default for binary outcomes).
    n_imputations : int, default 50
        Number of imputations, at least 2.
    n_cycles : int, default 10
        Cycles of the chained equations, where several variables are incomplete.
    cluster : str, optional
        Column with clusters; missing for those who stand alone.
    unit : str, optional
        Column that identifies persons; the index by default.
    level : float, default 0.95
        Confidence level.
    higher : {"better", "worse"}, optional
        What a higher outcome means.
    estimand : Estimand, optional
        What is estimated; by default the effect of the arms as randomised, under the scenario of
        a reference-based method for those whose outcome is missing,
        as :func:`evalkit.trials.multiple_imputation` says.
    rng : int, numpy.random.Generator or None
        Source of randomness; a seed makes the result reproducible.
    progress : bool, default False
        Show a progress bar.

    Returns
    -------
    TippingPoint
        The map, and the shifts at which the conclusion changes: for numbers to the last digit
        between two shifts tried, for levels the first shift tried beyond. Whether a shift is
        plausible is for those to judge who know the people and the scale.

    Raises
    ------
    evalkit.errors.InputError
        If a column does not serve, there are more than two arms, nobody's outcome is missing, or
        shifts are not finite.

    Warns
    -----
    TrialWarning
        If fewer than five degrees of freedom remain.

    References
    ----------
    .. [1] Yan X, Lee S, Li N (2009). Missing data handling methods in medical device clinical
       trials. J Biopharm Stat 19:1085-1098. doi:10.1080/10543400903243009

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> df = pd.DataFrame(
    ...     {
    ...         "arm": ["ReDO"] * 20 + ["CAU"] * 20,
    ...         "mastery": [20.0 + i % 5 for i in range(20)] + [18.0 + i % 4 for i in range(20)],
    ...     }
    ... )
    >>> df.loc[[0, 7, 13, 25, 31], "mastery"] = np.nan
    >>> result = tipping_point(
    ...     df, outcome="mastery", arm="arm", control="CAU", deltas=range(-12, 1), rng=1
    ... )
    >>> result.tips[["direction", "conclusion", "conclusion_beyond"]].iloc[0].tolist()
    ['down', 'higher', 'inconclusive']
    """
    level = check_level(level)
    check_counts("n_imputations", n_imputations, minimum=2)
    check_counts("n_cycles", n_cycles, minimum=1)
    generator = resolve_rng(rng)
    trial = read_incomplete(
        df,
        outcome=outcome,
        arm=arm,
        control=control,
        kind=kind,
        covariates=covariates,
        auxiliary=auxiliary,
        earlier=earlier,
        rule=method,
        reference=reference,
        after=after,
        cluster=cluster,
        unit=unit,
    )
    chosen = _difference(trial, measure)
    if len(trial.sample.arm_levels) > 2:
        raise InputError.of(
            "df",
            required="two arms",
            got=f"{len(trial.sample.arm_levels)}",
            where=(repr(label) for label in trial.sample.arm_levels),
            remedy="Keep the rows of two arms: a map has two sides.",
        )
    if not len(trial.data.missing):
        raise InputError.of(
            "outcome",
            required=f"missing for somebody ({outcome!r})",
            got="an outcome for everybody randomised",
            remedy="There is nothing to shift.",
        )
    over = _shifts("deltas", _usual(trial) if deltas is None else deltas)
    beside = _shifts("control_deltas", control_deltas)
    draws = draw_outcomes(trial.data, n_imputations, generator, n_cycles=n_cycles)
    linear = LinearEffects.of(trial, draws)
    warn_few(linear.df, trial.sample.contrasts)
    effects = ShiftedEffects(linear, level)
    data, tips = tipping_frames(
        effects, over, beside, refine=trial.kind == "number", progress=progress
    )
    sample = trial.sample
    attributes = estimand or imputed_estimand(trial, SUMMARIES[chosen], after)
    summary = attributes.summary[:1].upper() + attributes.summary[1:]
    return TippingPoint(
        data,
        tips,
        attributes,
        f"{summary}, {direction(sample, higher)}",
        method_text(trial, "rubin", n_imputations, 0, cluster, 0.0),
        level,
        f"the unit of {outcome}" if trial.kind == "number" else "log odds",
        (sample.arm_levels[1], sample.control),
        sample.n,
        tuple(notes_on(trial, cluster, "rubin")),
    )


def _difference(trial: IncompleteTrial, measure: str | None) -> str:
    """Return the measure, one that needs no new model at every shift."""
    if measure is None and trial.kind == "ordinal":
        measure = "difference"
    chosen = choose_measure(trial, measure)
    if chosen not in SUMMARIES:
        raise InputError.of(
            "measure", required=" or ".join(repr(name) for name in SUMMARIES), got=repr(measure)
        )
    return chosen


def _shifts(argument: str, values: npt.ArrayLike) -> FloatArray:
    """Return shifts in order, each once."""
    whole: npt.NDArray[Any] = np.ravel(np.asarray(values))
    if whole.dtype.kind not in "iuf" or not len(whole) or not np.isfinite(whole).all():
        got = repr(cast("object", values))
        raise InputError.of(argument, required="finite numbers, one at least", got=got)
    return np.unique(whole.astype(np.float64))


def _usual(trial: IncompleteTrial) -> FloatArray:
    """Return the shifts tried by default."""
    if trial.kind != "number":
        return np.linspace(-_LOG_ODDS, _LOG_ODDS, _STEPS, dtype=np.float64)
    spread = float(np.nanstd(trial.data.outcome, ddof=1))
    return np.linspace(-2 * spread, 2 * spread, _STEPS, dtype=np.float64)
