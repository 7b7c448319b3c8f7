"""Who gets a JavaScript process, and how long one stays that nobody needs."""

import threading
import time

import pytest

from server.store.errors import JavaScriptError
from server.store.javascript import pool
from server.store.javascript.pool import JavaScript, Turns


def test_one_program_takes_no_more_than_its_share():
    """Others go on, and its own next call waits until one of them ends."""
    turns = Turns(4, 2)
    got = threading.Event()

    def third():
        with turns.one(b"a"):
            got.set()

    with turns.one(b"a"):
        with turns.one(b"a"):
            waiting = threading.Thread(target=third)
            waiting.start()
            with turns.one(b"b"):
                assert not got.is_set()
        assert got.wait(10)
    waiting.join()


def test_turn_that_does_not_come_is_a_timeout(monkeypatch):
    """Nobody waits for ever behind functions that never end."""
    monkeypatch.setattr(pool, "TURN_SECONDS", 0.01)
    turns = Turns(1, 1)
    with turns.one(b"a"), pytest.raises(JavaScriptError) as refused, turns.one(b"b"):
        pass
    assert refused.value.error == "timeout"
    with turns.one(b"b"):
        pass


def test_process_that_nobody_needs_ends(monkeypatch):
    """The next call starts another one."""
    monkeypatch.setattr(pool, "IDLE_SECONDS", 0.05)
    javascript = JavaScript()
    javascript.compile(["function (doc) {}"])
    processes, deadline = javascript._processes, time.monotonic() + 30
    while processes._free and time.monotonic() < deadline:
        continue
    assert processes._free == []
    javascript.compile(["function (doc) { emit(1); }"])
    javascript.close()
