"""The store's own databases: users and replications."""

import re
import secrets
from typing import Any

import msgspec

from server.store import auth
from server.store.auth import UserCtx
from server.store.database.drafts import Draft
from server.store.errors import Forbidden, StoreError
from server.store.http.app import Server
from server.store.replication import task

_PREFIX = "org.couchdb.user:"
_HASHED = frozenset({"password", "derived_key", "salt", "iterations", "password_scheme", "pbkdf2_prf", "password_sha"})
_NAME = re.compile(r"^[^_:][^:]*\Z")


def prepare(store: Server) -> None:
    """Make the system databases where they are missing, and set their rules."""
    for name in ("_users", "_replicator"):
        if name not in store.catalog:
            store.catalog.create(name)
    store.catalog.open("_users").set_security_now({"members": {"roles": []}, "admins": {"roles": ["_admin"]}})
    store.catalog.open("_users").gate.rules.append(check_user)
    store.catalog.open("_replicator").gate.rules.append(check_replication)
    iterations = store.settings.pbkdf2_iterations
    store.extra["prepare _users"] = lambda draft, user: hash_password(draft, user, iterations)


def hash_password(draft: Draft, user: UserCtx, iterations: int) -> None:
    """Replace the plain password of a user's document by its PBKDF2 key."""
    if draft.deleted or draft.id.startswith("_design/") or b'"password":' not in draft.body:
        return
    doc: dict[str, Any] = msgspec.json.decode(b"{" + draft.body[1:] + b"}")
    password = doc.get("password")
    if password is None:
        return
    if not isinstance(password, str):
        raise Forbidden("Password must be a string.")
    salt = secrets.token_hex(16)
    doc = {name: value for name, value in doc.items() if name not in _HASHED}
    doc |= {
        "password_scheme": "pbkdf2",
        "pbkdf2_prf": "sha256",
        "salt": salt,
        "iterations": iterations,
        "derived_key": auth.derive(password, salt, iterations),
    }
    draft.body = b"," + msgspec.json.encode(doc)[1:-1]


def check_replication(new: dict[str, Any], old: dict[str, Any] | None, user: dict[str, Any]) -> None:
    """What a document in `_replicator` has to be."""
    if new.get("_deleted"):
        return
    try:
        task.parse(new)
    except StoreError as error:
        raise Forbidden(error.reason) from error


def check_user(new: dict[str, Any], old: dict[str, Any] | None, user: dict[str, Any]) -> None:
    """What a document in `_users` has to be, and who may write it."""
    is_admin = "_admin" in user["roles"]
    if new.get("_deleted"):
        if not is_admin:
            raise Forbidden("Only administrators may delete user docs.")
        return
    _check_shape(new)
    if is_admin:
        return
    if user["name"] != new["name"] and old is not None:
        raise Forbidden("You may only update your own user document.")
    before = sorted(old.get("roles", [])) if old else []
    if sorted(new["roles"]) != before:
        raise Forbidden("Only _admin may set roles" if old is None else "Only _admin may edit roles")


def _check_shape(new: dict[str, Any]) -> None:
    if new.get("type") != "user":
        raise Forbidden("doc.type must be user")
    if not isinstance(new.get("name"), str) or not new["name"]:
        raise Forbidden("doc.name is required")
    if not isinstance(new.get("roles"), list):
        raise Forbidden("doc.roles must be an array")
    if not all(isinstance(role, str) for role in new["roles"]):
        raise Forbidden("doc.roles can only contain strings")
    if new.get("_id") != _PREFIX + new["name"]:
        raise Forbidden("Doc ID must be of the form org.couchdb.user:name")
    if any(role.startswith("_") for role in new["roles"]):
        raise Forbidden("No system roles (starting with underscore) in users db.")
    if not _NAME.match(new["name"]):
        raise Forbidden("Character `:` is not allowed in usernames.")
