"""One linear model for all subgroups, for clusters that have persons in several of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from evalkit.kernels.heterogeneity import Heterogeneity
from evalkit.kernels.least_squares import least_squares
from evalkit.kernels.sandwich import hotelling, sandwich
from evalkit.trials.effect_measures import Estimator
from evalkit.trials.linear_effects import design_of, variance_kind
from evalkit.trials.requests import EffectRequest
from evalkit.trials.sample_checks import check_clusters, keep_rows, without_one_armed_strata
from evalkit.trials.trial_result import TrialEffect
from evalkit.trials.trial_sample import TrialSample
from evalkit.typing import FloatArray, IntArray

__all__ = ["SubgroupPart", "in_one_model"]

SubgroupPart: TypeAlias = tuple[object, TrialSample, IntArray]
"""A subgroup: its label, its sample, and its rows' positions in the sample of all subgroups."""


def in_one_model(
    one: TrialSample, parts: Sequence[SubgroupPart], request: EffectRequest, estimate: Estimator
) -> tuple[list[TrialEffect], list[Heterogeneity]]:
    """Estimate all subgroups in one model, whose clusters may reach over them.

    Parameters
    ----------
    one : TrialSample
        The rows of all subgroups, with clusters.
    parts : sequence of SubgroupPart
        The subgroups.
    request : EffectRequest
        The adjustment, the variance and the rest.
    estimate : callable
        The method for a subgroup by itself, whose table is kept but for the numbers.

    Returns
    -------
    list of TrialEffect
        Effects in the subgroups.
    list of Heterogeneity
        For each contrast, the Hotelling test that all subgroups have the same effect.
    """
    check_clusters(one)
    matrices: list[FloatArray] = []
    contrasts: list[FloatArray] = []
    found: list[TrialEffect] = []
    keep = np.zeros(one.n, dtype=np.bool_)
    for _, part, rows in parts:
        used = without_one_armed_strata(part)
        check_clusters(used)
        made = design_of(used, request)
        place = rows[np.isin(part.rows, used.rows)]
        keep[place] = True
        wide = np.zeros((one.n, made.matrix.shape[1]))
        wide[place] = made.matrix
        matrices.append(wide)
        contrasts.append(made.contrasts)
        found.append(estimate(used, request))
    sample = keep_rows(one, keep, "stratum without both arms")
    fit = least_squares(
        np.column_stack(matrices)[keep], sample.outcome, sample.weights, request.weights_kind
    )
    kind = variance_kind(request.vcov, clustered=True)
    n_contrasts = len(contrasts[0])
    widths = np.cumsum([0, *(one.shape[1] for one in contrasts)])
    rows = np.zeros((len(parts), n_contrasts, fit.k))
    for i, own in enumerate(contrasts):
        rows[i, :, widths[i] : widths[i + 1]] = own
    results: list[TrialEffect] = []
    for i, result in enumerate(found):
        columns = sandwich(fit, kind, cluster=sample.cluster, contrasts=rows[i]).columns(
            request.level
        )
        results.append(replace(result, data=result.data.assign(**columns)))
    tests: list[Heterogeneity] = []
    for c in range(n_contrasts):
        against_first = rows[1:, c] - rows[0, c]
        joint = hotelling(
            sandwich(fit, kind, cluster=sample.cluster, contrasts=against_first, joint=True)
        )
        tests.append(Heterogeneity(joint.statistic, joint.df, joint.p_value))
    return results, tests
