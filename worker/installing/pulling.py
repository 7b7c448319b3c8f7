"""One HTTP answer, read in a thread of its own: whoever wants its bytes need not wait for a network that hangs."""

import queue
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread
from typing import cast

import requests

from worker.installing.trouble import Stopped

AHEAD = 4
"""Pieces that are read before anybody takes them."""

_LOOK = 0.1

Ask = Callable[[requests.Session], requests.Response]
Read = Callable[[requests.Response], bytes]


class Pull:
    """An answer and its bytes. What `ask` and `read` raise is raised where the answer and the bytes are taken.

    When `stop` is set there are no more. The thread that reads is left alone then: it ends when its socket lets it.
    """

    def __init__(self, ask: Ask, read: Read, stop: Event) -> None:
        self._ask = ask
        self._read = read
        self._stop = stop
        self._is_left = Event()
        self._items: queue.Queue[requests.Response | bytes | Exception] = queue.Queue(AHEAD)
        Thread(target=self._run, name="download", daemon=True).start()

    def answer(self) -> requests.Response:
        """The answer without its body; to be taken first. Raises Stopped, and what `ask` raises."""
        return cast(requests.Response, self._take())

    def piece(self) -> bytes:
        """The next bytes; none when all is read. Raises Stopped, and what `read` raises."""
        return cast(bytes, self._take())

    def leave(self) -> None:
        """Nothing more is wanted."""
        self._is_left.set()

    def _take(self) -> requests.Response | bytes:
        while not self._stop.is_set():
            with suppress(queue.Empty):
                item = self._items.get(timeout=_LOOK)
                if isinstance(item, Exception):
                    raise item
                return item
        raise Stopped

    def _run(self) -> None:
        try:
            with requests.Session() as session, self._ask(session) as response:
                self._put(response)
                while not self._is_left.is_set() and (piece := self._read(response)):
                    self._put(piece)
                self._put(b"")
        except Exception as exc:
            self._put(exc)

    def _put(self, item: requests.Response | bytes | Exception) -> None:
        """Hand an item over as soon as there is room, unless nobody wants it any more."""
        while not self._is_left.is_set():
            with suppress(queue.Full):
                self._items.put(item, timeout=_LOOK)
                return
