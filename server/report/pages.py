"""Values in, files out: the templates, the static files, and the folder that they go to."""

import functools
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Any

import jinja2
from markupsafe import Markup, escape

import crashfarm
from server.report import text
from server.report.filing import bug_text
from server.report.frames import folded
from server.report.model import BranchLine, Farm, count
from server.report.sparkline import sparkline

MAX_SQUARES = 24
"""Branches that a list draws a square for."""

LONG = 1000
"""Characters from which on a text is shown without remembering how."""

SHOWN = 10_000
"""Texts that are remembered as they were shown: names come again and again."""


class Pages:
    """Writes the pages of one report into a folder."""

    def __init__(self, folder: Path, before: Path, farm: Farm, branches: Sequence[BranchLine]) -> None:
        self.folder = folder
        self._before = before
        assets = self._copy_assets()
        self._common = {"farm": farm, "assets": assets}
        self.look = _look(assets)
        # Lists draw a square for each branch, as long as that is a picture and the names are of one product.
        few = len(branches) <= MAX_SQUARES and len({line.product for line in branches}) == 1
        self._common["branches"] = [(line.branch, text.plain(line.branch, 40)) for line in branches] if few else []

    def write(self, template: str, path: str, **values: Any) -> None:
        """Render a template into the file of that path, which is relative to the report's folder."""
        root = "../" * (len(PurePosixPath(path).parts) - 1)
        page = _templates().get_template(template).render(self._common, **values, root=root, here=path)
        self.put(path, page.encode("utf-8", errors="backslashreplace"))

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
        if not self.keep(path, content):
            target = self.folder / path
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(content)

    def keep(self, path: str, content: bytes | None = None) -> bool:
        """Take a file over from the report before, if it is there and, unless `content` is None, holds just that."""
        old, new = self._before / path, self.folder / path
        new.parent.mkdir(exist_ok=True)
        try:
            if content is not None and (old.stat().st_size != len(content) or old.read_bytes() != content):
                return False
            os.link(old, new)
        except OSError:
            # Not there, or on a file system without links: it is written.
            return False
        return True


@functools.cache
def _templates() -> jinja2.Environment:
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
        "bug_text": bug_text,
        "sparkline": sparkline,
    }
    environment.filters["show"] = _show(environment)
    return environment


def _show(environment: jinja2.Environment) -> Callable[..., Markup]:
    """The macro that shows text, less its cost for what pages are full of: short texts in which nothing is hidden."""
    macro: Callable[..., Markup] = environment.get_template("_text.j2").module.show  # type: ignore[attr-defined]
    before, after = str(macro("text")).split("text")

    @functools.lru_cache(SHOWN)
    def short(words: str) -> Markup:
        if not text.harmless(words):
            return macro(words)
        return Markup(f"{before}{escape(words)}{after}")  # noqa: S704 it is escaped, and the rest is the macro's

    def show(words: str, limit: int = 0) -> Markup:
        return short(words) if len(words) <= (limit or LONG) else macro(words, limit)

    return show


def _moment(when: str) -> str:
    """A document's time as people read it, to the minute, in UTC."""
    return when[:16].replace("T", " ")


def _look(assets: Mapping[str, str]) -> str:
    """A name for all that decides how a page looks, its data apart."""
    templates = resources.files("server.report").joinpath("templates").iterdir()
    sources = [source.read_text(encoding="utf-8") for source in sorted(templates, key=lambda source: source.name)]
    return hashlib.sha256("\0".join([crashfarm.__version__, *assets.values(), *sources]).encode()).hexdigest()
