"""Who may do what: databases, design documents, the server."""

import uuid

import pytest

FORBIDDEN_DB = {"error": "forbidden", "reason": "You are not allowed to access this db."}
NO_ACCESS = {"error": "unauthorized", "reason": "You are not authorized to access this db."}
NO_ADMIN = {"error": "unauthorized", "reason": "You are not a server admin."}
BAD_PASSWORD = {"error": "unauthorized", "reason": "Name or password is incorrect."}


@pytest.fixture(scope="module")
def user(server):
    """A user named `<random>` with the role `crew` and the password `secret`; its client of the server."""
    name = f"u{uuid.uuid4().hex[:12]}"
    doc = {"name": name, "password": "secret", "roles": ["crew"], "type": "user"}
    answer = server.put(f"_users/org.couchdb.user:{name}", json=doc)
    assert answer.status_code == 201, answer.text
    client = server.as_user(name, "secret")
    yield client
    client.session.close()
    server.delete(f"_users/org.couchdb.user:{name}", params={"rev": answer.json()["rev"]})


@pytest.fixture
def seen(db, user):
    """The fresh database as the user sees it."""
    return user.at(db.url.rsplit("/", 1)[1])


def admit(db, **security):
    """Sets the security object."""
    assert db.put("_security", json=security).json() == {"ok": True}


def test_a_new_database_is_for_admins(db, seen, stranger):
    """Until its security object says otherwise."""
    assert db.read("_security") == {"members": {"roles": ["_admin"]}, "admins": {"roles": ["_admin"]}}
    answer = seen.get()
    assert (answer.status_code, answer.json()) == (403, FORBIDDEN_DB)
    answer = stranger.get(db.url.rsplit("/", 1)[1])
    assert (answer.status_code, answer.json()) == (401, NO_ACCESS)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "a"),
        ("PUT", "new"),
        ("DELETE", "a"),
        ("GET", "_all_docs"),
        ("GET", "_changes"),
        ("POST", "_bulk_docs"),
        ("POST", "_find"),
        ("GET", "_design/d/_view/v"),
        ("GET", "_security"),
        ("GET", "_local/l"),
        ("POST", "_revs_diff"),
        ("POST", "_bulk_get"),
        ("HEAD", ""),
        ("GET", "nosuch"),
    ],
)
def test_without_rights_nothing_is_learnt(db, seen, method, path):
    """Every path answers alike, whether or not there is something."""
    db.save("a")
    db.design("d", views={"v": {"map": "function(doc){emit(1)}"}})
    answer = seen.request(method, path, json={} if method in ("PUT", "POST") else None)
    assert answer.status_code == 403
    assert method == "HEAD" or answer.json() == FORBIDDEN_DB


@pytest.mark.parametrize("by", ["names", "roles"])
def test_members_read_and_write(db, seen, user, by):
    """By name or by role."""
    admit(db, members={by: [user.auth[0] if by == "names" else "crew"]})
    rev = seen.save("a", n=1)
    assert seen.read("a")["n"] == 1
    assert seen.delete("a", params={"rev": rev}).status_code == 200
    assert seen.read()["doc_count"] == 0


def test_members_do_not_touch_design_documents(db, seen):
    """Nor purge, compact, or the security object."""
    admit(db, members={"roles": ["crew"]})
    answer = seen.put("_design/d", json={})
    assert answer.status_code in (401, 403)
    assert answer.json()["reason"] == "You are not a db or server admin."
    assert seen.put("_security", json={}).status_code in (401, 403, 500)
    assert seen.read("_security") == {"members": {"roles": ["crew"]}}
    json = {"Content-Type": "application/json"}
    assert seen.post("_compact", headers=json).status_code in (401, 403)
    (row,) = seen.bulk([{"_id": "_design/d"}])
    assert row["error"] in ("unauthorized", "forbidden")
    assert db.get("_design/d").status_code == 404


def test_database_admins_do(db, seen):
    """They write design documents and the security object, and stay out of the server."""
    admit(db, admins={"roles": ["crew"]}, members={"roles": ["crew"]})
    assert seen.put("_design/d", json={}).status_code == 201
    assert seen.put("_security", json={"admins": {"roles": ["crew"]}}).status_code == 200
    assert seen.delete().status_code in (401, 403)
    assert db.get().status_code == 200


def test_an_empty_security_object_opens_the_database(db, seen, stranger):
    """Everybody reads and writes; design documents stay closed."""
    admit(db)
    name = db.url.rsplit("/", 1)[1]
    assert stranger.get(name).status_code == 200
    assert stranger.put(f"{name}/a", json={}).status_code == 201
    assert stranger.put(f"{name}/_design/d", json={}).status_code == 401
    assert seen.put("b", json={}).status_code == 201


def test_the_security_object_keeps_what_is_put_into_it(db):
    """Validation functions read more than names and roles from it."""
    security = {"admins": {"names": ["x"], "roles": []}, "members": {"names": [], "roles": ["y"]}, "own": 1}
    admit(db, **security)
    assert db.read("_security") == security


@pytest.mark.parametrize("body", ['{"admins":1}', '{"admins":{"names":"x"}}', '{"members":{"roles":[{}]}}', "[]", "1"])
def test_malformed_security_objects_are_refused(db, body):
    """And the old one stays."""
    assert db.json("PUT", "_security", body).status_code in (400, 500)
    assert db.read("_security")["members"] == {"roles": ["_admin"]}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "newdb"),
        ("GET", "_all_dbs"),
        ("GET", "_active_tasks"),
        ("GET", "_dbs_info"),
        ("GET", "_node/_local/_config"),
        ("GET", "_node/_local/_stats"),
        ("GET", "_node/_local/_system"),
        ("GET", "_scheduler/jobs"),
        ("GET", "_scheduler/docs"),
        ("GET", "_db_updates"),
        ("GET", "_membership"),
    ],
)
def test_the_server_belongs_to_its_admins(user, stranger, method, path):
    """Users and strangers get nothing; a stranger is asked for a name."""
    assert user.request(method, path).status_code in (401, 403)
    assert stranger.request(method, path).status_code == 401


@pytest.mark.parametrize("path", ["", "_up", "_uuids", "_session"])
def test_a_stranger_sees_that_there_is_a_server(stranger, path):
    """And where to log in."""
    assert stranger.get(path).status_code == 200


def test_deleting_a_database_needs_a_server_admin(db, seen):
    """Members do not."""
    admit(db, members={"roles": ["crew"]})
    answer = seen.delete()
    assert answer.status_code in (401, 403)
    assert answer.json()["reason"] == "You are not a server admin."


@pytest.mark.parametrize("name", ["nobody", ""])
def test_wrong_credentials_are_refused_alike(server, user, name):
    """Whether the name exists or not."""
    for client in (server.as_user(name, "x"), server.as_user(user.auth[0], "wrong")):
        answer = client.get("_all_dbs")
        assert (answer.status_code, answer.json()) == (401, BAD_PASSWORD)
        client.session.close()


@pytest.mark.parametrize("header", ["Basic", "Basic !!!", "Basic bm9ib2R5", "Nonsense x"])
def test_broken_authorization_headers_are_no_rights(stranger, header):
    """They are refused or ignored, never an error of the server."""
    answer = stranger.get("_all_dbs", headers={"Authorization": header})
    assert 400 <= answer.status_code < 500
