"""The collector: does what new and changed documents ask for, such as naming the known bugs of a tuple.

Somebody who has a duty makes it as a `Duty` and adds its maker to `roster.MAKERS`.
"""

from server.collector.collecting import Collector
from server.collector.duty import Changed, Duty

__all__ = ["Changed", "Collector", "Duty"]
