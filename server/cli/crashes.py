"""`crashfarm crashes`: questions to the key tuple, by any of its parts."""

from typing import Annotated

import typer

from crashfarm.keys import PARTS
from server.cli import asking, options
from server.queries import known, regressions, tuples

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
    kind: asking.FindingKind = None,
    type_name: asking.TypeName = None,
    message: asking.Message = None,
    detail: asking.Detail = None,
    product: asking.Product = None,
    branch: asking.Branch = None,
    buildtype: asking.Buildtype = None,
    os_name: asking.OsName = None,
    os_version: asking.OsVersion = None,
    cpu_name: asking.CpuName = None,
    machine: asking.Machine = None,
    since: Since = None,
    new: New = False,
    regressed: asking.Regressed = False,
    group: Group = "detail",
    as_json: options.AsJson = False,
    as_csv: asking.AsCsv = False,
    data: options.Data = None,
) -> None:
    """Count what was found, by any parts of the key tuple.

    Example: crashfarm crashes --branch 3.13 --since monday --group branch
    """
    record: tuples.Record = "history" if new else "result"
    type_name = asking.type_of(kind, record, type_name)
    level, moment = tuples.group_level(group), asking.moment(since)
    farm = options.connect(data)
    named = [type_name, message, detail, product, branch, buildtype, os_name, os_version, cpu_name]
    parts = asking.named(farm, machine, **dict(zip(PARTS, named, strict=False)))
    question = tuples.Question(parts=parts, record=record, since=moment, group=level)
    found = list((regressions if regressed else tuples).counts(farm.history, question))
    if not found:
        known.check(farm.history, parts)
    rows = [(*count.parts, count.count) for count in found]
    asking.answer([*PARTS[:level], "count"], rows, as_json=as_json, as_csv=as_csv)
