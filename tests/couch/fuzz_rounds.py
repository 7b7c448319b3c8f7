"""A long run of hostile requests, watching that the store answers, lives, and keeps its memory and its handles.

python -m tests.couch.fuzz_rounds 100000
"""

import http.client
import sys
import tempfile
import threading
import time
from base64 import b64encode
from collections import Counter
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psutil

from tests.couch.conftest import start_store, stop_store
from tests.couch.hostile import Asked, Hostile

CLIENTS = 4
DB = "fuzz"
#: After so many requests the database is made anew, so that its growth is not taken for a leak.
ROUND = 5000
SECONDS = 60
#: What CouchDB answers with a 500 too: functions of design documents that fail.
ALLOWED = tuple(f'{{"error":"{word}"' for word in ("TypeError", "render_error"))


class Talker(threading.Thread):
    """One client: sends its share of a round and counts the statuses; keeps what should not have been answered."""

    def __init__(self, url: str, seed: int, count: int) -> None:
        super().__init__(daemon=True)
        self._parts = urlsplit(url)
        self._count = count
        self._hostile = Hostile(seed, DB)
        self.statuses: Counter[int] = Counter()
        self.faults: list[str] = []

    def run(self) -> None:
        """Send them all."""
        connection = self._connect()
        for _ in range(self._count):
            asked = self._hostile.request()
            try:
                status, text = self._send(connection, asked)
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                connection = self._connect()
                status, text = 0, repr(error)
            self.statuses[status] += 1
            if status == 0 or (status >= 500 and status != 501 and not text.startswith(ALLOWED)):
                self.faults.append(f"{status} {text[:200]} for {asked}"[:600])
        connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self._parts.hostname or "", self._parts.port, timeout=SECONDS)

    def _send(self, connection: http.client.HTTPConnection, asked: Asked) -> tuple[int, str]:
        user = f"{self._parts.username}:{unquote(self._parts.password or '')}"
        headers = {"Authorization": "Basic " + b64encode(user.encode()).decode(), **asked.headers}
        connection.request(asked.method, asked.path, asked.body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace")


def one_round(url: str, seed: int, count: int) -> tuple[Counter[int], list[str]]:
    """A fresh database, and so many requests by several clients: statuses, and what went wrong."""
    for method in ("DELETE", "PUT"):
        setup = Talker(url, 0, 0)
        setup._send(setup._connect(), Asked(method, f"/{DB}", {}, b""))
    talkers = [Talker(url, seed * CLIENTS + number, count // CLIENTS) for number in range(CLIENTS)]
    for talker in talkers:
        talker.start()
    for talker in talkers:
        talker.join()
    statuses = sum((talker.statuses for talker in talkers), Counter[int]())
    return statuses, [fault for talker in talkers for fault in talker.faults]


def main() -> None:
    """As many requests as the argument says; a line for each round, and what went wrong at the end."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    statuses: Counter[int] = Counter()
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        process, url = start_store(Path(folder) / "data")
        watched = psutil.Process(process.pid)
        for number in range(wanted // ROUND):
            begun = time.monotonic()
            found, wrong = one_round(url, number, ROUND)
            statuses += found
            faults += wrong
            print(
                f"{statuses.total():7} requests, {ROUND / (time.monotonic() - begun):5.0f}/s, "
                f"{watched.memory_info().rss / 1e6:6.1f} MB, {watched.num_fds()} handles, "
                f"{watched.num_threads()} threads, {len(watched.children())} children, {len(faults)} faults",
                flush=True,
            )
        assert stop_store(process) == 0
    print("statuses:", dict(sorted(statuses.items())))
    for fault in faults[:50]:
        print(fault)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
