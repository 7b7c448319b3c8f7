"""Who is asking: administrators, users, passwords, sessions, and what a database lets whom do."""

import asyncio
import base64
import binascii
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from server.store.catalog import Catalog
from server.store.errors import Forbidden, NotFound, Unauthorized
from server.store.settings import Settings

_WRONG = "Name or password is incorrect."
_CACHE_SIZE = 4096
_AT_ONCE = 2
#: The part of a session's time after which its cookie is renewed when it is used.
_RENEWED_AFTER = 0.1


@dataclass(frozen=True, slots=True)
class UserCtx:
    """Who asks: `name` is None for a stranger."""

    name: str | None = None
    roles: tuple[str, ...] = ()
    handler: str | None = None
    #: True for a session that is in use and not new: its cookie is to be made anew.
    wears_off: bool = False

    @property
    def is_admin(self) -> bool:
        """True for an administrator of the server."""
        return "_admin" in self.roles

    def for_database(self, name: str) -> dict[str, Any]:
        """As design functions see it."""
        return {"db": name, "name": self.name, "roles": list(self.roles)}


@dataclass(frozen=True, slots=True)
class Credentials:
    """What is known of a user: roles, and how to check the password."""

    name: str
    roles: tuple[str, ...]
    salt: str
    derived_key: str
    iterations: int
    prf: str = "sha256"

    def matches(self, password: str) -> bool:
        """Slow on purpose."""
        key = derive(password, self.salt, self.iterations, self.prf)
        return hmac.compare_digest(key, self.derived_key)


def derive(password: str, salt: str, iterations: int, prf: str = "sha256") -> str:
    """The PBKDF2 key of a password, in hexadecimal."""
    size = hashlib.new(prf).digest_size
    return hashlib.pbkdf2_hmac(prf, password.encode(), salt.encode(), iterations, size).hex()


def hash_admin(password: str, iterations: int = 10) -> str:
    """How the store keeps an administrator's password."""
    salt = secrets.token_hex(16)
    return f"-pbkdf2:sha256-{derive(password, salt, iterations)},{salt},{iterations}"


def parse_admin(name: str, text: str) -> Credentials:
    """The credentials from what `hash_admin` gave."""
    prf, _, rest = text.removeprefix("-pbkdf2:").partition("-")
    key, salt, iterations = rest.split(",")
    return Credentials(name, ("_admin",), salt, key, int(iterations), prf)


