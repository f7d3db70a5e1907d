"""Random allocation to the arms of a trial, with a log from which it can be checked."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core.checks import check_choice, check_counts, check_share, resolve_rng
from evalkit.core.columns import Names, as_names, check_known, cross, labels, plain, rows_where
from evalkit.errors import InputError
from evalkit.kernels.assignment import assign_blocks, assign_complete, assign_simple, minimise
from evalkit.trials.allocation_log import ALLOCATION_METHODS, Allocation, AllocationMethod
from evalkit.typing import IntArray, RandomSource

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["randomise"]

_DEFAULT_ROUNDS = (2, 3)  # of the ratio, in a block
_CERTAINTY = 0.8
_LOG = ("order", "unit", "block", "arm")  # columns of the log beside the strata


def randomise(
    units: pd.DataFrame,
    *,
    arms: Sequence[object] | Mapping[object, int],
    method: AllocationMethod = "blocks",
    strata: Names | None = None,
    cluster: str | None = None,
    block_sizes: Sequence[int] | None = None,
    certainty: float | None = None,
    rng: RandomSource,
) -> Allocation:
    """Allocate units at random to the arms of a trial.

    Parameters
    ----------
    units : pandas.DataFrame
        One row for each person, in the order of entry, with an index without repeats.
    arms : sequence, or mapping to int
        Labels of the arms, equally large; or with their ratio, such as
        ``{"ReDO": 2, "kontroll": 1}``.
    method : {"blocks", "complete", "simple", "minimisation"}
        "blocks": blocks that hold the arms in their ratio, of random sizes; "complete": a fixed
        number to each arm; "simple": everybody by a coin; "minimisation": whoever enters goes,
        with probability ``certainty``, where the factors in ``strata`` stay most alike.
    strata : str or sequence of str, optional
        Columns whose combinations are allocated apart; for minimisation, the factors.
    cluster : str, optional
        Column of groups that are allocated whole. Strata must be the same within a group.
    block_sizes : sequence of int, optional
        Sizes to draw from, each a multiple of the ratio's sum. By default two and three times
        the sum: 4 and 6 for two equal arms.
    certainty : float, optional
        For minimisation: at least one over the number of arms, 0.8 by default.
    rng : int or numpy.random.Generator
        Seed, which the log records, or a generator.

    Returns
    -------
    Allocation
        The log; ``.arm`` is the new column for ``units``.

    Raises
    ------
    evalkit.errors.InputError
        If arms or index repeat, an arm has no label, a stratum or cluster is missing or
        contradicts itself, or an argument does not go with the method.

    Notes
    -----
    Blocks of fixed size let the last allocations of a block be guessed; random sizes make that
    harder. Minimisation counts, for every factor, those with the new unit's level in each arm,
    and sums the ranges (Pocock and Simon [1]_); with ``certainty`` 1 it would be predictable.
    In R, ``blockrand::blockrand`` and ``randomizr::block_ra`` do parts of this.

    References
    ----------
    .. [1] Pocock SJ, Simon R (1975). Sequential treatment assignment with balancing for
       prognostic factors in the controlled clinical trial. Biometrics 31:103-115.
       doi:10.2307/2529712

    Examples
    --------
    >>> import pandas as pd
    >>> units = pd.DataFrame({"site": ["Syd", "Nord"] * 4}, index=list("abcdefgh"))
    >>> drawn = randomise(units, arms=["ReDO", "kontroll"], strata="site", rng=7)
    >>> drawn.to_frame().groupby(["site", "arm"]).size().tolist()
    [2, 2, 2, 2]
    >>> units["arm"] = drawn.arm
    """
    check_choice("method", method, tuple(ALLOCATION_METHODS))
    layers = as_names(strata)
    check_known(units, strata=layers, cluster=cluster)
    _check_names(layers)
    _check_units(units)
    ratio = _check_arms(arms)
    total = sum(ratio.values())
    sizes = _check_method(method, layers, ratio, block_sizes, certainty)
    if rng is None:
        raise InputError.of(
            "rng", required="a seed or a generator", got="None",
            remedy="A trial's allocation has to be reproducible.",
        )  # fmt: skip
    source = resolve_rng(rng)
    first, member = _clusters(units, cluster)
    coded = [labels(units[name]) for name in layers]
    for name, column in zip(layers, coded, strict=True):
        _check_stratum(units, name, column.codes, first, member)
    stratum = cross(coded, first, single=False)[0] if coded else None
    groups = np.zeros(len(first), dtype=np.int64) if stratum is None else stratum
    parts = np.array(list(ratio.values()), dtype=np.int64)

    block: IntArray | None = None
    settings: dict[str, object] = {} if isinstance(rng, np.random.Generator) else {"seed": int(rng)}
    if method == "simple":
        codes = assign_simple(len(first), parts, source)
    elif method == "complete":
        codes = assign_complete(groups, parts, source)
    elif method == "blocks":
        codes, block = assign_blocks(groups, parts, sizes, source)
        settings["block sizes"] = " ".join(str(size) for size in sizes)
    else:
        factors = np.column_stack([column.codes[first] for column in coded])
        chance = _CERTAINTY if certainty is None else float(certainty)
        codes = minimise(factors, total, chance, 1, source)[0].astype(np.int64)
        settings["certainty"] = chance
    return _lay_out(units, ratio, method, layers, cluster, settings, first, member, codes, block)


def _lay_out(
    units: pd.DataFrame,
    ratio: Mapping[object, int],
    method: AllocationMethod,
    layers: Sequence[str],
    cluster: str | None,
    settings: Mapping[str, object],
    first: IntArray,
    member: IntArray,
    codes: IntArray,
    block: IntArray | None,
) -> Allocation:
    """Write the log, and give every row the arm of its unit."""
    import pandas as pd

    named = pd.Series(list(ratio), dtype="object")
    chosen = named.take(codes).infer_objects()
    source = units.index.to_series() if cluster is None else units[cluster]
    log = pd.DataFrame({"order": np.arange(1, len(first) + 1), "unit": source.to_numpy()[first]})
    for name in layers:
        log[name] = units[name].to_numpy()[first]
    if block is not None:
        log["block"] = block + 1
    log["arm"] = chosen.to_numpy()
    arm = pd.Series(chosen.to_numpy()[member], index=units.index, name="arm")
    return Allocation(log, arm, dict(ratio), method, tuple(layers), cluster, dict(settings))


def _check_units(units: pd.DataFrame) -> None:
    """Refuse no rows, and rows with one label."""
    if len(units) == 0:
        raise InputError.of("units", required="at least one row", got="0 rows")
    again = units.index.duplicated()
    if again.any():
        repeated = units.index[again].unique().tolist()
        raise InputError.of(
            "units",
            required="rows with an index of their own",
            got=f"{len(repeated)} labels that stand for several rows",
            where=(repr(plain(label)) for label in repeated),
            remedy="Use the persons' identifiers: units.set_index(...), once each.",
        )


def _check_arms(arms: Sequence[object] | Mapping[object, int]) -> dict[object, int]:
    """Return the arms with their ratio."""
    if isinstance(arms, str):
        raise InputError.of("arms", required="at least two labels", got=repr(arms))
    given = [plain(label) for label in arms]
    if any(not isinstance(label, Hashable) or _is_missing(label) for label in given):
        raise InputError.of(
            "arms",
            required="labels that can stand in a column, none of them missing",
            got=", ".join(repr(label) for label in given),
        )
    if len(given) < 2 or len(set(given)) < len(given):
        raise InputError.of(
            "arms",
            required="at least two labels, all different",
            got=", ".join(repr(label) for label in given) or "none",
        )
    if not isinstance(arms, Mapping):
        return dict.fromkeys(given, 1)
    parts = check_counts("arms", list(arms.values()), minimum=1)
    return dict(zip(given, parts.tolist(), strict=True))


def _is_missing(label: object) -> bool:
    """Say whether a label is None, NaN or NA."""
    import pandas as pd

    return bool(pd.api.types.is_scalar(label) and pd.isna(pd.Series([label], dtype=object))[0])


def _check_names(layers: Sequence[str]) -> None:
    """Refuse strata whose names the log has columns of its own for."""
    wrong = [name for name in layers if name in _LOG]
    if wrong:
        raise InputError.of(
            "strata",
            required="named otherwise than the columns of the log: " + ", ".join(_LOG),
            got=", ".join(repr(name) for name in wrong),
            remedy="Rename the columns.",
        )


def _check_method(
    method: str,
    layers: Sequence[str],
    ratio: Mapping[object, int],
    block_sizes: Sequence[int] | None,
    certainty: float | None,
) -> list[int]:
    """Refuse arguments that do not go with the method, and return the sizes of blocks."""
    if method == "simple" and layers:
        raise InputError.of(
            "strata", required="left out with method='simple'", got=repr(list(layers)),
            remedy="A coin does not look at strata; 'complete' and 'blocks' do.",
        )  # fmt: skip
    if method != "minimisation" and certainty is not None:
        raise InputError.of(
            "certainty", required=f"left out with method={method!r}", got=repr(certainty)
        )
    if method == "minimisation":
        if certainty is not None and check_share("certainty", certainty) < 1 / len(ratio):
            raise InputError.of(
                "certainty",
                required=f"at least 1/{len(ratio)}, chance alone, for {len(ratio)} arms",
                got=repr(certainty),
                remedy="Below it, units would go where the arms become less alike.",
            )
        if not layers:
            raise InputError.of(
                "strata", required="the factors to balance, with method='minimisation'", got="None"
            )
        if set(ratio.values()) != {1}:
            raise InputError.of(
                "arms", required="equally large with method='minimisation'",
                got=":".join(str(part) for part in ratio.values()),
                remedy="Unequal minimisation does not keep its ratio; use method='blocks'.",
            )  # fmt: skip
    total = sum(ratio.values())
    if method != "blocks":
        if block_sizes is not None:
            raise InputError.of(
                "block_sizes", required=f"left out with method={method!r}", got=repr(block_sizes)
            )
        return []
    default = [rounds * total for rounds in _DEFAULT_ROUNDS]
    sizes = default if block_sizes is None else check_counts("block_sizes", block_sizes, minimum=1)
    wrong = [int(size) for size in sizes if size % total]
    if wrong or len(sizes) == 0:
        raise InputError.of(
            "block_sizes",
            required=f"multiples of {total}, the sum of the ratio",
            got=", ".join(str(size) for size in wrong) or "none",
        )
    return [int(size) for size in sizes]


def _clusters(units: pd.DataFrame, cluster: str | None) -> tuple[IntArray, IntArray]:
    """Return the first row of every unit, in order of entry, and the unit of every row."""
    if cluster is None:
        rows = np.arange(len(units))
        return rows, rows
    codes = labels(units[cluster], ordered=False).codes
    if (codes < 0).any():
        raise InputError.of(
            "cluster",
            required=f"known for every row ({cluster!r})",
            got=f"{int((codes < 0).sum())} rows where it is missing",
            where=rows_where(units, codes < 0),
        )
    _, first, member = np.unique(codes, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return first[order].astype(np.int64), rank[member]


def _check_stratum(
    units: pd.DataFrame, name: str, codes: IntArray, first: IntArray, member: IntArray
) -> None:
    """Refuse missing strata, and clusters that lie in several."""
    if (codes < 0).any():
        raise InputError.of(
            "strata",
            required=f"known for every row ({name!r})",
            got=f"{int((codes < 0).sum())} rows where it is missing",
            where=rows_where(units, codes < 0),
        )
    wrong = codes != codes[first[member]]
    if wrong.any():
        raise InputError.of(
            "strata",
            required=f"the same in all rows of a cluster ({name!r})",
            got=f"{len(np.unique(member[wrong]))} clusters with several values",
            where=rows_where(units, wrong),
        )
