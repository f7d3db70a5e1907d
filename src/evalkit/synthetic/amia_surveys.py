"""Synthetic answers to the four surveys of the AMiA evaluation: drawn, written, read, checked."""

from __future__ import annotations

import hashlib
import io
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np
import pandas as pd

from evalkit.core.checks import check_columns
from evalkit.core.resources import data_dir
from evalkit.errors import InputError
from evalkit.synthetic.amia_counts import AMIA_NOTICE, SURVEYS, Question, Survey
from evalkit.synthetic.amia_meanings import READINGS
from evalkit.synthetic.amia_published import figures_of
from evalkit.typing import BoolArray, IntArray

__all__ = [
    "AmiaSurvey",
    "amia_figures",
    "amia_questions",
    "check_surveys",
    "load_amia_survey",
    "survey_entries",
    "survey_files",
]

AmiaSurvey = Literal["participants", "closing", "case_workers", "steering_groups"]

FOLDER = "amia_surveys"
_BITS = np.uint64(40)  # leaves 24 bits of each raw word: sums of a few cannot overflow
_LINKS = 9


def survey_files(seed: int) -> dict[str, bytes]:
    """Draw the four surveys and return the contents of their files.

    Parameters
    ----------
    seed : int
        Seed of the draw.

    Returns
    -------
    dict of str to bytes
        CSV in UTF-8 by path within the folder of synthetic data; the same bytes for the same seed,
        on every platform, since only raw words of the generator and whole numbers are used.
    """
    contents: dict[str, bytes] = {}
    for survey in SURVEYS:
        stream = np.random.SeedSequence([seed, zlib.crc32(f"{FOLDER}/{survey.name}".encode())])
        people = _draw(survey, np.random.PCG64(stream))
        text = people.to_csv(index=False, lineterminator="\n")
        contents[f"{FOLDER}/{survey.name}.csv"] = text.encode()
    return contents


def survey_entries(contents: dict[str, bytes]) -> dict[str, Any]:
    """Describe the four files for the manifest.

    Parameters
    ----------
    contents : dict of str to bytes
        What :func:`survey_files` returned.

    Returns
    -------
    dict
        By folder: the notice, and by survey its title, file, hash, number of respondents,
        published tables, and the answers to each question.
    """
    entries: dict[str, Any] = {}
    for survey in SURVEYS:
        file = f"{FOLDER}/{survey.name}.csv"
        entries[survey.name] = {
            "title": survey.title,
            "file": file,
            "sha256": hashlib.sha256(contents[file]).hexdigest(),
            "n": survey.n,
            "tables": list(survey.tables),
            "readings": [
                {"row": row, "column": column, "table": table, "why": why}
                for (table, _, row, column), why in READINGS.items()
                if table in survey.tables
            ],
            "background": list(survey.background),
            "questions": {
                q.name: _points(q) if q.band else list(q.levels) for q in survey.questions
            },
        }
    return {FOLDER: {"notice": AMIA_NOTICE, "files": entries}}


def load_amia_survey(name: AmiaSurvey) -> pd.DataFrame:
    """Load one of the four synthetic surveys of the AMiA evaluation.

    Parameters
    ----------
    name : {"participants", "closing", "case_workers", "steering_groups"}
        Participants who left the project (n = 320), those of them in 2013 asked by the project
        itself (n = 152), case workers in two waves without ids (n = 54 each), or members of the
        steering groups, on ten-point items (n = 18).

    Returns
    -------
    pandas.DataFrame
        One row for each respondent. Answers in words are ordered categories with all levels, from
        the negative to the positive end, ten-point items whole numbers; a missing answer is
        missing. The column ``synthetic`` is 1 in every row, and ``df.attrs["notice"]`` says what
        was published and what is invented.

    Raises
    ------
    InputError
        If there is no such survey, or its file is missing or damaged.

    Examples
    --------
    >>> from evalkit import synthetic
    >>> answers = synthetic.load_amia_survey("closing")
    >>> answers["work_ability"].value_counts().to_dict()
    {'nej': 90, 'ja': 55, 'inte tagit ställning': 7}
    """
    return _load(data_dir("synthetic") / FOLDER / f"{_known(name).name}.csv", _known(name))


def amia_questions(name: AmiaSurvey) -> dict[str, str]:
    """Say what the questions of a survey are about.

    Parameters
    ----------
    name : {"participants", "closing", "case_workers", "steering_groups"}
        The survey.

    Returns
    -------
    dict of str to str
        By column, the subject in Swedish; these are not the wordings of the questionnaire.

    Raises
    ------
    InputError
        If there is no such survey.

    Examples
    --------
    >>> from evalkit import synthetic
    >>> synthetic.amia_questions("closing")["comment"]
    'Öppen kommentar'
    """
    return {question.name: question.label for question in _known(name).questions}


