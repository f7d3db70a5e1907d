"""Planning a trial: its power, the persons that it needs, the effect that it can detect."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from evalkit.core.checks import check_choice, check_share
from evalkit.errors import InputError
from evalkit.trials.planned_design import PlannedDesign, PlannedMeasure, number
from evalkit.trials.planned_input import read_design
from evalkit.trials.planning_result import PowerTable

__all__ = ["detectable_effect", "power", "sample_size"]

_LARGEST = 10_000_000  # persons in an arm beyond which the search for a sample size ends
_HALVINGS = 200
_ONE_SIDED = "With sides=1 only effects above the null reject: turn the outcome round."


def power(
    *,
    n: int | tuple[int, int],
    effect: float | Sequence[float],
    measure: PlannedMeasure = "difference",
    level: float = 0.95,
    sides: Literal[1, 2] = 2,
    method: Literal["formula", "exact"] = "formula",
    **design: Any,
) -> PowerTable:
    r"""Say how likely a trial of this size is to find an effect that is there.

    Parameters
    ----------
    n : int or (int, int)
        Persons randomised to each arm, or to the arm and to the control arm.
    effect : float or sequence of float
        The true effect of being treated, arm minus control or arm over control: a difference of
        means, a risk difference, a risk ratio, an odds ratio or a hazard ratio.
    measure : {"difference", "risk_difference", "risk_ratio", "odds_ratio", "hazard_ratio"}
        What the effect is.
    level : float, default 0.95
        Confidence level; the test has size 1 - `level`, on one side half of it if ``sides=1``,
        so that the test agrees with the interval.
    sides : {1, 2}
        Whether only effects above the null reject, or also those below.
    method : {"formula", "exact"}
        The approximation named in Notes, or, for risks without clusters, the sum over all
        outcomes of Miettinen and Nurminen's test.
    **design : object
        What else the plan says; see Notes:

        - ``sd`` (number or pair, default 1): standard deviation of the outcome, for means;
        - ``control`` (share): risk in the control arm, for risks;
        - ``event_share`` (share or pair): share with an event during follow-up, for hazards;
        - ``correlation`` (default 0): of the outcome with the covariates that are adjusted for,
          for means and risks;
        - ``cluster_size`` (number), ``icc`` (share), ``cluster_size_cv`` (default 0) and
          ``clusters_in`` ("both" or "arm"): clusters in both arms, or groups in one arm only;
        - ``attrition`` (share or pair, default 0): lost to follow-up;
        - ``adherence`` (default 1), ``contamination`` (default 0): shares treated in the arm and
          in the control arm;
        - ``margin`` (default 0): test of non-inferiority, effect > -margin.

    Returns
    -------
    PowerTable
        One row for each effect: ``measure, effect, n_arm, n_control, diluted, std_error, df,
        power``.

    Raises
    ------
    evalkit.errors.InputError
        If an argument is out of range, does not belong to the measure, or is needed and missing.

    Notes
    -----
    Attrition leaves :math:`n(1-a)` persons, and clusters smaller, not fewer. Non-adherence dilutes
    the effect: with shares :math:`c_1` and :math:`c_0` treated, the arms as randomised differ by
    :math:`c_1 - c_0` times the effect (of risks on the difference scale, of hazards on the log
    scale).

    *Means*: :math:`SE^2 = s_1^2 D_1 (1-r^2)/n_1 + s_0^2 D_0 (1-r^2)/n_0`, noncentral t. Degrees of
    freedom are :math:`n_1 + n_0 - 2` with one standard deviation, Welch's with two.
    *Risks*: normal, with the pooled risk in the standard error under the null, as
    ``power.prop.test`` in R. *Hazards*: :math:`|\log HR| \sqrt{d q (1-q)}` with d events and a
    share q of them expected in the arm if nothing differs, by Schoenfeld [1]_.

    In clusters of mean size m, with coefficient of variation v between sizes, the design effect
    is :math:`D = 1 + ((1+v^2)m - 1)\rho` [2]_. All measures then have a noncentral t (risks with
    the standard error of the true risks), and degrees of freedom are clusters minus 2. With
    groups in the arm alone D is 1 in the control arm, and the degrees of freedom are
    Satterthwaite's, from groups minus 1 in the arm and persons minus 1 in the control arm.

    References
    ----------
    .. [1] Schoenfeld DA (1983). Sample-size formula for the proportional-hazards regression model.
       Biometrics 39:499-503. doi:10.2307/2531021
    .. [2] Eldridge SM, Ashby D, Kerry S (2006). Sample size for cluster randomized trials: effect
       of coefficient of variation of cluster size and analysis method. Int J Epidemiol
       35:1292-1300. doi:10.1093/ije/dyl129

    Examples
    --------
    54 persons start a group programme, about 5 in a group, against 54 controls:

    >>> power(
    ...     n=54, effect=[0.3, 0.6], cluster_size=5.4, icc=0.05, clusters_in="arm", attrition=0.2
    ... )
    Power of a trial, difference in means
    Noncentral t, two-sided at 5 %
    groups of 5.4 in the arm alone, ICC 0.05; attrition 20 % and 20 %
    measure     effect  n_arm  n_control  diluted  std_error       df   power
    difference  0.3000     54         54   0.3000     0.2239  26.8459  0.2527
    difference  0.6000     54         54   0.6000     0.2239  26.8459  0.7333
    """
    plan = read_design(measure, level=level, sides=sides, method=method, **design)
    arms = _persons(n)
    rows = [plan.row(value, *arms) for value in plan.effects(effect)]
    return PowerTable.of("Power of a trial", plan, rows)


def sample_size(
    *,
    effect: float,
    power: float = 0.8,
    measure: PlannedMeasure = "difference",
    allocation: float = 1.0,
    level: float = 0.95,
    sides: Literal[1, 2] = 2,
    method: Literal["formula", "exact"] = "formula",
    **design: Any,
) -> PowerTable:
    """Say how many persons must be randomised to find an effect of this size.

    Parameters
    ----------
    effect : float
        The true effect of being treated, as for :func:`evalkit.trials.power`.
    power : float, default 0.8
        The power wanted.
    measure : {"difference", "risk_difference", "risk_ratio", "odds_ratio", "hazard_ratio"}
        What the effect is.
    allocation : float, default 1
        Persons in the arm for each one in the control arm.
    level : float, default 0.95
        Confidence level.
    sides : {1, 2}
        Whether only effects above the null reject, or also those below.
    method : {"formula", "exact"}
        As for :func:`evalkit.trials.power`. Exact power is not monotone in the sample size: the
        answer is the smallest size from which the power, in steps of one person, was reached
        by the search that starts at the formula's answer and moves by one.
    **design : object
        What else the plan says, as for :func:`evalkit.trials.power`.

    Returns
    -------
    PowerTable
        One row; ``n_arm`` and ``n_control`` are the persons to randomise, attrition allowed for,
        and ``power`` is what they give. In clusters, n is rounded up to whole clusters.

    Raises
    ------
    evalkit.errors.InputError
        As :func:`evalkit.trials.power`; also if no size reaches the power, such as where there is
        no effect.

    Examples
    --------
    >>> table = sample_size(effect=0.15, measure="risk_difference", control=0.44)
    >>> table.n_arm, table.n_control, round(table.power, 3)
    (174, 174, 0.802)
    """
    wanted = check_share("power", power)
    allocation = number("allocation", allocation)
    if allocation <= 0:
        raise InputError.of("allocation", required="above 0", got=repr(allocation))
    plan = read_design(measure, level=level, sides=sides, method="formula", **design)
    value = plan.effects(effect)
    if len(value) != 1:
        raise InputError.of("effect", required="one number", got=f"{len(value)} numbers")

    def sizes(k: int) -> tuple[int, int]:
        return plan.whole(k * allocation, inside="arm"), plan.whole(k, inside="control")

    def enough(k: int, by: PlannedDesign = plan) -> bool:
        return float(by.row(value[0], *sizes(k))["power"]) >= wanted

    found = _smallest(enough, plan, value[0], allocation)
    if method == "exact":
        plan = read_design(measure, level=level, sides=sides, method=method, **design)
        least = plan.least(allocation)
        found = max(found, least)
        while found > least and enough(found - 1, plan):
            found -= 1
        while not enough(found, plan):
            found += 1
    return PowerTable.of("Sample size of a trial", plan, [plan.row(value[0], *sizes(found))])


def detectable_effect(
    *,
    n: int | tuple[int, int],
    power: float = 0.8,
    measure: PlannedMeasure = "difference",
    direction: Literal["higher", "lower"] = "higher",
    level: float = 0.95,
    sides: Literal[1, 2] = 2,
    **design: Any,
) -> PowerTable:
    """Say which effect is the smallest that a trial of this size is likely to find.

    Parameters
    ----------
    n : int or (int, int)
        Persons randomised to each arm, or to the arm and to the control arm.
    power : float, default 0.8
        The power wanted.
    measure : {"difference", "risk_difference", "risk_ratio", "odds_ratio", "hazard_ratio"}
        What the effect is.
    direction : {"higher", "lower"}
        Whether the effect is looked for above the null or below.
    level : float, default 0.95
        Confidence level.
    sides : {1, 2}
        Whether only effects above the null reject, or also those below.
    **design : object
        What else the plan says, as for :func:`evalkit.trials.power`.

    Returns
    -------
    PowerTable
        One row, with the effect.

    Raises
    ------
    evalkit.errors.InputError
        As :func:`evalkit.trials.power`; also if even the largest possible effect is not found.

    Examples
    --------
    >>> table = detectable_effect(n=(54, 54), measure="risk_difference", control=0.44)
    >>> round(table.effect, 3)
    0.264
    """
    wanted = check_share("power", power)
    check_choice("direction", direction, ("higher", "lower"))
    if "method" in design:
        raise InputError.of(
            "method",
            required="left out: the effect is found by the formula",
            got=repr(design["method"]),
            remedy='power(method="exact") gives the exact power of an effect.',
        )
    plan = read_design(measure, level=level, sides=sides, method="formula", **design)
    arms = _persons(n)
    low, high = plan.search_range(direction, arms)

    def reached(effect: float) -> float:
        return float(plan.row(effect, *arms)["power"])

    if not reached(high) >= wanted:
        raise InputError.of(
            "power",
            required=f"within reach of the largest possible effect, {high:g}",
            got=f"{wanted:g}, where it has {reached(high):.3f}",
            remedy=_ONE_SIDED
            if sides == 1 and direction == "lower"
            else "Plan for more persons, or look for lower power.",
        )
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (low, middle) if reached(middle) >= wanted else (middle, high)
    return PowerTable.of("Detectable effect of a trial", plan, [plan.row(high, *arms)])


def _persons(n: int | tuple[int, int]) -> tuple[int, int]:
    """Return the persons in the arm and in the control arm."""
    pair = [number("n", x) for x in (n if isinstance(n, (tuple, list)) else (n, n))]
    if len(pair) != 2 or any(x != int(x) or x < 2 for x in pair):
        raise InputError.of("n", required="a whole number of at least 2 for each arm", got=repr(n))
    return int(pair[0]), int(pair[1])


def _smallest(
    enough: Callable[[int], bool], plan: PlannedDesign, effect: float, allocation: float
) -> int:
    """Return the smallest number of controls with enough power."""
    low = high = plan.least(allocation)
    while not enough(high):
        low, high = high, 2 * high
        if high * max(allocation, 1.0) > _LARGEST:
            raise InputError.of(
                "effect",
                required="large enough to be found",
                got=f"{effect:g}, not found with {_LARGEST:,} persons in an arm",
                remedy=_ONE_SIDED
                if plan.sides == 1
                else "A higher number of clusters, not larger clusters, raises power."
                if plan.cluster_size is not None
                else "",
            )
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