class Authenticator:
    """Finds out who asks. Passwords that were right a moment ago are remembered until a user changes."""

    def __init__(
        self,
        catalog: Catalog,
        admins: Mapping[str, str],
        secret: str,
        settings: Settings,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._catalog = catalog
        self._admins = {name: parse_admin(name, text) for name, text in admins.items()}
        self._secret = secret.encode()
        self._settings = settings
        self._now = now
        self._seen: dict[bytes, UserCtx] = {}
        self._users: dict[str, Credentials | None] = {}
        #: Failures in a row, and when the last one was, by where they came from and the name that was tried.
        self._failures: dict[tuple[str, str], tuple[int, float]] = {}
        #: Checked when a name is unknown, so that the answer takes as long as for a user's wrong password.
        self._nobody = Credentials("", (), "nobody", "", settings.pbkdf2_iterations)
        #: Deriving keys is slow on purpose; whoever guesses passwords must not keep the whole machine at it.
        self._busy = asyncio.Semaphore(_AT_ONCE)
        catalog.listen(self._forget)

    async def identify(self, headers: Mapping[bytes, bytes], peer: str) -> UserCtx:
        """The user of a request; Unauthorized for wrong credentials, a stranger without any."""
        given = headers.get(b"authorization")
        if given is not None:
            key = hashlib.sha256(given).digest()
            return self._seen.get(key) or await self._basic(given, key, peer)
        cookies = headers.get(b"cookie")
        if cookies is not None and b"AuthSession=" in cookies:
            return self._cookie(cookies)
        return UserCtx()

    async def sign_in(self, name: str, password: str, peer: str) -> UserCtx:
        """Check a name and a password that came from a machine. Forbidden after too many failures from there."""
        self._check_lockout(peer, name)
        known = self.credentials(name) or self._nobody
        async with self._busy:
            right = await asyncio.to_thread(known.matches, password)
        if not right or known is self._nobody:
            self._count_failure(peer, name)
            raise Unauthorized(_WRONG)
        self._failures.pop((peer, name), None)
        return UserCtx(name, known.roles, "default")

    def cookie_for(self, name: str) -> str:
        """A session cookie's value, good from now on for the session timeout."""
        stamp = f"{name}:{int(self._now()):X}"
        return base64.urlsafe_b64encode(stamp.encode() + b":" + self._sign(name, stamp)).decode().rstrip("=")

    def credentials(self, name: str) -> Credentials | None:
        """What is known of an administrator or a user."""
        if name in self._admins:
            return self._admins[name]
        if name not in self._users:
            if len(self._users) > _CACHE_SIZE:
                self._users.clear()
            self._users[name] = self._load(name)
        return self._users[name]

    def _load(self, name: str) -> Credentials | None:
        try:
            text = self._catalog.open("_users").get_winner("org.couchdb.user:" + name)
        except NotFound:
            return None
        doc = msgspec.json.decode(text) if text else {}
        if not isinstance(doc.get("derived_key"), str) or not isinstance(doc.get("salt"), str):
            return None
        roles = tuple(role for role in doc.get("roles", ()) if isinstance(role, str))
        prf = doc.get("pbkdf2_prf", "sha")
        prf = "sha1" if prf == "sha" else prf
        return Credentials(name, roles, doc["salt"], doc["derived_key"], int(doc.get("iterations", 10)), prf)

    async def _basic(self, given: bytes, key: bytes, peer: str) -> UserCtx:
        scheme, _, token = given.partition(b" ")
        if scheme.lower() != b"basic":
            return UserCtx()
        try:
            name, colon, password = base64.b64decode(token, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            raise Unauthorized(_WRONG) from None
        if not colon:
            raise Unauthorized(_WRONG)
        user = await self.sign_in(name, password, peer)
        if len(self._seen) > _CACHE_SIZE:
            self._seen.clear()
        self._seen[key] = user
        return user

    def _cookie(self, cookies: bytes) -> UserCtx:
        token = next((part for part in _split_cookies(cookies) if part), "")
        if not token:
            return UserCtx()
        try:
            raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
            name, stamp, signature = raw.split(b":", 2)
            made = int(stamp, 16)
        except (binascii.Error, ValueError):
            raise Unauthorized("Malformed AuthSession cookie. Please clear your cookies.") from None
        text = name + b":" + stamp
        known = self.credentials(name.decode(errors="replace"))
        if known is None or not hmac.compare_digest(self._sign(known.name, text.decode()), signature):
            return UserCtx()
        age = self._now() - made
        if age > self._settings.session_timeout:
            return UserCtx()
        return UserCtx(known.name, known.roles, "cookie", age > self._settings.session_timeout * _RENEWED_AFTER)

    def _sign(self, name: str, stamp: str) -> bytes:
        known = self.credentials(name)
        salt = known.salt.encode() if known else b""
        return hmac.new(self._secret + salt, stamp.encode(), hashlib.sha256).digest()

    def _check_lockout(self, peer: str, name: str) -> None:
        count, since = self._failures.get((peer, name), (0, 0.0))
        if count < self._settings.lockout_failures:
            return
        if self._now() - since < self._settings.lockout_seconds:
            raise Forbidden("Account is temporarily locked due to multiple authentication failures")
        self._failures.pop((peer, name), None)

    def _count_failure(self, peer: str, name: str) -> None:
        if len(self._failures) > _CACHE_SIZE:
            self._failures.clear()
        count, _ = self._failures.get((peer, name), (0, 0.0))
        self._failures[peer, name] = (count + 1, self._now())

    def _forget(self, name: str, event: str) -> None:
        if name == "_users":
            self._seen.clear()
            self._users.clear()


def _split_cookies(cookies: bytes) -> list[str]:
    pairs = (part.strip().partition("=") for part in cookies.decode("latin-1").split(";"))
    return [value.strip('"') for name, _, value in pairs if name == "AuthSession"]


def check_member(user: UserCtx, security: dict[str, Any]) -> None:
    """Unauthorized or Forbidden unless the user may read the database."""
    if user.is_admin:
        return
    members = _section(security, "members")
    if not members[0] and not members[1]:
        return
    if _named(user, members) or _named(user, _section(security, "admins")):
        return
    raise Unauthorized() if user.name is None else Forbidden()


def is_database_admin(user: UserCtx, security: dict[str, Any]) -> bool:
    """True for administrators of the server or of the database."""
    return user.is_admin or _named(user, _section(security, "admins"))


def check_database_admin(user: UserCtx, security: dict[str, Any]) -> None:
    """Unauthorized unless the user administers the database."""
    if not is_database_admin(user, security):
        raise Unauthorized("You are not a db or server admin.")


def _section(security: dict[str, Any], name: str) -> tuple[list[Any], list[Any]]:
    section = security.get(name)
    if not isinstance(section, dict):
        return [], []
    return section.get("names") or [], section.get("roles") or []


def _named(user: UserCtx, section: tuple[list[Any], list[Any]]) -> bool:
    names, roles = section
    return (user.name is not None and user.name in names) or any(role in roles for role in user.roles)