def amia_figures(surveys: Mapping[str, pd.DataFrame] | None = None) -> pd.DataFrame:
    """Set every published figure of the AMiA surveys beside what the synthetic answers give.

    Answers: can these figures be true of that many respondents, and if not, what comes nearest?

    Parameters
    ----------
    surveys : mapping of str to pandas.DataFrame, optional
        Answers by name of the survey; the shipped ones if left out.

    Returns
    -------
    pandas.DataFrame
        One row for each figure, with the survey, the keys of the published table (``table_id,
        row_group, row, column_group, column, measure``), its ``text`` and ``value``; ``count`` of
        the ``answers`` given by the ``respondents``; ``computed`` (a number, percent or percentage
        points); ``possible``, the count of all respondents that gives the printed percent, if there
        is one; ``nearest`` and ``nearest_percent``, the count whose percent is nearest to it; the
        ``verdict``; ``holds``, whether the computed figure is the printed one; and ``as_read``,
        whether the source contradicts the printed figure and the answers follow a reading.

    Raises
    ------
    InputError
        If a survey lacks a column, or a file is missing or damaged.

    Notes
    -----
    Verdicts: ``equal``; ``fewer answered`` (no count of all respondents gives the percent, a count
    of those who answered the question does); ``impossible`` (no count of the respondents gives it,
    and other figures of the source say what it is read as); ``contradicted`` (the source prints
    two figures for the same thing, and the answers follow the other one); ``different`` (none of
    these: the answers are not those that are shipped). Percentages are rounded half up, exactly;
    words such as "drygt 70" allow the interval that the audit of published tables gives them.

    Examples
    --------
    >>> from evalkit import synthetic
    >>> figures = synthetic.amia_figures().set_index("text")
    >>> figures.loc["64 procent", ["verdict", "nearest"]].astype(str).tolist()
    ['impossible', '12']
    """
    read = (
        {s.name: load_amia_survey(cast("AmiaSurvey", s.name)) for s in SURVEYS}
        if (surveys is None)
        else surveys
    )
    for survey in SURVEYS:
        if survey.name in read:
            names = [*survey.background, *(question.name for question in survey.questions)]
            check_columns(read[survey.name], **{survey.name: names})
    return figures_of(read)


def check_surveys(folder: Path, manifest: dict[str, Any]) -> list[tuple[object, ...]]:
    """Check the files against their hashes and the published figures.

    Parameters
    ----------
    folder : Path
        Where the synthetic data are.
    manifest : dict
        The whole manifest.

    Returns
    -------
    list of tuple
        By survey ``name, n, hash_equal, n_cells, n_equal, n_readings, ok``: the readings are the
        figures that no count can give, or that another figure contradicts; a cell is equal if the
        rows give the figure or its reading.

    Raises
    ------
    InputError
        If a file or its entry in the manifest is missing or damaged.
    """
    told = manifest.get("surveys")
    described = cast("dict[str, Any]", told).get(FOLDER) if isinstance(told, dict) else None
    entries = (
        cast("dict[str, Any]", described).get("files") if isinstance(described, dict) else None
    )
    wanted = {"sha256", "n"}
    listed = cast("dict[str, Any]", entries) if isinstance(entries, dict) else {}
    absent = [s.name for s in SURVEYS if not wanted <= dict(listed.get(s.name) or {}).keys()]
    if absent:
        raise InputError.of(
            str(folder / "manifest.yaml"), required=f"a mapping with surveys: {FOLDER}: files",
            got="something else", where=absent,
            remedy="write_published_sets(folder) builds the files anew.",
        )  # fmt: skip
    rows: list[tuple[object, ...]] = []
    for survey in SURVEYS:
        file = folder / FOLDER / f"{survey.name}.csv"
        if not file.is_file():
            raise InputError.of("folder", required="every file of its manifest", got=f"no {file}")
        entry = cast("dict[str, Any]", listed[survey.name])
        people = _load(file, survey)
        same = hashlib.sha256(file.read_bytes()).hexdigest() == entry["sha256"]
        figures = figures_of({survey.name: people})
        readings = int(figures["as_read"].sum())
        equal = int(figures["holds"].sum()) + readings
        ok = same and equal == len(figures) and len(people) == entry["n"]
        name = f"{FOLDER}/{survey.name}"
        rows.append((name, len(people), same, len(figures), equal, readings, ok))
    return rows


