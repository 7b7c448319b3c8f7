"""`crashfarm demo`: a whole hunt on this machine, start to finish."""

from pathlib import Path
from typing import Annotated

import typer

from crashfarm import console, settings
from server import demo as demonstration
from server import embedded
from server.cli import options

CRASHERS = Path(__file__).resolve().parents[2] / "examples" / "crashers"

Report = Annotated[Path | None, typer.Option("--report", help="Where the report goes.", show_default="DATA/report")]
Crashers = Annotated[Path, typer.Option("--crashers", help="A folder of Python scripts to run.")]
Python = Annotated[
    list[Path] | None, typer.Option("--python", help="Hunt in this one only; may be repeated.", show_default="all")
]
Timeout = Annotated[float, typer.Option(help="Seconds that each run may take.", min=0.5)]
Keep = Annotated[bool, typer.Option("--keep", help="Leave the store running at the end.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this room."""
    app.command("demo")(demo)


def demo(
    data: options.Data = None,
    report: Report = None,
    crashers: Crashers = CRASHERS,
    python: Python = None,
    timeout: Timeout = demonstration.TIMEOUT_SECONDS,
    keep: Keep = False,
) -> None:
    """Hunt crashes in every CPython interpreter of this machine, and report.

    Starts a store if none runs, queues a job for each crasher script and interpreter, lets two workers run them,
    and writes the report. Run again, it adds a round and says what is new.
    """
    folder = settings.data_folder(data)
    found, started = demonstration.open_store(folder)
    chosen = demonstration.Options(
        data=folder,
        report=report or folder / "report",
        crashers=crashers,
        pythons=tuple(python or ()),
        timeout=timeout,
    )
    try:
        summary = demonstration.hunt(chosen, found)
    finally:
        if started and not keep:
            embedded.stop(folder)
    console.tell(summary.line())
    console.tell(f"report: {summary.index}")
