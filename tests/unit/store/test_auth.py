"""Sessions that end or go on, accounts that lock and open again; all by a clock of the test."""

import asyncio
import base64
from pathlib import Path

import pytest

from server.store import auth
from server.store.auth import Authenticator, UserCtx
from server.store.catalog import Catalog
from server.store.errors import Forbidden, Unauthorized
from server.store.settings import Settings

SETTINGS = Settings(session_timeout=100, lockout_failures=3, lockout_seconds=60.0, pbkdf2_iterations=10)


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The time."""
    return Clock()


@pytest.fixture
def gate(tmp_path: Path, clock: Clock) -> Authenticator:
    """One administrator, `boss` with the password `secret`."""
    admins = {"boss": auth.hash_admin("secret")}
    return Authenticator(Catalog(tmp_path), admins, "key", SETTINGS, clock)


def with_cookie(gate: Authenticator, value: str) -> UserCtx:
    """Who a session cookie says is asking."""
    return asyncio.run(gate.identify({b"cookie": b"AuthSession=" + value.encode()}, "there"))


def with_password(gate: Authenticator, password: str, peer: str = "there") -> UserCtx:
    """Who a password says is asking, from some machine."""
    token = base64.b64encode(f"boss:{password}".encode())
    return asyncio.run(gate.identify({b"authorization": b"Basic " + token}, peer))


def test_session_ends_when_its_time_is_over(gate: Authenticator, clock: Clock) -> None:
    """Then the cookie is nobody's."""
    cookie = gate.cookie_for("boss")
    clock.now += SETTINGS.session_timeout
    assert with_cookie(gate, cookie).name == "boss"
    clock.now += 1
    assert with_cookie(gate, cookie) == UserCtx()


def test_session_in_use_is_renewed(gate: Authenticator, clock: Clock) -> None:
    """Not at once, for every answer would carry a cookie; but well before its end."""
    cookie = gate.cookie_for("boss")
    clock.now += SETTINGS.session_timeout * 0.05
    assert not with_cookie(gate, cookie).wears_off
    clock.now += SETTINGS.session_timeout * 0.1
    assert with_cookie(gate, cookie).wears_off


def test_cookie_of_another_key_is_nobodys(gate: Authenticator, tmp_path: Path, clock: Clock) -> None:
    """As is one whose name or time was changed."""
    other = Authenticator(Catalog(tmp_path), {"boss": auth.hash_admin("secret")}, "other", SETTINGS, clock)
    assert with_cookie(gate, other.cookie_for("boss")) == UserCtx()
    raw = base64.urlsafe_b64decode(gate.cookie_for("boss") + "==")
    name, stamp, signature = raw.split(b":", 2)
    later = base64.urlsafe_b64encode(b":".join((name, b"%X" % (int(stamp, 16) + 5), signature)))
    assert with_cookie(gate, later.decode().rstrip("=")) == UserCtx()


def test_account_locks_after_failures_and_opens_again(gate: Authenticator, clock: Clock) -> None:
    """Meanwhile the right password is refused too, so that guessing tells nothing."""
    for _ in range(SETTINGS.lockout_failures):
        with pytest.raises(Unauthorized):
            with_password(gate, "wrong")
    with pytest.raises(Forbidden, match="temporarily locked"):
        with_password(gate, "secret")
    clock.now += SETTINGS.lockout_seconds
    assert with_password(gate, "secret").is_admin


def test_account_locks_only_for_the_machine_that_guesses(gate: Authenticator) -> None:
    """Nobody can lock others out by guessing at their names."""
    for _ in range(SETTINGS.lockout_failures):
        with pytest.raises(Unauthorized):
            with_password(gate, "wrong", "elsewhere")
    assert with_password(gate, "secret", "here").is_admin


def test_success_forgets_the_failures_before_it(gate: Authenticator) -> None:
    """Mistyping now and then locks nobody."""
    for _ in range(3):
        with pytest.raises(Unauthorized):
            with_password(gate, "wrong")
        with_password(gate, "secret")
        gate._seen.clear()
    assert with_password(gate, "secret").is_admin
