"""What tests of workers share: the farm's documents by plain HTTP, jobs to queue, and how to wait."""

import json
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from tests.system.conftest import Shell

LEASE = "2"
PATIENCE = 60.0


class Store:
    """The farm's documents, asked by plain HTTP."""

    def __init__(self, data: Path, farm: str) -> None:
        self.url = json.loads((data / "store.json").read_text())["url"]
        self.auth = ("admin", (data / "admin-password").read_text().strip())
        self.farm = farm

    def get(self, path: str, **query: Any) -> Any:
        """The JSON of a GET."""
        params = {name: json.dumps(value) for name, value in query.items()}
        return requests.get(f"{self.url}/{path}", params=params, auth=self.auth, timeout=20).json()

    def documents(self, prefix: str, database: str = "") -> list[dict[str, Any]]:
        """All documents whose ids begin so."""
        rows = self.get(
            f"{self.farm}{database}/_all_docs", startkey=prefix, endkey=prefix + "\ufff0", include_docs=True
        )["rows"]
        return [row["doc"] for row in rows]

    def put(self, doc: dict[str, Any]) -> None:
        """Write a document of the status database."""
        answer = requests.put(f"{self.url}/{self.farm}/{doc['_id']}", json=doc, auth=self.auth, timeout=20)
        assert answer.ok, answer.text

    def told(self) -> list[dict[str, Any]]:
        """All changes of state that workers told, in the order of the messages."""
        return [change for doc in self.documents("message:") for change in doc.get("changes", ())]

    def states(self) -> Counter[str]:
        """How many jobs are in each state."""
        return Counter(job["state"] for job in self.documents("job:"))

    def results(self) -> list[dict[str, Any]]:
        """All results."""
        return self.documents("result:", "-history")


def wait_for(condition: Callable[[], object]) -> None:
    """Look again and again, until it is so; fails after a while."""
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, "it never came to be"
        time.sleep(0.05)


def queue(
    farm: Shell,
    scripts: dict[str, str],
    branch: str = "one",
    program: str = "/bin/sh",
    seconds: int = 30,
    prepare: Callable[[], None] = lambda: None,
) -> None:
    """Add a branch that runs shell scripts, and a job for each script; `prepare` is done between the two."""
    folder = farm.data.parent / farm.environ["CRASHFARM_FARM"] / branch
    folder.mkdir(parents=True)
    for name, text in scripts.items():
        (folder / name).write_text(text)
    assert farm("crashfarm", "branch", "add", "shell", branch, "--", program, "{input}").status == 0
    prepare()
    added = farm("crashfarm", "job", "add", folder, "--branch", branch, "--timeout", seconds)
    assert added.status == 0, added.err


def run_to_the_end(farm: Shell, *options: str) -> None:
    """A worker that ends when nothing is left."""
    options = ("--lease", LEASE, "--allow", "/bin/sh", *options)
    ended = farm("crashfarm-worker", "run", "--until-empty", *options)
    assert ended.status == 0, ended.err


def still_running(mark: str) -> list[str]:
    """The processes whose command line holds that text."""
    listing = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listing.splitlines() if mark in line]


def state_of(store: Store, name: str = "alpha") -> str:
    """What a worker's document says."""
    return "".join(doc["state"] for doc in store.documents(f"worker:{name}"))


def fast_config(farm: Shell, more: str = "") -> str:
    """A configuration that makes a worker look often, and whatever else."""
    path = farm.data.parent / "fast.toml"
    path.write_text("heartbeat = 0.3\nidle = 0.3\n" + more)
    return str(path)
