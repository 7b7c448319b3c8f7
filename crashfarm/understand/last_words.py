"""What a program said when its time was over and the farm told it to abort: of that only where it was counts."""

import re

MARK = b"crashfarm: the time limit was reached; what follows is said after SIGABRT"
"""The line in a stored output behind which the program's last words stand."""

_ABORTED = re.compile(rb"^Fatal Python error: Aborted\r?\n", re.MULTILINE)


def marked(output: bytes, words: bytes) -> bytes:
    """An output with what the program said after SIGABRT."""
    end = b"\n" if output and not output.endswith(b"\n") else b""
    return output + end + MARK + b"\n" + words


def told(output: bytes, stack: bytes) -> tuple[bytes, bytes]:
    """A marked output without last words, and where the program was: as they say, else as a debugger saw.

    The abort was the farm's doing. What Python's faulthandler says of it is told as what that says of a time-out; a
    sanitizer's report of it, or the end of a test that it broke off, is nobody's finding.
    """
    before, mark, words = output.rpartition(MARK)
    if not mark or (before and not before.endswith(b"\n")):
        return output, stack
    said = _ABORTED.search(words)
    return before, b"Timeout (0:00:00)!\n" + words[said.end() :] if said else stack
