"""Randomisation tests: what the allocation itself says about an effect."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.core.checks import check_choice, check_counts, check_level, resolve_rng
from evalkit.core.columns import Names, as_names, plain, rows_where
from evalkit.errors import InputError
from evalkit.trials.allocation_log import Allocation
from evalkit.trials.randomisation_pairs import ContrastTests, Plan, Statistic, compare_pair
from evalkit.trials.randomised_units import comparable, group_codes, pair_of_arms
from evalkit.trials.sample_checks import keep_rows
from evalkit.trials.trial_result import Higher, TrialEffect, as_randomised
from evalkit.trials.trial_sample import TrialSample, read_trial
from evalkit.typing import FloatArray, IntArray, RandomSource

if TYPE_CHECKING:
    import pandas as pd

    from evalkit.trials.estimand import Estimand

__all__ = ["RandomisationTest", "randomisation_test"]

_KEYS = ("outcome", "contrast", "conf_low", "conf_high")


@dataclass(frozen=True, eq=False, repr=False)
class RandomisationTest(TrialEffect):
    """Effects with their randomisation p-values, and the sets of shifts that are not rejected.

    Parameters
    ----------
    data, estimand, method, level, n_used, n_dropped, notes, attributes, arms
        As :class:`evalkit.trials.trial_result.TrialEffect`. ``conf_low`` and ``conf_high`` are
        the ends of the whole set.
    sets : tuple of (str, str, ndarray of float, shape (q, 2))
        Outcome, contrast and the intervals that make up the set.
    """

    sets: tuple[tuple[str, str, FloatArray], ...] = field(default=(), kw_only=True)

    def confidence_sets(self) -> pd.DataFrame:
        """Return the confidence sets, one row for each interval that belongs to one.

        Returns
        -------
        pandas.DataFrame
            Columns ``outcome``, ``contrast``, ``conf_low``, ``conf_high``.
        """
        import pandas as pd

        rows = [
            (outcome, contrast, low, high)
            for outcome, contrast, pieces in self.sets
            for low, high in pieces.tolist()
        ]
        return pd.DataFrame(rows, columns=list(_KEYS))


def randomisation_test(
    df: pd.DataFrame,
    *,
    outcome: Names,
    arm: str,
    control: object,
    strata: Names | None = None,
    cluster: str | None = None,
    blocks: Names | None = None,
    covariates: Names | None = None,
    design: Allocation | None = None,
    statistic: Statistic = "difference",
    n_permutations: int = 10_000,
    exact: bool | None = None,
    level: float = 0.95,
    higher: Higher | None = None,
    estimand: Estimand | None = None,
    unit: str | None = None,
    progress: bool = False,
    rng: RandomSource,
) -> RandomisationTest:
    r"""Test whether an arm had any effect, by the assignments that could have come out.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person randomised.
    outcome : str or sequence of str
        Columns with numbers (0 and 1 if binary). Several are tested on the same assignments,
        and their p-values adjusted for their number.
    arm : str
        Column with the arm as randomised.
    control : object
        Label of the control arm. Every other arm is compared with it on its own.
    strata : str or sequence of str, optional
        Columns of the strata: labels change places within them, and the estimate is taken within
        them.
    cluster : str, optional
        Column of groups that were randomised whole; a row without one stands alone. Groups that
        were formed after persons had been randomised are none: leave them out.
    blocks : str or sequence of str, optional
        Columns of the blocks: labels change places within them too, the estimate stays as it is.
    covariates : str or sequence of str, optional
        Right-hand side of a formula, or columns, to adjust for.
    design : Allocation, optional
        What :func:`randomise` returned, instead of ``blocks``: assignments are drawn as it drew
        them. Rows are found by the index of ``df``, or by ``unit``.
    statistic : {"difference", "studentised"}
        The difference itself, or over its standard error. The second tests no difference in
        means approximately, also where the arms vary unequally [3]_; both test no effect
        exactly.
    n_permutations : int, default 10,000
        Random assignments to draw.
    exact : bool, optional
        Use all assignments instead of random ones. By default if they are no more than
        ``n_permutations``.
    level : float, default 0.95
        Confidence level.
    higher : {"better", "worse"}, optional
        What a higher outcome means.
    estimand : Estimand, optional
        The five attributes; as randomised by default.
    unit : str, optional
        Column that identifies the persons.
    progress : bool, default False
        Show a progress bar.
    rng : int or numpy.random.Generator
        Source of randomness; not used where all assignments are listed. The result depends on
        the seed, and not on the order of the rows.

    Returns
    -------
    RandomisationTest
        Term ``difference``, one row for each outcome and contrast. ``std_error`` is that of the
        statistic: over all assignments if nobody was affected, or estimated if studentised.
        With several outcomes there are a key ``outcome`` and a column ``p_adjusted``.

    Raises
    ------
    evalkit.errors.InputError
        If a column is not what it must be, clusters were not randomised whole, ``design`` does
        not fit ``df``, covariates determine the arm, or a variance cannot be estimated.

    Warns
    -----
    TrialWarning
        If strata lack the control arm or another; they say nothing about its effect, and are left
        out of the contrast.

    Notes
    -----
    Under the sharp hypothesis that nobody was affected, outcomes are what they are whatever the
    assignment. The p-value is the share of assignments whose statistic is as far from 0 as the
    one observed: :math:`(1+c)/(1+R)` of R random ones [1]_, c / R if all R are listed. It is never
    below the chosen level with more than that probability, in samples of any size. Statistics that
    are undefined (an arm of which nobody was observed) count as extreme.

    The estimate is the difference in means; with strata their differences weighted by size; with
    covariates the coefficient of the arm in a regression on strata and covariates. Studentised, it
    is divided by the standard error of unequal variances (between clusters where there are any),
    or HC0 (by cluster CR0) with covariates.

    The confidence set holds every shift t, the same for everybody, for which outcomes less t in
    the arm are not rejected. Both statistics are known functions of t for each assignment,
    :math:`a-bt` and :math:`(a-bt)/\sqrt{c+dt+et^2}`, so that the set's ends are roots and not
    points of a grid. It may be unbounded, or (studentised, adjusted, or with clusters of unequal
    size) fall into pieces: the notes say so, and ``.confidence_sets()`` lists them. With an
    outcome of 0 and 1 hardly any shift is possible for everybody; the p-value needs none, and
    :func:`evalkit.trials.proportion_difference` gives an interval for the difference in risks.

    After simple randomisation and after blocks, labels are permuted given how many each arm got
    (in each block). After minimisation the trial is run anew, in its order of entry.

    Persons without the outcome are left out, and the labels of the others permuted: missing
    values are taken to be as they are whatever the assignment. ``p_adjusted`` is the step-down of
    Westfall and Young [2]_ on statistics over their standard errors.

    In R, ``coin::oneway_test(..., distribution = "exact")`` gives the same p-value, with equal
    shares of each arm in all blocks, and ``ri2::conduct_ri`` random ones.

    References
    ----------
    .. [1] Phipson B, Smyth GK (2010). Permutation p-values should never be zero. Stat Appl
       Genet Mol Biol 9:39. doi:10.2202/1544-6115.1585
    .. [2] Westfall PH, Young SS (1993). Resampling-based multiple testing. Wiley.
    .. [3] Chung E, Romano JP (2013). Exact and asymptotically robust permutation tests. Ann
       Stat 41:484-507. doi:10.1214/13-AOS1090

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame(
    ...     {"arm": ["ReDO"] * 4 + ["CAU"] * 4, "mastery": [21, 24, 25, 22, 19, 18, 20, 23]}
    ... )
    >>> test = randomisation_test(df, outcome="mastery", arm="arm", control="CAU", rng=1)
    >>> test.to_frame()[["estimate", "p_value", "conf_low", "conf_high"]].round(3).values.tolist()
    [[3.0, 0.114, -2.0, 7.0]]
    """
    names = _outcomes(outcome)
    check_choice("statistic", statistic, ("difference", "studentised"))
    level = check_level(level)
    plan = Plan(
        statistic,
        level,
        int(check_counts("n_permutations", n_permutations, minimum=1)[0]),
        exact,
        resolve_rng(rng),
        _bar if progress else iter,
    )
    if design is not None:
        cluster = _check_design(design, blocks, cluster)
    options: dict[str, Any] = {
        "arm": arm,
        "control": control,
        "covariates": covariates,
        "strata": strata,
        "cluster": cluster,
        "unit": unit,
        "extra_columns": as_names(blocks),
    }
    sample, Y = comparable(*_read(df, names, options))
    block, position = group_codes(df, as_names(blocks), sample.rows), None
    if design is not None:
        found = _positions(df, sample, design, cluster, unit)
        block = _design_groups(design, found)
        position = found if design.method == "minimisation" else None
    parts = [
        compare_pair(
            names,
            Y,
            sample,
            pair_of_arms(df, sample, Y, k, block, position),
            design,
            sample.contrasts[k - 1],
            plan,
        )
        for k in range(1, len(sample.arm_levels))
    ]
    return _lay_out(names, sample, parts, plan, design, blocks, rng, higher, estimand)


def _bar(steps: Iterable[Any]) -> Iterable[Any]:
    """Show a progress bar over the steps."""
    from tqdm import tqdm

    return tqdm(steps, desc="assignments", leave=False)


def _outcomes(outcome: Names) -> list[str]:
    """Return the outcomes, at least one and all different."""
    names = as_names(outcome)
    if not names or len(set(names)) < len(names):
        raise InputError.of(
            "outcome", required="one column or several different ones", got=repr(outcome)
        )
    return names


def _read(
    df: pd.DataFrame, names: Sequence[str], options: dict[str, Any]
) -> tuple[TrialSample, FloatArray]:
    """Read one outcome, or several of the same rows."""
    if len(names) == 1:
        sample = read_trial(df, outcome=names[0], **options)
        return sample, sample.outcome[:, None]
    samples = [read_trial(df, outcome=name, need_outcome=False, **options) for name in names]
    Y = np.column_stack([sample.outcome for sample in samples])
    there = np.asarray(~np.isnan(Y).all(axis=1))
    return keep_rows(samples[0], there, "missing all outcomes"), Y[there]


def _check_design(design: Allocation, blocks: Names | None, cluster: str | None) -> str | None:
    """Return the cluster column, which the allocation knows."""
    if blocks is not None:
        raise InputError.of(
            "blocks", required="left out with design", got=repr(blocks),
            remedy="The allocation knows its blocks.",
        )  # fmt: skip
    if cluster not in (None, design.cluster):
        raise InputError.of(
            "cluster", required=f"what was allocated ({design.cluster!r})", got=repr(cluster)
        )
    if design.method == "minimisation" and len(design.arms) != 2:
        raise InputError.of(
            "design",
            required="of two arms if it was by minimisation",
            got=f"{len(design.arms)} arms",
            remedy="With more arms, units of one pair cannot be drawn anew without the others.",
        )
    return design.cluster


def _positions(
    df: pd.DataFrame,
    sample: TrialSample,
    design: Allocation,
    cluster: str | None,
    unit: str | None,
) -> IntArray:
    """Return where the unit of each row stands in the allocation log; the arm must agree."""
    import pandas as pd

    column = cluster if cluster is not None else unit
    named = df.index if column is None else pd.Index(df[column])
    found = pd.Index(design.log["unit"]).get_indexer(named.take(sample.rows))
    listed = np.array([plain(label) for label in design.log["arm"]], dtype=object)
    mine = np.array(sample.arm_levels, dtype=object)[sample.arm]
    for wrong, required in (
        (found < 0, "of units that were allocated"),
        (listed[found] != mine, "in the arm of the allocation"),
    ):
        if wrong.any():
            mask = np.zeros(len(df), dtype=np.bool_)
            mask[sample.rows[wrong]] = True
            raise InputError.of(
                "design",
                required=f"such that all rows of df are {required}",
                got=f"{int(wrong.sum())} rows that are not",
                where=rows_where(df, mask),
            )
    return np.asarray(found, dtype=np.int64)


def _design_groups(design: Allocation, position: IntArray) -> IntArray:
    """Return the groups within which the allocation drew labels."""
    names = ["block"] if design.method == "blocks" else []
    if design.method == "complete":
        names = list(design.strata)
    return group_codes(design.log, names, position)


def _lay_out(
    names: Sequence[str],
    sample: TrialSample,
    parts: Sequence[ContrastTests],
    plan: Plan,
    design: Allocation | None,
    blocks: Names | None,
    rng: RandomSource,
    higher: Higher | None,
    estimand: Estimand | None,
) -> RandomisationTest:
    """Lay out the table, and say what was done."""
    rows = [row for j in range(len(names)) for row in (part.rows[j] for part in parts)]
    several = len(names) > 1
    columns = {key: [row[key] for row in rows] for key in rows[0] if several or key != "outcome"}
    summary = "difference in means"
    if sample.covariates is not None:
        summary = f"adjusted {summary}"
    variable = ", ".join(names)
    attributes = (
        as_randomised(sample, outcome=variable, summary=summary) if estimand is None else estimand
    )
    within = [
        name for name, there in (("strata", sample.strata), ("blocks", blocks)) if there is not None
    ]
    if design is not None and design.method == "blocks":
        within.append("blocks")
    drawn = " and ".join(dict.fromkeys(part.drawn for part in parts))
    seed = f", seed {rng}" if isinstance(rng, Integral) and "draws" in drawn else ""
    if design is not None and design.method == "minimisation":
        how = "minimisation run anew"
    else:
        how = f"{'labels' if sample.cluster is None else 'clusters'} permuted"
        how += f" within {' and '.join(within)}" if within else ""
    statistic = ", studentised" if plan.statistic == "studentised" else ""
    method = f"Randomisation test{statistic}; {how}: {drawn}{seed}"
    result = TrialEffect.from_sample(
        columns,
        sample,
        attributes=attributes,
        higher=higher,
        method=method,
        level=plan.level,
        notes=[note for part in parts for note in part.notes],
    )
    known = {f.name: getattr(result, f.name) for f in fields(result)}
    sets = tuple(
        (name, part.contrast, part.sets[j]) for j, name in enumerate(names) for part in parts
    )
    return RandomisationTest(**known, sets=sets)
