"""Fauxton, CouchDB's web interface, from the data folder; before it is installed, how to install it."""

import mimetypes
from pathlib import Path

from server.store.errors import NotFound
from server.store.http.request import Request
from server.store.http.response import Response
from server.store.http.routing import Route

#: Where `crashfarm fauxton` puts it, below the data folder.
FOLDER = "fauxton"
_POLICY = (
    "default-src 'self'; img-src 'self' data:; font-src 'self'; script-src 'self' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)
_MISSING = "Fauxton is not installed yet. Run:  crashfarm fauxton\n"


async def page(request: Request) -> Response:
    """GET /_utils and below"""
    folder = request.server.folder / FOLDER
    if not (folder / "index.html").is_file():
        return Response(404, _MISSING.encode(), {"content-type": "text/plain; charset=utf-8"})
    if request.parts == ("_utils",) and not request.scope["raw_path"].endswith(b"/"):
        return Response(301, b"", {"location": request.base_url() + "/_utils/"})
    return _file(folder.resolve(), request.parts[1:] or ("index.html",))


def _file(folder: Path, parts: tuple[str, ...]) -> Response:
    path = folder.joinpath(*parts).resolve()
    if not path.is_relative_to(folder) or not path.is_file():
        raise NotFound("missing")
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    kind += "; charset=utf-8" if kind.startswith("text/") else ""
    headers = {"content-type": kind, "content-security-policy": _POLICY, "x-content-type-options": "nosniff"}
    return Response(200, path.read_bytes(), headers)


routes = [Route("server", "_utils", {"GET": page})]
