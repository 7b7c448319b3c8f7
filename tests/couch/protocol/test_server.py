"""The endpoints that tell about the server."""

import re
import time

import pytest


def test_root_says_welcome_with_a_version(server):
    """Clients recognise a CouchDB by the welcome and choose what they can do by the version."""
    body = server.read()
    assert body["couchdb"] == "Welcome"
    assert re.match(r"3\.\d+", body["version"])
    assert body["vendor"]["name"] and len(body["uuid"]) == 32 and isinstance(body["features"], list)


def test_every_answer_names_its_request_and_forbids_stale_copies(server):
    """The request id leads to a line of the log, and caches must revalidate."""
    headers = server.get().headers
    assert re.fullmatch(r"[0-9a-f]{10}", headers["X-Couch-Request-ID"])
    assert headers["Cache-Control"] == "must-revalidate"
    assert headers["Server"].startswith("CouchDB/")
    assert headers["X-Couch-Request-ID"] != server.get().headers["X-Couch-Request-ID"]


@pytest.mark.parametrize("accept", ["application/json", "*/*", "text/html", "text/plain"])
def test_json_is_declared_whatever_is_accepted(server, accept):
    """CouchDB 3 says JSON to browsers too."""
    answer = server.get(headers={"Accept": accept})
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["couchdb"] == "Welcome"


def test_up_answers_without_credentials(stranger):
    """Load balancers ask without an account."""
    answer = stranger.get("_up")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")


def test_uuids_are_distinct_and_not_cached(server):
    """Each uuid has 32 hex digits and no answer may be reused."""
    answer = server.get("_uuids", params={"count": 50})
    uuids = answer.json()["uuids"]
    assert len(set(uuids)) == 50
    assert all(re.fullmatch(r"[0-9a-f]{32}", uuid) for uuid in uuids)
    assert answer.headers["Pragma"] == "no-cache" and answer.headers["ETag"]


@pytest.mark.parametrize(
    ("count", "reason"),
    [
        ("-1", "count must be a positive integer"),
        ("abc", "count must be a positive integer"),
        ("100000", "count parameter too large"),
    ],
)
def test_senseless_numbers_of_uuids_are_refused(server, count, reason):
    """The count is a positive integer of at most a thousand."""
    answer = server.get("_uuids", params={"count": count})
    assert (answer.status_code, answer.json()) == (400, {"error": "bad_request", "reason": reason})


def test_all_dbs_is_sorted_and_pages(server, db):
    """Names come in order; start key, end key, limit, skip and descending cut it."""
    name = db.url.rsplit("/", 1)[1]
    names = server.read("_all_dbs")
    assert names == sorted(names) and name in names and "_users" in names
    assert server.read("_all_dbs", descending="true") == names[::-1]
    assert server.read("_all_dbs", limit=1) == names[:1]
    assert server.read("_all_dbs", limit=1, skip=1) == names[1:2]
    assert server.read("_all_dbs", startkey=f'"{name}"', endkey=f'"{name}"') == [name]
    assert server.read("_all_dbs", startkey=f'"{name}"', endkey=f'"{name}"', inclusive_end="false") == []


def test_dbs_info_by_post_answers_per_name(server, db):
    """A name that does not exist has an error, the others their information."""
    name = db.url.rsplit("/", 1)[1]
    rows = server.post("_dbs_info", json={"keys": [name, "nosuchdb"]}).json()
    assert rows[0]["key"] == name and rows[0]["info"]["db_name"] == name
    assert rows[1] == {"key": "nosuchdb", "error": "not_found"}


def test_dbs_info_by_get_lists_every_database(server, db):
    """GET gives what `_all_dbs` names, each with its information."""
    name = db.url.rsplit("/", 1)[1]
    rows = server.read("_dbs_info", startkey=f'"{name}"', limit=1)
    assert rows[0]["key"] == name and rows[0]["info"]["doc_count"] == 0


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "`keys` member must exist."),
        ({"keys": 1}, "`keys` member must be an array."),
        ({"keys": ["a"] * 101}, "too_many_keys"),
    ],
)
def test_dbs_info_refuses_other_bodies(server, body, reason):
    """The body is an object with at most a hundred keys."""
    answer = server.post("_dbs_info", json=body)
    assert (answer.status_code, answer.json()) == (400, {"error": "bad_request", "reason": reason})


