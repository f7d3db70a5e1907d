"""Survey scales: instruments, scores, what is missing and why, reliability and change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.core.lazy import lazy_names

if TYPE_CHECKING:
    from evalkit.scales.before_after import Change as Change
    from evalkit.scales.before_after import change as change
    from evalkit.scales.catalogue import eq5d_value_sets as eq5d_value_sets
    from evalkit.scales.catalogue import instrument as instrument
    from evalkit.scales.catalogue import instruments as instruments
    from evalkit.scales.catalogue import not_shipped as not_shipped
    from evalkit.scales.cut_offs import Cutoffs as Cutoffs
    from evalkit.scales.definition import Scale as Scale
    from evalkit.scales.definition_files import read_scale as read_scale
    from evalkit.scales.factor_model import OneFactor as OneFactor
    from evalkit.scales.factor_model import one_factor as one_factor
    from evalkit.scales.item_analysis import reliability as reliability
    from evalkit.scales.ordinal_changes import OrdinalChange as OrdinalChange
    from evalkit.scales.ordinal_changes import ordinal_change as ordinal_change
    from evalkit.scales.rater_agreement import MeasurementError as MeasurementError
    from evalkit.scales.rater_agreement import icc as icc
    from evalkit.scales.rater_agreement import measurement_error as measurement_error
    from evalkit.scales.reading import read_survey as read_survey
    from evalkit.scales.reliability_results import Reliability as Reliability
    from evalkit.scales.reliability_results import ReversedItemWarning as ReversedItemWarning
    from evalkit.scales.reliability_results import SplitHalf as SplitHalf
    from evalkit.scales.reliable_changes import ReliableChange as ReliableChange
    from evalkit.scales.reliable_changes import reliable_change as reliable_change
    from evalkit.scales.response_patterns import AnswerPatterns as AnswerPatterns
    from evalkit.scales.response_patterns import answer_patterns as answer_patterns
    from evalkit.scales.response_patterns import suspected_reversals as suspected_reversals
    from evalkit.scales.retest_agreement import Retest as Retest
    from evalkit.scales.retest_agreement import retest as retest
    from evalkit.scales.reversal import already_reversed as already_reversed
    from evalkit.scales.reversal import reverse_items as reverse_items
    from evalkit.scales.score_extremes import floor_ceiling as floor_ceiling
    from evalkit.scales.scores_result import Scores as Scores
    from evalkit.scales.scoring import score as score
    from evalkit.scales.split_halves import split_half as split_half
    from evalkit.scales.subscale import Subscale as Subscale
    from evalkit.scales.survey_data import SurveyData as SurveyData
    from evalkit.scales.suspicion import ScaleWarning as ScaleWarning
    from evalkit.scales.value_sets import ValueSet as ValueSet
    from evalkit.scales.wave_comparisons import AnonymousWavesWarning as AnonymousWavesWarning
    from evalkit.scales.wave_comparisons import share_change as share_change
    from evalkit.scales.wave_comparisons import wave_difference as wave_difference

__all__ = [
    "AnonymousWavesWarning",
    "AnswerPatterns",
    "Change",
    "Cutoffs",
    "MeasurementError",
    "OneFactor",
    "OrdinalChange",
    "Reliability",
    "ReliableChange",
    "Retest",
    "ReversedItemWarning",
    "Scale",
    "ScaleWarning",
    "Scores",
    "SplitHalf",
    "Subscale",
    "SurveyData",
    "ValueSet",
    "already_reversed",
    "answer_patterns",
    "change",
    "eq5d_value_sets",
    "floor_ceiling",
    "icc",
    "instrument",
    "instruments",
    "measurement_error",
    "not_shipped",
    "one_factor",
    "ordinal_change",
    "read_scale",
    "read_survey",
    "reliability",
    "reliable_change",
    "retest",
    "reverse_items",
    "score",
    "share_change",
    "split_half",
    "suspected_reversals",
    "wave_difference",
]

_WHERE = {
    "AnonymousWavesWarning": "wave_comparisons",
    "AnswerPatterns": "response_patterns",
    "Change": "before_after",
    "Cutoffs": "cut_offs",
    "MeasurementError": "rater_agreement",
    "OneFactor": "factor_model",
    "OrdinalChange": "ordinal_changes",
    "Reliability": "reliability_results",
    "ReliableChange": "reliable_changes",
    "Retest": "retest_agreement",
    "ReversedItemWarning": "reliability_results",
    "Scale": "definition",
    "ScaleWarning": "suspicion",
    "Scores": "scores_result",
    "SplitHalf": "reliability_results",
    "Subscale": "subscale",
    "SurveyData": "survey_data",
    "ValueSet": "value_sets",
    "already_reversed": "reversal",
    "answer_patterns": "response_patterns",
    "change": "before_after",
    "eq5d_value_sets": "catalogue",
    "floor_ceiling": "score_extremes",
    "icc": "rater_agreement",
    "instrument": "catalogue",
    "instruments": "catalogue",
    "measurement_error": "rater_agreement",
    "not_shipped": "catalogue",
    "one_factor": "factor_model",
    "ordinal_change": "ordinal_changes",
    "read_scale": "definition_files",
    "read_survey": "reading",
    "reliability": "item_analysis",
    "reliable_change": "reliable_changes",
    "retest": "retest_agreement",
    "reverse_items": "reversal",
    "score": "scoring",
    "share_change": "wave_comparisons",
    "split_half": "split_halves",
    "suspected_reversals": "response_patterns",
    "wave_difference": "wave_comparisons",
}

__getattr__, __dir__ = lazy_names(__name__, globals(), _WHERE)
