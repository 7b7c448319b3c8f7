"""`crashfarm worker`: what admins ask of workers, and what they see of it."""

import json
from typing import Any, cast

import pytest
from typer.testing import CliRunner

from crashfarm.documents.worker import Wish
from crashfarm.errors import NotFound
from crashfarm.settings import Farm
from server.cli import build, options
from tests import samples
from tests.fakes.couch import MemoryDatabase


@pytest.fixture
def status(monkeypatch: pytest.MonkeyPatch) -> MemoryDatabase:
    """A farm of two workers."""
    status = MemoryDatabase()
    for name in ("barn", "shed"):
        status.put(samples.worker() | {"_id": f"worker:{name}", "state": "stopped", "state_reason": ""})
    farm = Farm(cast(Any, None), cast(Any, status), cast(Any, None))
    monkeypatch.setattr(options, "connect", lambda data: farm)
    return status


def run(*words: str) -> str:
    """What a command prints."""
    return CliRunner().invoke(build(["worker"]), ["worker", *words], catch_exceptions=False).stdout


def rows(*words: str) -> list[dict[str, Any]]:
    """The same, as JSON."""
    found: list[dict[str, Any]] = json.loads(run(*words, "--json"))
    return found


@pytest.mark.parametrize(
    ("command", "desired"),
    [
        ("pause", Wish.PAUSE),
        ("resume", Wish.RUN),
        ("drain", Wish.DRAIN),
        ("stop", Wish.STOP),
        ("restart", Wish.RESTART),
        ("update", Wish.UPDATE),
    ],
)
def test_a_wish_is_on_the_documents_and_told_in_both_forms(status: MemoryDatabase, command: str, desired: Wish) -> None:
    """With the reason; of several workers at once."""
    assert run(command, "barn", "shed") == f"barn is to {desired}\nshed is to {desired}\n"
    found = rows(command, "shed", "--reason", "new disk")
    assert [(row["name"], row["wish"], row["reason"]) for row in found] == [("shed", desired, "new disk")]
    assert (status.get("worker:shed") or {})["control"]["reason"] == "new disk"


def test_a_quarantine_is_seen_in_the_list_before_the_worker_knows_of_it(status: MemoryDatabase) -> None:
    """A worker that does not run cannot take the reason over into its state."""
    run("pause", "barn", "--reason", "new disk")
    assert run("quarantine", "barn", "--reason", "too hot") == "barn is in quarantine\n"
    assert [(row["name"], row["wish"], row["reason"]) for row in rows("list")] == [
        ("barn", "quarantine", "too hot"),
        ("shed", "run", ""),
    ]
    run("resume", "barn")
    assert [row["wish"] for row in rows("list")] == ["run", "run"]


def test_a_worker_that_is_forgotten_is_told_in_both_forms(status: MemoryDatabase) -> None:
    """And is gone."""
    assert run("forget", "barn") == "barn is forgotten\n"
    assert [row["name"] for row in rows("forget", "shed")] == ["shed"]
    assert rows("list") == []


def test_a_worker_that_lives_is_forgotten_between_two_heartbeats(status: MemoryDatabase) -> None:
    """It writes its document at any time; an admin's command must not be lost to that."""
    beats = iter(range(3))

    def beat(request: str, moment: str) -> None:
        if (request, moment) == ("delete", "before") and next(beats, None) is not None:
            status.put(status.docs["worker:barn"] | {"state": "waiting"})

    status.fault = beat
    assert run("forget", "barn") == "barn is forgotten\n"
    assert "worker:barn" not in status.docs


def test_nothing_is_asked_of_a_worker_that_is_not_there(status: MemoryDatabase) -> None:
    """The error says how to find those that are."""
    with pytest.raises(NotFound, match="crashfarm worker list"):
        run("pause", "sty")
