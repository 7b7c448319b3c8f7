"""What templates do with values."""

from markupsafe import Markup

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
