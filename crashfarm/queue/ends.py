"""How a claim ended, as the job's attempts tell it."""

from enum import StrEnum


class End(StrEnum):
    """What became of one claim."""

    #: The job was run and its result is written.
    COMPLETED = "completed"
    #: The worker gave it back in good order, untried or half-way: not the job's fault.
    RELEASED = "released"
    #: The worker could not run it.
    FAILED = "failed"
    #: Nobody has heard of the holder for the length of the lease.
    LOST = "lost"
    #: A person cancelled it while it ran.
    CANCELLED = "cancelled"


HOLDERS_ENDS = frozenset({End.COMPLETED, End.RELEASED, End.FAILED})
"""The ends that only the holder of a claim writes."""
