"""Runs a command that ends with whoever began it: `python -m worker.leashed COMMAND...`.

The leash is this process's standard input. Nobody writes to it; that it is closed, be it on purpose or because the
process at its other end was killed, ends the command and all that stayed in its group.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time

GRACE = 5.0
"""Seconds between the request to end and the end."""

NOT_FOUND = 127
"""The status for a command that cannot be begun, as shells have it."""

_LOOK = 0.1
_SIGNALLED = 128


def main(command: list[str]) -> int:
    """Run the command; its exit status, or 128 and the number of its signal."""
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    except OSError as exc:
        sys.stderr.write(str(exc))
        return NOT_FOUND
    while process.poll() is None:
        if select.select([sys.stdin], [], [], _LOOK)[0]:
            _end(process)
    return process.returncode if process.returncode >= 0 else _SIGNALLED - process.returncode


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ask the command's group to end, and kill what has not in time."""
    until = time.monotonic() + GRACE
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        while time.monotonic() < until:
            process.poll()
            os.killpg(process.pid, 0)
            time.sleep(_LOOK)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
