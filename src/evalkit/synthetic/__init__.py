"""Generators of data whose truth is known."""

from __future__ import annotations

from evalkit.synthetic.from_published import (
    PublishedSet,
    check_published_sets,
    load_published_set,
    published_sets,
    write_published_sets,
)
from evalkit.synthetic.spells import SpellTruth, spell_truth, synthetic_spells

__all__ = [
    "PublishedSet",
    "SpellTruth",
    "check_published_sets",
    "load_published_set",
    "published_sets",
    "spell_truth",
    "synthetic_spells",
    "write_published_sets",
]
