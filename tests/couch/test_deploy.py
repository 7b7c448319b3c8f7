"""Pushing design documents to a CouchDB: what is pushed, when, and what becomes of pushes that meet or die."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest

from crashfarm import settings
from crashfarm.database import Database
from crashfarm.errors import ConfigError, NotSignedIn, Refused
from crashfarm.settings import Farm
from server import deploy
from server.deploy import charts, pushing
from server.deploy.sources import Design, attachment, load
from tests import samples
from tests.couch.conftest import Client
from tests.fresh import farm_settings, fresh_farm

DESIGNS = load()


@pytest.fixture
def farm(couch_url: str) -> Iterator[Farm]:
    """A farm that has no databases yet."""
    with fresh_farm(couch_url) as farm:
        yield farm


def quiet(done: int) -> None:
    """Progress that nobody looks at."""


def design_ids(farm: Farm) -> dict[str, list[str]]:
    """The design documents that each database has."""
    query = {"startkey": "_design/", "endkey": "_design0"}
    return {db.name: [str(row.id) for row in db.all_docs(**query).rows] for db in databases(farm).values()}


def databases(farm: Farm) -> dict[str, Database]:
    """A farm's databases by their places."""
    return {"status": farm.status, "history": farm.history, "door": deploy.door(farm)}


def other(name: str, source: str) -> list[Design]:
    """The designs with the maps of one of them replaced."""
    return [with_map(design, source) if design.name == name else design for design in DESIGNS]


def with_map(design: Design, source: str) -> Design:
    views = {name: {**view, "map": source} for name, view in design.members["views"].items()}
    return msgspec.structs.replace(design, members={**design.members, "views": views})


def names(farm: Farm) -> set[str]:
    """All design documents that a farm is to have, as a push names them."""
    return {f"{databases(farm)[place].name}/{design.name}" for design in DESIGNS for place in design.places}


def test_first_push_creates_databases_and_design_documents(farm: Farm) -> None:
    """Each design document goes where it belongs, and nothing staged is left."""
    pushed = deploy.push(farm, quiet)
    assert pushed.created == tuple(db.name for db in databases(farm).values())
    assert set(pushed.changed) == names(farm)
    assert (pushed.unchanged, pushed.removed) == ((), ())
    there = {f"{db}/{id.removeprefix('_design/')}" for db, ids in design_ids(farm).items() for id in ids}
    assert there == names(farm)


def test_second_push_changes_nothing(farm: Farm) -> None:
    """Revisions stay, so that nobody's index is built again."""
    deploy.push(farm, quiet)
    before = [db.all_docs().rows for db in databases(farm).values()]
    pushed = deploy.push(farm, quiet)
    assert (pushed.created, pushed.changed, pushed.removed) == ((), (), ())
    assert set(pushed.unchanged) == names(farm)
    assert str(pushed) == f"{len(names(farm))} design documents were up to date"
    assert [db.all_docs().rows for db in databases(farm).values()] == before


def test_only_what_changed_is_pushed(farm: Farm) -> None:
    """Touching one design document must not cost the index of another."""
    deploy.push(farm, quiet)
    pushed = pushing.push(farm, quiet, other("workers", "function (doc) { emit(doc._id, null); }"))
    assert pushed.changed == (f"{farm.status.name}/workers",)
    farm.status.put(samples.worker())
    assert [row.key for row in farm.status.view("workers", "by_state", reduce=False).rows] == ["worker:alpha"]


def test_hand_edited_design_document_is_put_right(farm: Farm) -> None:
    """Its digest alone would not tell."""
    deploy.push(farm, quiet)
    doc = farm.status.get("_design/workers") or {}
    doc["views"]["by_state"]["map"] = "function (doc) { emit(1, null); }"
    farm.status.put(doc)
    assert deploy.push(farm, quiet).changed == (f"{farm.status.name}/workers",)


def test_progress_counts_every_view(farm: Farm) -> None:
    """A bar has something to show."""
    seen: list[int] = []
    deploy.push(farm, seen.append)
    views = sum(len(design.views) * len(design.places) for design in DESIGNS)
    assert seen == list(range(1, views + 1))


