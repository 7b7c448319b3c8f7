"""Which values there are, to tell a wrong name from an empty answer."""

from collections.abc import Mapping

from crashfarm.documents.finding import Kind
from crashfarm.errors import InputError
from server.queries import paging

_BUILD_PARTS = ("product", "branch", "buildtype")


def check(history: paging.Viewed, parts: Mapping[str, str]) -> None:
    """Raise InputError, which lists the known ones, if a type, product, branch or build type has no results at all."""
    types = [f"{record}_{kind}" for record in ("history", "result") for kind in Kind]
    _compare("type", parts.get("type"), types)
    builds = [key for key, _ in paging.groups(history, "results", "by_branch_day", len(_BUILD_PARTS))]
    for at, name in enumerate(_BUILD_PARTS):
        _compare(name, parts.get(name), sorted({key[at] for key in builds}))


def _compare(name: str, asked: str | None, there: list[str]) -> None:
    if asked is not None and there and asked not in there:
        raise InputError(f"no {name} is called {asked!r}; known: {', '.join(there)}")
