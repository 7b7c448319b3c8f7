"""`crashfarm reprocess`: read all stored logs again with the rules of today."""

import json
from typing import Annotated

import typer

from crashfarm import console, times
from crashfarm.understand import RULES_VERSION
from server.certainty.reprocessing import Reprocessor, Tally
from server.certainty.rereading import Bucket
from server.cli import options

Preview = Annotated[bool, typer.Option("--preview", help="Only show what would move.")]
All = Annotated[bool, typer.Option("--all", help="Also what these very rules have read.")]


def register(parent: typer.Typer) -> None:
    """Add the command of this room."""
    parent.command("reprocess")(reprocess)


def reprocess(
    preview: Preview = False, all_of_them: All = False, data: options.Data = None, as_json: options.AsJson = False
) -> None:
    """Read the stored logs again that older rules have read, and file what they show where it belongs now.

    Prints which findings move from where to where. Interrupted, it goes on where it was when it is asked again.
    Example: crashfarm reprocess --preview
    """
    reprocessor = Reprocessor(options.connect(data), times.utc_now, all_of_them=all_of_them)
    with console.progress("reading logs", reprocessor.total()) as advance:
        tally = reprocessor.preview(advance) if preview else reprocessor.run(advance)
    if as_json:
        console.tell(json.dumps(_as_json(tally), indent=1, ensure_ascii=False))
        return
    if tally.moves:
        rows = [(count, _words(old), _words(new), tally.examples[old, new]) for (old, new), count in _ordered(tally)]
        console.print_table(("findings", "from", "to", "example"), rows)
    console.say(_summary(tally, preview))


def _ordered(tally: Tally) -> list[tuple[tuple[Bucket, Bucket], int]]:
    return sorted(tally.moves.items(), key=lambda pair: (-pair[1], pair[0]))


def _words(bucket: Bucket) -> str:
    kind, detail, message = bucket
    if not kind:
        return "(nothing)"
    return f"{kind}: {message} in {detail}" if kind == "assertion" else f"{kind}: {detail}"


def _summary(tally: Tally, preview: bool) -> str:
    would = "would be" if preview else "were"
    parts = [
        f"rules {RULES_VERSION}: {tally.read} logs read, {tally.changed} results {would} filed elsewhere",
        f"{tally.current} read by these rules already",
        f"{tally.without_log} without a log left alone",
    ]
    if tally.skipped:
        parts.append(f"{tally.skipped} not understood")
    if not preview:
        parts.append(f"{tally.removed} tuples without a result removed")
    return ", ".join(parts)


def _as_json(tally: Tally) -> dict[str, object]:
    moves = [
        {"findings": count, "from": _parts(old), "to": _parts(new), "example": tally.examples[old, new]}
        for (old, new), count in _ordered(tally)
    ]
    counts = ("read", "changed", "same", "current", "without_log", "skipped", "removed")
    return {"rules": RULES_VERSION, **{name: getattr(tally, name) for name in counts}, "moves": moves}


def _parts(bucket: Bucket) -> dict[str, str] | None:
    return dict(zip(("kind", "detail", "message"), bucket, strict=True)) if bucket[0] else None
