"""Which CouchDB, which farm: from the environment, or from the data folder of the embedded store."""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

import msgspec

from crashfarm.database import TIMEOUT, Connection, Database
from crashfarm.errors import ConfigError

DEFAULT_FARM = "crashfarm"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the farm is. The password is never shown, logged or passed on a command line."""

    url: str
    user: str = ""
    password: str = ""
    farm: str = DEFAULT_FARM

    def __repr__(self) -> str:
        return f"Settings(url={self.url!r}, user={self.user!r}, farm={self.farm!r})"


class StoreAddress(msgspec.Struct, frozen=True):
    """What a running embedded store writes into `store.json` of its data folder."""

    url: str
    pid: int
    version: str
    user: str = "admin"


class Farm(msgspec.Struct, frozen=True):
    """The farm's two databases: `status` is what goes on now, `history` what happened."""

    connection: Connection
    status: Database
    history: Database


def connect(settings: Settings, timeout: float = TIMEOUT) -> Farm:
    """The farm that the settings name. Does not touch the network."""
    connection = Connection(settings.url, settings.user, settings.password, timeout)
    return Farm(connection, connection.database(settings.farm), connection.database(settings.farm + "-history"))


def data_folder(option: Path | None, environ: Mapping[str, str] = os.environ) -> Path:
    """The embedded store's folder: the option, else CRASHFARM_DATA, else the user's own data folder."""
    if option is not None:
        return option
    if named := environ.get("CRASHFARM_DATA"):
        return Path(named)
    base = environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local/share") / "crashfarm"


def names_a_server(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether COUCHDB_URL says where the farm is, so that no embedded store is wanted."""
    return bool(environ.get("COUCHDB_URL"))


def load(data: Path | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings in force: COUCHDB_URL if it is set, else the store that runs on the data folder.

    Raises ConfigError, which says what to set or to start.
    """
    farm = environ.get("CRASHFARM_FARM", DEFAULT_FARM)
    if url := environ.get("COUCHDB_URL"):
        return _from_url(url, farm, environ)
    return load_from_folder(data_folder(data, environ), farm)


def _from_url(url: str, farm: str, environ: Mapping[str, str]) -> Settings:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as exc:
        raise ConfigError(f"COUCHDB_URL is not a usable address: {exc}") from exc
    if parts.scheme not in {"http", "https"} or not host:
        raise ConfigError("COUCHDB_URL must look like http://host:5984/ or https://host/")
    netloc = f"[{host}]" if ":" in host else host
    bare = urlunsplit((parts.scheme, f"{netloc}:{port}" if port else netloc, parts.path, "", ""))
    user = unquote(parts.username or "") or environ.get("COUCHDB_USER", "")
    password = unquote(parts.password or "") or _password(environ)
    return Settings(url=bare, user=user, password=password, farm=farm)


def _password(environ: Mapping[str, str]) -> str:
    named = environ.get("COUCHDB_PASSWORD_FILE")
    if not named:
        return environ.get("COUCHDB_PASSWORD", "")
    try:
        return Path(named).read_text().strip()
    except OSError as exc:
        raise ConfigError(f"COUCHDB_PASSWORD_FILE: cannot read {named}: {exc.strerror}") from exc


def store_address(folder: Path) -> StoreAddress:
    """What the store that runs on a folder says of itself. Raises ConfigError if none does."""
    try:
        return msgspec.json.decode((folder / "store.json").read_bytes(), type=StoreAddress)
    except FileNotFoundError as exc:
        raise ConfigError(
            f"no store runs on {folder}: start one with 'crashfarm up', or set COUCHDB_URL to a CouchDB"
        ) from exc
    except (OSError, msgspec.DecodeError) as exc:
        raise ConfigError(f"cannot read the store's address in {folder}: {exc}") from exc


def load_from_folder(folder: Path, farm: str = DEFAULT_FARM) -> Settings:
    """The settings for the store that runs on a folder. Raises ConfigError if none does."""
    address = store_address(folder)
    try:
        password = (folder / "admin-password").read_text().strip()
    except OSError as exc:
        raise ConfigError(f"cannot read the store's password in {folder}: {exc.strerror}") from exc
    return Settings(url=address.url, user=address.user, password=password, farm=farm)
