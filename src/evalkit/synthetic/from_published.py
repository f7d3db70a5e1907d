"""Shipped microdata whose tabulations equal the published tables.

The people are synthetic: every published figure holds exactly, and what was not published together
is random. The sets are rebuilt byte for byte from their seed, on any platform: the matching uses
raw words of the PCG64 generator and whole numbers alone, and no integer program is solved.
"""

from __future__ import annotations

import hashlib
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import yaml

from evalkit.core.resources import data_dir
from evalkit.errors import InputError
from evalkit.published.microdata import Layout, layout
from evalkit.published.reconstruct import reconstruct
from evalkit.published.tabulate import tabulate
from evalkit.synthetic.amia_surveys import check_surveys, survey_entries, survey_files
from evalkit.synthetic.redo_files import FILE, check_redo_trial, redo_trial_entry, redo_trial_file

__all__ = [
    "DEFAULT_SEED",
    "NOTICE",
    "PublishedSet",
    "check_published_sets",
    "load_published_set",
    "published_sets",
    "write_published_sets",
]

DEFAULT_SEED = 20120615
"""Seed of the shipped files: the date of the report with the first tables."""

NOTICE = (
    "Syntetiska data. The people in these files do not exist. Tabulations equal the published "
    "tables; no conclusion may be drawn from crossings that were not published."
)
_MANIFEST = "manifest.yaml"


@dataclass(frozen=True, slots=True)
class PublishedSet:
    """One set of microdata.

    Attributes
    ----------
    name : str
        Name of the set, which is also the population's name in the tables' ``microdata`` entries.
    title : str
        Who the people are.
    tables : tuple of str
        The published tables that the set reproduces.
    """

    name: str
    title: str
    tables: tuple[str, ...]


_SETS = (
    PublishedSet(
        "mappings_2012",
        "Joint mappings of persons with sickness benefit, January to April 2012",
        ("000.t1",),
    ),
    PublishedSet(
        "starters_2012",
        "Persons who started active rehabilitation, January to April 2012",
        ("000.t2",),
    ),
    PublishedSet(
        "followed_up_2012",
        "Persons who started in co-operation January to April 2011, followed up on day 365",
        ("000.t3", "000.t4", "000.t5", "000.t6"),
    ),
    PublishedSet("new_participants_2010", "New participants in co-operation, 2010", ("001.t4a",)),
    PublishedSet("new_participants_2009", "New participants in co-operation, 2009", ("001.t4b",)),
    PublishedSet(
        "measured_2010",
        "Participants whose result after 12 months was measured in 2010",
        ("001.t7a", "001.t8", "001.t9"),
    ),
    PublishedSet(
        "measured_2009",
        "Participants whose result after 12 months was measured in 2009",
        ("001.t7b", "001.t8", "001.t9"),
    ),
    PublishedSet("leavers_2017", "Persons who left the co-operation in 2017", ("003.t1",)),
    PublishedSet(
        "leavers_after_work_oriented_2017",
        "Persons who ended a work-oriented measure in 2017",
        ("003.t2",),
    ),
)


def published_sets() -> pd.DataFrame:
    """List the shipped sets.

    Returns
    -------
    DataFrame
        Columns ``name, n, tables, note``; the note says who the people are and how tables that
        contradict themselves were read.

    Raises
    ------
    InputError
        If the manifest of the shipped files is missing or damaged.

    Examples
    --------
    >>> from evalkit import synthetic
    >>> synthetic.published_sets().set_index("name").loc["starters_2012", "n"]
    np.int64(2910)
    """
    rows = [
        (
            name,
            entry["n"],
            ", ".join(entry["tables"]),
            " ".join([f"{entry['title']}.", *(r["why"] for r in entry.get("readings", ()))]),
        )
        for name, entry in _manifest(data_dir("synthetic"))["sets"].items()
    ]
    return pd.DataFrame.from_records(rows, columns=["name", "n", "tables", "note"])


def load_published_set(name: str) -> pd.DataFrame:
    """Load one shipped set.

    Parameters
    ----------
    name : str
        A name that :func:`published_sets` lists.

    Returns
    -------
    DataFrame
        One row per (synthetic) person, published labels as values, missing where a variable does
        not apply or nothing was published.

    Raises
    ------
    InputError
        If there is no such set, or its file or the manifest is damaged.

    Examples
    --------
    >>> from evalkit import synthetic
    >>> synthetic.load_published_set("followed_up_2012")["status_day_365"].value_counts().iloc[0]
    np.int64(1250)
    """
    folder = data_dir("synthetic")
    return _read(folder / _manifest(folder)["sets"][_known(name).name]["file"])


