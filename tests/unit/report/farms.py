"""Farms made of documents: results, and the history documents that they lead to."""

from datetime import UTC, datetime, timedelta
from typing import Any

from crashfarm import times
from crashfarm.documents.branch import Branch, Build, branch_id
from crashfarm.documents.environment import Environment
from crashfarm.documents.finding import Finding, Frame, Kind
from crashfarm.documents.history import History, Sighting, history_of
from crashfarm.documents.result import Result

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

MACHINES = (("Linux", "6.1", "x86_64"), ("Linux", "6.8", "aarch64"))


def finding(kind: Kind = Kind.CRASH, detail: str = "list_dealloc | Py_DECREF", **parts: Any) -> Finding:
    """A finding; its signature is its detail."""
    values = {
        "title": "SIGSEGV",
        "message": "Segmentation fault",
        "signature": detail,
        "frames": (Frame(function="list_dealloc", file="Objects/listobject.c", line=357), Frame(module="libc.so.6")),
        "excerpt": "Fatal Python error: Segmentation fault\n\nCurrent thread 0x1 (most recent call first):\n",
        **parts,
    }
    return Finding(kind=kind, detail=detail, **values)


def result(number: int, *findings: Finding, branch: str = "3.13", machine: int = 0, **parts: Any) -> Result:
    """A result that ended `number` minutes after noon."""
    os_name, os_version, cpu_name = MACHINES[machine]
    moment = times.to_text(NOON + timedelta(minutes=number))
    values = {
        "product": "cpython",
        "buildtype": "opt",
        "outcome": "failure" if findings else "success",
        "input_name": "nested.py",
        "source": "test",
        "started_at": moment,
        "completed_at": moment,
        **parts,
    }
    return Result(
        id=f"result:{number:05d}",
        job=f"job:{number:05d}",
        branch=branch,
        os_name=os_name,
        os_version=os_version,
        cpu_name=cpu_name,
        worker="worker:barn",
        incarnation="barn/1/2/3",
        attempt=1,
        findings=findings,
        **values,
    )


def branch(name: str, product: str = "cpython") -> Branch:
    """A branch with one build."""
    build = Build(command=(f"/opt/{name}/bin/python", "-X", "faulthandler", "{input}"), about=f"CPython {name}")
    return Branch(id=branch_id(product, name), product=product, branch=name, builds={"opt": {"Linux": build}})


def histories(results: list[Result]) -> list[History]:
    """The history documents that workers would have written for these results."""
    merged: dict[str, History] = {}
    for one in results:
        for found in one.findings:
            place = found.input or one.input_name
            made = history_of(
                Sighting(finding=found, environment=Environment.of(one), seen_at=one.completed_at, place=place)
            )
            merged[made.id] = merged[made.id].merge(made) if made.id in merged else made
    return list(merged.values())


def history_docs(results: list[Result]) -> list[dict[str, Any]]:
    """All documents of the history database."""
    return [one.to_doc() for one in [*results, *histories(results)]]
