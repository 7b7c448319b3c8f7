"""From a finding to a certainty, by commands alone: again, where, with how little, since which build."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.system.conftest import Shell, make_shell, set_up

SCRIPT = """import ctypes
import os
print("hello")
total = sum(range(10))
if os.environ.get("BAD"):
    ctypes.string_at(0)
"""


@pytest.fixture(scope="module")
def crash(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shell, str]]:
    """A farm with a worker, builds of which the last two are bad, and the id of a job that has crashed."""
    folder = tmp_path_factory.mktemp("certainty")
    shell = make_shell(folder)
    set_up(shell)
    command = ("--", sys.executable, "-X", "faulthandler", "{input}")
    for build, bad in (("1", ()), ("2", ()), ("3", ("--env", "BAD=yes")), ("", ("--env", "BAD=yes"))):
        kept = ("--as", build) if build else ()
        assert shell("crashfarm", "branch", "add", "script", "main", *bad, *kept, *command).status == 0
    (folder / "crash.py").write_text(SCRIPT)
    job = shell("crashfarm", "job", "add", folder / "crash.py", "--timeout", "30").out.strip()
    shell.spawn("crashfarm-worker", "run", "--allow", sys.executable, "--slots", "2")
    assert shell("crashfarm", "watch", "--until-empty").status == 0
    yield shell, job
    shell.close()


def answer(shell: Shell, *command: object) -> Any:
    """The JSON of a command that goes well."""
    ended = shell("crashfarm", *command, "--json")
    assert ended.status == 0, ended.err
    return json.loads(ended.out)


def test_crash_is_reproduced_and_its_score_is_shown(crash: tuple[Shell, str]) -> None:
    """By the result's job, and by the signature."""
    shell, job = crash
    [planned] = answer(shell, "reproduce", job, "--repeats", "3", "--preview")
    assert (planned["branch"], planned["runs"]) == ("main", 3)
    told = answer(shell, "reproduce", job, "--repeats", "3", "--wait")
    assert told["own"] == {"seen": 3, "ran": 3}
    assert 0.4 < told["low"] < told["high"] == 1.0
    shown = shell("crashfarm", "reproduce", "show", told["signature"].removeprefix("signature:")[:16])
    assert "3 of 3 runs, 100 %" in shown.out


def test_experiments_count_nowhere(crash: tuple[Shell, str], tmp_path: Path) -> None:
    """Neither their findings nor their runs: only that of the case, and those that repeat it unchanged."""
    shell, job = crash
    answer(shell, "reproduce", job, "--repeats", "3", "--wait")
    before = [answer(shell, *asked) for asked in (("crashes",), ("results",))]
    kept = ("--bytes", "0", "--repeats", "3", "--output", tmp_path / "small.py")
    assert answer(shell, "reduce", job, *kept)["tests"] > 0
    assert answer(shell, "range", job, "--repeats", "2", "--error", "0.3")["runs"] > 0
    assert [answer(shell, *asked) for asked in (("crashes",), ("results",))] == before
    assert before[0]


def test_first_bad_build_is_found(crash: tuple[Shell, str]) -> None:
    """The second time from what is known."""
    shell, job = crash
    told = answer(shell, "range", job, "--repeats", "3", "--error", "0.2")
    assert (told["last_good"], told["first_bad"], told["skipped"]) == ("2", "3", [])
    assert "first bad: 3" in shell("crashfarm", "range", job, "--repeats", "3", "--error", "0.2").out
    branch = answer(shell, "jobs", "--state", "completed")[0]["branch"]
    (new,) = answer(shell, "diff", f"{branch}@2", f"{branch}@3", "--all")
    assert (new["change"], new["before"]) == ("new", 0)


def test_input_is_reduced_and_attached(crash: tuple[Shell, str], tmp_path: Path) -> None:
    """What is left still does it, and nothing else is left."""
    shell, job = crash
    told = answer(shell, "reduce", job, "--bytes", "0", "--repeats", "2", "--output", tmp_path / "small.py")
    small = (tmp_path / "small.py").read_text()
    assert told["size"] == len(small) < told["original_size"] == len(SCRIPT)
    assert "string_at" in small
    assert "hello" not in small
    assert told["attachment"] == "minimal/crash.py"


def test_reprocessing_what_is_current_moves_nothing(crash: tuple[Shell, str]) -> None:
    """Neither in the preview nor in earnest."""
    shell, _ = crash
    assert answer(shell, "reprocess", "--preview", "--all")["moves"] == []
    assert answer(shell, "reprocess")["read"] == 0


def test_variants_are_listed(crash: tuple[Shell, str]) -> None:
    """The command answers, whatever there is to suggest."""
    shell, _ = crash
    assert isinstance(answer(shell, "variants", "list"), list)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("reproduce", "result:none"), "there is no result:none"),
        (("reproduce", "nonsense"), "'nonsense' is not the id of a result"),
        (("reproduce", "show", "xyz"), "'xyz' is not a signature"),
        (("reduce", "result:none"), "there is no result:none"),
        (("range", "result:none"), "there is no result:none"),
        (("variants", "confirm", "abcdef"), "name two signatures or more"),
        (("variants", "reject", "abcdef", "fedcba"), "no result shows a signature that begins with 'abcdef'"),
    ],
)
def test_wrong_names_are_said_in_one_line(
    crash: tuple[Shell, str], refused: Callable[..., str], command: tuple[str, ...], words: str
) -> None:
    """Before anything is done."""
    assert words in refused(crash[0], "crashfarm", *command)


def test_branch_without_older_builds_and_unknown_branch_are_said(
    crash: tuple[Shell, str], refused: Callable[..., str]
) -> None:
    """There is nothing to bisect."""
    shell, job = crash
    assert "there is no branch other of script" in refused(shell, "crashfarm", "range", job, "--branch", "other")
