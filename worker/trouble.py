"""What is this machine's fault, and not that of the job that met it."""

from crashfarm.errors import CrashfarmError


class MachineTrouble(CrashfarmError):
    """A job cannot be run here for want of something that another machine may have."""
