"""What a tracker may do wrong."""

from crashfarm.errors import CrashfarmError


class TrackerError(CrashfarmError):
    """A tracker did not give what was asked for: which one, where, why, and what to do about it."""

    def __init__(self, tracker: str, url: str, reason: str, advice: str = "") -> None:
        super().__init__(f"{tracker}: {url}: {reason}" + (f"; {advice}" if advice else ""))
        self.reason = reason
