"""Showing text that anybody may have written: what cannot be seen is named, what is too long is cut and said so."""

import unicodedata
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from crashfarm.ordering import natural as natural

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Unicode's categories of characters that draw nothing, or that change how their neighbours are drawn."""


class Piece(NamedTuple):
    """A stretch of text. `code` is empty for plain text, else it names the one hidden character that stood there."""

    text: str
    code: str = ""
    name: str = ""


def pieces(text: str, limit: int = 0) -> list[Piece]:
    """The text in pieces: plain stretches and hidden characters. Beyond `limit` characters (0: none) it is cut."""
    cut = _cut(text, limit)
    # Nearly all text is harmless, and told so a hundred times faster than character by character.
    if harmless(cut):
        found = [Piece(cut)]
    else:
        found = [piece for hidden, same in groupby(cut, _is_hidden) for piece in _pieces_of(hidden, same)]
    if len(cut) < len(text):
        found.append(Piece(f"… ({len(text):,} characters)"))
    return found


def plain(text: str, limit: int = 0) -> str:
    """The same as one text, for where there can be no markup: titles, attributes, pictures."""
    if len(text) <= (limit or len(text)) and harmless(text):
        return text
    return "".join(f"[{piece.code}]" if piece.code else piece.text for piece in pieces(text, limit))


def slug(text: str) -> str:
    """The letters, digits, dots and dashes of a text, for a readable file name; possibly nothing."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "-.") else "-" for c in text)[:40].strip("-.")


def _cut(text: str, limit: int) -> str:
    return text if not limit or len(text) <= limit else text[:limit]


def harmless(text: str) -> bool:
    """Whether nothing in it is hidden."""
    return text.isprintable() or text.replace("\n", "").replace("\t", "").isprintable()


def _is_hidden(character: str) -> bool:
    return character not in "\n\t" and unicodedata.category(character) in _HIDDEN


def _pieces_of(hidden: bool, same: Iterator[str]) -> Iterator[Piece]:
    if not hidden:
        yield Piece("".join(same))
        return
    for character in same:
        yield Piece("", f"U+{ord(character):04X}", unicodedata.name(character, "control character"))