def _known(name: str) -> Survey:
    for survey in SURVEYS:
        if survey.name == name:
            return survey
    raise InputError.of(
        "name", required=f"one of {', '.join(get_args(AmiaSurvey))}", got=repr(name)
    )


def _words(bits: np.random.BitGenerator, n: int) -> IntArray:
    """Draw whole numbers below 2**24 from raw words."""
    return (np.asarray(bits.random_raw(n), dtype=np.uint64) >> _BITS).astype(np.int64)


def _draw(survey: Survey, bits: np.random.BitGenerator) -> pd.DataFrame:
    """Draw who gave which answers together; how many gave each is fixed."""
    cells: list[tuple[str, ...]] = [cell for cell, n in survey.groups.items() for _ in range(n)]
    order = np.argsort(_words(bits, survey.n), kind="stable")
    columns: dict[str, list[str]] = {
        name: [cells[i][place] for i in order] for place, name in enumerate(survey.background)
    }
    people = pd.DataFrame(columns, dtype=object)
    leaning = _words(bits, survey.n)
    for question in survey.questions:
        people[question.name] = _answers(question, people, leaning, bits)
    if survey.name != "case_workers":  # those have no ids, so that waves cannot be paired
        people.insert(0, "respondent", range(1, survey.n + 1))
    people["synthetic"] = 1
    return people


def _answers(
    question: Question, people: pd.DataFrame, leaning: IntArray, bits: np.random.BitGenerator
) -> pd.Series[Any]:
    """Give each cell's answers to its members, the higher ones rather to the well disposed."""
    n = len(people)
    place = question.link * leaning + (_LINKS + 1 - question.link) * _words(bits, n)
    silent = _words(bits, n)
    level = np.full(n, -1, dtype=np.int64)
    for cell, counts in question.cells.items():
        inside: BoolArray = np.ones(n, dtype=np.bool_)
        for name, value in zip(question.by, cell, strict=False):
            inside &= (people[name] == value).to_numpy(dtype=np.bool_)
        members = np.flatnonzero(inside)
        if len(members) != sum(counts):
            raise InputError.of(
                f"{question.name}, {' '.join(cell)}", required=f"{len(members)} answers in all",
                got=sum(counts),
            )  # fmt: skip
        blank = counts[-1]
        answering = members[np.argsort(silent[members], kind="stable")][blank:]
        ranked = answering[np.argsort(place[answering], kind="stable")]
        level[ranked] = np.repeat(np.arange(len(counts) - 1), counts[:-1])
    if question.band:
        lows = np.array([low for low, _ in question.band])[level]
        widths = np.array([high - low + 1 for low, high in question.band])[level]
        return pd.Series(np.where(level < 0, 0, lows + _words(bits, n) % widths))
    names = np.array([*question.levels, ""], dtype=object)
    return pd.Series(names[level], dtype=object)


def _points(question: Question) -> list[int]:
    return list(range(question.band[0][0], question.band[-1][1] + 1))


def _load(file: Path, survey: Survey) -> pd.DataFrame:
    """Read a file with the types that its columns have."""
    try:
        content = file.read_bytes()
    except FileNotFoundError as error:
        raise InputError.of(
            str(file), required="there", got="no such file", remedy="evalkit synth builds it."
        ) from error
    try:
        people = pd.read_csv(
            io.BytesIO(content), dtype=str, keep_default_na=False, encoding="utf-8"
        )
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise InputError.of(str(file), required="CSV in UTF-8", got=str(error).strip()) from error
    columns = [*survey.background, *(question.name for question in survey.questions)]
    absent = [name for name in columns if name not in people.columns]
    if absent:
        raise InputError.of(str(file), required="every column", got="not all", where=absent)
    typed: dict[str, Any] = {
        name: people[name].where(people[name] != "") for name in survey.background
    }
    for question in survey.questions:
        allowed = [str(p) for p in _points(question)] if question.band else list(question.levels)
        said = people[question.name]
        strange = sorted(set(said) - {*allowed, ""})
        if strange:
            raise InputError.of(
                f"{file}: {question.name}", required=", ".join(allowed), got="others",
                where=strange,
            )  # fmt: skip
        if question.band:
            typed[question.name] = pd.to_numeric(said)
        else:
            answers = said.where(said != "")
            typed[question.name] = pd.Categorical(answers, categories=allowed, ordered=True)
    for name in ("respondent", "synthetic"):
        if name in people.columns:
            typed[name] = pd.to_numeric(people[name])
    people = people.assign(**typed)
    people.attrs["notice"] = AMIA_NOTICE
    return people
