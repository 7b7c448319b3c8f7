"""Which page or test was running when a finding was written: harnesses print a line when one begins, "
"and often when it ends."""

import re
from bisect import bisect_right
from dataclasses import dataclass

from crashfarm.understand.report import Lines
from crashfarm.understand.text import Needles

MAX_INPUT = 500
"""Characters of an input's name that are kept."""

_BEGINS = (
    re.compile(r"crashfarm-input: (?P<input>\S.*?)\s*$"),
    re.compile(r"(?:REFTEST )?TEST-(?:START|LOAD) \| (?P<input>\S.*?)(?: \|.*)?\s*$"),
    re.compile(r"^\[ RUN      \] (?P<input>\S+)"),
    re.compile(r"^\s*=== RUN\s+(?P<input>\S+)"),
    re.compile(r"^Running: (?P<input>\S.*?)\s*$"),
)
_ENDS = re.compile(
    r"crashfarm-input-end|TEST-(?:END|OK) \||^\[ {2,7}(?:OK|FAILED) +\]|^\s*--- (?:PASS|FAIL|SKIP): "
    r"|^Executed \S.* in \d+ ms"
)
_NEEDLES = Needles(
    (
        "crashfarm-input",
        "TEST-START |",
        "TEST-LOAD |",
        "TEST-END |",
        "TEST-OK |",
        "[ RUN ",
        "OK ]",
        "FAILED  ]",
        "=== RUN",
        "--- PASS",
        "--- FAIL",
        "--- SKIP",
        "\nRunning: ",
        "\nExecuted ",
    )
)


@dataclass(frozen=True, slots=True)
class Boundaries:
    """Lines at which the running input changes, and to what."""

    lines: tuple[int, ...]
    inputs: tuple[str, ...]

    def input_at(self, line: int) -> str:
        """The input that was running at a line; empty when none was, or nothing says."""
        number = bisect_right(self.lines, line) - 1
        return self.inputs[number] if number >= 0 else ""


def find(lines: Lines) -> Boundaries:
    """Every boundary in an output."""
    at: list[int] = []
    inputs: list[str] = []
    for hit in _NEEDLES.hits(lines):
        line = lines[hit.line]
        begun = next((found["input"] for found in (pattern.search(line) for pattern in _BEGINS) if found), None)
        if begun is not None or _ENDS.search(line):
            at.append(hit.line)
            inputs.append((begun or "")[:MAX_INPUT])
    return Boundaries(tuple(at), tuple(inputs))
