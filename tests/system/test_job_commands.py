"""`crashfarm job` as people use it: what is refused, with the reason and nothing changed, and what it answers."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.system.conftest import Shell, make_shell, set_up

Refused = Callable[..., str]


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A farm with one branch that runs shell scripts, which the tests of this file share."""
    shell = make_shell(tmp_path_factory.mktemp("farm"))
    set_up(shell)
    assert shell("crashfarm", "branch", "add", "shell", "one", "--", "/bin/sh", "{input}").status == 0
    (shell.data.parent / "a.sh").write_text("exit 0")
    yield shell
    shell.close()


def add(farm: Shell, *options: object) -> str:
    """Queue a job; its id."""
    ended = farm("crashfarm", "job", "add", farm.data.parent / "a.sh", *options)
    assert ended.status == 0, ended.err
    return ended.out.strip()


def listed(farm: Shell, *options: object) -> list[dict[str, Any]]:
    """The jobs as the command lists them."""
    ended = farm("crashfarm", "job", "list", "--json", *options)
    assert ended.status == 0, ended.err
    jobs: list[dict[str, Any]] = json.loads(ended.out)
    return jobs


def test_what_cannot_be_is_refused_with_the_reason_and_nothing_is_queued(farm: Shell, refused: Refused) -> None:
    """Requirements, results and jobs that nobody knows."""
    before = listed(farm)
    for options, reason in [
        (("--require", "os=Linux"), "the requirement 'os' is not known: known are os_name, os_version, cpu_name"),
        (("--require", "os_name"), "os_name needs a value"),
        (("--require", "cpu_name=a", "--require", "cpu_name=b"), "no worker meets both"),
        (("--tag", ""), "a tag must not be empty"),
        (("--after", "job:none"), "there is no job job:none to depend on"),
        (("--after", "job:none=fine"), "the result 'fine' is not known: known are success, failure, error"),
    ]:
        assert reason in refused(farm, "crashfarm", "job", "add", farm.data.parent / "a.sh", *options)
    assert listed(farm) == before


def test_options_out_of_range_are_refused_by_name(farm: Shell) -> None:
    """By the command line itself, before anything is asked of the farm."""
    job = add(farm)
    before = listed(farm)
    for command in (
        ("job", "add", "-", "--priority", "4"),
        ("job", "add", "-", "--timeout", "0"),
        ("job", "add", "-", "--timeout", "inf"),
        ("job", "add", "-", "--attempts", "0"),
        ("job", "priority", "9", job),
        ("worker", "jump", "alpha"),
    ):
        ended = farm("crashfarm", *command)
        assert (ended.status, ended.out) == (2, "")
    assert "lease" in farm("crashfarm-worker", "run", "--allow", "/bin/sh", "--lease", "0").err
    assert listed(farm) == before


def test_a_document_that_would_break_the_queue_is_refused_by_the_database(farm: Shell) -> None:
    """Whoever writes it, by plain HTTP, hears the reason, and the document stays as it is."""
    job = add(farm)
    address = json.loads((farm.data / "store.json").read_text())["url"]
    session = requests.Session()
    session.auth = ("admin", (farm.data / "admin-password").read_text().strip())
    url = f"{address}/crashfarm/{job}"
    before = session.get(url, timeout=20).json()
    for member, value, reason in [
        ("requires", {"moon": "full"}, "requires.moon: is not known"),
        ("priority", 7, "priority: must be a whole number from 0 to 3, but is 7"),
        ("depends_on", [{"job": job}], "depends_on[0].job: must be another job"),
        ("depends_on", [{"job": "x"}], "depends_on[0].job: must be the id of a job"),
        ("max_attempts", 0, "max_attempts"),
    ]:
        answer = session.put(url, json=before | {member: value}, timeout=20)
        assert answer.status_code == 403, (member, answer.text)
        assert reason in answer.json()["reason"]
    assert session.get(url, timeout=20).json() == before


def test_jobs_are_made_changed_and_listed_as_json(farm: Shell) -> None:
    """Each command answers with the jobs as they are then."""
    ended = farm("crashfarm", "job", "add", farm.data.parent / "a.sh", "--tag", "gpu", "--json")
    [job] = json.loads(ended.out)
    changed = json.loads(farm("crashfarm", "job", "priority", "0", job["id"], "--json").out)
    assert [(one["id"], one["priority"]) for one in changed] == [(job["id"], 0)]
    cancelled = json.loads(farm("crashfarm", "job", "cancel", job["id"], "--reason", "no gpu", "--json").out)
    assert [(one["state"], one["reason"]) for one in cancelled] == [("aborted", "no gpu")]
    [again] = json.loads(farm("crashfarm", "job", "retry", job["id"], "--json").out)
    shown = json.loads(farm("crashfarm", "job", "show", again["id"], "--json").out)
    assert (shown["job"]["supersedes"], shown["job"]["requires"]["tags"]) == (job["id"], ["gpu"])


def test_what_a_worker_has_to_do_is_listed(farm: Shell, tmp_path: Path) -> None:
    """What it could run and nothing else; when it has run that, nothing."""
    mine, others = add(farm), add(farm, "--tag", "moon")
    later = add(farm, "--after", f"{mine}=failure")
    options = ("--name", "alpha", "--allow", "/bin/sh", "--slots", "4")
    assert "there is no worker alpha" in farm("crashfarm", "job", "list", "--worker", "alpha").err
    assert farm("crashfarm-worker", "once", *options).status == 0
    assert [job["id"] for job in listed(farm, "--worker", "alpha")] == []
    new = add(farm)
    assert [job["id"] for job in listed(farm, "--worker", "alpha")] == [new]
    assert listed(farm, "--worker", "alpha", "--state", "running") == []
    states = {job["id"]: job["state"] for job in listed(farm)}
    assert (states[mine], states[others], states[later]) == ("completed", "pending", "pending")
