"""`crashfarm bug sync`: bringing in the bugs of a tracker."""

import re
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Annotated
from urllib.parse import urlsplit

import typer

from crashfarm import console, times
from crashfarm.errors import InputError
from crashfarm.understand.known_bugs import check_name
from server.cli import options
from server.trackers import keys
from server.trackers.asking import Asker
from server.trackers.bugzilla import KEY_HEADER, Bugzilla
from server.trackers.github import API, GitHub
from server.trackers.source import TITLES, Rules, Source
from server.trackers.syncing import sync

app = typer.Typer(help="Bring in what has changed at a tracker since the last time.", no_args_is_help=True)

Tracker = Annotated[str | None, typer.Option(help="The tracker's name in the ids of its bugs.")]
Titles = Annotated[
    list[str] | None,
    typer.Option(
        "--title",
        metavar="PATTERN",
        help="A pattern with the groups text, file or signature: what it finds in a title becomes a matcher. "
        "May be repeated.",
        show_default="signatures [@ … ] and assertions",
    ),
]
Fixed = Annotated[
    list[str] | None,
    typer.Option(
        "--fixed",
        metavar="KIND:NAME=BRANCH",
        help="What says that a closed bug is fixed on a branch: milestone:NAME, label:NAME or flag:FIELD. "
        "May be repeated.",
    ),
]
Anew = Annotated[bool, typer.Option("--anew", help="Read everything again, not only what has changed.")]

_FIXED = re.compile(r"(?P<kind>milestone|label|flag):(?P<name>.+)=(?P<branch>[^=]+)")
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")


def register(parent: typer.Typer) -> None:
    """Add the commands of this room."""
    parent.add_typer(app, name="sync")


@app.command("bugzilla")
def bugzilla(
    url: Annotated[str, typer.Argument(help="Its address: https://bugzilla.example.org/")],
    product: Annotated[list[str] | None, typer.Option(help="May be repeated.")] = None,
    component: Annotated[list[str] | None, typer.Option(help="May be repeated.")] = None,
    keywords: Annotated[list[str] | None, typer.Option("--keyword", help="May be repeated: all of them.")] = None,
    tracker: Tracker = None,
    title: Titles = None,
    fixed: Fixed = None,
    limit: Annotated[int, typer.Option(help="Bugs that are asked for at once.", min=1, max=10_000)] = 500,
    anew: Anew = False,
    data: options.Data = None,
) -> None:
    """Bring in the bugs of a Bugzilla. A key is in CRASHFARM_BUGZILLA_KEY, or in the file CRASHFARM_BUGZILLA_KEY_FILE.

    Signatures come from the field for crash signatures and from titles.
    Example: crashfarm bug sync bugzilla https://bugzilla.mozilla.org --product Core --keyword crash
    """
    secret = keys.read(keys.BUGZILLA)
    keys.check_url(url, secret)
    asked = {"product": product, "component": component, "keywords": keywords}
    named = {name: tuple(values) for name, values in asked.items() if values}
    name = _name(tracker or urlsplit(url).hostname or "")
    with closing(Asker(name, {KEY_HEADER: secret} if secret else {})) as asker:
        source = Bugzilla(asker=asker, url=url, tracker=name, asked=named, rules=_rules(title, fixed), limit=limit)
        _sync(source, anew, data)


@app.command("github")
def github(
    repository: Annotated[str, typer.Argument(metavar="OWNER/NAME")],
    label: Annotated[list[str] | None, typer.Option(help="Only issues with this label. May be repeated.")] = None,
    tracker: Tracker = None,
    title: Titles = None,
    fixed: Fixed = None,
    url: Annotated[str, typer.Option(help="The address of the API.")] = API,
    limit: Annotated[int, typer.Option(help="Issues that are asked for at once.", min=1, max=100)] = 100,
    anew: Anew = False,
    data: options.Data = None,
) -> None:
    """Bring in the issues of a repository. A token is in CRASHFARM_GITHUB_TOKEN, or in CRASHFARM_GITHUB_TOKEN_FILE.

    Example: crashfarm bug sync github python/cpython --label type-crash --fixed label:3.13=3.13
    """
    if not _REPOSITORY.fullmatch(repository):
        raise InputError(f"{repository!r} is no repository's name, which looks like owner/name")
    secret = keys.read(keys.GITHUB)
    keys.check_url(url, secret)
    name = _name(tracker or repository)
    headers = {"Accept": "application/vnd.github+json"} | ({"Authorization": f"Bearer {secret}"} if secret else {})
    with closing(Asker(name, headers)) as asker:
        source = GitHub(
            asker=asker,
            repository=repository,
            tracker=name,
            rules=_rules(title, fixed),
            labels=tuple(label or ()),
            url=url,
            limit=limit,
        )
        _sync(source, anew, data)


def _sync(source: Source, anew: bool, data: options.Data) -> None:
    farm = options.connect(data)
    with console.progress(f"reading {source.tracker}", None) as advance:
        done = sync(farm.status, source, times.utc_now, advance, anew=anew)
    for bad in done.bad:
        console.say(f"{source.tracker}: passed over: {bad}", style="yellow")
    console.tell(f"{source.tracker}: {done.stored}")


def _rules(titles: Sequence[str] | None, fixed: Sequence[str] | None) -> Rules:
    return Rules(titles=tuple(titles) if titles else TITLES, fixed=_fixed(fixed or ()))


def _fixed(given: Sequence[str]) -> Mapping[tuple[str, str], str]:
    found = {}
    for text in given:
        match = _FIXED.fullmatch(text)
        if not match:
            raise InputError(
                f"--fixed {text!r} is not like milestone:3.13.1=3.13, label:NAME=BRANCH or flag:FIELD=BRANCH"
            )
        found[match["kind"], match["name"]] = match["branch"]
    return found


def _name(tracker: str) -> str:
    check_name("tracker", tracker)
    return tracker
