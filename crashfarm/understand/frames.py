"""One line of a stack, in any of the ways that tools write it, as a frame."""

import re
from collections.abc import Callable

from crashfarm.documents.finding import Frame
from crashfarm.understand import names, normalise

_LOCATION = re.compile(
    r"^(.*?)\s+((?:[A-Za-z]:)?[^\s:()<>]+):(\d+)(?::(\d+))?(?:\s+(?:<<?[^>]*>>?\+0x[0-9a-f]+|\(.*\)))*\s*$"
)
_MODULE = re.compile(r"\s*\(([^()]*?)(?::[\w]+)?\+(0x[0-9a-fA-F]+)\)(?:\s*\(BuildId: \w+\))?\s*$")
_ADDRESS_ONLY = re.compile(r"\s*\((?:<unknown module>|0x[0-9a-f]+)\)\s*$")
_NO_SOURCE = re.compile(r"\s+(?:\?\?:(?:\?|\d+)(?::\d+)?|<null>|\?\?|:\?)(?=\s|$)")
_BUILD_ID = re.compile(r"\s*\(BuildId: [0-9a-fA-F]+\)\s*$")
_LIBRARY = re.compile(r"^(?:\S*/)?[\w+.-]+\.(?:so(?:\.[\d.]+)?|dylib|dll|exe|elf)(?:\.\d+)*$|^/\S+$", re.IGNORECASE)
_UNKNOWN = ("<unknown>", "??", "???", "<null>", "<unavailable>", "", "<unknown module>", "(unknown)")

_PREFIX = 80
"""Characters of a line in which a frame's number stands."""

Maker = Callable[[re.Match[str]], Frame]


def parse(line: str) -> Frame | None:
    """The frame that a line of a stack tells of, or None for a line that is none."""
    for pattern, make in _NUMBERED if "#" in line[:_PREFIX] else _OTHERS:
        if matched := pattern.match(line):
            return make(matched)
    return None


def sanitizer_rest(text: str) -> Frame:
    """What stands behind a frame's number and address: function, location, module, in any combination."""
    text = _BUILD_ID.sub("", text.strip())
    text = _NO_SOURCE.sub("", f" {text}").strip() if "?" in text or "<null>" in text else text
    if matched := _MODULE.search(text):
        inner = sanitizer_rest(text[: matched.start()]) if matched.start() else Frame()
        return _with_module(inner, matched[1], matched[2])
    if matched := _LOCATION.match(f" {text}" if text[:1] in "/." else text):
        return frame(matched[1], file=matched[2], line=int(matched[3]))
    return frame(_ADDRESS_ONLY.sub("", text))


def frame(function: str, *, file: str = "", line: int | None = None, module: str = "", offset: str = "") -> Frame:
    """A frame from its raw parts; a function that is only a library's name is its module."""
    name = names.plain(function)
    if name in _UNKNOWN:
        name = ""
    if _LIBRARY.match(name) and not file:
        name, module = "", module or name
    return Frame(
        function=name,
        file=normalise.source_path(file) if file else "",
        line=line or None,
        module=re.split(r"[\\/]", module)[-1] if module else "",
        offset=offset,
    )


def _with_module(inner: Frame, module: str, offset: str) -> Frame:
    return Frame(
        function=inner.function,
        file=inner.file,
        line=inner.line,
        module=re.split(r"[\\/]", module)[-1],
        offset=offset.lower(),
        inlined=inner.inlined,
    )


def _sanitizer(matched: re.Match[str]) -> Frame:
    return sanitizer_rest(matched["rest"])


def _gdb(matched: re.Match[str]) -> Frame:
    return frame(
        matched["function"],
        file=matched["file"] or "",
        line=int(matched["line"]) if matched["line"] else None,
        module=matched["module"] or "",
    )


def _named(matched: re.Match[str]) -> Frame:
    parts = matched.groupdict()
    return frame(
        parts.get("function") or "",
        file=parts.get("file") or "",
        line=int(parts["line"]) if parts.get("line") else None,
        module=parts.get("module") or "",
        offset=parts.get("offset") or "",
    )


