"""What a format's reader makes of the lines before it: a report, still as the log told it."""

from collections.abc import Callable
from dataclasses import dataclass

from crashfarm.documents.finding import Frame, Kind

Lines = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One report in a log: lines `start` up to, not including, `end`."""

    kind: Kind
    title: str
    #: Name of the format that was recognised.
    format: str
    start: int
    end: int
    message: str = ""
    #: What tells it from others besides its frames: the text of an assertion or panic. Part of the signature.
    headline: str = ""
    stack: tuple[Frame, ...] = ()
    file: str = ""
    line: int | None = None
    access: str = ""
    size: int | None = None
    address: str = ""
    thread: str = ""
    #: Name of the signal that ended the process, where the report is about one.
    signal: str = ""
    #: True when the process says here why it is about to end itself: the signal which follows is the same event.
    announces: bool = False
    #: True when a program may well have written this and gone on: a traceback that was only logged.
    may_be_handled: bool = False
    #: True when this renames the report before it: it says what that one really was.
    renames: bool = False
    #: True when this says that the report before it counts for nothing.
    retracts: bool = False
    #: True when this only adds a stack to what was announced before it.
    stack_only: bool = False
    #: True when whatever the same log says behind it is a consequence of it.
    covers_rest: bool = False
    #: True for an end that is no crash in itself; it counts only when the process is known to have ended badly.
    orderly: bool = False
    #: True for a word in passing (a shell's "Segmentation fault"): counts only when nothing else tells more.
    weak: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A way of writing reports: the words that begin one, and how to read it from the line of such a word."""

    name: str
    needles: tuple[str, ...]
    read: Callable[[Lines, int], Report | None]
    #: Lines that reading one report of it may look at, roughly: what is tried too often is given up.
    cost: int = 40
    #: True when the words are so common that a large log is not searched for them.
    common: bool = False
