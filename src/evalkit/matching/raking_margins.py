"""Participants reweighted to riket's margins, by raking or calibration."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from evalkit.core.checks import check_choice, check_level
from evalkit.core.columns import check_known
from evalkit.core.results import EffectTable
from evalkit.errors import InputError
from evalkit.kernels.calibration import Calibrated, Distance, calibrate_weights
from evalkit.kernels.numeric import binned
from evalkit.kernels.raked_means import effective_number
from evalkit.kernels.raking import Cells, cells_of, rake_weights
from evalkit.matching.margin_targets import Margins, MarginTargets, read_margins
from evalkit.matching.participant_cells import read_weights
from evalkit.matching.weighted_mean import WeightedParticipants, mean_table
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Raking", "rake"]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Raking(WeightedParticipants):
    """Weights that give the participants riket's margins.

    Parameters
    ----------
    weights, ess, largest_share, n_used, n_dropped, notes, found
        Weights by index label, and what they and the assumptions are like.
    margins : pandas.DataFrame
        ``variable, level, target, before, after``: shares of riket, and of the participants
        before and after weighting.
    method : str
        How the weights were found.
    cells : Cells
        Cell of each row, and the levels of the cells.
    targets : MarginTargets
        The margins as they were read.
    """

    margins: pd.DataFrame
    method: str
    cells: Cells = field(repr=False)
    targets: MarginTargets = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """Return the margins before and after.

        Returns
        -------
        pandas.DataFrame
            Columns ``variable, level, target, before, after``.
        """
        return self.margins.copy()

    def mean(
        self, outcome: pd.Series[Any], *, reference: float | None = None, level: float = 0.95
    ) -> EffectTable:
        """Estimate the mean (or share) of an outcome, had the participants riket's margins.

        Parameters
        ----------
        outcome : pandas.Series
            The outcome by index label; all rows that have a weight must have a value.
        reference : float, optional
            Riket's mean, to compare with.
        level : float, default 0.95
            Confidence level.

        Returns
        -------
        EffectTable
            Term ``mean``, and with a reference ``reference`` and ``difference``.

        Notes
        -----
        The standard error takes account of the weights being estimated: it is that of the
        residuals of the regression on the margins, in which rows count by the slope of their
        weight (R: for linear calibration ``svymean`` of a calibrated design, which takes the
        start's weights for the others too).
        Intervals are Student's t; of an outcome that is 0 or 1 Clopper and Pearson's with as
        many persons as give that standard error, or as the weights leave where all are alike.
        """
        x = _design(self.cells, self.targets)
        totals = np.concatenate(self.targets.targets)
        return mean_table(
            self.weights, self.found, x, totals, outcome, self.cells.index,
            reference=reference, level=check_level(level), n_dropped=self.n_dropped,
            estimand="Mean of the participants, weighted to riket's margins",
            method=f"{self.method}; standard error for estimated weights", notes=self.notes,
        )  # fmt: skip

    def _what(self) -> str:
        """Say what was done."""
        return f"Participants weighted to riket's margins; {self.method}"


def rake(
    df: pd.DataFrame,
    margins: Margins,
    *,
    weights: str | None = None,
    total: float | None = None,
    method: Distance = "raking",
    bounds: tuple[float, float] | None = None,
    tolerance: float = 1e-9,
    max_rounds: int = 1000,
) -> Raking:
    """Weight participants so that they have riket's margins.

    What would the participants' outcome be if they had riket's mix of sex, age, ...? Where only
    margins of riket are published, weights can meet these; how the variables go together stays as
    it is among the participants, and the result names the pairs for which that is assumed.

    Parameters
    ----------
    df : pandas.DataFrame
        The participants, one row a person. Rows with missing values in the columns of the
        margins are dropped and counted.
    margins : mapping
        For each column the shares (adding up to 1; rounding is allowed for) or the counts by
        level: ``{"sex": {"woman": 0.58, "man": 0.42}}``, or a Series by level. A tuple of
        columns is a joint margin, keyed by tuples of levels.
    weights : str, optional
        Weights to start from; else all are equal.
    total : float, optional
        What the weights add up to, if margins are shares: as many as the start's by default.
    method : {"raking", "linear", "logit"}
        How near the start the weights stay: raking keeps them positive, linear is generalised
        regression and may make them negative, logit keeps them between ``bounds``.
    bounds : tuple of float, optional
        Least and largest weight as a multiple of the start (scaled to the total).
    tolerance : float, default 1e-9
        Largest gap from a target that counts as none, as a share.
    max_rounds : int, default 1000
        Rounds after which to give up.

    Returns
    -------
    Raking
        ``.weights`` (a Series), the margins before and after, ``.ess``, ``.largest_share``,
        ``.notes``; ``.mean(outcome)`` estimates with a standard error.

    Raises
    ------
    evalkit.errors.InputError
        If a margin is in percent, margins contradict each other, levels are not the same in
        both, or no weights meet the margins (the message names those that are missed).

    Notes
    -----
    R: ``survey::rake``, ``survey::calibrate(calfun = "linear" | "raking" | "logit", bounds)``.
    Raking without bounds is done on the cells that occur, so that a million rows cost what
    their cells cost (Deming and Stephan 1940, doi:10.1214/aoms/1177731829); the others by
    Newton's method (Deville and Särndal 1992, doi:10.1080/01621459.1992.10475217).

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({"sex": ["w", "w", "w", "m"], "age": ["-39", "40-", "40-", "-39"]})
    >>> found = rake(people, {"sex": {"w": 0.5, "m": 0.5}})
    >>> found.weights.round(3).tolist(), round(found.ess, 2)
    ([0.667, 0.667, 0.667, 2.0], 3.0)
    """
    check_choice("method", method, ("raking", "linear", "logit"))
    limits = _check_bounds(bounds, method)
    check_known(df, weights=weights)
    start = read_weights(df, weights)
    read = read_margins(df, margins, total=total, start=start)
    start = start[read.rows]
    cells = cells_of(read.codes, [len(one) for one in read.targets])
    start = start * (float(read.targets[0].sum()) / start.sum())
    inside = start.copy()
    for code, target in zip(read.codes, read.targets, strict=True):
        inside[target[code] == 0] = 0.0  # levels that riket has nobody in
    if not inside.any():
        raise InputError.of(
            "margins", required="such that riket has people like some of the participants",
            got="a target of 0 for each of them in some margin",
        )  # fmt: skip
    inside *= start.sum() / inside.sum()
    found, rounds = _solve(inside, cells, read, method, limits, tolerance, max_rounds)
    w = found.weights
    frame = _margin_frame(read, start, w)
    how = {"raking": "raking", "linear": "linear calibration", "logit": "logit calibration"}[method]
    within = "" if limits is None else f" within {limits[0]:g} to {limits[1]:g} times the start"
    notes = list(read.notes)
    if (w < 0).any():
        notes.append(f"{int((w < 0).sum())} weights are negative: raking or bounds avoid that.")
    import pandas as pd

    return Raking(
        weights=pd.Series(w, index=df.index[read.rows], name="weight"),
        ess=effective_number(w),
        largest_share=float(w.max() / w.sum()),
        n_used=len(w),
        n_dropped=read.n_dropped,
        notes=tuple(notes),
        found=found,
        margins=frame,
        method=f"{how}{within}, {rounds} rounds",
        cells=cells,
        targets=read,
    )


def _check_bounds(
    bounds: tuple[float, float] | None, method: Distance
) -> tuple[float, float] | None:
    """Return the bounds as floats."""
    if bounds is None:
        if method == "logit":
            raise InputError.of(
                "bounds", required="given with method 'logit'", got="None",
                remedy="For instance bounds=(0.3, 3).",
            )  # fmt: skip
        return None
    given = cast("Any", bounds)
    pair = isinstance(given, (tuple, list)) and len(cast("tuple[Any, ...]", given)) == 2
    if not (pair and 0 <= bounds[0] < 1 < bounds[1] < np.inf):
        raise InputError.of(
            "bounds", required="two numbers, the first from 0 to below 1, the second above 1",
            got=repr(bounds),
        )  # fmt: skip
    return float(bounds[0]), float(bounds[1])


def _solve(
    start: FloatArray,
    cells: Cells,
    read: MarginTargets,
    method: Distance,
    bounds: tuple[float, float] | None,
    tolerance: float,
    max_rounds: int,
) -> tuple[Calibrated, int]:
    """Find the weights, or say which margins cannot be met."""
    if method == "raking" and bounds is None:
        raked = rake_weights(
            start, read.codes, read.targets, tolerance=tolerance, max_rounds=max_rounds
        )
        none = np.zeros(0)
        found = Calibrated(raked.weights, raked.weights, none, raked.rounds, none, raked.converged)
    else:
        size = len(cells.levels[0])
        first = binned(cells.index, start, size)
        by_cell = calibrate_weights(
            first, _design(cells, read), np.concatenate(read.targets), distance=method,
            bounds=bounds, tolerance=tolerance, max_rounds=max_rounds,
        )  # fmt: skip
        share = start / np.where(first > 0, first, 1.0)[cells.index]
        found = Calibrated(
            by_cell.weights[cells.index] * share, by_cell.slopes[cells.index] * share,
            by_cell.coefficients, by_cell.rounds, by_cell.gaps, by_cell.converged,
        )  # fmt: skip
    if found.converged:
        return found, found.rounds
    whole = float(read.targets[0].sum())
    missed = [
        (abs(total - target), read.name(k, i), total / whole, target / whole)
        for k, (code, wanted) in enumerate(zip(read.codes, read.targets, strict=True))
        for i, (total, target) in enumerate(
            zip(np.bincount(code, found.weights, len(wanted)).tolist(), wanted.tolist(),
                strict=True)
        )
    ]  # fmt: skip
    worst = sorted(missed, key=lambda one: -one[0])
    limit = "" if bounds is None else " within the bounds"
    raise InputError.of(
        "margins",
        required=f"such that weights{limit} of the participants meet them all",
        got=f"margins that were missed after {found.rounds} rounds",
        where=[f"{name} {got:.4f} for {want:.4f}" for gap, name, got, want in worst
               if not gap <= tolerance * whole],
        remedy="Levels that never occur together, or bounds that are too narrow, rule them out: "
        "merge levels, or drop a margin.",
    )  # fmt: skip


def _design(cells: Cells, read: MarginTargets) -> FloatArray:
    """Return an indicator for each level of each margin, shape (C, P)."""
    return np.concatenate(
        [
            (level[:, None] == np.arange(len(target))).astype(np.float64)
            for level, target in zip(cells.levels, read.targets, strict=True)
        ],
        axis=1,
    )


def _margin_frame(read: MarginTargets, start: FloatArray, weights: FloatArray) -> pd.DataFrame:
    """Lay out the margins before and after."""
    import pandas as pd

    parts: dict[str, list[object]] = {
        "variable": [], "level": [], "target": [], "before": [], "after": [],
    }  # fmt: skip
    for names, levels, target, code in zip(
        read.variables, read.levels, read.targets, read.codes, strict=True
    ):
        size = len(levels)
        parts["variable"] += [", ".join(names)] * size
        parts["level"] += [
            level[0] if len(names) == 1 else ", ".join(str(part) for part in level)
            for level in levels
        ]
        parts["target"] += (target / target.sum()).tolist()
        parts["before"] += (np.bincount(code, start, size) / start.sum()).tolist()
        parts["after"] += (np.bincount(code, weights, size) / weights.sum()).tolist()
    return pd.DataFrame(parts)
