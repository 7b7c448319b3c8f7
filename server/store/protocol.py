"""The server's side of one connection: uvicorn's, with a limit on what stands before a request's body."""

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


def limited(max_head: int) -> type[HttpToolsProtocol]:
    """A protocol class that refuses requests (400) whose address and headers are longer than so many bytes."""

    class Limited(HttpToolsProtocol):
        _in_head = False
        _head = 0

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._head = self._head + len(data) if self._in_head else 0
            if self._head > max_head and not self.transport.is_closing():
                self.send_400_response("The address or the headers are too long.")

        def on_message_begin(self) -> None:
            self._in_head = True
            self._size = 0
            super().on_message_begin()

        def on_url(self, url: bytes) -> None:
            self._count(url)
            super().on_url(url)

        def on_header(self, name: bytes, value: bytes) -> None:
            self._count(name, value)
            super().on_header(name, value)

        def on_headers_complete(self) -> None:
            self._in_head = False
            super().on_headers_complete()

        def _count(self, *texts: Any) -> None:
            self._size += sum(map(len, texts))
            if self._size > max_head:
                raise ValueError("head too long")

    return Limited
