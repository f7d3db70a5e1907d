"""What a random allocation hands back: its log, who went where, and how alike the arms became."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from evalkit.core.columns import Names, as_names, check_known, labels, rows_where
from evalkit.core.printing import html_table, text_block
from evalkit.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ALLOCATION_METHODS", "Allocation", "AllocationMethod"]

AllocationMethod: TypeAlias = Literal["simple", "complete", "blocks", "minimisation"]
"""How units are allocated."""

ALLOCATION_METHODS: Mapping[str, str] = {
    "simple": "Simple randomisation",
    "complete": "Complete randomisation",
    "blocks": "Permuted blocks",
    "minimisation": "Minimisation",
}
"""The methods, in words."""


@dataclass(frozen=True, eq=False, repr=False)
class Allocation:
    """Who was allocated to which arm, and how.

    Parameters
    ----------
    log : pandas.DataFrame
        One row for each unit in the order of allocation: ``order`` (from 1), ``unit`` (the label
        of the row, or the cluster), the strata, ``block`` if there are blocks, ``arm``.
    arm : pandas.Series
        The arm of every row of ``units``, under its index.
    arms : mapping of object to int
        The arms and their ratio.
    method : str
        "simple", "complete", "blocks" or "minimisation".
    strata : tuple of str
        Columns of the strata, or of the factors that minimisation balances.
    cluster : str or None
        Column of the clusters, if they were allocated whole.
    settings : mapping of str to object
        What else the allocation rests on: the seed if there was one, and what the method needs.
    """

    log: pd.DataFrame
    arm: pd.Series[Any]
    arms: Mapping[object, int]
    method: AllocationMethod
    strata: tuple[str, ...]
    cluster: str | None
    settings: Mapping[str, object]

    def to_frame(self) -> pd.DataFrame:
        """Return the allocation log.

        Returns
        -------
        pandas.DataFrame
            A copy of ``log``.
        """
        return self.log.copy()

    def balance(self, units: pd.DataFrame, variables: Names) -> pd.DataFrame:
        """Describe how alike the arms are, without tests: any difference is chance.

        Parameters
        ----------
        units : pandas.DataFrame
            The units, with the index of those that were allocated.
        variables : str or sequence of str
            Columns. Numbers (and bool) are summed up by their mean, others by the share of
            each level.

        Returns
        -------
        pandas.DataFrame
            Columns ``variable``, ``level`` (empty for means), ``arm``, ``n`` (with a value),
            ``missing``, ``value`` (mean or share) and ``smd``: the difference from the first arm
            over the root of the two arms' mean variance; missing if neither varies.

        Raises
        ------
        evalkit.errors.InputError
            If a column does not exist, or a row was not allocated.

        Notes
        -----
        Variances divide by n - 1 for means, and are p (1 - p) for shares.
        """
        import pandas as pd

        names = as_names(variables)
        check_known(units, variables=names)
        arm = self.arm.reindex(units.index)
        if arm.isna().any():
            gone = arm.isna().to_numpy(dtype=bool)
            raise InputError.of(
                "units",
                required="rows that were allocated",
                got=f"{int(gone.sum())} others",
                where=rows_where(units, gone),
            )
        rows: list[dict[str, object]] = []
        for name in names:
            series: pd.Series[Any] = units[name]
            number = pd.api.types.is_numeric_dtype(series.dtype)
            levels = ("",) if number else labels(series).levels
            for level in levels:
                full = series.astype("float64") if number else (series == level).astype("float64")
                rows += self._compared(name, level, full.where(series.notna()), arm, number)
        return pd.DataFrame(rows)

    def _compared(
        self, name: str, level: object, values: pd.Series[Any], arm: pd.Series[Any], number: bool
    ) -> list[dict[str, object]]:
        """Describe one mean or share by arm."""
        rows: list[dict[str, object]] = []
        first = (np.nan, np.nan)
        for k, label in enumerate(self.arms):
            inside = values[(arm == label).to_numpy()]
            mean = float(inside.mean())
            variance = float(inside.var(ddof=1)) if number else mean * (1 - mean)
            if k == 0:
                first = (mean, variance)
            pooled = (variance + first[1]) / 2
            smd = (mean - first[0]) / np.sqrt(pooled) if pooled > 0 else np.nan
            rows.append(
                {
                    "variable": name,
                    "level": level,
                    "arm": label,
                    "n": int(inside.notna().sum()),
                    "missing": int(inside.isna().sum()),
                    "value": mean,
                    "smd": smd,
                }
            )
        return rows

    def _head(self) -> list[str]:
        """Say how, of what, and how many went where."""
        counted = self.log["arm"].value_counts()
        sizes = ", ".join(f"{label} {int(counted.get(label, 0))}" for label in self.arms)
        ratio = ":".join(str(part) for part in self.arms.values())
        what = "rows" if self.cluster is None else f"clusters ({self.cluster})"
        within = ""
        if self.strata:
            word = "balancing" if self.method == "minimisation" else "within strata of"
            within = f", {word} {', '.join(self.strata)}"
        said = ", ".join(f"{name} {value}" for name, value in self.settings.items())
        settings = f"Reproducible by: {said}" if "seed" in self.settings else f"Settings: {said}"
        return [
            f"{ALLOCATION_METHODS[self.method]} of {len(self.log)} {what}{within}; ratio {ratio}",
            f"Allocated: {sizes}",
            *([settings] if said else []),
        ]

    def __repr__(self) -> str:
        """Show the method, the sizes and the beginning of the log."""
        return text_block(self._head(), self.log, ())

    def _repr_html_(self) -> str:
        """Show the method, the sizes and the log in a notebook."""
        return html_table(self._head(), self.log, ())
