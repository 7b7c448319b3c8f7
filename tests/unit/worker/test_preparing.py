"""What comes from the database is data: what of it may become a command."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from crashfarm.documents.branch import Artifact, Build
from crashfarm.documents.job import Input
from crashfarm.errors import InputError
from worker.allowed import Allowed
from worker.installing.trouble import InstallError
from worker.preparing import Prepared, Rules, prepare

RULES = Rules(Allowed(("/bin/sh", "/opt/*/bin/tool")), ("http", "https"), ("LD_*",))


def prepared(folder: Path, given: Input, *command: str, **environment: str) -> Prepared:
    """Prepare a run whose attachment `a.bin` is b"attached"."""
    build = Build(command=command or ("/bin/sh", "{input}"), environment=environment)
    return prepare(build, given, folder, RULES, {"a.bin": b"attached"}.get)


def test_a_url_stands_where_the_command_wants_it(tmp_path: Path) -> None:
    """Also within an argument."""
    given = Input(url="https://example.org/a?b=c")
    assert prepared(tmp_path, given, "/bin/sh", "--page={input}").command == (
        "/bin/sh",
        "--page=https://example.org/a?b=c",
    )


@pytest.mark.parametrize("url", ["-c", "--help", "javascript:alert(1)", "file:///etc/passwd", "", "http", "//host/"])
def test_a_url_of_another_scheme_is_refused(tmp_path: Path, url: str) -> None:
    """So that it can never be taken for an option or a local file."""
    with pytest.raises(InputError, match="scheme"):
        prepared(tmp_path, Input(url=url))


@pytest.mark.parametrize("url", ["http://a b/", "http://a/\n", "http://a/\x00"])
def test_a_url_with_blanks_or_control_characters_is_refused(tmp_path: Path, url: str) -> None:
    """No program is to see two words, or a line."""
    with pytest.raises(InputError, match="control characters"):
        prepared(tmp_path, Input(url=url))


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("a.py", "a.py"),
        ("../../etc/passwd", "passwd"),
        ("/etc/passwd", "passwd"),
        ("..", "input"),
        ("", "input"),
        ("-rf", "-rf"),
        ("漢" * 100 + ".py", "漢" * 65 + ".py"),
        ("x" * 300, "x" * 200),
    ],
)
def test_a_text_becomes_a_file_in_the_working_folder(tmp_path: Path, name: str, stored: str) -> None:
    """Whatever its name says; the program gets the whole path, so it is never an option."""
    ready = prepared(tmp_path, Input(name=name, text="pass"))
    assert ready.command[1] == str(tmp_path / stored)
    assert (tmp_path / stored).read_text() == "pass"


def test_an_attachment_becomes_a_file(tmp_path: Path) -> None:
    """Byte for byte; one that is missing is told."""
    ready = prepared(tmp_path, Input(attachment="a.bin"))
    assert Path(ready.command[1]).read_bytes() == b"attached"
    with pytest.raises(InputError, match="no attachment"):
        prepared(tmp_path, Input(attachment="b.bin"))


@pytest.mark.parametrize("given", [Input(), Input(url="http://a/", text="b"), Input(text="a", attachment="a.bin")])
def test_an_input_is_exactly_one_thing(tmp_path: Path, given: Input) -> None:
    """Neither none nor two."""
    with pytest.raises(InputError, match="exactly one"):
        prepared(tmp_path, given)


@pytest.mark.parametrize("program", ["/bin/ls", "/opt/x/y/bin/tool", "/opt/../bin/tool", "bin/sh", "no-such-program"])
def test_a_program_that_is_not_allowed_is_refused(tmp_path: Path, program: str) -> None:
    """Neither by another path nor by a pattern that reaches too far."""
    with pytest.raises(InstallError, match="cannot run"):
        prepared(tmp_path, Input(text=""), program, "{input}")


def test_a_pattern_allows_what_it_names(tmp_path: Path) -> None:
    """Its star stands for one folder; what is not there, or is no program, cannot be run for all that."""
    tool, text = tmp_path / "3.11" / "bin" / "tool", tmp_path / "3.12" / "bin" / "tool"
    for path in (tool, text):
        path.parent.mkdir(parents=True)
        path.touch(0o755 if path == tool else 0o644)
    rules = msgspec.structs.replace(RULES, allowed=Allowed((f"{tmp_path}/*/bin/tool",)))

    def command(path: Path) -> tuple[str, ...]:
        return prepare(Build(command=(str(path),)), Input(text=""), tmp_path, rules, lambda name: None).command

    assert command(tool) == (str(tool),)
    for absent in (text, tmp_path / "3.13" / "bin" / "tool"):
        with pytest.raises(InstallError, match="no such program"):
            command(absent)


def test_the_environment_is_clean_but_for_what_the_build_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker's own secrets stay with it."""
    monkeypatch.setenv("COUCHDB_PASSWORD", "secret")
    environment = prepared(tmp_path, Input(text=""), PYTHONHASHSEED="0").environment
    assert environment["PYTHONHASHSEED"] == "0"
    assert "secret" not in environment.values()
    assert environment["HOME"] == str(tmp_path)


