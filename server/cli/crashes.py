"""`crashfarm crashes`: questions to the key tuple, by any of its parts."""

from typing import Annotated

import typer

from crashfarm.errors import InputError
from crashfarm.keys import PARTS
from server.cli import asking, completing, options
from server.cli.spreading import spread
from server.queries import regressions, tuples

TypeName = Annotated[
    str | None, typer.Option("--type", metavar="NAME", help="The key's first part as it is, such as history_crash.")
]
Group = Annotated[
    str,
    typer.Option(
        metavar="N|PART", help=f"Sum up to this part: {', '.join(PARTS)}.", autocompletion=completing.of_words(PARTS)
    ),
]


def register(parent: typer.Typer) -> None:
    """Add the command."""
    parent.command("crashes")(spread(crashes))


def crashes(
    asked: asking.Asked,
    *,
    type_name: TypeName = None,
    group: Group = "detail",
    form: asking.Form,
    data: options.Data = None,
) -> None:
    """Count what was found, by any parts of the key tuple.

    With --new distinct tuples are counted, by when they were first seen, instead of findings.

    Example: crashfarm crashes --branch 3.13 --since monday --group branch
    """
    record: tuples.Record = "history" if asked.new else "result"
    types, level, moment = _type(asked, record, type_name), tuples.group_level(group), asked.moment
    farm = options.connect(data)
    asking.await_findings(farm, moment)
    what = asking.given(message=asked.message, detail=asked.detail)
    parts = {**types, **what, **asked.build, **asked.place(farm)}
    question = tuples.Question(parts=parts, record=record, since=moment, group=level)
    found = list((regressions if asked.regressed else tuples).counts(farm.history, question))
    if not found:
        asking.explain_nothing(farm, parts)
    form.write([*PARTS[:level], "count"], [(*count.parts, count.count) for count in found])


def _type(asked: asking.Asked, record: tuples.Record, type_name: str | None) -> dict[str, str]:
    """The key's first part, from either of the two options that name it."""
    if asked.kind is None:
        return asking.given(type=type_name)
    if type_name is not None:
        raise InputError("--kind and --type say the same: give one of them")
    return {"type": f"{record}_{asked.kind}"}