def _inline(matched: re.Match[str]) -> Frame:
    made = _named(matched)
    return Frame(function=made.function, file=made.file, line=made.line, inlined=True)


_SYMBOLS = r"(?P<module>[^\s(]+)\((?P<function>[^+]*?)(?:\+(?P<offset>0x[0-9a-f]+))?\)\s?\[0x[0-9a-f]+\]\s*$"
_GDB_ARGUMENTS = r"\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)"
_TIMESTAMP = r"(?:\[\s*\d+\.\d+\](?:\[\s*\w+\])?\s*)?"

_NUMBERED: tuple[tuple[re.Pattern[str], Maker], ...] = (
    # Android: #00 pc 0001234  /system/lib/libc.so (abort+12)
    (
        re.compile(
            r"^.*?#\d+\s+pc\s+(?P<offset>[0-9a-fA-F]+)\s+(?P<module>\S+)(?: \(offset \S+\))?"
            r"(?:\s+\((?P<function>[^()+]*(?:\([^)]*\))?[^()+]*)\+\d+\))?"
        ),
        _named,
    ),
    # gdb: #1  0x0000 in function (a=1) at file.c:3, and from library
    (
        re.compile(
            r"^\s*#\d+\s+(?:0x[0-9a-fA-F]+ in )?(?P<function>\S.*?) (?:" + _GDB_ARGUMENTS + r" *)"
            r"(?:at (?P<file>.+?):(?P<line>\d+)|from (?P<module>\S+))\s*$"
        ),
        _gdb,
    ),
    (
        re.compile(
            r"^\s*#\d+\s+(?:0x[0-9a-fA-F]+ in )?(?P<function>[^\s(].*?) "
            r"\((?:\w+(?:@entry)?=.*|)\)(?P<file>)(?P<line>)(?P<module>)\s*$"
        ),
        _gdb,
    ),
    (re.compile(r"^\s*#\d+\s+<(?P<function>signal handler called)>"), _named),
    # Kernel: #4 [<0x...>] name+0x1/0x2
    (
        re.compile(r"^" + _TIMESTAMP + r"#\d+ \[<(?:0x)?[0-9a-f]+>\] (?P<function>[\w.$]+)\+(?P<offset>0x[0-9a-f]+)"),
        _named,
    ),
    # glibc's backtrace_symbols, numbered: #1 module(function+0x1) [0x1234]
    (re.compile(r"^\s*#\d+ " + _SYMBOLS), _named),
    # Gecko: #01: function (file:12), #01: function[/path/libxul.so +0x123]
    (re.compile(r"^\s*#\d+: (?P<function>.+?) \((?P<file>[^()\s]+):(?P<line>\d+)\)\s*$"), _named),
    (re.compile(r"^\s*#\d+: (?P<function>.*?) ?\[(?P<module>[^\]]*?) \+(?P<offset>0x[0-9a-fA-F]+)\]"), _named),
    (re.compile(r"^\s*#\d+: (?P<function>\S.*?)\s*$"), _named),
    # Sanitizers: #0 0x1234 in function file:1:2, with and without address and "in"; Fuchsia numbers inlined frames 1.1
    (
        re.compile(
            r"^\s*#\d+(?:\.\d+)?\s+(?:(?:0x[0-9a-fA-F]+|[0-9a-fA-F]{8,16})(?=\s)\s*)(?:in(?=\s|$))?(?P<rest>.*)$"
        ),
        _sanitizer,
    ),
    (re.compile(r"^\s*#\d+ (?P<rest>\S.*(?: <null>|:\d+|\))(?:\s+\(\S+?(?:\+0x[0-9a-f]+)?\))*)\s*$"), _sanitizer),
)
"""Styles whose lines carry a number sign."""

