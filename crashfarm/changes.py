"""The endless changes feed of a database, by cloudant."""

from collections.abc import Iterator
from typing import Any

import msgspec
import requests
from cloudant.client import CouchDB
from cloudant.database import CouchDatabase
from cloudant.error import CloudantException
from cloudant.feed import InfiniteFeed

from crashfarm.errors import DatabaseUnavailable
from crashfarm.settings import Settings

HEARTBEAT = 1.0
"""Seconds between two signs of life of a quiet feed."""


class Change(msgspec.Struct, frozen=True):
    """One line of the feed: where the feed stands behind it, and the document in its newest revision."""

    seq: str | int
    id: str
    deleted: bool
    doc: dict[str, Any]


def follow(settings: Settings, database: str, since: str | int = "now") -> Iterator[Change | None]:
    """Every change of a database from `since` on, as it happens; None on each sign of life of a quiet feed.

    Ends only by being closed. Raises DatabaseUnavailable when the connection breaks: follow again from the last
    change's `seq`. The since of "now" misses what happens before the feed is open; a number misses nothing.
    """
    client = CouchDB(settings.user, settings.password, url=settings.url, connect=True, use_basic_auth=True)
    feed = InfiniteFeed(
        CouchDatabase(client, database), since=since, include_docs=True, heartbeat=int(HEARTBEAT * 1000)
    )
    try:
        for line in feed:
            yield _read(line)
    except (requests.RequestException, CloudantException, OSError) as exc:
        raise DatabaseUnavailable(f"the changes of {settings.url}/{database} have broken off: {exc}") from exc
    finally:
        client.disconnect()


def _read(line: dict[str, Any] | None) -> Change | None:
    if line is None or "id" not in line:
        return None
    return Change(line["seq"], line["id"], bool(line.get("deleted")), line.get("doc") or {})
