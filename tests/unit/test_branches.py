"""Branches as they are added: current builds, older ones by name, downloads."""

from typing import Any, cast

import pytest

from crashfarm.documents.branch import Artifact, Branch, Build
from crashfarm.documents.worker import Worker
from crashfarm.errors import InputError
from server import able, branches
from tests import samples
from tests.fakes.couch import MemoryDatabase

ARTIFACT = Artifact(url="https://builds.example.org/a.tar", sha256="0" * 64)


def build(program: str = "/bin/sh", artifact: Artifact | None = None) -> Build:
    return Build(command=(program, "{input}"), artifact=artifact)


def test_older_builds_stand_in_the_order_in_which_they_are_added() -> None:
    """Each on its own platforms; the current one is apart."""
    status = cast(Any, MemoryDatabase("status"))
    branches.save(status, branches.new("p", "b", "release", "Linux", build("/now")))
    for name, program in (("monday", "/1"), ("tuesday", "/2"), ("monday", "/3")):
        branches.save(status, branches.new("p", "b", "release", "Linux", build(program), name))
    branches.save(status, branches.new("p", "b", "debug", "Darwin", build("/4"), "monday"))
    [saved] = branches.load(status)
    assert saved.history == ("monday", "tuesday")
    asked = [("", "release"), ("monday", "release"), ("tuesday", "release"), ("tuesday", "debug")]
    found = [saved.build(buildtype, "Linux", name) for name, buildtype in asked]
    assert [one.command[0] if one else None for one in found] == ["/now", "/3", "/2", None]
    assert saved.build("debug", "Darwin", "monday") == build("/4")


def test_a_command_that_speaks_of_a_download_needs_one() -> None:
    """It could never be run."""
    with pytest.raises(InputError, match="nothing to download"):
        branches.new("p", "b", "release", "Linux", build("{build}/bin/python"))
    assert branches.new("p", "b", "release", "Linux", build("{build}/bin/python", ARTIFACT))


@pytest.mark.parametrize(
    ("program", "metadata", "can_run"),
    [
        ("{build}/bin/python", {"allow_builds_from": ["https://builds.example.org/"]}, True),
        ("{build}/bin/python", {"allow_builds_from": []}, False),
        ("{build}/bin/python", {}, False),
        ("/bin/sh", {"allow": ["/bin/sh"], "allow_builds_from": ["https://builds.example.org/"]}, True),
        ("/bin/sh", {"allow": ["/bin/sh"]}, False),
    ],
)
def test_who_can_run_a_downloaded_build_is_known_from_afar(program: str, metadata: Any, can_run: bool) -> None:
    """By what the worker's owner allows, which stands on its document."""
    branch = Branch(id="branch:p:b", product="p", branch="b", builds={"release": {"Linux": build(program, ARTIFACT)}})
    worker = Worker.from_doc(samples.worker()).evolve(os_name="Linux", dynamic_metadata=metadata)
    assert able.abilities(worker, branch).can_run("p", "b", "release") == can_run
