"""Who may use the farm's databases."""

from typing import Any

from crashfarm.database import Database

ROLE = "crashfarm"
"""Users with this role may read and write the farm's documents, within what validation allows."""

WORKER_ROLE = "crashfarm-worker"
"""Users with this role besides may write only what a worker must."""

_CLOSED = {"admins": {"roles": ["_admin"]}, "members": {"roles": ["_admin", ROLE]}}


_OPEN = {"admins": {"names": [], "roles": ["_admin"]}, "members": {"names": [], "roles": []}}
"""Nobody is a member, which means that everybody is."""


def secure(db: Database) -> bool:
    """Close a database to strangers and open it to the farm's role; whom an admin has let in stays in.

    Returns whether anything had to change.
    """
    found = db.get_json("_security")
    return _set(db, found, _with_roles(found))


def open_to_all(db: Database) -> bool:
    """Let everybody read a database. Returns whether anything had to change."""
    found = db.get_json("_security")
    return _set(db, found, {**found, **_OPEN})


def _set(db: Database, found: dict[str, Any], wanted: dict[str, Any]) -> bool:
    if wanted == found:
        return False
    db.put_json("_security", body=wanted)
    return True


def _with_roles(found: dict[str, Any]) -> dict[str, Any]:
    return {**found, **{group: _merged(found.get(group) or {}, wanted) for group, wanted in _CLOSED.items()}}


def _merged(found: dict[str, Any], wanted: dict[str, list[str]]) -> dict[str, Any]:
    have = found.get("roles") or []
    return {"names": [], **found, "roles": [*have, *(role for role in wanted["roles"] if role not in have)]}
