"""Design functions run in their sandbox, and nothing they do reaches beyond the call."""

import json
from pathlib import Path

import pytest

from server.store.errors import Forbidden, JavaScriptError, NotFound, Unauthorized
from server.store.javascript.messages import Functions, Request
from server.store.javascript.pool import program_key
from server.store.views.design import parse
from server.store.views.mapping import Source, javascript_mapper

USER = {"name": "ann", "roles": ["r"]}


def ddoc(**members) -> bytes:
    return json.dumps({"_id": "_design/d", **members}).encode()


def validation(body: str) -> bytes:
    return ddoc(validate_doc_update=f"function (doc, old, user, sec) {{ {body} }}")


def mapped(javascript, source: str, docs: list[dict], **views) -> list[tuple[str, object, object]]:
    """What a map function emits: id, key and value of each row in order."""
    group = parse(ddoc(views={"v": {"map": source}, **views}))
    with javascript_mapper(javascript, group) as mapper:
        mapper.begin([Source(doc["_id"], json.dumps(doc).encode()) for doc in docs])
        rows = [json.loads(row) for _, row in mapper.finish().rows[0]]
    return [(row["id"], row["key"], row["value"]) for row in rows]


def test_validation_accepts_and_refuses(javascript):
    """Forbidden and unauthorized keep their reason, whatever it is."""
    javascript.validate([validation("")], b"{}", None, USER, {})
    with pytest.raises(Forbidden) as caught:
        javascript.validate([validation("throw {forbidden: 'no ' + user.name}")], b"{}", None, USER, {})
    assert caught.value.reason == "no ann"
    with pytest.raises(Unauthorized) as caught:
        javascript.validate([validation("throw {unauthorized: {why: 1}}")], b"{}", None, USER, {})
    assert caught.value.reason == {"why": 1}


def test_each_document_of_a_batch_has_its_verdict(javascript):
    """One call for many documents; the first refusal of several functions counts."""
    functions = [validation("if (doc.a) throw {forbidden: 'a'}"), validation("if (doc.b) throw {forbidden: 'b'}")]
    pairs = [(b'{"a":1,"b":1}', None), (b'{"b":1}', b"{}"), (b"{}", None)]
    verdicts = javascript.validate_many(functions, pairs, USER, {})
    assert [verdict and verdict.reason for verdict in verdicts] == ["a", "b", None]


def test_a_failing_validation_names_what_it_threw(javascript):
    """An exception that is no refusal is a server error with the exception's name."""
    with pytest.raises(JavaScriptError) as caught:
        javascript.validate([validation("undefined.x")], b"{}", None, USER, {})
    assert (caught.value.status, caught.value.error) == (500, "TypeError")


def test_filters_and_updates_are_called_with_their_design_document(javascript):
    """`this` is the design document, and `require` finds any path in it."""
    text = ddoc(
        lib={"m": "exports.n = require('./o').n + 1", "o": "exports.n = 1"},
        filters={"f": "function (doc, req) { return doc.n === require('lib/m').n && this._id === req.want; }"},
        updates={"u": "(doc, req) => [{_id: 'x', was: doc}, 'done']"},
    )
    assert javascript.filter(text, "f", [b'{"n":2}', b'{"n":3}'], {"want": "_design/d"}) == [True, False]
    assert javascript.update(text, "u", b'{"n":1}', {}) == (b'{"_id":"x","was":{"n":1}}', "done")
    assert javascript.update(text, "u", None, {})[0] == b'{"_id":"x","was":null}'
    with pytest.raises(NotFound):
        javascript.filter(text, "nosuch", [b"{}"], {})


def test_a_view_filters_by_what_it_emits(javascript):
    """A document passes when the map emits anything."""
    text = ddoc(views={"v": {"map": "function (doc) { if (doc.n) emit(null); }"}})
    assert javascript.view_filter(text, "v", [b'{"n":1}', b"{}"]) == [True, False]


def test_a_map_that_throws_hides_only_its_document(javascript):
    """The other documents are indexed."""
    docs = [{"_id": "a", "n": {"m": 1}}, {"_id": "b"}]
    assert mapped(javascript, "function (doc) { emit(doc.n.m); }", docs) == [("a", 1, None)]


