"""A line between a client and a server that can be cut, stalled, or made deaf on one side."""

import contextlib
import socket
import threading
from enum import Enum

CHUNK = 1 << 16


class Line(Enum):
    """What a line does."""

    #: Bytes go both ways.
    OPEN = "open"
    #: Connections are hung up, and new ones at once.
    CUT = "cut"
    #: Connections stay, and nothing moves until the line is opened; then all of it comes after all.
    STALLED = "stalled"
    #: What the client sends arrives, and no answer ever comes back: half-open.
    DEAF = "deaf"


class Proxy:
    """Listens on a free port of the loopback and passes on to another one, by threads that end with the process."""

    def __init__(self, server: int) -> None:
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._moved = threading.Condition()
        self._line = Line.OPEN
        self._sockets: set[socket.socket] = set()
        threading.Thread(target=self._listen, daemon=True).start()

    def turn(self, line: Line) -> None:
        """Change what the line does. What a deaf line has swallowed is lost for good."""
        with self._moved:
            hang_up = line is Line.CUT or self._line is Line.DEAF
            self._line = line
            doomed = list(self._sockets) if hang_up else []
            self._moved.notify_all()
        for each in doomed:
            _hang_up(each)

    def close(self) -> None:
        """Hang up for ever."""
        self.turn(Line.CUT)
        _hang_up(self._listener)

    def _listen(self) -> None:
        while True:
            try:
                client = self._listener.accept()[0]
            except OSError:
                return
            self._connect(client)

    def _connect(self, client: socket.socket) -> None:
        if self._line is Line.CUT:
            _hang_up(client)
            return
        try:
            server = socket.create_connection(("127.0.0.1", self._server))
        except OSError:
            _hang_up(client)
            return
        with self._moved:
            self._sockets |= {client, server}
        for source, sink, held in (
            (client, server, {Line.STALLED}),
            (server, client, {Line.STALLED, Line.DEAF}),
        ):
            threading.Thread(target=self._pump, args=(source, sink, held), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, held: set[Line]) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                with self._moved:
                    self._moved.wait_for(lambda: self._line not in held)
                sink.sendall(data)
        for each in (source, sink):
            _hang_up(each)
        with self._moved:
            self._sockets -= {source, sink}


def _hang_up(each: socket.socket) -> None:
    """Close a connection, also under the hands of a thread that reads from it."""
    with contextlib.suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
    each.close()
