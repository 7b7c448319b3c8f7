"""All duties of a farm's collector, in the order in which they are done."""

from collections.abc import Callable, Sequence

from crashfarm.settings import Farm
from crashfarm.times import Clock
from server.certainty import duty as certainty
from server.collector import matching
from server.collector.duty import Duty

MAKERS: tuple[Callable[[Farm, Clock], Sequence[Duty]], ...] = (matching.duties, certainty.make)
"""Whoever has duties adds here what makes them for a farm."""


def duties(farm: Farm, clock: Clock) -> list[Duty]:
    """The duties of everybody."""
    return [duty for make in MAKERS for duty in make(farm, clock)]
