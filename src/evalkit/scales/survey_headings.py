"""Headings of survey tables: words of a report that no other column of the table has."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from evalkit.errors import InputError

__all__ = ["free_headings", "refuse_taken"]


def free_headings(
    wordings: Mapping[str, Sequence[str]], taken: Collection[str | None]
) -> dict[str, str]:
    """Choose the wording of each heading.

    Parameters
    ----------
    wordings : mapping of str to sequence of str
        Wordings by heading, the one to prefer first.
    taken : collection of str
        Names that other columns have, such as those of the levels.

    Returns
    -------
    dict of str to str
        The first wording that is free; if none is, the last with a number behind it.

    Examples
    --------
    >>> free_headings({"missing": ("Svar saknas", "Inget svar")}, ["Svar saknas"])
    {'missing': 'Inget svar'}
    """
    used = {*taken}
    chosen: dict[str, str] = {}
    for heading, words in wordings.items():
        numbered = (f"{words[-1]} ({i})" for i in range(2, len(used) + 3))
        chosen[heading] = next(word for word in (*words, *numbered) if word not in used)
        used.add(chosen[heading])
    return chosen


def refuse_taken(argument: str, names: Sequence[str], taken: Collection[str]) -> None:
    """Refuse columns whose name another column of the result has.

    Parameters
    ----------
    argument : str
        The caller's argument.
    names : sequence of str
        The columns.
    taken : collection of str
        Names of the result's own columns.

    Raises
    ------
    evalkit.errors.InputError
        If there is one.
    """
    for name in names:
        if name in taken:
            raise InputError.of(
                argument, required="a column with a name of its own", got=repr(name),
                remedy="Rename the column: the result has one so called.",
            )  # fmt: skip
