"""Generators of data whose truth is known."""

from __future__ import annotations

from evalkit.synthetic.from_published import (
    PublishedSet,
    check_published_sets,
    load_published_set,
    published_sets,
    write_published_sets,
)

__all__ = [
    "PublishedSet",
    "check_published_sets",
    "load_published_set",
    "published_sets",
    "write_published_sets",
]
