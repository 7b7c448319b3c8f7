"""The child process: reads calls from its one socket, answers them, and can do nothing else.

Run as ``python -m server.store.javascript.child MEMORY SECONDS`` with the socket as standard input. Once its modules
are loaded it gives up opening files and sockets, starting processes, writing files, and growing without end.
"""

import json
import resource
import socket
import sys
from collections import OrderedDict
from collections.abc import Sequence

import msgspec

from server.store import collation
from server.store.javascript import rows
from server.store.javascript.engine import Engine, OutOfTime, Refused
from server.store.javascript.messages import HEADER, Functions, Mapped, Program, Reply, Request, Selector, frame
from server.store.mango.selector import Predicate, compile_normal

#: Programs kept ready, latest used last.
MAX_PROGRAMS = 16
#: Address space beyond the functions' memory: the interpreter, ICU, and the texts that go in and out.
OVERHEAD = 1 << 30
#: What a call may take of the time that the store waits for it; the rest is for passing it to and fro. A batch
#: of documents that takes longer than its part is mapped again, each document alone.
CALL_SHARE = 0.8
BATCH_SHARE = 0.15

_decode_request = msgspec.msgpack.Decoder(Request).decode
_decode_texts = msgspec.json.Decoder(list[msgspec.Raw]).decode


class Channel:
    """Frames over the socket that is standard input."""

    def __init__(self) -> None:
        self._socket = socket.socket(fileno=0)
        self._file = self._socket.makefile("rb", buffering=1 << 18)

    def receive(self) -> Request | None:
        """The next call, or None when the store is gone."""
        header = self._file.read(HEADER.size)
        if len(header) < HEADER.size:
            return None
        return _decode_request(self._file.read(HEADER.unpack(header)[0]))

    def send(self, reply: Reply) -> None:
        """Answer."""
        self._socket.sendall(frame(reply))


class Worker:
    """Answers calls with the programs it keeps."""

    def __init__(self, channel: Channel, memory: int, seconds: float) -> None:
        self._channel = channel
        self._memory = memory
        self._seconds = seconds
        self._engines: OrderedDict[bytes, tuple[Engine | Predicate, Program]] = OrderedDict()

    def answer(self, request: Request) -> Reply:
        """Do what a call asks; whatever goes wrong in it is an answer too."""
        try:
            found = self._engine(request)
            return Reply(unknown=True) if found is None else self._run(*found, request)
        except Refused as exc:
            if exc.word == "os_process_error":
                self._engines.pop(request.key, None)
            return Reply(refused=(exc.word, exc.reason))
        except OutOfTime:
            self._engines.pop(request.key, None)
            return Reply(refused=("timeout", "The request could not be processed in a reasonable amount of time."))
        except (MemoryError, RecursionError, ValueError) as exc:
            self._engines.pop(request.key, None)
            return Reply(refused=("os_process_error", f"{type(exc).__name__}: {exc}"))

    def _run(self, engine: Engine | Predicate, program: Program, request: Request) -> Reply:
        if not isinstance(engine, Engine):
            docs = msgspec.json.decode(request.texts[0])
            return Reply(text=msgspec.json.encode([engine(doc) for doc in docs]))
        engine.logs = []
        if request.operation == "map" and isinstance(program, Functions):
            return Reply(mapped=self._map(engine, program, request), logs=engine.logs)
        return Reply(text=engine.call(request.operation, *request.texts), logs=engine.logs)

    def _engine(self, request: Request) -> tuple[Engine | Predicate, Program] | None:
        if request.key not in self._engines:
            if request.program is None:
                return None
            self._engines[request.key] = self._load(request.program), request.program
            if len(self._engines) > MAX_PROGRAMS:
                self._engines.popitem(last=False)
        self._engines.move_to_end(request.key)
        return self._engines[request.key]

    def _load(self, program: Program) -> Engine | Predicate:
        if isinstance(program, Selector):
            return compile_normal(msgspec.json.decode(program.selector))
        return Engine(program, self._memory, self._seconds * CALL_SHARE)

    def _map(self, engine: Engine, program: Functions, request: Request) -> Mapped:
        encoders = [collation.encoder(name) for name in program.collations]
        engine.limit(self._seconds * BATCH_SHARE)
        try:
            return rows.mapped(rows.decode(engine.call("map", request.texts[0])), request.ids, encoders)
        except (OutOfTime, Refused, ValueError, RecursionError):
            engine.limit(self._seconds * CALL_SHARE)
            return self._map_each(engine, encoders, request)

    def _map_each(self, engine: Engine, encoders: Sequence[collation.Encode], request: Request) -> Mapped:
        """The batch failed, so each document is mapped alone, with limits of its own.

        Signs of life tell the store that work goes on. What cannot be a key (nested too deeply) hides its document;
        a failure of the functions ends the request.
        """
        parts = []
        for doc_id, doc in zip(request.ids, _decode_texts(request.texts[0]), strict=True):
            try:
                emitted = engine.call("map", b"[" + bytes(doc) + b"]")
                parts.append(rows.mapped(rows.decode(emitted), [doc_id], encoders))
            except (ValueError, RecursionError) as exc:
                engine.logs.append(f"emitted something that cannot be stored ({exc}) with doc._id {doc_id}")
            self._channel.send(Reply(busy=True))
        return rows.joined(parts, len(encoders))


def give_up_rights(memory: int) -> None:
    """From here on: no new file, socket or process, nothing written, a bounded size."""
    for what, limit in (
        (resource.RLIMIT_AS, memory + OVERHEAD),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, 0),
    ):
        resource.setrlimit(what, (limit, limit))


def main() -> None:
    """Answer calls until the store closes the socket."""
    memory, seconds = int(sys.argv[1]), float(sys.argv[2])
    json.loads("[]")
    collation.encode("warm")
    channel = Channel()
    give_up_rights(memory)
    worker = Worker(channel, memory, seconds)
    channel.send(Reply(busy=True))
    while (request := channel.receive()) is not None:
        channel.send(worker.answer(request))


if __name__ == "__main__":
    main()
