"""The index of known bugs: one pass over a finding's text finds all bugs whose text is in it, however many they are."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import ahocorasick
import re2

from crashfarm.documents.bug import Matcher
from crashfarm.documents.finding import Finding
from crashfarm.understand import normalise

PATTERNS = 256
"""Patterns that are matched together; each such set is one pass over the text."""
MAX_PATTERN = 1000
"""Characters of a pattern; longer ones are refused."""
MAX_STEPS = 1000
"""Instructions of a compiled pattern: what it costs, at the worst, on each character. Larger ones are refused."""
MAX_FOLDERS = 12
"""Folders of a path that count, from its end."""
MARKED = 3
"""Lines of a finding's excerpt whose paths count as its files."""
MAX_TEXT = 8000
"""Characters of a finding's text that are searched."""
_HOWS = ("exact", "contains", "pattern")


@dataclass(frozen=True, slots=True)
class Refused:
    """A matcher that is not used, and why."""

    bug: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Entry:
    bug: str
    matcher: Matcher


@dataclass(frozen=True, slots=True)
class Look:
    """Ids of the bugs that explain a finding where it was seen, and of those that would explain it anywhere."""

    here: frozenset[str] = frozenset()
    anywhere: frozenset[str] = frozenset()


class KnownBugs:
    """Answers which bugs explain a finding. Built once for a list of bugs; then only read, from any thread."""

    def __init__(self, bugs: Iterable[tuple[str, Sequence[Matcher]]]) -> None:
        """`bugs` gives the id and the matchers of each bug. What cannot be used is listed in `refused`."""
        self.refused: list[Refused] = []
        self._contained: dict[str, list[_Entry]] = defaultdict(list)
        self._exact: dict[str, list[_Entry]] = defaultdict(list)
        self._signed: dict[str, list[_Entry]] = defaultdict(list)
        self._filed: dict[str, list[_Entry]] = defaultdict(list)
        self._patterns: list[tuple[str, _Entry]] = []
        for bug, matchers in bugs:
            for matcher in matchers:
                self._add(_Entry(bug, matcher))
        self._automaton = self._build()
        self._sets = [*self._pattern_sets()]

    def match(self, finding: Finding, *, product: str = "", branch: str = "", version: str = "") -> tuple[str, ...]:
        """Ids of the bugs that explain a finding, in order of text."""
        return tuple(sorted(self.look(finding, product=product, branch=branch, version=version).here))

    def look(self, finding: Finding, *, product: str = "", branch: str = "", version: str = "") -> Look:
        """The bugs that explain a finding, and those that would if it had been seen elsewhere: in one pass."""
        place = {"product": product, "branch": branch, "version": version}
        fitting = [entry for entry in self._candidates(finding) if _fits(entry.matcher, finding)]
        here = frozenset(entry.bug for entry in fitting if _is_of(entry.matcher, place))
        return Look(here, frozenset(entry.bug for entry in fitting))

    def match_text(self, text: str) -> tuple[str, ...]:
        """Ids of the bugs whose text stands in a line of any text, with their file where they name one."""
        found: set[str] = set()
        for line in filter(None, map(normalise.spaces, text.splitlines())):
            entries = self._in(_marked(line[:MAX_TEXT]))
            found.update(entry.bug for entry in entries if _in_line(entry.matcher, line))
        return tuple(sorted(found))

    def _add(self, entry: _Entry) -> None:
        matcher = entry.matcher
        if matcher.how not in _HOWS:
            self.refused.append(Refused(entry.bug, f"how is {matcher.how!r}, not one of {', '.join(_HOWS)}"))
        elif matcher.text and matcher.how == "pattern":
            self._patterns.append((matcher.text, entry))
        elif matcher.text and normalise.spaces(matcher.text):
            table = self._exact if matcher.how == "exact" else self._contained
            table[normalise.spaces(matcher.text)].append(entry)
        elif matcher.signature:
            self._signed[matcher.signature].append(entry)
        elif matcher.file:
            self._filed[matcher.file].append(entry)
        else:
            self.refused.append(Refused(entry.bug, "neither text nor signature nor file: it would explain everything"))

    def _build(self) -> ahocorasick.Automaton | None:
        """Texts and files in one automaton; a file is kept with a mark before it, and sought behind that mark."""
        automaton = ahocorasick.Automaton()
        for text, entries in self._contained.items():
            automaton.add_word(text, tuple(entries))
        for file, entries in self._filed.items():
            automaton.add_word(f"{_MARK}{file}", tuple(entries))
        if not len(automaton):
            return None
        automaton.make_automaton()
        return automaton

    def _pattern_sets(self) -> Iterator[tuple[re2.Set, list[_Entry]]]:
        usable = [(text, entry) for text, entry in self._patterns if self._usable(text, entry)]
        for start in range(0, len(usable), PATTERNS):
            together = re2.Set.SearchSet(_options())
            for text, _entry in usable[start : start + PATTERNS]:
                together.Add(text)
            together.Compile()
            yield together, [entry for _text, entry in usable[start : start + PATTERNS]]

    def _usable(self, text: str, entry: _Entry) -> bool:
        """Whether a pattern can be matched in bounded time: RE2 refuses what cannot."""
        try:
            if len(text) > MAX_PATTERN:
                raise ValueError(f"the pattern is longer than {MAX_PATTERN} characters")
            if (steps := re2.compile(text, _options()).programsize) > MAX_STEPS:
                raise ValueError(f"the pattern compiles to {steps} steps, more than {MAX_STEPS}")
        except (re2.error, ValueError) as fault:
            self.refused.append(Refused(entry.bug, f"pattern: {_words(fault)}"))
            return False
        return True

    def _candidates(self, finding: Finding) -> Iterator[_Entry]:
        yield from self._exact.get(normalise.spaces(finding.message), ())
        for signature in {finding.signature, finding.detail}:
            yield from self._signed.get(signature, ())
        if self._automaton is not None or self._sets:
            yield from self._in(searched(finding))

    def _in(self, text: str) -> Iterator[_Entry]:
        """Entries whose text, file or pattern is in a text, in one pass for each set of them."""
        if self._automaton is not None:
            for _end, entries in self._automaton.iter(text):
                yield from entries
        for together, entries in self._sets:
            for number in together.Match(text) or ():
                yield entries[number]


