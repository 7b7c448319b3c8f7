"""Which handler answers which address.

Paths hold encoded slashes and reserved names, so they are taken apart by hand:
`/{server name}`, `/{db}`, `/{db}/{database name}`, `/{db}/_design/{ddoc}/{design name}`, `/{db}/_local/{id}`,
`/{db}/{id}` and `/{db}/{id}/{attachment}`.
"""

from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from server.store.errors import MethodNotAllowed
from server.store.http.request import Request
from server.store.http.response import Response

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
Kind = Literal["server", "database", "design", "local", "document", "attachment", "local attachment"]


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
        """Kind and name of a request's route, and its handler; MethodNotAllowed when there is none."""
        place = self._place(request.parts)
        methods = self._table[place]
        handler = methods.get(request.method)
        if handler is None and request.method == "HEAD":
            handler = methods.get("GET")
        if handler is None:
            raise MethodNotAllowed(self._allow.get(place) or _allowed(methods))
        return place, handler

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
            return "database", parts[1]
        return ("document", "") if len(parts) == 2 else ("attachment", "")

    def _design(self, parts: tuple[str, ...]) -> tuple[str, str]:
        if len(parts) == 3:
            return "document", ""
        named = ("design", parts[3])
        return named if named in self._table else ("attachment", "")


def _allowed(methods: dict[str, Handler]) -> str:
    names = set(methods) | ({"HEAD"} if "GET" in methods else set())
    return ",".join(sorted(names))
