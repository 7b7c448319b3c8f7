"""A server that several runs of the tests share: what is set for all of it is set by one run at a time."""

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FILE = Path(tempfile.gettempdir()) / "crashfarm-tests.lock"
_inside: list[bool] = []


@contextmanager
def on_the_server() -> Iterator[None]:
    """No other run on this machine changes the server's users or settings meanwhile. It may be had again inside."""
    with _FILE.open("a") as lock:
        if not _inside:
            fcntl.flock(lock, fcntl.LOCK_EX)
        _inside.append(True)
        try:
            yield
        finally:
            _inside.pop()
