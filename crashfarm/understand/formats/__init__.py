"""Every format that is read, each in a module of its own."""

from crashfarm.understand.formats import (
    allocators,
    android,
    apple,
    c_library,
    checks,
    gdb,
    gecko,
    golang,
    java,
    kernel,
    libfuzzer,
    lldb,
    loader,
    minidump,
    python,
    rust,
    sanitizers,
    signals,
    undefined,
    valgrind,
    virtual_machines,
    windows,
)
from crashfarm.understand.report import Format
from crashfarm.understand.text import Needles

FORMATS: tuple[Format, ...] = (
    *sanitizers.FORMATS,
    *allocators.FORMATS,
    *libfuzzer.FORMATS,
    *kernel.FORMATS,
    *golang.FORMATS,
    *rust.FORMATS,
    *java.FORMATS,
    *virtual_machines.FORMATS,
    *python.FORMATS,
    *undefined.FORMATS,
    *gecko.FORMATS,
    *c_library.FORMATS,
    *checks.FORMATS,
    *valgrind.FORMATS,
    *minidump.FORMATS,
    *apple.FORMATS,
    *windows.FORMATS,
    *gdb.FORMATS,
    *lldb.FORMATS,
    *android.FORMATS,
    *loader.FORMATS,
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
NEEDLES = Needles(BY_NEEDLE, (needle for form in FORMATS if not form.common for needle in form.needles))
