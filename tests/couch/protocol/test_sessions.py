"""`_session` and `_users`: logging in with a cookie, and the documents that hold the users."""

import re
import time
import uuid

import pytest

from tests.couch.protocol.conftest import Couch

PASSWORD = "secret"
BAD_PASSWORD = {"error": "unauthorized", "reason": "Name or password is incorrect."}


def make_user(server):
    """A new user with the role `crew`; its name."""
    name = f"u{uuid.uuid4().hex[:12]}"
    doc = {"name": name, "password": PASSWORD, "roles": ["crew"], "type": "user"}
    assert server.put(f"_users/org.couchdb.user:{name}", json=doc).status_code == 201
    return name


def remove_user(server, name):
    """Deletes a user that may be gone already."""
    path = f"_users/org.couchdb.user:{name}"
    server.delete(path, params={"rev": server.get(path).json().get("_rev", "")})


@pytest.fixture(scope="module")
def name(server):
    """The name of a user whom no test changes: hashing a password is slow by design."""
    name = make_user(server)
    yield name
    remove_user(server, name)


@pytest.fixture
def fresh(server):
    """The name of a user of this test alone."""
    name = make_user(server)
    yield name
    remove_user(server, name)


@pytest.fixture
def browser(server):
    """A client that keeps cookies and has no other credentials."""
    client = Couch(server.url)
    yield client
    client.session.close()


def log_in(browser, name, password=PASSWORD, **options):
    """POSTs name and password as JSON."""
    return browser.post("_session", json={"name": name, "password": password}, **options)


def test_a_stranger_has_no_name(browser):
    """The session tells who one is and how one could log in."""
    body = browser.read("_session")
    assert body["ok"] is True and body["userCtx"] == {"name": None, "roles": []}
    assert "cookie" in body["info"]["authentication_handlers"]
    assert "authenticated" not in body["info"]


def test_basic_credentials_show_in_the_session(server):
    """The administrator by its password."""
    body = server.read("_session")
    assert body["userCtx"] == {"name": server.auth[0], "roles": ["_admin"]}
    assert body["info"]["authenticated"] == "default"


def test_logging_in_answers_a_cookie(browser, name):
    """HttpOnly, for the whole server."""
    answer = log_in(browser, name)
    assert answer.status_code == 200
    assert answer.json() == {"ok": True, "name": name, "roles": ["crew"]}
    cookie = answer.headers["Set-Cookie"]
    assert re.match(r"AuthSession=[\w-]+; Version=1;", cookie)
    assert "Path=/" in cookie and "HttpOnly" in cookie


def test_the_cookie_is_enough(browser, name):
    """No password travels any more."""
    log_in(browser, name)
    body = browser.read("_session")
    assert body["userCtx"] == {"name": name, "roles": ["crew"]}
    assert body["info"]["authenticated"] == "cookie"


def test_a_form_logs_in_too(browser, name):
    """As a page without JavaScript sends it."""
    answer = browser.post("_session", data={"name": name, "password": "secret"})
    assert (answer.status_code, answer.json()["name"]) == (200, name)


def test_admins_log_in(browser, server):
    """Their role is `_admin`."""
    answer = log_in(browser, *server.auth)
    assert answer.json()["roles"] == ["_admin"]
    assert browser.get("_all_dbs").status_code == 200


@pytest.mark.parametrize("password", ["wrong", "", "secret "])
def test_a_wrong_password_is_refused(browser, name, password):
    """401, and the cookie is emptied."""
    answer = log_in(browser, name, password)
    assert (answer.status_code, answer.json()) == (401, BAD_PASSWORD)
    assert browser.read("_session")["userCtx"]["name"] is None


def test_repeated_failures_lock_the_account(browser, server, fresh):
    """For a while even the right password is refused; others are not touched."""
    for _ in range(6):
        assert log_in(browser, fresh, "wrong").status_code in (401, 403)
    answer = log_in(browser, fresh)
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")
    assert answer.json()["reason"] == "Account is temporarily locked due to multiple authentication failures"
    assert server.get("_all_dbs").status_code == 200


def test_an_unknown_name_is_refused_alike(browser):
    """Nobody learns which names exist."""
    answer = log_in(browser, "nobody")
    assert (answer.status_code, answer.json()) == (401, BAD_PASSWORD)


def test_logging_out_forgets_the_cookie(browser, name):
    """DELETE of the session."""
    log_in(browser, name)
    assert browser.delete("_session").json() == {"ok": True}
    assert browser.read("_session")["userCtx"]["name"] is None


