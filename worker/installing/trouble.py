"""Why a build is not there."""

from crashfarm.errors import CrashfarmError


class InstallError(CrashfarmError):
    """The build cannot be installed."""


class Stopped(CrashfarmError):
    """The wait for a build was ended by whoever waited."""
