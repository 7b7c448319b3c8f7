"""What templates do with values."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from server.report.model import Ask
from server.report.templating import environment


class Drawn:
    """Something that knows how it looks as markup."""

    def __html__(self) -> str:
        return "<i>drawn</i>"


def test_all_that_is_no_markup_is_escaped() -> None:
    """A text, a number, something that is drawn, and markup, which stands as it is."""
    template = environment().from_string("{{ text }} {{ number }} {{ drawn }} {{ markup }}")
    shown = template.render(text="<b>", number=7, drawn=Drawn(), markup=Markup("<p>"))
    assert shown == "&lt;b&gt; 7 <i>drawn</i> <p>"


def test_markup_is_not_made_anew() -> None:
    """Most of a page is made of parts that are markup already: each compiled template passes them on as they are."""
    part = Markup("<p>")
    compiled = environment().get_template("signature.html.j2").root_render_func.__globals__
    assert compiled["escape"](part) is part


@pytest.mark.parametrize("limit", [0, 2, 5_000])
@pytest.mark.parametrize("times", [1, 500])
@pytest.mark.parametrize("text", ["<script>", "&\"'", "\u202e<b>", "<b>\n"])
@pytest.mark.parametrize(
    "shown",
    [
        f"{text}|{name}"
        for text in ("text", "(text ~ '')", "'<i>'")
        for name in ("show(limit)", "label(limit)", "time", "kind", "source", "source(text)", "place(text, text)")
    ]
    + ["'more'|tile(text, text)", "[ask]|questions"],
)
def test_what_is_not_looked_at_again_has_been_escaped(shown: str, text: str, times: int, limit: int) -> None:
    """By the filter itself: of a text, of one that is known when the template is compiled, of a long one."""
    values = {"text": text * times, "limit": limit, "ask": Ask(text, text, text)}
    page = environment().from_string(f"{{{{ {shown} }}}}").render(values).replace("farm's", "")
    left = re.sub(r"</?(?:bdi|time|span|a|div|dt|dd|dl|pre|code|aside|h2|p)(?: [\w-]+=\"[^\"<>]*\")*>", "", page)
    assert not {*left} & {*"<>\"'"}, left


ANY = st.text(max_size=30) | st.text("&<>\"'ab/:.\n\t\u202e\xad", max_size=30)
TIMES = st.datetimes().map(lambda when: when.strftime("%Y-%m-%dT%H:%M:%SZ"))


def part(name: str, template: str = "_small.j2") -> Any:
    """A macro, as it is written."""
    return getattr(environment().get_template(template).module, name)


@given(text=ANY, limit=st.sampled_from([0, 5]))
def test_text_is_shown_fast_as_it_would_be_slowly(text: str, limit: int) -> None:
    """Whatever it is made of."""
    assert environment().filters["show"](text, limit) == part("show", "_text.j2")(text, limit)


@given(when=TIMES | ANY | TIMES.flatmap(lambda when: ANY.map(lambda text: when + text)))
def test_times_are_shown_fast_as_they_would_be_slowly(when: str) -> None:
    """Also what is none."""
    assert environment().filters["time"](when) == part("time")(when)


@given(found=st.lists(st.builds(Ask, ANY, ANY, ANY), max_size=3), more=st.just("") | ANY.map(Markup))
def test_commands_are_shown_fast_as_they_would_be_slowly(found: list[Ask], more: str) -> None:
    """With what stands behind them."""
    assert environment().filters["questions"](found, more) == part("questions")(found, more)


def test_each_character_is_shown_fast_as_it_would_be_slowly() -> None:
    """Between others that are plain."""
    for code in range(0x300):
        text = f"a{chr(code)}b"
        assert environment().filters["show"](text) == part("show", "_text.j2")(text), text
