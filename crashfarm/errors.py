"""Every error that crashfarm raises on purpose.

    CrashfarmError
    ├── ConfigError              a setting, an option or a data folder is unusable
    ├── InputError               what a person or a document asks for cannot be done
    │   └── InvalidDocument      a document breaks the rules of its type
    ├── LostClaim                the job is not ours any more
    └── DatabaseError            the database did not do what was asked
        ├── DatabaseUnavailable  no answer, or an answer that says "try later"
        ├── NotSignedIn          wrong or missing credentials
        ├── Refused              signed in, but not allowed, or refused by a validation function
        ├── NotFound             no such database, document, view or attachment
        ├── Conflict             the revision is not the current one
        └── UnexpectedAnswer     any other status

An error's default message is its own docstring.
"""


class CrashfarmError(Exception):
    """Something went wrong."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").strip())


class ConfigError(CrashfarmError):
    """A setting is unusable."""


class InputError(CrashfarmError):
    """The request cannot be carried out."""


class InvalidDocument(InputError):
    """A document breaks the rules of its type."""


class LostClaim(CrashfarmError):
    """The job is not ours any more: somebody else took it over, finished it or changed it."""


class DatabaseError(CrashfarmError):
    """The database did not do what was asked."""


class DatabaseUnavailable(DatabaseError):
    """The database does not answer."""


class NotSignedIn(DatabaseError):
    """The database does not accept the credentials."""


class Refused(DatabaseError):
    """The database refuses this to us."""


class NotFound(DatabaseError):
    """There is no such database, document, view or attachment."""


class Conflict(DatabaseError):
    """The document has changed since it was read."""


class UnexpectedAnswer(DatabaseError):
    """The database gave an answer that nobody expects."""
