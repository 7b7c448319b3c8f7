"""Fauxton at `/_utils/`, when it is installed: files that anybody may read; what they ask of the store needs rights."""

import asyncio
from pathlib import Path

from server.store.http.request import Request
from server.store.http.response import Response
from server.store.http.routing import Route

#: What the pages cannot do without: style elements of their own, and the editor's worker, which is made from a blob.
POLICY = (
    "default-src 'self'; img-src 'self' data:; font-src 'self'; script-src 'self'; "
    "style-src 'self' 'unsafe-inline'; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "private, must-revalidate",
}
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".eot": "application/vnd.ms-fontobject",
    ".gif": "image/gif",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".txt": "text/plain; charset=utf-8",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}
_NOT_INSTALLED = Path(__file__).with_name("utils.html")


async def utils(request: Request) -> Response:
    """GET /_utils, /_utils/ and /_utils/{file}"""
    # What can install the pages is only loaded for who looks at them, for a start should be short.
    from server import fauxton

    root = fauxton.folder(request.server.folder)
    names = request.parts[1:]
    if not names and not root.is_dir():
        return await asyncio.to_thread(_answer, _NOT_INSTALLED, request)
    if request.scope["raw_path"] == b"/_utils":
        return Response(301, headers={"location": f"{request.base_url()}/_utils/"})
    file = _find(root, names or ("index.html",))
    if file is None:
        return Response(404, b"Not found.", {**_HEADERS, "content-type": "text/plain"})
    return await asyncio.to_thread(_answer, file, request)


def _find(root: Path, names: tuple[str, ...]) -> Path | None:
    """The file of that name below `root`; hidden ones and whatever leads elsewhere are not there."""
    if any(name.startswith(".") or not name or set(name) & set("/\\\0") for name in names):
        return None
    try:
        file = root.joinpath(*names).resolve()
        return file if file.is_relative_to(root.resolve()) and file.is_file() else None
    except OSError:
        return None


def _answer(file: Path, request: Request) -> Response:
    status = file.stat()
    etag = f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
    headers = {**_HEADERS, "etag": etag}
    if etag in (request.header("if-none-match") or ""):
        return Response(304, headers=headers)
    headers["content-type"] = _TYPES.get(file.suffix, "application/octet-stream")
    return Response(200, file.read_bytes(), headers)


routes = [Route("server", "_utils", {"GET": utils})]
