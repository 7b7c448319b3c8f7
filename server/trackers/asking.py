"""Asking a tracker over HTTP: politely, with patience that ends, and without believing what it says of its size."""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

import msgspec
import requests

import crashfarm
from server.trackers.errors import TrackerError

USER_AGENT = f"crashfarm/{crashfarm.__version__}"
TIMEOUT = (10.0, 60.0)
"""Seconds for a connection, and for each piece of an answer."""
MAX_SECONDS = 300.0
"""For a whole answer, however slowly it drips."""
MAX_BYTES = 32 << 20
"""Of an answer, unpacked."""
CHUNK = 1 << 16
TRIES = 5
MAX_BACK_OFF = 60.0
MAX_WAIT = 900.0
"""Seconds that a tracker may ask us to wait; if it asks for more, we give up and say until when."""
MAX_REDIRECTS = 5
UNCHANGED = 304

_REDIRECTS = {301, 302, 307, 308}
_LATER = {429, 500, 502, 503, 504}
_ADVICE = {
    401: "the key or token is missing or wrong",
    403: "the key or token may not read this",
    404: "look at the name, and at whether a key or token is needed to see it",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a tracker answered: the status, the headers by their names in lower case, and the JSON (None when 304)."""

    status: int
    headers: Mapping[str, str]
    json: Any


class Asker:
    """Asks one tracker. `headers` may hold a secret: it goes to the tracker's own host only, and is never shown."""

    def __init__(
        self,
        tracker: str,
        headers: Mapping[str, str],
        sleep: Callable[[float], None] = time.sleep,
        rng: random.Random | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._tracker = tracker
        self._sleep = sleep
        self._rng = rng or random.Random()
        self._now = now
        self._session = requests.Session()
        self._session.headers.update({"User-Agent": USER_AGENT, "Accept": "application/json", **headers})

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def get(self, url: str, query: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Answer:
        """GET JSON, trying again where that may help. Raises TrackerError."""
        last = ""
        for tried in range(TRIES):
            if tried:
                self._sleep(min(MAX_BACK_OFF, 2.0**tried) * self._rng.uniform(0.5, 1.0))
            try:
                with self._ask(url, query, headers or {}) as response:
                    wait = _asked_to_wait(response, self._now())
                    if wait is None and response.status_code not in _LATER:
                        return self._read(response)
                    last = f"status {response.status_code}"
                    self._wait(response, wait or 0.0)
            except requests.RequestException as fault:
                last = _words(fault)
        raise TrackerError(self._tracker, url, f"{last}, {TRIES} times", "try again later")

    @contextmanager
    def _ask(self, url: str, query: Mapping[str, Any], headers: Mapping[str, str]) -> Iterator[requests.Response]:
        """One request, and those that it is sent on to on the same host."""
        options: dict[str, Any] = {"headers": headers, "timeout": TIMEOUT, "stream": True, "allow_redirects": False}
        response = self._session.get(url, params=query, **options)
        for _ in range(MAX_REDIRECTS):
            target = response.headers.get("location")
            if response.status_code not in _REDIRECTS or not target:
                break
            response.close()
            response = self._session.get(self._next(response.url, target), **options)
        with response:
            yield response

    def _next(self, url: str, target: str) -> str:
        there = urljoin(url, target)
        if urlsplit(there)[:2] != urlsplit(url)[:2]:
            raise TrackerError(
                self._tracker, shown(url), f"it sends us on to {shown(there)}", "if that is right, name it as the URL"
            )
        return there

    def _wait(self, response: requests.Response, seconds: float) -> None:
        if seconds > MAX_WAIT:
            until = datetime.fromtimestamp(self._now() + seconds, UTC).strftime("%Y-%m-%d %H:%MZ")
            raise TrackerError(
                self._tracker, shown(response.url), f"it asks us to wait until {until}", "what was read is kept"
            )
        if seconds:
            self._sleep(seconds)

    def _read(self, response: requests.Response) -> Answer:
        url = shown(response.url)
        headers = {name.lower(): value for name, value in response.headers.items()}
        if response.status_code == UNCHANGED:
            return Answer(UNCHANGED, headers, None)
        body = self._body(response, url)
        if response.status_code != requests.codes.ok:
            advice = _ADVICE.get(response.status_code, "look at the options")
            raise TrackerError(self._tracker, url, f"status {response.status_code}{_message(body)}", advice)
        try:
            return Answer(response.status_code, headers, msgspec.json.decode(body))
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as fault:
            kind = headers.get("content-type", "no type")
            raise TrackerError(
                self._tracker,
                url,
                f"the answer ({kind}) is not JSON: it begins with {body[:40]!r}",
                "is this the tracker's own address?",
            ) from fault

    def _body(self, response: requests.Response, url: str) -> bytes:
        """The answer's bytes, but no more than we bear."""
        told = response.headers.get("content-length", "")
        if told.isdecimal() and int(told) > MAX_BYTES:
            raise TrackerError(
                self._tracker, url, f"the answer says that it has {told} bytes, more than {MAX_BYTES}", _NARROWER
            )
        body, end = bytearray(), time.monotonic() + MAX_SECONDS
        for chunk in response.iter_content(CHUNK):
            body += chunk
            if len(body) > MAX_BYTES:
                raise TrackerError(self._tracker, url, f"the answer has more than {MAX_BYTES} bytes", _NARROWER)
            if time.monotonic() > end:
                raise TrackerError(self._tracker, url, f"the answer takes more than {MAX_SECONDS:.0f} s", _NARROWER)
        return bytes(body)


_NARROWER = "ask for fewer bugs at once, with --limit"


def shown(url: str) -> str:
    """An address as it may be shown: without anybody's name and password."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return urlunsplit((parts.scheme, f"{host}:{parts.port}" if parts.port else host, parts.path, parts.query, ""))


def _asked_to_wait(response: requests.Response, now: float) -> float | None:
    """For how many seconds the tracker asks us to wait, or None."""
    if response.status_code not in {403, 429, 503}:
        return None
    if after := response.headers.get("retry-after"):
        return max(0.0, _seconds(after, now))
    if response.headers.get("x-ratelimit-remaining") == "0":
        return max(1.0, _number(response.headers.get("x-ratelimit-reset", "")) - now)
    return None


def _seconds(after: str, now: float) -> float:
    """What Retry-After says: seconds, or a date."""
    if after.strip().isdecimal():
        return float(after)
    try:
        return parsedate_to_datetime(after).timestamp() - now
    except ValueError:
        return 0.0


def _number(text: str) -> float:
    return float(text) if text.isdecimal() else 0.0


def _message(body: bytes) -> str:
    """The words that an error's JSON holds."""
    try:
        told = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return ""
    message = told.get("message") if isinstance(told, dict) else None
    return f": {message[:200]}" if isinstance(message, str) else ""


def _words(fault: requests.RequestException) -> str:
    """What went wrong on the way, without the address: it is told beside."""
    cause: BaseException = fault
    while cause.__cause__ or cause.__context__:
        cause = cause.__cause__ or cause.__context__ or cause
    return f"no answer ({type(fault).__name__}: {str(cause)[:120]})"
