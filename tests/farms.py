"""Farms made of documents: results, and the history documents that they lead to."""

import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from crashfarm import times
from crashfarm.documents.base import Document
from crashfarm.documents.branch import Branch, Build, branch_id
from crashfarm.documents.environment import Environment
from crashfarm.documents.finding import Finding, Frame, Kind
from crashfarm.documents.history import History, Sighting, history_of
from crashfarm.documents.result import Result
from crashfarm.documents.signature import BuildRange, Minimal, Reproduction, SignatureNote
from crashfarm.settings import Farm
from tests import fake_views

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
        "job": f"job:{number:05d}",
        "worker": "worker:barn",
        **parts,
    }
    return Result(
        id=f"result:{number:05d}",
        branch=branch,
        os_name=os_name,
        os_version=os_version,
        cpu_name=cpu_name,
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


def notes(results: list[Result]) -> list[SignatureNote]:
    """All that can be found out about each signature, every word of it hostile; they are variants of one another."""
    found = {one.detail: SignatureNote.of(one) for run in results for one in run.findings}
    leader = next(iter(found.values())).id
    minimal = Minimal(
        result="x" + HOSTILE, attachment=HOSTILE, name=HOSTILE, size=10**9, original_size=2, tests=1, at=""
    )
    builds = dict.fromkeys(
        ("last_good", "first_bad", "last_bad", "first_good", "branch", "product", "buildtype"), HOSTILE
    )
    about = {
        "minimal": minimal,
        "range": BuildRange(**builds, skipped=(HOSTILE,), runs=3),
        "reproduction": Reproduction(result=HOSTILE, seen=1, ran=3),
        "confirmed_by": HOSTILE,
    }
    return [one.evolve(**about, variant_of="" if one.id == leader else leader) for one in found.values()]


def history_docs(results: list[Result]) -> list[dict[str, Any]]:
    """All documents of the history database."""
    return [one.to_doc() for one in [*results, *histories(results)]]


def generate(days: int = 2) -> list[Result]:
    """Results of six inputs on four branches: some differ, some are everywhere, some runs could not begin."""
    numbers = itertools.count(1)
    plan = itertools.product(range(days), BRANCHES, INPUTS)
    return [_run(next(numbers) + day * 24 * 60, name, at) for day, name, at in plan]


BRANCHES = ("3.11", "3.12", "3.13", "main")
INPUTS = ("nested.py", "assert.py", "freed.py", "deep.py", "fine.py", "hostile.py")

HOSTILE = "<script>alert(1)</script><b>\u202egpj.exe</b> \"&amp;' \x1b[31m {{ 7 * 7 }} " + "x" * 10_000
"""A text that is script, HTML, an override of direction, a terminal's command, a template and too long, at once."""


def _run(number: int, name: str, at: str) -> Result:
    if number % 17 == 0:
        return result(number, branch=name, input_name=at, outcome="error")
    return result(number, *_findings(name, at), branch=name, input_name=at, machine=number % 2)


def _findings(name: str, at: str) -> list[Finding]:
    found = {
        "nested.py": [finding()] if name != "3.12" else [],
        "assert.py": [
            finding(
                Kind.ASSERTION, "Objects/typeobject.c", message="Assertion `self != NULL' failed", title="Assertion"
            ),
            finding(Kind.EXCEPTION, "ValueError | load", message="invalid literal", title="Unhandled ValueError"),
        ],
        "freed.py": [
            finding(Kind.SANITIZER, "use-after-free | PyDict_SetItem", access="READ", size=8, severity="high")
        ],
        "deep.py": [finding(Kind.HANG, "hang | sre_match", title="No end")] if name in {"3.13", "main"} else [],
        "hostile.py": [finding(Kind.CRASH, HOSTILE, message=HOSTILE, title=HOSTILE, excerpt=HOSTILE)],
    }
    return found.get(at, [])


def in_memory(results: list[Result], *others: Document) -> Farm:
    """A farm of fake databases that hold these results, the histories they lead to, and other documents."""
    history = fake_views.FakeDatabase("crashfarm-history", history_docs(results))
    status = fake_views.FakeDatabase("crashfarm", [one.to_doc() for one in others])
    return Farm(cast(Any, None), cast(Any, status), cast(Any, history))


def content(out: Path) -> dict[str, bytes]:
    """All files of a report but its marker."""
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*.*") if path.name[0] != "."}