@pytest.mark.parametrize(
    "body",
    [
        "(function f() { f(); })()",
        "var x = {}; x.x = x; emit(1, x)",
        "emit(1n)",
        "var k = []; for (var i = 0; i < 1500; i++) k = [k]; emit(k)",
        "throw null",
    ],
)
def test_what_cannot_be_stored_hides_only_its_document(javascript, body):
    """Deep recursion, cycles, big integers, and keys that are nested too deeply."""
    docs = [{"_id": "bad", "bad": True}, {"_id": "good"}]
    source = f"function (doc) {{ if (doc.bad) {{ {body} }} else emit('fine'); }}"
    assert mapped(javascript, source, docs) == [("good", "fine", None)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("emit(undefined, undefined)", [(None, None)]),
        ("emit(NaN, [Infinity, function () {}])", [(None, [None, None])]),
        ("emit(new Date(0))", [("1970-01-01T00:00:00.000Z", None)]),
        ("emit('\\ud800', '\\udfff!')", [("\ufffd", "\ufffd!")]),
        ("emit('a\\u0000b')", [("a\x00b", None)]),
        ("emit(sum([1, 2]), [isArray([]), toJSON({a: 1})])", [(3, [True, '{"a":1}'])]),
        ("emit(2); emit(1, 'x'); emit(1, 'y')", [(1, "x"), (1, "y"), (2, None)]),
        ("emit('k'.repeat(100000).length)", [(100000, None)]),
    ],
)
def test_odd_emissions_become_json(javascript, body, expected):
    """What JSON has no word for is null; half surrogates are U+FFFD; rows of a document keep their order."""
    rows = mapped(javascript, f"function (doc) {{ {body} }}", [{"_id": "a"}])
    assert [row[1:] for row in rows] == expected


def test_maps_do_not_see_what_other_maps_did(javascript):
    """Each function of a view group gets a document of its own."""
    spoiler = "function (doc) { doc.n = 0; emit(doc.n); }"
    first = "function (doc) { /* a */ doc.n += 1; emit(doc.n); }"
    group = parse(ddoc(views={"a": {"map": first}, "b": {"map": spoiler}}))
    with javascript_mapper(javascript, group) as mapper:
        mapper.begin([Source("x", b'{"_id":"x","n":1}')])
        rows = mapper.finish().rows
    keys = {one.source: json.loads(found[0][1])["key"] for one, found in zip(group.maps, rows, strict=True)}
    assert keys == {first: 2, spoiler: 0}


def test_maps_require_modules_of_views_lib(javascript):
    """And nothing else of the design document."""
    lib = {"m": "exports.twice = function (n) { return 2 * n; };"}
    source = "function (doc) { emit(require('views/lib/m').twice(21)); }"
    assert mapped(javascript, source, [{"_id": "a"}], lib=lib) == [("a", 42, None)]
    assert mapped(javascript, "function (doc) { emit(require('secret')); }", [{"_id": "a"}], lib=lib) == []


def test_nothing_of_the_host_can_be_reached(javascript):
    """No file, network, process or module is there."""
    names = ["std", "os", "process", "require.main", "Deno", "Bun", "fetch", "XMLHttpRequest", "print", "load", "read"]
    source = f"""function (doc) {{ {json.dumps(names)}.forEach(function (name) {{
        try {{ if (eval('typeof ' + name) !== 'undefined') emit(name); }} catch (e) {{}}
    }}); }}"""
    assert mapped(javascript, source, [{"_id": "a"}]) == []


@pytest.mark.parametrize(
    "body", ["for (;;);", "for (;;) try { for (;;); } catch (e) {}", "/(a+)+$/.test('a'.repeat(40) + 'b')"]
)
def test_an_endless_function_ends_with_a_timeout(hasty, body):
    """The next call works."""
    with pytest.raises(JavaScriptError) as caught:
        hasty.validate([validation(body)], b"{}", None, USER, {})
    assert caught.value.error == "timeout"
    hasty.validate([validation("")], b"{}", None, USER, {})


def test_a_built_in_that_never_ends_costs_its_process(hasty):
    """It cannot be interrupted from inside, so the process is killed and another one takes the next call."""
    with pytest.raises(JavaScriptError) as caught:
        hasty.validate([validation("new Array(1e9).join('x')")], b"{}", None, USER, {})
    assert caught.value.error == "timeout"
    hasty.validate([validation("")], b"{}", None, USER, {})


