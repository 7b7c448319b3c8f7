"""The store's JavaScript: a few child processes, and one method per kind of function that design documents hold."""

import contextlib
import functools
import hashlib
import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

import msgspec

from server.store.errors import Forbidden, JavaScriptError, NotFound, StoreError, Unauthorized
from server.store.javascript.messages import Design, Functions, Program, Reply, Request, Selector
from server.store.javascript.process import Child, Limits
from server.store.mango.normal import normal
from server.store.mango.selector import compile_normal, has_pattern

_log = logging.getLogger("crashfarm.store.javascript")
_encode = msgspec.json.encode

#: Children that stay when nobody needs them, and for how long, in seconds. Starting another one takes a tenth of a
#: second, keeping one some thirty megabytes.
IDLE = 1
IDLE_SECONDS = 30.0
#: Children at most, for calls and for building views. Memory is what they cost; the processors are shared anyway.
CALLERS = 8
BUILDERS = 4
#: How long a call waits for its turn.
TURN_SECONDS = 60.0
#: Pairs of documents that are validated in one call, with one limit of time.
_VALIDATED_AT_ONCE = 1000

#: Documents as JSON text: the new one, and the one it replaces or None.
Pair = tuple[bytes, bytes | None]
Verdict = tuple[str, Any] | None


@functools.lru_cache(maxsize=64)
def program_key(program: Program) -> bytes:
    """What a program is known by: the digest of its text."""
    return hashlib.sha256(msgspec.msgpack.encode(program)).digest()[:16]


class Turns:
    """Who may have a child: so many callers at a time, and of them few for one and the same program.

    A program that never ends thus takes its own turns only, and others go on.
    """

    def __init__(self, size: int, share: int) -> None:
        self._size = size
        self._share = share
        self._taken: Counter[bytes] = Counter()
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def one(self, key: bytes) -> Iterator[None]:
        """A turn; waits for it. JavaScriptError (timeout) when it does not come."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._is_free(key), TURN_SECONDS):
                raise JavaScriptError("Other functions of design documents take too long.", "timeout")
            self._taken[key] += 1
        try:
            yield
        finally:
            with self._changed:
                self._taken[key] -= 1
                self._taken += Counter()  # forget those that nobody has
                self._changed.notify_all()

    def _is_free(self, key: bytes) -> bool:
        return self._taken.total() < self._size and self._taken[key] < self._share


class Processes:
    """At most `size` children, started when needed, lent to one caller at a time; few are kept when idle.

    At most `share` of them run the same program.
    """

    def __init__(self, size: int, share: int, limits: Limits) -> None:
        self._limits = limits
        self._free: list[Child] = []
        self._lent: set[Child] = set()
        self._turns = Turns(size, share)
        self._lock = threading.Lock()
        self._closed = False
        self._used = 0.0
        self._retiring: threading.Timer | None = None

    @contextlib.contextmanager
    def lend(self, key: bytes) -> Iterator[Child]:
        """A child for the caller alone, to run the program of that key; waits for one.

        A child that broke is not lent again.
        """
        with self._turns.one(key):
            child = self._take(key)
            try:
                yield child
            except StoreError:
                self._give(child)
                raise
            except BaseException:
                child.kill()  # an answer may still be under way
                self._give(child)
                raise
            else:
                self._give(child)

    def close(self) -> None:
        """End all children; what they were doing fails."""
        with self._lock:
            self._closed = True
            free, self._free = self._free, []
            if self._retiring is not None:
                self._retiring.cancel()
        self.interrupt()
        for child in free:
            child.close()

    def interrupt(self) -> None:
        """End the children that are lent; what they were doing fails."""
        with self._lock:
            for child in self._lent:
                child.kill()

    def _take(self, key: bytes) -> Child:
        """A child that knows the program, if there is one."""
        with self._lock:
            if self._closed:
                raise JavaScriptError("The store is stopping.", "os_process_error")
            known = [child for child in self._free if key in child.programs] or self._free[-1:]
            child = known[0] if known else Child(self._limits)
            self._free = [each for each in self._free if each is not child]
            self._lent.add(child)
        return child

    def _give(self, child: Child) -> None:
        with self._lock:
            self._lent.discard(child)
            if child.alive and not self._closed and len(self._free) < IDLE:
                self._free.append(child)
                self._used = time.monotonic()
                if self._retiring is None:
                    self._retire_later(IDLE_SECONDS)
                return
        child.close()

    def _retire_later(self, seconds: float) -> None:
        self._retiring = threading.Timer(seconds, self._retire)
        self._retiring.daemon = True
        self._retiring.start()

    def _retire(self) -> None:
        """End the idle children, or look again when they will have been idle for long enough."""
        with self._lock:
            left = self._used + IDLE_SECONDS - time.monotonic()
            if left > 0 and not self._closed:
                self._retire_later(left)
                return
            self._retiring = None
            free, self._free = self._free, []
        for child in free:
            child.close()


def prepared(child: Child, request: Request, program: Program) -> Request:
    """The request, with the program in it when the child was never given it."""
    if request.key in child.programs:
        return request
    child.programs.add(request.key)
    return msgspec.structs.replace(request, program=program)


def ask(child: Child, request: Request, program: Program) -> Reply:
    """One call of a program; raises what a refusal means."""
    reply = child.ask(prepared(child, request, program))
    if reply.unknown:
        reply = child.ask(msgspec.structs.replace(request, program=program))
    return accepted(reply)


def accepted(reply: Reply) -> Reply:
    """The reply, unless it is a refusal, which is raised. Logs what the functions logged."""
    for line in reply.logs:
        _log.info("%s", line)
    if reply.refused is not None:
        raise_refusal(*reply.refused)
    return reply


def raise_refusal(word: str, reason: Any) -> NoReturn:
    """Raise the error that a refusal's word stands for."""
    if word == "forbidden":
        raise Forbidden(reason)
    if word == "unauthorized":
        raise Unauthorized(reason)
    if word == "not_found":
        raise NotFound(reason)
    raise JavaScriptError(reason, word, 400 if word == "compilation_error" else 500)


