"""`crashfarm branch`: what is hunted, and how it is run."""

import platform as this_machine
from typing import Annotated

import typer

from crashfarm import console
from crashfarm.documents.branch import Build
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
    data: options.Data = None,
) -> None:
    """Add a branch, or a build to one that is there.

    Example: crashfarm branch add cpython 3.13 -- /usr/bin/python3.13 -X faulthandler {input}
    """
    farm = options.connect(data)
    build = Build(command=tuple(command), about=about)
    saved = branches.save(farm.status, branches.new(product, branch, buildtype, platform, build))
    console.tell(saved.id)


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
        for b in branches.load(farm.status)
        for buildtype, platforms in sorted(b.builds.items())
        for platform, build in sorted(platforms.items())
    ]
    columns = ("product", "branch", "buildtype", "platform", "enabled", "command", "about")
    console.print_table(columns, rows, as_json=as_json)
