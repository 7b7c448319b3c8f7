"""Rounds of mixed writes that end with SIGKILL, each followed by a look at what is there.

python -m tests.couch.crash_rounds 50
"""

import base64
import hashlib
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from tests.couch.conftest import start_store, stop_store

WRITERS = 4
#: The longest that a start may take after a kill, in seconds; generous, for the machine may be busy.
START_SECONDS = 10.0
DB = "/crash"
VIEW = {"views": {"n": {"map": "function(doc) { if (doc.n !== undefined) emit(doc.n, doc.w); }", "reduce": "_count"}}}


class Acknowledged:
    """What the store said is written: the last revision of each document, digests of attachments, purged ids."""

    def __init__(self) -> None:
        self.revs: dict[str, str] = {}
        self.uncertain: dict[str, int] = {}
        self.attachments: dict[str, str] = {}
        self.purged: set[str] = set()
        self.count = 0


class Writer(threading.Thread):
    """Writes until the store is gone. Each writer has documents of its own."""

    def __init__(self, url: str, number: int, run: int, acknowledged: Acknowledged) -> None:
        super().__init__(daemon=True)
        self._url = url + DB
        self._prefix = f"r{run}w{number}-"
        self._known = acknowledged
        self._random = random.Random(run * 100 + number)
        self._session = requests.Session()
        self._own: list[str] = []

    def run(self) -> None:
        """Mixed writes; the first that is not answered ends it."""
        kinds: list[Callable[[int], None]] = [self._put, self._bulk, self._update, self._attach, self._view]
        number = 0
        try:
            while True:
                number += 1
                self._random.choice(kinds)(number)
                if number % 40 == 0:
                    self._purge()
                if number % 60 == 0:
                    self._ask("POST", "/_compact", json={})
        except requests.RequestException:
            self._session.close()

    def _ask(self, method: str, path: str, **options: Any) -> Any:
        answer = self._session.request(method, self._url + path, timeout=60, **options)
        assert answer.ok, answer.text
        return answer.json()

    def _put(self, number: int) -> None:
        self._write(f"{self._prefix}p{number}", {"n": number, "w": self._prefix})

    def _write(self, doc_id: str, body: dict[str, Any]) -> None:
        self._known.uncertain[doc_id] = self._known.uncertain.get(doc_id, 0) + 1
        self._record(doc_id, self._ask("PUT", f"/{doc_id}", json=body)["rev"])

    def _record(self, doc_id: str, rev: str) -> None:
        self._known.revs[doc_id] = rev
        self._known.uncertain.pop(doc_id, None)
        self._known.count += 1
        self._own.append(doc_id)

    def _bulk(self, number: int) -> None:
        # Long enough to be packed on the disk.
        text = self._prefix * 60
        docs = [{"_id": f"{self._prefix}b{number}-{n}", "n": n, "w": self._prefix, "text": text} for n in range(30)]
        for row in self._ask("POST", "/_bulk_docs", json={"docs": docs}):
            self._record(row["id"], row["rev"])

    def _update(self, number: int) -> None:
        if self._own:
            doc_id = self._random.choice(self._own)
            if doc_id not in self._known.attachments:
                self._write(doc_id, {"_rev": self._known.revs[doc_id], "n": number, "again": True})

    def _attach(self, number: int) -> None:
        doc_id = f"{self._prefix}a{number}"
        data = self._random.randbytes(self._random.randint(1, 600_000))
        digest = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
        headers = {"Content-Type": "image/png"}
        rev = self._ask("PUT", f"/{doc_id}/f", data=data, headers=headers)["rev"]
        self._known.attachments[doc_id] = digest
        self._record(doc_id, rev)

    def _view(self, number: int) -> None:
        self._ask("GET", "/_design/v/_view/n?limit=3&reduce=false")

    def _purge(self) -> None:
        doc_id = self._own[0]
        self._own = [each for each in self._own if each != doc_id]
        self._known.purged.add(doc_id)
        self._ask("POST", "/_purge", json={doc_id: [self._known.revs[doc_id]]})
        self._known.revs.pop(doc_id)


def one_round(folder: Path, run: int, known: Acknowledged, writes: int) -> float:
    """Write until so many more are acknowledged, kill, start again, check; the seconds that the start took."""
    process, url = start_store(folder)
    if run == 1:
        requests.put(url + DB, timeout=60)
        requests.put(url + DB + "/_design/v", json=VIEW, timeout=60)
    writers = [Writer(url, number, run, known) for number in range(WRITERS)]
    enough = known.count + writes
    for writer in writers:
        writer.start()
    while known.count < enough and any(writer.is_alive() for writer in writers):
        writers[0].join(0.01)
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()
    for writer in writers:
        writer.join()
    begun = time.monotonic()
    process, url = start_store(folder)
    seconds = time.monotonic() - begun
    try:
        check(url + DB, known)
    finally:
        assert stop_store(process) == 0
    return seconds


def check(db: str, known: Acknowledged) -> None:
    """Every acknowledged write is there, nothing half-written is, and the indexes agree with a fresh build."""
    rows = _read(db, "/_all_docs")["rows"]
    there = {row["id"]: row["value"]["rev"] for row in rows}
    for doc_id, rev in known.revs.items():
        if doc_id in known.purged:
            continue
        assert doc_id in there, f"{doc_id} was acknowledged and is gone"
        if there[doc_id] != rev:
            # A write whose answer was lost may have been done: then the document is one revision further.
            assert doc_id in known.uncertain and _generation(there[doc_id]) == _generation(rev) + 1
    assert _read(db, "")["doc_count"] == len(rows)
    changed = {row["id"] for row in _read(db, "/_changes")["results"] if not row.get("deleted")}
    assert changed == set(there)
    for doc_id, digest in list(known.attachments.items())[-20:]:
        if doc_id in there:
            data = requests.get(f"{db}/{doc_id}/f", timeout=60).content
            assert base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode() == digest
    _check_view(db)
    for doc_id, rev in there.items():
        known.revs[doc_id] = rev
    known.uncertain.clear()
    known.revs.pop("_design/v", None)


def _check_view(db: str) -> None:
    kept = _read(db, "/_design/v/_view/n?reduce=false")["rows"]
    fresh = {"views": {"n": {"map": VIEW["views"]["n"]["map"] + f"/* {random.random()} */", "reduce": "_count"}}}
    rev = requests.put(f"{db}/_design/fresh", json=fresh, timeout=60).json()["rev"]
    assert _read(db, "/_design/fresh/_view/n?reduce=false")["rows"] == kept
    totals = _read(db, "/_design/v/_view/n")["rows"]
    assert [row["value"] for row in totals] == ([len(kept)] if kept else [])
    assert requests.post(f"{db}/_purge", json={"_design/fresh": [rev]}, timeout=60).ok


def _read(db: str, path: str) -> Any:
    answer = requests.get(db + path, timeout=120)
    assert answer.ok, answer.text
    return answer.json()


def _generation(rev: str) -> int:
    return int(rev.partition("-")[0])


def main() -> None:
    """As many rounds as the argument says."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    with tempfile.TemporaryDirectory() as folder:
        known = Acknowledged()
        for run in range(1, rounds + 1):
            seconds = one_round(Path(folder) / "data", run, known, 300)
            print(f"round {run}: {known.count} writes acknowledged, all there; start took {seconds:.2f} s", flush=True)


if __name__ == "__main__":
    main()
