"""What comes in piece by piece is the same whatever the pieces."""

import asyncio
import gzip
import itertools
import json
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.store.database.blobs import CHUNK, Incoming, encode_incoming
from server.store.database.uploads import Spool, Upload
from server.store.errors import BadRequest
from server.store.http.depth import check_depth, depth_of
from server.store.http.mime import MimeReader, name_of
from server.store.http.overdue import Overdue

RELATED = "multipart/related; boundary=x"
BODY = (
    b'preamble\r\n--x\r\nA: 1\r\nContent-Disposition: attachment; filename="a%20b"\r\n\r\none --x\r\n-\r\n--x\r\n\r\n'
    b"\r\n\r\n--x--epilogue"
)


async def parts(pieces: list[bytes], kind: str = RELATED) -> list[tuple[dict[str, str], bytes]]:
    """All parts of a body that comes in these pieces."""

    async def coming() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    reader, found = MimeReader(coming(), kind), []
    while (headers := await reader.next_part()) is not None:
        found.append((headers, b"".join([piece async for piece in reader.content()])))
    return found


@given(st.lists(st.integers(0, len(BODY)), max_size=8))
def test_mime_parts_are_the_same_however_the_body_is_cut(cuts: list[int]) -> None:
    """Only a boundary on a line of its own separates."""
    places = [0, *sorted(cuts), len(BODY)]
    pieces = [BODY[low:high] for low, high in itertools.pairwise(places)]
    (headers, one), two = asyncio.run(parts(pieces))
    assert (headers["a"], name_of(headers), one) == ("1", "a b", b"one --x\r\n-")
    assert two == ({}, b"\r\n")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", RELATED),
        (b"--x--", "multipart/related"),
        (b"--x\r\n\r\nhalf", RELATED),
        (b"--x\r\n" + b"A: 1\r\n" * 50_000, RELATED),
    ],
)
def test_broken_mime_body_is_refused(body: bytes, kind: str) -> None:
    """No end, no boundary named, headers without end."""
    with pytest.raises(BadRequest):
        asyncio.run(parts([body], kind))


def contents(incoming: Incoming) -> bytes:
    """All of an upload, as it will be kept."""
    assert isinstance(incoming.data, Spool)
    return b"".join(incoming.data.chunks())


@pytest.mark.parametrize("kind", ["text/plain", "image/png"])
@pytest.mark.parametrize("size", [0, 10, CHUNK + 1, 3_000_000])
def test_upload_in_pieces_is_kept_as_in_one(tmp_path: Path, kind: str, size: int) -> None:
    """Small ones stay in memory, large ones go to a file without a name; text is packed."""
    data = bytes(n % 251 for n in range(1000)) * (size // 1000) + b"x" * (size % 1000)
    upload = Upload(kind, None, tmp_path)
    for at in range(0, len(data), 70_000):
        upload.add(data[at : at + 70_000])
    found, whole = upload.finish(), encode_incoming(kind, data)
    assert (found.length, found.encoding, upload.length) == (size, whole.encoding, size)
    kept = contents(found)
    assert (gzip.decompress(kept) if found.encoding else kept) == data
    assert contents(found) == kept
    assert found.data is not None and len(found.data) == len(kept)
    assert list(tmp_path.iterdir()) == []


def test_packed_upload_keeps_its_bytes_and_tells_the_plain_length(tmp_path: Path) -> None:
    """Measured in small steps: a bomb takes no memory."""
    packed = zlib.compressobj(9, wbits=31)
    data = packed.compress(b"a" * 10_000_000) + packed.flush()
    upload = Upload("text/plain", "gzip", tmp_path)
    upload.add(data[:10])
    upload.add(data[10:])
    found = upload.finish()
    assert (found.length, found.encoding, contents(found)) == (10_000_000, "gzip", data)


def test_upload_that_is_not_the_gzip_it_says_is_refused(tmp_path: Path) -> None:
    """Nobody could read it."""
    with pytest.raises(BadRequest):
        Upload("text/plain", "gzip", tmp_path).add(b"no gzip at all")


@given(
    st.recursive(
        st.just("1") | st.just('"[[{\\""'),
        lambda inner: st.lists(inner, min_size=1, max_size=3).map(lambda items: "[" + ",".join(items) + "]"),
        max_leaves=8,
    )
)
def test_depth_is_that_of_the_nesting(text: str) -> None:
    """Brackets inside strings do not count."""

    def nesting(value: object) -> int:
        return 1 + max(map(nesting, value), default=0) if isinstance(value, list) else 0

    assert depth_of(text.encode()) == nesting(json.loads(text))


def test_only_deep_texts_are_refused() -> None:
    """Many brackets one after the other are fine."""
    check_depth(b"[" + b"[]," * 1000 + b"[]]", 2)
    with pytest.raises(BadRequest, match="deeper than 2"):
        check_depth(b'[[{"a":1}]]', 2)


def test_work_that_takes_too_long_ends() -> None:
    """And what is quick is left alone, whoever else is late."""

    async def run() -> tuple[str, str]:
        overdue = Overdue(0.05)

        async def late() -> str:
            try:
                return await overdue.limit(asyncio.sleep(60, "never"))
            except TimeoutError:
                return "ended"

        first = asyncio.create_task(late())
        quick = await overdue.limit(asyncio.sleep(0, "done"))
        return await first, quick

    assert asyncio.run(run()) == ("ended", "done")


def test_work_that_is_cancelled_by_another_is_cancelled() -> None:
    """A client that went away is no timeout."""

    async def run() -> None:
        overdue = Overdue(60)
        task = asyncio.create_task(overdue.limit(asyncio.sleep(60)))
        await asyncio.sleep(0)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(run())
