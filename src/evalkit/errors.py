"""Errors that tell what was wrong, what was required, where, and what to do.

Every complaint about input is an :class:`InputError`, which is also a ``ValueError``, so that
callers who know only the standard library can catch it.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["EvalkitError", "InputError", "ReproductionError"]

_SHOWN = 5


class EvalkitError(ValueError):
    """Base of every error that evalkit raises on purpose."""


class InputError(EvalkitError):
    """An argument, a file or a table is not what the function needs."""

    @classmethod
    def of(
        cls,
        argument: str,
        *,
        required: str,
        got: object,
        where: Iterable[object] = (),
        remedy: str = "",
    ) -> InputError:
        """Build the message every check shares.

        Parameters
        ----------
        argument : str
            Name of the argument, column or file.
        required : str
            What it must be.
        got : object
            What came instead.
        where : iterable, optional
            Offending rows, levels or columns; the first five are shown and the rest counted.
        remedy : str, optional
            What the caller can do about it.

        Returns
        -------
        InputError
            The error, to be raised by the caller.
        """
        message = f"{argument}: must be {required}; got {got}"
        places = list(where)
        if places:
            shown = ", ".join(str(place) for place in places[:_SHOWN])
            more = len(places) - _SHOWN
            message += f" (at {shown}" + (f" and {more} more)" if more > 0 else ")")
        return cls(f"{message}. {remedy}".rstrip())


class ReproductionError(EvalkitError):
    """A number that should equal the published one does not."""
