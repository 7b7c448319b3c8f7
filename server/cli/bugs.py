"""`crashfarm bug`: known bugs, and what they explain."""

import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from crashfarm import console, times
from crashfarm.documents.bug import Bug, BugState, Matcher
from crashfarm.documents.finding import Kind
from crashfarm.errors import InputError
from crashfarm.understand.known_bugs import check_name, refusal
from crashfarm.understand.known_bugs.tuples import matcher_for
from server.bugs import importing, matching, showing, signing, storing
from server.cli import bug_sync, options

app = typer.Typer(help="Known bugs, and what they explain.", no_args_is_help=True)

BugName = Annotated[str, typer.Argument(metavar="BUG", help="tracker:number", show_default=False)]
SignatureName = Annotated[
    str, typer.Argument(metavar="SIGNATURE", help="Its text, its id, or the id of a tuple.", show_default=False)
]
OfKind = Annotated[Kind | None, typer.Option(help="Where signatures of several kinds have the same text.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV instead of a table.")]
Preview = Annotated[bool, typer.Option("--preview", help="Only say what would be done.")]

COLUMNS = ("bug", "state", "resolution", "tuples", "regressed", "title", "url")

EXPLAINED = ("kind", "signature", "message", "tuples", "branches", "first seen", "last seen", "back on", "suppressed")


def register(parent: typer.Typer) -> None:
    """Add the commands of this room."""
    bug_sync.register(app)
    parent.add_typer(app, name="bug")


@app.command("list")
def show_all(
    state: Annotated[BugState | None, typer.Option(help="Only bugs in this state.")] = None,
    tracker: Annotated[str | None, typer.Option(help="Only bugs of this tracker.")] = None,
    matched: Annotated[
        bool | None, typer.Option("--matched/--unmatched", help="Only those that explain something, or nothing.")
    ] = None,
    regressed: Annotated[bool, typer.Option("--regressed", help="Only those that are back though fixed.")] = False,
    text: Annotated[str | None, typer.Option(help="Only those with this in title or number.")] = None,
    as_json: options.AsJson = False,
    as_csv: AsCsv = False,
    data: options.Data = None,
) -> None:
    """List the known bugs, with the number of tuples that each explains, and on how many it is back though fixed."""
    question = showing.Question(state=state, tracker=tracker, matched=matched, regressed=regressed, text=text)
    found = showing.list_bugs(options.connect(data), question)
    rows = [
        (one.bug.id, one.bug.state, one.bug.resolution, one.tuples, one.regressed, one.bug.title, one.bug.url)
        for one in found
    ]
    _print(COLUMNS, rows, as_json, as_csv)


@app.command("show")
def show(bug: BugName, as_json: options.AsJson = False, data: options.Data = None) -> None:
    """Show a bug, what it explains, on which branches, when that was seen, and where it is back though fixed."""
    farm = options.connect(data)
    found = showing.find(farm.status, bug)
    explained = showing.explained(farm.history, found.id)
    if as_json:
        told = {"bug": found.to_doc(), "explains": msgspec.to_builtins(explained, order="deterministic")}
        console.tell(msgspec.json.format(msgspec.json.encode(told), indent=1).decode())
        return
    _tell_bug(found)
    console.print_table(EXPLAINED, [_cells(one) for one in explained])
    if not explained:
        console.say("it explains nothing that was found")


@app.command("add")
def add(
    bug: BugName,
    title: Annotated[str | None, typer.Option()] = None,
    state: Annotated[BugState | None, typer.Option(show_default="open")] = None,
    resolution: Annotated[str | None, typer.Option()] = None,
    url: Annotated[str | None, typer.Option()] = None,
    fixed_on: Annotated[
        list[str] | None, typer.Option(help="A branch on which it is fixed, * for all. May be repeated.")
    ] = None,
    moved_to: Annotated[str | None, typer.Option(metavar="BUG", help="The bug that it is a duplicate of.")] = None,
    kind: Annotated[Kind | None, typer.Option(help="Explains findings of this kind,")] = None,
    text: Annotated[str | None, typer.Option(help="with this in their text,")] = None,
    how: Annotated[
        str, typer.Option(help="as the whole of it, a part of it, or a pattern: exact, contains, pattern;")
    ] = "contains",
    file: Annotated[str | None, typer.Option(help="in this source file,")] = None,
    signature: Annotated[str | None, typer.Option(help="with this signature,")] = None,
    product: Annotated[str | None, typer.Option(help="of this product,")] = None,
    branch: Annotated[str | None, typer.Option(help="on this branch,")] = None,
    version: Annotated[str | None, typer.Option(help="of this major version.")] = None,
    data: options.Data = None,
) -> None:
    """Add a bug, or change one, and say what it explains: each call with a matcher's parts adds a matcher.

    Example: crashfarm bug add bugzilla:1234 --title "Sorting" --kind crash --text list_sort --branch 3.13
    """
    parts = {"kind": kind, "text": text, "file": file, "signature": signature, "product": product, "branch": branch}
    given = {name: str(value) for name, value in (parts | {"version": version}).items() if value is not None}
    matchers = (_usable(Matcher(how=how, **given)),) if given else ()
    told: dict[str, Any] = {"title": title, "state": state, "resolution": resolution, "url": url}
    told |= {"fixed_on": tuple(fixed_on) if fixed_on is not None else None}
    told |= {"moved_to": showing.full_id(moved_to) if moved_to else None}
    farm = options.connect(data)
    changes = {name: value for name, value in told.items() if value is not None}
    _, stored = importing.add(farm.status, _new(bug), changes, matchers, times.to_text(times.utc_now()))
    console.tell(f"{showing.full_id(bug)} {_outcome(stored)}")


