"""Kinds of machines: the farm's workers by what they are, and what was seen there."""

from collections import defaultdict
from typing import cast

from crashfarm.documents.worker import Worker
from crashfarm.errors import InvalidDocument
from crashfarm.settings import Farm
from server.queries import paging
from server.report import asks
from server.report.lists import ON_MACHINE, ONLY_MACHINE, Lists, machine_name
from server.report.model import MachineLine, MachineLink, MachinePage, WorkerRow
from server.report.scratch import Tables

MAX_WORKERS = 100
"""Workers that a machine's page lists."""

MAX_LINES = 200
"""Signatures that one page lists."""

Parts = tuple[str, str, str]


class Machines:
    """Reads the farm's worker documents once, and of each kind of machine keeps a bounded number."""

    def __init__(self, farm: Farm, tables: Tables, lists: Lists) -> None:
        self._tables = tables
        self._lists = lists
        self._workers: dict[Parts, list[WorkerRow]] = defaultdict(list)
        self._number: dict[Parts, int] = defaultdict(int)
        seen = tables.rows("SELECT DISTINCT os_name, os_version, cpu_name FROM on_machine")
        self._seen = {cast(Parts, row) for row in seen}
        for row in paging.rows(farm.status, "workers", "by_state", include_docs=True):
            self._add(row.doc or {})

    def lines(self) -> list[MachineLine]:
        """All kinds of machines that the farm has, or that anything was seen on."""
        return [self._line(parts) for parts in sorted({*self._number, *self._seen})]

    def page(self, line: MachineLine) -> MachinePage:
        """The page of one kind of machine."""
        others = len(self._seen) > 1
        return MachinePage(
            line=line,
            workers=tuple(self._workers.get(line.parts, ())),
            workers_left_out=max(0, line.workers - MAX_WORKERS),
            lines=tuple(self._lists.on_machine(line.parts, limit=MAX_LINES)),
            only_here=tuple(self._lists.on_machine(line.parts, ONLY_MACHINE, limit=MAX_LINES)) if others else (),
            only_count=self._lists.number(f"{ON_MACHINE} AND {ONLY_MACHINE}", *line.parts) if others else None,
            asks=asks.machine(line),
        )

    def _add(self, doc: dict[str, object]) -> None:
        try:
            worker = Worker.from_doc(doc)
        except InvalidDocument:
            # The first page still counts it.
            return
        parts = (worker.os_name, worker.os_version, worker.cpu_name)
        self._number[parts] += 1
        if len(self._workers[parts]) < MAX_WORKERS:
            reason = worker.state_reason or worker.control.reason
            name = worker.id.removeprefix("worker:")
            self._workers[parts].append(WorkerRow(name, worker.state, reason, worker.heartbeat_at, worker.version))

    def _line(self, parts: Parts) -> MachineLine:
        here = "os_name = ? AND os_version = ? AND cpu_name = ?"
        return MachineLine(
            link=MachineLink(machine_name(parts), " ".join(parts)),
            parts=parts,
            findings=self._tables.number(f"SELECT sum(count) FROM on_machine WHERE {here}", *parts),  # noqa: S608
            signatures=self._lists.number(ON_MACHINE, *parts),
            workers=self._number.get(parts, 0),
        )
