"""What goes wrong below: the disk, the file, SQLite. Said once in the log, and in a sentence to the client."""

import errno
import logging

import apsw

from server.store.errors import StoreError, Unavailable

_log = logging.getLogger(__name__)
_UNWRITABLE = (apsw.ReadOnlyError, apsw.CantOpenError, apsw.IOError, apsw.PermissionsError)
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_DAMAGED = (apsw.CorruptError, apsw.NotADBError)


def explain(error: Exception, name: str) -> StoreError:
    """The answer that an unforeseen error in a database stands for."""
    if isinstance(error, StoreError):
        return error
    if isinstance(error, apsw.FullError):
        _log.error("database %s: the disk is full", name)
        return Unavailable("The disk is full.")
    if isinstance(error, _UNWRITABLE):
        _log.error("database %s: the disk refuses: %s", name, error)
        return Unavailable(f"The disk refuses: {error}")
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        _log.error("%s: the disk has no room: %s", name, error)
        return Unavailable("The disk is full.")
    if isinstance(error, _DAMAGED):
        _log.error("database %s: the file is damaged: %s", name, error)
        return StoreError(500, "file_corruption", "The database file is damaged.")
    _log.error("database %s: an operation failed", name, exc_info=error)
    return StoreError(500, "internal_server_error", "The operation failed; the log says why.")
