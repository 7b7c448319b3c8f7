"""Farms of their own for tests, on the CouchDB under test."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from crashfarm import settings
from crashfarm.settings import Farm, Settings
from server import deploy


def farm_settings(couch_url: str, user: str | None = None, password: str = "", farm: str | None = None) -> Settings:
    """Settings for a farm with a name that nobody has, or that is given; as the administrator, or as a user."""
    parts = urlsplit(couch_url)
    who = (user, password) if user else (unquote(parts.username or ""), unquote(parts.password or ""))
    url = f"{parts.scheme}://{parts.hostname}:{parts.port}"
    return Settings(url=url, user=who[0], password=who[1], farm=farm or f"test-{uuid4().hex}")


@contextmanager
def fresh_farm(couch_url: str) -> Iterator[Farm]:
    """A farm whose databases are not there yet; they are dropped in the end."""
    farm = settings.connect(farm_settings(couch_url))
    try:
        yield farm
    finally:
        for database in (farm.status, farm.history, deploy.door(farm)):
            if farm.connection.exists(database.name):
                farm.connection.drop(database.name)
        farm.connection.close()
