"""The branch document: one line of development of a product, and how to run it on each platform."""

from typing import ClassVar

import msgspec

from crashfarm.documents.base import Document


class Artifact(msgspec.Struct, frozen=True, kw_only=True):
    """A build to download: its address and the SHA-256 of its bytes in hex."""

    url: str
    sha256: str


class Build(msgspec.Struct, frozen=True, kw_only=True):
    """How to run one build type on one platform.

    `command` is an argument list; `{input}` in an argument stands for the input's path or URL. `about` says in
    words what the build really is. `environment` is added to the worker's clean environment.
    """

    command: tuple[str, ...]
    artifact: Artifact | None = None
    about: str = ""
    environment: dict[str, str] = {}


class Branch(Document, frozen=True, kw_only=True):
    """One branch: id `branch:<product>:<branch>`. `builds[buildtype][platform]`, a platform being an os_name.

    `history` is the ordered list of builds, oldest first, that a bisection walks, and
    `archive[build name][buildtype][platform]` how to run the builds that it names.
    """

    TYPE: ClassVar[str] = "branch"

    product: str
    branch: str
    builds: dict[str, dict[str, Build]]
    enabled: bool = True
    major_version: str = ""
    history: tuple[str, ...] = ()
    archive: dict[str, dict[str, dict[str, Build]]] = msgspec.field(default_factory=dict)

    def build(self, buildtype: str, os_name: str, name: str = "") -> Build | None:
        """The build for a machine of that operating system, or None: the current one, or the archive's of that name."""
        builds = self.archive.get(name, {}) if name else self.builds
        return builds.get(buildtype, {}).get(os_name)


def branch_id(product: str, branch: str) -> str:
    """The id of that branch."""
    return f"branch:{product}:{branch}"
