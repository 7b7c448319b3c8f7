"""Keys and tokens of trackers: from the environment or from a file that it names, and never into the clear."""

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from crashfarm.errors import ConfigError

BUGZILLA = "CRASHFARM_BUGZILLA_KEY"
GITHUB = "CRASHFARM_GITHUB_TOKEN"


def read(name: str, environ: Mapping[str, str] = os.environ) -> str:
    """The secret that the variable holds, or the file that the variable NAME_FILE names; empty if there is none."""
    if path := environ.get(f"{name}_FILE"):
        try:
            secret = Path(path).read_text().strip()
        except (OSError, UnicodeDecodeError) as fault:
            raise ConfigError(f"{name}_FILE: cannot read {path}: {fault}") from fault
    else:
        secret = environ.get(name, "").strip()
    if not secret.isprintable() or not secret.isascii() or " " in secret:
        raise ConfigError(f"{name} holds more than a key: spaces, line ends or other characters")
    return secret


def check_url(url: str, secret: str) -> str:
    """The address, if it is one that a tracker can have. Raises ConfigError, also where a secret would be readable."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as fault:
        raise ConfigError(f"{url!r} is no usable address: {fault}") from fault
    if parts.scheme not in {"http", "https"} or not host:
        raise ConfigError(f"{url!r} is no address like https://bugzilla.example.org/")
    if parts.username or parts.password:
        raise ConfigError(f"the address of {host} holds a name or password: set {BUGZILLA} or {GITHUB} instead")
    if secret and parts.scheme == "http" and not _is_here(host):
        raise ConfigError(f"a key would be sent to {host} in the clear: use https")
    return url


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
