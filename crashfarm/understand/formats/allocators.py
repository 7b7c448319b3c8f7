"""Allocators that guard memory in production: what GWP-ASan and Scudo say before they end the process."""

import re

from crashfarm.documents.finding import Kind
from crashfarm.understand import normalise, stacks
from crashfarm.understand.report import Format, Lines, Report

_GUARDED = re.compile(
    r"(?P<what>Use After Free|Double Free|Buffer (?:Overflow|Underflow)|Invalid \(Wild\) Free)"
    r" at (?P<address>0x[0-9a-f]+)"
)
_TITLES = {
    "Use After Free": "Heap-use-after-free",
    "Double Free": "Heap-double-free",
    "Buffer Overflow": "Heap-buffer-overflow",
    "Buffer Underflow": "Heap-buffer-underflow",
    "Invalid (Wild) Free": "Invalid-free",
}
_STOP = re.compile(r"was (?:de)?allocated by thread|End GWP-ASan report")
_SCUDO = re.compile(r"Scudo (?:ERROR|WARNING): (?P<text>.+?)\s*$")


def _guarded(lines: Lines, at: int) -> Report | None:
    near = range(at, min(len(lines), at + 3))
    told = next(((position, found) for position in near if (found := _GUARDED.search(lines[position]))), None)
    if told is None:
        return None
    position, matched = told
    stack = stacks.read(lines, position + 1, reach=4, stop=_STOP)
    title = _TITLES[matched["what"]]
    return Report(
        kind=Kind.SANITIZER,
        title=title,
        format="GWP-ASan",
        start=at,
        end=max(stack.end, position + 1),
        message=f"GWP-ASan: {title}",
        stack=stack.frames,
        address=matched["address"],
        announces=True,
    )


def _scudo(lines: Lines, at: int) -> Report | None:
    matched = _SCUDO.search(lines[at])
    if not matched:
        return None
    text = normalise.message(matched["text"])
    stack = stacks.read(lines, at + 1, reach=4)
    return Report(
        kind=Kind.SANITIZER,
        title="Heap-corruption",
        format="Scudo",
        start=at,
        end=max(stack.end, at + 1),
        message=f"Scudo: {text}",
        headline=text,
        stack=stack.frames,
        announces=True,
    )


FORMATS = (
    Format(name="GWP-ASan", needles=("GWP-ASan detected a memory error",), read=_guarded),
    Format(name="Scudo", needles=("Scudo ERROR: ",), read=_scudo),
)
