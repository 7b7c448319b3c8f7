"""The databases of one data folder: their names, files, creation and deletion."""

import json
import re
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from uuid import uuid4

import apsw

from server.store.database import Database, schema
from server.store.database.gate import Rule, Validator
from server.store.errors import BadRequest, NotFound, PreconditionFailed

#: Only server administrators get at a new database until somebody says otherwise.
ADMINS_ONLY = {"members": {"roles": ["_admin"]}, "admins": {"roles": ["_admin"]}}
SYSTEM_DATABASES = frozenset({"_users", "_replicator", "_global_changes"})

_NAME = re.compile(r"[a-z][a-z0-9_$()+/-]*\Z")
_LONGEST_NAME = 238
_SUFFIX = ".sqlite"
_OPEN_AT_ONCE = 100


class Catalog:
    """All databases of a folder. Safe to use from any thread."""

    def __init__(self, folder: Path, validator: Validator | None = None) -> None:
        self._folder = folder / "databases"
        self._views = folder / "views"
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._views.mkdir(mode=0o700, exist_ok=True)
        self._validator = validator
        self._lock = threading.RLock()
        self._open: dict[str, Database] = {}
        self._names = {_name_of(path) for path in self._folder.glob("*" + _SUFFIX)}
        self._rules: dict[str, list[Rule]] = {}
        self._listeners: list[Callable[[str, str], None]] = []

    def names(self) -> list[str]:
        """The names of all databases, in order."""
        return sorted(self._names)

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def open(self, name: str) -> Database:
        """The database of that name; NotFound when there is none."""
        db = self._open.get(name)
        return db if db is not None else self._load(name)

    def create(self, name: str) -> Database:
        """Make a new database."""
        check_name(name)
        with self._lock:
            if name in self._names:
                reason = "The database could not be created, the file already exists."
                raise PreconditionFailed(reason, "file_exists")
            made = str(int(time.time()))
            meta = {"uuid": uuid4().hex, "security": json.dumps(ADMINS_ONLY), "created": made}
            schema.create(self._path(name), meta)
            self._names.add(name)
        self._tell(name, "created")
        return self.open(name)

    def delete(self, name: str) -> str | None:
        """Delete a database with all it holds; its uuid, by which its indexes are found, unless it is unreadable."""
        with self._lock:
            uuid = self._uuid(name)
            if name not in self._names:
                raise NotFound("Database does not exist.")
            self._names.discard(name)
            db = self._open.pop(name, None)
            if db is not None:
                db.close()
            for end in ("-wal", "-shm", ""):
                Path(f"{self._path(name)}{end}").unlink(missing_ok=True)
        self._tell(name, "deleted")
        return uuid

    def _uuid(self, name: str) -> str | None:
        try:
            return self.open(name).uuid
        except apsw.Error:
            return None

    def views_folder(self, uuid: str) -> Path:
        """Where the indexes of a database are kept; it may not exist yet."""
        return self._views / uuid

    def add_rule(self, name: str, rule: Rule) -> None:
        """Have every write to a database pass a rule of the store."""
        self._rules.setdefault(name, []).append(rule)

    def listen(self, listener: Callable[[str, str], None]) -> None:
        """Call `listener(name, "created"|"updated"|"deleted")` when a database changes; from any thread."""
        self._listeners.append(listener)

    def close(self) -> None:
        """Let go of all files."""
        with self._lock:
            for db in self._open.values():
                db.close()
            self._open.clear()

    def _load(self, name: str) -> Database:
        with self._lock:
            if name not in self._names:
                raise NotFound("Database does not exist.")
            if name not in self._open:
                db = Database(self._path(name), name, self._validator)
                db.gate.rules.extend(self._rules.get(name, ()))
                db.listen(partial(self._updated, db))
                self._open[name] = db
                self._rest_others()
            return self._open[name]

    def _rest_others(self) -> None:
        """Give back the file handles of databases that were not used for longest, when many are open."""
        if len(self._open) % _OPEN_AT_ONCE == 0:
            by_use = sorted(self._open.values(), key=lambda db: db.used)
            for db in by_use[: -_OPEN_AT_ONCE // 2]:
                db.rest()

    def _updated(self, db: Database) -> None:
        if not db.closed:
            self._tell(db.name, "updated")

    def _tell(self, name: str, event: str) -> None:
        for listener in self._listeners:
            listener(name, event)

    def _path(self, name: str) -> Path:
        return self._folder / (name.replace("/", "!") + _SUFFIX)


def check_name(name: str) -> None:
    """BadRequest unless a database may have that name."""
    if name in SYSTEM_DATABASES:
        return
    if not _NAME.match(name):
        raise BadRequest(
            f"Name: '{name}'. Only lowercase characters (a-z), digits (0-9), and any of the characters "
            "_, $, (, ), +, -, and / are allowed. Must begin with a letter.",
            "illegal_database_name",
        )
    if len(name) > _LONGEST_NAME:
        raise BadRequest(f"Name: '{name}'. Database name is too long.", "database_name_too_long")


def _name_of(path: Path) -> str:
    return path.name.removesuffix(_SUFFIX).replace("!", "/")
