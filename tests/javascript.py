"""Runs our JavaScript inside QuickJS the way CouchDB does, and reads it the way its oldest engine would."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import quickjs
from calmjs.parse import es5

ROOT = Path(__file__).parent.parent
MAPS = sorted((ROOT / "views").glob("*/*/map.js"))

Json = Any
Row = tuple[Any, Any]


def name_of(map_file: Path) -> str:
    """`design/view` of a map."""
    return f"{map_file.parent.parent.name}/{map_file.parent.name}"


def read_as_es5(source: str) -> Any:
    """Parse a function; raises an error for whatever is newer than ECMAScript 5."""
    return es5(f"({source}\n);")


def map_function(source: str) -> Callable[[Json], list[Row]]:
    """The map as a function from a document to the rows that it emits."""
    context = quickjs.Context()
    context.eval(
        "var emitted;"
        "function emit(key, value) { emitted.push([key, value]); }"
        f"var map = ({source}\n);"
        "function rows(doc) { emitted = []; map(JSON.parse(doc)); return JSON.stringify(emitted); }"
    )
    call = context.get("rows")
    return lambda doc: [(key, value) for key, value in json.loads(call(json.dumps(doc)))]


def validation(source: str) -> Callable[..., str | None]:
    """The validation function: takes new document, old document, database name and roles; gives the refusal or None."""
    context = quickjs.Context()
    context.eval(
        f"var validate = ({source}\n);"
        "function run(texts) {"
        "  try { validate.apply({}, JSON.parse(texts)); return null; }"
        "  catch (refusal) {"
        "    if (!refusal || typeof refusal.forbidden !== 'string') throw refusal;"
        "    return refusal.forbidden;"
        "  }"
        "}"
    )
    call = context.get("run")

    def validate(
        new: Json, old: Json = None, db: str | None = None, roles: tuple[str, ...] = ("_admin",)
    ) -> str | None:
        user = {"name": "alice", "roles": list(roles)} | ({"db": db} if db else {})
        security = {"admins": {"names": [], "roles": ["_admin"]}, "members": {"names": [], "roles": []}}
        refusal: str | None = call(json.dumps([new, old, user, security]))
        return refusal

    return validate
