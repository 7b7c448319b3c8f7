"""From where builds may be downloaded: prefixes that no trick gets around."""

import pytest

from crashfarm import sources

PREFIXES = ("https://builds.example.org/nightly/", "http://127.0.0.1:8000")


@pytest.mark.parametrize(
    "url",
    [
        "https://builds.example.org/nightly/a.tar.gz",
        "https://builds.example.org:443/nightly/2026/a.zip?x=1",
        "https://BUILDS.example.org/nightly/a..b.tar",
        "http://127.0.0.1:8000/a.tar.gz",
    ],
)
def test_what_is_below_a_prefix_is_permitted(url: str) -> None:
    """Whatever its depth."""
    assert sources.permits(PREFIXES, url)


@pytest.mark.parametrize(
    "url",
    [
        "https://builds.example.org.evil.example/nightly/a.tar.gz",
        "https://builds.example.org@evil.example/nightly/a.tar.gz",
        "https://builds.example.org/nightly-evil/a.tar.gz",
        "https://builds.example.org/nightly/../a.tar.gz",
        "https://builds.example.org/nightly/%2e%2e/a.tar.gz",
        "https://builds.example.org/nightly/%252e%252e/a.tar.gz",
        "https://builds.example.org/nightly/..%5ca.tar.gz",
        "https://builds.example.org/a.tar.gz",
        "http://builds.example.org/nightly/a.tar.gz",
        "https://builds.example.org:8443/nightly/a.tar.gz",
        "http://127.0.0.1:8001/a.tar.gz",
        "file:///etc/passwd",
        "//builds.example.org/nightly/a",
        "https://builds.example.org/nightly/a b",
        "https://[::1/a",
        "",
    ],
)
def test_everything_else_is_not(url: str) -> None:
    """Neither a host that begins alike nor a path that steps up."""
    assert not sources.permits(PREFIXES, url)


def test_nothing_is_permitted_by_default() -> None:
    """No prefix, no build."""
    assert not sources.permits((), "https://builds.example.org/a")


@pytest.mark.parametrize(
    "text", ["https://", "builds.example.org", "ftp://a/", "https://a/../b/", "https://u@a/", "https://a/?x"]
)
def test_what_cannot_be_a_prefix_is_told(text: str) -> None:
    """Before a worker begins."""
    assert not sources.is_prefix(text)
