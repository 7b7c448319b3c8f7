"""Finding the CPython interpreters of this machine, and asking each what it really is."""

import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from crashfarm.documents.branch import Branch, Build, branch_id

PRODUCT = "cpython"
OLDEST = (3, 6)
"""Older interpreters have no faulthandler worth the name and are nobody's branch any more."""

ASK_SECONDS = 10.0

_NAME = re.compile(r"^python3(\.\d+)?t?(d|-dbg)?$")

_QUESTION = """\
import json, os, sys, sysconfig
crashers = os.path.join(sysconfig.get_path("stdlib"), "test", "crashers")
print(json.dumps({
    "implementation": sys.implementation.name,
    "version_info": list(sys.version_info[:3]),
    "version": sys.version.split()[0],
    "about": " ".join(sys.version.split()),
    "debug": hasattr(sys, "gettotalrefcount"),
    "base": os.path.realpath(sys.base_prefix),
    "crashers": crashers if os.path.isdir(crashers) else None,
}))
"""


class Interpreter(msgspec.Struct, frozen=True):
    """A CPython: where it is, and what it says of itself. `crashers` is its own Lib/test/crashers, if it has one."""

    path: Path
    version: str
    version_info: tuple[int, int, int]
    debug: bool
    about: str
    base: str
    crashers: Path | None = None

    @property
    def buildtype(self) -> str:
        """`debug` or `release`."""
        return "debug" if self.debug else "release"


class PassedOver(msgspec.Struct, frozen=True):
    """A file that was not taken, and why."""

    path: Path
    reason: str


class Search(msgspec.Struct, frozen=True):
    """What a search has found, the oldest version first, and what it passed over."""

    found: tuple[Interpreter, ...]
    passed_over: tuple[PassedOver, ...]


class _Answer(msgspec.Struct):
    implementation: str
    version: str
    version_info: tuple[int, int, int]
    about: str
    debug: bool
    base: str
    crashers: str | None


def find(environ: Mapping[str, str] = os.environ) -> Search:
    """Every CPython on PATH and among pyenv's, and the one that runs us. Runs each of them once."""
    return ask(_candidates(environ))


def ask(paths: Iterable[Path]) -> Search:
    """What these files are. Of several names of one interpreter the first is kept."""
    found: dict[tuple[str, str, bool], Interpreter] = {}
    passed_over: list[PassedOver] = []
    for path in paths:
        answer = _ask_one(path.absolute())
        if isinstance(answer, PassedOver):
            passed_over.append(answer)
        else:
            found.setdefault((answer.base, answer.version, answer.debug), answer)
    return Search(tuple(sorted(found.values(), key=_age)), tuple(passed_over))


def to_branches(interpreters: Sequence[Interpreter]) -> list[Branch]:
    """A branch for each interpreter, named by its version; its build type says whether asserts are in.

    Two builds of one version, say the system's and one built by hand, are two programs: the second is named by its
    version and where it is installed, `3.11.2-usr`.
    """
    taken: set[tuple[str, str]] = set()
    branches: dict[str, Branch] = {}
    for python in interpreters:
        name = python.version
        if (name, python.buildtype) in taken:
            name = f"{python.version}-{'-'.join(Path(python.base).parts[1:])}"
        taken.add((name, python.buildtype))
        one = _branch(name, python)
        other = branches.get(name)
        branches[name] = other.evolve(builds=other.builds | one.builds) if other else one
    return list(branches.values())


def _branch(name: str, python: Interpreter) -> Branch:
    # The trace back of a dying interpreter is what its signature is made of; no .pyc files keeps runs alike.
    command = (str(python.path), "-B", "-X", "faulthandler", "{input}")
    build = Build(command=command, about=python.about)
    return Branch(
        id=branch_id(PRODUCT, name),
        product=PRODUCT,
        branch=name,
        builds={python.buildtype: {platform.system(): build}},
        major_version=".".join(map(str, python.version_info[:2])),
    )


def _candidates(environ: Mapping[str, str]) -> Iterator[Path]:
    """Files that may be interpreters. pyenv's stand before PATH, where its shims would answer for them."""
    yield Path(os.path.realpath(sys.executable))
    root = Path(environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(root.glob("versions/*/bin/python3"))
    for folder in environ.get("PATH", "").split(os.pathsep):
        if folder and Path(folder) != root / "shims" and not _in_environment(Path(folder)):
            yield from sorted(path for path in _listing(Path(folder)) if _NAME.match(path.name))


def _in_environment(folder: Path) -> bool:
    """Whether these are the programs of a virtual environment: its interpreter is another's, by another name."""
    return (folder.parent / "pyvenv.cfg").exists()


def _listing(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _ask_one(path: Path) -> Interpreter | PassedOver:
    try:
        # -I: neither the caller's folder nor environment may answer in the interpreter's place.
        asked = subprocess.run(
            [path, "-I", "-c", _QUESTION],
            capture_output=True,
            timeout=ASK_SECONDS,
            stdin=subprocess.DEVNULL,
            check=True,
        )
        answer = msgspec.json.decode(asked.stdout, type=_Answer)
    except subprocess.TimeoutExpired:
        return PassedOver(path, f"it gave no answer within {ASK_SECONDS:.0f} seconds")
    except subprocess.CalledProcessError as exc:
        return PassedOver(path, f"it ended with status {exc.returncode} when asked what it is")
    except (OSError, msgspec.DecodeError) as exc:
        return PassedOver(path, f"it cannot be asked what it is: {exc}")
    return _judge(path, answer)


def _judge(path: Path, answer: _Answer) -> Interpreter | PassedOver:
    if answer.implementation != "cpython":
        return PassedOver(path, f"it is {answer.implementation}, not CPython")
    if answer.version_info < (*OLDEST, 0):
        return PassedOver(path, f"{answer.version} is older than {'.'.join(map(str, OLDEST))}")
    crashers = Path(answer.crashers) if answer.crashers else None
    return Interpreter(path, answer.version, answer.version_info, answer.debug, answer.about, answer.base, crashers)


def _age(python: Interpreter) -> tuple[tuple[int, int, int], bool, str]:
    return python.version_info, python.debug, str(python.path)
