"""Which starts of this worker were made on this machine: its former self is to be told from another of its name."""

import contextlib
from pathlib import Path

from worker import durable

KEPT = 8
"""Starts that are remembered: what was sent by the last ones may arrive late."""


def note(file: Path, incarnation: str) -> frozenset[str]:
    """Note a start, and tell the former ones. They are over: who notes a start has the worker's folder to itself.

    Where the file is lost, or cannot be written, a start cannot be told from one on another machine, and the next one
    has to watch for a while whether it lives.
    """
    try:
        former = file.read_text().split()
    except (OSError, UnicodeDecodeError):
        former = []
    with contextlib.suppress(OSError):
        durable.write(file, "\n".join([*former, incarnation][-KEPT:]).encode())
    return frozenset(former)
