"""Commands that are started in a folder whose files have the names of modules: these are data, and nobody's code."""

import pytest

from tests.system.conftest import Shell, set_up


@pytest.mark.parametrize("name", ["random.py", "server/__init__.py", "worker/__init__.py"])
def test_what_lies_in_the_present_folder_is_never_run(shell: Shell, name: str) -> None:
    """Neither by the commands nor by the processes that these start: the store and its JavaScript, a worker."""
    path = shell.data.parent / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("raise SystemExit('what lies here was run')")
    (shell.data.parent / "script").write_text("echo ran")
    set_up(shell)
    assert shell("crashfarm", "branch", "add", "shell", "one", "--", "/bin/sh", "{input}").status == 0
    added = shell("crashfarm", "job", "add", "script", "--branch", "one")
    assert added.status == 0, added.err
    ended = shell("crashfarm-worker", "run", "--until-empty", "--allow", "/bin/sh")
    assert ended.status == 0, ended.err
    counts = shell("crashfarm", "job", "list", "--json")
    assert '"success"' in counts.out, counts.out