@pytest.mark.parametrize("cookie", ["x", "", "YWRtaW46NUY6eA", "A" * 500, "YWRtaW4"])
def test_forged_cookies_are_no_rights(browser, cookie):
    """Whatever they hold."""
    answer = browser.get("_all_dbs", headers={"Cookie": f"AuthSession={cookie}"})
    assert 400 <= answer.status_code < 500


def test_a_cookie_ends_with_its_password(browser, server, fresh):
    """A changed password shuts out who had the old one."""
    log_in(browser, fresh)
    path = f"_users/org.couchdb.user:{fresh}"
    doc = server.read(path)
    assert server.put(path, json={**doc, "password": "other"}).status_code == 201
    deadline = time.monotonic() + 30
    while (browser.get("_session").json().get("userCtx") or {}).get("name") is not None:
        assert time.monotonic() < deadline
    assert log_in(browser, fresh, "other").status_code == 200


def test_next_redirects_after_a_login(browser, name):
    """Only to a path of this server."""
    answer = log_in(browser, name, params={"next": "/_up"}, allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"].endswith("/_up")) == (302, True)


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [("text/plain", "x", 415), ("application/json", "{}", 400), ("application/json", "[", 400)],
)
def test_other_logins_are_refused(browser, content_type, body, status):
    """A form or JSON, with a name."""
    answer = browser.post("_session", data=body, headers={"Content-Type": content_type})
    assert answer.status_code in (status, 401)


def test_passwords_are_stored_as_hashes(server, name):
    """PBKDF2 with a salt; the password itself is nowhere."""
    doc = server.read(f"_users/org.couchdb.user:{name}")
    assert doc["password_scheme"] == "pbkdf2" and "password" not in doc
    assert doc["iterations"] >= 10 and len(doc["salt"]) == 32 and doc["derived_key"]
    assert "secret" not in str(doc)


@pytest.mark.embedded_only
def test_users_see_themselves_alone(server, name):
    """Another's document is not found."""
    client = server.as_user(name, "secret")
    own = client.get(f"_users/org.couchdb.user:{name}")
    assert own.status_code == 200 and own.json()["name"] == name
    other = client.get("_users/org.couchdb.user:nobody")
    assert other.status_code == 404
    assert client.get("_users/_all_docs").status_code in (401, 403)
    assert client.get("_users/_changes").status_code in (401, 403)
    client.session.close()


def test_strangers_see_no_user(stranger, name):
    """Not even that one exists."""
    assert stranger.get(f"_users/org.couchdb.user:{name}").status_code in (401, 404)


@pytest.mark.embedded_only
def test_users_change_their_password_and_not_their_roles(server, fresh):
    """Roles are the admin's."""
    client = server.as_user(fresh, "secret")
    path = f"_users/org.couchdb.user:{fresh}"
    doc = client.read(path)
    answer = client.put(path, json={**doc, "roles": ["crew", "captain"]})
    assert answer.status_code == 403
    assert client.put(path, json={**doc, "password": "other"}).status_code == 201
    client.session.close()
    changed = server.as_user(fresh, "other")
    assert changed.read("_session")["userCtx"] == {"name": fresh, "roles": ["crew"]}
    changed.session.close()


@pytest.mark.parametrize(
    "members",
    [
        {"name": "other"},
        {"type": "dog"},
        {"roles": "crew"},
        {"roles": ["_admin"]},
        {"roles": [1]},
        {"name": None},
    ],
)
def test_malformed_users_are_forbidden(server, members):
    """The id names the user; no role starts with an underscore."""
    doc = {"name": "wrong", "password": "x", "roles": [], "type": "user", **members}
    answer = server.put("_users/org.couchdb.user:wrong", json=doc)
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")


def test_a_deleted_user_is_out(server, fresh):
    """As soon as the server's memory of users has heard of it."""
    client = server.as_user(fresh, "secret")
    assert client.get("_session").status_code == 200
    path = f"_users/org.couchdb.user:{fresh}"
    server.delete(path, params={"rev": server.read(path)["_rev"]})
    deadline = time.monotonic() + 30
    while client.get("_session").status_code != 401:
        assert time.monotonic() < deadline
    client.session.close()


def test_names_are_any_text(server, browser):
    """Unicode in name and password."""
    path = "_users/org.couchdb.user:j%C3%B6rg"
    doc = {"name": "jörg", "password": "pässwörd", "roles": [], "type": "user"}
    answer = server.put(path, json=doc)
    assert answer.status_code == 201
    try:
        assert log_in(browser, "jörg", "pässwörd").json()["name"] == "jörg"
    finally:
        server.delete(path, params={"rev": answer.json()["rev"]})
