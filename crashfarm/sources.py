"""From where a worker's owner lets the farm have builds downloaded: addresses, as they stand in its configuration."""

import re
from collections.abc import Iterable
from urllib.parse import SplitResult, unquote, urlsplit

_PORTS = {"http": 80, "https": 443}
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\]")


def permits(prefixes: Iterable[str], url: str) -> bool:
    """Whether a URL is below one of the prefixes: the same scheme, host and port, and a path that begins with its."""
    wanted = _read(url)
    return wanted is not None and any(_is_below(wanted, prefix) for prefix in prefixes)


def is_prefix(text: str) -> bool:
    """Whether that can be such a prefix: `https://host/`, with a port or a path perhaps."""
    parts = _read(text)
    return parts is not None and not parts.query and not parts.fragment


def _is_below(wanted: SplitResult, prefix: str) -> bool:
    allowed = _read(prefix)
    if allowed is None or _place(wanted) != _place(allowed):
        return False
    folder = allowed.path.rstrip("/") + "/"
    return wanted.path.startswith(folder)


def _read(url: str) -> SplitResult | None:
    """The parts of a URL without tricks: no credentials, blanks, or steps up, written out or escaped."""
    try:
        parts = urlsplit(url)
        plain = parts.scheme in _PORTS and bool(parts.hostname) and parts.username is None and parts.port != 0
    except ValueError:
        return None
    steps = unquote(unquote(parts.path)).replace("\\", "/").split("/")
    return parts if plain and not _FORBIDDEN.search(url) and not {"..", "."} & set(steps) else None


def _place(parts: SplitResult) -> tuple[str, str, int]:
    return parts.scheme, parts.hostname or "", parts.port or _PORTS[parts.scheme]
