"""The dashboard: its address, whether CouchDB lets it run, and what it is set up with.

CouchDB sends attachments with a policy that lets no page of them run, unless an administrator says otherwise: anybody's
attachment would run as whoever looks at it. The policy that `allow` sets lets the dashboard's own scripts run, by their
address, and still no other.
"""

import json
from urllib.parse import quote, urlsplit

import requests

from crashfarm.database import Connection, Database
from crashfarm.errors import Conflict, DatabaseUnavailable, InputError, NotFound
from crashfarm.settings import Farm
from server import deploy

SETTINGS = "_design/dashboard-settings"
"""The document, which only administrators can write, with the member `report`."""

KEPT = "this CouchDB lets no page of its attachments run: 'crashfarm dashboard --allow' allows the dashboard's"
"""What to say where `is_kept_from_running`."""

TRIES = 10
SECONDS = 30.0

_PAGES = "_design/dashboard/"
_SETTING = ("_node", "_local", "_config", "csp", "attachments_header_value")


def address(farm: Farm, server: str = "") -> str:
    """Where the dashboard is, on the server at that address; without one, where our own commands reach it."""
    return f"{_base(farm, server)}/{quote(deploy.door(farm).name, safe='')}/{_PAGES}index.html"


def is_kept_from_running(farm: Farm) -> bool:
    """Whether CouchDB sends the pages so that browsers run none of their scripts. Raises NotFound before a push."""
    try:
        answer = requests.head(address(farm), timeout=SECONDS)
    except requests.RequestException as exc:
        raise DatabaseUnavailable(f"no answer from {farm.connection.url}: {exc}") from exc
    if answer.status_code != requests.codes.ok:
        raise NotFound("the dashboard is not there yet: 'crashfarm push' brings it")
    policy = answer.headers.get("Content-Security-Policy", "")
    directives = [words for part in policy.split(";") if (words := part.split())]
    return any(words[0] == "sandbox" and "allow-scripts" not in words for words in directives)


def allow(farm: Farm, server: str = "") -> str:
    """Let CouchDB's one node run the dashboard's pages, for browsers that know it by that address; tells the policy."""
    policy = policy_for([f"{_base(farm, server)}/{quote(name, safe='')}/{_PAGES}" for name in _databases(farm)])
    connection: Connection = farm.connection
    connection.put_json(*_SETTING, body=json.dumps(policy))  # the library takes a text for JSON already
    return policy


def policy_for(places: list[str]) -> str:
    """A Content-Security-Policy that runs scripts from these addresses only."""
    own = " ".join(places)
    return (
        f"default-src 'none'; script-src {own}; style-src {own}; img-src {own}; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def set_report(farm: Farm, url: str) -> None:
    """Say where the report is published, so that the dashboard links to its pages; "" to say that it is nowhere.

    Raises InputError for what is no address of the web.
    """
    if url and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc):
        raise InputError(f"{url!r} is no address of a report: it begins with http:// or https://")
    status: Database = farm.status
    for _ in range(TRIES):
        found = status.get(SETTINGS) or {"_id": SETTINGS}
        try:
            status.put(found | {"report": url})
            return
        except Conflict:
            continue
    raise Conflict(f"{SETTINGS} keeps changing: try again")


def _base(farm: Farm, server: str) -> str:
    return (server or farm.connection.url).rstrip("/")


def _databases(farm: Farm) -> tuple[str, str]:
    return farm.status.name, deploy.door(farm).name
