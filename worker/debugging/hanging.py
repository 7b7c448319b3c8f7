"""When the understanding of a run needs a core."""

from crashfarm.documents.finding import Kind
from crashfarm.understand import Understanding


def lacks_a_stack(seen: Understanding) -> bool:
    """Whether a program crashed without its output telling where."""
    return any(found.kind in (Kind.CRASH, Kind.ASSERTION) and not found.frames for found in seen.findings)
