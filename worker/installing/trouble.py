"""Why a build is not there."""

from crashfarm.errors import CrashfarmError


class InstallError(CrashfarmError):
    """The build cannot be installed, or its program cannot be run on this machine."""


class Stopped(CrashfarmError):
    """The wait for a build was ended by whoever waited."""
