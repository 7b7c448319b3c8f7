"""A machine that is lent: an account of its own, with which it works and does no harm."""

from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests.system.conftest import Shell
from tests.system.worker.farmyard import Store, queue, run_to_the_end


@pytest.fixture
def lent(farm: Shell, store: Store, tmp_path: Path) -> Shell:
    """Another machine, which knows nothing but the farm's address and its own password."""
    made = farm("crashfarm", "worker", "account", "barn", "--renew", "--file", tmp_path / "barn.password")
    assert made.status == 0, made.err
    assert "COUCHDB_USER=barn" in made.err
    environ = {name: value for name, value in farm.environ.items() if name != "CRASHFARM_DATA"}
    own = {"COUCHDB_URL": store.url, "COUCHDB_USER": "barn", "COUCHDB_PASSWORD_FILE": str(tmp_path / "barn.password")}
    return Shell(tmp_path / "data", environ | own | {"CRASHFARM_DATA": str(tmp_path / "data")})


def test_a_lent_machine_works_without_the_admins_password(farm: Shell, store: Store, lent: Shell) -> None:
    """From its registration to its last word, findings, histories and messages included."""
    folder = farm.data.parent / store.farm / "one"
    scripts = {"good": "echo fine", "bad": "kill -SEGV $$", "wrong": "exit 3"}
    queue(farm, scripts, prepare=lambda: (folder / "attached").write_bytes(b"echo fine # \xff") and None)
    assert sum("_attachments" in job for job in store.documents("job:")) == 1
    run_to_the_end(lent, "--name", "barn", "--slots", "2")
    assert store.states() == {"completed": 4}
    assert {result["worker"] for result in store.results()} == {"barn"}
    assert store.documents("history_crash:", "-history")
    assert [doc["state"] for doc in store.documents("worker:")] == ["stopped"]
    assert store.told()[-1]["state"] == "stopped"
    run_to_the_end(lent, "--name", "barn.two")


def test_a_lent_machine_cannot_do_what_a_worker_need_not(farm: Shell, store: Store, lent: Shell) -> None:
    """Queue, change what is run, speak for others; each refusal says why."""
    queue(farm, {"good": "echo fine"})
    auth = ("barn", Path(lent.environ["COUCHDB_PASSWORD_FILE"]).read_text().strip())

    def put(doc: dict[str, object], **changes: object) -> str:
        answer = requests.put(f"{store.url}/{store.farm}/{doc['_id']}", json=doc | changes, auth=auth, timeout=20)
        assert answer.status_code == 403, answer.text
        return str(answer.json()["reason"])

    [job], [branch] = store.documents("job:"), store.documents("branch:")
    new = {name: value for name, value in job.items() if name != "_rev"}
    assert put(new | {"_id": "job:new"}) == "type: a worker may not queue jobs"
    assert put(job, priority=0) == "priority: may not be changed by a worker"
    assert put(branch, enabled=False) == "type: a worker may not write a branch"
    assert requests.get(f"{store.url}/_users/_all_docs", auth=auth, timeout=20).status_code in (401, 403)
    assert requests.delete(f"{store.url}/{store.farm}", auth=auth, timeout=20).status_code in (401, 403)
    said = lent("crashfarm-worker", "run", "--name", "other", "--allow", "/bin/sh")
    assert said.status == 1
    assert "must be of the worker barn" in said.err


def test_an_account_is_made_once_renewed_and_taken_away(farm: Shell, store: Store, lent: Shell) -> None:
    """A new password makes the old one worthless."""
    auth = ("barn", Path(lent.environ["COUCHDB_PASSWORD_FILE"]).read_text().strip())
    assert Path(lent.environ["COUCHDB_PASSWORD_FILE"]).stat().st_mode & 0o777 == 0o600
    again = farm("crashfarm", "worker", "account", "barn")
    assert (again.status, "--renew" in again.err) == (1, True)
    renewed = farm("crashfarm", "worker", "account", "barn", "--renew")
    assert renewed.status == 0

    def answer(password: str) -> int:
        return requests.get(f"{store.url}/{store.farm}", auth=("barn", password), timeout=20).status_code

    assert answer(auth[1]) == 401
    assert answer(renewed.out.strip()) == 200
    assert farm("crashfarm", "worker", "account", "barn", "--remove").status == 0
    assert answer(renewed.out.strip()) == 401


@pytest.mark.parametrize("name", ["a b", "a:b", "", "../a"])
def test_a_name_that_no_worker_can_have_gets_no_account(farm: Shell, refused: Callable[..., str], name: str) -> None:
    """It would be of no use."""
    assert "cannot be the name of a worker" in refused(farm, "crashfarm", "worker", "account", name)


def test_a_password_never_overwrites_a_file(farm: Shell, tmp_path: Path, refused: Callable[..., str]) -> None:
    """And no account is made whose password nobody knows."""
    (tmp_path / "there").write_text("mine")
    assert "File exists" in refused(farm, "crashfarm", "worker", "account", "shed", "--file", tmp_path / "there")
    assert (tmp_path / "there").read_text() == "mine"
    assert "no account" in refused(farm, "crashfarm", "worker", "account", "shed", "--remove")
