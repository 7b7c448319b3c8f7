"""One child process, seen from the store: started, asked with a deadline, killed when it does not answer."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from server.store.errors import JavaScriptError
from server.store.javascript.messages import HEADER, Reply, Request, frame

_decode_reply = msgspec.msgpack.Decoder(Reply).decode
_ROOT = Path(__file__).parents[3]
#: How long a child may take to start, or to take a call in, before it counts as hung.
_START_SECONDS = 60.0


class Limits(msgspec.Struct, frozen=True):
    """Bounds of one call: bytes of memory, and seconds until its answer."""

    memory: int = 256 << 20
    seconds: float = 5.0


class Child:
    """A running child process. Not thread-safe: one call at a time."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process: subprocess.Popen[bytes] = subprocess.Popen(
                [sys.executable, "-P", "-m", f"{__package__}.child", str(limits.memory), str(limits.seconds)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={"PYTHONPATH": str(_ROOT), "LC_ALL": "C.UTF-8", "PATH": os.defpath},
                cwd="/",
            )
        self.alive = True
        self._patience = _START_SECONDS
        #: Keys of programs that the child has been given.
        self.programs: set[bytes] = set()

    def ask(self, request: Request) -> Reply:
        """One call and its answer. Raises JavaScriptError when the child dies or is silent for too long."""
        self.send(request)
        return self.receive()

    def send(self, request: Request) -> None:
        """Begin a call; its answer is to be fetched with `receive`."""
        self._socket.settimeout(_START_SECONDS)
        try:
            self._socket.sendall(frame(request))
        except OSError as exc:
            raise self._broken(exc) from exc

    def receive(self) -> Reply:
        """The answer to the call that was sent. A child is silent for as long as one call of a function may take:

        it ends most functions itself, but some built-ins cannot be interrupted from inside.
        """
        while True:
            deadline = time.monotonic() + self._patience
            try:
                size = HEADER.unpack(self._read(HEADER.size, deadline))[0]
                reply = _decode_reply(self._read(size, deadline))
            except (OSError, msgspec.MsgspecError) as exc:
                raise self._broken(exc) from exc
            self._patience = self._limits.seconds
            if not reply.busy:
                return reply

    def kill(self) -> None:
        """End the process from any thread; who waits for its answer gets an error."""
        self.alive = False
        self._process.kill()

    def close(self) -> None:
        """End the process and let go of it."""
        self.alive = False
        self._socket.close()
        self._process.kill()
        self._process.wait()

    def _read(self, size: int, deadline: float) -> bytearray:
        data = bytearray(size)
        view = memoryview(data)
        while view:
            self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
            count = self._socket.recv_into(view)
            if count == 0:
                raise ConnectionError("the process ended")
            view = view[count:]
        return data

    def _broken(self, cause: Exception) -> JavaScriptError:
        self.close()
        if isinstance(cause, TimeoutError):
            return JavaScriptError("The request could not be processed in a reasonable amount of time.", "timeout")
        return JavaScriptError(f"The JavaScript process failed: {cause}", "os_process_error")
