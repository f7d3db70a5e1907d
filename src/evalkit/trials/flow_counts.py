"""The numbers of a flow diagram: their stages, their order, and the sums that they must keep."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from evalkit.core.checks import check_counts
from evalkit.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "STAGES", "Count", "check_flow"]

COLUMNS = ("stage", "time", "arm", "reason", "n")

STAGES = (
    "assessed", "excluded", "randomised", "started", "not started", "start not known",
    "crossed over", "groups", "smallest group", "largest group", "completed", "broke off",
    "completion not known", "followed up", "lost", "analysed", "not analysed",
)  # fmt: skip
"""Every stage that a flow can have, in its order."""

# A whole and the parts that make it up, which are there or are nobody.
_SUMS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("randomised", ("started", "not started", "start not known")),
    ("started", ("completed", "broke off", "completion not known")),
    ("randomised", ("followed up", "lost")),
    ("randomised", ("analysed", "not analysed")),
)
_WITHIN = (("crossed over", "randomised"), ("groups", "started"), ("largest group", "started"),
           ("smallest group", "largest group"))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Count:
    """One number of the flow.

    Attributes
    ----------
    stage : str
        One of :data:`STAGES`.
    n : int
        How many.
    arm : str
        The arm; empty before the randomisation.
    reason : str
        Why, where the stage is divided by reasons; empty for its own number.
    time : str
        The follow-up, where there are several.
    """

    stage: str
    n: int
    arm: str = ""
    reason: str = ""
    time: str = ""


_Numbers: TypeAlias = Mapping[tuple[str, str, str], int]


def check_flow(data: pd.DataFrame, arms: Sequence[str]) -> None:
    """Refuse numbers that do not add up.

    Parameters
    ----------
    data : pandas.DataFrame
        The flow, with :data:`COLUMNS`.
    arms : sequence of str
        The arms.

    Raises
    ------
    evalkit.errors.InputError
        If a number is none, stands twice, or belongs to an unknown stage or arm, or if parts do
        not make up their whole.
    """
    check_counts("n", data["n"].tolist())
    rows = [
        Count(str(stage), int(n), str(arm), str(reason), str(time))
        for stage, time, arm, reason, n in zip(*(data[name] for name in COLUMNS), strict=True)
    ]
    for argument, found, known in (
        ("stage", [row.stage for row in rows], STAGES),
        ("arm", [row.arm for row in rows], ("", *arms)),
    ):
        strange = list(dict.fromkeys(name for name in found if name not in known))
        if strange:
            raise InputError.of(
                argument, required=f"one of {', '.join(filter(None, known))}",
                got=", ".join(map(repr, strange)),
            )  # fmt: skip
    numbers: dict[tuple[str, str, str], int] = {}
    reasons: dict[tuple[str, str, str], dict[str, int]] = {}
    for row in rows:
        key = (row.stage, row.time, row.arm)
        place: dict[str, int] = reasons.setdefault(key, {}) if row.reason else {}
        if (row.reason in place) if row.reason else (key in numbers):
            raise InputError.of(
                "flow", required="every number once", got="one that stands twice",
                where=[_place(*key) + (f", {row.reason}" if row.reason else "")],
            )  # fmt: skip
        if row.reason:
            place[row.reason] = row.n
        else:
            numbers[key] = row.n
    wrong = [*_wrong_reasons(numbers, reasons), *_wrong_sums(numbers, arms)]
    if wrong:
        raise InputError.of(
            "flow", required="numbers that add up", got="; ".join(wrong[:3]),
            remedy="Correct the count, or add the stage or reason that is left out.",
        )  # fmt: skip


def _wrong_reasons(
    numbers: _Numbers, reasons: Mapping[tuple[str, str, str], Mapping[str, int]]
) -> Iterator[str]:
    """Name the stages whose reasons do not make them up."""
    for key, parts in reasons.items():
        total = sum(parts.values())
        if key not in numbers:
            yield f"reasons without a number of {_place(*key)}"
        elif total != numbers[key]:
            yield f"{numbers[key]} {_place(*key)}, but {total} by reason"


def _wrong_sums(numbers: _Numbers, arms: Sequence[str]) -> Iterator[str]:
    """Name the wholes that their parts do not make up."""
    times = list(dict.fromkeys(time for _, time, _ in numbers))
    total = numbers.get(("randomised", "", ""))
    by_arm = [numbers[key] for arm in arms if (key := ("randomised", "", arm)) in numbers]
    if total is not None and len(by_arm) == len(arms) and sum(by_arm) != total:
        yield f"{total} randomised, but {' + '.join(map(str, by_arm))} in the arms"
    assessed = numbers.get(("assessed", "", ""))
    out = numbers.get(("excluded", "", ""), 0)
    inside = sum(by_arm) if total is None else total
    if assessed is not None and assessed != out + inside:
        yield f"{assessed} assessed, but {out} excluded + {inside} randomised"
    for arm in arms:
        for whole, parts in _SUMS:
            there = numbers.get((whole, "", arm))
            for time in times:
                got = [(p, numbers[key]) for p in parts if (key := (p, time, arm)) in numbers]
                if there is not None and got and sum(n for _, n in got) != there:
                    shown = " + ".join(f"{n} {name}" for name, n in got)
                    yield f"{there} {whole}, but {shown} ({_where(time, arm)})"
        for part, whole in _WITHIN:
            few, many = (numbers.get((stage, "", arm)) for stage in (part, whole))
            if few is not None and many is not None and few > many:
                yield f"{many} {whole}, but {few} {part} ({arm})"


def _where(time: str, arm: str) -> str:
    """Name an arm, and a follow-up where there is one."""
    return f"{arm}, {time}" if time else arm


def _place(stage: str, time: str, arm: str) -> str:
    """Name a stage in an arm."""
    where = ", ".join(filter(None, (arm, time)))
    return f"{stage} ({where})" if where else stage
