"""The design documents as the folders hold them: `views/<design>/<view>/…` and `couchapp/<design>/…`."""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath
from typing import Any

import msgspec

from crashfarm.errors import ConfigError

Json = dict[str, Any]

STATUS = "status"
HISTORY = "history"
DOOR = "door"

PLACES: Mapping[str, tuple[str, ...]] = {
    "documents": (STATUS, HISTORY),
    "conflicts": (STATUS, HISTORY),
    "jobs": (STATUS,),
    "queue": (STATUS,),
    "workers": (STATUS,),
    "dashboard": (STATUS, DOOR),
    "door": (DOOR,),
    "crash_type": (HISTORY,),
    "recent": (HISTORY,),
    "results": (HISTORY,),
    "shown": (HISTORY,),
    "signatures": (HISTORY,),
    "tuples": (HISTORY,),
}
"""Which of the farm's databases each design document belongs to: the two of its documents, or its door.

The door, `<farm>-door`, holds the dashboard's pages and no data, and is open to strangers: CouchDB shows no page of a
closed database to somebody who has not signed in, not even the one to sign in on.
"""

BUILTIN_REDUCES = frozenset({"_approx_count_distinct", "_count", "_stats", "_sum"})

MARK = "crashfarm"
"""The member of a design document that says it was pushed, with the digest of its sources."""

_FOLDERS = ("filters", "updates")
_VALIDATION = "validate_doc_update.js"

_FIRST_PAGE = "index.html"
"""The file that makes a folder of couchapp/ a site: all that is in it are attachments."""

CONTENT_TYPES: Mapping[str, str] = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
"""How the files of a site are served, by their suffix."""


class Attachment(msgspec.Struct, frozen=True):
    """A file that a design document carries."""

    content_type: str
    content: bytes


def attachment(name: str, content: bytes) -> Attachment:
    """A file of that name. Raises KeyError for a suffix that no site uses."""
    return Attachment(CONTENT_TYPES[PurePosixPath(name).suffix], content)


class Design(msgspec.Struct, frozen=True):
    """A design document: its name, the databases it belongs to, its members but for the id, and its attachments."""

    name: str
    places: tuple[str, ...]
    members: Json
    attachments: Mapping[str, Attachment] = {}

    @property
    def id(self) -> str:
        """`_design/<name>`."""
        return f"_design/{self.name}"

    @property
    def views(self) -> tuple[str, ...]:
        """The names of its views."""
        return tuple(self.members.get("views", {}))

    def doc(self) -> Json:
        """The design document as it is to be, but for its attachments."""
        return {"_id": self.id, **_marked(self.members, self.attachments)}

    def full(self) -> Json:
        """The design document with the contents of its attachments."""
        files = {name: _as_json(file) for name, file in self.attachments.items()}
        return self.doc() | ({"_attachments": files} if files else {})

    def staged(self) -> "Design":
        """What builds the same views beside the live ones; validation and all else must not act before its time."""
        views = {"views": self.members["views"]} if self.views else {}
        return Design(f"{self.name}-staged", self.places, {"language": "javascript", **views})


def load() -> list[Design]:
    """The design documents that are shipped with this program."""
    return read(resources.files("views"), resources.files("couchapp"))


def read(views: Traversable, couchapp: Traversable, places: Mapping[str, tuple[str, ...]] = PLACES) -> list[Design]:
    """The design documents in two folders. Raises ConfigError, naming the file, for what has no meaning there."""
    made: dict[str, Json] = {}
    sites: dict[str, dict[str, Attachment]] = {}
    for folder in _folders(views):
        made[folder.name] = {"views": {view.name: _read_view(view, folder.name) for view in _folders(folder)}}
    for folder in _folders(couchapp):
        if folder.name in made:
            raise ConfigError(f"couchapp/{folder.name}: views/ has a design document of that name, too")
        if folder.joinpath(_FIRST_PAGE).is_file():
            made[folder.name], sites[folder.name] = {}, dict(_read_site(folder, f"couchapp/{folder.name}"))
        else:
            made[folder.name] = _read_application(folder)
    if strays := sorted(made.keys() - places.keys()):
        raise ConfigError(
            f"design document {strays[0]!r}: server/deploy/sources.py does not say which database it is of"
        )
    return [
        Design(name, places[name], {"language": "javascript", **members}, sites.get(name, {}))
        for name, members in sorted(made.items())
    ]


def _read_view(folder: Traversable, design: str) -> Json:
    where = f"views/{design}/{folder.name}"
    texts = {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()}
    if strays := sorted(texts.keys() - {"map.js", "reduce"}):
        raise ConfigError(f"{where}/{strays[0]}: a view has the files map.js and reduce, and no others")
    if "map.js" not in texts:
        raise ConfigError(f"{where}: there is no map.js")
    if "reduce" not in texts:
        return {"map": texts["map.js"]}
    reduce = texts["reduce"].strip()
    if reduce not in BUILTIN_REDUCES:
        raise ConfigError(f"{where}/reduce: {reduce[:40]!r} is none of {', '.join(sorted(BUILTIN_REDUCES))}")
    return {"map": texts["map.js"], "reduce": reduce}


def _read_application(folder: Traversable) -> Json:
    members: Json = {}
    for entry in folder.iterdir():
        if entry.name == _VALIDATION:
            members["validate_doc_update"] = entry.read_text(encoding="utf-8")
        elif entry.name in _FOLDERS and entry.is_dir():
            members[entry.name] = _read_functions(entry, folder.name)
        else:
            known = ", ".join((_VALIDATION, *(f"{name}/" for name in _FOLDERS)))
            raise ConfigError(f"couchapp/{folder.name}/{entry.name}: not one of {known}")
    return members


def _read_site(folder: Traversable, where: str, prefix: str = "") -> Iterator[tuple[str, Attachment]]:
    """The files of a site by their names, which have slashes where they lie in folders of it."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _read_site(entry, f"{where}/{entry.name}", f"{prefix}{entry.name}/")
        elif PurePosixPath(entry.name).suffix in CONTENT_TYPES:
            yield prefix + entry.name, attachment(entry.name, entry.read_bytes())
        else:
            raise ConfigError(f"{where}/{entry.name}: a site has files of the kinds {', '.join(CONTENT_TYPES)} only")


def _read_functions(folder: Traversable, design: str) -> dict[str, str]:
    files = sorted(folder.iterdir(), key=lambda file: file.name)
    if strays := [file.name for file in files if not file.name.endswith(".js")]:
        raise ConfigError(f"couchapp/{design}/{folder.name}/{strays[0]}: only .js files belong here")
    return {file.name.removesuffix(".js"): file.read_text(encoding="utf-8") for file in files}


def _folders(parent: Traversable) -> Iterator[Traversable]:
    for entry in sorted(parent.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir() and entry.name != "__pycache__":
            yield entry


def _marked(members: Json, attachments: Mapping[str, Attachment]) -> Json:
    text = json.dumps(members, sort_keys=True)
    digest = hashlib.sha256(text.encode())
    for name, file in sorted(attachments.items()):
        digest.update(f"\0{name}\0{file.content_type}\0{len(file.content)}\0".encode() + file.content)
    return {**members, MARK: {"digest": digest.hexdigest()}}


def _as_json(file: Attachment) -> Json:
    return {"content_type": file.content_type, "data": base64.b64encode(file.content).decode()}