def write_published_sets(out: str | Path, *, seed: int = DEFAULT_SEED) -> list[Path]:
    """Build every set and write it, with a manifest.

    Parameters
    ----------
    out : str or Path
        Folder to write to; made if it does not exist.
    seed : int, default 20120615
        Decides which of the possible microdata is drawn. The same seed gives the same bytes.

    Returns
    -------
    list of Path
        The files, the manifest last. A file is either whole or not there: all are built before
        the first is put in its place.

    Raises
    ------
    InputError
        If the seed is negative, or tables cannot be reconstructed.

    Examples
    --------
    >>> import tempfile
    >>> from evalkit import synthetic
    >>> synthetic.write_published_sets(tempfile.mkdtemp(), seed=1)[-1].name
    'manifest.yaml'
    """
    if seed < 0:
        raise InputError.of("seed", required="a whole number of at least 0", got=seed)
    contents: dict[str, bytes] = {}
    entries: dict[str, Any] = {}
    for one in _SETS:
        # A stream of its own for each set: adding a set leaves the others as they are.
        stream = np.random.SeedSequence([seed, zlib.crc32(one.name.encode())])
        rng = np.random.Generator(np.random.PCG64(stream))
        people = reconstruct(one.tables, rng=rng, population=one.name)
        file = f"{one.name}.csv"
        contents[file] = people.to_csv(index=False, lineterminator="\n").encode()
        entries[one.name] = _entry(one, people, file, contents[file])
    contents |= {FILE: redo_trial_file(seed), **(surveys := survey_files(seed))}
    manifest = {
        "notice": NOTICE,
        "seed": seed,
        "built_by": "evalkit synth",
        "sets": entries,
        "trials": {"redo_trial": redo_trial_entry(contents[FILE])},
        "surveys": survey_entries(surveys),
    }
    text = yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True, width=100)
    contents[_MANIFEST] = text.encode()
    return _put_in_place(Path(out), contents)


def check_published_sets(folder: str | Path | None = None) -> pd.DataFrame:
    """Check the files against their SHA-256 sums and against every published figure.

    Parameters
    ----------
    folder : str or Path, optional
        Where the files are; the shipped ones by default.

    Returns
    -------
    DataFrame
        One row per set, the trial and the surveys last: ``name, n, hash_equal, n_cells, n_equal,
        n_readings, ok``. A cell is equal if the microdata give the published figure, or, for the
        `n_readings` cells that the other figures contradict, the figure of the table's reading.

    Raises
    ------
    InputError
        If a file or the manifest is missing or damaged.

    Examples
    --------
    >>> from evalkit import synthetic
    >>> bool(synthetic.check_published_sets()["ok"].all())
    True
    """
    where = data_dir("synthetic") if folder is None else Path(folder)
    rows: list[tuple[object, ...]] = []
    manifest = _manifest(where)
    for name, entry in manifest["sets"].items():
        file = where / entry["file"]
        if not file.is_file():
            raise InputError.of("folder", required="every file of its manifest", got=f"no {file}")
        people = _read(file)
        same = hashlib.sha256(file.read_bytes()).hexdigest() == entry["sha256"]
        counts = np.array([_compare(people, table, name) for table in entry["tables"]])
        cells, equal, readings = (int(total) for total in counts.sum(axis=0))
        ok = same and cells == equal and len(people) == entry["n"]
        rows.append((name, len(people), same, cells, equal, readings, ok))
    rows += [check_redo_trial(where, manifest), *check_surveys(where, manifest)]
    names = ["name", "n", "hash_equal", "n_cells", "n_equal", "n_readings", "ok"]
    return pd.DataFrame.from_records(rows, columns=names)


def _compare(people: pd.DataFrame, table_id: str, population: str) -> tuple[int, int, int]:
    """Cells, equal cells and cells with a reading of one table."""
    meanings = [m for m in layout(table_id).meanings if m.population == population]
    values = tabulate(people, table_id, population=population)["value"]
    equal = sum(
        meaning.figure.value is not None and float(meaning.figure.value) == value
        for meaning, value in zip(meanings, values, strict=True)
    )
    return len(meanings), equal, sum(m.figure is not m.cell.figure for m in meanings)


