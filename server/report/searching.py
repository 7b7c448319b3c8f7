"""What the search page searches in: a script, for a page from a file may not read other files."""

import json

from server.report.lists import Lists
from server.report.pages import Pages
from server.report.scratch import Tables
from server.report.text import plain

START = "var crashfarmIndex = [\n"


def write(pages: Pages, tables: Tables) -> None:
    """Write the index of all signatures. It is ASCII, so that JSON is JavaScript in whatever encoding it is read."""
    with (pages.folder / "search-index.js").open("w", encoding="ascii") as out:
        out.write(START)
        for line in Lists(tables, pages.farm.since).lines():
            text = plain(f"{line.headline}\n{line.title} {line.detail}", 400)
            row = [line.name, text, line.kind, line.findings, plain(", ".join(line.branches), 200)]
            out.write(json.dumps(row) + ",\n")
        out.write("];\n")
