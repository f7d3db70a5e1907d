"""Statements broken into lines: nothing lost, and no number parted from its unit."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from evalkit.plots.statement_text import (
    break_text,
    narrower_room,
    pieces_of,
    statement_room,
    widest_piece,
    width_cm,
)


def test_statements_break_as_swedish_does() -> None:
    text = "Stöd inom 90 dagar – minst 35 procent av hälso- och sjukvården, e-post eller 1-4"
    for room in (2.0, 2.8, 4.0, 9.0):
        lines = break_text(text, room, 8.5)
        assert " ".join(lines).replace("\u00a0", " ") == text
        assert all("\u00a0" in line for line in lines if "90" in line or "35" in line)
        assert not any(line.startswith("–") for line in lines)
        assert not any(line.endswith(("e-", "1-")) for line in lines)
    assert len(break_text(text, 40, 8.5)) == 1


def test_words_break_only_at_hyphens_of_their_own() -> None:
    assert break_text("Rehabiliteringssamordnare", 1.0, 8.5) == ["Rehabiliteringssamordnare"]
    soft = "Rehabiliterings\u00adsamordnare"
    assert break_text(soft, 3.5, 8.5) == ["Rehabiliterings-", "samordnare"]
    assert break_text(soft, 9.0, 8.5) == ["Rehabiliteringssamordnare"]
    assert break_text("Arbetsmiljö-samverkan", 2.5, 8.5) == ["Arbetsmiljö-", "samverkan"]
    assert break_text("", 3.0, 8.5) == [""]
    assert break_text("1 Inte alls", 1.2, 8.5) == ["1\u00a0Inte", "alls"]


@given(st.text(alphabet="abåäö -\u00ad0123456789–%", max_size=60), st.floats(0.5, 8))
def test_breaking_keeps_every_letter(text: str, room: float) -> None:
    lines = break_text(text, room, 8.5)

    def letters(part: str) -> str:
        return "".join(c for c in part if c not in " \u00a0\u00ad-")

    assert letters("".join(lines)) == letters(text)
    widest = max((width_cm(p + "-", 8.5) for p, _ in pieces_of(text)), default=0)
    assert all(width_cm(line, 8.5) <= max(room, widest) + 1e-6 for line in lines)


def test_lines_of_the_same_number_are_made_even() -> None:
    lines = break_text("ett två tre fyra fem", width_cm("ett två tre fyra", 8.5) + 0.01, 8.5)
    assert lines == ["ett två tre", "fyra fem"]


def test_the_column_of_statements_takes_a_third_unless_a_word_needs_more() -> None:
    short, long_ = "Nytta", "Det känns meningsfullt att delta i projektets insatser"
    assert statement_room([short], 16) == width_cm(short, 8.5)
    assert statement_room([short, long_], 16) < 0.35 * 16 < width_cm(long_, 8.5)
    word = "Arbetsmarknadspolitiska"
    assert statement_room([word, long_], 6) == widest_piece(word, 8.5)
    room = statement_room([long_], 16)
    assert narrower_room([long_], room, -1.0) == room
    assert narrower_room([long_], room, 0.5) == room - 0.5
    assert 3 < narrower_room([long_], room, 99.0) < room
