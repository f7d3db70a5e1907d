"""Comparison with riket or a goal: matching, weighting, balance, standardisation.

Names are imported when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.core.lazy import lazy_names

if TYPE_CHECKING:
    from evalkit.matching.aggregate_matching import AggregateMatched as AggregateMatched
    from evalkit.matching.aggregate_matching import maic as maic
    from evalkit.matching.balance_result import Balance as Balance
    from evalkit.matching.balance_table import balance as balance
    from evalkit.matching.cell_bounds import StandardisedBounds as StandardisedBounds
    from evalkit.matching.cell_bounds import standardise_bounds as standardise_bounds
    from evalkit.matching.confounding_strength import EValue as EValue
    from evalkit.matching.confounding_strength import e_value as e_value
    from evalkit.matching.doubly_robust import aipw as aipw
    from evalkit.matching.goal import goal_attainment as goal_attainment
    from evalkit.matching.matched_comparison import match as match
    from evalkit.matching.matched_result import Matched as Matched
    from evalkit.matching.matched_survival import survival_effect as survival_effect
    from evalkit.matching.matching_variance import matching_estimator as matching_estimator
    from evalkit.matching.national_figures import NationalFigure as NationalFigure
    from evalkit.matching.negative_controls import NegativeControl as NegativeControl
    from evalkit.matching.negative_controls import negative_control as negative_control
    from evalkit.matching.omitted_confounder import omitted_variable as omitted_variable
    from evalkit.matching.omitted_result import OmittedVariable as OmittedVariable
    from evalkit.matching.raking_margins import Raking as Raking
    from evalkit.matching.raking_margins import rake as rake
    from evalkit.matching.riket_comparison import compare_to_riket as compare_to_riket
    from evalkit.matching.riket_result import RiketComparison as RiketComparison
    from evalkit.matching.sensitivity_bounds import RosenbaumBounds as RosenbaumBounds
    from evalkit.matching.sensitivity_bounds import rosenbaum_bounds as rosenbaum_bounds
    from evalkit.matching.standardisation import Standardised as Standardised
    from evalkit.matching.standardisation import standardise as standardise
    from evalkit.matching.treatment_sample import MatchingWarning as MatchingWarning
    from evalkit.matching.weighted_result import Weighted as Weighted
    from evalkit.matching.weighting import weight as weight

__all__ = [
    "AggregateMatched",
    "Balance",
    "EValue",
    "Matched",
    "MatchingWarning",
    "NationalFigure",
    "NegativeControl",
    "OmittedVariable",
    "Raking",
    "RiketComparison",
    "RosenbaumBounds",
    "Standardised",
    "StandardisedBounds",
    "Weighted",
    "aipw",
    "balance",
    "compare_to_riket",
    "e_value",
    "goal_attainment",
    "maic",
    "match",
    "matching_estimator",
    "negative_control",
    "omitted_variable",
    "rake",
    "rosenbaum_bounds",
    "standardise",
    "standardise_bounds",
    "survival_effect",
    "weight",
]

_WHERE = {
    "AggregateMatched": "aggregate_matching",
    "Balance": "balance_result",
    "EValue": "confounding_strength",
    "Matched": "matched_result",
    "MatchingWarning": "treatment_sample",
    "NationalFigure": "national_figures",
    "NegativeControl": "negative_controls",
    "OmittedVariable": "omitted_result",
    "Raking": "raking_margins",
    "RiketComparison": "riket_result",
    "RosenbaumBounds": "sensitivity_bounds",
    "Standardised": "standardisation",
    "StandardisedBounds": "cell_bounds",
    "Weighted": "weighted_result",
    "aipw": "doubly_robust",
    "balance": "balance_table",
    "compare_to_riket": "riket_comparison",
    "e_value": "confounding_strength",
    "goal_attainment": "goal",
    "maic": "aggregate_matching",
    "match": "matched_comparison",
    "matching_estimator": "matching_variance",
    "negative_control": "negative_controls",
    "omitted_variable": "omitted_confounder",
    "rake": "raking_margins",
    "rosenbaum_bounds": "sensitivity_bounds",
    "standardise": "standardisation",
    "standardise_bounds": "cell_bounds",
    "survival_effect": "matched_survival",
    "weight": "weighting",
}

__getattr__, __dir__ = lazy_names(__name__, globals(), _WHERE)
