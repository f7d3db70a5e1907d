"""Power by simulation: of any analysis, on any data that can be drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.core.checks import check_counts, check_level, resolve_rng
from evalkit.core.printing import html_table, text_block
from evalkit.errors import EvalkitError, InputError
from evalkit.kernels.numeric import normal_quantile
from evalkit.kernels.proportions import wilson
from evalkit.trials.planned_design import number
from evalkit.typing import RandomSource

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SimulatedPower", "simulate_power"]

_FAILED_SHOWN = 3


@dataclass(frozen=True, eq=False, repr=False)
class SimulatedPower:
    """What an analysis did on data drawn again and again.

    Parameters
    ----------
    draws : pandas.DataFrame
        One row for each data set: ``draw, estimate, std_error, conf_low, conf_high, p_value``;
        missing where the analysis gave an error or has no such number.
    level : float
        Confidence level of the intervals below; tests have size 1 - ``level``.
    truth : float or None
        The true effect, if it was given.
    failures : tuple of str
        What went wrong in the analyses that gave an error, each message once.
    """

    draws: pd.DataFrame
    level: float
    truth: float | None
    failures: tuple[str, ...]

    @property
    def power(self) -> float:
        """Share of the data sets in which the test rejects; an analysis that failed does not."""
        return float((self.draws["p_value"] < 1 - self.level).mean())

    def to_frame(self) -> pd.DataFrame:
        """Return the shares and means with their Monte Carlo intervals.

        Returns
        -------
        pandas.DataFrame
            One row for each of "power" (of no effect: the type I error) and, with a truth,
            "coverage" and "bias"; columns ``quantity, value, conf_low, conf_high, n``. Shares
            have Wilson's interval, the bias a normal one.
        """
        import pandas as pd

        n = len(self.draws)
        rows = [self._share("power", self.draws["p_value"] < 1 - self.level, n)]
        if self.truth is not None:
            has = self.draws.dropna(subset=["conf_low", "conf_high"])
            if len(has):
                inside = (has["conf_low"] <= self.truth) & (self.truth <= has["conf_high"])
                rows.append(self._share("coverage", inside, len(has)))
            off = self.draws["estimate"].dropna() - self.truth
            if len(off) > 1:
                half = normal_quantile(self.level) * float(off.std(ddof=1)) / len(off) ** 0.5
                mean = float(off.mean())
                rows.append(("bias", mean, mean - half, mean + half, len(off)))
        return pd.DataFrame(rows, columns=["quantity", "value", "conf_low", "conf_high", "n"])

    def _share(self, name: str, hits: Any, n: int) -> tuple[str, float, float, float, int]:
        """Return a share with its interval."""
        found = wilson(int(hits.sum()), n, self.level)
        return name, float(hits.sum()) / n, float(found.low), float(found.high), n

    def __repr__(self) -> str:
        """Show the shares in a few lines."""
        return text_block(self._head(), self.to_frame(), self._notes())

    def _repr_html_(self) -> str:
        """Show the shares in a notebook."""
        return html_table(self._head(), self.to_frame(), self._notes())

    def _head(self) -> list[str]:
        """Say what was done."""
        return [f"Power by simulation, {len(self.draws)} data sets, tests at {1 - self.level:.3g}"]

    def _notes(self) -> list[str]:
        """Say what failed."""
        failed = int(self.draws["p_value"].isna().sum())
        if not failed:
            return []
        why = "; ".join(self.failures[:_FAILED_SHOWN])
        return [f"{failed} analyses gave no p-value and count as not rejecting. {why}".rstrip()]


def simulate_power(
    draw: Callable[[np.random.Generator], pd.DataFrame],
    analyse: Callable[[pd.DataFrame], Any],
    *,
    n_simulations: int = 1000,
    truth: float | None = None,
    level: float = 0.95,
    rng: RandomSource = None,
    progress: bool = False,
) -> SimulatedPower:
    """Say how often an analysis finds the effect if data come about like this.

    Parameters
    ----------
    draw : callable
        Takes a generator and returns one data set.
    analyse : callable
        Takes a data set and returns a result: an effect table (its first row counts), a test
        with a ``p_value``, or a p-value.
    n_simulations : int, default 1000
        Data sets to draw.
    truth : float, optional
        The true effect, on the scale of the estimates: coverage and bias are reported then.
    level : float, default 0.95
        Tests reject at 1 - `level`.
    rng : int or numpy.random.Generator, optional
        Seed; every data set has a stream of its own, so that the first hundred of two runs with
        the same seed are the same.
    progress : bool, default False
        Show a progress bar.

    Returns
    -------
    SimulatedPower
        Power, and coverage and bias where there is a truth, with Monte Carlo intervals.

    Raises
    ------
    evalkit.errors.InputError
        If an argument is out of range, `analyse` returns something else, or every analysis fails.

    Notes
    -----
    An analysis that raises an :class:`evalkit.errors.EvalkitError` (an empty arm, say) counts as
    not rejecting, and is reported; other errors are not caught.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from scipy import stats
    >>> def draw(rng):
    ...     arm = np.repeat([0, 1], 20)
    ...     return pd.DataFrame({"arm": arm, "y": rng.normal(0.8 * arm, 1)})
    >>> def analyse(df):
    ...     return stats.ttest_ind(df.y[df.arm == 1], df.y[df.arm == 0]).pvalue
    >>> found = simulate_power(draw, analyse, n_simulations=200, rng=1)
    >>> 0.6 < found.power < 0.8  # the formula says 0.69
    True
    """
    import pandas as pd
    from tqdm.auto import tqdm

    level = check_level(level)
    if truth is not None:
        truth = number("truth", truth)
    n = int(check_counts("n_simulations", n_simulations, minimum=2)[0])
    rows: list[tuple[float, ...]] = []
    failures: dict[str, None] = {}
    streams = resolve_rng(rng).spawn(n)
    for stream in tqdm(streams, desc="simulate_power", disable=not progress):
        try:
            result = analyse(draw(stream))
        except EvalkitError as error:
            failures[str(error)] = None
            rows.append((float("nan"),) * 5)
        else:
            rows.append(_numbers(result))
    names = ["estimate", "std_error", "conf_low", "conf_high", "p_value"]
    draws = pd.DataFrame(rows, columns=names)
    if draws["p_value"].isna().all():
        raise InputError.of(
            "analyse",
            required="able to test some of the data sets",
            got=f"no p-value from any of {n}",
            where=failures,
        )
    draws.insert(0, "draw", range(1, n + 1))
    return SimulatedPower(draws, level, truth, tuple(failures))


def _numbers(result: Any) -> tuple[float, ...]:
    """Return estimate, standard error, limits and p-value of whatever an analysis returned."""
    import pandas as pd

    nothing = float("nan")
    made: Any = result
    frame: Any = made.to_frame() if hasattr(made, "to_frame") else made
    found: tuple[float, ...] | None = None
    if isinstance(frame, pd.DataFrame):
        if "p_value" in frame.columns and len(frame):
            first: Any = frame.iloc[0]
            names = ("estimate", "std_error", "conf_low", "conf_high", "p_value")
            picked = [first.get(name, nothing) for name in names]
            found = tuple(nothing if pd.isna(value) else float(value) for value in picked)
    elif isinstance(made, Real):
        found = (nothing, nothing, nothing, nothing, float(made))
    if found is None and isinstance(p_value := getattr(made, "p_value", None), Real):
        found = (nothing, nothing, nothing, nothing, float(p_value))
    if found is not None:
        if not (found[-1] != found[-1] or 0 <= found[-1] <= 1):
            raise InputError.of("analyse", required="a p-value from 0 to 1", got=f"{found[-1]:g}")
        return found
    raise InputError.of(
        "analyse",
        required="returning an effect table, a test with a p_value, or a p-value",
        got=type(made).__name__,
    )
