"""Comparison of groups, and analysis of randomised trials.

Names are imported when they are first used, so that a power calculation does not wait for what only
imputation needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.core.lazy import lazy_names

if TYPE_CHECKING:
    from evalkit.trials.adherence import cace as cace
    from evalkit.trials.adherence_bounds import balke_pearl_bounds as balke_pearl_bounds
    from evalkit.trials.adherence_result import AdherenceEffect as AdherenceEffect
    from evalkit.trials.adherence_result import AndersonRubinSet as AndersonRubinSet
    from evalkit.trials.allocation import randomise as randomise
    from evalkit.trials.allocation_log import Allocation as Allocation
    from evalkit.trials.as_treated import as_treated as as_treated
    from evalkit.trials.as_treated import per_protocol as per_protocol
    from evalkit.trials.attrition import Attrition as Attrition
    from evalkit.trials.attrition import attrition_table as attrition_table
    from evalkit.trials.attrition import attrition_test as attrition_test
    from evalkit.trials.attrition_bounds import lee_bounds as lee_bounds
    from evalkit.trials.attrition_bounds import manski_bounds as manski_bounds
    from evalkit.trials.baseline import Baseline as Baseline
    from evalkit.trials.baseline import baseline_table as baseline_table
    from evalkit.trials.bounds_result import EffectBounds as EffectBounds
    from evalkit.trials.dose import dose_response as dose_response
    from evalkit.trials.effect_measures import effect as effect
    from evalkit.trials.estimand import Estimand as Estimand
    from evalkit.trials.flow import Flow as Flow
    from evalkit.trials.flow import consort as consort
    from evalkit.trials.gee_effects import gee as gee
    from evalkit.trials.imputation import multiple_imputation as multiple_imputation
    from evalkit.trials.imputation_result import ImputedEffect as ImputedEffect
    from evalkit.trials.many_arms import compare_arms as compare_arms
    from evalkit.trials.margins import equivalence as equivalence
    from evalkit.trials.margins import non_inferiority as non_inferiority
    from evalkit.trials.multiplicity import adjust_pvalues as adjust_pvalues
    from evalkit.trials.multiplicity import gatekeeping as gatekeeping
    from evalkit.trials.multiplicity import graphical_test as graphical_test
    from evalkit.trials.nested_groups import partially_nested as partially_nested
    from evalkit.trials.nested_result import NestedEffect as NestedEffect
    from evalkit.trials.planning import detectable_effect as detectable_effect
    from evalkit.trials.planning import power as power
    from evalkit.trials.planning import sample_size as sample_size
    from evalkit.trials.planning_result import PowerTable as PowerTable
    from evalkit.trials.proportions import proportion_difference as proportion_difference
    from evalkit.trials.randomisation_tests import RandomisationTest as RandomisationTest
    from evalkit.trials.randomisation_tests import randomisation_test as randomisation_test
    from evalkit.trials.ratios import proportion_odds_ratio as proportion_odds_ratio
    from evalkit.trials.ratios import proportion_ratio as proportion_ratio
    from evalkit.trials.response_weighting import AttritionWeighted as AttritionWeighted
    from evalkit.trials.response_weighting import attrition_weights as attrition_weights
    from evalkit.trials.sequential_boundaries import SequentialDesign as SequentialDesign
    from evalkit.trials.sequential_boundaries import sequential_design as sequential_design
    from evalkit.trials.sequential_looks import sequential_analysis as sequential_analysis
    from evalkit.trials.simulated_power import SimulatedPower as SimulatedPower
    from evalkit.trials.simulated_power import simulate_power as simulate_power
    from evalkit.trials.skewed_effects import quantile_effect as quantile_effect
    from evalkit.trials.skewed_effects import two_part_effect as two_part_effect
    from evalkit.trials.subgroups import SubgroupEffects as SubgroupEffects
    from evalkit.trials.subgroups import subgroup_effects as subgroup_effects
    from evalkit.trials.tipping import TippingPoint as TippingPoint
    from evalkit.trials.tipping import tipping_point as tipping_point
    from evalkit.trials.trial_result import TrialEffect as TrialEffect
    from evalkit.trials.trial_sample import TrialWarning as TrialWarning
    from evalkit.trials.visit_effects import VisitEffects as VisitEffects
    from evalkit.trials.visit_effects import repeated_measures as repeated_measures
    from evalkit.trials.wedge_effects import WedgeEffect as WedgeEffect
    from evalkit.trials.wedge_effects import stepped_wedge as stepped_wedge

__all__ = [
    "AdherenceEffect",
    "Allocation",
    "AndersonRubinSet",
    "Attrition",
    "AttritionWeighted",
    "Baseline",
    "EffectBounds",
    "Estimand",
    "Flow",
    "ImputedEffect",
    "NestedEffect",
    "PowerTable",
    "RandomisationTest",
    "SequentialDesign",
    "SimulatedPower",
    "SubgroupEffects",
    "TippingPoint",
    "TrialEffect",
    "TrialWarning",
    "VisitEffects",
    "WedgeEffect",
    "adjust_pvalues",
    "as_treated",
    "attrition_table",
    "attrition_test",
    "attrition_weights",
    "balke_pearl_bounds",
    "baseline_table",
    "cace",
    "compare_arms",
    "consort",
    "detectable_effect",
    "dose_response",
    "effect",
    "equivalence",
    "gatekeeping",
    "gee",
    "graphical_test",
    "lee_bounds",
    "manski_bounds",
    "multiple_imputation",
    "non_inferiority",
    "partially_nested",
    "per_protocol",
    "power",
    "proportion_difference",
    "proportion_odds_ratio",
    "proportion_ratio",
    "quantile_effect",
    "randomisation_test",
    "randomise",
    "repeated_measures",
    "sample_size",
    "sequential_analysis",
    "sequential_design",
    "simulate_power",
    "stepped_wedge",
    "subgroup_effects",
    "tipping_point",
    "two_part_effect",
]

_WHERE = {
    "AdherenceEffect": "adherence_result",
    "Allocation": "allocation_log",
    "AndersonRubinSet": "adherence_result",
    "Attrition": "attrition",
    "AttritionWeighted": "response_weighting",
    "Baseline": "baseline",
    "EffectBounds": "bounds_result",
    "Estimand": "estimand",
    "Flow": "flow",
    "ImputedEffect": "imputation_result",
    "NestedEffect": "nested_result",
    "PowerTable": "planning_result",
    "RandomisationTest": "randomisation_tests",
    "SequentialDesign": "sequential_boundaries",
    "SimulatedPower": "simulated_power",
    "SubgroupEffects": "subgroups",
    "TippingPoint": "tipping",
    "TrialEffect": "trial_result",
    "TrialWarning": "trial_sample",
    "VisitEffects": "visit_effects",
    "WedgeEffect": "wedge_effects",
    "adjust_pvalues": "multiplicity",
    "as_treated": "as_treated",
    "attrition_table": "attrition",
    "attrition_test": "attrition",
    "attrition_weights": "response_weighting",
    "balke_pearl_bounds": "adherence_bounds",
    "baseline_table": "baseline",
    "cace": "adherence",
    "compare_arms": "many_arms",
    "consort": "flow",
    "detectable_effect": "planning",
    "dose_response": "dose",
    "effect": "effect_measures",
    "equivalence": "margins",
    "gatekeeping": "multiplicity",
    "gee": "gee_effects",
    "graphical_test": "multiplicity",
    "lee_bounds": "attrition_bounds",
    "manski_bounds": "attrition_bounds",
    "multiple_imputation": "imputation",
    "non_inferiority": "margins",
    "partially_nested": "nested_groups",
    "per_protocol": "as_treated",
    "power": "planning",
    "proportion_difference": "proportions",
    "proportion_odds_ratio": "ratios",
    "proportion_ratio": "ratios",
    "quantile_effect": "skewed_effects",
    "randomisation_test": "randomisation_tests",
    "randomise": "allocation",
    "repeated_measures": "visit_effects",
    "sample_size": "planning",
    "sequential_analysis": "sequential_looks",
    "sequential_design": "sequential_boundaries",
    "simulate_power": "simulated_power",
    "stepped_wedge": "wedge_effects",
    "subgroup_effects": "subgroups",
    "tipping_point": "tipping",
    "two_part_effect": "skewed_effects",
}

__getattr__, __dir__ = lazy_names(__name__, globals(), _WHERE)
