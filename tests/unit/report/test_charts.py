"""Charts are pictures, and nothing but."""

import xml.etree.ElementTree as ET

from server.report import charts
from server.report.model import Table

ROWS = (("3.12", (3, 0)), ("3.13 <script>", (2, 5)))


def drawn(table: Table) -> ET.Element:
    """The picture of a table's rows as bars."""
    return ET.fromstring(charts.bars("some", table).svg)  # noqa: S314 our own picture


def test_a_picture_holds_no_script_no_style_and_loads_nothing() -> None:
    """Labels that look like markup are text."""
    svg = charts.bars("some", Table("Title", "Branch", ("crash", "<b>"), ROWS)).svg
    tree = drawn(Table("Title", "Branch", ("crash", "<b>"), ROWS))
    assert {element.tag.rpartition("}")[2] for element in tree.iter()} <= {"svg", "title", "g", "rect", "path", "text"}
    assert "http" not in svg.replace("http://www.w3.org/", "")
    assert "3.13 &lt;script&gt;" in svg


def test_a_picture_says_its_title_to_those_who_cannot_see_it() -> None:
    """The title is the picture's label."""
    tree = drawn(Table("What fell", "Branch", ("crash",), (("a", (1,)),)))
    title = next(iter(tree))
    assert (title.text, title.get("id"), tree.get("role")) == ("What fell", tree.get("aria-labelledby"), "img")


def test_a_kind_has_its_own_colour_and_other_names_do_not() -> None:
    """The same kind has the same colour whatever else is in the chart."""
    svg = charts.bars("some", Table("Title", "Branch", ("hang", "main"), ROWS)).svg
    assert "of-hang" in svg
    assert "of-main" not in svg


def test_bars_are_as_long_as_their_numbers() -> None:
    """Twice the number, twice the length."""
    tree = drawn(Table("Title", "Branch", ("crash",), (("a", (2,)), ("b", (4,)))))
    widths = sorted(float(e.get("width", "0")) for e in tree.iter() if "rect" in e.get("class", "").split())
    assert widths[1] == 2 * widths[0] > 0


def test_the_same_numbers_give_the_same_picture() -> None:
    """A report in which nothing changed is the same to the byte."""
    table = Table("Title", "Day", ("a", "b"), ROWS)
    assert charts.columns("days", table) == charts.columns("days", table)


def test_a_chart_of_zeros_can_be_drawn() -> None:
    """Nothing found yet is no error."""
    assert drawn(Table("Title", "Branch", ("crash",), (("a", (0,)),))) is not None
