"""What a program writes, kept within bounds: its head and its tail."""

from collections import deque


class Output:
    """Bytes of which the first `head` and the last `tail` are kept; what is between is counted only."""

    def __init__(self, head: int, tail: int) -> None:
        self._head_room = head
        self._tail_room = tail
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self.total = 0

    def feed(self, data: bytes) -> None:
        """Take what was read."""
        self.total += len(data)
        room = self._head_room - len(self._head)
        self._head += data[:room]
        if rest := data[room:]:
            self._tail.append(rest)
            self._tail_size += len(rest)
        while self._tail and self._tail_size - len(self._tail[0]) >= self._tail_room:
            self._tail_size -= len(self._tail.popleft())

    def text(self) -> bytes:
        """Head and tail, with a line between them that says how much is missing."""
        tail = b"".join(self._tail)[-self._tail_room :]
        missing = self.total - len(self._head) - len(tail)
        gap = b"\n[... %d bytes left out ...]\n" % missing if missing else b""
        return bytes(self._head) + gap + tail
