"""Which handler answers which address.

Paths hold encoded slashes and reserved names, so they are taken apart by hand:
`/{server name}`, `/{db}`, `/{db}/{database name}`, `/{db}/{database name}/queries`,
`/{db}/_design/{ddoc}/{design name}`, `/{db}/_design/{ddoc}/_view/{view}/queries`, `/{db}/_local/{id}`,
`/{db}/{id}` and `/{db}/{id}/{attachment}`.
"""

from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from server.store.errors import MethodNotAllowed, NotFound
from server.store.http.request import Request
from server.store.http.response import Response

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
Kind = Literal["server", "database", "design", "local", "document", "attachment", "local attachment"]


#: Names with something of their own below them.
_WITH_MORE = frozenset(("_changes", "_compact", "_explain", "_find", "_index", "_temp_view", "_view_cleanup"))


@dataclass(frozen=True, slots=True)
class Route:
    """An address and its handlers by method. Kinds without a name of their own have the name "".

    `allow` is what a refusal lists when it is not the sorted methods.
    """

    kind: Kind
    name: str
    methods: dict[str, Handler]
    allow: str = ""


class Router:
    """All routes."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._table: dict[tuple[str, str], dict[str, Handler]] = {}
        self._allow: dict[tuple[str, str], str] = {}
        for route in routes:
            self._table.setdefault((route.kind, route.name), {}).update(route.methods)
            if route.allow:
                self._allow[route.kind, route.name] = route.allow

    def find(self, request: Request) -> tuple[tuple[str, str], Handler]:
        """Kind and name of a request's route, and its handler: without one for the method, a refusal."""
        place = self._place(request.parts)
        methods = self._table[place]
        handler = methods.get(request.method)
        if handler is None and request.method == "HEAD":
            handler = methods.get("GET")
        return place, handler or _refusal(self._allow.get(place) or _allowed(methods))

    def _place(self, parts: tuple[str, ...]) -> tuple[str, str]:
        if not parts:
            return "server", ""
        if ("server", parts[0]) in self._table:
            return "server", parts[0]
        if len(parts) == 1:
            return "database", ""
        if parts[1] == "_design" and len(parts) > 2:
            return self._design(parts)
        if parts[1] == "_local" and len(parts) > 2:
            return ("local", "") if len(parts) == 3 else ("local attachment", "")
        if ("database", parts[1]) in self._table:
            return self._listing(parts)
        return ("document", "") if len(parts) == 2 else ("attachment", "")

    def _listing(self, parts: tuple[str, ...]) -> tuple[str, str]:
        """What belongs to the database itself; below most of it could only be attachments, which are not there."""
        if len(parts) == 3 and ("database", f"{parts[1]}/{parts[2]}") in self._table:
            return "database", f"{parts[1]}/{parts[2]}"
        alone = len(parts) > 2 and parts[1] not in _WITH_MORE
        return ("attachment", "") if alone else ("database", parts[1])

    def _design(self, parts: tuple[str, ...]) -> tuple[str, str]:
        if len(parts) == 3:
            return "document", ""
        if len(parts) == 6 and ("design", f"{parts[3]}/{parts[5]}") in self._table:
            return "design", f"{parts[3]}/{parts[5]}"
        named = ("design", parts[3])
        return named if named in self._table else ("attachment", "")


def _refusal(allowed: str) -> Handler:
    """What answers a method that an address does not know, once it is sure that the address is there."""

    async def refuse(request: Request) -> Response:
        if (
            request.parts[1:2] == ("_design",)
            and len(request.parts) > 3
            and request.db.winner(f"_design/{request.parts[2]}") is None
        ):
            raise NotFound("missing")
        raise MethodNotAllowed(allowed)

    return refuse


def _allowed(methods: dict[str, Handler]) -> str:
    names = set(methods) | ({"HEAD"} if "GET" in methods else set())
    return ",".join(sorted(names))
