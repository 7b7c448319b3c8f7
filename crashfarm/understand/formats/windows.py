"""Windows debuggers (cdb, WinDbg): the exception, its analysis, the stack."""

import re

from crashfarm.documents.finding import Frame, Kind
from crashfarm.understand import frames
from crashfarm.understand.report import Format, Lines, Report

REACH = 500
"""Lines from the exception to the end of its analysis."""
MAX_FRAMES = 128

_EVENT = re.compile(r"\([0-9a-f]+\.[0-9a-f]+\): (?P<what>.+?) - code (?P<code>[0-9a-f]{8}) \((?P<chance>[^)]*)\)")
_CODE = re.compile(r"ExceptionCode: (?P<code>[0-9a-f]{8})|EXCEPTION_CODE: \(\w+\) 0x(?P<code2>[0-9a-f]{8})")
_TOUCHED = re.compile(
    r"^(?P<access>READ|WRITE)_ADDRESS:\s+(?P<address>[0-9a-f`]+)|attempt to (?P<access2>read from"
    r"|write to|execute) (?:non-executable )?address (?P<address2>[0-9a-f`]+)",
    re.IGNORECASE,
)
_TABLE = re.compile(r"^STACK_TEXT:|^\s*#? ?(?:Child-?EBP\s+RetAddr|Child-SP\s+RetAddr)")
_ROW = re.compile(
    r"^(?:[0-9a-f]{2,3} )?[0-9a-f`]{8,17} [0-9a-f`]{8,17}(?: : (?:[0-9a-f`]{8,17} ){4}:"
    r"| (?:[0-9a-f`]{8} ){3})? ?(?P<symbol>\S.*?)\s*$"
)
_SYMBOL = re.compile(
    r"^(?P<module>[^!\s+]+)!(?P<function>.+?)(?:\+(?P<offset>0x[0-9a-f]+))?"
    r"(?: \[(?P<file>.+?)(?: @ (?P<line>\d+))?\])?$"
)
_WRAPPED = re.compile(r"^[\w@:<>,~]*(?:\+0x[0-9a-f]+)?$")
_TITLES = {
    "c0000094": ("Divide-by-zero", "SIGFPE"),
    "c0000095": ("Integer-overflow", "SIGFPE"),
    "c000008e": ("Floating-point-exception", "SIGFPE"),
    "c00000fd": ("Stack-overflow", "SIGSEGV"),
    "c0000374": ("Heap-corruption", ""),
    "c0000409": ("Security-check-failure", ""),
    "c0000420": ("ASSERT", "SIGABRT"),
    "c000001d": ("Ill", "SIGILL"),
    "c0000096": ("Ill", "SIGILL"),
    "c0000006": ("Bus", "SIGBUS"),
    "80000001": ("Guard-page", "SIGSEGV"),
    "80000002": ("Misaligned-address", "SIGBUS"),
    "80000003": ("Breakpoint", "SIGTRAP"),
    "c0000602": ("Fatal error", "SIGABRT"),
    "40000015": ("Abrt", "SIGABRT"),
}
_STEPS = ("80000004", "4000001e", "4000001f", "e06d7363", "406d1388", "40010006", "000006ba")
"""Codes of a debugger's own steps, and of exceptions that programs handle."""
_HARMLESS = (*_STEPS, "80000003")


def _exception(lines: Lines, at: int) -> Report | None:
    code = _code(lines[at])
    if not code or code in _STEPS:
        return None
    last, code = _last_event(lines, at, code)
    end, found = _best_table(lines, last)
    if not found and (code in _HARMLESS or "first chance" in lines[last]):
        return None
    access, address = _touched(lines[last:end] if found else lines[last : last + 40])
    return _made(at, end, code, found, access, address)


def _best_table(lines: Lines, at: int) -> tuple[int, list[Frame]]:
    """The end of the analysis, and its frames; those of a later table where that one sees more of the same stack."""
    end, best = at + 1, list[Frame]()
    for position in range(at, min(len(lines), at + REACH)):
        if _TABLE.match(lines[position]):
            stop, found = _rows(lines, position + 1)
            end = max(end, stop)
            if not best or (_named(found) > _named(best) and (len(best) < 2 or _top(found) == _top(best))):
                best = found
    return end, best


def _top(found: list[Frame]) -> str:
    return next((frame.function for frame in found if frame.function), "")


def _named(found: list[Frame]) -> int:
    return sum(1 for frame in found if frame.function)


def _code(line: str) -> str:
    if matched := _EVENT.search(line):
        return str(matched["code"])
    matched = _CODE.search(line)
    return (matched["code"] or matched["code2"]) if matched else ""


def _last_event(lines: Lines, at: int, code: str) -> tuple[int, str]:
    """The last exception before the stack that says more than that the debugger stopped."""
    last = at
    for position in range(at + 1, min(len(lines), at + REACH)):
        if _TABLE.match(lines[position]):
            break
        if (found := _code(lines[position])) and (found not in _HARMLESS or code in _HARMLESS):
            last, code = position, found
    return last, code


def _touched(analysis: Lines) -> tuple[str, str]:
    for line in analysis:
        if matched := _TOUCHED.search(line):
            word = (matched["access"] or matched["access2"]).upper()
            address = (matched["address"] or matched["address2"]).replace("`", "")
            return ("WRITE" if word.startswith("WRITE") else "READ" if word.startswith("READ") else ""), f"0x{address}"
    return "", ""


def _rows(lines: Lines, at: int) -> tuple[int, list[Frame]]:
    found: list[Frame] = []
    end = at
    for position in range(at, min(len(lines), at + 4 * MAX_FRAMES)):
        line = lines[position]
        if matched := _ROW.match(line):
            if frame := _frame(_unwrapped(matched["symbol"], lines, position)):
                found.append(frame)
            end = position + 1
        elif (not line.strip() and found) or len(found) >= MAX_FRAMES:
            break
    return end, found


def _unwrapped(symbol: str, lines: Lines, position: int) -> str:
    """A symbol that a narrow console broke in two."""
    following = lines[position + 1] if position + 1 < len(lines) else ""
    if following and "+0x" not in symbol and _WRAPPED.match(following) and not _ROW.match(following):
        return symbol + following
    return symbol


def _frame(symbol: str) -> Frame | None:
    matched = _SYMBOL.match(symbol)
    if matched:
        return frames.frame(
            matched["function"],
            file=matched["file"] or "",
            line=int(matched["line"]) if matched["line"] else None,
            module=matched["module"],
            offset=matched["offset"] or "",
        )
    module, plus, offset = symbol.partition("+")
    return Frame(module=module, offset=offset) if plus and not module.startswith("0x") else None


def _made(at: int, end: int, code: str, found: list[Frame], access: str, address: str) -> Report:
    title, signal = _TITLES.get(code, ("", ""))
    if code == "c0000005":
        title, signal = access or "UNKNOWN", "SIGSEGV"
    return Report(
        kind=Kind.CRASH,
        title=title or f"Exception {code}",
        format="cdb",
        start=at,
        end=end,
        message=f"{title or 'exception'} ({code})",
        stack=tuple(found),
        access=access,
        address=address,
        file=found[0].file if found else "",
        line=found[0].line if found else None,
        signal=signal,
        headline="" if found else f"exception {code}",
    )


FORMATS = (Format(name="cdb", needles=(" - code ", "ExceptionCode: ", "EXCEPTION_CODE: "), read=_exception, cost=20),)