@app.command("import")
def bring_in(
    file: Annotated[Path, typer.Argument(help="JSON Lines (.jsonl), CSV (.csv), or else a fuzzer's list.")],
    tracker: Annotated[str | None, typer.Option(help="The tracker of bugs whose line names none.")] = None,
    form: Annotated[
        importing.Form | None, typer.Option("--format", help="What the file holds.", show_default="by its name")
    ] = None,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave out lines that cannot be used.")] = False,
    preview: Preview = False,
    data: options.Data = None,
) -> None:
    """Bring in a list of bugs; matchers are added to those that are known. Twice does no harm.

    With a line that cannot be used nothing is changed at all, but with --skip-bad.
    """
    found = importing.read(file, form, tracker)
    for bad in found.bad:
        console.say(f"{file}: {bad}", style="red")
    if found.bad and not skip_bad:
        raise InputError(f"{file}: {len(found.bad)} lines cannot be used, and nothing was changed (see --skip-bad)")
    farm = options.connect(data)
    merge = storing.from_list(found, times.to_text(times.utc_now()))
    with console.progress("importing", len(found.bugs)) as advance:
        stored = storing.store_all(farm.status, found.bugs, merge, advance, dry=preview)
    console.tell(f"{len(found.bugs)} bugs: {stored}{' (nothing was written)' if preview else ''}")


@app.command("match")
def match(preview: Preview = False, as_json: options.AsJson = False, data: options.Data = None) -> None:
    """Compare everything that was found with the known bugs, once; 'crashfarm collect' does so with what changes."""
    farm = options.connect(data)
    with console.progress("matching", matching.number_of_tuples(farm)) as advance:
        done = matching.match_all(farm, times.utc_now, advance, preview=preview)
    for refused in done.refused:
        console.say(f"{refused.bug}: a matcher is not used: {refused.reason}", style="yellow")
    if preview:
        console.print_table(matching.COLUMNS, map(matching.cells, done.moves.values()), as_json=as_json)
    console.say(f"{done.changed} tuples {'would change' if preview else 'changed'}")


@app.command("suppress")
def suppress(
    signature: SignatureName,
    undo: Annotated[bool, typer.Option("--undo", help="Take it back.")] = False,
    kind: OfKind = None,
    data: options.Data = None,
) -> None:
    """Say that a signature is of no interest, wherever it is seen: lists leave it out or put it last."""
    farm = options.connect(data)
    found = signing.find(farm.history, signature, kind)
    changed = signing.suppress(farm.history, found, not undo, times.to_text(times.utc_now()))
    console.tell(f"{found.id} {'is not suppressed any more' if undo else 'suppressed'}: {changed} tuples changed")


@app.command("attach")
def attach(
    bug: BugName,
    signature: SignatureName,
    undo: Annotated[bool, typer.Option("--undo", help="Take it back.")] = False,
    kind: OfKind = None,
    data: options.Data = None,
) -> None:
    """Say that a bug explains a signature, wherever it is seen. A bug that is not known yet is added."""
    farm = options.connect(data)
    found = signing.find(farm.history, signature, kind)
    matcher = matcher_for(found.kind, found.detail, found.message)
    now = times.to_text(times.utc_now())
    if undo:
        known = importing.take_away(farm.status, showing.find(farm.status, bug), matcher)
        changed = signing.detach(farm, known, found)
    else:
        known, _ = importing.add(farm.status, _new(bug), {}, (matcher,), now)
        changed = signing.attach(farm, known, found)
    console.tell(f"{known.id} {'taken off' if undo else 'attached to'} {found.id}: {changed} tuples changed")


def _new(name: str) -> Bug:
    """A bug of that name of which nothing is known yet."""
    id = showing.full_id(name)
    tracker, _, number = id.removeprefix("bug:").partition(":")
    check_name("tracker", tracker)
    check_name("number", number)
    return Bug(id=id, tracker=tracker, number=number)


def _usable(matcher: Matcher) -> Matcher:
    if reason := refusal(matcher):
        raise InputError(f"this matcher cannot be used: {reason}")
    return matcher


def _outcome(stored: storing.Stored) -> str:
    return "added" if stored.new else "changed" if stored.changed else "is like that already"


def _cells(one: showing.Explained) -> tuple[object, ...]:
    back, suppressed = ", ".join(sorted(one.regressed_on)), "yes" if one.suppressed else ""
    what = (one.kind, one.detail, one.message, one.tuples, ", ".join(sorted(one.branches)))
    return (*what, one.first_seen, one.last_seen, back, suppressed)


def _tell_bug(bug: Bug) -> None:
    console.tell(f"{bug.id}  {bug.state} {bug.resolution}".rstrip())
    told = {"title": bug.title, "url": bug.url, "fixed on": ", ".join(bug.fixed_on), "moved to": bug.moved_to}
    for name, value in (told | {"closed at": bug.closed_at, "updated at": bug.updated_at}).items():
        if value:
            console.tell(f"  {name}: {value}")
    for matcher in bug.matchers:
        parts = msgspec.to_builtins(matcher)
        console.tell("  explains: " + ", ".join(f"{name} {value!r}" for name, value in parts.items()))


def _print(columns: Sequence[str], rows: Sequence[Sequence[Any]], as_json: bool, as_csv: bool) -> None:
    if as_csv:
        writer = csv.writer(sys.stdout)
        writer.writerow(columns)
        writer.writerows(rows)
        return
    console.print_table(columns, rows, as_json=as_json)
    if not rows:
        console.say("no such bug")
