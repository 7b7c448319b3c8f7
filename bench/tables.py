"""Figures of the queue's benchmark as tables in Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bench.spreads import Measured

SPREAD = ("processes", "slots", "jobs/s", "x PiCaS", "of bare writes", "conflicts/claim", "requests/job")
PROCESSOR = ("client ms/job", "bare", "store ms/job", "bare")


def spreads(measured: Sequence[Measured], picas: Mapping[int, float]) -> str:
    """One table for each number of pending jobs; `picas` has its tasks a second by the number of processes."""
    parts = []
    for pending in sorted({one.pending for one in measured}):
        rows = [_spread(one, picas) for one in measured if one.pending == pending]
        parts.append(f"{pending:,} jobs pending:\n\n" + table((*SPREAD, *PROCESSOR), rows))
    return "\n\n".join(parts)


def figures(found: Sequence[Mapping[str, Any]]) -> str:
    """Figures of one kind, a line each."""
    return table(tuple(found[0]), [tuple(one.values()) for one in found]) if found else ""


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table."""
    rule = ["---:"] * len(head)
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in (head, rule, *rows))


def _spread(one: Measured, picas: Mapping[int, float]) -> Sequence[object]:
    against = picas.get(one.processes)
    return (
        one.processes,
        one.slots,
        f"{one.jobs_per_second:,.0f}",
        f"{one.jobs_per_second / against:.1f}" if against else "",
        f"{one.ratio:.2f}",
        f"{one.conflicts_per_claim:.3f}",
        f"{one.requests_per_job:.3f}",
        f"{one.client_ms_per_job:.2f}",
        f"{one.bare_client_ms_per_job:.2f}",
        f"{one.store_ms_per_job:.2f}",
        f"{one.bare_store_ms_per_job:.2f}",
    )
