"""`crashfarm range`: since which build does it happen, and with which was it gone."""

import json
import time
from typing import Annotated

import msgspec
import typer

from crashfarm import console, times
from crashfarm.documents.signature import BuildRange
from server.certainty import cases, ranging, reproducing, runs
from server.certainty.judging import Bench
from server.certainty.ranging import Question, Ranger
from server.cli import options

OnBranch = Annotated[str | None, typer.Option("--branch", help="Whose builds.", show_default="the result's own")]
FirstGood = Annotated[bool, typer.Option("--first-good", help="Ask with which later build it was gone.")]
Repeats = Annotated[int, typer.Option(help="Runs that tell beforehand how surely it happens.", min=1, max=1000)]
Error = Annotated[float, typer.Option(help="How often the answer may be wrong, at most.", min=0.0001, max=0.5)]


def register(parent: typer.Typer) -> None:
    """Add the command of this room."""
    parent.command("range")(find_range)


def find_range(
    result: options.ResultId,
    branch: OnBranch = None,
    first_good: FirstGood = False,
    repeats: Repeats = reproducing.REPEATS,
    error: Error = ranging.ERROR,
    signature: options.OfSignature = "",
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """Find the first of a branch's builds that shows a result's signature, by bisection on the farm.

    Each build is run as often as the signature's score asks for. A build that is missing or cannot be run is passed
    over. Example: crashfarm range result:20261122T061003123Z-7f3a9c21d4
    """
    farm = options.connect(data)
    case = cases.load(farm, result, signature)
    bench = Bench(farm, case, runs.Runs(farm, case.shown_by, time.sleep), times.utc_now)
    question = Question(branch=branch or case.result.branch, error=error, repeats=repeats, first_good=first_good)
    try:
        found = Ranger(bench, question, console.say).find()
    except KeyboardInterrupt:
        console.say("interrupted; run the same command again to go on")
        raise
    if as_json:
        told = msgspec.to_builtins(found) | {"signature": case.signature, "result": case.result.id}
        console.tell(json.dumps(told, indent=1, ensure_ascii=False))
        return
    for line in _words(found, first_good):
        console.tell(line)


def _words(found: BuildRange, first_good: bool) -> list[str]:
    if first_good:
        gone = f"first good: {found.first_good}" if found.first_good else "not gone in any later build"
        answer = [f"last bad: {found.last_bad}", gone]
    else:
        good = f"last good: {found.last_good}" if found.last_good else "no earlier build that could be judged is good"
        answer = [good, f"first bad: {found.first_bad}"]
    skipped = [f"could not be judged: {', '.join(found.skipped)}"] if found.skipped else []
    return [*answer, *skipped, f"{found.runs} runs"]
