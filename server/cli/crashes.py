"""`crashfarm crashes`: questions to the key tuple, by any of its parts."""

import csv
import sys
from collections.abc import Iterator
from typing import Annotated

import typer

from crashfarm import console, times
from crashfarm.documents.finding import Kind
from crashfarm.errors import InputError
from crashfarm.keys import PARTS
from server.cli import options
from server.queries import known, moments, tuples

AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV instead of a table.")]

Since = Annotated[
    str | None, typer.Option(metavar="TIME", help="Only what was seen since: 2026-11-22, 3h, 2d, monday.")
]
New = Annotated[
    bool, typer.Option("--new", help="Count distinct tuples by when they were first seen, instead of findings.")
]
Group = Annotated[str, typer.Option(metavar="N|PART", help=f"Sum up to this part: {', '.join(PARTS)}.")]


def register(parent: typer.Typer) -> None:
    """Add the command."""
    parent.command("crashes")(crashes)


def crashes(
    kind: Annotated[Kind | None, typer.Option(help="Only findings of this kind.")] = None,
    type_name: Annotated[
        str | None, typer.Option("--type", help="The key's first part as it is, such as history_crash.")
    ] = None,
    message: Annotated[str | None, typer.Option()] = None,
    detail: Annotated[str | None, typer.Option(help="An assertion's file, else the signature.")] = None,
    product: Annotated[str | None, typer.Option()] = None,
    branch: Annotated[str | None, typer.Option()] = None,
    buildtype: Annotated[str | None, typer.Option()] = None,
    os_name: Annotated[str | None, typer.Option()] = None,
    os_version: Annotated[str | None, typer.Option()] = None,
    cpu_name: Annotated[str | None, typer.Option()] = None,
    since: Since = None,
    new: New = False,
    group: Group = "detail",
    as_json: options.AsJson = False,
    as_csv: AsCsv = False,
    data: options.Data = None,
) -> None:
    """Count what was found, by any parts of the key tuple.

    Example: crashfarm crashes --branch 3.13 --since monday --group branch
    """
    named = [type_name, message, detail, product, branch, buildtype, os_name, os_version, cpu_name]
    parts = {name: value for name, value in zip(PARTS, named, strict=False) if value is not None}
    record: tuples.Record = "history" if new else "result"
    if kind is not None:
        parts["type"] = _type_of(kind, record, type_name)
    question = tuples.Question(
        parts=parts,
        record=record,
        since=None if since is None else times.to_text(moments.read_moment(since, times.utc_now())),
        group=tuples.group_level(group),
    )
    farm = options.connect(data)
    found = list(tuples.counts(farm.history, question))
    if not found:
        known.check(farm.history, parts)
    _print(question, found, as_json, as_csv)


def _type_of(kind: Kind, record: str, type_name: str | None) -> str:
    if type_name is not None:
        raise InputError("--kind and --type say the same: give one of them")
    return f"{record}_{kind}"


def _print(question: tuples.Question, found: list[tuples.Count], as_json: bool, as_csv: bool) -> None:
    columns = [*PARTS[: question.group], "count"]
    if as_csv:
        writer = csv.writer(sys.stdout)
        writer.writerow(columns)
        writer.writerows(_cells(found))
        return
    console.print_table(columns, _cells(found), as_json=as_json)
    if not found:
        console.say("nothing found")


def _cells(found: list[tuples.Count]) -> Iterator[tuple[object, ...]]:
    return ((*count.parts, count.count) for count in found)
