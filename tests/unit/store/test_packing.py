"""Bodies come back from the disk as they were."""

from hypothesis import given
from hypothesis import strategies as st

from server.store.database.packing import Recent, pack, unpack

texts = st.binary(max_size=400).map(lambda data: b',"a":"' + data.hex().encode() + b'"') | st.just(b"")


@given(texts, st.integers(1, 60))
def test_body_is_unpacked_as_it_was(text: bytes, times: int) -> None:
    """Short or long, whether it got smaller or not, and however often it was packed."""
    body = text * times
    assert unpack(pack(body)) == body
    assert pack(pack(body)) == pack(body)
    assert len(pack(body)) <= len(body)


def test_long_body_is_packed_and_a_short_one_is_not() -> None:
    """A short one gains nothing."""
    assert len(pack(b',"a":"' + b"x" * 1000 + b'"')) < 100
    assert pack(b',"a":1') == b',"a":1'


@given(st.lists(texts, max_size=30), st.integers(0, 3000))
def test_what_was_packed_lately_is_remembered_within_limits(bodies: list[bytes], limit: int) -> None:
    """A busy store must not grow with what goes through it, and never gives one body for another."""
    recent = Recent(limit)
    for number, body in enumerate(bodies):
        recent.add(b"%d" % number, body)
    found = {number: text for number in range(len(bodies)) if (text := recent.get(b"%d" % number)) is not None}
    assert all(text == bodies[number] for number, text in found.items())
    assert sum(map(len, found.values())) <= max(limit, len(bodies[-1]) if bodies else 0)


def test_body_that_is_not_remembered_is_unpacked_from_the_disk() -> None:
    """As after a start of the store."""
    body = b',"a":"' + b"x" * 1000 + b'"'
    packed = pack(body)
    for number in range(2000):
        pack(b',"b":"%d' % number + b"y" * 1000 + b'"')
    assert unpack(packed) == body
