"""`crashfarm variants`: signatures that may be one bug, and what people say of that."""

import getpass
import json
from typing import Annotated

import typer

from crashfarm import console, times
from crashfarm.understand import similarity
from server.certainty import variants
from server.certainty.variants import Known, Suggestion
from server.cli import options

app = typer.Typer(help="Variants: signatures that may be one bug.", no_args_is_help=True)

SHORT = 16
"""Hexadecimal digits of a signature's id by which the report calls it, too."""

Signatures = Annotated[
    list[str], typer.Argument(metavar="SIGNATURE…", help="As 'variants list' names them.", show_default=False)
]
By = Annotated[str, typer.Option("--by", help="Who says so.", show_default="you")]


def register(parent: typer.Typer) -> None:
    """Add the commands of this room."""
    parent.add_typer(app, name="variants")


@app.command("list")
def show(
    threshold: Annotated[
        float, typer.Option(help="How alike stacks have to be, 0 to 1.", min=0.05, max=1.0)
    ] = similarity.THRESHOLD,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """List groups of signatures whose stacks are alike and of which nobody has decided yet, the most certain first.

    Example: crashfarm variants list --threshold 0.8
    """
    history = options.connect(data).history
    found = variants.known(history)
    with console.progress("comparing stacks", len(found)) as advance:
        suggested = variants.suggest(history, found, advance, threshold)
    if as_json:
        console.tell(json.dumps([_as_json(one) for one in suggested], indent=1, ensure_ascii=False))
        return
    rows = [
        (number, f"{one.score:.2f}", _short(member), member.findings, _led(member), _words(member))
        for number, one in enumerate(suggested, 1)
        for member in one.members
    ]
    console.print_table(("group", "score", "signature", "findings", "variant of", "what"), rows)
    if not suggested:
        console.say("nothing to decide")


@app.command("confirm")
def confirm(signatures: Signatures, by: By = "", data: options.Data = None) -> None:
    """Say that these signatures are one bug. The first one leads the group, or whoever leads that one already."""
    history = options.connect(data).history
    changed = variants.confirm(history, variants.known(history), signatures, by or getpass.getuser(), times.utc_now)
    for one in changed:
        console.tell(f"{_short(one)} is a variant: {_words(one)}")


@app.command("reject")
def reject(signatures: Signatures, by: By = "", data: options.Data = None) -> None:
    """Say that of these signatures no two are one bug. They are not suggested again."""
    history = options.connect(data).history
    chosen = variants.reject(history, variants.known(history), signatures, by or getpass.getuser(), times.utc_now)
    for one in chosen:
        console.tell(f"{_short(one)} stands for itself: {_words(one)}")


def _short(one: Known) -> str:
    return one.note.id.removeprefix("signature:")[:SHORT]


def _led(one: Known) -> str:
    return one.note.variant_of.removeprefix("signature:")[:SHORT]


def _words(one: Known) -> str:
    kind, detail, message = one.key
    return f"{kind}: {message} in {detail}" if message else f"{kind}: {detail}"


def _as_json(one: Suggestion) -> dict[str, object]:
    members = [
        {
            "signature": member.note.id,
            "findings": member.findings,
            "variant_of": member.note.variant_of,
            **dict(zip(("kind", "detail", "message"), member.key, strict=True)),
        }
        for member in one.members
    ]
    return {"score": one.score, "members": members}
