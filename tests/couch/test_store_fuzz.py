"""Hostile requests: whatever comes, the answer is one that CouchDB could give, and the store lives on."""

import json
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.couch.conftest import Client

pytestmark = pytest.mark.embedded_only

#: What the store may say about a request that makes no sense. 501 is for what CouchDB itself deprecates.
SERVER_ERRORS_ALLOWED = {501}

_words = st.sampled_from(
    [
        "_all_docs",
        "_bulk_docs",
        "_bulk_get",
        "_changes",
        "_compact",
        "_design",
        "_design_docs",
        "_find",
        "_index",
        "_explain",
        "_local",
        "_local_docs",
        "_missing_revs",
        "_purge",
        "_revs_diff",
        "_revs_limit",
        "_security",
        "_view",
        "_info",
        "_update",
        "_show",
        "_ensure_full_commit",
        "_view_cleanup",
        "queries",
        "a",
        "b",
        "_all_dbs",
        "_session",
        "_node",
        "_scheduler",
        "_uuids",
        "_dbs_info",
        "_active_tasks",
        "_membership",
        "_up",
        "d",
        "v",
        "..",
        ".",
    ]
)
_segments = st.lists(_words | st.text(max_size=6), max_size=5)
_options = st.dictionaries(
    st.sampled_from(
        [
            "rev",
            "revs",
            "open_revs",
            "conflicts",
            "attachments",
            "since",
            "limit",
            "skip",
            "startkey",
            "endkey",
            "key",
            "keys",
            "group",
            "group_level",
            "reduce",
            "include_docs",
            "descending",
            "feed",
            "timeout",
            "filter",
            "view",
            "style",
            "count",
            "batch",
            "new_edits",
            "atts_since",
            "update",
            "stale",
        ]
    ),
    st.sampled_from(
        ["true", "false", "1", "-1", "0", "1-a", '"a"', "[]", "{}", '["1-a"]', "all", "now", "x", "", "normal"]
    )
    | st.text(max_size=5),
    max_size=4,
)
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "_id",
                    "_rev",
                    "_deleted",
                    "_attachments",
                    "_revisions",
                    "docs",
                    "keys",
                    "queries",
                    "selector",
                    "fields",
                    "sort",
                    "views",
                    "map",
                    "reduce",
                    "language",
                    "index",
                    "admins",
                    "members",
                    "names",
                    "roles",
                    "new_edits",
                    "id",
                    "rev",
                    "data",
                    "stub",
                    "follows",
                    "x",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
_bodies = _json.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=30)
_headers = st.dictionaries(
    st.sampled_from(["If-Match", "If-None-Match", "Range", "Accept", "Content-Encoding", "Destination", "Cookie"]),
    st.sampled_from(
        ["*", '"1-a"', "bytes=0-", "bytes=9-1", "text/html", "gzip", "b?rev=1-a", "AuthSession=x", "", "a/b"]
    ),
    max_size=2,
)
_types = st.sampled_from(["application/json", "text/plain", "multipart/related; boundary=x", "multipart/form-data", ""])


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    method=st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD", "COPY"]),
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
    if inside and len(segments) == 0 and method in ("PUT", "DELETE"):
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
