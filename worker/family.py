"""All processes of one run: the program, its descendants, and those that tried to leave."""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterable

from worker import processes
from worker.processes import Process

RECENT = 0.15
"""Seconds for which one look at the machine's processes serves all runs."""

_WAIT = 0.01
_PATIENCE = 10.0
"""Seconds until a process that does not die (it hangs in the kernel) is left alone."""

_sessions: set[int] = set()
_marks: set[str] = set()
"""The sessions and marks of all runs that have not ended."""

_lock = threading.Lock()


class Family:
    """The processes of one run, known by descent, group, session and the mark in their environment.

    `start` starts the program, the `leader`, in a session of its own. A process that leaves its parents, its
    session and its environment behind becomes a child of ours (we are a subreaper), and is killed at the end of
    whichever run that began before it ends first. Who still has the mark of another run is left to that one.
    """

    def __init__(self, mark: str, start: Callable[[], "subprocess.Popen[bytes]"]) -> None:
        self._mark = mark
        self._begun = processes.begun()
        self._has_ended = False
        # Nobody may see the program before its session is known: it would look like a stray.
        with _lock:
            self.leader = start()
            _sessions.add(self.leader.pid)
            _marks.add(mark)
        self._leader = self.leader.pid
        self._began = processes.started(self._leader) or 0
        self._known: dict[int, int] = {self._leader: self._began}

    def look(self) -> tuple[int, int]:
        """Get to know new members; tells how many live and the bytes of memory that they hold together."""
        table = processes.recent(RECENT)
        members = [table[pid] for pid in self._learn(table)]
        return len(members), sum(member.rss for member in members)

    def busiest(self) -> int:
        """The pid of the living member that has worked most."""
        table = processes.table()
        living = processes.alive(self._learn(table), table)
        return max(living, key=lambda pid: (table[pid].ticks, pid), default=self._leader)

    def has(self, pid: int) -> bool:
        """Whether a member lives."""
        if pid == self._leader:
            return self.leader.poll() is None
        return processes.started(pid) == self._known.get(pid)

    def end(self) -> None:
        """Kill all members, and return when they are gone. Ending what has ended does nothing."""
        if self._has_ended:
            return
        until = time.monotonic() + _PATIENCE
        while living := self._living():
            processes.kill(living)
            self.leader.poll()
            processes.reap(living - {self._leader})
            if time.monotonic() > until:
                break
            time.sleep(_WAIT)
        self.leader.wait(_PATIENCE)
        self._has_ended = True
        processes.reap(set(self._known) - {self._leader})
        with _lock:
            _sessions.discard(self._leader)
            _marks.discard(self._mark)

    def _living(self) -> set[int]:
        table = processes.since(self._leader, self._begun)
        since = [process for process in table.values() if process.started >= self._began]
        strays = _strays(since, self._mark)
        members = self._learn(table) | strays | processes.marked(self._mark, since)
        self._known |= {pid: table[pid].started for pid in members}
        return processes.alive(members, table)

    def _learn(self, table: dict[int, Process]) -> set[int]:
        """Members by descent, group and session."""
        known = [pid for pid, began in self._known.items() if pid in table and table[pid].started == began]
        members = processes.tree(known, table)
        members |= {p.pid for p in table.values() if self._leader in (p.group, p.session)}
        self._known |= {pid: table[pid].started for pid in members}
        return members


def _strays(among: Iterable[Process], mark: str) -> set[int]:
    """The pids of children of ours that we did not start: their sessions are neither ours nor those of runs."""
    with _lock:
        ours, others = _sessions | {os.getsid(0)}, _marks - {mark}
    strays = [process for process in among if process.parent == os.getpid() and process.session not in ours]
    return {process.pid for process in strays if not any(processes.marked(other, [process]) for other in others)}
