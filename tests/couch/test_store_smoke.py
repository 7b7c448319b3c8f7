"""The embedded store answers the clients that the rest of the farm uses."""

import couchdb
import pytest

from tests.couch.conftest import Client


def test_welcome_says_couchdb(http: Client) -> None:
    """Clients look for this word."""
    assert http.unnamed("GET", "/").json()["couchdb"] == "Welcome"


def test_document_goes_round(database: couchdb.Database) -> None:
    """What was saved is read, and the second save of the same revision is a conflict."""
    doc_id, rev = database.save({"a": [1, 1.5, "ä"]})
    assert database[doc_id] == {"_id": doc_id, "_rev": rev, "a": [1, 1.5, "ä"]}
    with pytest.raises(couchdb.ResourceConflict):
        database.save({"_id": doc_id, "b": 1})


def test_numbers_and_member_order_are_kept(http: Client, database_name: str) -> None:
    """Big integers and the text of floats survive."""
    text = '"z":1.0,"a":123456789012345678901234567890,"m":1'
    http("PUT", f"/{database_name}/n", data="{ " + text.replace(",", " , ") + " }")
    assert text in http("GET", f"/{database_name}/n").text


def test_attachment_goes_round(database: couchdb.Database) -> None:
    """A text attachment comes back as it was."""
    doc_id, _ = database.save({})
    database.put_attachment(database[doc_id], "grüße".encode(), "a/b.txt", "text/plain")
    found = database.get_attachment(doc_id, "a/b.txt")
    assert found.read() == "grüße".encode()
    found.close()