def _entry(one: PublishedSet, people: pd.DataFrame, file: str, content: bytes) -> dict[str, Any]:
    """Describe one set for the manifest."""
    layouts = [layout(table) for table in one.tables]
    entry: dict[str, Any] = {
        "title": one.title,
        "file": file,
        "sha256": hashlib.sha256(content).hexdigest(),
        "n": len(people),
        "tables": list(one.tables),
        "variables": {name: _levels(name, people, layouts) for name in people.columns},
    }
    readings = [
        {key: value for key, value in asdict(reading).items() if value}
        for described in layouts
        for reading in described.readings
        if _concerns(reading.row, described, one.name)
    ]
    zeros = [
        {**{name: list(values) for name, values in zero.condition.items()}, "why": zero.why}
        for described in layouts
        for zero in described.zeros
    ]
    if readings:
        entry["readings"] = readings
    if zeros:
        entry["zeros"] = zeros
    return entry


def _levels(name: str, people: pd.DataFrame, layouts: list[Layout]) -> list[str]:
    """Levels that occur, in the order they are printed."""
    found = set(people[name].dropna())
    printed = [v for one in layouts for m in one.meanings for v in m.condition.get(name, ())]
    return [level for level in dict.fromkeys([*printed, *sorted(found)]) if level in found]


def _concerns(row: str, described: Layout, population: str) -> bool:
    """Whether a reading's row speaks of this population (a table may have a row per year)."""
    label = row.rpartition(" > ")[2]
    populations = {m.population for m in described.meanings if m.cell.key.row == label}
    return not populations or population in populations


def _known(name: str) -> PublishedSet:
    for one in _SETS:
        if one.name == name:
            return one
    raise InputError.of(
        "name", required="a shipped set", got=repr(name),
        remedy=f"The sets are: {', '.join(one.name for one in _SETS)}.",
    )  # fmt: skip


def _manifest(folder: Path) -> dict[str, Any]:
    file = folder / _MANIFEST
    if not file.is_file():
        raise InputError.of(
            "folder", required=f"a folder with {_MANIFEST}", got=str(folder),
            remedy="write_published_sets(folder) builds the files.",
        )  # fmt: skip
    try:
        content: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        problem = " ".join(str(error).split())
        raise _damaged(folder, "valid YAML in UTF-8", problem) from error
    sets: Any = cast("dict[str, Any]", content).get("sets") if isinstance(content, dict) else None
    if not isinstance(sets, dict) or not sets:
        raise _damaged(folder, "a mapping with the key 'sets'", "something else")
    entries = cast("dict[str, Any]", sets)
    absent = [one.name for one in _SETS if one.name not in entries]
    if absent:
        raise _damaged(folder, "an entry for every set", "none for some", absent)
    wrong = [
        f"{name}: {key}"
        for name, entry in entries.items()
        for key in (*_ENTRY, "readings")
        if not _is_as_written(key, entry)
    ]
    if wrong:
        raise _damaged(folder, "entries as they are written", "something else", wrong)
    return {**cast("dict[str, Any]", content), "sets": entries}


_ENTRY: dict[str, type] = {"title": str, "file": str, "sha256": str, "n": int, "tables": list}


def _is_as_written(key: str, entry: Any) -> bool:
    """Whether an entry of the manifest has a key, with a value of the right type."""
    if not isinstance(entry, dict):
        return False
    value: Any = cast("dict[str, Any]", entry).get(key, [])
    listed = cast("list[Any]", value) if isinstance(value, list) else []
    if key == "readings":
        whys = [cast("Any", r).get("why") if isinstance(r, dict) else None for r in listed]
        return isinstance(value, list) and all(isinstance(why, str) for why in whys)
    if key == "tables":
        return bool(listed) and all(isinstance(table, str) for table in listed)
    return isinstance(value, _ENTRY[key])


def _damaged(folder: Path, required: str, got: str, where: Sequence[str] = ()) -> InputError:
    return InputError.of(
        str(folder / _MANIFEST), required=required, got=got, where=where,
        remedy="write_published_sets(folder) builds the files anew.",
    )  # fmt: skip


def _read(file: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(file, dtype=str, keep_default_na=False, na_values=[""], encoding="utf-8")
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise InputError.of(str(file), required="CSV in UTF-8", got=str(error).strip()) from error


def _put_in_place(out: Path, contents: dict[str, bytes]) -> list[Path]:
    """Write all files beside their places first, then move each into its place."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out) as waiting:
        for name, content in contents.items():
            for folder in (Path(waiting), out):
                (folder / name).parent.mkdir(exist_ok=True)
            (Path(waiting) / name).write_bytes(content)
        return [(Path(waiting) / name).replace(out / name) for name in contents]
