"""Relations as they are written: their kinds, roles and settings, read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from evalkit.errors import InputError
from evalkit.published.selectors import Selector, read_selector
from evalkit.published.store import MEASURES

__all__ = ["ROLES", "Relation", "listed", "read_relation", "role_of", "roles", "selectors_of"]

_SETTINGS = frozenset({"name", "explained", "assumes", "optional"})

ROLES: Mapping[str, tuple[str, ...]] = {
    "sum": ("total", "parts", "measure"),
    "share": ("percent", "count", "base"),
    "mean": ("total", "parts", "weights"),
    "equal": (),
    "exhaustive": ("parts", "base"),
    "change": ("percent", "from", "to"),
    "order": ("smaller", "larger"),
    "product": ("total", "factors"),
}

# What a relation of a kind cannot do without.
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "sum": ("total", "parts"),
    "share": ("percent", "base"),
    "mean": ("total", "parts"),
    "equal": (),
    "exhaustive": ("parts",),
    "change": ("percent", "from", "to"),
    "order": ("smaller", "larger"),
    "product": ("total", "factors"),
}


@dataclass(frozen=True)
class Relation:
    """One relation as read: its kind, its body and the settings that every kind shares."""

    kind: str
    body: object
    home: str | None
    where: str
    name: str
    explained: str
    assumes: str
    optional: bool


def read_relation(raw: Mapping[str, Any], number: int, home: str | None) -> Relation:
    """Read one relation; its number and home name it in errors."""
    where = f"relation {number} of {home or 'the source'}"
    kinds = [key for key in raw if key not in _SETTINGS]
    if len(kinds) != 1 or kinds[0] not in ROLES:
        raise InputError.of(
            "relations", required=f"exactly one of {', '.join(ROLES)} in each relation",
            got=", ".join(map(str, raw)), where=[where],
        )  # fmt: skip
    kind = kinds[0]
    return Relation(
        kind, raw[kind], home, where, str(raw.get("name", "")), str(raw.get("explained", "")),
        str(raw.get("assumes", "")), bool(raw.get("optional", False)),
    )  # fmt: skip


def _mapping(raw: object) -> Mapping[str, object] | None:
    return cast("Mapping[str, object]", raw) if isinstance(raw, Mapping) else None


def listed(raw: object) -> list[object]:
    """Entries of a list; none for anything else."""
    return cast("list[object]", raw) if isinstance(raw, list) else []


def roles(relation: Relation) -> Mapping[str, object]:
    """Body of a relation, checked against the roles that its kind has and needs."""
    known, needed = ROLES[relation.kind], _NEEDED[relation.kind]
    body = _mapping(relation.body)
    if body is None or not set(needed) <= set(body) <= set(known):
        raise InputError.of(
            "relations", required=f"{relation.kind} with {', '.join(needed)}"
            + (f" (and {', '.join(set(known) - set(needed))})" if set(known) > set(needed) else ""),
            got=repr(relation.body), where=[relation.where],
        )  # fmt: skip
    measure = body.get("measure", "count")
    if measure not in MEASURES:
        raise InputError.of(
            "relations", required=f"measure in {', '.join(MEASURES)}", got=repr(measure),
            where=[relation.where],
        )  # fmt: skip
    return body


def role_of(relation: Relation, role: str) -> object:
    """What a relation says of a role it must have."""
    return roles(relation)[role]


def selectors_of(raw: object, where: str) -> list[Selector | None]:
    """Selectors of a list (or of a single one); null stays None."""
    entries = listed(raw) or [raw]
    if all(entry is None or entry == [] for entry in entries):
        raise InputError.of(
            "relations", required="at least one selector", got=repr(raw), where=[where]
        )
    return [None if entry is None else read_selector(entry, where) for entry in entries]
