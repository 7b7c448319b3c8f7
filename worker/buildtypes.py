"""What the name of a build type makes a worker do: run under valgrind, or tell a sanitizer how to report.

A name is taken apart at everything that is no letter or digit: `debug-asan` and `asan+ubsan` have what `asan` has.
A build's own environment goes before all this: its options stand behind ours, and the last one counts.
"""

import re
import shutil
from collections.abc import Mapping

import msgspec

FOUND = 99
"""The exit status of a program in which a tool found something."""


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A program that is put before the command, if any, and options in an environment variable, with what is between
    two of them.
    """

    wrapper: str = ""
    variable: str
    options: tuple[str, ...]
    between: str = ":"


# Reports go to standard error, with names and lines; the exit status tells that there is one; and no core is written,
# for the memory of such programs is huge and the report tells more.
TOOLS: dict[str, tuple[Tool, ...]] = {
    "asan": (
        Tool(
            variable="ASAN_OPTIONS",
            options=("symbolize=1", f"exitcode={FOUND}", "abort_on_error=0", "disable_coredump=1", "handle_abort=1"),
        ),
        # What is said here of the exit status would go before what is said above.
        Tool(variable="LSAN_OPTIONS", options=("max_leaks=50",)),
    ),
    "hwasan": (Tool(variable="HWASAN_OPTIONS", options=("symbolize=1", f"exitcode={FOUND}", "disable_coredump=1")),),
    "lsan": (Tool(variable="LSAN_OPTIONS", options=("symbolize=1", f"exitcode={FOUND}", "max_leaks=50")),),
    "msan": (
        Tool(
            variable="MSAN_OPTIONS",
            options=("symbolize=1", f"exitcode={FOUND}", "disable_coredump=1", "handle_abort=1"),
        ),
    ),
    "tsan": (
        Tool(
            variable="TSAN_OPTIONS",
            options=("symbolize=1", f"exitcode={FOUND}", "disable_coredump=1", "second_deadlock_stack=1"),
        ),
    ),
    "ubsan": (
        Tool(
            variable="UBSAN_OPTIONS",
            options=("symbolize=1", f"exitcode={FOUND}", "print_stacktrace=1", "disable_coredump=1"),
        ),
    ),
    "valgrind": (
        Tool(
            wrapper="valgrind",
            variable="VALGRIND_OPTS",
            options=(
                "--tool=memcheck",
                f"--error-exitcode={FOUND}",
                "--num-callers=40",
                "--trace-children=yes",
                "--child-silent-after-fork=yes",
                "--vgdb=no",
            ),
            between=" ",
        ),
    ),
}


def tools(buildtype: str) -> tuple[Tool, ...]:
    """The tools that a build type's name asks for."""
    words = re.split(r"[^a-z0-9]+", buildtype.lower())
    return tuple(dict.fromkeys(tool for word in words for tool in TOOLS.get(word, ())))


def missing(buildtype: str) -> str:
    """The name of a program that the build type needs and this machine does not have; empty if it has all."""
    needed = (tool.wrapper for tool in tools(buildtype) if tool.wrapper)
    return next((program for program in needed if shutil.which(program) is None), "")


def wrapper(buildtype: str) -> tuple[str, ...]:
    """What is put before the command."""
    return tuple(shutil.which(tool.wrapper) or tool.wrapper for tool in tools(buildtype) if tool.wrapper)


def environment(buildtype: str, wanted: Mapping[str, str]) -> dict[str, str]:
    """The build's own environment with the tools' options before its own."""
    merged = dict(wanted)
    for tool in tools(buildtype):
        own = (wanted[tool.variable],) if wanted.get(tool.variable) else ()
        merged[tool.variable] = tool.between.join((*tool.options, *own))
    return merged