@pytest.mark.parametrize("name", ["LD_PRELOAD", "LD_LIBRARY_PATH", ""])
def test_a_build_may_not_change_which_code_an_allowed_program_loads(tmp_path: Path, name: str) -> None:
    """A variable of the loader would make the list of programs worthless."""
    with pytest.raises(InputError, match="environment"):
        prepared(tmp_path, Input(text=""), "/bin/sh", **{name: "x"})


def test_a_branch_without_a_command_is_refused(tmp_path: Path) -> None:
    """There is nothing to run."""
    empty: Any = Build(command=())
    with pytest.raises(InputError, match="empty"):
        prepare(empty, Input(text=""), tmp_path, RULES, {}.get)


def built(folder: Path) -> Path:
    """A downloaded build with a program, and with a link that leads out."""
    (folder / "built/bin").mkdir(parents=True)
    (folder / "built/bin/tool").write_text("#!/bin/sh\n")
    (folder / "built/bin/out").symlink_to("/bin/sh")
    return folder / "built"


def prepared_build(folder: Path, *command: str, **environment: str) -> Prepared:
    """Prepare a run of a downloaded build on the text {build}."""
    artifact = Artifact(url="https://example.org/a.tar", sha256="0" * 64)
    build = Build(command=command, artifact=artifact, environment=environment)
    return prepare(build, Input(url="https://a/{build}"), folder, RULES, {}.get, built(folder))


def test_the_build_stands_for_its_folder(tmp_path: Path) -> None:
    """In the command and in the environment, and never in what comes from the job."""
    ready = prepared_build(tmp_path, "{build}/bin/tool", "--lib={build}/lib", "{input}", HERE="{build}")
    assert ready.command == (f"{tmp_path}/built/bin/tool", f"--lib={tmp_path}/built/lib", "https://a/{build}")
    assert ready.environment["HERE"] == f"{tmp_path}/built"


def test_an_allowed_program_may_use_a_downloaded_build(tmp_path: Path) -> None:
    """As an interpreter does with a script."""
    assert prepared_build(tmp_path, "/bin/sh", "{build}/bin/tool").command == ("/bin/sh", f"{tmp_path}/built/bin/tool")


@pytest.mark.parametrize("program", ["{build}/bin/none", "{build}/../x", "{build}/bin/out", "{build}/bin", "/bin/ls"])
def test_only_the_builds_own_programs_come_with_it(tmp_path: Path, program: str) -> None:
    """No other, by no link and no step up."""
    with pytest.raises((InputError, InstallError), match="cannot run"):
        prepared_build(tmp_path, program, "{input}")


def test_a_build_that_stands_on_the_machine_has_no_folder(tmp_path: Path) -> None:
    """To speak of it is a mistake, which is told."""
    with pytest.raises(InputError, match="nothing to download"):
        prepared(tmp_path, Input(text=""), "/bin/sh", "{build}/x")
