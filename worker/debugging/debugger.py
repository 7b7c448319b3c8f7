"""What a worker can find out of crashed and hung programs on its machine."""

import os
from pathlib import Path

import msgspec

from crashfarm.documents.base import Json
from worker.debugging import cores, gdb
from worker.debugging.gdb import IsEnough

SCOPE = Path("/proc/sys/kernel/yama/ptrace_scope")

CORE_SECONDS = 30.0
HANG_SECONDS = 10.0
"""Seconds that gdb may take for a core, and for a program that hangs."""


class Debugger(msgspec.Struct, frozen=True, kw_only=True):
    """The debugger of this machine. `gdb` is its path, empty where it is not installed; `pattern` the core_pattern.

    `may_attach` says whether gdb may look at programs that it has not started.
    """

    gdb: str
    pattern: str
    may_attach: bool = True

    def trouble(self) -> str:
        """Why cores cannot be had and read; empty if they can."""
        return cores.trouble(self.pattern) or ("" if self.gdb else "gdb is not installed")

    def trouble_with_hangs(self) -> str:
        """Why programs that hang cannot be looked at; empty if they can."""
        if not self.gdb:
            return "gdb is not installed"
        return "" if self.may_attach else "kernel.yama.ptrace_scope does not let gdb attach"

    def metadata(self) -> Json:
        """As a worker's dynamic metadata."""
        troubles = {"core_dumps": self.trouble(), "hang_stacks": self.trouble_with_hangs()}
        return {what: f"no: {trouble}" if trouble else "yes" for what, trouble in troubles.items()}

    def of_core(self, folder: Path, is_enough: IsEnough) -> bytes:
        """What the first core in a run's working folder tells; empty if there is none, or it is enough before that."""
        core = None if self.trouble() else cores.find(folder, self.pattern)
        program = cores.program_of(core) if core else None
        if core is None or not program:
            return b""
        return gdb.of_core(self.gdb, program, core, CORE_SECONDS, is_enough).encode()

    def of_hang(self, pid: int, is_enough: IsEnough) -> bytes:
        """Where a process stays; empty if that cannot be told."""
        if self.trouble_with_hangs():
            return b""
        return gdb.of_process(self.gdb, pid, HANG_SECONDS, is_enough).encode()


def of_this_machine() -> Debugger:
    """The debugger that is here."""
    return Debugger(gdb=gdb.path() or "", pattern=cores.read_pattern(), may_attach=_may_attach())


def _may_attach() -> bool:
    """Whether the kernel lets a debugger attach to what is no descendant of it: as root, or where nobody forbids it."""
    try:
        return os.geteuid() == 0 or SCOPE.read_text().strip() == "0"
    except OSError:
        return True
