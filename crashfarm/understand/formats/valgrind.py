"""Valgrind's tools, as text (`==pid==` before each line) and as XML."""

import re
from xml.etree import ElementTree

from crashfarm.documents.finding import Frame, Kind
from crashfarm.understand import frames, normalise
from crashfarm.understand.report import Format, Lines, Report

MAX_LINES = 400
MAX_ELEMENT = 4000
"""Lines of one XML error that are read."""

_PREFIX = re.compile(r"^.*?==(?P<pid>\d+)== ?(?P<rest>.*)$")
_FRAME = re.compile(
    r"^\s+(?:at|by) 0x[0-9A-Fa-f]+: (?P<function>.*?)(?: \((?:in (?P<module>[^)]+)"
    r"|(?P<file>[^():]+):(?P<line>\d+))\))?\s*$"
)
_ADDRESS = re.compile(r"(?:Address|at address) (?P<address>0x[0-9A-Fa-f]+)")
_ACCESS = re.compile(r"^Invalid (?P<what>read|write) of size (?P<size>\d+)")
_LEAK = re.compile(
    r"^(?P<lost>[\d,]+)(?: \([\d,]+ direct, [\d,]+ indirect\))? bytes in [\d,]+ blocks"
    r" are (?P<how>definitely|indirectly|possibly) lost"
)
_SIGNAL = re.compile(r"^Process terminating with default action of signal \d+ \((?P<name>SIG\w+)\)")
_THREAD = re.compile(r"^Thread #?(?P<thread>\d+)")
_HEADS = (
    re.compile(
        r"^Invalid (?:read|write) of size \d+|^Invalid free\(\)|^Mismatched (?:free|new)"
        r"|^Jump to the invalid address|^Invalid "
    ),
    re.compile(
        r"^Conditional jump or move depends on uninitialised|^Use of uninitialised value"
        r"|^Syscall param .*(?:uninitialised|unaddressable)|^Uninitialised"
    ),
    re.compile(
        r"^Source and destination overlap in|^Argument .* has a fishy|^Illegal memory pool"
        r"|^(?:re)?alloc\(\) with size 0"
    ),
    re.compile(
        r"^Possible data race|^Thread #?\d+: (?:Exiting|lock order|pthread_|Bad|Bug)|^Lock at"
        r"|^lock order|^Conflicting (?:load|store)|^Mutex "
    ),
    re.compile(
        r"^Unhandled instruction|^valgrind: Unrecognised instruction|^Process terminating with default action of signal"
    ),
    _LEAK,
)
_TITLES = (
    (re.compile(r"^Conditional jump"), "Conditional jump on uninitialised value"),
    (re.compile(r"^Use of uninitialised"), "Use of uninitialised value"),
    (re.compile(r"^Syscall param (\S+)"), "Syscall param uninitialised"),
    (re.compile(r"^Source and destination overlap in (\w+)"), "Overlap in {}"),
    (re.compile(r"^Invalid free|^Mismatched"), "Invalid free"),
    (re.compile(r"^Jump to the invalid"), "Jump to invalid address"),
    (re.compile(r"^Possible data race|^Conflicting"), "Data race"),
)


def _text(lines: Lines, at: int) -> Report | None:
    matched = _PREFIX.match(lines[at])
    if not matched or not any(head.search(matched["rest"]) for head in _HEADS):
        return None
    block = _block(lines, at, matched["pid"])
    if len(block) > 1 and block[1].startswith("ERROR SUMMARY"):
        return None
    if at and _repeated(lines[at - 1], matched["pid"]):
        return None
    return _made(at, at + len(block), block)


def _repeated(before: str, pid: str) -> bool:
    """The list at the end that valgrind -v prints of errors that it told of before."""
    return bool(re.match(rf".*=={pid}== \d+ errors in context", before))


def _block(lines: Lines, at: int, pid: str) -> list[str]:
    """The lines of one error, without what stands before each: up to one that is empty or not of this process."""
    block: list[str] = []
    for line in lines[at : at + MAX_LINES]:
        matched = _PREFIX.match(line)
        if not matched or matched["pid"] != pid or not matched["rest"].strip():
            break
        if block and not matched["rest"].startswith((" ", "Locks held: ")):
            break
        block.append(matched["rest"])
    return block


