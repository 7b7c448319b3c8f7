"""What commands that ask questions share: the parts of the key tuple as options, and tables as answers."""

import csv
import sys
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer

from crashfarm import console, times
from crashfarm.documents.finding import Kind
from crashfarm.errors import InputError
from crashfarm.settings import Farm
from server.queries import machines, moments

AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV instead of a table.")]
FindingKind = Annotated[Kind | None, typer.Option("--kind", help="Only findings of this kind.")]
TypeName = Annotated[str | None, typer.Option("--type", help="The key's first part as it is, such as history_crash.")]
Message = Annotated[str | None, typer.Option(help="A finding's whole message.")]
Detail = Annotated[str | None, typer.Option(help="An assertion's file, else the signature.")]
Product = Annotated[str | None, typer.Option()]
Branch = Annotated[str | None, typer.Option()]
Buildtype = Annotated[str | None, typer.Option()]
OsName = Annotated[str | None, typer.Option()]
OsVersion = Annotated[str | None, typer.Option()]
CpuName = Annotated[str | None, typer.Option()]
Machine = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="A kind of machine: 'Linux 6.1 x86_64', or a worker's name, for one as it is."),
]
WorkerName = Annotated[str | None, typer.Option("--worker", metavar="NAME", help="Only of this worker.")]
Regressed = Annotated[
    bool, typer.Option("--regressed", help="Only what is back though a closed bug says that it is fixed.")
]


def named(farm: Farm, machine: str | None, **parts: str | None) -> dict[str, str]:
    """The parts that were given, with those of the machine."""
    given = {name: value for name, value in parts.items() if value is not None}
    return given if machine is None else machines.with_machine(given, machines.read_machine(farm.status, machine))


def shown(kind: Kind | None, message: str | None, detail: str | None) -> dict[str, str]:
    """The parts that name what runs showed, of those that were given."""
    given = {"type": type_of(kind, "result"), "message": message, "detail": detail}
    return {name: value for name, value in given.items() if value is not None}


def type_of(kind: Kind | None, record: str, type_name: str | None = None) -> str | None:
    """The key's first part, from either of the two options that name it."""
    if kind is None or type_name is not None:
        if kind is not None:
            raise InputError("--kind and --type say the same: give one of them")
        return type_name
    return f"{record}_{kind}"


def moment(text: str | None) -> str | None:
    """A time as documents hold it, from what a person wrote."""
    return None if text is None else times.to_text(moments.read_moment(text, times.utc_now()))


def columns_of(group: Sequence[str] | None, known: Sequence[str]) -> tuple[str, ...]:
    """The columns to sum by. Raises InputError, which lists the known ones, for any other."""
    if unknown := [name for name in group or () if name not in known]:
        raise InputError(f"--group takes {', '.join(known)}; not {unknown[0]!r}")
    return tuple(group or ())


def answer(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, as_json: bool, as_csv: bool) -> None:
    """Print rows as a table, as JSON or as CSV, and say so if there are none."""
    found = list(rows)
    if as_csv:
        writer = csv.writer(sys.stdout)
        writer.writerow(columns)
        writer.writerows(found)
        return
    console.print_table(columns, found, as_json=as_json)
    if not found:
        console.say("nothing found")
