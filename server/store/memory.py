"""Keeping the process small: the C library holds on to what threads have freed unless it is told not to."""

import ctypes
from functools import cache
from typing import Any

_M_ARENA_MAX = -8
_ARENAS = 2


@cache
def _library() -> Any:
    return ctypes.CDLL(None)


def keep_small() -> None:
    """Have all threads share few pools of memory; without effect where the C library has no such choice."""
    if hasattr(_library(), "mallopt"):
        _library().mallopt(_M_ARENA_MAX, _ARENAS)


def give_back() -> None:
    """After much work: return to the system what is free. Takes milliseconds."""
    if hasattr(_library(), "malloc_trim"):
        _library().malloc_trim(0)
