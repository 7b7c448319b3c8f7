"""Values in, files out: the templates, the static files, and the folder that they go to."""

import hashlib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Any

import jinja2

from server.report import text
from server.report.frames import folded
from server.report.model import BranchLine, Farm, count

MAX_SQUARES = 24
"""Branches that a list draws a square for."""


class Pages:
    """Writes the pages of one report into a folder."""

    def __init__(self, folder: Path, farm: Farm, branches: Sequence[BranchLine]) -> None:
        self.folder = folder
        self._assets = _copy_assets(folder)
        self._templates = _environment(farm, self._assets)
        # Lists draw a square for each branch, as long as that is a picture and the names are of one product.
        few = len(branches) <= MAX_SQUARES and len({line.product for line in branches}) == 1
        self._templates.globals["branches"] = [line.branch for line in branches] if few else []

    def write(self, template: str, path: str, **values: Any) -> None:
        """Render a template into the file of that path, which is relative to the report's folder."""
        root = "../" * (len(PurePosixPath(path).parts) - 1)
        page = self._templates.get_template(template).render(values, root=root, here=path)
        self.put(path, page.encode("utf-8", errors="backslashreplace"))

    def put(self, path: str, content: bytes) -> None:
        """Write a file of that path, which is relative to the report's folder."""
        target = self.folder / path
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(content)


def _environment(farm: Farm, assets: Mapping[str, str]) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("server.report"),
        autoescape=jinja2.select_autoescape(disabled_extensions=("txt.j2",), default=True),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "pieces": text.pieces,
        "plain": text.plain,
        "count": count,
        "moment": _moment,
        "folded": folded,
    }
    environment.globals |= {"farm": farm, "assets": assets}
    return environment


def _moment(when: str) -> str:
    """A document's time as people read it, to the minute, in UTC."""
    return when[:16].replace("T", " ")


def _copy_assets(folder: Path) -> dict[str, str]:
    """Write the static files, each under a name that changes with its content; tells the names."""
    (folder / "static").mkdir()
    names = {}
    for source in resources.files("server.report").joinpath("static").iterdir():
        content = source.read_bytes()
        stem, dot, suffix = source.name.rpartition(".")
        names[source.name] = f"static/{stem}.{hashlib.sha256(content).hexdigest()[:10]}{dot}{suffix}"
        (folder / names[source.name]).write_bytes(content)
    return names
