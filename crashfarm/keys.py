"""The key tuple of the crash views, and the ranges that ask by a prefix of it."""

from collections.abc import Sequence
from typing import Any

PARTS = (
    "type",
    "message",
    "detail",
    "product",
    "branch",
    "buildtype",
    "os_name",
    "os_version",
    "cpu_name",
    "when",
)
"""The names of the parts of a key, in their order."""


def prefix_range(prefix: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """The startkey and endkey of all keys that begin with this prefix: an object sorts behind all else."""
    return list(prefix), [*prefix, {}]
