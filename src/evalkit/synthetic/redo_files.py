"""The shipped file of the synthetic ReDO trial: written, read, and held against the published."""

from __future__ import annotations

import hashlib
import io
import zlib
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from evalkit.core.checks import check_columns
from evalkit.core.resources import data_dir
from evalkit.errors import InputError
from evalkit.published import Comparison, compare, load
from evalkit.synthetic.redo import REDO_NOTICE
from evalkit.synthetic.redo_trial import synthetic_redo

__all__ = [
    "check_redo_trial",
    "compare_redo",
    "load_redo_trial",
    "redo_trial_entry",
    "redo_trial_file",
]

NAME, FILE, TABLE = "redo_trial", "redo_trial.csv", "004.redo"
_PLACE = "s. 57 Genomförande i AMiA"
_TEXTS = (
    "wave", "block", "arm", "group", "not_started", "broke_off", "after_programme", "sex",
    "diagnosis", "education", "spell", "no_answer_16w", "no_answer_6m", "no_answer_12m",
)  # fmt: skip


def redo_trial_file(seed: int) -> bytes:
    """Draw the trial and return the content of its file.

    Parameters
    ----------
    seed : int
        Seed of the draw.

    Returns
    -------
    bytes
        CSV in UTF-8; the same bytes for the same seed.
    """
    stream = np.random.SeedSequence([seed, zlib.crc32(NAME.encode())])
    trial = synthetic_redo(rng=np.random.Generator(np.random.PCG64(stream)))
    scores = trial.select_dtypes("float").columns
    whole = trial.astype(dict.fromkeys(scores, "Int64"))
    return whole.to_csv(index=False, lineterminator="\n").encode()


def redo_trial_entry(content: bytes) -> dict[str, Any]:
    """Describe the file for the manifest.

    Parameters
    ----------
    content : bytes
        What :func:`redo_trial_file` returned.

    Returns
    -------
    dict
        Title, file, hash, number of persons, published table, and what was invented.
    """
    trial = _read(io.BytesIO(content), FILE)
    return {
        "title": "Persons randomised to ReDO or usual rehabilitation, March 2012 to February 2013",
        "file": FILE,
        "sha256": hashlib.sha256(content).hexdigest(),
        "n": len(trial),
        "tables": [TABLE],
        "notice": REDO_NOTICE,
        "variables": list(trial.columns),
    }


def load_redo_trial() -> pd.DataFrame:
    """Load the synthetic ReDO trial that is shipped with evalkit.

    Returns
    -------
    pandas.DataFrame, 120 rows
        The columns of :func:`evalkit.synthetic.synthetic_redo`; ``df.attrs["notice"]`` says that
        the data are synthetic, and what in them was published.

    Raises
    ------
    InputError
        If the file is missing or damaged.

    Examples
    --------
    >>> from evalkit import synthetic
    >>> trial = synthetic.load_redo_trial()
    >>> trial["arm"].value_counts().to_dict()
    {'ReDO': 60, 'kontroll': 60}
    """
    return _load(data_dir("synthetic") / FILE)


def compare_redo(trial: pd.DataFrame) -> Comparison:
    """Hold a ReDO trial against every count of persons and groups that was published.

    Answers: are these the 54 who started, the 31 who completed and the 23 who broke off?

    Parameters
    ----------
    trial : pandas.DataFrame
        Columns ``started, completed, group, broke_off, after_programme`` as in
        :func:`evalkit.synthetic.synthetic_redo`.

    Returns
    -------
    evalkit.published.Comparison
        The seven counts on page 57 of the handbook (Metodhandbok AMiA), cell by cell.

    Raises
    ------
    InputError
        If a column is missing.

    Examples
    --------
    >>> from evalkit import synthetic
    >>> str(synthetic.compare_redo(synthetic.load_redo_trial()))
    '004.redo: 7 of 7 cells equal'
    """
    names = ["started", "completed", "group", "broke_off", "after_programme"]
    check_columns(trial, trial=names)
    started, after = trial["started"] == 1, trial["after_programme"]
    completed = trial["completed"] == 1
    counts = {
        "Grupper som startade": trial.loc[started, "group"].nunique(),
        "Deltagare som började i grupperna": int(trial.loc[started, "group"].notna().sum()),
        "Fullföljde programmet": int((started & completed).sum()),
        "Avbröt programmet": int((started & trial["broke_off"].notna()).sum()),
        "Av de deltagare som fullföljde programmet": int(after[completed].notna().sum()),
        "Gått vidare till annan verksamhet": int((after == "annan verksamhet").sum()),
        "Bedömts behöva ytterligare medicinsk behandling": int(
            (after == "medicinsk behandling").sum()
        ),
    }
    computed = load(TABLE).to_frame()
    ours = computed["row_group"] == _PLACE
    # What the programme is like (weeks, meetings) is no count of persons: it stays as printed.
    computed["value"] = computed["row"].map(counts).where(ours, computed["value"])
    outcome = compare(computed, TABLE)
    differs = outcome.differences[outcome.differences["row_group"] == _PLACE]
    return Comparison(TABLE, len(counts), len(counts) - len(differs), differs)


def check_redo_trial(folder: Path, manifest: dict[str, Any]) -> tuple[object, ...]:
    """Check the file against its hash and the published counts.

    Parameters
    ----------
    folder : Path
        Where the file is.
    manifest : dict
        The whole manifest.

    Returns
    -------
    tuple
        ``name, n, hash_equal, n_cells, n_equal, n_readings, ok``.

    Raises
    ------
    InputError
        If the file or its entry in the manifest is missing or damaged.
    """
    trials = manifest.get("trials")
    entry = cast("dict[str, Any]", trials).get(NAME) if isinstance(trials, dict) else None
    if not isinstance(entry, dict) or not {"sha256", "n"} <= cast("dict[str, Any]", entry).keys():
        raise InputError.of(
            str(folder / "manifest.yaml"), required=f"a mapping with trials: {NAME}",
            got="something else", remedy="write_published_sets(folder) builds the files anew.",
        )  # fmt: skip
    file = folder / FILE
    if not file.is_file():
        raise InputError.of("folder", required="every file of its manifest", got=f"no {file}")
    told = cast("dict[str, Any]", entry)
    trial = _load(file)
    same = hashlib.sha256(file.read_bytes()).hexdigest() == told["sha256"]
    outcome = compare_redo(trial)
    ok = same and outcome.equal and len(trial) == told["n"]
    return NAME, len(trial), same, outcome.n_cells, outcome.n_equal, 0, ok


def _load(file: Path) -> pd.DataFrame:
    """Read the file with the types that its columns have."""
    try:
        content = file.read_bytes()
    except FileNotFoundError as error:
        raise InputError.of(
            str(file), required="there", got="no such file", remedy="evalkit synth builds it."
        ) from error
    return _read(io.BytesIO(content), str(file))


def _read(content: io.BytesIO, name: str) -> pd.DataFrame:
    try:
        trial = pd.read_csv(
            content, dtype=cast("Any", dict.fromkeys(_TEXTS, "str")), encoding="utf-8"
        )
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise InputError.of(name, required="CSV in UTF-8", got=str(error).strip()) from error
    trial.attrs["notice"] = REDO_NOTICE
    return trial