def refusal(matcher: Matcher) -> str:
    """Why a matcher cannot be used; empty if it can."""
    refused = KnownBugs([("", (matcher,))]).refused
    return refused[0].reason if refused else ""


_WORD = re.compile(r"[^\s'\"(),;:<>|]+")
_PATH_SIGNS = frozenset("./\\")
_MARK = "\x1f"
"""Stands before every part of a finding's file in the text that is searched."""


def searched(finding: Finding) -> str:
    """The text of a finding that matchers are sought in: title, message, signature, file and excerpt, paths marked."""
    head = "\n".join((finding.title, finding.message, finding.signature))
    lines = [normalise.spaces(line) for line in finding.excerpt.splitlines()]
    marked = "\n".join(_marked(line) for line in [finding.file, *lines[:MARKED]])
    return "\n".join((head, marked, *lines[MARKED:]))[:MAX_TEXT]


def _marked(line: str) -> str:
    """A line behind the ends of the paths in it, each behind a mark."""
    paths = [
        word.replace("\\", "/").split("/")[-MAX_FOLDERS:] for word in _WORD.findall(line) if _PATH_SIGNS & set(word)
    ]
    return "".join(f"{_MARK}{'/'.join(parts[at:])}\n" for parts in paths for at in range(len(parts))) + line


def _fits(matcher: Matcher, finding: Finding) -> bool:
    """Whether a finding fits what a matcher says of it besides its text, wherever it was seen."""
    if matcher.kind is not None and matcher.kind != finding.kind:
        return False
    if matcher.signature is not None and matcher.signature not in (finding.signature, finding.detail):
        return False
    return matcher.file is None or _is_in(matcher.file, finding)


def _is_of(matcher: Matcher, place: dict[str, str]) -> bool:
    """Whether a matcher is about that product, branch and version."""
    return all(wanted is None or wanted == place[name] for name, wanted in _place(matcher))


def _is_in(file: str, finding: Finding) -> bool:
    """Whether a finding is in a file, whatever folders the log has before it."""
    head = " ".join(finding.excerpt.splitlines()[:MARKED]).replace("\\", "/")
    return f"/{file}" in f"/{finding.file}" or f"/{file}" in head


def _in_line(matcher: Matcher, line: str) -> bool:
    return matcher.file is None or matcher.file in line.replace("\\", "/")


def _place(matcher: Matcher) -> tuple[tuple[str, str | None], ...]:
    return (("product", matcher.product), ("branch", matcher.branch), ("version", matcher.version))


def _words(fault: Exception) -> str:
    """What an error says; RE2 says it in bytes."""
    said = fault.args[0] if fault.args else ""
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)


def _options() -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    return options
