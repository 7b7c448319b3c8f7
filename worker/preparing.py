"""From a job and a build to a command that can be run: data from the database, checked before it is used."""

import fnmatch
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from crashfarm.documents.branch import Build
from crashfarm.documents.job import Input
from crashfarm.errors import InputError
from crashfarm.programs import BUILD, is_inside
from worker import buildtypes, names
from worker.allowed import Allowed, is_program, resolve
from worker.installing.trouble import InstallError

PLACE = "{input}"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f]")

ReadAttachment = Callable[[str], bytes | None]


class Rules(msgspec.Struct, frozen=True):
    """What the worker's owner permits."""

    allowed: Allowed
    schemes: tuple[str, ...]
    deny_environment: tuple[str, ...]


class Prepared(msgspec.Struct, frozen=True):
    """What is to be run, where, and the name of the input as results give it."""

    command: tuple[str, ...]
    folder: Path
    environment: dict[str, str]
    input_name: str


def prepare(
    build: Build,
    given: Input,
    folder: Path,
    rules: Rules,
    read: ReadAttachment,
    built: Path | None = None,
    buildtype: str = "",
) -> Prepared:
    """Lay out the working folder and the command; `built` is where the downloaded build is.

    Raises InputError, with the reason, for what may be run nowhere, and InstallError for a program that this machine
    does not have, or may not run.
    """
    program = _program(build, rules.allowed, built)
    word, name = _input(given, folder, rules.schemes, read)
    # The input comes last: what stands in it is never replaced.
    arguments = tuple(_placed(argument, built).replace(PLACE, word) for argument in build.command[1:])
    wanted = {name: _placed(value, built) for name, value in build.environment.items()}
    environment = buildtypes.environment(buildtype, _environment(wanted, folder, rules))
    return Prepared((*buildtypes.wrapper(buildtype), program, *arguments), folder, environment, name)


def name_of(given: Input) -> str:
    """What results call an input: its name, or else its URL."""
    return given.name or given.url or given.attachment or "input"


def _placed(text: str, built: Path | None) -> str:
    """The text with the build's folder in its place."""
    if BUILD in text and built is None:
        raise InputError(f"the command says {BUILD}, but the build has nothing to download")
    return text.replace(BUILD, str(built))


def _own_program(build: Build, built: Path) -> str:
    """A program of the downloaded build. It may not lead out of it, by a link or otherwise."""
    named = build.command[0].removeprefix(BUILD + "/")
    path = os.path.realpath(built / named)
    if not path.startswith(f"{os.path.realpath(built)}/") or not os.path.isfile(path):
        raise InputError(f"cannot run {named!r}: there is no such program in the build")
    return str(built / named)


def _program(build: Build, allowed: Allowed, built: Path | None) -> str:
    if not build.command:
        raise InputError("the branch's command is empty")
    if built and is_inside(build):
        return _own_program(build, built)
    program = _placed(build.command[0], built)
    path = resolve(program)
    if path and not allowed.permits(program):
        raise InstallError(f"cannot run {program!r}: this worker's configuration does not allow it")
    if path is None or not is_program(path):
        raise InstallError(f"cannot run {program!r}: there is no such program on this worker")
    return path


def _input(given: Input, folder: Path, schemes: tuple[str, ...], read: ReadAttachment) -> tuple[str, str]:
    """The text that stands for the input on the command line, and the input's name."""
    ways = [way for way in (given.url, given.text, given.attachment) if way is not None]
    if len(ways) != 1:
        raise InputError("the input must be exactly one of a URL, a text and an attachment")
    if given.url is not None:
        return _url(given.url, schemes), name_of(given)
    content = _content(given, read)
    path = folder / names.of_input(given.name or given.attachment or "")
    path.write_bytes(content)
    return str(path), name_of(given)


def _url(url: str, schemes: tuple[str, ...]) -> str:
    scheme = _SCHEME.match(url)
    if not scheme or scheme[1].lower() not in schemes:
        raise InputError(f"the URL's scheme is none of {', '.join(schemes)}: {url[:100]!r}")
    if _FORBIDDEN.search(url):
        raise InputError(f"the URL has blanks or control characters: {url[:100]!r}")
    return url


def _content(given: Input, read: ReadAttachment) -> bytes:
    if given.text is not None:
        return given.text.encode(errors="surrogatepass")
    content = read(given.attachment or "")
    if content is None:
        raise InputError(f"the job has no attachment {given.attachment!r}")
    return content


def _environment(wanted: Mapping[str, str], folder: Path, rules: Rules) -> dict[str, str]:
    """A clean environment, and what the build adds to it."""
    for name in wanted:
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in rules.deny_environment) or not name or "=" in name:
            raise InputError(f"the build sets {name!r} in the environment, which this worker does not permit")
    path = os.environ.get("PATH", os.defpath)
    clean = {"PATH": path, "HOME": str(folder), "TMPDIR": str(folder), "LANG": "C.UTF-8", "TZ": "UTC"}
    return clean | dict(wanted)
