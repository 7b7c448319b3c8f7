"""Ending an embedded store that is busy: it takes seconds, whatever it would have to wait for, and loses nothing."""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

import apsw
import psutil
import pytest
import requests

from server import embedded
from tests.couch.conftest import start_store, stop_store

pytestmark = pytest.mark.embedded_only

#: What a stop may take, and how much longer on a busy machine.
STOP_SECONDS = 6.0
LEEWAY = 4.0
FOREVER = "function () { while (true) {} }"
DESIGN = {
    "views": {"loops": {"map": FOREVER}},
    "filters": {"loops": FOREVER},
    "updates": {"loops": FOREVER},
}


@contextmanager
def store(folder: Path, **settings: object) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """A store with an empty database: its process, and the database's address. It ends with the block."""
    folder.mkdir(exist_ok=True)
    (folder / "settings.json").write_text(json.dumps(settings))
    process, url = start_store(folder)
    try:
        requests.put(f"{url}/db", timeout=30)
        yield process, f"{url}/db"
    finally:
        process.kill()
        stop_store(process)


def end(process: "subprocess.Popen[str]", folder: Path) -> None:
    """Stop a store, which must end as if it had nothing else to do, and leave its folder free."""
    begun = time.monotonic()
    assert stop_store(process) == 0
    assert time.monotonic() - begun < STOP_SECONDS + LEEWAY
    assert not (folder / "store.json").exists()


def wait_for(condition: Callable[[], object]) -> None:
    """Until something has come true."""
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


@contextmanager
def asking(method: str, url: str, **options: object) -> Iterator[list[int]]:
    """A request that is under way while the block runs; the status of its answer, if there is one, is there later."""
    statuses: list[int] = []

    def ask() -> None:
        with suppress(requests.RequestException):
            statuses.append(requests.request(method, url, timeout=60, **options).status_code)  # type: ignore[arg-type]

    thread = threading.Thread(target=ask)
    thread.start()
    yield statuses
    thread.join()


def is_running_javascript(process: "subprocess.Popen[str]") -> bool:
    """Whether a function has gone on for longer than a child process takes to start."""
    return any(child.cpu_times().user > 0.7 for child in psutil.Process(process.pid).children())


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "_design/d/_view/loops"),
        ("GET", "_changes?filter=d/loops"),
        ("GET", "_changes?filter=d/loops&feed=continuous"),
        ("POST", "_design/d/_update/loops"),
    ],
)
def test_function_that_never_ends_does_not_keep_the_store(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], method: str, path: str
) -> None:
    """Its limit of time may be minutes away. Who waits for it is told to come back."""
    with store(tmp_path, javascript_seconds=100) as (process, db):
        requests.put(f"{db}/_design/d", json=DESIGN, timeout=30)
        requests.put(f"{db}/a", json={}, timeout=30)
        with asking(method, f"{db}/{path}") as statuses:
            wait_for(lambda: is_running_javascript(process))
            end(process, tmp_path)
    assert statuses == ([200] if "continuous" in path else [503])
    assert "Traceback" not in capfd.readouterr().err


def test_validation_that_never_ends_does_not_keep_the_store(tmp_path: Path) -> None:
    """What it was to judge was never acknowledged, and is not there later."""
    with store(tmp_path, javascript_seconds=100) as (process, db):
        requests.put(f"{db}/_design/d", json={"validate_doc_update": FOREVER}, timeout=30)
        with asking("PUT", f"{db}/a", json={}), asking("PUT", f"{db}/b", json={}):
            wait_for(lambda: is_running_javascript(process))
            end(process, tmp_path)
    with store(tmp_path) as (_, db):
        assert [row["id"] for row in requests.get(f"{db}/_all_docs", timeout=30).json()["rows"]] == ["_design/d"]


def test_client_that_reads_nothing_does_not_keep_the_store(tmp_path: Path) -> None:
    """Its answer waits in full buffers."""
    with store(tmp_path) as (process, db), socket.socket() as silent:
        docs = [{"text": "x" * 1_000_000} for _ in range(40)]
        requests.post(f"{db}/_bulk_docs", json={"docs": docs}, timeout=60)
        address = urlsplit(db)
        token = requests.auth._basic_auth_str(address.username or "", unquote(address.password or ""))
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        silent.connect((address.hostname, address.port))
        request = f"GET /db/_all_docs?include_docs=true HTTP/1.1\r\nhost: x\r\nauthorization: {token}\r\n\r\n"
        silent.sendall(request.encode())
        assert silent.recv(15) == b"HTTP/1.1 200 OK"
        end(process, tmp_path)


