"""Attachments on their way in: in memory while they are small, in a nameless file when they are not."""

import base64
import tempfile
import zlib
from collections.abc import Iterator
from hashlib import md5
from pathlib import Path

from server.store.database.blobs import CHUNK, COMPRESSIBLE, GZIP_LEVEL, Incoming
from server.store.errors import BadRequest

_IN_MEMORY = 1 << 20


class Spool:
    """Bytes that are written once and then read, as often as needed, in chunks. Not thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=str(folder))  # noqa: SIM115 - `__del__` closes it
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def __del__(self) -> None:
        self._file.close()

    def add(self, piece: bytes) -> None:
        """Append."""
        self._file.write(piece)
        self._length += len(piece)

    def chunks(self) -> Iterator[bytes]:
        """All of it from the beginning, in pieces of CHUNK bytes."""
        self._file.seek(0)
        while piece := self._file.read(CHUNK):
            yield piece


class Upload:
    """An attachment that arrives piece by piece: packed if it is text, measured if it comes packed."""

    def __init__(self, kind: str, encoding: str | None, folder: Path) -> None:
        self._kind = kind
        self._encoding = encoding
        self._spool = Spool(folder)
        self._digest = md5(usedforsecurity=False)
        self._packer = None
        self._unpacker = zlib.decompressobj(wbits=31) if encoding == "gzip" else None
        if encoding is None and kind.lower().startswith(COMPRESSIBLE):
            self._packer = zlib.compressobj(GZIP_LEVEL, wbits=31)
        self._received = self._digest if self._packer is None else md5(usedforsecurity=False)
        self._unpacked = 0
        #: Bytes that came in.
        self.length = 0

    def add(self, piece: bytes) -> None:
        """Take the next piece in; BadRequest when it says it is gzip and is not."""
        self.length += len(piece)
        if self._unpacker is not None:
            self._unpacked += _unpacked_length(self._unpacker, piece)
        if self._packer is not None:
            self._received.update(piece)
            piece = self._packer.compress(piece)
        self._keep(piece)

    def received_md5(self) -> str:
        """The digest of what came in, as in the header Content-MD5."""
        return base64.b64encode(self._received.digest()).decode()

    def finish(self, revpos: int | None = None) -> Incoming:
        """The whole attachment, ready for keeping."""
        if self._packer is not None:
            self._keep(self._packer.flush())
        digest = "md5-" + base64.b64encode(self._digest.digest()).decode()
        encoding = "gzip" if self._packer is not None else self._encoding
        length = self.length if self._unpacker is None else self._unpacked
        return Incoming(self._kind, self._spool, encoding, length, digest, revpos)

    def _keep(self, data: bytes) -> None:
        self._digest.update(data)
        self._spool.add(data)


def _unpacked_length(engine: "zlib._Decompress", piece: bytes) -> int:
    length = 0
    try:
        while piece and not engine.eof:
            length += len(engine.decompress(piece, CHUNK))
            piece = engine.unconsumed_tail
    except zlib.error:
        raise BadRequest("Invalid attachment data") from None
    return length
