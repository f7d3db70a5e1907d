"""Generators of data whose truth is known."""

from __future__ import annotations

from evalkit.synthetic.amia_counts import AMIA_NOTICE
from evalkit.synthetic.amia_surveys import amia_figures, amia_questions, load_amia_survey
from evalkit.synthetic.from_published import (
    PublishedSet,
    check_published_sets,
    load_published_set,
    published_sets,
    write_published_sets,
)
from evalkit.synthetic.redo import REDO_NOTICE, RedoTruth, redo_truth
from evalkit.synthetic.redo_files import compare_redo, load_redo_trial
from evalkit.synthetic.redo_trial import synthetic_redo
from evalkit.synthetic.riket import RIKET_NOTICE, synthetic_amia_riket
from evalkit.synthetic.spells import SpellTruth, spell_truth, synthetic_spells

__all__ = [
    "AMIA_NOTICE",
    "REDO_NOTICE",
    "RIKET_NOTICE",
    "PublishedSet",
    "RedoTruth",
    "SpellTruth",
    "amia_figures",
    "amia_questions",
    "check_published_sets",
    "compare_redo",
    "load_amia_survey",
    "load_published_set",
    "load_redo_trial",
    "published_sets",
    "redo_truth",
    "spell_truth",
    "synthetic_amia_riket",
    "synthetic_redo",
    "synthetic_spells",
    "write_published_sets",
]
