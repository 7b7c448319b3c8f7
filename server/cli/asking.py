"""What commands that ask questions share: the parts of the key tuple as options, and the forms of an answer."""

import contextlib
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from crashfarm import console, ordering, times
from crashfarm.documents.finding import Kind
from crashfarm.errors import InputError
from crashfarm.settings import Farm
from server.cli import completing, options
from server.queries import known, machines, moments, paging, runs


def _part(name: str, words: str) -> Any:
    return typer.Option(metavar="NAME", help=words, autocompletion=completing.of_part(name))


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The options that every question takes: parts of the key tuple, and what narrows them."""

    kind: Annotated[Kind | None, typer.Option(help="Only findings of this kind.")] = None
    message: Annotated[str | None, typer.Option(metavar="TEXT", help="A finding's whole message.")] = None
    detail: Annotated[str | None, typer.Option(metavar="TEXT", help="An assertion's file, else the signature.")] = None
    product: Annotated[str | None, _part("product", "Only of this product.")] = None
    branch: Annotated[str | None, _part("branch", "Only of this branch.")] = None
    buildtype: Annotated[str | None, _part("buildtype", "Only of this build type: release, debug, asan, …")] = None
    os_name: Annotated[str | None, _part("os_name", "Only on this operating system.")] = None
    os_version: Annotated[str | None, _part("os_version", "Only on this version of it.")] = None
    cpu_name: Annotated[str | None, _part("cpu_name", "Only on this processor.")] = None
    machine: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Only on this kind of machine: 'Linux 6.1 x86_64', or a worker's name for machines such as that.",
            autocompletion=completing.workers,
        ),
    ] = None
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Only what was seen, run or queued since: 2026-11-22, 3h, 2d, monday. Runs count by whole days.",
        ),
    ] = None
    new: Annotated[bool, typer.Option("--new", help="Only what was first seen since then.")] = False
    regressed: Annotated[
        bool, typer.Option("--regressed", help="Only what is back though a closed bug says that it is fixed.")
    ] = False

    @property
    def moment(self) -> str | None:
        """Since when, as documents hold times. Raises InputError."""
        return None if self.since is None else times.to_text(moments.read_moment(self.since, times.utc_now()))

    @property
    def build(self) -> dict[str, str]:
        """What was named of product, branch and build type."""
        return given(product=self.product, branch=self.branch, buildtype=self.buildtype)

    def place(self, farm: Farm) -> dict[str, str]:
        """What was named of a machine's three parts, by themselves or by a machine that has them."""
        parts = given(os_name=self.os_name, os_version=self.os_version, cpu_name=self.cpu_name)
        if self.machine is None:
            return parts
        return machines.with_machine(parts, machines.read_machine(farm.status, self.machine))

    @property
    def shown(self) -> runs.Shown:
        """What runs must have shown."""
        kind = None if self.kind is None else f"result_{self.kind}"
        parts = given(type=kind, message=self.message, detail=self.detail)
        return runs.Shown(parts=parts, since=self.moment, new=self.new, regressed=self.regressed)


@dataclass(frozen=True, kw_only=True)
class Form:
    """How an answer is written."""

    as_json: options.AsJson = False
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV instead of a table.")] = False

    def __post_init__(self) -> None:
        if self.as_json and self.as_csv:
            raise InputError("an answer has one form: give --json or --csv, not both")

    def write(self, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Print rows as a table, as JSON or as CSV."""
        console.print_table(columns, rows, as_json=self.as_json, as_csv=self.as_csv)


def given(**parts: str | None) -> dict[str, str]:
    """The parts that were named."""
    return {name: value for name, value in parts.items() if value is not None}


def counted(counts: Mapping[tuple[Any, ...], int]) -> list[tuple[Any, ...]]:
    """Rows of what was counted, each with its number, 3.9 before 3.10."""
    return [(*key, counts[key]) for key in sorted(counts, key=lambda key: [*map(ordering.natural, map(str, key))])]


def columns_of(group: Sequence[str] | None, known: Sequence[str]) -> tuple[str, ...]:
    """The columns to sum by. Raises InputError, which lists the known ones, for any other."""
    if unknown := [name for name in group or () if name not in known]:
        raise InputError(f"--group takes {', '.join(known)}; not {unknown[0]!r}")
    return tuple(group or ())


def check_version(db: paging.Viewed, design: str, view: str) -> None:
    """Say so if a view is another version's."""
    if known.is_of_another_version(db, design, view):
        console.say(f"the view {design}/{view} is another version's, and may tell something else: run 'crashfarm push'")


def await_index(db: paging.Viewed, design: str, view: str) -> None:
    """Wait until a design document's views are built, and show how far that is where it takes long.

    Says so if the view is another version's.
    """
    check_version(db, design, view)
    with contextlib.ExitStack() as shown:
        bars: list[console.Counts] = []

        def tell(done: int, total: int) -> None:
            if not bars:
                bars.append(shown.enter_context(console.live_counts(f"building the index of {design}")))
            bars[0](done, total, "changes")

        paging.build(db, design, view, tell, time.sleep)


def await_findings(farm: Farm, since: str | None) -> None:
    """Wait for the indexes that tell what was found, since then or ever."""
    await_index(farm.history, "crash_type", "results")
    if since:
        await_index(farm.history, "recent", "results")


def explain_nothing(farm: Farm, parts: dict[str, str]) -> None:
    """Say why an answer about runs is empty. Raises InputError, which lists the known ones, for an unknown name."""
    known.check(farm.history, parts)
    if not paging.total(farm.history, "results", "by_branch_day"):
        console.say(
            "nothing found: there are no results yet. Queue something with 'crashfarm job add', and have it run"
            " by 'crashfarm-worker run'"
        )
        return
    console.say("nothing found")
    for name in ("detail", "message"):
        if name in parts and (near := known.containing(farm.history, name, parts[name])):
            console.say(f"no {name} is {parts[name]!r} as a whole; some that contain it: {' · '.join(near)}")
