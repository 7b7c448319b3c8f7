"""Turning files, folders and lists of URLs into the inputs of jobs."""

import base64
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from crashfarm.documents.job import Input
from crashfarm.errors import InputError

TEXT_BYTES = 64 * 1024
"""Up to this size an input that is text stands on the job itself, so that a person can read it there."""

MAX_BYTES = 64 * 1024 * 1024
"""A larger file is refused: it would travel to every worker."""

URL_SCHEMES = frozenset({"http", "https", "ftp", "file", "data", "about"})


class JobInput(msgspec.Struct, frozen=True):
    """An input, and the content of its attachment where it is too large or too strange to be text."""

    input: Input
    content: bytes | None = None

    def attachments(self) -> dict[str, dict[str, str]]:
        """The job's `_attachments` member."""
        if self.content is None:
            return {}
        data = base64.b64encode(self.content).decode()
        return {str(self.input.attachment): {"content_type": "application/octet-stream", "data": data}}


def from_path(path: Path) -> Iterator[JobInput]:
    """The file, or every file directly in the folder whose name does not begin with a dot or an underscore."""
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if p.is_file() and p.name[0] not in "._")
        if not files:
            raise InputError(f"{path}: there is no file in this folder")
        for file in files:
            yield from_file(file)
    else:
        yield from_file(path)


def from_file(path: Path) -> JobInput:
    """One file. Raises InputError if it is not there, not a file, not readable or too large."""
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            raise InputError(f"{path}: not a file")
        if facts.st_size > MAX_BYTES:
            raise InputError(f"{path}: {facts.st_size:,} bytes are more than an input may have ({MAX_BYTES:,})")
        content = path.read_bytes()
    except OSError as exc:
        raise InputError(f"{path}: {exc.strerror}") from exc
    return from_content(path.name, content)


def from_url(url: str) -> JobInput:
    """One URL. Raises InputError if it is none, or of a kind that no worker would open."""
    try:
        scheme = urlsplit(url).scheme.lower()
    except ValueError as exc:
        raise InputError(f"{url[:200]!r} is not a URL: {exc}") from exc
    if scheme not in URL_SCHEMES or any(c.isspace() or not c.isprintable() for c in url):
        raise InputError(f"{url[:200]!r} is not a URL that begins with one of {', '.join(sorted(URL_SCHEMES))}")
    return JobInput(Input(name=url, url=url))


def from_lines(lines: Iterable[str]) -> Iterator[JobInput]:
    """The URLs of a list: one a line; empty lines and lines that begin with # are passed over."""
    for line in lines:
        word = line.strip()
        if word and not word.startswith("#"):
            yield from_url(word)


def from_content(name: str, content: bytes) -> JobInput:
    """An input of that content, which its program sees as a file of that name."""
    if len(content) <= TEXT_BYTES:
        try:
            return JobInput(Input(name=name, text=content.decode()))
        except UnicodeDecodeError:
            pass
    return JobInput(Input(name=name, attachment="input"), content)
