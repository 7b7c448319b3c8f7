"""The demonstration, start to finish, with a worker killed on the way."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from tests.system.conftest import Shell

SCRIPTS = {
    "crash.py": "import ctypes\nctypes.string_at(0)\n",
    "fail.py": "def f():\n    return 1 / 0\nf()\n",
    "fine.py": "print('fine')\n",
    "slow.py": "import time\ntime.sleep(1.5)\nraise ValueError('late')\n",
    "slower.py": "import time\ntime.sleep(2)\nraise KeyError('later')\n",
    "hang.py": "while True:\n    pass\n",
}


@pytest.fixture
def crashers(tmp_path: Path) -> Path:
    """A folder of scripts, some slow enough to be killed under."""
    folder = tmp_path / "crashers"
    folder.mkdir()
    for name, text in SCRIPTS.items():
        (folder / name).write_text(text)
    return folder


def read(shell: Shell, path: str) -> Any:
    """GET an address of the farm's history database, as the admin."""
    url = json.loads((shell.data / "store.json").read_text())["url"]
    password = (shell.data / "admin-password").read_text().strip()
    answer = requests.get(f"{url}/crashfarm-history/{path}", auth=("admin", password), timeout=30)
    assert answer.ok, answer.text
    return answer.json()


def results(shell: Shell, source: str) -> list[dict[str, Any]]:
    """The result documents of one round."""
    rows = read(shell, '_all_docs?include_docs=true&startkey="result:"&endkey="result;"')["rows"]
    return [row["doc"] for row in rows if row["doc"]["source"] == source]


def findings(docs: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """What the results found, by input."""
    return sorted(
        (doc["input_name"], doc["branch"], found["kind"], found["message"], found["detail"])
        for doc in docs
        for found in doc["findings"]
    )


def kill_the_first_worker_that_runs_a_job(demo: "subprocess.Popen[bytes]", shell: Shell) -> None:
    """Wait, by the farm's own events, until a worker holds a job; then kill it without a warning."""
    while not (shell.data / "store.json").exists():
        assert demo.poll() is None
        os.sched_yield()
    watching = subprocess.Popen(
        [Path(sys.executable).parent / "crashfarm", "watch", "--json"], env=shell.environ, stdout=subprocess.PIPE
    )
    try:
        assert watching.stdout
        for line in watching.stdout:
            event = json.loads(line)
            if event["kind"] == "job" and event["what"].startswith("running slow"):
                name = event["what"].rsplit(", ", 1)[1].removeprefix("worker:")
                break
    finally:
        watching.kill()
        watching.communicate()
    lines = {child: child.cmdline() for child in psutil.Process(demo.pid).children()}
    (worker,) = [child for child, line in lines.items() if name in line]
    worker.send_signal(signal.SIGKILL)


def test_demo_survives_a_killed_worker_and_says_what_is_new(shell: Shell, crashers: Path) -> None:
    """Two rounds, the first with a worker killed in the middle: the same jobs, the same findings, nothing twice."""
    command = ["demo", "--python", sys.executable, "--crashers", crashers, "--timeout", "4", "--keep"]
    demo = shell.spawn("crashfarm", *command)
    kill_the_first_worker_that_runs_a_job(demo, shell)
    assert demo.wait(120) == 0
    first = results(shell, "demo:1")

    again = shell("crashfarm", *command)
    assert again.status == 0, again.err
    second = results(shell, "demo:2")

    assert len(first) == len(second) >= len(SCRIPTS)
    assert findings(first) == findings(second)
    assert "(0 new)" in again.out
    assert max(doc["attempt"] for doc in first) > 1, "the killed worker's job was not taken over"
    counted = sum(
        row["value"]
        for row in read(shell, "_design/crash_type/_view/results?group_level=1")["rows"]
        if "result" in row["key"][0]
    )
    assert counted == len(findings(first)) + len(findings(second))
