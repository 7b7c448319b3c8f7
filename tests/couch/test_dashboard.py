"""The dashboard's address, its permission to run, and its settings, on the CouchDB under test."""

import json
from collections.abc import Iterator

import pytest
import requests

from crashfarm.errors import InputError, NotFound
from crashfarm.settings import Farm
from server import dashboard, deploy
from tests.alone import on_the_server
from tests.couch.conftest import Client
from tests.fresh import fresh_farm

SETTING = "/_node/_local/_config/csp/attachments_header_value"


@pytest.fixture
def farm(couch_url: str) -> Iterator[Farm]:
    """A farm with its design documents."""
    with fresh_farm(couch_url) as farm:
        deploy.push(farm, lambda done: None)
        yield farm


@pytest.fixture
def policy(http: Client) -> Iterator[None]:
    """The server's own policy is as before afterwards. Skips where it is not to be changed over HTTP."""
    with on_the_server():
        before = http("GET", SETTING)
        if http("PUT", SETTING, data=json.dumps("sandbox")).status_code == requests.codes.not_allowed:
            pytest.skip("the embedded store has its policy built in")
        yield
        if before.ok:
            http("PUT", SETTING, data=before.content)
        else:
            http("DELETE", SETTING)


def test_before_a_push_it_says_what_to_do(couch_url: str) -> None:
    """There is nothing at that address yet."""
    with fresh_farm(couch_url) as farm, pytest.raises(NotFound, match="'crashfarm push' brings it"):
        dashboard.is_kept_from_running(farm)


def test_the_address_is_open_to_strangers(farm: Farm) -> None:
    """They are asked for a name and a password on the page itself."""
    answer = requests.get(dashboard.address(farm), timeout=60)
    assert answer.ok and b"main.js" in answer.content
    assert dashboard.address(farm, "https://farm.example.org/couch/").startswith("https://farm.example.org/couch/test-")


@pytest.mark.embedded_only
def test_the_embedded_store_runs_it_and_nothing_else(farm: Farm) -> None:
    """Pages of an administrator's making run what comes from the store; anybody's attachments run nothing."""
    assert not dashboard.is_kept_from_running(farm)
    door = deploy.door(farm)
    rev = door.put({"_id": "note"})
    door.attach("note", rev, "a.html", b"<script>alert(1)</script>", "text/html")
    policies = [
        requests.get(f"{door.url}/{name}", timeout=60).headers["Content-Security-Policy"]
        for name in ("note/a.html", "_design/dashboard/index.html")
    ]
    assert policies[0] == "sandbox"
    assert policies[1].startswith("default-src 'none'; script-src 'self';") and "unsafe" not in policies[1]


@pytest.mark.usefixtures("policy")
def test_couchdb_runs_it_when_it_is_allowed_to(farm: Farm) -> None:
    """By a policy that names the addresses of the dashboard's scripts, and no others."""
    assert dashboard.is_kept_from_running(farm)
    said = dashboard.allow(farm)
    assert not dashboard.is_kept_from_running(farm)
    sent = requests.head(dashboard.address(farm), timeout=60).headers["Content-Security-Policy"]
    assert sent == said
    [scripts] = [part for part in said.split("; ") if part.startswith("script-src")]
    assert [place.rpartition("/_design/")[2] for place in scripts.split()[1:]] == ["dashboard/", "dashboard/"]


def test_where_the_report_is_can_be_said_and_unsaid(farm: Farm) -> None:
    """What others keep in the document stays, and a push leaves it alone."""
    farm.status.put({"_id": dashboard.SETTINGS, "note": "kept"})
    for url in ("https://farm.example.org/report", ""):
        dashboard.set_report(farm, url)
        assert deploy.push(farm, lambda done: None).removed == ()
        found = farm.status.get(dashboard.SETTINGS) or {}
        assert (found["report"], found["note"]) == (url, "kept")


@pytest.mark.parametrize("url", ["javascript:alert(1)", "farm.example.org", "https://"])
def test_what_is_no_address_of_a_report_is_refused(farm: Farm, url: str) -> None:
    """It would be a link on everybody's screen."""
    with pytest.raises(InputError, match="is no address of a report"):
        dashboard.set_report(farm, url)