@pytest.mark.parametrize("continuous", [False, True])
def test_replication_from_who_does_not_answer_does_not_keep_the_store(tmp_path: Path, continuous: bool) -> None:
    """The other side takes the connection, and says nothing."""
    with store(tmp_path) as (process, db), socket.create_server(("127.0.0.1", 0)) as silent:
        body = {"source": f"http://127.0.0.1:{silent.getsockname()[1]}/x", "target": "db", "continuous": continuous}
        with asking("POST", db.removesuffix("db") + "_replicate", json=body):
            connection, _ = silent.accept()
            with connection:
                end(process, tmp_path)


def test_replication_of_its_own_databases_does_not_keep_the_store(tmp_path: Path) -> None:
    """It asks the very store that ends, and is gone on with at the next start."""
    with store(tmp_path) as (process, db):
        server = db.removesuffix("/db")
        requests.put(f"{server}/copy", timeout=30)
        address = {"source": db, "target": f"{server}/copy", "continuous": True}
        requests.put(f"{server}/_replicator/r", json=address, timeout=30)
        requests.put(f"{db}/a", json={}, timeout=30)
        wait_for(lambda: requests.get(f"{server}/copy/a", timeout=30).ok)
        end(process, tmp_path)


def test_build_of_a_view_does_not_keep_the_store_and_is_gone_on_with(tmp_path: Path) -> None:
    """Its transaction is given up; the next store indexes all."""
    slow = "function (doc) { for (var n = 0; n < 20000; n++) {} emit(doc.n); }"
    with store(tmp_path) as (process, db):
        requests.post(f"{db}/_bulk_docs", json={"docs": [{"n": n} for n in range(30_000)]}, timeout=60)
        requests.put(f"{db}/_design/d", json={"views": {"v": {"map": slow}}}, timeout=30)
        tasks = db.removesuffix("db") + "_active_tasks"
        with asking("GET", f"{db}/_design/d/_view/v?limit=1"):
            wait_for(lambda: [each for each in requests.get(tasks, timeout=30).json() if each["changes_done"]])
            end(process, tmp_path)
    quick = {"views": {"v": {"map": "function (doc) { emit(doc.n); }"}}}
    with store(tmp_path) as (_, db):
        rev = requests.get(f"{db}/_design/d", timeout=30).json()["_rev"]
        requests.put(f"{db}/_design/d", json={"_rev": rev, **quick}, timeout=30)
        assert requests.get(f"{db}/_design/d/_view/v?limit=0", timeout=60).json()["total_rows"] == 30_000


def test_write_that_the_disk_keeps_waiting_does_not_keep_the_store(tmp_path: Path) -> None:
    """Nothing can interrupt it: the process ends in the midst of it."""
    with store(tmp_path) as (process, db), closing(apsw.Connection(str(tmp_path / "databases" / "db.sqlite"))) as other:
        other.execute("BEGIN IMMEDIATE")
        writers = psutil.Process(process.pid).num_threads()
        with asking("PUT", f"{db}/a", json={}):
            wait_for(lambda: psutil.Process(process.pid).num_threads() > writers)
            end(process, tmp_path)


def test_what_was_acknowledged_is_there_however_the_store_ends(tmp_path: Path) -> None:
    """Writers go on until nobody answers, while a function that never ends holds up the stop."""
    known: list[str] = []

    def write(name: str, db: str) -> None:
        with requests.Session() as session, suppress(requests.RequestException):
            for number in range(1_000_000):
                if session.put(f"{db}/{name}{number}", json={}, timeout=30).status_code == 201:
                    known.append(f"{name}{number}")

    with store(tmp_path, javascript_seconds=100) as (process, db):
        requests.put(f"{db}/_design/d", json=DESIGN, timeout=30)
        requests.put(f"{db}/first", json={}, timeout=30)
        with asking("GET", f"{db}/_design/d/_view/loops"):
            wait_for(lambda: is_running_javascript(process))
            writers = [threading.Thread(target=write, args=(name, db)) for name in "ab"]
            for writer in writers:
                writer.start()
            wait_for(lambda: len(known) > 20)
            end(process, tmp_path)
            for writer in writers:
                writer.join()
    with store(tmp_path) as (_, db):
        ids = {row["id"] for row in requests.get(f"{db}/_all_docs", timeout=30).json()["rows"]}
    assert set(known) <= ids


def test_store_that_has_ended_is_not_waited_for(tmp_path: Path) -> None:
    """Where nobody asks how a process ended, as in many a container, its number stays."""
    script = f"{sys.executable} -m server.store --data {tmp_path} & exec sleep 100"
    parent = subprocess.Popen(["/bin/sh", "-c", script], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    with parent, parent.stdout:
        assert parent.stdout.readline().startswith(b"ready")
        begun = time.monotonic()
        assert embedded.stop(tmp_path)
        assert time.monotonic() - begun < STOP_SECONDS + LEEWAY
        assert not embedded.stop(tmp_path)
        parent.kill()
