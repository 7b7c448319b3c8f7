"""The views of farms that are written over HTTP give the numbers that a count straight from the documents gives."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

import icu
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crashfarm.database import Database
from crashfarm.documents.base import Document
from crashfarm.documents.history import History
from crashfarm.documents.result import Result
from crashfarm.documents.signature import SignatureNote
from crashfarm.keys import prefix_range
from crashfarm.settings import Farm
from server import deploy
from server.deploy.sources import Design, load
from tests import strategies
from tests.counting import EXPECTED
from tests.fresh import fresh_farm

DESIGNS = load()

farms_of_documents = st.lists(strategies.documents, min_size=15, max_size=40, unique_by=lambda doc: doc.id)


def home(farm: Farm, doc: Document) -> Database:
    """Where a document lives."""
    return farm.history if isinstance(doc, Result | History | SignatureNote) else farm.status


def count(keys: Iterable[Any]) -> Counter[str]:
    """How often each key is there."""
    return Counter(json.dumps(key) for key in keys)


COLLATOR = icu.Collator.createInstance(icu.Locale.getRoot())


def alike(key: Any) -> Any:
    """The key with its texts as CouchDB compares them: "" and "\\0" are one key to it, in groups and in ranges."""
    if isinstance(key, str):
        return COLLATOR.getSortKey(key).hex()
    return [alike(part) for part in key] if isinstance(key, list) else key


def check_view(db: Database, design: str, view: str, keys: list[Any], reduced: bool) -> None:
    """Rows, their number, and the counts of every length of prefix."""
    rows = db.view(design, view, reduce=False).rows
    assert count(row.key for row in rows) == count(keys)
    if not reduced:
        return
    assert sum(row.value for row in db.view(design, view).rows) == len(keys)
    for level in range(1, max(map(len, keys), default=0) + 1):
        groups = db.view(design, view, group_level=level).rows
        assert {json.dumps(alike(row.key)): row.value for row in groups} == count(alike(key[:level]) for key in keys)


def check_prefixes(db: Database, design: str, view: str, keys: list[Any]) -> None:
    """A prefix of a key, closed with an object, asks for what begins with it and for nothing else."""
    for key in keys[:3]:
        for length in range(1, len(key)):
            startkey, endkey = prefix_range(key[:length])
            rows = db.view(design, view, startkey=startkey, endkey=endkey, reduce=False).rows
            wanted = [other for other in keys if alike(other[:length]) == alike(key[:length])]
            assert count(row.key for row in rows) == count(wanted)


def check(farm: Farm, design: Design, docs: list[Document]) -> None:
    """One design document, in each database that it is in."""
    databases = {"status": farm.status, "history": farm.history, "door": deploy.door(farm)}
    for db in [databases[place] for place in design.places]:
        for view in design.views:
            expected = EXPECTED[f"{design.name}/{view}"]
            keys = [key for doc in docs if home(farm, doc) is db for key in expected(doc)]
            check_view(db, design.name, view, keys, "reduce" in design.members["views"][view])
            check_prefixes(db, design.name, view, keys)


@settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(docs=farms_of_documents, half=st.integers(0, 40))
def test_views_give_the_numbers_of_the_documents(couch_url: str, docs: list[Document], half: int) -> None:
    """Whatever the farm holds, and whether the views are built before or after it is written, or half-way."""
    with fresh_farm(couch_url) as farm:
        for part in (docs[:half], docs[half:]):
            deploy.push(farm, lambda done: None)
            for db in (farm.status, farm.history):
                written = db.bulk([doc.to_doc() for doc in part if home(farm, doc) is db])
                assert [outcome for outcome in written if not outcome.ok] == []
        for design in DESIGNS:
            check(farm, design, docs)


def test_every_view_is_counted() -> None:
    """A view that is added is counted here from then on."""
    assert {f"{design.name}/{view}" for design in DESIGNS for view in design.views} == set(EXPECTED)
