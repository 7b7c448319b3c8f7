"""A farm of real processes for bench/chaos.py: a store, a janitor, and workers with lines of their own to the store."""

import contextlib
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import msgspec

from bench.proxy import Proxy
from crashfarm import settings
from crashfarm.settings import Farm, connect

LEASE = 3.0
ROOM = "256k"
"""The size of the disk that each worker's outbox is on, where we may mount one."""

Process = subprocess.Popen[bytes]


class Hand(msgspec.Struct):
    """A worker: its process, its line to the store, and the folder of its outbox."""

    name: str
    process: Process
    line: Proxy
    home: Path

    @property
    def outbox(self) -> Path:
        """Where its results wait."""
        return self.home / "workers" / settings.DEFAULT_FARM / self.name / "outbox"


class Site:
    """Starts all, and starts anew what was killed."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.log = (folder / "log").open("ab")
        self.port = 0
        self.store = self.start_store()
        self.janitor: Process | None = None
        self.hands: list[Hand] = []
        self._names = [f"worker{number}" for number in range(count)]

    def begin(self) -> None:
        """Start the janitor and the workers; the farm is set up by now."""
        self.janitor = self.start_janitor()
        self.hands = [self._start(name) for name in self._names]

    def farm(self) -> Farm:
        """The farm, reached without any line that could be cut."""
        return connect(settings.load(self.data, {}))

    def start_store(self) -> Process:
        """Start the store, the second time on the same port."""
        command = [sys.executable, "-m", "server.store", "--data", str(self.data), "--port", str(self.port)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log)
        assert process.stdout
        with process.stdout:
            ready = process.stdout.readline().decode()
        self.port = int(ready.strip().rpartition(":")[2])
        return process

    def start_janitor(self) -> Process:
        """Start a janitor as a process of its own."""
        command = [sys.executable, "-m", "server", "janitor", "--every", str(LEASE / 6)]
        return subprocess.Popen(command, env=self._environ(self.port), stdout=self.log, stderr=self.log)

    def restart(self, hand: Hand) -> None:
        """Start a worker whose process has ended, with the files that it left."""
        hand.process = self._run(hand.name, hand.home, hand.line)

    def close(self) -> None:
        """End everything."""
        processes = [*(hand.process for hand in self.hands), self.store, *([self.janitor] if self.janitor else [])]
        for process in processes:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()
        for hand in self.hands:
            hand.line.close()
            if hand.outbox.is_mount():
                subprocess.run(["umount", str(hand.outbox)], check=True)
        self.log.close()

    def _start(self, name: str) -> Hand:
        home, line = self.folder / name, Proxy(self.port)
        hand = Hand(name, self._run(name, home, line), line, home)
        return hand

    def _run(self, name: str, home: Path, line: Proxy) -> Process:
        options = ["--name", name, "--slots", "2", "--lease", str(LEASE), "--allow", "/bin/sh"]
        command = [sys.executable, "-m", "worker", "run", *options]
        environ = self._environ(line.port) | {"CRASHFARM_DATA": str(home)}
        _mount(home / "workers" / settings.DEFAULT_FARM / name / "outbox")
        return subprocess.Popen(command, env=environ, stdout=self.log, stderr=self.log)

    def _environ(self, port: int) -> dict[str, str]:
        """What a process reaches the store with, by that port."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("COUCHDB_", "CRASHFARM_"))}
        return clean | {
            "COUCHDB_URL": f"http://127.0.0.1:{port}",
            "COUCHDB_USER": "admin",
            "COUCHDB_PASSWORD_FILE": str(self.data / "admin-password"),
        }


def fill_disk(hand: Hand) -> None:
    """Leave no room in a worker's outbox; where it has no disk of its own, let its process write nothing more."""
    if not hand.outbox.is_mount():
        _limit_files(hand.process.pid, 0)
        return
    with contextlib.suppress(OSError), (hand.outbox / "ballast").open("ab") as ballast:
        while True:
            ballast.write(bytes(4096))
            ballast.flush()


def free_disk(hand: Hand) -> None:
    """Make room again."""
    if hand.outbox.is_mount():
        (hand.outbox / "ballast").unlink(missing_ok=True)
    else:
        _limit_files(hand.process.pid, resource.RLIM_INFINITY)


def _mount(folder: Path) -> None:
    """Put a folder on a small disk of its own, if we may."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0 and not folder.is_mount():
        command = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(folder)]
        subprocess.run(command, check=False, capture_output=True)


def _limit_files(pid: int, size: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
