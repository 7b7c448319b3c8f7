"""A store in the foreground: what it says when it comes up."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.system.conftest import BIN, SECONDS, Shell


@contextmanager
def in_the_foreground(shell: Shell) -> Iterator["subprocess.Popen[str]"]:
    """`crashfarm up`, with nothing beside it."""
    command = [str(BIN / "crashfarm"), "up", "--no-collect", "--no-janitor"]
    store = subprocess.Popen(command, env=shell.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with store:
        try:
            yield store
        finally:
            store.terminate()
            store.wait(SECONDS)


def remark(store: "subprocess.Popen[str]", words: str) -> str:
    """The first remark that begins so."""
    assert store.stderr is not None
    return next(line.rstrip() for line in store.stderr if line.startswith(words))


def test_a_store_in_the_foreground_says_where_its_pages_are(shell: Shell) -> None:
    """The dashboard: what to do for it, and once that is done, nothing more."""
    with in_the_foreground(shell) as store:
        said = remark(store, "the dashboard is at ")
        assert said.endswith("/crashfarm-door/_design/dashboard/index.html after 'crashfarm push'")
        assert shell("crashfarm", "push").status == 0
    with in_the_foreground(shell) as store:
        assert store.stdout is not None
        address = store.stdout.readline().split()[-1]
        said = remark(store, "the dashboard is at ")
        assert said == f"the dashboard is at {address}/crashfarm-door/_design/dashboard/index.html"
