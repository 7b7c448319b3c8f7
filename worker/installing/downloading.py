"""Fetches one file over HTTP, by its digest: what was fetched before a break is not fetched again."""

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import IO
from urllib.parse import urljoin

import msgspec
import requests
import urllib3

import crashfarm
from crashfarm import sources
from crashfarm.documents.branch import Artifact
from worker.installing.pulling import Pull
from worker.installing.trouble import InstallError

CONNECT = 15.0
SILENCE = 30.0
"""Seconds until a server that does not answer, or sends nothing more, is given up."""

HOPS = 5
"""Redirections that are followed at most."""

RESUMES = 3
"""So often a broken download is continued before it is left for later."""

_CHUNK = 1 << 18
_MOVED = (301, 302, 303, 307, 308)

Progress = Callable[[int, int], None]
"""Takes the bytes that are there and how many there will be, 0 if nobody knows."""


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """From where to download, and how much: `seconds` and `size`, in bytes, for one file. `silence` in seconds."""

    allow_from: tuple[str, ...]
    seconds: float
    size: int
    silence: float = SILENCE


class _Broken(Exception):
    """The connection broke; what was read is there."""


def download(artifact: Artifact, file: Path, bounds: Bounds, stop: Event, progress: Progress) -> None:
    """Fetch the artifact into the file, going on where a former try stopped. The digest is right when this returns.

    Raises InstallError, with the reason, and Stopped. A file that can be continued stays.
    """
    fetch = _Fetch(artifact, file, bounds, stop, progress)
    broken = ""
    for _ in range(1 + RESUMES):
        try:
            fetch.run()
        except _Broken as exc:
            broken = str(exc)
        else:
            return
    raise InstallError(f"{artifact.url}: {broken}")


class _Fetch:
    """One download; `run` continues it."""

    def __init__(self, artifact: Artifact, file: Path, bounds: Bounds, stop: Event, progress: Progress) -> None:
        self._artifact = artifact
        self._file = file
        self._note = file.with_name(file.name + ".validator")
        self._bounds = bounds
        self._stop = stop
        self._progress = progress
        self._ends_at = time.monotonic() + bounds.seconds

    def run(self) -> None:
        """Fetch what is missing, and check the whole."""
        with self._file.open("ab+") as file:
            digest = _digest_of(file)
            if digest.hexdigest() == self._artifact.sha256.lower():
                return
            have = file.tell()
            pull = Pull(lambda session: self._ask(session, have), self._read, self._stop)
            try:
                response = pull.answer()
                digest = self._begin(response, file, digest)
                self._copy(response, pull, file, digest)
            except requests.RequestException as exc:
                raise _Broken(f"the server cannot be reached: {_cause(exc)}") from exc
            finally:
                pull.leave()
        self._check(digest.hexdigest())

    def _ask(self, session: requests.Session, have: int) -> requests.Response:
        """The answer behind all redirections, each to a place that the owner allows."""
        url = self._artifact.url
        for _ in range(HOPS):
            if not sources.permits(self._bounds.allow_from, url):
                raise InstallError(f"{url}: this worker's configuration does not allow builds from there")
            response = session.get(
                url,
                headers=self._headers(have),
                stream=True,
                allow_redirects=False,
                timeout=(min(CONNECT, self._bounds.silence), self._bounds.silence),
            )
            if response.status_code not in _MOVED:
                return response
            response.close()
            url = urljoin(url, response.headers.get("Location", ""))
        raise InstallError(f"{self._artifact.url}: more than {HOPS} redirections")

    def _headers(self, have: int) -> dict[str, str]:
        headers = {"Accept-Encoding": "identity", "User-Agent": f"crashfarm-worker/{crashfarm.__version__}"}
        validator = self._validator()
        return headers | {"Range": f"bytes={have}-", "If-Range": validator} if have and validator else headers

    def _begin(self, response: requests.Response, file: IO[bytes], digest: "hashlib._Hash") -> "hashlib._Hash":
        """Get ready for the answer's bytes: behind those that are there, or from the beginning."""
        have = file.tell()
        if response.status_code == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            return digest
        if response.status_code == 416 and have:
            self._forget(file)
            raise _Broken("the server has no more bytes than those that were fetched before")
        if response.status_code != 200:
            self._refuse(response)
        self._forget(file)
        self._remember(response)
        return hashlib.sha256()

    def _refuse(self, response: requests.Response) -> None:
        """Raise what an answer means that brings no build: a server in trouble is asked again another time."""
        raise InstallError(
            f"{self._artifact.url}: the server answers {response.status_code} {response.reason}".rstrip()
        )

    def _copy(self, response: requests.Response, pull: Pull, file: IO[bytes], digest: "hashlib._Hash") -> None:
        total = file.tell() + _length(response)
        if total > self._bounds.size:
            raise InstallError(f"{self._artifact.url}: {total} bytes are more than the {self._bounds.size} allowed")
        while data := pull.piece():
            file.write(data)
            digest.update(data)
            self._watch(file.tell())
            self._progress(file.tell(), total if _length(response) else 0)
        if _length(response) and file.tell() < total:
            raise _Broken(f"the download ended after {file.tell()} of {total} bytes")

    def _read(self, response: requests.Response) -> bytes:
        """Some bytes as soon as there are any, as they were sent: what is compressed stays so."""
        try:
            data: bytes = response.raw.read1(_CHUNK, decode_content=False)
        except (urllib3.exceptions.HTTPError, OSError) as exc:
            raise _Broken(f"the download broke off: {_cause(exc)}") from exc
        return data

    def _watch(self, size: int) -> None:
        if size > self._bounds.size:
            raise InstallError(f"{self._artifact.url}: more than the {self._bounds.size} bytes allowed")
        if time.monotonic() > self._ends_at:
            raise InstallError(f"{self._artifact.url}: {size} bytes after {self._bounds.seconds:g} seconds: too slow")

    def _check(self, digest: str) -> None:
        self._note.unlink(missing_ok=True)
        if digest != self._artifact.sha256.lower():
            self._file.unlink()
            raise InstallError(
                f"{self._artifact.url}: the SHA-256 is {digest}, and ought to be {self._artifact.sha256.lower()}"
            )

    def _remember(self, response: requests.Response) -> None:
        """Keep by what the server tells this file from its next version. A weak tag does not tell bytes apart."""
        tag = response.headers.get("ETag", "")
        self._note.write_text(tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified", ""))

    def _validator(self) -> str:
        try:
            return self._note.read_text()
        except OSError:
            return ""

    def _forget(self, file: IO[bytes]) -> None:
        file.seek(0)
        file.truncate()
        self._note.unlink(missing_ok=True)


def _digest_of(file: IO[bytes]) -> "hashlib._Hash":
    """The digest of what is there; the file stands at its end afterwards."""
    file.seek(0)
    digest = hashlib.sha256()
    while data := file.read(_CHUNK):
        digest.update(data)
    return digest


def _length(response: requests.Response) -> int:
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isdecimal() else 0


def _cause(exc: BaseException) -> str:
    """The innermost reason, in one line."""
    while inner := exc.__cause__ or exc.__context__:
        exc = inner
    return " ".join(str(exc).split())[:200] or type(exc).__name__
