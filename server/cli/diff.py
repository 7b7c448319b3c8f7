"""`crashfarm diff`: what is new, gone, more or less between two branches, builds or periods."""

from typing import Annotated, Any

import typer

from crashfarm import console
from crashfarm.errors import InputError
from crashfarm.settings import Farm
from server import branches
from server.cli import asking, completing, options
from server.cli.spreading import spread
from server.queries import diffs, known

COLUMNS = ("change", "kind", "signature", "before", "after", "chance")

VIEWS = (("crash_type", "results"), ("results", "by_branch_day"), ("shown", "by_build"), ("recent", "results"))

SURE = 0.05
"""Differences that chance makes more seldom than this are shown."""


FORMS = (
    "BRANCH, BRANCH/BUILDTYPE, an older build BRANCH@BUILD, a week 2026-W46, or a period 2026-11-08..2026-11-15 without"
    " its last day."
)


def _side(name: str, words: str) -> Any:
    return typer.Argument(metavar=name, help=words, autocompletion=completing.of_part("branch"))


def register(parent: typer.Typer) -> None:
    """Add the command."""
    parent.command("diff")(spread(diff))


def diff(
    before: Annotated[str, _side("BEFORE", FORMS)],
    after: Annotated[str, _side("AFTER", "The other side, written in the same way.")],
    product: Annotated[str | None, typer.Option(metavar="NAME", help="Only results of this product.")] = None,
    branch: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only results of this branch, when periods are compared.")
    ] = None,
    all_of_them: Annotated[
        bool, typer.Option("--all", help="Also differences that chance alone makes once in twenty times or oftener.")
    ] = False,
    *,
    form: asking.Form,
    data: options.Data = None,
) -> None:
    """Compare two branches, builds, weeks or periods, signature by signature, the surest difference first.

    Before and after tell how many runs showed a signature. Of older builds the runs of 'crashfarm range' and of
    'crashfarm job add --build' count, which count nowhere else.

    The chance is that of a difference as large as this, or larger, if both sides were alike (Fisher's exact test over
    the runs that could begin). It means something where both sides ran the same inputs.

    Example: crashfarm diff 3.12 3.13
    """
    parts = asking.given(product=product, branch=branch)
    for text in (before, after):
        diffs.read_side(text, parts)
    farm = options.connect(data)
    for design, view in VIEWS:
        asking.await_index(farm.history, design, view)
    names = diffs.branches(farm.history)
    sides = [diffs.read_side(text, parts, names) for text in (before, after)]
    if branch is not None and (named := [side for side in sides if not side.first]):
        raise InputError(f"{named[0].text!r} names a branch itself: --branch is for periods")
    for side in sides:
        _check(farm, side)
    found = diffs.compare(farm.history, *sides)
    shown = [one for one in found.differences if all_of_them or (one.chance < SURE and one.change != "same")]
    form.write(COLUMNS, [_cells(one) for one in shown])
    _explain(found, sides[0], sides[1], len(shown))


def _check(farm: Farm, side: diffs.Side) -> None:
    """Raise InputError, which lists the known ones, for an unknown name."""
    if not side.build:
        known.check(farm.history, side.parts)
        return
    listed = [
        name
        for one in branches.load(farm.status)
        if one.branch == side.parts["branch"] and one.product == side.parts.get("product", one.product)
        for name in (*one.history, *one.archive)
    ]
    there = list(dict.fromkeys([*listed, *diffs.builds(farm.history, side.parts)]))
    if side.build not in there:
        told = f"known, oldest first: {', '.join(there[-known.LISTED :])}" if there else "it has none"
        raise InputError(f"no older build of {side.parts['branch']} is called {side.build!r}; {told}")


def _explain(found: diffs.Comparison, before: diffs.Side, after: diffs.Side, shown: int) -> None:
    console.say(f"{before.text}: {found.runs_before} runs; {after.text}: {found.runs_after} runs")
    if before.overlaps(after):
        console.say("the sides overlap: a run that counts on both makes them more alike than the chance supposes")
    if left_out := len(found.differences) - shown:
        console.say(f"{left_out} signatures do not differ surely; --all lists them")
    if not (found.runs_before and found.runs_after):
        console.say("a side without runs tells nothing: every chance is 1")


def _cells(one: diffs.Difference) -> tuple[object, ...]:
    kind, detail, message = one.signature
    return (one.change, kind, message or detail, one.before, one.after, float(f"{one.chance:.2g}"))
