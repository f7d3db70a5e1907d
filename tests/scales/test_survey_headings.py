"""Headings of survey tables: no two columns of a table are called alike."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.errors import InputError
from evalkit.scales.survey_headings import free_headings, refuse_taken

WORDINGS = {"n": ("n", "Antal"), "share": ("Andel", "Andel svar")}


@given(st.lists(st.sampled_from(["n", "Antal", "Antal (2)", "Andel", "Andel svar", "x"])))
def test_headings_differ_from_all_other_columns(taken: list[str]) -> None:
    found = free_headings(WORDINGS, taken)
    assert list(found) == list(WORDINGS)
    assert not {*found.values()} & {*taken}
    assert len({*found.values()}) == len(found)


def test_the_first_wording_is_preferred() -> None:
    assert free_headings(WORDINGS, [None]) == {"n": "n", "share": "Andel"}
    assert free_headings(WORDINGS, ["n", "Antal"])["n"] == "Antal (2)"


def test_columns_of_the_result() -> None:
    refuse_taken("by", ["project"], {"n"})
    with pytest.raises(InputError, match="by: must be a column with a name of its own; got 'n'"):
        refuse_taken("by", ["project", "n"], {"n"})
