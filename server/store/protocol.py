"""The server's side of one connection: uvicorn's, with a limit on what stands before a request's body."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


def limited(max_head: int) -> type[HttpToolsProtocol]:
    """A protocol class that refuses requests (400) whose address and headers are longer than so many bytes."""

    class Limited(HttpToolsProtocol):
        #: Bytes received since the last complete head: an upper bound of the next one's length.
        _received = 0
        _in_head = True

        def data_received(self, data: bytes) -> None:
            self._received += len(data)
            super().data_received(data)
            if not self._in_head:
                self._received = 0
            elif self._received > max_head and not self.transport.is_closing():
                self.send_400_response("The address or the headers are too long.")

        def on_message_begin(self) -> None:
            self._in_head = True
            super().on_message_begin()

        def on_headers_complete(self) -> None:
            self._in_head = False
            if self._received > max_head and self._head_size() > max_head:
                raise ValueError("the address or the headers are too long")
            super().on_headers_complete()

        def _head_size(self) -> int:
            return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    return Limited