def test_a_memory_bomb_ends_with_an_error(javascript):
    """The next call works, in the same process."""
    with pytest.raises(JavaScriptError) as caught:
        javascript.validate(
            [validation("var a = []; for (;;) a.push('x'.repeat(1e5) + a.length);")], b"{}", None, USER, {}
        )
    assert caught.value.error == "os_process_error"
    javascript.validate([validation("")], b"{}", None, USER, {})


@pytest.mark.parametrize(
    "body",
    [
        "Array.prototype.toJSON = function () { return 'x'; }; emit(1, [1])",
        "Object.prototype.toJSON = function () { return 5; }; emit(1, {a: 1})",
        "Array.prototype[Symbol.iterator] = null; emit(1)",
        "Array.prototype.join = function () { return ']'; }; Array.prototype.push = null; emit(1)",
        "JSON.stringify = function () { return '!'; }; JSON.parse = null; emit(1)",
    ],
)
def test_games_with_prototypes_harm_only_the_player(javascript, body):
    """Either the rows are right or the call fails; other functions never notice."""
    try:
        rows = mapped(javascript, f"function (doc) {{ {body} }}", [{"_id": "a"}])
        assert [row[1] for row in rows] == [1]
    except JavaScriptError as exc:
        assert exc.error
    assert mapped(javascript, "function (doc) { emit([1].concat(2)); }", [{"_id": "a"}]) == [("a", [1, 2], None)]


@pytest.mark.parametrize("source", ["function (doc) {", "not a function", "1", "({})", ""])
def test_what_is_no_function_does_not_compile(javascript, source):
    """The client is told that the design document is wrong."""
    with pytest.raises(JavaScriptError) as caught:
        javascript.compile([source])
    assert (caught.value.status, caught.value.error) == (400, "compilation_error")


@pytest.mark.parametrize(
    "source", ["function (doc) { }", "function (doc) { };\n", "(doc) => 1", "// hi\nfunction f(doc) {} // ho"]
)
def test_functions_compile_in_every_form(javascript, source):
    """With a name or without, with comments and a semicolon behind."""
    javascript.compile([source])


def test_a_reduce_that_does_not_shrink_is_refused(javascript):
    """As CouchDB does."""
    with pytest.raises(JavaScriptError) as caught:
        javascript.reduce("function (k, v) { return 'x'.repeat(10000); }", b"[[null,[1]]]", True)
    assert caught.value.error == "reduce_overflow_error"


def test_a_program_that_the_child_forgot_is_sent_again(javascript):
    """A child keeps only the latest programs."""
    for number in range(40):
        assert javascript.reduce(f"function (k, v) {{ return v[0] + {number}; }}", b"[[null,[1]]]", True) == [
            1 + number
        ]
    assert javascript.reduce("function (k, v) { return v[0] + 0; }", b"[[null,[1]]]", True) == [1]


def test_selectors_with_patterns_have_a_time_limit(hasty):
    """A pattern that takes for ever ends with a timeout; one that does not is simply matched."""
    docs = [b'{"s":"%s"}' % (b"a" * 60 + b"b"), b'{"s":"x"}']
    assert hasty.select({"s": {"$regex": "^x"}}, docs) == [False, True]
    with pytest.raises(JavaScriptError) as caught:
        hasty.select({"s": {"$regex": "^(a+)+$"}}, docs)
    assert caught.value.error == "timeout"


def test_the_child_can_open_nothing(javascript):
    """Its limits leave no file, socket or process to be had."""
    javascript.compile(["function (doc) {}"])
    with javascript._processes.lend(b"") as child:
        limits = Path(f"/proc/{child._process.pid}/limits").read_text()
    wanted = {"Max open files": "0", "Max processes": "0", "Max file size": "0", "Max core file size": "0"}
    for name, value in wanted.items():
        [line] = [line for line in limits.splitlines() if line.startswith(name)]
        assert line[len(name) :].split()[:2] == [value, value]


def test_programs_are_known_by_their_text():
    """The same text is the same program."""
    assert program_key(Functions(("a",))) == program_key(Functions(("a",)))
    assert program_key(Functions(("a",))) != program_key(Functions(("b",)))
    assert Request(b"k", "map").program is None
