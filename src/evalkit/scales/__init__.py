"""Survey scales: instruments, scores, what is missing and why, reliability and change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.core.lazy import lazy_names

if TYPE_CHECKING:
    from evalkit.scales.agreement_tables import Agreement as Agreement
    from evalkit.scales.agreement_tables import agreement as agreement
    from evalkit.scales.before_after import Change as Change
    from evalkit.scales.before_after import change as change
    from evalkit.scales.catalogue import eq5d_value_sets as eq5d_value_sets
    from evalkit.scales.catalogue import instrument as instrument
    from evalkit.scales.catalogue import instruments as instruments
    from evalkit.scales.catalogue import not_shipped as not_shipped
    from evalkit.scales.coders import CoderAgreement as CoderAgreement
    from evalkit.scales.coders import coder_agreement as coder_agreement
    from evalkit.scales.collapse_result import CollapseTable as CollapseTable
    from evalkit.scales.collapse_tables import collapse_table as collapse_table
    from evalkit.scales.collapsing import OpenEndsWarning as OpenEndsWarning
    from evalkit.scales.collapsing import collapse as collapse
    from evalkit.scales.comment_codes import CommentTable as CommentTable
    from evalkit.scales.comment_codes import comment_table as comment_table
    from evalkit.scales.cut_offs import Cutoffs as Cutoffs
    from evalkit.scales.definition import Scale as Scale
    from evalkit.scales.definition_files import read_scale as read_scale
    from evalkit.scales.factor_model import OneFactor as OneFactor
    from evalkit.scales.factor_model import one_factor as one_factor
    from evalkit.scales.item_analysis import reliability as reliability
    from evalkit.scales.likert_result import LikertTable as LikertTable
    from evalkit.scales.likert_tables import likert_table as likert_table
    from evalkit.scales.margin_agreement import AgreementBounds as AgreementBounds
    from evalkit.scales.margin_agreement import agreement_bounds as agreement_bounds
    from evalkit.scales.multiple_choice_result import MultipleChoice as MultipleChoice
    from evalkit.scales.multiple_choices import multiple_choice as multiple_choice
    from evalkit.scales.ordinal_changes import OrdinalChange as OrdinalChange
    from evalkit.scales.ordinal_changes import ordinal_change as ordinal_change
    from evalkit.scales.raked_respondents import NonresponseWeights as NonresponseWeights
    from evalkit.scales.raked_respondents import nonresponse_weights as nonresponse_weights
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
    from evalkit.scales.response_rates import ResponseRates as ResponseRates
    from evalkit.scales.response_rates import response_rate as response_rate
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
    from evalkit.scales.yes_no_answers import yes_no as yes_no

__all__ = [
    "Agreement",
    "AgreementBounds",
    "AnonymousWavesWarning",
    "AnswerPatterns",
    "Change",
    "CoderAgreement",
    "CollapseTable",
    "CommentTable",
    "Cutoffs",
    "LikertTable",
    "MeasurementError",
    "MultipleChoice",
    "NonresponseWeights",
    "OneFactor",
    "OpenEndsWarning",
    "OrdinalChange",
    "Reliability",
    "ReliableChange",
    "ResponseRates",
    "Retest",
    "ReversedItemWarning",
    "Scale",
    "ScaleWarning",
    "Scores",
    "SplitHalf",
    "Subscale",
    "SurveyData",
    "ValueSet",
    "agreement",
    "agreement_bounds",
    "already_reversed",
    "answer_patterns",
    "change",
    "coder_agreement",
    "collapse",
    "collapse_table",
    "comment_table",
    "eq5d_value_sets",
    "floor_ceiling",
    "icc",
    "instrument",
    "instruments",
    "likert_table",
    "measurement_error",
    "multiple_choice",
    "nonresponse_weights",
    "not_shipped",
    "one_factor",
    "ordinal_change",
    "read_scale",
    "read_survey",
    "reliability",
    "reliable_change",
    "response_rate",
    "retest",
    "reverse_items",
    "score",
    "share_change",
    "split_half",
    "suspected_reversals",
    "wave_difference",
    "yes_no",
]

_WHERE = {
    "Agreement": "agreement_tables",
    "AgreementBounds": "margin_agreement",
    "AnonymousWavesWarning": "wave_comparisons",
    "AnswerPatterns": "response_patterns",
    "Change": "before_after",
    "CoderAgreement": "coders",
    "CollapseTable": "collapse_result",
    "CommentTable": "comment_codes",
    "Cutoffs": "cut_offs",
    "LikertTable": "likert_result",
    "MeasurementError": "rater_agreement",
    "MultipleChoice": "multiple_choice_result",
    "NonresponseWeights": "raked_respondents",
    "OneFactor": "factor_model",
    "OpenEndsWarning": "collapsing",
    "OrdinalChange": "ordinal_changes",
    "Reliability": "reliability_results",
    "ReliableChange": "reliable_changes",
    "ResponseRates": "response_rates",
    "Retest": "retest_agreement",
    "ReversedItemWarning": "reliability_results",
    "Scale": "definition",
    "ScaleWarning": "suspicion",
    "Scores": "scores_result",
    "SplitHalf": "reliability_results",
    "Subscale": "subscale",
    "SurveyData": "survey_data",
    "ValueSet": "value_sets",
    "agreement": "agreement_tables",
    "agreement_bounds": "margin_agreement",
    "already_reversed": "reversal",
    "answer_patterns": "response_patterns",
    "change": "before_after",
    "coder_agreement": "coders",
    "collapse": "collapsing",
    "collapse_table": "collapse_tables",
    "comment_table": "comment_codes",
    "eq5d_value_sets": "catalogue",
    "floor_ceiling": "score_extremes",
    "icc": "rater_agreement",
    "instrument": "catalogue",
    "instruments": "catalogue",
    "likert_table": "likert_tables",
    "measurement_error": "rater_agreement",
    "multiple_choice": "multiple_choices",
    "nonresponse_weights": "raked_respondents",
    "not_shipped": "catalogue",
    "one_factor": "factor_model",
    "ordinal_change": "ordinal_changes",
    "read_scale": "definition_files",
    "read_survey": "reading",
    "reliability": "item_analysis",
    "reliable_change": "reliable_changes",
    "response_rate": "response_rates",
    "retest": "retest_agreement",
    "reverse_items": "reversal",
    "score": "scoring",
    "share_change": "wave_comparisons",
    "split_half": "split_halves",
    "suspected_reversals": "response_patterns",
    "wave_difference": "wave_comparisons",
    "yes_no": "yes_no_answers",
}

__getattr__, __dir__ = lazy_names(__name__, globals(), _WHERE)
