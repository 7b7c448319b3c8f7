"""`crashfarm reduce`: how little of an input is enough."""

import json
import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from crashfarm import console, times
from crashfarm.documents.signature import Minimal
from crashfarm.errors import InputError
from server.certainty import cases, minimal, reducing, reproducing, runs
from server.certainty.judging import Bench
from server.cli import options

Repeats = Annotated[int, typer.Option(help="Runs that tell beforehand how surely it happens.", min=1, max=1000)]
MostBytes = Annotated[
    int, typer.Option("--bytes", help="Take a text apart byte by byte when it is at most so long; 0: never.", min=0)
]
Output = Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the small input here, too.")]


def register(parent: typer.Typer) -> None:
    """Add the command of this room."""
    parent.command("reduce")(reduce)


def reduce(
    result: options.ResultId,
    repeats: Repeats = reproducing.REPEATS,
    most_bytes: MostBytes = reducing.MOST_BYTES,
    signature: options.OfSignature = "",
    output: Output = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """Take away from a result's input, on the farm, all that its signature does not need.

    The small input is attached to the result as minimal/NAME. Interrupted, it goes on where it was when it is asked
    again. Example: crashfarm reduce result:20261122T061003123Z-7f3a9c21d4 --output small.py
    """
    farm = options.connect(data)
    case = cases.load(farm, result, signature)
    bench = Bench(farm, case, runs.Runs(farm, case.shown_by, time.sleep), times.utc_now)
    try:
        found, content = _reduce(bench, repeats, most_bytes)
    except KeyboardInterrupt:
        console.say("interrupted; run the same command again to go on")
        raise
    if output is not None:
        _write(output, content)
    told = msgspec.to_builtins(found) | {"signature": case.signature, "runs": bench.runs.ran}
    if as_json:
        console.tell(json.dumps(told, indent=1, ensure_ascii=False))
        return
    console.tell(f"{found.original_size} bytes became {found.size}, by {found.tests} tests in {bench.runs.ran} runs")
    console.tell(f"attached to {found.result} as {found.attachment}")


def _reduce(bench: Bench, repeats: int, most_bytes: int) -> tuple[Minimal, bytes]:
    size = len(bench.case.content())
    with console.live_counts("reducing, bytes taken away") as show:

        def told(name: str, best: int, tests: int) -> None:
            show(size - best, size, f"{best} bytes left, {tests} tests, {name}")

        def scored(done: int) -> None:
            show(0, size, f"repeating the first run: {done} of {repeats}")

        return minimal.reduce(bench, repeats, told, scored, most_bytes)


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as exc:
        raise InputError(f"cannot write {path}: {exc.strerror}") from exc
