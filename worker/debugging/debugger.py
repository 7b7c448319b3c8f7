"""What a worker can find out of crashed and hung programs on its machine."""

from pathlib import Path

import msgspec

from crashfarm.documents.base import Json
from worker.debugging import cores, gdb

CORE_SECONDS = 30.0
HANG_SECONDS = 10.0
"""Seconds that gdb may take for a core, and for a program that hangs."""


class Debugger(msgspec.Struct, frozen=True, kw_only=True):
    """The debugger of this machine. `gdb` is its path, empty where it is not installed; `pattern` the core_pattern."""

    gdb: str
    pattern: str

    def trouble(self) -> str:
        """Why cores cannot be had and read; empty if they can."""
        return cores.trouble(self.pattern) or ("" if self.gdb else "gdb is not installed")

    def metadata(self) -> Json:
        """As a worker's dynamic metadata."""
        trouble = self.trouble()
        return {"core_dumps": f"no: {trouble}" if trouble else "yes", "gdb": bool(self.gdb)}

    def of_core(self, folder: Path) -> bytes:
        """What the first core in a run's working folder tells; empty if there is none."""
        core = None if self.trouble() else cores.find(folder, self.pattern)
        program = cores.program_of(core) if core else None
        return gdb.of_core(self.gdb, program, core, CORE_SECONDS).encode() if core and program else b""

    def of_hang(self, pid: int) -> bytes:
        """Where a process stays; empty if that cannot be told."""
        return gdb.of_process(self.gdb, pid, HANG_SECONDS).encode() if self.gdb else b""


def of_this_machine() -> Debugger:
    """The debugger that is here."""
    return Debugger(gdb=gdb.path() or "", pattern=cores.read_pattern())
