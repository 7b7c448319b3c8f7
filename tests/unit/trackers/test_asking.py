"""Asking a tracker: patience with an end, and no trust in what it says."""

import gzip
from email.utils import formatdate

import pytest

from server.trackers import asking
from server.trackers.asking import Asker, shown
from server.trackers.errors import TrackerError
from tests.unit.trackers.conftest import NOW, Reply, Standin


def refusal(asker: Asker, standin: Standin) -> str:
    """What is said of an answer that is not good."""
    with pytest.raises(TrackerError) as caught:
        asker.get(standin.url + "/rest/bug", {"a": "b"})
    said = str(caught.value)
    assert said.startswith(f"tracker: {standin.url}/rest/bug")
    assert "geheim" not in said
    return said


def test_who_asks_says_who_it_is_and_what_it_may(asker: Asker, standin: Standin) -> None:
    """A name with a version, and the key in a header, never in the address."""
    standin.replies(Reply({"x": 1}))
    assert asker.get(standin.url + "/p", {"q": [1, 2]}).json == {"x": 1}
    (asked,) = standin.asked
    assert (asked.path, asked.query) == ("/p", {"q": ["1", "2"]})
    assert asked.headers["user-agent"].startswith("crashfarm/")
    assert asked.headers["x-key"] == "geheim"


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429])
def test_a_fault_that_passes_is_waited_out(asker: Asker, standin: Standin, slept: list[float], status: int) -> None:
    """Longer each time, and never for ever."""
    standin.replies(Reply(b"x", status), Reply(b"x", status), Reply({"x": 1}))
    assert asker.get(standin.url, {}).json == {"x": 1}
    assert 1 <= slept[0] <= 2 <= slept[1] <= 4


def test_a_fault_that_stays_ends_the_patience(asker: Asker, standin: Standin) -> None:
    """With the number of tries, and what to do."""
    standin.replies(Reply(b"x", 503))
    said = refusal(asker, standin)
    assert "status 503, 5 times; try again later" in said
    assert len(standin.asked) == 5


def test_nobody_at_home_is_told(asker: Asker) -> None:
    """The address leads nowhere."""
    with pytest.raises(TrackerError, match=r"tracker: http://127\.0\.0\.1:1: no answer \(ConnectionError"):
        asker.get("http://127.0.0.1:1", {})


@pytest.mark.parametrize("after", ["7", formatdate(NOW + 7, usegmt=True)])
def test_a_wish_to_wait_is_obeyed(asker: Asker, standin: Standin, slept: list[float], after: str) -> None:
    """Given in seconds or as a date."""
    standin.replies(Reply(b"", 429, {"Retry-After": after}), Reply({}))
    asker.get(standin.url, {})
    assert slept[0] == 7


def test_a_rate_limit_is_waited_out(asker: Asker, standin: Standin, slept: list[float]) -> None:
    """Until the moment that the tracker names."""
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOW) + 30)}
    standin.replies(Reply(b"", 403, headers), Reply({}))
    asker.get(standin.url, {})
    assert slept[0] == 30


def test_too_long_a_wait_is_left_to_people(asker: Asker, standin: Standin, slept: list[float]) -> None:
    """With the time until when."""
    standin.replies(Reply(b"", 429, {"Retry-After": "100000"}))
    assert "it asks us to wait until 2027-01-16" in refusal(asker, standin)
    assert slept == []


def test_nonsense_in_a_wish_to_wait_counts_as_a_fault(asker: Asker, standin: Standin) -> None:
    """It is tried again like others."""
    standin.replies(Reply(b"", 503, {"Retry-After": "soon"}), Reply({"x": 1}))
    assert asker.get(standin.url, {}).json == {"x": 1}


@pytest.mark.parametrize(
    ("status", "says"),
    [(401, "the key or token is missing or wrong"), (403, "may not read"), (404, "look at the name"), (400, "options")],
)
def test_a_refusal_is_told_with_the_trackers_words(asker: Asker, standin: Standin, status: int, says: str) -> None:
    """And what to do; it is not asked again."""
    standin.replies(Reply({"message": "No such product"}, status))
    said = refusal(asker, standin)
    assert f"status {status}: No such product" in said
    assert says in said
    assert len(standin.asked) == 1


@pytest.mark.parametrize("body", [b"<html>Sign in</html>", b"", b"\xff\xfe", b"[" * 100_000, b'{"a": 1'])
def test_what_is_not_json_is_told_by_its_beginning(asker: Asker, standin: Standin, body: bytes) -> None:
    """A sign-in page, nothing, binary, a depth that breaks parsers, half an answer."""
    standin.replies(Reply(body, headers={"Content-Type": "text/html"}))
    assert "(text/html) is not JSON" in refusal(asker, standin)


def test_an_answer_that_says_it_is_huge_is_not_read(asker: Asker, standin: Standin) -> None:
    """Nobody waits for the bytes."""
    standin.replies(Reply(b"{}", headers={"Content-Length": str(1 << 40)}))
    assert "says that it has 1099511627776 bytes" in refusal(asker, standin)


def test_an_answer_that_is_huge_is_cut_off(asker: Asker, standin: Standin, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that is small as long as it is packed."""
    monkeypatch.setattr(asking, "MAX_BYTES", 1_000_000)
    packed = gzip.compress(b" " * 50_000_000)
    assert len(packed) < 1_000_000
    standin.replies(Reply(packed, headers={"Content-Encoding": "gzip"}))
    assert "has more than 1000000 bytes" in refusal(asker, standin)


def test_an_answer_shorter_than_it_says_is_asked_for_again(asker: Asker, standin: Standin) -> None:
    """The connection broke; half an answer is none."""
    standin.replies(Reply(b'{"x": 1}', headers={"Content-Length": "800"}), Reply({"x": 2}))
    assert asker.get(standin.url, {}).json == {"x": 2}


def test_an_answer_that_drips_is_given_up(asker: Asker, standin: Standin, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each piece in time, and no end."""
    monkeypatch.setattr(asking, "MAX_SECONDS", -1.0)
    standin.replies(Reply(b"{}"))
    assert "takes more than" in refusal(asker, standin)


def test_we_are_sent_on_within_a_host(asker: Asker, standin: Standin) -> None:
    """A project that was renamed."""
    standin.replies(Reply(b"", 301, {"Location": "/new?x=1"}), Reply({"x": 1}))
    assert asker.get(standin.url + "/old", {}).json == {"x": 1}
    assert [asked.path for asked in standin.asked] == ["/old", "/new"]


def test_we_are_not_sent_on_to_another_host(asker: Asker, standin: Standin) -> None:
    """The key would go along."""
    standin.replies(Reply(b"", 302, {"Location": "http://user:pass@127.0.0.2:1/x"}))
    said = refusal(asker, standin)
    assert "sends us on to http://127.0.0.2:1/x" in said
    assert "pass" not in said


def test_a_circle_of_redirections_ends(asker: Asker, standin: Standin) -> None:
    """After a few turns."""
    standin.replies(Reply(b"", 302, {"Location": "/rest/bug"}))
    assert "status 302" in refusal(asker, standin)


def test_an_address_is_shown_without_its_secrets() -> None:
    """Name and password of whoever put them there."""
    assert shown("https://user:pass@host:8/p?q=1#f") == "https://host:8/p?q=1"
