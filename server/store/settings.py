"""What can be set about a store, with the defaults. Sizes are in bytes, times in seconds."""

from dataclasses import dataclass

#: What the one node is called; a store is not a cluster.
NODE = "nonode@nohost"


@dataclass(frozen=True, slots=True)
class Settings:
    """Limits and choices of one store."""

    max_request_size: int = 4 * 1024**3
    max_document_size: int = 8_000_000
    max_attachment_size: int = 1024**3
    max_bulk_documents: int = 1_000_000
    max_document_id_length: int = 8000
    max_header_size: int = 64 * 1024
    max_connections: int = 4096
    request_timeout: float = 3600.0
    session_timeout: int = 600
    pbkdf2_iterations: int = 600_000
    lockout_failures: int = 5
    lockout_seconds: float = 60.0
    changes_timeout: float = 60.0