class JavaScript:
    """Every use of JavaScript but the building of views. Thread-safe; calls block until answered.

    All methods raise JavaScriptError when a function cannot be compiled, or fails, or breaks its limits.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        limits = limits or Limits()
        self._processes = Processes(CALLERS, CALLERS // 4, limits)
        #: Children for building views, apart, so that a long build never holds up a write.
        self.builders = Processes(BUILDERS, 1, limits)

    def validate(
        self,
        ddocs: Sequence[bytes],
        new_doc: bytes,
        old_doc: bytes | None,
        user_ctx: dict[str, Any],
        sec_obj: dict[str, Any],
    ) -> None:
        """Ask every design document's `validate_doc_update`; raises Forbidden or Unauthorized on the first no."""
        [problem] = self.validate_many(ddocs, [(new_doc, old_doc)], user_ctx, sec_obj)
        if problem is not None:
            raise problem

    def validate_many(
        self,
        ddocs: Sequence[bytes],
        pairs: Sequence[Pair],
        user_ctx: dict[str, Any],
        sec_obj: dict[str, Any],
    ) -> list[StoreError | None]:
        """For each pair of new and old document, None or the error with which it is refused."""
        about = _encode(user_ctx), _encode(sec_obj)
        found: list[StoreError | None] = []
        for first in range(0, len(pairs), _VALIDATED_AT_ONCE):
            found += self._validate(ddocs, pairs[first : first + _VALIDATED_AT_ONCE], *about)
        return found

    def _validate(
        self, ddocs: Sequence[bytes], pairs: Sequence[Pair], user_ctx: bytes, sec_obj: bytes
    ) -> list[StoreError | None]:
        texts = (_pairs_text(pairs), user_ctx, sec_obj)
        found: list[Verdict] = [None] * len(pairs)
        for ddoc in ddocs:
            verdicts = msgspec.json.decode(self._call(Design(ddoc), "validate", *texts), type=list[Verdict])
            found = [first or second for first, second in zip(found, verdicts, strict=True)]
        return [None if verdict is None else _error(*verdict) for verdict in found]

    def filter(self, ddoc: bytes, name: str, docs: Sequence[bytes], req: dict[str, Any]) -> list[bool]:
        """Which documents the filter function `filters.<name>` lets pass."""
        path = _encode(["filters", name])
        return self._booleans(ddoc, "filter", path, _array(docs), _encode(req))

    def view_filter(self, ddoc: bytes, name: str, docs: Sequence[bytes]) -> list[bool]:
        """For which documents the map function of a view emits anything."""
        return self._booleans(ddoc, "viewFilter", _encode(["views", name, "map"]), _array(docs))

    def update(
        self, ddoc: bytes, name: str, doc: bytes | None, req: dict[str, Any]
    ) -> tuple[bytes | None, str | dict[str, Any]]:
        """Run the update function `updates.<name>`: the document to store (JSON text) or None, and the response."""
        path = _encode(["updates", name])
        try:
            answer = self._call(Design(ddoc), "update", path, doc or b"null", _encode(req))
        except JavaScriptError as exc:
            if exc.error in ("compilation_error", "timeout", "os_process_error", "render_error"):
                raise
            reason = f"function raised error: ({exc.error}) {exc.reason}"
            raise JavaScriptError(reason, "render_error") from exc
        new_doc, response = msgspec.json.decode(answer, type=tuple[msgspec.Raw, Any])
        return (None if bytes(new_doc) == b"null" else bytes(new_doc)), response

    def select(self, selector: Any, docs: Sequence[bytes]) -> list[bool]:
        """Which documents meet a selector. Regular expressions run in a child, where they have a time limit."""
        explicit = normal(selector)
        if not has_pattern(explicit):
            test = compile_normal(explicit)
            return [test(msgspec.json.decode(doc)) for doc in docs]
        answer = self._call(Selector(_encode(explicit)), "select", _array(docs))
        return msgspec.json.decode(answer, type=list[bool])

    def compile(self, sources: Sequence[str], lib: str = "{}") -> None:
        """Raise JavaScriptError (`compilation_error`, 400) unless every source is a function."""
        self._call(Functions(tuple(sources), lib), "reduce", b"0", b"[]", b"false")

    def reduce(self, source: str, groups: bytes, rereduce: bool) -> list[Any]:
        """Reduce groups (JSON text: array of [keys or null, values]) with a JavaScript function."""
        flag = b"true" if rereduce else b"false"
        answer: list[Any] = msgspec.json.decode(self._call(Functions((source,)), "reduce", b"0", groups, flag))
        return answer

    def close(self) -> None:
        """End the child processes."""
        self._processes.close()
        self.builders.close()

    def _booleans(self, ddoc: bytes, operation: str, *texts: bytes) -> list[bool]:
        return msgspec.json.decode(self._call(Design(ddoc), operation, *texts), type=list[bool])

    def _call(self, program: Program, operation: str, *texts: bytes) -> bytes:
        request = Request(program_key(program), operation, texts)
        with self._processes.lend(request.key) as child:
            return ask(child, request, program).text or b"null"


def _array(docs: Sequence[bytes]) -> bytes:
    return b"[" + b",".join(docs) + b"]"


def _pairs_text(pairs: Sequence[Pair]) -> bytes:
    return _array([b"[" + new + b"," + (old or b"null") + b"]" for new, old in pairs])


def _error(word: str, reason: Any) -> StoreError:
    try:
        raise_refusal(word, reason)
    except StoreError as exc:
        return exc
