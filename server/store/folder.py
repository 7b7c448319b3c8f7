"""The data folder: who may use it, which format it has, and what the store keeps there about itself.

admin-password   the password of the first administrator, for its owner to read
config.json      identity, secret, administrators (hashed)
databases/       a file for each database
format           the version of this layout
lock             held while a store is alive
settings.json    limits that are not the usual ones, if the owner wrote some; see settings.py
store.json       where a live store is reached
views/           indexes
"""

import fcntl
import json
import os
import secrets
from pathlib import Path
from typing import Any
from uuid import uuid4

from crashfarm.errors import ConfigError
from server.store import auth

#: 2: bodies of documents may be packed.
FORMAT = 2


class DataFolder:
    """A folder that this process alone uses, until `release`."""

    def __init__(self, path: Path, admin: str) -> None:
        self.path = path
        self.admin = admin
        self.password_file = path / "admin-password"
        self._address = path / "store.json"
        _make(path)
        self._lock = _lock(path)
        try:
            _check_format(path / "format")
            self.config = self._load_config(admin)
        except BaseException:
            os.close(self._lock)
            raise

    def announce(self, url: str, version: str) -> None:
        """Say where the store is reached."""
        write_private(self._address, json.dumps({"url": url, "pid": os.getpid(), "version": version}))

    def withdraw(self) -> None:
        """The store is not reached any more."""
        self._address.unlink(missing_ok=True)

    def release(self) -> None:
        """The store has stopped."""
        self.withdraw()
        os.close(self._lock)

    def _load_config(self, admin: str) -> dict[str, Any]:
        file = self.path / "config.json"
        config: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
        if admin in config.get("admins", {}):
            return config
        # The password is written first: a start that is killed in between makes the hash of the same one.
        if not self.password_file.exists():
            write_private(self.password_file, secrets.token_urlsafe(24) + "\n")
        password = self.password_file.read_text().strip()
        config.setdefault("uuid", uuid4().hex)
        config.setdefault("secret", secrets.token_hex(32))
        config.setdefault("admins", {})[admin] = auth.hash_admin(password)
        write_private(file, json.dumps(config, indent=1))
        return config


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner reads; it is there whole or not at all."""
    draft = path.with_name(path.name + ".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(path)


def _make(path: Path) -> None:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.chmod(0o700)
    except OSError as error:
        raise ConfigError(f"the data folder {path} cannot be used: {error.strerror}") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise ConfigError(f"the data folder {path} is not writable")


def _lock(path: Path) -> int:
    try:
        descriptor = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ConfigError(f"the data folder {path} is not writable: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise ConfigError(f"another store uses the data folder {path}") from error
    return descriptor


def _check_format(file: Path) -> None:
    if not file.exists():
        write_private(file, f"{FORMAT}\n")
    text = file.read_text().strip()
    if not text.isdigit():
        raise ConfigError(f"{file} does not say which format the data folder has")
    if int(text) > FORMAT:
        raise ConfigError(f"the data folder {file.parent} has format {text}; this version knows up to {FORMAT}")
    if int(text) < FORMAT:
        # What is there can be read; what is written from now on is not for an older version.
        write_private(file, f"{FORMAT}\n")