_OTHERS: tuple[tuple[re.Pattern[str], Maker], ...] = (
    # Trusty: uSP+0x01d0: 0x1234 in function file:12
    (re.compile(r"^.*?\b[uk]SP\+0x[0-9a-f]+: 0x[0-9a-f]+ in (?P<rest>.*)$"), _sanitizer),
    # Linux kernel: [<ffff>] name+0x1/0x2 file:12, [<inline>] name file:12, name+0x1/0x2 [module]
    (
        re.compile(
            r"^" + _TIMESTAMP + r"\s*\[<\s*inline\s*>\] (?P<function>[\w.]+)(?: (?P<file>[^\s:]+):(?P<line>\d+))?"
        ),
        _inline,
    ),
    (
        re.compile(
            r"^"
            + _TIMESTAMP
            + r"\s*\[<[0-9a-f]+>\] \((?P<function>[\w.]+)(?:\+(?P<offset>0x[0-9a-f]+)/0x[0-9a-f]+)?\) from"
        ),
        _named,
    ),
    (
        re.compile(
            r"^" + _TIMESTAMP + r"\s*(?:\[<[0-9a-f]+>\] )(?P<function>[\w.]+)\+(?P<offset>0x[0-9a-f]+)(?:/0x[0-9a-f]+)?"
            r"(?: \[(?P<module>[\w-]+)\])?(?: (?P<file>[^\s:]+):(?P<line>\d+))?"
        ),
        _named,
    ),
    (
        re.compile(
            r"^" + _TIMESTAMP + r"\s*(?P<function>[A-Za-z_][\w.]*)\+(?P<offset>0x[0-9a-f]+)/0x[0-9a-f]+"
            r"(?: \[(?P<module>[\w-]+)\])?(?: (?P<file>[^\s:]+):(?P<line>\d+))?(?: \[inline\])?"
        ),
        _named,
    ),
    # Chromium on Windows: function [0x1234+5] (file:12)
    (re.compile(r"^\s+(?P<function>\S.*?) \[0x[0-9A-Fa-f]+\+\d+\](?: \((?P<file>.*?):(?P<line>\d+)\))?\s*$"), _named),
    # Chromium elsewhere, Cobalt: function() [0x1234]
    (re.compile(r"^\s*(?P<function>[^\s/\[(][^/\[]*\(.*?\)) \[0x[0-9a-f]+\]\s*$"), _named),
    # glibc's backtrace_symbols: module(function+0x1) [0x1234]; WebKit puts a number and an address before it
    (re.compile(r"^\s*(?:\d+\s+(?:0x[0-9a-f]+ )?)?" + _SYMBOLS), _named),
    # glog and Abseil: @ 0x1234 function, @ 0x1234 size function
    (re.compile(r"^\s+@\s+0x[0-9a-f]+\s+(?:\d+\s+)?(?P<function>\S.*?)\s*$"), _named),
    # Apple: 0   module   0x1234 function + 19 (file.c:12)
    (
        re.compile(
            r"^\s*\d+\s+(?P<module>\S.*?)\s+0x[0-9a-f]{8,16} (?:(?P<function>\S.*?) \+ (?P<offset>\d+)"
            r"(?: \((?P<file>[^()]+):(?P<line>\d+)\))?)\s*$"
        ),
        lambda matched: _apple(matched),
    ),
    # WebKit on macOS: 2   0x1234 function
    (re.compile(r"^\s*\d+ {2,}0x[0-9a-f]{6,16} (?P<function>[A-Za-z_~<(].*?)\s*$"), _named),
    # Node and old V8:  1: 0xb00e10 node::Abort() [node]
    (re.compile(r"^\s*\d+: (?:0x)?[0-9a-f]+ (?P<function>\S.*?) \[(?P<module>[^\]]+)\]\s*$"), _named),
)


def _apple(matched: re.Match[str]) -> Frame:
    made = _named(matched)
    if re.fullmatch(r"0x[0-9a-f]+|0", made.function):
        return Frame(module=made.module)
    return made
