"""Starting and stopping an embedded store: its folder, its lock, its refusals."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import apsw
import pytest
import requests

from crashfarm.errors import ConfigError
from server.store import service
from server.store.settings import Settings
from tests.couch.conftest import start_store, stop_store

pytestmark = pytest.mark.embedded_only


def refused(*arguments: str) -> str:
    """The one line with which a store declines to start."""
    command = [sys.executable, "-m", "server.store", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_first_start_makes_a_private_folder_and_a_password(tmp_path: Path) -> None:
    """Only the owner reads the password; the hash of it is all that the configuration has."""
    with service.start(tmp_path / "data") as running:
        folder = tmp_path / "data"
        assert folder.stat().st_mode & 0o777 == 0o700
        for name in ("admin-password", "store.json", "config.json"):
            assert (folder / name).stat().st_mode & 0o777 == 0o600
        assert len(running.password) >= 20
        assert running.password not in (folder / "config.json").read_text()
        assert requests.get(running.url + "/_all_dbs", auth=("admin", running.password), timeout=30).status_code == 200


def test_address_file_lives_as_long_as_the_store(tmp_path: Path) -> None:
    """Commands find a live store by it."""
    file = tmp_path / "store.json"
    with service.start(tmp_path) as running:
        known = json.loads(file.read_text())
        assert (known["url"], known["pid"]) == (running.url, os.getpid())
    assert not file.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_it_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    """Exit status 0, and the folder is free again."""
    process, url = start_store(tmp_path)
    requests.put(url + "/kept", timeout=30)
    process.send_signal(number)
    assert process.wait(30) == 0
    assert process.stdout is not None
    process.stdout.close()
    process, url = start_store(tmp_path)
    assert "kept" in requests.get(url + "/_all_dbs", timeout=30).json()
    assert stop_store(process) == 0


def test_second_store_of_one_folder_is_refused(tmp_path: Path) -> None:
    """Two writers would destroy each other's files."""
    with service.start(tmp_path):
        assert "another store uses the data folder" in refused("--data", str(tmp_path))


