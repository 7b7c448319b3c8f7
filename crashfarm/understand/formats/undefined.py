"""Undefined behaviour and control flow checks: `file:line:column: runtime error: sentence`."""

import re

from crashfarm.documents.finding import Kind
from crashfarm.understand import normalise, stacks
from crashfarm.understand.report import Format, Lines, Report

_HEADER = re.compile(
    r"(?:^|\s)(?:(?P<file>(?:[A-Za-z]:)?[^\s:]+):(?P<line>\d+)(?::\d+)?|<unknown>): runtime error: (?P<what>.+?)\s*$"
)
_BARE = re.compile(r"^\s*runtime error: (?P<what>.+?)\s*$")
_NULL = re.compile(
    r"(load of|store to|member access within|member call on|reference binding to|upcast of|.*) null pointer of type"
)
_CAST = re.compile(r"object of type '([^']+)'|integrity check for type '([^']+)' failed")
_REAL_TYPE = re.compile(
    r"note: (?:object is of type|vtable is of type"
    r"|object is base class subobject at offset \d+ within object of type) '([^']+)'"
)
_INVALID = re.compile(r"note: (?:object has (?:a )?(?:possibly )?invalid vptr|invalid vtable)")
_STOP = re.compile(r"SUMMARY: |runtime error: |\w+Sanitizer:DEADLYSIGNAL|(?:ERROR|WARNING): \w+Sanitizer")
_READ_OR_WRITE = {"load of": " READ", "store to": " WRITE"}

_TITLES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), title)
    for pattern, title in (
        (r"division by zero", "Divide-by-zero"),
        (
            r"unsigned integer overflow|negation of .* cannot be represented in type '?unsigned",
            "Unsigned-integer-overflow",
        ),
        (r"integer overflow|negation of|division of .* cannot be represented", "Integer-overflow"),
        (r"implicit conversion from", "Implicit-conversion"),
        (
            r"pointer (?:index )?expression|applying (?:non-)?zero offset|offset to 0x\w+ overflowed"
            r"|(?:addition|subtraction) of unsigned offset",
            "Pointer-overflow",
        ),
        (r"shift exponent|left shift of|right shift of", "Undefined-shift"),
        (r"not a valid value for type '?(?:bool|const bool|_Bool|BOOL)", "Invalid-bool-value"),
        (r"not a valid value for type", "Invalid-enum-value"),
        (r"out of bounds for type", "Index-out-of-bounds"),
        (r"misaligned address|assumption of .*alignment", "Misaligned-address"),
        (r"null pointer passed as|pointer passed as an argument .* null", "Invalid-null-argument"),
        (r"null pointer returned|null returned from function", "Invalid-null-return"),
        (r"insufficient space for an object", "Object-size"),
        (r"which does not point to an object of type|control flow integrity check", "Bad-cast"),
        (r"through pointer to incorrect function type", "Incorrect-function-pointer-type"),
        (r"outside the range of representable values", "Float-cast-overflow"),
        (r"reached the end of a value-returning function", "No-return-value"),
        (r"reached an? unreachable|unreachable program point", "Unreachable code"),
        (r"variable length array bound", "Non-positive-vla-bound-value"),
        (r"passing zero to|invalid builtin|__builtin_\w+", "Invalid-builtin-use"),
        (r"signal handler|nonnull", "Invalid-null-argument"),
    )
)


def _error(lines: Lines, at: int) -> Report | None:
    matched = _HEADER.search(lines[at]) or _BARE.search(lines[at])
    if not matched or lines[at].lstrip().startswith("panic:") or "[E] Panic" in lines[at]:
        return None
    parts = matched.groupdict()
    what = matched["what"]
    stack = stacks.read(lines, at + 1, reach=6, stop=_STOP)
    title, headline = _title(what, lines[at + 1 : at + 4])
    access = title.rpartition(" ")[2] if title.endswith((" READ", " WRITE")) else ""
    return Report(
        kind=Kind.SANITIZER,
        title=title,
        format="UndefinedBehaviorSanitizer",
        start=at,
        end=max(stack.end, at + 1),
        message=normalise.message(f"runtime error: {what}"),
        headline=headline,
        stack=stack.frames,
        file=normalise.source_path(parts.get("file") or ""),
        line=int(parts["line"]) if parts.get("line") else None,
        access=access,
        address=_address(what),
    )


def _title(what: str, notes: Lines) -> tuple[str, str]:
    """Title, and what tells this one from others of the title, besides its stack."""
    if matched := _NULL.search(what):
        return f"Null-dereference{_READ_OR_WRITE.get(matched[1], '')}", ""
    title = next((title for pattern, title in _TITLES if pattern.search(what)), "UNKNOWN")
    return title, _bad_cast(what, notes) if title == "Bad-cast" else ""


def _bad_cast(what: str, notes: Lines) -> str:
    wanted = _CAST.search(what)
    if not wanted:
        return ""
    head = f"Bad-cast to {wanted[1] or wanted[2]} from "
    for note in notes:
        if real := _REAL_TYPE.search(note):
            return head + real[1]
        if _INVALID.search(note):
            return f"{head}invalid vptr"
    return ""


def _address(what: str) -> str:
    found = re.search(r"\b(?:address|vtable address) (0x[0-9a-fA-F]+)", what)
    return found[1] if found else ""


FORMATS = (Format(name="undefined behaviour", needles=("runtime error: ",), read=_error, cost=8),)
