"""Runs our JavaScript inside QuickJS the way CouchDB does, and reads it the way its oldest engine would."""

import json
import re
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


DASHBOARD = ROOT / "couchapp/dashboard"

_IMPORT = re.compile(r'^import \{ ([^}]+) \} from "(\.[^"]+)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(function|class|const) (\w+))", re.MULTILINE)


def dashboard(*modules: str, also: str = "", before: str = "") -> Callable[..., Any]:
    """The named modules of the dashboard, what they import, and a module that a test writes, `also`, in one engine.
    `before` runs first: it stands in for what a browser has and the engine has not.

    Gives a function that takes `"module.function"`, the module by its path without its suffix, and the arguments, all
    plain JSON; it awaits a promise. A refusal of ours, Impossible, is raised as ImpossibleAct.
    """
    context = quickjs.Context()
    context.eval(f"var modules = {{}}; {before}")
    loaded: set[Path] = set()
    for module in modules:
        _load(context, DASHBOARD / f"{module}.js", loaded)
    _define(context, DASHBOARD / "also.js", also, loaded)
    context.eval(_RUN)
    begin, settled = context.get("begin"), context.get("settled")

    def run(function: str, *arguments: Json) -> Any:
        module, _, name = function.rpartition(".")
        begin(str(DASHBOARD / f"{module}.js"), name, json.dumps(arguments))
        while context.execute_pending_job():
            pass
        answer = json.loads(settled())
        if "impossible" in answer:
            raise ImpossibleAct(answer["impossible"])
        return answer.get("value")

    return run


_RUN = """
var answer;
function settled() { return answer; }
function begin(path, name, texts) {
  answer = '{"impossible": "it never ends"}';
  new Promise(function (resolve) { resolve(modules[path][name](...JSON.parse(texts))); }).then(
    function (value) { answer = JSON.stringify({ value: value }); },
    function (trouble) {
      answer = JSON.stringify({ impossible: trouble.name === "Impossible" ? trouble.message : String(trouble) });
    });
}
"""


class ImpossibleAct(Exception):
    """The dashboard's own refusal of an act, or an error."""


def _load(context: Any, path: Path, loaded: set[Path]) -> None:
    if path not in loaded:
        loaded.add(path)
        _define(context, path, path.read_text(), loaded)


def _define(context: Any, path: Path, source: str, loaded: set[Path]) -> None:
    """Run a module, after those that it imports, as a function with a scope of its own: the engine finds no files."""
    for _, other in _IMPORT.findall(source):
        _load(context, (path.parent / other).resolve(), loaded)
    exports = ", ".join(name for _, name in _EXPORT.findall(source))
    source = _IMPORT.sub(lambda found: f"const {{ {found[1]} }} = {_place(path.parent / found[2])};", source)
    context.eval(f"{_place(path)} = (function () {{ {_EXPORT.sub('', source)}\nreturn {{ {exports} }}; }})();")


def _place(path: Path) -> str:
    return f"modules[{json.dumps(str(path.resolve()))}]"
