"""What the owners of workers allow, as the dashboard reads it: by the rules that the workers themselves follow."""

from hypothesis import given
from hypothesis import strategies as st

from crashfarm import programs, sources
from tests.javascript import dashboard

run = dashboard("state/allowed")

SCHEMES = st.sampled_from(["http", "https", "HTTPS", "ftp", "https:"])
HOSTS = st.sampled_from(["h", "H", "h.h", "[::1]", "", " "])
PORTS = st.sampled_from(["", ":", ":80", ":443", ":0", ":99999", ":a", "@h"])
PARTS = st.sampled_from(["h", "80", "/", "a", "b/", "//", "..", ".", "%2e", "%252E", "@", "?q", "#f", "\\", " "])
PATHS_OF_URLS = st.lists(PARTS, max_size=6).map(lambda parts: f"/{''.join(parts)}") | st.just("")
ADDRESSES = st.tuples(SCHEMES, HOSTS, PORTS, PATHS_OF_URLS).map(lambda one: f"{one[0]}://{one[1]}{one[2]}{one[3]}")
NAMES = st.sampled_from(["a", "b", "/", "*", "?", "[a-b]", "[!b]", "[]a]", "[", "]", ".", "..", "("])
PATHS = st.lists(NAMES, max_size=7).map("".join)


@given(prefixes=st.lists(ADDRESSES, max_size=2), url=ADDRESSES, more=st.sampled_from(["", "/", "/a.zip", "/../a"]))
def test_builds_may_come_from_where_their_owners_say(prefixes: list[str], url: str, more: str) -> None:
    """Below an address that they name, and nowhere else."""
    for address in (url, *(prefix.rstrip("/") + more for prefix in prefixes)):
        assert run("state/allowed.permitsAddress", prefixes, address) == sources.permits(prefixes, address), address


@given(pattern=PATHS, program=PATHS, bare=st.booleans())
def test_programs_may_be_run_that_their_owners_name(pattern: str, program: str, bare: bool) -> None:
    """By patterns that stay within a folder; what a bare name means, nobody else knows."""
    named = program if bare else f"/{program}"
    kind = {"allow": [f"/{pattern}"], "allow_builds_from": []}
    expected = bool(named) and ("/" not in named or programs.permits(kind["allow"], named))
    assert run("state/allowed.permitsBuild", kind, {"command": [named]}) == expected
