"""Hostile requests: whatever comes, the answer is one that CouchDB could give, and the store lives on."""

import json
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.couch import hostile
from tests.couch.conftest import Client

pytestmark = pytest.mark.embedded_only

#: What the store may say about a request that makes no sense. 501 is for what CouchDB itself deprecates.
SERVER_ERRORS_ALLOWED = {501}

_words = st.sampled_from(hostile.WORDS)
_segments = st.lists(_words | st.text(max_size=6), max_size=5)
_options = st.dictionaries(
    st.sampled_from(hostile.OPTIONS), st.sampled_from(hostile.VALUES) | st.text(max_size=5), max_size=4
)
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(hostile.MEMBERS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
_bodies = _json.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=30)
_headers = st.dictionaries(st.sampled_from(hostile.HEADERS), st.sampled_from(hostile.HEADER_VALUES), max_size=2)
_types = st.sampled_from(hostile.TYPES)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    method=st.sampled_from(hostile.METHODS),
    segments=_segments,
    inside=st.booleans(),
    options=_options,
    body=_bodies,
    headers=_headers,
    kind=_types,
)
def test_senseless_request_is_never_an_error_of_the_server(
    http: Client,
    database_name: str,
    method: str,
    segments: list[str],
    inside: bool,
    options: dict[str, str],
    body: bytes,
    headers: dict[str, str],
    kind: str,
) -> None:
    """Paths, options, headers and bodies that mean nothing or too much."""
    if segments[:1] == ["_replicate"] or (not inside and method in ("PUT", "DELETE")):
        return
    path = "/".join(quote(each, safe="") for each in ([database_name] if inside else []) + segments)
    if inside and not any(segments) and method in ("PUT", "DELETE"):
        return
    options = {**options, "feed": options.get("feed", "normal"), "timeout": "1"}
    answer = http(
        method,
        f"/{path}?{urlencode(options)}",
        data=body,
        headers={"Content-Type": kind, **headers},
        allow_redirects=False,
    )
    assert answer.status_code < 500 or answer.status_code in SERVER_ERRORS_ALLOWED, (answer.status_code, answer.text)
    assert http("GET", "/_up").status_code == 200