def test_active_tasks_is_a_list(server):
    """Tools poll it all the time; an idle server has an empty list or tasks with a type."""
    assert all("type" in task for task in server.read("_active_tasks"))


def test_membership_names_this_node(server):
    """A server that stands alone is its own cluster."""
    body = server.read("_membership")
    assert body["all_nodes"] == body["cluster_nodes"] and len(body["all_nodes"]) == 1


def test_local_node_answers_by_its_alias(server):
    """`_local` stands for the name of the node that answers."""
    assert server.read("_node/_local")["name"] == server.read("_membership")["all_nodes"][0]


def test_node_system_tells_uptime_and_memory(server):
    """Monitoring reads these two."""
    body = server.read("_node/_local/_system")
    assert body["uptime"] >= 0 and sum(body["memory"].values()) > 0


def test_node_stats_count_requests(server):
    """The counters that Fauxton and monitoring plot rise."""

    def requests_so_far():
        return server.read("_node/_local/_stats/couchdb/httpd/requests")["value"]

    before = requests_so_far()
    deadline = time.monotonic() + 30
    while requests_so_far() <= before and time.monotonic() < deadline:
        server.get()
    assert requests_so_far() > before


def test_config_reads_by_section_and_key(server):
    """A section is an object of strings, a key a string, an unknown key a 404, an unknown section empty."""
    assert server.read("_node/_local/_config/nosuchsection") == {}
    answer = server.get("_node/_local/_config/couchdb/nosuchkey")
    assert answer.status_code == 404
    assert answer.json() == {"error": "not_found", "reason": "unknown_config_value"}
    assert all(isinstance(section, dict) for section in server.read("_node/_local/_config").values())


def test_config_never_shows_a_password(server):
    """Whatever the section says of admins, the password's text is not in it."""
    assert server.auth[1] not in server.get("_node/_local/_config").text


def test_scheduler_lists_are_empty_without_replications(server):
    """Fauxton and replication tools page through both lists."""
    assert server.read("_scheduler/jobs")["jobs"] == []
    body = server.read("_scheduler/docs")
    assert body["docs"] == [] or all("state" in doc for doc in body["docs"])


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "", "GET,HEAD"),
        ("PUT", "_all_dbs", "GET,HEAD"),
        ("POST", "_uuids", "GET"),
        ("PUT", "_up", "GET,HEAD"),
        ("POST", "_active_tasks", "GET,HEAD"),
        ("POST", "_membership", "GET"),
        ("PATCH", "", "GET,HEAD"),
    ],
)
def test_other_methods_are_refused_by_name(server, method, path, allow):
    """405 lists the allowed methods in header and reason."""
    answer = server.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == allow
    assert answer.json() == {"error": "method_not_allowed", "reason": f"Only {allow} allowed"}


@pytest.mark.parametrize("path", ["_nosuch", "_config", "_stats", "NoSuch", "nosuch", "nosuch/doc", "nosuch/_all_docs"])
def test_what_is_no_database_is_not_found(server, path):
    """One sentence for every address that names no database."""
    answer = server.get(path)
    assert answer.status_code == 404
    assert answer.json() == {"error": "not_found", "reason": "Database does not exist."}


def test_db_updates_reports_creation_and_deletion(server, new_db):
    """The feed tells of databases made and removed, with a position to go on from."""
    if server.get("_db_updates").status_code == 404:
        pytest.skip("this server keeps no _global_changes")
    name = new_db().url.rsplit("/", 1)[1]
    deadline = time.monotonic() + 30
    rows = []
    while not any(row["db_name"] == name for row in rows) and time.monotonic() < deadline:
        body = server.read("_db_updates", timeout=1000, feed="longpoll", since="0")
        rows = body["results"]
    assert {"db_name": name, "type": "created"}.items() <= next(row for row in rows if row["db_name"] == name).items()
    assert body["last_seq"]
