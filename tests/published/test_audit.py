"""The audit of the shipped sources: what readers found by hand, and silence elsewhere."""

from __future__ import annotations

import pandas as pd
import pytest

from evalkit import published
from evalkit.published import AuditReport


@pytest.fixture(scope="module")
def everything() -> AuditReport:
    return published.audit_all()


# Slips found by reading the sources with pencil and paper:
# table, part of the row's place, part of the column, printed, possible (empty: several), words.
BY_HAND = [
    ("000.t2", "Totalt", "Ung arb.lös", "10%", "11", "Cut off"),
    ("000.t2", "55-64 år", "Ung arb.lös", "1", "", "not exceed"),
    ("000.claims", "aktivitetsersättning, andel", "", "tio procent", "11", "Cut off"),
    ("000.t3", "Totalt", "Summa", "3740", "", "make 3 698"),
    ("001.t4a", "Arbetslösa sjukskrivna", "Procent", "39", "38", "38,4"),
    ("001.t4b", "Arbetslösa sjukskrivna", "Procent", "47", "46", "46,4"),
    ("001.t6a", "Norra Norrland", "Totalt", "35", "33", "31 + 36"),
    ("001.t7a", "Totalt", "Män", "2759", "5759", "one wrong digit"),
    ("001.t7a", "Totalt", "Totalt", "16821", "", "16034"),
    ("001.t9", "2009", "", "", "", "12 354"),
    ("001.claims", "Inflöde till samverkan", "2009", "16 043", "16034", "two digits swapped"),
    ("001.claims", "kommit närmare arbetsmarknaden", "", "70 procent", "71", "Cut off"),
    ("001.alternativa", "", "", "", "", "15,8"),
    ("002.claims", "kommit närmare arbetsmarknaden", "2010", "70 procent", "71", "Cut off"),
    ("002.claims", "tolv månader efter start", "2008", "37 procent", "38", "37,8"),
    ("003.t1", "30-65 år", "Ingen uppgift", "6%", "7", "Cut off"),
    ("003.claims", "efter arbetsförberedande insats", "2017", "33 procent", "32", "32,3"),
    ("004.survey_participants", "", "Totalt", "", "", "Var fjärde"),
    ("004.claims", "Mål: gå vidare", "", "420", "", "56–64"),
    ("004.results_claims", "Deltagare som ska gå vidare", "", "420", "455", "60 %"),
    ("004.results_claims", "Inte påbörjat programmet", "", "116", "", "cirka 300"),
    ("004.riket", "Riket", "90 dagar", "44 procent", "", "79"),
    ("004.summary", "Deltagare april 2012", "", "1294", "1293", "1 293"),
    ("004.nord", "Tror inte att projektet", "", "35 procent", "", "no whole number of 70"),
    ("004.nord", "Handläggare som besvarat", "", "Sju", "", "sex"),
    ("004.staffing", "Nord, handläggare", "", "fem", "", "sex"),
    ("004.staffing", "heltidsanställda från Försäkringskassan", "", "två", "", "tre"),
    ("004.vast", "Handläggare som arbetat", "", "ett femtontal", "", "14 + 15"),
    ("004.methods", "Deltagare som besvarat", "", "320", "", "310"),
    ("004.survey_chapter4", "Svarande i diagram 2", "", "320", "", "310"),
    ("004.survey_steering", "återgång i arbete", "varken", "64 procent", "67", "one wrong digit"),
    ("004.survey_caseworkers", "Tydligt genomslag", "2013", "42 procent", "", "knappt 45"),
    ("004.survey_caseworkers", "delaktiga", "2012", "32 procent", "", "30"),
    ("004.survey_caseworkers", "egna synen", "2013", "42 procent", "", "30 procent"),
    ("004.survey_caseworkers", "egna synen", "2012", "", "", "ca 20"),
    ("004.results_claims", "Inte gått in", "", "ungefär 30 procent", "", "23,3"),
    ("004.time_limits", "kartläggningssamtal", "", "två", "", "tre"),
    ("004.redo", "Deltagare per grupp", "", "6", "", "54"),
    ("004.brochure", "Värderingar", "", "tio", "", "12 in"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("table", "row", "column", "printed", "possible", "words"),
    BY_HAND,
    ids=[f"{entry[0]} {entry[3] or entry[5]}" for entry in BY_HAND],
)
def test_slips_that_readers_found(
    everything: AuditReport,
    table: str,
    row: str,
    column: str,
    printed: str,
    possible: str,
    words: str,
) -> None:
    found = everything.findings
    place = found["row"].str.contains(row, regex=False)
    place &= (found["column_group"] + " " + found["column"]).str.contains(column, regex=False)
    here = found[(found["table_id"] == table) & place]
    if printed:
        here = here[here["published"] == printed]
    messages = here["message"].str.replace("\u00a0", " ")
    here = here[messages.str.contains(words, regex=False)]
    assert len(here) >= 1
    assert set(here["verdict"]) <= {"impossible", "base-mismatch"}
    if possible:
        assert possible in set(here["possible"].str.replace("\u00a0", ""))


def test_the_explained_difference_is_told_as_explained(everything: AuditReport) -> None:
    found = everything.findings
    pila = found[found["message"].str.contains("PILA")]
    assert len(pila) == 2
    assert set(pila["verdict"]) == {"base-mismatch"}


CONSISTENT = [
    "000.t1", "000.t4", "000.t5", "000.t6", "000.t7", "000.t8", "001.t1", "001.t2", "001.t3",
    "001.t5", "001.t6b", "001.t7b", "001.t8", "002.figur1", "003.t2", "003.t3", "003.t4",
    "004.enrolment", "004.syd", "004.ost", "004.survey_close",
]  # fmt: skip


@pytest.mark.parametrize("table_id", CONSISTENT)
def test_consistent_tables_give_nothing_worse_than_rounding(
    everything: AuditReport, table_id: str
) -> None:
    own = everything.findings.query("table_id == @table_id")
    assert set(own["verdict"]) <= {"rounding"}
    assert (everything.checks["table_id"] == table_id).any()


def test_rounding_rule_of_every_source_is_half_up(everything: AuditReport) -> None:
    assert set(everything.rules.values()) == {"half-up"}


def test_checks_hold_findings_deviate(everything: AuditReport) -> None:
    checks = everything.checks
    assert everything.n_checked == (checks["verdict"] != "untestable").sum()
    assert list(checks.columns) == list(everything.findings.columns)
    assert not everything.findings["verdict"].isin(["exact", "untestable"]).any()
    assert everything.findings["message"].str.len().min() > 20


def test_swedish_messages(everything: AuditReport) -> None:
    swedish = everything.findings_in("sv")
    assert len(swedish) == len(everything.findings)
    assert swedish["message"].str.startswith("Tryckt").all()


def test_report_prints_briefly_and_as_a_table(everything: AuditReport) -> None:
    assert len(str(everything).splitlines()) <= 15
    assert everything._repr_html_().startswith("<table>")


def test_a_frame_of_a_shipped_table_meets_the_shipped_relations() -> None:
    frame = published.load("000.t3").to_frame()
    assert published.audit(frame).n_checked == published.audit("000.t3").n_checked
    changed = frame.drop(columns="text")
    cell = (
        (frame["row"] == "Kvinnor") & (frame["column"] == "Övriga") & (frame["measure"] == "count")
    )
    changed.loc[cell, "value"] = 757.0
    finding = published.audit(changed).findings.iloc[0]
    assert (finding["row"], finding["column"]) == ("Kvinnor", "Övriga")
    assert finding["possible"] == "775"
    assert "swapped" in finding["message"]


def test_a_slip_in_another_table_is_left_to_the_audit_of_that_table() -> None:
    # The 33 percent of the text contradict tables 1 and 2, which agree with everything else.
    own = published.audit("003.claims").findings
    assert "33 procent" in set(own["published"])
    assert set(published.audit("003.t2").findings["verdict"]) <= {"rounding"}
    assert (published.audit("003.t2").checks["verdict"] == "impossible").any()


@pytest.mark.parametrize("table_id", ["000.t1", "000.t4", "001.t5", "001.t7b", "003.t2", "003.t3"])
def test_audit_of_a_consistent_table_alone(table_id: str) -> None:
    assert set(published.audit(table_id).findings["verdict"]) <= {"rounding"}


def test_whichever_of_value_and_text_was_changed_counts() -> None:
    frame = published.load("000.t1").to_frame()
    for column, value in (("value", 3635.0), ("text", "3635")):
        changed = frame.copy()
        changed.loc[0, column] = value
        assert published.audit(changed).n_inconsistent > 0
    without = published.audit(published.load("003.claims").to_frame().drop(columns="text"))
    assert len(without.findings) == len(published.audit("003.claims").findings)
    silent = frame.assign(value=float("nan"))
    assert published.compare(silent, "000.t1").n_equal == 0


def test_several_tables_in_one_frame() -> None:
    frames = [published.load(name).to_frame() for name in ("000.t3", "000.t4")]
    both = published.audit(pd.concat(frames))
    assert both.n_checked > published.audit("000.t4").n_checked


def test_unlisted_frame_is_audited_against_guesses() -> None:
    frame = published.load("003.t2").to_frame().assign(table_id="egen")
    report = published.audit(frame)
    assert report.guessed
    assert report.findings.empty
    assert set(report.checks["table_id"]) == {"egen"}
