"""`crashfarm branch`: what is hunted, and how it is run."""

import platform as this_machine
import re
from typing import Annotated

import typer

from crashfarm import console
from crashfarm.documents.branch import Artifact, Build
from crashfarm.errors import InputError
from crashfarm.ordering import natural
from server import branches, interpreters
from server.cli import options

app = typer.Typer(help="Branches: what is hunted, and how it is run.", no_args_is_help=True)

THIS_PLATFORM = this_machine.system()

Platform = Annotated[
    str, typer.Option("--platform", help="The os_name that the command is for.", show_default="this machine's")
]


def register(parent: typer.Typer) -> None:
    """Add the commands of this room."""
    parent.add_typer(app, name="branch")


@app.command("add")
def add(
    product: str,
    branch: str,
    command: Annotated[list[str], typer.Argument(help="The command; {input} stands for the input's path or URL.")],
    buildtype: Annotated[str, typer.Option(help="release, debug, asan, …")] = "release",
    platform: Platform = THIS_PLATFORM,
    about: Annotated[str, typer.Option(help="What the build really is, in words.")] = "",
    artifact: Annotated[
        str, typer.Option(metavar="URL", help="A tar or zip to download; {build} in the command is its folder.")
    ] = "",
    sha256: Annotated[str, typer.Option(metavar="HEX", help="The SHA-256 of what is downloaded.")] = "",
    env: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A variable for the program; may be repeated.")
    ] = None,
    older: Annotated[
        str, typer.Option("--as", metavar="NAME", help="Keep it as an older build of that name, the newest of those.")
    ] = "",
    data: options.Data = None,
) -> None:
    """Add a branch, or a build to one that is there.

    Example: crashfarm branch add cpython 3.13 -- /usr/bin/python3.13 -X faulthandler {input}
    """
    farm = options.connect(data)
    build = Build(
        command=tuple(command), about=about, artifact=_artifact(artifact, sha256), environment=_environment(env or [])
    )
    saved = branches.save(farm.status, branches.new(product, branch, buildtype, platform, build, older))
    console.tell(saved.id)


def _artifact(url: str, sha256: str) -> Artifact | None:
    if not url and not sha256:
        return None
    if not url.startswith(("http://", "https://")):
        raise InputError(f"--artifact must be an http or https address, not {url!r}")
    if not re.fullmatch("[0-9a-fA-F]{64}", sha256):
        raise InputError("--sha256 must be the 64 hex digits of what is downloaded")
    return Artifact(url=url, sha256=sha256.lower())


def _environment(words: list[str]) -> dict[str, str]:
    if wrong := [word for word in words if not word.partition("=")[0] or "=" not in word]:
        raise InputError(f"--env must look like NAME=VALUE, not {wrong[0]!r}")
    return dict(word.split("=", 1) for word in words)


@app.command("discover")
def discover(data: options.Data = None) -> None:
    """Add every CPython interpreter of this machine as a branch of the product cpython."""
    farm = options.connect(data)
    for branch in interpreters.to_branches(interpreters.find().found):
        console.tell(branches.save(farm.status, branch).id)


@app.command("list")
def show(data: options.Data = None, as_json: options.AsJson = False) -> None:
    """List the branches and their builds."""
    farm = options.connect(data)
    rows = [
        (b.product, b.branch, buildtype, platform, "yes" if b.enabled else "no", " ".join(build.command), build.about)
        for b in sorted(branches.load(farm.status), key=lambda b: (b.product, natural(b.branch)))
        for buildtype, platforms in sorted(b.builds.items())
        for platform, build in sorted(platforms.items())
    ]
    columns = ("product", "branch", "buildtype", "platform", "enabled", "command", "about")
    console.print_table(columns, rows, as_json=as_json)
