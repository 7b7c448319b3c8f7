"""Asks gdb for back traces: of a core, or of a program that runs. Bounded in time and in what it may say."""

import contextlib
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from worker.debugging import recursion

FRAMES = 250
"""Frames of a stack that are asked for: enough to see that it goes round and round."""

MOST = 256 << 10
"""Bytes of what gdb says that are read."""

SAMPLES = 3
"""So often a running program is looked at, to tell where it stays from where it happens to be."""

IsEnough = Callable[[], bool]
"""Whether nobody waits for an answer any more."""

_LOOK = 0.1
_PAUSE = 0.1
_MARK = "--crashfarm-stack--"
_END = "--crashfarm-end--"
_SIGNAL = re.compile(r"^Program terminated with signal \w+.*$", re.MULTILINE)
_HANDLER = re.compile(r"^#\d+ +<signal handler called>")
_FRAME = re.compile(r"^#\d+ +(?:0x[0-9a-f]+ in )?(?P<rest>(?P<name>.+?) \(.*)$")

# Neither the program's own scripts nor its folder's are to be run, and nothing is to be downloaded.
_QUIET = (
    "-nx",
    "-nh",
    "--batch",
    "-iex",
    "set auto-load no",
    "-iex",
    "set debuginfod enabled off",
    "-iex",
    "set width 0",
    "-iex",
    "set print elements 32",
)


def path() -> str | None:
    """Where gdb is, if it is installed."""
    return shutil.which("gdb")


def of_core(gdb: str, program: str, core: Path, seconds: float, is_enough: IsEnough) -> str:
    """What a core tells: the signal, the stack, the address, instruction and registers. Empty if gdb says nothing."""
    asks = (
        f"echo {_MARK}\\n",
        f"bt {FRAMES}",
        "p $_siginfo._sifields._sigfault",
        "x/i $pc",
        "info registers",
        f"echo {_END}\\n",
    )
    # Nobody may hand an option to gdb by the name of a program.
    said = _ask(gdb, asks, ("--core", str(core), "--", program), seconds, is_enough)
    head, _, stack = said.partition(_MARK)
    signal = _SIGNAL.search(head)
    stack = settled(behind_the_handler(stack.partition(_END)[0].strip()))
    return f"{signal[0] if signal else ''}\n{stack}\n".lstrip() if "#0 " in stack else ""


def behind_the_handler(stack: str) -> str:
    """A stack from where the signal came, if the program had a handler that sent itself the signal again.

    Address, instruction and registers are then those of the handler, and left out.
    """
    lines = stack.splitlines()
    handlers = [number for number, line in enumerate(lines) if _HANDLER.match(line)]
    if not handlers:
        return stack
    frames = [frame["rest"] for line in lines[handlers[-1] + 1 :] if (frame := _FRAME.match(line))]
    return _numbered(frames) or stack


def settled(stack: str) -> str:
    """A stack that was cut, as of a program that ran out of it, from where it does not depend on the cut."""
    frames = [frame for line in stack.splitlines() if (frame := _FRAME.match(line))]
    begin = recursion.start([frame["name"] for frame in frames])
    return _numbered([frame["rest"] for frame in frames[begin:]]) if begin else stack


def of_process(gdb: str, pid: int, seconds: float, is_enough: IsEnough) -> str:
    """The frames that a running process does not leave while it is looked at, as a back trace; empty if gdb fails."""
    sample = (f"echo {_MARK}\\n", f"bt -{FRAMES}", f"echo {_END}\\n")
    again = ("detach", f"shell sleep {_PAUSE}", f"attach {pid}")
    asks = (*sample, *(ask for _ in range(SAMPLES - 1) for ask in (*again, *sample)))
    said = _ask(gdb, asks, ("-p", str(pid)), seconds, is_enough)
    stacks = [part.partition(_END)[0].strip().splitlines() for part in said.split(_MARK)[1:] if _END in part]
    return _numbered(common(stacks))


def common(stacks: Sequence[Sequence[str]]) -> list[str]:
    """The outer frames that all stacks share, innermost first, as the first of them has them, without numbers.

    Where a program loops, what it calls differs from look to look; the frame that it stays in does not.
    """
    read = [[frame for line in stack if (frame := _FRAME.match(line))] for stack in stacks]
    if not read or not all(read):
        return []
    shared = 0
    for frames in zip(*(reversed(stack) for stack in read), strict=False):
        if len({frame["name"] for frame in frames}) > 1:
            break
        shared += 1
    return [frame["rest"] for frame in read[0][len(read[0]) - shared :]]


def _numbered(frames: Sequence[str]) -> str:
    return "".join(f"#{number:<2} {frame}\n" for number, frame in enumerate(frames))


def _ask(gdb: str, asks: Sequence[str], about: Sequence[str], seconds: float, is_enough: IsEnough) -> str:
    """What gdb says, as far as it got within the time, or until it was enough."""
    words = [word for ask in asks for word in ("-ex", ask)]
    with tempfile.TemporaryFile() as said:
        with (
            contextlib.suppress(OSError),
            subprocess.Popen(
                [gdb, *_QUIET, *words, *about], stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.DEVNULL
            ) as process,
        ):
            _wait(process, seconds, is_enough)
            process.kill()
        said.seek(0)
        return said.read(MOST).decode(errors="replace")


def _wait(process: "subprocess.Popen[bytes]", seconds: float, is_enough: IsEnough) -> None:
    until = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < until and not is_enough():
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_LOOK)
