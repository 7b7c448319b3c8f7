"""Tables of numbers as pictures: pygal draws, and what it adds for scripts and tooltips is taken out again."""

import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator

import pygal
from pygal.style import Style

from crashfarm.documents.finding import Kind
from crashfarm.documents.job import JobResult
from server.report.model import Chart, Table

# pygal adds an importer of the old kind, for its maps, to the whole process, and Python warns of it ever after.
sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)]

MAX_SERIES = 7
"""Colours that can be told apart."""

_NAMED = {*Kind, *JobResult}
"""What has a colour of its own, the same in every chart."""

_STYLE = Style(font_family="inherit", label_font_size=15, major_label_font_size=15, legend_font_size=15)


def bars(name: str, table: Table) -> Chart:
    """One horizontal bar for each row, its columns stacked."""
    height = 60 + 46 * len(table.rows) + 30 * _legend_rows(table)
    return Chart(name, table, _draw(name, table, pygal.HorizontalStackedBar, height))


def columns(name: str, table: Table) -> Chart:
    """One upright bar for each row, its columns stacked: for days."""
    return Chart(name, table, _draw(name, table, pygal.StackedBar, 270 + 30 * _legend_rows(table)))


def _draw(name: str, table: Table, kind: type, height: int) -> str:
    upright = kind is pygal.StackedBar
    chart = kind(
        width=640,
        height=height,
        style=_STYLE,
        js=(),
        css=(),
        margin=4,
        margin_bottom=14,
        spacing=10,
        legend_at_bottom=True,
        legend_at_bottom_columns=4,
        legend_box_size=14,
        truncate_label=16,
        truncate_legend=14,
        show_x_guides=not upright,
        show_y_guides=upright,
        x_labels_major_every=max(1, len(table.rows) // 6) if upright else None,
        show_minor_x_labels=not upright,
        rounded_bars=2,
    )
    chart.uuid = name
    # pygal draws horizontal bars from the bottom up.
    rows = table.rows if upright else table.rows[::-1]
    chart.x_labels = [label for label, _ in rows]
    chart.y_labels = _ticks(max((sum(numbers) for _, numbers in rows), default=0))
    for at, column in enumerate(table.columns):
        chart.add(column, [numbers[at] for _, numbers in rows])
    return _clean(chart.render_tree(), name, table)


def _ticks(highest: int) -> list[int]:
    """About five round numbers from nothing to a little above the highest."""
    step = next(s * 10**power for power in range(12) for s in (1, 2, 5) if s * 10**power * 5 >= max(highest, 1))
    return list(range(0, highest + step, step))


def _legend_rows(table: Table) -> int:
    return -(-len(table.columns) // 4)


def _clean(tree: ET.Element, name: str, table: Table) -> str:
    """The drawing alone: no scripts, no styles of its own, nothing for tooltips; a title for who cannot see it."""
    for parent in list(tree.iter()):
        for child in [child for child in parent if _is_extra(child)]:
            parent.remove(child)
    for element in tree.iter():
        element.attrib.pop("id", None)
        element.attrib.update({"class": _colour(element, table)} if element.get("class") else {})
    title = ET.Element("title", {"id": f"{name}-title"})
    title.text = table.title
    tree.insert(0, title)
    tree.attrib.update({"role": "img", "aria-labelledby": f"{name}-title"})
    return ET.tostring(tree, encoding="unicode")


def _colour(element: ET.Element, table: Table) -> str:
    """The element's classes, with the series' colour named for what it shows: the same kind, the same colour."""
    names = {f"color-{at}": f"color-{at} of-{column}" for at, column in enumerate(table.columns) if column in _NAMED}
    return " ".join(names.get(name, name) for name in _classes(element))


_EXTRA_TAGS = {"defs", "script", "style", "title", "desc"}
_EXTRA_CLASSES = {"background", "tooltip-overlay", "tooltip", "titles"}


def _is_extra(element: ET.Element) -> bool:
    # The tag of a comment is a function.
    return str(element.tag) in _EXTRA_TAGS or callable(element.tag) or bool(_EXTRA_CLASSES & {*_classes(element)})


def _classes(element: ET.Element) -> Iterator[str]:
    return iter(element.get("class", "").split())
