"""Units and container files: what they name is there, and the units are as closed as they say."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from worker import config

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "docs/deploy"
UNITS = sorted(DEPLOY.glob("*.service"))
CONTAINERS = sorted(DEPLOY.glob("Containerfile.*"))
INSTALLED = "/opt/crashfarm/.venv/bin/"

needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze")


def instructions(file: Path) -> list[tuple[str, str]]:
    """The instructions of a container file and what stands behind them, continued lines joined."""
    text = re.sub(r"^#.*\n", "", file.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in text.splitlines() if line.strip()]


def commands(unit: Path) -> list[list[str]]:
    """The command lines of a unit."""
    return [shlex.split(line) for line in re.findall(r"^Exec\w+=(.*)$", unit.read_text(), re.MULTILINE)]


def test_there_is_something_to_look_at() -> None:
    """Or the other tests would prove nothing."""
    assert len(UNITS) == 4
    assert len(CONTAINERS) == 2


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_systemd_takes_the_unit(tmp_path: Path, unit: Path) -> None:
    """With our commands where they are on this machine: it looks whether they can be run."""
    here = unit.read_text().replace(INSTALLED, f"{Path(sys.executable).parent}/")
    (tmp_path / unit.name).write_text(here)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / unit.name], capture_output=True, text=True, check=False
    )
    mine = [line for line in done.stderr.splitlines() if unit.name in line]
    assert (done.returncode, mine) == (0, []), done.stderr


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_a_unit_exposes_little(unit: Path) -> None:
    """Less than 2.5 of systemd's ten; a unit without any of this has 9.6."""
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=25", unit],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-400:]


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_the_commands_of_units_and_their_options_are_ours(unit: Path) -> None:
    """An option that is no more would end the service at its start."""
    for program, *words in commands(unit):
        assert program.startswith(INSTALLED)
        options = [word for word in words if word.startswith("--")]
        asked = [str(Path(sys.executable).parent / Path(program).name), words[0], "--help"]
        told = subprocess.run(asked, capture_output=True, text=True, check=True, env={"COLUMNS": "200"}).stdout
        assert [option for option in options if option not in told] == []


@pytest.mark.parametrize("file", CONTAINERS, ids=lambda path: path.suffix[1:])
def test_what_a_container_file_copies_is_there(file: Path) -> None:
    """And is all that the set-up needs."""
    sources = [word for name, words in instructions(file) if name == "COPY" for word in words.split()[:-1]]
    assert sources
    assert [source for source in sources if not (ROOT / source).exists()] == []
    packages = {"crashfarm", "worker", "server", "views", "couchapp"}
    assert packages | {"pyproject.toml", "requirements.lock", "script/setup"} <= set(sources)


@pytest.mark.parametrize("file", CONTAINERS, ids=lambda path: path.suffix[1:])
def test_a_container_is_made_from_the_lock_file_and_ends_as_no_root(file: Path) -> None:
    """By the very script that makes every other environment."""
    made = instructions(file)
    assert {name for name, _ in made} <= {
        "FROM",
        "RUN",
        "WORKDIR",
        "COPY",
        "USER",
        "ENV",
        "VOLUME",
        "STOPSIGNAL",
        "ENTRYPOINT",
        "CMD",
    }
    assert ("RUN", "script/setup") in made
    assert "--require-hashes" in (ROOT / "script/setup").read_text()
    assert ("USER", "crashfarm") in made
    for name, words in made:
        for command in words.split("&&") if name == "RUN" else ():
            program = command.split()[0]
            assert program in {"apt-get", "rm", "useradd"} or (ROOT / program).exists()


@pytest.mark.parametrize("file", CONTAINERS, ids=lambda path: path.suffix[1:])
def test_a_container_starts_a_command_of_ours(file: Path) -> None:
    """Where the set-up puts it."""
    made = dict(instructions(file))
    [program] = re.findall(r'"([^"]+)"', made["ENTRYPOINT"])
    assert program.startswith(INSTALLED)
    assert (Path(sys.executable).parent / Path(program).name).exists()


def test_the_example_configuration_is_one() -> None:
    """Every setting in it is known."""
    example = config.load(DEPLOY / "worker.toml")
    assert example.name == "barn"
    assert example.allow_builds_from == ("https://builds.example.org/nightly/",)


def test_the_page_names_files_that_are_there() -> None:
    """Whoever follows it finds them."""
    named = set(re.findall(r"docs/deploy/([\w.-]+\w)", (ROOT / "docs/how-to/machines.md").read_text()))
    assert named
    assert [name for name in named if not (DEPLOY / name).exists()] == []
