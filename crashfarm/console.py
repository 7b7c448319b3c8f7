"""What commands print: results on standard output, progress and remarks on standard error, colour on terminals only."""

import json
import logging
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from crashfarm.errors import CrashfarmError

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


def visible(text: str) -> str:
    """The text with control characters shown, so that data cannot speak to the terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else f"\\x{ord(c):02x}" for c in text)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, as_json: bool = False) -> None:
    """Print rows under their columns, or as a JSON array of objects whose members are the columns."""
    if as_json:
        json.dump([dict(zip(columns, row, strict=True)) for row in rows], sys.stdout, indent=1, default=str)
        sys.stdout.write("\n")
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(visible("" if cell is None else str(cell))) for cell in row))
    _console(stderr=False).print(table)


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
    try:
        app()
    except CrashfarmError as exc:
        _fail(name, str(exc), exc)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(EXIT_FAILED)
    except Exception as exc:
        _fail(name, f"a fault of {name} itself: {type(exc).__name__}: {exc} (run again with -v to see where)", exc)


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
