"""What commands print: results on standard output, progress and remarks on standard error, colour on terminals only."""

import io
import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from crashfarm import tables
from crashfarm.errors import CrashfarmError
from crashfarm.tables import visible

EXIT_FAILED = 1
"""Something that was asked for could not be done. Wrong usage exits with 2, as click has it."""

Advance = Callable[[int], None]
"""Tells a progress bar how many of its total are done so far."""

Counts = Callable[[int, int, str], None]
"""Tells how many of how many are done, and what of."""

log = logging.getLogger("crashfarm")


def _console(stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    # A pipe gets whole lines: only a terminal has an edge to wrap at.
    return Console(stderr=stderr, highlight=False, width=None if stream.isatty() else 4000)


def say(*words: object, style: str = "") -> None:
    """Print a remark on standard error. The words are shown as they are: they may come from anywhere."""
    _console(stderr=True).print(Text(visible(" ".join(map(str, words))), style=style), soft_wrap=True)


def tell(text: str) -> None:
    """Print a line of the result on standard output."""
    _console(stderr=False).print(Text(visible(text)), soft_wrap=True)


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], *, as_json: bool = False, as_csv: bool = False
) -> None:
    """Print rows under their columns, or as a JSON array of objects whose members are the columns, or as CSV."""
    if as_json:
        tables.write_json(columns, rows, sys.stdout)
    elif as_csv:
        tables.write_csv(columns, rows, sys.stdout)
    else:
        _print_lines(tables.lines(columns, rows, _console(stderr=False).width if sys.stdout.isatty() else None))


def _print_lines(lines: Iterator[str]) -> None:
    head = Text(next(lines), style="bold")
    _console(stderr=False).print(head, soft_wrap=True)
    sys.stdout.writelines(f"{line}\n" for line in lines)


@contextmanager
def progress(description: str, total: int | None) -> Iterator[Advance]:
    """Show a bar while the block works, and leave one line behind; without a terminal only that line is printed."""
    console = _console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(description, total=total)
        yield lambda done: bar.update(task, completed=done)
    if not console.is_terminal:
        say(f"{description}: done")


@contextmanager
def live_counts(description: str) -> Iterator[Counts]:
    """Show `done of total` and some words, over and over; without a terminal, a line at each tenth of the way."""
    console = _console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[words]}"))
    with Progress(*columns, TimeElapsedColumn(), console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(description, total=None, words="")
        tenths = -1

        def show(done: int, total: int, words: str) -> None:
            nonlocal tenths
            bar.update(task, completed=done, total=total, words=words)
            if not console.is_terminal and done * 10 // max(total, 1) > tenths:
                tenths = done * 10 // max(total, 1)
                say(f"{description}: {done} of {total} done, {words}")

        yield show


def run(app: Callable[[], object], name: str) -> None:
    """Run a command line. An error becomes one line that begins with the program's name, and exit status 1.

    With -v the traceback follows. SIGTERM ends the program as Ctrl-C does: what it has started is tidied up.
    """
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    _open_streams()
    try:
        _to_its_end(app)
    except CrashfarmError as exc:
        _fail(name, str(exc), exc)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        _give_up_output()
        sys.exit(EXIT_FAILED)
    except OSError as exc:
        _give_up_output()
        about = f"{exc.filename}: " if exc.filename else ""
        _fail(name, f"{about}{exc.strerror or exc}", exc)
    except Exception as exc:
        _fail(name, f"a fault of {name} itself: {type(exc).__name__}: {exc} (run again with -v to see where)", exc)


def _open_streams() -> None:
    """Have streams that the caller closed lead nowhere, and letters that a stream's encoding lacks be escaped."""
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 it is open to the end
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _to_its_end(app: Callable[[], object]) -> None:
    """What cannot be written any more is an error of the command, not of the interpreter after it."""
    try:
        app()
    finally:
        sys.stdout.flush()


def _give_up_output() -> None:
    """Have the interpreter find nothing that it could not write when it ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def be_verbose(wanted: bool) -> None:
    """Turn on what -v promises: debug messages and tracebacks."""
    if wanted:
        logging.basicConfig(level=logging.DEBUG, format="%(asctime)s %(name)s: %(message)s")
        log.setLevel(logging.DEBUG)


def _fail(name: str, message: str, exc: Exception) -> None:
    say(f"{name}: {message}", style="red")
    if log.isEnabledFor(logging.DEBUG):
        traceback.print_exception(exc, file=sys.stderr)
    sys.exit(EXIT_FAILED)
