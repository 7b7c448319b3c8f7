"""Every format that is read, each in a module of its own."""

from crashfarm.understand.formats import c_library, python, signals
from crashfarm.understand.report import Format
from crashfarm.understand.text import Needles

FORMATS: tuple[Format, ...] = (
    *python.FORMATS,
    *c_library.FORMATS,
    *signals.FORMATS,
)
"""In order of trust: of two that read the same line, the first one has it."""


def by_needle() -> dict[str, tuple[Format, ...]]:
    """Which formats a needle may begin."""
    table: dict[str, tuple[Format, ...]] = {}
    for form in FORMATS:
        for needle in form.needles:
            table[needle] = (*table.get(needle, ()), form)
    return table


BY_NEEDLE = by_needle()
NEEDLES = Needles(BY_NEEDLE)
