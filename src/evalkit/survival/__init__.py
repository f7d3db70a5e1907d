"""Time until an exit: curves, tests and models for durations in the sickness insurance.

Names are imported when they are first used, so that a Kaplan-Meier curve does not wait for what
only regression needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.core.lazy import lazy_names

if TYPE_CHECKING:
    from evalkit.core.sample import EmptyRiskSetWarning as EmptyRiskSetWarning
    from evalkit.core.sample import SurvivalWarning as SurvivalWarning
    from evalkit.survival.cause_specific import cause_specific_cox as cause_specific_cox
    from evalkit.survival.cause_specific_result import CauseSpecificCox as CauseSpecificCox
    from evalkit.survival.censoring_weights import CensoringWeights as CensoringWeights
    from evalkit.survival.censoring_weights import ipcw as ipcw
    from evalkit.survival.cox_estimation import ConvergenceWarning as ConvergenceWarning
    from evalkit.survival.cox_estimation import SeparationWarning as SeparationWarning
    from evalkit.survival.cox_hazards import ProportionalHazards as ProportionalHazards
    from evalkit.survival.cox_regression import cox as cox
    from evalkit.survival.cox_result import CoxModel as CoxModel
    from evalkit.survival.curve_results import KaplanMeier as KaplanMeier
    from evalkit.survival.curves import kaplan_meier as kaplan_meier
    from evalkit.survival.differences import rmst_difference as rmst_difference
    from evalkit.survival.differences import survival_difference as survival_difference
    from evalkit.survival.discrete import discrete_hazard as discrete_hazard
    from evalkit.survival.discrete_result import DiscreteHazard as DiscreteHazard
    from evalkit.survival.fine_gray_regression import fine_gray as fine_gray
    from evalkit.survival.fine_gray_result import FineGray as FineGray
    from evalkit.survival.gray import gray_test as gray_test
    from evalkit.survival.hazards import NelsonAalen as NelsonAalen
    from evalkit.survival.hazards import nelson_aalen as nelson_aalen
    from evalkit.survival.incidence import CumulativeIncidence as CumulativeIncidence
    from evalkit.survival.incidence import cumulative_incidence as cumulative_incidence
    from evalkit.survival.incidence_differences import incidence_difference as incidence_difference
    from evalkit.survival.life_tables import LifeTables as LifeTables
    from evalkit.survival.life_tables import life_table as life_table
    from evalkit.survival.parametric_comparison import ParametricComparison as ParametricComparison
    from evalkit.survival.parametric_comparison import compare_parametric as compare_parametric
    from evalkit.survival.parametric_models import parametric as parametric
    from evalkit.survival.parametric_result import Parametric as Parametric
    from evalkit.survival.pseudo import PseudoValues as PseudoValues
    from evalkit.survival.pseudo import pseudo_values as pseudo_values
    from evalkit.survival.pseudo_models import PseudoRegression as PseudoRegression
    from evalkit.survival.pseudo_models import pseudo_regression as pseudo_regression
    from evalkit.survival.rank_test_results import RankTest as RankTest
    from evalkit.survival.rank_test_results import RankTestTable as RankTestTable
    from evalkit.survival.splitting import split_rows as split_rows
    from evalkit.survival.standardised import standardised_survival as standardised_survival
    from evalkit.survival.standardised_result import Standardised as Standardised
    from evalkit.survival.states import StateOccupation as StateOccupation
    from evalkit.survival.states import state_occupation as state_occupation
    from evalkit.survival.tests import logrank as logrank
    from evalkit.survival.tests import logrank_pairwise as logrank_pairwise
    from evalkit.survival.tests import logrank_trend as logrank_trend
    from evalkit.survival.time_lost import days_lost as days_lost
    from evalkit.survival.time_lost import days_lost_difference as days_lost_difference

__all__ = [
    "CauseSpecificCox",
    "CensoringWeights",
    "ConvergenceWarning",
    "CoxModel",
    "CumulativeIncidence",
    "DiscreteHazard",
    "EmptyRiskSetWarning",
    "FineGray",
    "KaplanMeier",
    "LifeTables",
    "NelsonAalen",
    "Parametric",
    "ParametricComparison",
    "ProportionalHazards",
    "PseudoRegression",
    "PseudoValues",
    "RankTest",
    "RankTestTable",
    "SeparationWarning",
    "Standardised",
    "StateOccupation",
    "SurvivalWarning",
    "cause_specific_cox",
    "compare_parametric",
    "cox",
    "cumulative_incidence",
    "days_lost",
    "days_lost_difference",
    "discrete_hazard",
    "fine_gray",
    "gray_test",
    "incidence_difference",
    "ipcw",
    "kaplan_meier",
    "life_table",
    "logrank",
    "logrank_pairwise",
    "logrank_trend",
    "nelson_aalen",
    "parametric",
    "pseudo_regression",
    "pseudo_values",
    "rmst_difference",
    "split_rows",
    "standardised_survival",
    "state_occupation",
    "survival_difference",
]

_WHERE = {
    "CauseSpecificCox": "cause_specific_result",
    "CensoringWeights": "censoring_weights",
    "ConvergenceWarning": "cox_estimation",
    "CoxModel": "cox_result",
    "CumulativeIncidence": "incidence",
    "DiscreteHazard": "discrete_result",
    "EmptyRiskSetWarning": ".core.sample",
    "FineGray": "fine_gray_result",
    "KaplanMeier": "curve_results",
    "LifeTables": "life_tables",
    "NelsonAalen": "hazards",
    "Parametric": "parametric_result",
    "ParametricComparison": "parametric_comparison",
    "ProportionalHazards": "cox_hazards",
    "PseudoRegression": "pseudo_models",
    "PseudoValues": "pseudo",
    "RankTest": "rank_test_results",
    "RankTestTable": "rank_test_results",
    "SeparationWarning": "cox_estimation",
    "Standardised": "standardised_result",
    "StateOccupation": "states",
    "SurvivalWarning": ".core.sample",
    "cause_specific_cox": "cause_specific",
    "compare_parametric": "parametric_comparison",
    "cox": "cox_regression",
    "cumulative_incidence": "incidence",
    "days_lost": "time_lost",
    "days_lost_difference": "time_lost",
    "discrete_hazard": "discrete",
    "fine_gray": "fine_gray_regression",
    "gray_test": "gray",
    "incidence_difference": "incidence_differences",
    "ipcw": "censoring_weights",
    "kaplan_meier": "curves",
    "life_table": "life_tables",
    "logrank": "tests",
    "logrank_pairwise": "tests",
    "logrank_trend": "tests",
    "nelson_aalen": "hazards",
    "parametric": "parametric_models",
    "pseudo_regression": "pseudo_models",
    "pseudo_values": "pseudo",
    "rmst_difference": "differences",
    "split_rows": "splitting",
    "standardised_survival": "standardised",
    "state_occupation": "states",
    "survival_difference": "differences",
}

__getattr__, __dir__ = lazy_names(__name__, globals(), _WHERE)
