"""`crashfarm diff`: what is new, gone, more or less between two branches, builds or periods."""

from typing import Annotated

import typer

from crashfarm import console
from server.cli import options
from server.queries import diffs, known

COLUMNS = ("change", "kind", "signature", "before", "after", "chance")


def register(parent: typer.Typer) -> None:
    """Add the command."""
    parent.command("diff")(diff)


def diff(
    before: Annotated[str, typer.Argument(help="BRANCH, BRANCH/BUILDTYPE, or a period 2026-11-08..2026-11-15.")],
    after: Annotated[str, typer.Argument(help="The other side, written in the same way.")],
    product: Annotated[str | None, typer.Option(help="Only results of this product.")] = None,
    branch: Annotated[str | None, typer.Option(help="Only results of this branch, when periods are compared.")] = None,
    all_of_them: Annotated[
        bool, typer.Option("--all", help="Also differences that chance alone makes once in twenty times or oftener.")
    ] = False,
    as_json: options.AsJson = False,
    data: options.Data = None,
) -> None:
    """Compare two branches, builds or periods, signature by signature, the surest difference first.

    The chance is that of a difference as large as this, or larger, if both sides were alike (Fisher's exact test over
    the runs that could begin). It means something where both sides ran the same inputs.

    Example: crashfarm diff 3.12 3.13
    """
    given = {"product": product, "branch": branch}
    parts = {name: value for name, value in given.items() if value is not None}
    farm = options.connect(data)
    sides = [diffs.read_side(text, parts) for text in (before, after)]
    for side in sides:
        known.check(farm.history, side.parts)
    found = diffs.compare(farm.history, *sides)
    shown = [one for one in found.differences if all_of_them or (one.chance < 0.05 and one.change != "same")]
    console.print_table(COLUMNS, [_cells(one) for one in shown], as_json=as_json)
    console.say(f"{before}: {found.runs_before} runs; {after}: {found.runs_after} runs")
    if len(shown) < len(found.differences):
        console.say(f"{len(found.differences) - len(shown)} signatures do not differ surely; --all lists them")


def _cells(one: diffs.Difference) -> tuple[object, ...]:
    kind, detail, message = one.signature
    return (one.change, kind, message or detail, one.before, one.after, float(f"{one.chance:.2g}"))
