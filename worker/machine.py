"""What machine this is, and which start of which process."""

import os
import platform
import secrets
import socket
from collections.abc import Mapping
from pathlib import Path

import msgspec

from crashfarm.documents.base import Json
from worker import processes


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of a machine that decide which jobs it can run and how what it sees is filed."""

    hostname: str
    os_name: str
    os_version: str
    cpu_name: str

    def metadata(self) -> Json:
        """As a worker's dynamic metadata."""
        return {
            "os_name": self.os_name,
            "os_version": self.os_version,
            "cpu_name": self.cpu_name,
            "cpu_count": os.cpu_count() or 1,
            "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        }


def this_machine() -> Machine:
    """The machine that this process runs on."""
    return Machine(
        hostname=socket.gethostname(),
        os_name=platform.system(),
        os_version=_os_version(),
        cpu_name=platform.machine(),
    )


def incarnation() -> str:
    """A name for this start of this process: host, kernel, pid, the kernel's start time of the pid, and a random part.

    A process that executes itself anew keeps all but the last.
    """
    pid = os.getpid()
    return "/".join((socket.gethostname(), _kernel(), str(pid), str(processes.started(pid)), secrets.token_hex(3)))


def is_over(incarnation: str) -> bool | None:
    """Whether that start of a process has ended; None when we cannot see it.

    That is so before the machine's last start, too: another machine may have the same host name.
    """
    parts = incarnation.split("/")
    if len(parts) != 5 or not parts[2].isdecimal() or parts[:2] != [socket.gethostname(), _kernel()]:
        return None
    if int(parts[2]) == os.getpid():
        return True
    return str(processes.started(int(parts[2]))) != parts[3]


def _os_version() -> str:
    """Name and version without what changes from day to day: "Debian 12", "Ubuntu 24.04"."""
    try:
        return _distribution(platform.freedesktop_os_release())
    except OSError:
        return platform.release()


def _distribution(release: Mapping[str, str]) -> str:
    name = release.get("NAME", "Linux").removesuffix(" GNU/Linux").removesuffix(" Linux")
    return " ".join(filter(None, (name, release.get("VERSION_ID", ""))))


def _kernel() -> str:
    """Which pids ours are among: the first part of the kernel's name for this boot, and the container's own pids."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().partition("-")[0]
        return f"{boot}-{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        return "unknown"
