"""Rows as text: in columns that are folded at a terminal's edge, as JSON or as CSV; each written as rows come."""

import csv
import functools
import itertools
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TextIO

from rich.cells import cell_len, chop_cells

Row = Sequence[Any]

PAGE = 1000
"""Rows that are laid out together, in columns as wide as these and those before ask for: no more are ever held."""

WIDEST = 120
"""To which width a column is filled up in a pipe: a longer text stands out, and does not move the other rows."""

NARROWEST = 6
"""Below this width nobody reads a folded column: then lines are left to the terminal as they are."""

GAP = "  "

_NAMED = {"\n": "\\n", "\t": "\\t"}

_FORMULA = ("=", "+", "-", "@")
"""How a text begins that spreadsheets compute, after whatever blanks."""


def visible(text: str, keep: str = "\n\t") -> str:
    """The text with control characters, but for those to keep, shown, so that data cannot speak to the terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else _NAMED.get(c) or f"\\x{ord(c):02x}" for c in text)


def lines(columns: Sequence[str], rows: Iterable[Row], room: int | None) -> Iterator[str]:
    """A table line by line, first the columns' names; `room` is the width of a terminal, which it has to fit into."""
    widths = [0] * len(columns)
    source = iter(itertools.chain([columns], rows))
    while page := [tuple(map(_cell, row)) for row in itertools.islice(source, PAGE)]:
        asked = (max(map(cell_len, cells)) for cells in zip(*page, strict=True))
        widths = [max(pair) for pair in zip(widths, asked, strict=True)]
        fitting = _fitting(widths, room)
        for row in page:
            yield from _folded(row, fitting) if fitting else [_line(row, [min(one, WIDEST) for one in widths])]


def write_json(columns: Sequence[str], rows: Iterable[Row], out: TextIO) -> None:
    """An array of objects whose members are the columns, a line for each. Of equal names later ones are numbered."""
    names, before = _told_apart(columns), "[\n "
    for row in rows:
        members = dict(zip(names, map(_jsonable, row), strict=True))
        out.write(before + json.dumps(members, default=str))
        before = ",\n "
    out.write("[]\n" if before.startswith("[") else "\n]\n")


def write_csv(columns: Sequence[str], rows: Iterable[Row], out: TextIO) -> None:
    """For spreadsheets: a text that they would compute has an apostrophe in front, control characters are shown."""
    writer = csv.writer(out)
    writer.writerow(map(_tame, columns))
    writer.writerows(map(_tame, row) for row in rows)


def _told_apart(columns: Sequence[str]) -> list[str]:
    seen: Counter[str] = Counter()
    names = []
    for name in columns:
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return names


def _jsonable(cell: Any) -> Any:
    # JSON has no such numbers.
    return str(cell) if isinstance(cell, float) and not math.isfinite(cell) else cell


def _tame(cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell
    shown = visible(cell)
    return f"'{shown}" if shown.lstrip().startswith(_FORMULA) else shown


def _cell(cell: Any) -> str:
    return "" if cell is None else _on_one_line(str(cell))


@functools.lru_cache(10_000)
def _on_one_line(text: str) -> str:
    # A text with a line break could pass for a row.
    return visible(text, keep="")


def _fitting(widths: Sequence[int], room: int | None) -> list[int]:
    """The widths at which a table fits, the widest columns cut to one width; none if it need not, or cannot, fold."""
    gaps = len(GAP) * (len(widths) - 1)
    if room is None or sum(widths) + gaps <= room:
        return []
    for most in range(max(widths), NARROWEST - 1, -1):
        cut = [min(one, most) for one in widths]
        if sum(cut) + gaps <= room:
            return cut
    return []


def _folded(row: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    pieces = (chop_cells(cell, width) for cell, width in zip(row, widths, strict=True))
    return (_line(cells, widths) for cells in itertools.zip_longest(*pieces, fillvalue=""))


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    filled = (cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True))
    return GAP.join(filled).rstrip()