def test_views_are_built_before_they_go_live(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the moment of the swap the staged name has answered every view, and the live one is still the old one."""
    deploy.push(farm, quiet)
    farm.status.put(samples.worker())
    asked: list[tuple[str, str]] = []
    view = type(farm.status).view

    def watched(self: Any, design: str, name: str, **query: Any) -> Any:
        asked.append((design, name))
        live = farm.status.get("_design/jobs") or {}
        assert "emit(7" not in live["views"]["by_state"]["map"]
        return view(self, design, name, **query)

    monkeypatch.setattr(type(farm.status), "view", watched)
    pushing.push(farm, quiet, other("jobs", "function (doc) { emit(7, null); }"))
    [jobs] = [design for design in DESIGNS if design.name == "jobs"]
    assert sorted(asked) == [("jobs-staged", name) for name in sorted(jobs.views)]


def test_staged_design_documents_do_not_validate(farm: Farm) -> None:
    """What checks documents must not act before the swap."""
    for design in DESIGNS:
        assert set(design.staged().members) <= {"language", "views"}


def test_push_that_was_killed_before_the_swap_is_taken_over(farm: Farm) -> None:
    """Its staged document may be half of the truth, or of another version."""
    deploy.push(farm, quiet)
    [jobs] = [design for design in DESIGNS if design.name == "jobs"]
    farm.status.put(with_map(jobs, "function (doc) { emit(0, null); }").staged().doc())
    farm.status.delete("_design/jobs", (farm.status.get("_design/jobs") or {})["_rev"])
    assert deploy.push(farm, quiet).changed == (f"{farm.status.name}/jobs",)
    assert "_design/jobs-staged" not in design_ids(farm)[farm.status.name]
    assert "emit(0" not in (farm.status.get("_design/jobs") or {})["views"]["by_state"]["map"]


def test_push_that_was_killed_after_the_swap_is_tidied_up(farm: Farm) -> None:
    """The staged document would be built for ever."""
    deploy.push(farm, quiet)
    [jobs] = [design for design in DESIGNS if design.name == "jobs"]
    farm.status.put(jobs.staged().doc())
    pushed = deploy.push(farm, quiet)
    assert (pushed.changed, pushed.removed) == ((), ())
    assert "_design/jobs-staged" not in design_ids(farm)[farm.status.name]


def test_pushes_at_the_same_time_end_well(couch_url: str, farm: Farm) -> None:
    """Two people, or two machines, start at once."""
    farms = [settings.connect(farm_settings(couch_url, farm=farm.status.name)) for _ in range(4)]
    with ThreadPoolExecutor(len(farms)) as pool:
        list(pool.map(lambda one: deploy.push(one, quiet), farms))
    for one in farms:
        one.connection.close()
    assert deploy.push(farm, quiet).changed == ()
    assert not any(name.endswith("-staged") for names in design_ids(farm).values() for name in names)


def test_design_document_that_is_no_more_is_removed(farm: Farm) -> None:
    """Only one of ours: other people's stay."""
    old = Design("old", ("status",), {"language": "javascript", "views": {"v": {"map": "function (doc) {}"}}})
    pushing.push(farm, quiet, [*DESIGNS, old])
    farm.status.put({"_id": "_design/mine", "views": {"v": {"map": "function (doc) {}"}}})
    assert deploy.push(farm, quiet).removed == (f"{farm.status.name}/old",)
    assert "_design/mine" in design_ids(farm)[farm.status.name]


def test_databases_are_closed_to_strangers(couch_url: str, farm: Farm) -> None:
    """Whom an admin let in stays in."""
    farm.connection.create(farm.status.name)
    farm.status.put_json("_security", body={"members": {"names": ["bob"], "roles": []}, "note": "kept"})
    deploy.push(farm, quiet)
    found = farm.status.get_json("_security")
    assert found["members"] == {"names": ["bob"], "roles": ["_admin", "crashfarm"]}
    assert found["note"] == "kept"
    stranger = settings.connect(farm_settings(couch_url, "nobody", "wrong", farm=farm.status.name))
    with pytest.raises((NotSignedIn, Refused)):
        stranger.status.info()
    stranger.connection.close()


def test_door_is_open_to_strangers_who_may_not_write(couch_url: str, farm: Farm) -> None:
    """They see the pages of the dashboard, on which they sign in; nothing else is behind it."""
    deploy.push(farm, quiet)
    stranger = Client(couch_url)
    where = f"/{deploy.door(farm).name}"
    page = stranger.unnamed("GET", f"{where}/_design/dashboard/index.html")
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b'type="module"' in page.content
    refused = stranger.unnamed("PUT", f"{where}/note", json={"spam": True})
    assert (refused.status_code, refused.json()["reason"][:22]) == (403, "user: only an administ")
    assert stranger.unnamed("GET", f"/{farm.status.name}/_design/dashboard/index.html").status_code == 401
    stranger.session.close()
    stranger.stranger.close()


def test_attachment_that_was_changed_by_hand_is_put_right(farm: Farm) -> None:
    """Of the same length, so that only its revision tells."""
    deploy.push(farm, quiet)
    doc = farm.status.get("_design/dashboard") or {}
    content = farm.status.attachment(doc["_id"], "main.js") or b""
    farm.status.attach(
        "_design/dashboard", doc["_rev"], "main.js", b"/" * len(content), "text/javascript; charset=utf-8"
    )
    assert deploy.push(farm, quiet).changed == (f"{farm.status.name}/dashboard",)
    assert farm.status.attachment("_design/dashboard", "main.js") == content


def test_charts_are_fetched_once_and_kept(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pushing again, even where no registry answers, neither asks for them nor loses them."""
    content = b"export default class {}"
    known = {name: charts.Member("x", hashlib.sha256(content).hexdigest()) for name in charts.MEMBERS}
    monkeypatch.setattr(charts, "MEMBERS", known)
    fetched: list[str] = []

    def fetch() -> charts.Files:
        fetched.append("once")
        return {name: attachment(name, content) for name in known}

    assert deploy.push(farm, quiet, fetch=fetch).troubles == ()
    assert deploy.push(farm, quiet, fetch=fetch).changed == deploy.push(farm, quiet).changed == ()
    assert fetched == ["once"]
    assert farm.status.attachment("_design/dashboard", "vendor/uplot.js") == content


def test_push_without_a_registry_says_so_and_goes_on(farm: Farm) -> None:
    """The numbers are there without a picture."""

    def fetch() -> charts.Files:
        raise ConfigError("there is no npm")

    pushed = deploy.push(farm, quiet, fetch=fetch)
    assert set(pushed.changed) == names(farm)
    assert str(pushed).endswith("the dashboard shows numbers without charts, for there is no npm")


def test_name_that_hides_which_database_is_which_is_refused(couch_url: str) -> None:
    """Nothing is created."""
    for end in ("-history", "-door"):
        farm = settings.connect(farm_settings(couch_url, farm=f"test-bad{end}"))
        with pytest.raises(ConfigError, match=f"must not end in '{end}'"):
            deploy.push(farm, quiet)
        assert not farm.connection.exists(f"test-bad{end}")
        farm.connection.close()
