"""Core files: whether the kernel writes them where we find them, which are there, and of which program they are."""

import re
import resource
import struct
from collections.abc import Iterator
from pathlib import Path

PATTERN = Path("/proc/sys/kernel/core_pattern")

_HEADER = struct.Struct("<4s B B 10x H 2x 4x 8x Q 8x 4x 2x H H")
_SEGMENT = struct.Struct("<I 4x Q Q 8x Q 8x 8x")
_NOTE = struct.Struct("<III")
_CORE, _NOTES, _FILES, _AUXV, _PHDR = 4, 4, 0x46494C45, 6, 3
_MOST_NOTES = 16 << 20
"""Bytes of notes that are read."""


def trouble(pattern: str) -> str:
    """Why no core file is to be had, or nothing. `pattern` is the kernel's core_pattern."""
    if pattern.startswith("|"):
        return f"the kernel gives cores to {pattern[1:].split()[0] if pattern[1:].split() else 'a pipe'}"
    if "/" in pattern:
        return f"the kernel writes cores to {pattern}"
    if not pattern:
        return "the kernel's core_pattern is empty"
    if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
        return "the hard limit of core files is 0"
    return ""


def read_pattern() -> str:
    """The kernel's core_pattern; empty where there is none."""
    try:
        return PATTERN.read_text().strip()
    except OSError:
        return ""


def find(folder: Path, pattern: str) -> Path | None:
    """The first core file that was written into a folder: what crashed later did so because of it, perhaps."""
    if trouble(pattern):
        return None
    name = re.sub(r"%.", "*", pattern)
    found = {path for glob in (name, f"{name}.*") for path in folder.glob(glob) if _is_core(path)}
    return min(found, key=lambda path: path.stat().st_mtime_ns, default=None)


def program_of(core: Path) -> str | None:
    """The path of the program whose core that is; None if the file does not tell."""
    try:
        with core.open("rb") as file:
            notes = dict(_notes(file.read(_HEADER.size), core))
    except (OSError, struct.error, ValueError):
        return None
    address = _auxiliary(notes.get(_AUXV, b""), _PHDR)
    return next((name for start, end, name in _mappings(notes.get(_FILES, b"")) if start <= address < end), None)


def _is_core(path: Path) -> bool:
    try:
        if path.is_symlink() or not path.is_file():
            return False
        with path.open("rb") as file:
            header = file.read(_HEADER.size)
    except OSError:
        return False
    return len(header) == _HEADER.size and header[:4] == b"\x7fELF" and _HEADER.unpack(header)[3] == _CORE


def _notes(header: bytes, core: Path) -> Iterator[tuple[int, bytes]]:
    """Types and contents of the notes of a core for 64 bits."""
    magic, bits, order, kind, at, size, count = _HEADER.unpack(header)
    if magic != b"\x7fELF" or (bits, order, kind) != (2, 1, _CORE) or size != _SEGMENT.size:
        return
    with core.open("rb") as file:
        file.seek(at)
        segments = [_SEGMENT.unpack(file.read(size)) for _ in range(count)]
        for what, offset, _address, length in segments:
            if what == _NOTES and length <= _MOST_NOTES:
                file.seek(offset)
                yield from _split(file.read(length))


def _split(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + _NOTE.size <= len(data):
        name, length, kind = _NOTE.unpack_from(data, at)
        at += _NOTE.size + _padded(name)
        yield kind, data[at : at + length]
        at += _padded(length)


def _padded(size: int) -> int:
    return (size + 3) & ~3


def _auxiliary(data: bytes, wanted: int) -> int:
    pairs = struct.iter_unpack("<QQ", data[: len(data) // 16 * 16])
    return next((value for key, value in pairs if key == wanted), 0)


def _mappings(data: bytes) -> Iterator[tuple[int, int, str]]:
    """Where which file is in memory."""
    if len(data) < 16:
        return
    count = struct.unpack_from("<Q", data)[0]
    end = 16 + 24 * count
    names = data[end:].split(b"\0")
    for (start, stop, _page), name in zip(struct.iter_unpack("<QQQ", data[16:end]), names, strict=False):
        yield start, stop, name.decode(errors="surrogateescape")