def _made(at: int, end: int, block: list[str]) -> Report:
    head = block[0]
    found = _frames(block[1:])
    if signal := _SIGNAL.match(head):
        return _report(at, end, signal["name"], signal["name"], found, block, signal=signal["name"], kind=Kind.CRASH)
    if leak := _LEAK.match(head):
        return _report(at, end, f"Leak_{leak['how'].capitalize()}Lost", f"bytes are {leak['how']} lost", found, block)
    access = _ACCESS.match(head)
    title = _title(head)
    return _report(
        at,
        end,
        title,
        head if access else normalise.message(head),
        found,
        block,
        access=access["what"].upper() if access else "",
        size=int(access["size"]) if access else None,
    )


def _title(head: str) -> str:
    for pattern, title in _TITLES:
        if matched := pattern.match(head):
            return title.format(matched[1]) if "{}" in title else title
    return head if _ACCESS.match(head) else normalise.message(head)


def _frames(block: list[str]) -> tuple[Frame, ...]:
    """The first stack of a block."""
    found: list[Frame] = []
    for line in block:
        matched = _FRAME.match(line)
        if matched:
            parts = matched.groupdict()
            name = (
                ""
                if parts["function"] == "???"
                else parts["function"].strip("()")
                if parts["function"] == "(below main)"
                else parts["function"]
            )
            found.append(
                frames.frame(
                    name,
                    file=parts["file"] or "",
                    line=int(parts["line"]) if parts["line"] else None,
                    module=parts["module"] or "",
                )
            )
        elif found:
            break
    return tuple(found)


def _report(
    at: int,
    end: int,
    title: str,
    message: str,
    found: tuple[Frame, ...],
    block: list[str],
    *,
    access: str = "",
    size: int | None = None,
    signal: str = "",
    kind: Kind = Kind.VALGRIND,
) -> Report:
    address = next((hit["address"] for hit in map(_ADDRESS.search, block) if hit), "")
    told = next((frame for frame in found if frame.file), Frame())
    return Report(
        kind=kind,
        title=title,
        format="valgrind",
        start=at,
        end=end,
        message=message,
        stack=found,
        access=access,
        size=size,
        address=address.lower(),
        file=told.file,
        line=told.line,
        signal=signal,
    )


def _xml(lines: Lines, at: int) -> Report | None:
    """One <error> element."""
    stop = next((n for n in range(at, min(len(lines), at + MAX_ELEMENT)) if "</error>" in lines[n]), None)
    if stop is None:
        return None
    text = "\n".join(lines[at : stop + 1])
    if "<!" in text:
        return None
    root = ElementTree.fromstring(text[text.index("<error>") : text.index("</error>") + 8])  # noqa: S314
    what = root.findtext("what") or root.findtext("xwhat/text") or root.findtext("kind") or ""
    stack = root.find("stack")
    found = tuple(_xml_frame(one) for one in stack.findall("frame")) if stack is not None else ()
    kind = root.findtext("kind") or ""
    access = _ACCESS.match(what)
    block = [what, *(one.text or "" for one in root.findall("auxwhat"))]
    return _report(
        at,
        stop + 1,
        kind if kind.startswith("Leak_") else _title(what),
        what if access else normalise.message(what),
        found,
        block,
        access=access["what"].upper() if access else "",
        size=int(access["size"]) if access else None,
    )


def _xml_frame(element: ElementTree.Element) -> Frame:
    line = element.findtext("line") or ""
    folder, file = element.findtext("dir") or "", element.findtext("file") or ""
    return frames.frame(
        element.findtext("fn") or "",
        file=f"{folder}/{file}" if folder and file else file,
        line=int(line) if line.isdigit() else None,
        module=element.findtext("obj") or "",
    )


FORMATS = (
    Format(
        name="valgrind",
        needles=(
            "== Invalid ",
            "== Mismatched ",
            "== Jump to the",
            "== Conditional jump",
            "== Use of uninit",
            "== Syscall param",
            "== Uninitialised",
            "== Source and dest",
            "== Argument ",
            "== Possible data",
            "== Thread #",
            "== Process terminating",
            " lost in loss record",
            "== Conflicting ",
            "== Illegal memory",
            "== Unhandled inst",
            "== lock order",
        ),
        read=_text,
        cost=8,
    ),
    Format(name="valgrind XML", needles=("<error>",), read=_xml, cost=400),
)
