"""The files of Fauxton under `/_utils`, on a store of their own."""

import base64
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from server.store import service
from server.store.http import utils

SCRIPT = b"let a = 1;\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with two pages, a hidden file and a link that leads outside of them."""
    folder = tmp_path_factory.mktemp("utils")
    pages = folder / "fauxton"
    (pages / "assets").mkdir(parents=True)
    (pages / "index.html").write_text("<!doctype html><title>pages</title>")
    (pages / "assets" / "a.js").write_bytes(SCRIPT)
    (pages / ".installed").touch()
    (pages / "link.txt").symlink_to(folder / "admin-password")
    return folder


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    """The address of a store on that folder."""
    with service.start(folder) as running:
        yield running.url


def status_of(url: str, path: str) -> bytes:
    """The status line for a path that is sent as it stands."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        return connection.makefile("rb").readline()


def test_the_address_leads_to_the_first_page(url: str) -> None:
    """Without credentials, by a redirect, so that its relative links work."""
    answer = requests.get(f"{url}/_utils", timeout=10)
    assert [step.status_code for step in answer.history] == [301]
    assert answer.url == f"{url}/_utils/" and "<title>pages</title>" in answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


def test_files_come_with_their_type_and_may_load_nothing_from_elsewhere(url: str) -> None:
    """The policy stands on every answer, refusals included."""
    script = requests.get(f"{url}/_utils/assets/a.js", timeout=10)
    assert (script.content, script.headers["content-type"]) == (SCRIPT, "text/javascript; charset=utf-8")
    for answer in (script, requests.get(f"{url}/_utils/missing", timeout=10)):
        assert answer.headers["content-security-policy"] == utils.POLICY
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_file_that_has_not_changed_is_not_sent_again(url: str, folder: Path) -> None:
    """Its ETag says so, until it changes."""
    address = f"{url}/_utils/index.html"
    known = {"If-None-Match": requests.get(address, timeout=10).headers["etag"]}
    same = requests.get(address, headers=known, timeout=10)
    assert (same.status_code, same.content) == (304, b"")
    (folder / "fauxton" / "index.html").write_text("<!doctype html><title>other pages</title>")
    assert requests.get(address, headers=known, timeout=10).status_code == 200
    (folder / "fauxton" / "index.html").write_text("<!doctype html><title>pages</title>")


def test_head_tells_the_length_and_nothing_can_be_written(url: str) -> None:
    """GET and HEAD are all there is."""
    head = requests.head(f"{url}/_utils/assets/a.js", timeout=10)
    assert (head.headers["content-length"], head.content) == (str(len(SCRIPT)), b"")
    for method in ("PUT", "POST", "DELETE"):
        refused = requests.request(method, f"{url}/_utils/index.html", timeout=10)
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET,HEAD")


@pytest.mark.parametrize(
    "path",
    [
        "../admin-password",
        "..%2fadmin-password",
        "%2e%2e/admin-password",
        "%2fetc%2fpasswd",
        "/etc/passwd",
        "assets",
        "assets/../index.html",
        ".installed",
        "link.txt",
        "index.html%00",
        "index.html/x",
        "a" * 3000,
    ],
)
def test_nothing_else_is_there(url: str, path: str) -> None:
    """Whatever leads outside, is hidden, or is no file."""
    assert status_of(url, f"/_utils/{path}").startswith(b"HTTP/1.1 404")


def test_wrong_credentials_are_refused_here_too(url: str) -> None:
    """As everywhere: who says who they are is checked."""
    token = base64.b64encode(b"admin:wrong").decode()
    assert requests.get(f"{url}/_utils/", headers={"Authorization": f"Basic {token}"}, timeout=10).status_code == 401


def test_before_it_is_installed_a_page_names_the_command(tmp_path: Path) -> None:
    """At the address itself; its files are not there."""
    with service.start(tmp_path / "data") as running:
        for path in ("/_utils", "/_utils/"):
            page = requests.get(running.url + path, timeout=10, allow_redirects=False)
            assert page.status_code == 200 and "crashfarm fauxton" in page.text
            assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert requests.get(f"{running.url}/_utils/index.html", timeout=10).status_code == 404
