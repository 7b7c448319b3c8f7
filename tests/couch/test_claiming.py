"""The contract of ends and claims on a CouchDB over HTTP."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from crashfarm.database import Connection, Database
from tests.claiming_contract import ClaimingContract
from tests.couch.test_queue import design
from tests.javascript import ROOT


class Failing:
    """A database whose `fault` is asked before and after each request, as the fake's."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.fault: Callable[[str, str], None] = lambda request, moment: None

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._database, name)

        def asked(*arguments: Any, **options: Any) -> Any:
            self.fault(name, "before")
            answer = method(*arguments, **options)
            self.fault(name, "after")
            return answer

        return asked


@pytest.fixture
def connection(couch_url: str) -> Iterator[Connection]:
    parts = urlsplit(couch_url)
    made = Connection(f"{parts.scheme}://{parts.hostname}:{parts.port}", parts.username or "", parts.password or "")
    yield made
    made.close()


@pytest.fixture
def status(connection: Connection, database_name: str) -> Failing:
    database = connection.database(database_name)
    database.put(design(ROOT / "views" / "queue"))
    return Failing(database)


@pytest.fixture
def history(connection: Connection) -> Iterator[Failing]:
    name = f"test-{uuid4().hex}"
    connection.create(name)
    yield Failing(connection.database(name))
    connection.drop(name)


class TestOnCouch(ClaimingContract):
    """The contract over HTTP."""
