"""The lists of frames that tell nothing: data files, one for each reason.

A list's first line is a comment that gives the reason. A line `# Languages: ...` names the languages whose frames it
is for (`native` without it), a line `# Hides what stands above.` says that frames further in tell nothing either.
Every other line is a regular expression that is matched at the start of a frame's function, or of its file or module
where the line begins with `file ` or `module `. What may stand anywhere is asked for fastest where its line begins with
`.*` or `(?:.*/)?` and goes on with plain characters.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources

from crashfarm.documents.finding import Frame
from crashfarm.understand import beginnings

FIELDS = ("function", "file", "module")
"""What of a frame entries are matched with."""

SCOPE = "::"

_ANY_SCOPE = "(?:.*::)?"
_ANYTHING = re.compile(r"(?:\.\*|\(\?:\.\*/\)\?)(?![?+])")
"""How an entry begins that may stand anywhere in a text."""
_NEVER = "(?!)"


@dataclass(frozen=True, slots=True)
class Dropped:
    """Why a frame tells nothing: the list, the reason that stands at its head, and the entry that fits."""

    list: str
    reason: str
    entry: str
    #: True when what stands above the frame tells nothing either.
    hides: bool = False


@dataclass(frozen=True, slots=True)
class FrameList:
    """Entries by the field of a frame that they are matched with."""

    name: str
    reason: str
    languages: frozenset[str]
    hides: bool
    entries: dict[str, tuple[str, ...]]
    patterns: dict[str, re.Pattern[str]]

    def match(self, frame: Frame) -> Dropped | None:
        """The entry that fits a frame, if one does."""
        for field, pattern in self.patterns.items():
            text = getattr(frame, field)
            if text and pattern.match(text):
                entry = next(entry for entry in self.entries[field] if re.match(entry, text))
                return Dropped(self.name, self.reason, entry, self.hides)
        return None


@cache
def all_lists() -> tuple[FrameList, ...]:
    """Every list, by name."""
    folder = resources.files(__package__).joinpath("lists")
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".txt")), key=lambda file: file.name)
    return tuple(_parse(file.name.removesuffix(".txt"), file.read_text(encoding="utf-8")) for file in files)


@lru_cache(maxsize=4096)
def why_dropped(frame: Frame, language: str = "native") -> Dropped | None:
    """Why a frame tells nothing, or None when it does tell something; what hides others is asked first."""
    # Most frames are on no list, and told so at once.
    for field, text in zip(FIELDS, (frame.function, frame.file, frame.module), strict=True):
        if text and _listed(language, field, text[: beginnings.LENGTH], SCOPE in text)(text):
            return next((found for found in (one.match(frame) for one in _of_language(language)) if found), None)
    return None


@cache
def _of_language(language: str) -> tuple[FrameList, ...]:
    """The lists for a language, what hides others first."""
    return tuple(one for one in sorted(all_lists(), key=lambda one: not one.hides) if language in one.languages)


@lru_cache(maxsize=4096)
def _listed(language: str, field: str, begin: str, scoped: bool) -> Callable[[str], object]:
    """Finds in a text whether any entry may fit; `begin` are its first characters, `scoped` whether it has a `SCOPE`.

    Entries that cannot fit such a text are not tried.
    """
    entries = [entry for one in _of_language(language) for entry in one.entries.get(field, ())]
    return _search(tuple(entry for entry in entries if may_fit(entry, begin, scoped)))


@cache
def _search(entries: tuple[str, ...]) -> Callable[[str], object]:
    """Finds at once what may stand anywhere, which would else be looked for from the beginning by each of them."""
    anywhere = [entry[found.end() :] for entry in entries if (found := _ANYTHING.match(entry))]
    first = [entry for entry in entries if not _ANYTHING.match(entry)]
    anchored = [rf"\A(?:{_union(first)})"] if first else []
    return re.compile("|".join([*anchored, *anywhere]) or _NEVER).search


def may_fit(entry: str, begin: str, scoped: bool) -> bool:
    """Whether an entry may fit a text of which these are the first characters; `scoped` is whether it has a `SCOPE`."""
    begins = _begins(entry, scoped)
    return begins is None or begin.startswith(begins)


@cache
def _begins(entry: str, scoped: bool) -> tuple[str, ...] | None:
    """Beginnings one of which each text has that the entry fits, or None where nobody knows."""
    if not scoped:
        if entry.endswith(SCOPE) and len(beginnings.alternatives(entry)) == 1:
            return ()
        entry = entry.removeprefix(_ANY_SCOPE)
    begins = beginnings.of(entry)
    return None if begins is None else tuple(begins)


def _union(entries: Sequence[str]) -> str:
    return "|".join(f"(?:{entry})" for entry in entries)


def _parse(name: str, text: str) -> FrameList:
    head, *rest = text.splitlines()
    entries: dict[str, list[str]] = {}
    for field, entry in _entries(rest):
        entries.setdefault(field, []).append(entry)
    patterns = {field: re.compile(_union(found)) for field, found in entries.items()}
    languages = next((line.partition(":")[2].split() for line in rest if line.startswith("# Languages:")), ["native"])
    hides = "# Hides what stands above." in rest
    return FrameList(
        name,
        head.lstrip("# "),
        frozenset(languages),
        hides,
        {field: tuple(found) for field, found in entries.items()},
        patterns,
    )


def _entries(lines: list[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        entry = line.strip()
        if not entry or entry.startswith("#"):
            continue
        field, _, rest = entry.partition(" ")
        yield (field, rest) if field in FIELDS[1:] and rest else ("function", entry)
