"""One program inside a QuickJS context of its own, with limits on memory and time."""

import json
from importlib import resources
from typing import Any

import msgspec
import quickjs

from server.store.javascript.messages import Design, Functions

_PRELUDE = resources.files(__package__).joinpath("prelude.js").read_text(encoding="utf-8")

#: QuickJS's own stack, in bytes: deep enough for the nested JSON that CouchDB takes, well inside the thread's stack.
STACK = 1 << 20


class Refused(Exception):
    """The program says no: CouchDB's word for the error, and the reason."""

    def __init__(self, word: str, reason: object) -> None:
        super().__init__(word, reason)
        self.word = word
        self.reason = reason


class OutOfTime(Exception):
    """A call took longer than it may."""


class _Answer(msgspec.Struct):
    result: msgspec.Raw = msgspec.Raw(b"null")
    refused: tuple[str, Any] | None = None
    logs: list[str] = []


_decode_answer = msgspec.json.Decoder(_Answer).decode


class Engine:
    """A program, loaded and ready to be called."""

    def __init__(self, program: Functions | Design, memory: int, seconds: float) -> None:
        context = quickjs.Context()
        context.set_memory_limit(memory)
        context.set_max_stack_size(STACK)
        self._context = context
        self.limit(seconds)
        self._run = context.eval(_PRELUDE)
        self.logs: list[str] = []
        if isinstance(program, Functions):
            self.call("loadFunctions", msgspec.json.encode(program.sources), program.lib.encode())
        else:
            self.call("loadDesign", program.ddoc)

    def limit(self, seconds: float) -> None:
        """How much of the processor's time each call may take from now on."""
        self._context.set_time_limit(seconds)

    def call(self, operation: str, *texts: bytes) -> bytes:
        """Run an operation of the prelude on JSON texts and give its JSON text.

        Raises Refused for what the program throws, OutOfTime after the time limit.
        """
        try:
            answer = _decode(self._run(operation, *[one.decode() for one in texts]))
        except quickjs.StackOverflow as exc:
            raise Refused("RangeError", "Maximum call stack size exceeded") from exc
        except quickjs.JSException as exc:
            raise _failure(str(exc)) from exc
        except (msgspec.MsgspecError, TypeError, json.JSONDecodeError) as exc:
            raise Refused("os_process_error", f"the functions answered no JSON: {exc}") from exc
        self.logs += answer.logs
        if answer.refused is not None:
            raise Refused(*answer.refused)
        return bytes(answer.result)


def _decode(text: str) -> _Answer:
    try:
        return _decode_answer(text)
    except msgspec.DecodeError:
        return _decode_answer(_without_half_surrogates(text))


def _without_half_surrogates(text: str) -> str:
    """JSON text in which half surrogates, which JavaScript has and UTF-8 has not, are U+FFFD."""
    plain = json.dumps(json.loads(text), ensure_ascii=False)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _failure(message: str) -> Exception:
    if "interrupted" in message:
        return OutOfTime()
    if "out of memory" in message:
        return Refused("os_process_error", "the functions need more memory than they may have")
    return Refused("os_process_error", message.splitlines()[0])
