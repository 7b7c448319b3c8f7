"""Text that anybody may have written, shown."""

from hypothesis import given
from hypothesis import strategies as st

from server.report import text


def test_plain_text_stays_whole() -> None:
    """Line breaks and letters of any script are not touched."""
    assert text.plain("a\tb\nc äß 漢字 🙂") == "a\tb\nc äß 漢字 🙂"


def test_what_draws_nothing_is_named() -> None:
    """An override of direction cannot turn a name around."""
    assert text.pieces("a\u202eb") == [
        text.Piece("a"),
        text.Piece("", "U+202E", "RIGHT-TO-LEFT OVERRIDE"),
        text.Piece("b"),
    ]
    assert text.plain("\x1b[31m\x00\ud800") == "[U+001B][31m[U+0000][U+D800]"


def test_a_long_text_is_cut_and_says_how_long_it_was() -> None:
    """Nobody takes a part for the whole."""
    assert text.plain("x" * 10_000, 5) == "xxxxx… (10,000 characters)"
    assert text.plain("x" * 5, 5) == "xxxxx"


@given(st.text())
def test_pieces_lose_nothing_visible(anything: str) -> None:
    """Hidden characters are replaced by their names and nothing else changes."""
    found = text.pieces(anything)
    again = "".join(chr(int(piece.code[2:], 16)) if piece.code else piece.text for piece in found)
    assert again == anything


@given(st.text())
def test_a_slug_is_a_harmless_file_name(anything: str) -> None:
    """It holds neither a slash nor a dot in front."""
    slug = text.slug(anything)
    assert slug.isascii() and "/" not in slug and not slug.startswith(".") and len(slug) <= 40
