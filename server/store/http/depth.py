"""How deep lists and objects of a JSON text stand in each other."""

import re
from itertools import accumulate

from server.store.errors import BadRequest

_OTHER = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[^][{}"]+')
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


def depth_of(text: bytes) -> int:
    """The greatest number of lists and objects around one value of a well-formed JSON text."""
    return max(accumulate(map(_STEPS.__getitem__, _OTHER.sub(b"", text))), default=0)


def check_depth(text: bytes, limit: int) -> None:
    """BadRequest when a JSON text is nested deeper than the limit."""
    # Most texts have fewer brackets than that altogether, and counting them takes no time.
    if text.count(b"[") + text.count(b"{") > limit and depth_of(text) > limit:
        raise BadRequest(f"The JSON is nested deeper than {limit} levels.")