def test_port_in_use_is_refused_and_leaves_the_folder_free(tmp_path: Path) -> None:
    """The line names the port."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"port {port}" in refused("--data", str(tmp_path), "--port", str(port))
    with service.start(tmp_path):
        pass


def test_folder_of_a_newer_version_is_refused_untouched(tmp_path: Path) -> None:
    """What a newer version wrote is not ours to change."""
    (tmp_path / "format").write_text("99\n")
    assert "has format 99" in refused("--data", str(tmp_path))
    assert sorted(each.name for each in tmp_path.iterdir()) == ["format", "lock"]


def test_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be used"), service.start(tmp_path / "file"):
        pass


def test_half_written_folder_of_a_killed_start_is_completed(tmp_path: Path) -> None:
    """The password was written, the configuration was not, a database file is only a draft."""
    (tmp_path / "admin-password").write_text("early\n")
    (tmp_path / "config.json.new").write_text("{")
    (tmp_path / "databases").mkdir()
    (tmp_path / "databases" / "half.new").write_bytes(b"x")
    with service.start(tmp_path) as running:
        answer = requests.get(running.url + "/_all_dbs", auth=("admin", "early"), timeout=30)
        assert (answer.status_code, "half" in answer.json()) == (200, False)


def test_damaged_database_is_an_error_and_others_go_on(tmp_path: Path) -> None:
    """The client hears of it; the rest of the store is as it was."""
    with service.start(tmp_path) as running:
        for name in ("good", "bad"):
            assert requests.put(f"{running.url}/{name}", auth=("admin", running.password), timeout=30).ok
    (tmp_path / "databases" / "bad.sqlite").write_bytes(b"this is no database" * 1000)
    with service.start(tmp_path) as running:
        auth = ("admin", running.password)
        answer = requests.get(running.url + "/bad", auth=auth, timeout=30)
        assert (answer.status_code, answer.json()["error"]) == (500, "file_corruption")
        assert requests.get(running.url + "/good", auth=auth, timeout=30).status_code == 200


def test_waiting_feeds_do_not_delay_the_end(tmp_path: Path) -> None:
    """They come to a proper end, and the store stops at once: nobody is cut off after some time of grace."""
    process, url = start_store(tmp_path)
    requests.put(url + "/db", timeout=30)
    params = {"feed": "continuous", "since": "now", "heartbeat": "30000"}
    with requests.get(url + "/db/_changes", params=params, stream=True, timeout=30) as feed:
        assert stop_store(process) == 0
        assert feed.status_code == 200
        assert feed.content == b""


@pytest.mark.parametrize("given", ["nosuch=1", "max_document_size=x"])
def test_unusable_setting_is_refused(tmp_path: Path, given: str) -> None:
    """The line names it."""
    assert given.partition("=")[0] in refused("--data", str(tmp_path), "--set", given)


def test_settings_in_the_data_folder_count(tmp_path: Path) -> None:
    """What the command line says goes before them."""
    (tmp_path / "settings.json").write_text('{"max_document_size": 100, "max_bulk_documents": 1}')
    process, url = start_store(tmp_path)
    requests.put(url + "/db", timeout=30)
    assert requests.put(url + "/db/a", json={"text": "x" * 200}, timeout=30).status_code == 413
    assert requests.post(url + "/db/_bulk_docs", json={"docs": [{}, {}]}, timeout=30).status_code == 413
    assert stop_store(process) == 0


@pytest.mark.parametrize("text", ["{", "[]", '{"nosuch": 1}'])
def test_unusable_settings_in_the_data_folder_are_refused(tmp_path: Path, text: str) -> None:
    """The store does not start with half of what its owner wants."""
    (tmp_path / "settings.json").write_text(text)
    assert "settings" in refused("--data", str(tmp_path)) or "nosuch" in refused("--data", str(tmp_path))


def test_session_in_use_gets_a_new_cookie(tmp_path: Path) -> None:
    """Who works on is not signed out in the middle."""
    with service.start(tmp_path, settings=Settings(session_timeout=5)) as running, requests.Session() as session:
        account = {"name": "admin", "password": running.password}
        assert "Set-Cookie" in session.post(running.url + "/_session", json=account).headers
        deadline = time.monotonic() + 5
        renewed = ""
        while not renewed and time.monotonic() < deadline:
            answer = session.get(running.url + "/_session")
            assert answer.json()["userCtx"]["name"] == "admin"
            renewed = answer.headers.get("Set-Cookie", "")
        assert renewed.startswith("AuthSession=") and "Max-Age=5" in renewed


def test_settings_limit_what_clients_may_send(tmp_path: Path) -> None:
    """Each with the status that CouchDB gives."""
    limits = Settings(max_document_size=100, max_bulk_documents=2, max_attachment_size=50, max_request_size=2000)
    with service.start(tmp_path, settings=limits) as running, requests.Session() as session:
        session.auth = ("admin", running.password)
        db = running.url + "/db"
        session.put(db)
        assert session.put(db + "/a", json={"text": "x" * 200}).status_code == 413
        assert session.post(db + "/_bulk_docs", json={"docs": [{}, {}, {}]}).status_code == 413
        assert session.put(db + "/b/f", data=b"x" * 60).status_code == 413
        assert session.post(db + "/_bulk_docs", json={"docs": [{"x": "y" * 3000}]}).status_code == 413
        assert session.put(db + "/a", json={"text": "x"}).status_code == 201


def test_folder_of_an_older_version_is_read_and_marked(tmp_path: Path) -> None:
    """Its documents lie there unpacked; once we have written to it, the older version has to refuse it."""
    with service.start(tmp_path) as running:
        auth = ("admin", running.password)
        requests.put(running.url + "/db", auth=auth, timeout=30)
        requests.put(running.url + "/db/a", json={"text": "x" * 500}, auth=auth, timeout=30)
    (tmp_path / "format").write_text("1\n")
    with closing(apsw.Connection(str(tmp_path / "databases" / "db.sqlite"))) as file:
        plain = b',"text":"' + b"y" * 500 + b'"'
        file.execute("UPDATE doc SET body = ? WHERE id = 'a'", (plain,))
    with service.start(tmp_path) as running:
        assert (tmp_path / "format").read_text() == "2\n"
        auth = ("admin", running.password)
        listed = requests.get(running.url + "/db/_all_docs?include_docs=true", auth=auth, timeout=30).json()
        found = requests.get(running.url + "/db/a", auth=auth, timeout=30).json()
        assert found == listed["rows"][0]["doc"]
        assert found["text"] == "y" * 500
        changed = requests.put(running.url + "/db/a", json={**found, "more": "z" * 500}, auth=auth, timeout=30)
        assert changed.status_code == 201
        assert requests.get(running.url + "/db/a", auth=auth, timeout=30).json()["more"] == "z" * 500


def test_indexes_go_with_their_database(tmp_path: Path) -> None:
    """Also those that nobody asked for since the start."""
    views = {"v": {"map": "function (doc) { emit(doc._id); }"}}
    with service.start(tmp_path) as running, requests.Session() as session:
        session.auth = ("admin", running.password)
        session.put(running.url + "/db")
        session.put(running.url + "/db/_design/d", json={"views": views})
        assert session.get(running.url + "/db/_design/d/_view/v").status_code == 200
    assert list((tmp_path / "views").glob("*/*.sqlite"))
    with service.start(tmp_path) as running:
        assert requests.delete(running.url + "/db", auth=("admin", running.password), timeout=30).status_code == 200
        assert list((tmp_path / "views").iterdir()) == []
