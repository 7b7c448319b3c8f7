"""Takes out of texts and paths what differs between two runs of one bug: addresses, ids, hashes, numbers, folders."""

import posixpath
import re

MAX_MESSAGE = 256
"""Characters of a message that are kept."""

_ADDRESS = re.compile(r"\b0x[0-9a-fA-F`]+\b|\b[0-9a-fA-F]{8}`[0-9a-fA-F]{8}\b")
_UUID = re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b")
_HASH = re.compile(r"\b(?=[0-9a-fA-F]*[0-9])(?=[0-9a-fA-F]*[a-fA-F])[0-9a-fA-F]{8,64}\b")
_NUMBER = re.compile(r"(?<![\w.-])-?\d+(?:\.\d+)?(?!\w)")
_FOLDERS = re.compile(r"(?<![\w.:/])(?:[A-Za-z]:)?(?:[\\/][\w.+@~%-]{1,64}){1,32}[\\/](?=[\w.+@~%-])")
_SPACES = re.compile(r"\s+")

_LIBRARY = re.compile(
    r".*/(?:node_modules/|(?:lib(?:64)?/(?:python|pypy)[\d.]+t?|Lib|python3\d*\.zip)/(?:(?:site|dist)-packages/)?)"
)
_CHECKOUT = re.compile(
    r".*/(?:mozilla-(?:central|release|beta|inbound|unified|esr\d+)|(?:obj|objdir)-[^/]*|build(?:er)?/src|out/[^/]+"
    r"|(?:checkouts?|repos?|repositories|execroot|workspace)/[^/]+|rustc/[0-9a-f]+|proc/self/cwd|index\.crates\.io-[0-9a-f]+)/(?=[^/])"
)
_SOURCES = re.compile(r"^.*?/(?:src|sources?|build)/(?=[^/])")
_LEADING = re.compile(r"(?:[A-Za-z]:)?/?(?:(?:\.\.?|proc/self/cwd)/)*")
_VOLATILE = re.compile(r"\d{3}|[0-9a-f]{8}|^te?mp|^home$|^root$|^Users$|^\w{1,2}$|[-_][A-Za-z0-9_]*\d", re.IGNORECASE)


def message(text: str) -> str:
    """A message without what varies: addresses, hashes, numbers, the folders of paths; at most `MAX_MESSAGE` long."""
    text = _ADDRESS.sub("ADDR", _UUID.sub("ID", text[: 4 * MAX_MESSAGE]))
    text = _FOLDERS.sub("", _HASH.sub("ID", text))
    return _clip(_NUMBER.sub("N", text))


def expression(text: str) -> str:
    """An asserted expression: its numbers are part of it, addresses are not."""
    return _clip(_ADDRESS.sub("ADDR", text[: 4 * MAX_MESSAGE]))


def source_path(path: str) -> str:
    """A source file's path without the folders that differ between machines, and with forward slashes."""
    path = path.strip().replace("\\", "/")
    if not path.startswith("/") and path[1:3] != ":/":
        return _LEADING.sub("", posixpath.normpath(path), count=1) if path else ""
    for roots in (_CHECKOUT, _SOURCES):
        inside = roots.sub("", path, count=1)
        if inside != path:
            return inside
    parent, _, name = path.rpartition("/")
    folder = parent.rpartition("/")[2]
    return name if not folder or _VOLATILE.search(folder) else f"{folder}/{name}"


def script_path(path: str) -> str:
    """A script's path: inside a library the part behind its root, otherwise the file's own name."""
    path = path.strip().replace("\\", "/")
    inside = _LIBRARY.sub("", path)
    if inside != path:
        return inside
    parent, _, name = path.rpartition("/")
    return f"{parent.rpartition('/')[2]}/{name}" if name in ("__init__.py", "__main__.py") and parent else name


def spaces(text: str) -> str:
    """A text with single spaces between its words."""
    return _SPACES.sub(" ", text).strip()


def _clip(text: str) -> str:
    return spaces(text)[:MAX_MESSAGE]
