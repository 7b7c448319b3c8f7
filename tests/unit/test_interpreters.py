"""Finding interpreters, with real ones and impostors."""

import os
import sys
from pathlib import Path

from server import interpreters
from server.interpreters import Interpreter


def make_interpreter(version: str, base: str = "/usr", debug: bool = False) -> Interpreter:
    """An interpreter that says it is of that version."""
    major, minor, micro = map(int, version.split("."))
    return Interpreter(Path(base, "bin/python3"), version, (major, minor, micro), debug, version, base)


def make_program(path: Path, text: str) -> Path:
    """An executable file."""
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_the_interpreter_that_runs_us_is_found_with_what_it_is() -> None:
    """Its own words agree with what we know of ourselves."""
    (found,) = interpreters.ask([Path(sys.executable)]).found
    assert found.version_info == sys.version_info[:3]
    assert found.debug == hasattr(sys, "gettotalrefcount")
    assert found.about == " ".join(sys.version.split())


def test_a_relative_path_is_made_absolute() -> None:
    """A worker runs in a folder of its own, where a relative path would lead nowhere."""
    (found,) = interpreters.ask([Path(os.path.relpath(sys.executable))]).found
    assert found.path.is_absolute()


def test_links_to_one_interpreter_are_one(tmp_path: Path) -> None:
    """However many names PATH has for it."""
    (tmp_path / "python3.99").symlink_to(os.path.realpath(sys.executable))
    search = interpreters.ask([Path(os.path.realpath(sys.executable)), tmp_path / "python3.99"])
    assert [python.path for python in search.found] == [Path(os.path.realpath(sys.executable))]


def test_impostors_are_passed_over_with_the_reason(tmp_path: Path) -> None:
    """A failing shim, another implementation, an old version, a talker and a missing file do no harm."""
    answer = (
        '{"implementation":"%s","version":"%s","version_info":%s,"about":"","debug":false,"base":"/","crashers":null}'
    )
    files = {
        make_program(tmp_path / "fails", "#!/bin/sh\nexit 127\n"): "status 127",
        make_program(tmp_path / "pypy", f"#!/bin/sh\necho '{answer % ('pypy', '3.11.0', '[3,11,0]')}'\n"): "is pypy",
        make_program(
            tmp_path / "old", f"#!/bin/sh\necho '{answer % ('cpython', '3.5.1', '[3,5,1]')}'\n"
        ): "older than 3.6",
        make_program(tmp_path / "talks", "#!/bin/sh\necho hello\n"): "cannot be asked",
        tmp_path / "missing": "cannot be asked",
    }
    search = interpreters.ask(files)
    assert search.found == ()
    for passed in search.passed_over:
        assert files[passed.path] in passed.reason


def test_find_looks_on_the_path_and_among_pyenvs(tmp_path: Path) -> None:
    """An executable named python3.x in a folder of PATH is asked; one named otherwise is not."""
    folder = tmp_path / "bin"
    folder.mkdir()
    make_program(folder / "python3.77", "#!/bin/sh\nexit 1\n")
    make_program(folder / "python-config", "#!/bin/sh\nexit 1\n")
    pyenv = tmp_path / "versions" / "9.9" / "bin"
    pyenv.mkdir(parents=True)
    make_program(pyenv / "python3", "#!/bin/sh\nexit 2\n")
    search = interpreters.find({"PATH": f"{folder}:/no/such/folder", "PYENV_ROOT": str(tmp_path)})
    assert {passed.path for passed in search.passed_over} == {folder / "python3.77", pyenv / "python3"}
    assert [python.version_info for python in search.found] == [sys.version_info[:3]]


def test_debug_and_release_build_of_a_version_share_a_branch() -> None:
    """The build type tells them apart."""
    branches = interpreters.to_branches([make_interpreter("3.12.1"), make_interpreter("3.12.1", "/opt", debug=True)])
    assert [(b.id, sorted(b.builds)) for b in branches] == [("branch:cpython:3.12.1", ["debug", "release"])]


def test_two_builds_of_one_version_do_not_collide() -> None:
    """The second is named by where it is installed."""
    branches = interpreters.to_branches([make_interpreter("3.11.2"), make_interpreter("3.11.2", "/opt/python")])
    assert [b.branch for b in branches] == ["3.11.2", "3.11.2-opt-python"]
    assert all(build.command[0].endswith("bin/python3") for b in branches for build in b.builds["release"].values())
