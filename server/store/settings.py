"""What can be set about a store, with the defaults. Sizes are in bytes, times in seconds."""

from dataclasses import dataclass

#: What the one node is called; a store is not a cluster.
NODE = "nonode@nohost"


@dataclass(frozen=True, slots=True)
class Settings:
    """Limits and choices of one store."""

    #: The longest body of a request. What has to be read as a whole, such as JSON, has a limit of its own: it takes
    #: memory, while attachments wait in a file.
    max_request_size: int = 4 * 1024**3
    max_json_size: int = 512 * 1024**2
    #: How deep lists and objects may stand in each other; beyond some 950 levels the parser itself gives up.
    max_json_depth: int = 900
    max_document_size: int = 8_000_000
    max_attachment_size: int = 1024**3
    max_bulk_documents: int = 1_000_000
    max_document_id_length: int = 8000
    max_header_size: int = 64 * 1024
    max_url_length: int = 64 * 1024
    max_connections: int = 4096
    #: From a connection's beginning to the end of its request's headers.
    header_timeout: float = 60.0
    #: Until an answer begins. Feeds and replications, which are meant to last, are exempt.
    request_timeout: float = 3600.0
    #: How long a connection may rest between requests.
    keep_alive_timeout: int = 300
    session_timeout: int = 600
    pbkdf2_iterations: int = 600_000
    lockout_failures: int = 5
    lockout_seconds: float = 60.0
    changes_timeout: float = 60.0
    #: Each call of a function of a design document; what lasts longer costs the request that asked for it.
    javascript_seconds: float = 5.0
    javascript_memory: int = 256 * 1024**2
