"""Values in, files out: the templates, the static files, and the folder that they go to."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from markupsafe import Markup

import crashfarm
from server.report import templating, text
from server.report.model import BranchLine, Farm

MAX_SQUARES = 24
"""Branches that a list draws a square for."""

PIECES = 500
"""Pieces of a large file that are written at once."""


class Pages:
    """Writes the pages of one report into a folder."""

    def __init__(self, folder: Path, before: Path, farm: Farm, branches: Sequence[BranchLine]) -> None:
        self.folder = folder
        self.farm = farm
        self._before = before
        self._was_there = before.is_dir()
        self._rooms = {""}
        assets = self._copy_assets()
        self._common = {"farm": farm, "assets": assets}
        self.look = _look(assets)
        # Lists draw a square for each branch, as long as that is a picture and the names are of one product.
        few = len(branches) <= MAX_SQUARES and len({line.product for line in branches}) == 1
        self._common["branches"] = tuple((line.branch, text.plain(line.branch, 40)) for line in branches) if few else ()

    def write(self, template: str, path: str, **values: Any) -> None:
        """Render a template into the file of that path, which is relative to the report's folder."""
        page = templating.template(template).render(self._values(path, values))
        self.put(path, page.encode("utf-8", errors="backslashreplace"))

    def stream(self, template: str, path: str, **values: Any) -> None:
        """The same of a file that may be too large for memory, which is always written anew."""
        made = templating.template(template).stream(self._values(path, values))
        made.enable_buffering(PIECES)
        with open(f"{self._make_room(path)}/{path}", "wb") as target:
            made.dump(target, encoding="utf-8", errors="backslashreplace")

    def _values(self, path: str, values: Mapping[str, Any]) -> dict[str, Any]:
        return {**self._common, **values, "root": Markup("../") * path.count("/"), "here": path}

    def _copy_assets(self) -> dict[str, str]:
        """Write the static files, each under a name that changes with its content; tells the names."""
        names = {}
        for source in resources.files("server.report").joinpath("static").iterdir():
            content = source.read_bytes()
            stem, dot, suffix = source.name.rpartition(".")
            names[source.name] = f"static/{stem}.{hashlib.sha256(content).hexdigest()[:10]}{dot}{suffix}"
            self.put(names[source.name], content)
        return names

    def put(self, path: str, content: bytes) -> None:
        """Write a file of that path, which is relative to the report's folder.

        A file that was the same in the report before is that file again, so that copying programs pass it over.
        """
        if self.keep(path, content):
            return
        with open(f"{self._make_room(path)}/{path}", "wb") as target:
            target.write(content)

    def keep(self, path: str, content: bytes | None = None) -> bool:
        """Take a file over from the report before, if it is there and, unless `content` is None, holds just that."""
        if not self._was_there:
            return False
        old, new = f"{self._before}/{path}", f"{self._make_room(path)}/{path}"
        try:
            if content is not None and not _holds(old, content):
                return False
            os.link(old, new)
        except OSError:
            # Not there, or on a file system without links: it is written.
            return False
        return True

    def _make_room(self, path: str) -> Path:
        """The report's folder, in which there is now the one that the path is in."""
        room = path.rpartition("/")[0]
        if room not in self._rooms:
            (self.folder / room).mkdir(exist_ok=True)
            self._rooms.add(room)
        return self.folder


def _holds(path: str, content: bytes) -> bool:
    if os.stat(path).st_size != len(content):
        return False
    with open(path, "rb", buffering=0) as file:
        return file.read() == content


def _look(assets: Mapping[str, str]) -> str:
    """A name for all that decides how a page looks, its data apart."""
    templates = resources.files("server.report").joinpath("templates").iterdir()
    sources = [source.read_text(encoding="utf-8") for source in sorted(templates, key=lambda source: source.name)]
    return hashlib.sha256("\0".join([crashfarm.__version__, *assets.values(), *sources]).encode()).hexdigest()
