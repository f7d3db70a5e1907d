"""Scores of a questionnaire: one row for each respondent, with what is missing and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from evalkit.core.printing import html_table, text_block
from evalkit.errors import InputError
from evalkit.scales.cut_offs import Cutoffs
from evalkit.scales.definition import Scale
from evalkit.scales.subscale import Subscale
from evalkit.typing import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PartScores", "Scores"]

NO_ANSWER = "no item answered"
TOO_FEW = "too few items answered"
_REASONS = (NO_ANSWER, TOO_FEW)


@dataclass(frozen=True, eq=False)
class PartScores:
    """One score of every respondent.

    Attributes
    ----------
    score : ndarray of float, shape (n,)
        The score; NaN where there is none.
    n_answered : ndarray of int, shape (n,)
        Items answered.
    rescued : ndarray of bool, shape (n,)
        Whether the missing rule gave a score although an item is missing.
    kinds : ndarray of object, shape (n,), or None
        What kinds of missing there are, in words; None if the kinds have no names.
    """

    score: FloatArray
    n_answered: IntArray
    rescued: BoolArray
    kinds: Any = None


@dataclass(frozen=True, eq=False, repr=False)
class Scores:
    """Scores in the order of the rows, with how many answers they rest on.

    Parameters
    ----------
    scale : Scale
        The scale that was scored.
    index : pandas.Index
        Labels of the rows.
    parts : mapping of str to PartScores
        The scores by name: those of the subscales, or the one under the scale's name.
    items : mapping of str to str
        Columns of the frame by item.
    value_set : str
        Name of the value set; empty for other formulas.
    notes : tuple of str
        Sentences that belong with the scores.
    """

    scale: Scale
    index: pd.Index[Any]
    parts: Mapping[str, PartScores]
    items: Mapping[str, str]
    value_set: str = ""
    notes: tuple[str, ...] = field(default=())

    def to_frame(self) -> pd.DataFrame:
        """Return the scores.

        Returns
        -------
        pandas.DataFrame
            Columns ``score, n_answered, reason_missing, rescued`` with the rows' index; several
            subscales stand below each other with ``scale`` before. ``reason_missing`` is empty
            where there is a score. Where kinds of missing have names, ``missing_kinds`` counts
            them in words.
        """
        import pandas as pd

        several = bool(self.scale.subscales)
        names = list(self.parts)
        parts = [self.parts[name] for name in names]
        n = len(self.index)
        columns: dict[str, object] = {}
        if several:
            positions = np.repeat(np.arange(len(names), dtype=np.int8), n)
            columns["scale"] = _categories(positions, names)
        score = np.concatenate([part.score for part in parts])
        answered = np.concatenate([part.n_answered for part in parts])
        columns["score"] = score
        columns["n_answered"] = answered
        reasons = np.where(np.isnan(score), np.where(answered == 0, 0, 1), -1).astype(np.int8)
        columns["reason_missing"] = _categories(reasons, _REASONS)
        columns["rescued"] = np.concatenate([part.rescued for part in parts])
        if any(part.kinds is not None for part in parts):
            columns["missing_kinds"] = np.concatenate([
                np.full(n, "", dtype=object) if part.kinds is None else part.kinds
                for part in parts
            ])  # fmt: skip
        index = self.index
        if several:
            index = index.take(np.tile(np.arange(n), len(parts)))
        return pd.DataFrame(columns, index=index)

    def to_wide(self) -> pd.DataFrame:
        """Return the scores with a column for each.

        Returns
        -------
        pandas.DataFrame
            One row for each respondent.
        """
        import pandas as pd

        return pd.DataFrame(
            {name: part.score for name, part in self.parts.items()}, index=self.index
        )

    def __getitem__(self, column: Any) -> Any:
        """Return a column of :meth:`to_frame`, or the rows that a mask marks."""
        return cast("Any", self.to_frame())[column]

    def __len__(self) -> int:
        """Return the number of respondents."""
        return len(self.index)

    def _only(self) -> PartScores:
        """Return the one score, or refuse to choose among several."""
        if len(self.parts) > 1:
            raise InputError.of(
                "scores", required="of one scale", got=f"{len(self.parts)}", where=self.parts,
                remedy="Take to_frame() or to_wide().",
            )  # fmt: skip
        return next(iter(self.parts.values()))

    @property
    def score(self) -> pd.Series[Any]:
        """The scores, of a scale that has one."""
        import pandas as pd

        return pd.Series(self._only().score, index=self.index, name="score")

    @property
    def n_answered(self) -> pd.Series[Any]:
        """How many items were answered, of a scale that has one score."""
        import pandas as pd

        return pd.Series(self._only().n_answered, index=self.index, name="n_answered")

    @property
    def reason_missing(self) -> pd.Series[Any]:
        """Why there is no score, of a scale that has one score."""
        self._only()
        return self.to_frame()["reason_missing"]

    @property
    def n_rescued(self) -> dict[str, int]:
        """How many scores the missing rule gave although an item was missing, by scale."""
        return {name: int(part.rescued.sum()) for name, part in self.parts.items()}

    def summary(self) -> pd.DataFrame:
        """Return how many have a score, and how the scores are distributed.

        Returns
        -------
        pandas.DataFrame
            One row for each scale: ``scale, n, scored, rescued, no_answer, too_few, mean, sd, min,
            max, lowest, highest``; the last two are what the formula can give.
        """
        import pandas as pd

        rows: list[dict[str, object]] = []
        for name, part in self.parts.items():
            gone = np.isnan(part.score)
            kept = part.score[~gone]
            low, high = self.scale.score_range(self.scale.part(name))
            nothing = float("nan")
            rows.append({
                "scale": name,
                "n": len(part.score),
                "scored": len(kept),
                "rescued": int(part.rescued.sum()),
                "no_answer": int((gone & (part.n_answered == 0)).sum()),
                "too_few": int((gone & (part.n_answered > 0)).sum()),
                "mean": float(kept.mean()) if len(kept) else nothing,
                "sd": float(kept.std(ddof=1)) if len(kept) > 1 else nothing,
                "min": float(kept.min()) if len(kept) else nothing,
                "max": float(kept.max()) if len(kept) else nothing,
                "lowest": low,
                "highest": high,
            })  # fmt: skip
        return pd.DataFrame(rows)

    def bands(self, cutoffs: Cutoffs | None = None) -> pd.DataFrame:
        """Divide the scores into bands.

        Parameters
        ----------
        cutoffs : Cutoffs, optional
            The limits; those of the scale by default. Limits that were set for another scale or
            another version are refused.

        Returns
        -------
        pandas.DataFrame
            Columns ``score, band`` with the rows' index, after ``scale`` if there are several.

        Raises
        ------
        evalkit.errors.InputError
            If the scale has no cut-offs, or those given belong to something else.
        """
        import pandas as pd

        chosen: list[tuple[Subscale, Cutoffs]] = []
        for name in self.parts:
            part = self.scale.part(name)
            if cutoffs is None:
                chosen.extend((part, own) for own in part.cutoffs)
            elif cutoffs.scale == name or not self.scale.subscales:
                cutoffs.check_belongs(self.scale.name, name, self.scale.version)
                chosen.append((part, cutoffs))
        if not chosen:
            raise InputError.of(
                "cutoffs",
                required=f"given: {self.scale.name} has none"
                if cutoffs is None
                else f"of {', '.join(self.parts)}",
                got="None" if cutoffs is None else f"cut-offs of {cutoffs.scale}",
            )
        frames: list[pd.DataFrame] = []
        for part, limits in chosen:
            score = self.parts[part.name].score
            band = _categories(limits.band_of(score), limits.labels, ordered=True)
            frame = pd.DataFrame({"score": score, "band": band}, index=self.index)
            if self.scale.subscales:
                frame.insert(0, "scale", part.name)
            frames.append(frame)
        return frames[0] if len(frames) == 1 else pd.concat(frames)

    def _head(self) -> list[str]:
        """Say what was scored, and by which rule."""
        version = f" ({self.scale.version})" if self.scale.version else ""
        head = [f"Scores of {self.scale.name}{version}, {len(self)} respondents"]
        words = [self.scale.direction, f"value set {self.value_set}" if self.value_set else ""]
        line = "; ".join(word for word in words if word)
        return [*head, line] if line else head

    def __repr__(self) -> str:
        """Show how many have a score, in at most fifteen lines."""
        return text_block(self._head(), self.summary(), self.notes)

    def _repr_html_(self) -> str:
        """Show how many have a score, in a notebook."""
        return html_table(self._head(), self.summary(), self.notes)


def _categories(codes: Any, names: Sequence[str], *, ordered: bool = False) -> Any:
    """Return categories by their positions; -1 is missing."""
    import pandas as pd

    return cast("Any", pd.Categorical).from_codes(codes, categories=list(names), ordered=ordered)
