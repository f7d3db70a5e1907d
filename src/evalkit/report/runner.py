"""Run report notebooks and write their pages."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Any, cast

from evalkit.core.files import write_whole
from evalkit.core.resources import data_dir
from evalkit.core.typography import Lang, Typography
from evalkit.errors import InputError, ReproductionError
from evalkit.report.page import (
    INJECTED_TAG,
    index_page,
    numbered_cells,
    read_result,
    render_page,
)

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = ["ReportRun", "Reproduction", "notebooks", "reproduce"]

_SECONDS_A_CELL = 600
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_OUTCOME = {
    "sv": "{equal} av {cells} celler återskapade{corrected}, {slips} i källan{explained}",
    "en": "{equal} of {cells} cells reproduced{corrected}, {slips} in the source{explained}",
}
_CORRECTED = {
    "sv": (" ({n} felaktig i källan)", " ({n} felaktiga i källan)"),
    "en": (" ({n} wrong in the source)", " ({n} wrong in the source)"),
}
_SLIPS = {
    "sv": ("inkonsistens", "inkonsistenser"),
    "en": ("inconsistency", "inconsistencies"),
}
_EXPLAINED = {
    "sv": (", {n} förklarad av källan", ", {n} förklarade av källan"),
    "en": (", {n} explained by the source", ", {n} explained by the source"),
}
_FAILED = {"sv": "Kunde inte köras: {problem}", "en": "Could not be run: {problem}"}


@dataclass(frozen=True, slots=True)
class ReportRun:
    """One notebook that was run.

    Attributes
    ----------
    name : str
        Name of the notebook.
    title : str
        Title of the report.
    page : pathlib.Path or None
        Where the page is; None if the notebook could not be run.
    seconds : float
        Time it took.
    n_cells, n_equal, n_corrected : int
        Published cells compared, those that came out equal, and those where the publication
        contradicts itself and supports the computed figure.
    n_inconsistencies : int
        Inconsistencies found in the published source that it does not explain.
    n_explained : int
        Deviations in the published source that it explains itself.
    differences : tuple of str
        The first cells that differ.
    problem : str
        Why the notebook could not be run; empty if it could.
    lang : {"sv", "en"}
        Language of the report.
    """

    name: str
    title: str
    page: Path | None
    seconds: float
    n_cells: int = 0
    n_equal: int = 0
    n_corrected: int = 0
    n_inconsistencies: int = 0
    n_explained: int = 0
    differences: tuple[str, ...] = ()
    problem: str = ""
    lang: Lang = "sv"

    @property
    def ok(self) -> bool:
        """Whether it could be run and every cell that should be equal is."""
        return not self.problem and self.n_equal + self.n_corrected == self.n_cells

    @property
    def outcome(self) -> str:
        """What came out, in one line."""
        if self.problem:
            return _FAILED[self.lang].format(problem=self.problem)
        set_in = Typography(self.lang)
        word = _SLIPS[self.lang][self.n_inconsistencies != 1]
        explained = _EXPLAINED[self.lang][self.n_explained != 1]
        corrected = _CORRECTED[self.lang][self.n_corrected != 1]
        return _OUTCOME[self.lang].format(
            equal=set_in.integer(self.n_equal),
            cells=set_in.integer(self.n_cells),
            corrected=corrected.format(n=self.n_corrected) if self.n_corrected else "",
            slips=f"{set_in.integer(self.n_inconsistencies)} {word}",
            explained=explained.format(n=self.n_explained) if self.n_explained else "",
        )


@dataclass(frozen=True, slots=True)
class Reproduction:
    """Outcome of running the reports.

    Attributes
    ----------
    runs : tuple of ReportRun
        One per notebook.
    index : pathlib.Path
        The page that links to the others.
    """

    runs: tuple[ReportRun, ...]
    index: Path

    @property
    def ok(self) -> bool:
        """Whether every notebook could be run and every compared cell is equal."""
        return all(run.ok for run in self.runs)

    def check(self) -> Reproduction:
        """Raise unless everything is as published.

        Returns
        -------
        Reproduction
            The same result.

        Raises
        ------
        ReproductionError
            If a notebook could not be run, or a cell that should be equal is not.
        """
        if not self.ok:
            raise ReproductionError(str(self))
        return self

    def __str__(self) -> str:
        """Give one line per report, the cells that differ, and where the pages are."""
        lines: list[str] = []
        for run in self.runs:
            lines.append(f"{run.name} ({run.seconds:.1f} s): {run.outcome}")
            lines += [f"  {difference}" for difference in run.differences]
        return "\n".join([*lines, f"{self.index}"])


def notebooks() -> dict[str, Path]:
    """Find the report notebooks.

    Returns
    -------
    dict
        Path by name, sorted; tutorials are left out.
    """
    found = sorted(data_dir("notebooks").glob("*.ipynb"))
    return {path.stem: path for path in found if not path.stem.startswith("tutorial_")}


def reproduce(
    names: Sequence[str] | None = None, out: str | Path = "reports", lang: Lang = "sv"
) -> Reproduction:
    """Run report notebooks, write a page for each, and an index.

    A page appears whole or not at all. A notebook that cannot be run leaves no page, and the
    others are run nevertheless.

    Parameters
    ----------
    names : sequence of str, optional
        Names of the notebooks; all reports if left out.
    out : str or pathlib.Path, default "reports"
        Folder for the pages.
    lang : {"sv", "en"}, default "sv"
        Language of the reports.

    Returns
    -------
    Reproduction
        What came out; its method ``check`` raises if something is not as published.

    Raises
    ------
    InputError
        If there is no notebook of a name, or it cannot be read.
    """
    Typography(lang)
    known = notebooks()
    wanted = list(dict.fromkeys(names)) if names else list(known)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise InputError.of(
            "names", required="names of report notebooks", got=", ".join(unknown),
            remedy=f"Reports: {', '.join(known) or 'none'}.",
        )  # fmt: skip
    folder = Path(out)
    if folder.exists() and not folder.is_dir():
        raise InputError.of("out", required="a folder", got=f"the file {folder}")
    runs = tuple(_run(name, known[name], folder, lang) for name in wanted)
    lines = [(run.title, run.page.name if run.page else "", run.outcome, run.ok) for run in runs]
    index = write_whole(folder / "index.html", index_page(lines, lang))
    return Reproduction(runs, index)


def _run(name: str, path: Path, folder: Path, lang: Lang) -> ReportRun:
    from nbclient.exceptions import CellControlSignal, DeadKernelError
    from tqdm import tqdm

    notebook = _load(path)
    _inject(notebook, lang, path)
    start = perf_counter()
    page = folder / f"{name}.html"
    n_code = sum(cell["cell_type"] == "code" for cell in notebook["cells"])
    with tqdm(total=n_code, desc=name, unit="cell", leave=False, disable=None) as bar:
        try:
            _execute(notebook, bar.update)
            text = render_page(notebook, name=f"{name}.ipynb")
        except (CellControlSignal, DeadKernelError, InputError) as error:
            page.unlink(missing_ok=True)
            problem = _reason(notebook, error)
            seconds = perf_counter() - start
            return ReportRun(name, name, None, seconds, problem=problem, lang=lang)
    write_whole(page, text)
    result = read_result(notebook)
    return ReportRun(
        name=name,
        title=result["title"],
        page=page,
        seconds=perf_counter() - start,
        n_cells=result["n_cells"],
        n_equal=result["n_equal"],
        n_corrected=result["n_corrected"],
        n_inconsistencies=result["n_inconsistencies"],
        n_explained=result["n_explained"],
        differences=tuple(result["differences"]),
        lang=lang,
    )


def _load(path: Path) -> NotebookNode:
    import nbformat

    try:
        return cast("Any", nbformat).read(path, as_version=4)
    except (OSError, UnicodeDecodeError, nbformat.reader.NotJSONError) as error:
        raise InputError.of(
            "notebook", required="a notebook", got=str(error), where=[path]
        ) from error


def _inject(notebook: NotebookNode, lang: Lang, path: Path) -> None:
    """Set the language in a cell after the one tagged "parameters"."""
    import nbformat

    cells = cast("list[Any]", notebook["cells"])
    tags = [cell["metadata"].get("tags", []) for cell in cells]
    places = [place for place, names in enumerate(tags) if "parameters" in names]
    if len(places) != 1:
        raise InputError.of(
            "notebook", required="one cell tagged 'parameters'", got=f"{len(places)}", where=[path]
        )
    cell = cast("Any", nbformat).v4.new_code_cell(f"lang = {lang!r}")
    cell["metadata"]["tags"] = [INJECTED_TAG]
    cells.insert(places[0] + 1, cell)


def _execute(notebook: NotebookNode, after_cell: Callable[[], object]) -> None:
    """Run the cells in a kernel of this interpreter that knows no user settings."""
    from nbclient import NotebookClient

    from evalkit.report.kernel import kernel_manager

    def executed(**_: object) -> None:
        after_cell()

    with TemporaryDirectory(prefix="ek") as folder:
        client = NotebookClient(
            notebook,
            km=kernel_manager(Path(folder)),
            timeout=_SECONDS_A_CELL,
            on_cell_executed=executed,
        )
        environment = {
            **os.environ, "IPYTHONDIR": folder, "MPLBACKEND": "agg", "PYTHONHASHSEED": "0",
        }  # fmt: skip
        client.execute(env=environment, cleanup_kc=True)


def _reason(notebook: NotebookNode, error: Exception) -> str:
    """Say in one line which cell failed and how."""
    for number, cell in numbered_cells(notebook):
        for output in cell.get("outputs", []):
            if output["output_type"] == "error":
                message = _COLOURS.sub("", f"{output['ename']}: {output['evalue']}").strip()
                return f"cell {number}: {message.splitlines()[0]}"
    return str(error).strip().splitlines()[-1]
