"""Accounts for machines that are lent: they may write what a worker must, and no more."""

import re
import secrets

from crashfarm.database import Connection, Database
from crashfarm.documents.base import Json
from crashfarm.errors import InputError, NotFound
from server.deploy.security import ROLE, WORKER_ROLE

USERS = "_users"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_PREFIX = "org.couchdb.user:"


def create(connection: Connection, name: str, *, renew: bool = False) -> str:
    """Make an account for the worker of that name, or give its account a new password; returns the password.

    Workers of that name, and of that name with a dot and something behind it, may use it. Raises InputError for a name
    that no worker can have, that a person has, or that is taken and not to be renewed.
    """
    if not _NAME.fullmatch(name):
        raise InputError(f"{name!r} cannot be the name of a worker: letters, digits, '.', '_' and '-' only")
    users = _users(connection)
    found = users.get(_PREFIX + name)
    if found and WORKER_ROLE not in found.get("roles", ()):
        raise InputError(f"{name} is the account of somebody who is no worker")
    if found and not renew:
        raise InputError(f"{name} has an account already: --renew gives it a new password")
    password = secrets.token_urlsafe(24)
    users.put(_account(name, password) | ({"_rev": found["_rev"]} if found else {}))
    return password


def remove(connection: Connection, name: str) -> None:
    """Take a worker's account away: the machine is out at once. Raises NotFound if there is none."""
    users = _users(connection)
    found = users.get(_PREFIX + name)
    if not found or WORKER_ROLE not in found.get("roles", ()):
        raise NotFound(f"there is no account of a worker {name}")
    users.delete(found["_id"], found["_rev"])


def _account(name: str, password: str) -> Json:
    return {"_id": _PREFIX + name, "type": "user", "name": name, "roles": [ROLE, WORKER_ROLE], "password": password}


def _users(connection: Connection) -> Database:
    """The server's users; a CouchDB that nobody has set up has no such database yet."""
    connection.create(USERS)
    return connection.database(USERS)
