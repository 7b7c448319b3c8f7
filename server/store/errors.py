"""The errors that the store answers with, in CouchDB's own words.

StoreError(status, error, reason)
├── BadRequest            400 bad_request
│   └── QueryParseError   400 query_parse_error
├── Unauthorized          401 unauthorized
├── Forbidden             403 forbidden
├── NotFound              404 not_found
├── MethodNotAllowed      405 method_not_allowed
├── Conflict              409 conflict
├── PreconditionFailed    412 precondition_failed (or the given word)
├── TooLarge              413 too_large (or the given word)
├── NotOffered            501 not_implemented
├── JavaScriptError       500 the word that the JavaScript side gives
└── Unavailable           503 the disk does not do what it should
"""


def quoted(text: str) -> str:
    """Text as reasons quote it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


class StoreError(Exception):
    """An answer that is not a success: an HTTP status and CouchDB's pair of error and reason."""

    def __init__(self, status: int, error: str, reason: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, error, reason)
        self.status = status
        self.error = error
        self.reason = reason
        self.headers = headers or {}


class BadRequest(StoreError):
    """The request cannot be understood."""

    def __init__(self, reason: str, error: str = "bad_request") -> None:
        super().__init__(400, error, reason)


class QueryParseError(BadRequest):
    """A query option has an unusable value."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, "query_parse_error")


class Unauthorized(StoreError):
    """Nobody is signed in, or with wrong credentials."""

    def __init__(self, reason: str = "You are not authorized to access this db.") -> None:
        super().__init__(401, "unauthorized", reason)


class Forbidden(StoreError):
    """Signed in, but not allowed, or refused by a validation function."""

    def __init__(self, reason: str = "You are not allowed to access this db.") -> None:
        super().__init__(403, "forbidden", reason)


class NotFound(StoreError):
    """There is no such thing."""

    def __init__(self, reason: str = "missing") -> None:
        super().__init__(404, "not_found", reason)


class MethodNotAllowed(StoreError):
    """The address knows other methods; `allowed` lists them."""

    def __init__(self, allowed: str) -> None:
        super().__init__(405, "method_not_allowed", f"Only {allowed} allowed", {"Allow": allowed})


class Conflict(StoreError):
    """The given revision is not a leaf of the document."""

    def __init__(self, reason: str = "Document update conflict.") -> None:
        super().__init__(409, "conflict", reason)


class PreconditionFailed(StoreError):
    """The state of things does not allow it, for instance a database that exists."""

    def __init__(self, reason: str, error: str = "precondition_failed") -> None:
        super().__init__(412, error, reason)


class TooLarge(StoreError):
    """More than a limit allows."""

    def __init__(self, reason: str, error: str = "too_large") -> None:
        super().__init__(413, error, reason)


class NotOffered(StoreError):
    """Deprecated in CouchDB and left out here."""

    def __init__(self, reason: str) -> None:
        super().__init__(501, "not_implemented", reason)


class JavaScriptError(StoreError):
    """A function of a design document failed."""

    def __init__(self, reason: str, error: str = "compilation_error", status: int = 500) -> None:
        super().__init__(status, error, reason)


class Unavailable(StoreError):
    """The disk is full, read-only or damaged."""

    def __init__(self, reason: str) -> None:
        super().__init__(503, "service_unavailable", reason)
