"""Bodies come back from the disk as they were."""

from hypothesis import given
from hypothesis import strategies as st

from server.store.database.packing import pack, unpack

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
