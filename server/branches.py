"""Branch documents: adding a way to run a product, and finding which there are."""

from collections.abc import Iterable

from crashfarm.database import Database
from crashfarm.documents.branch import Branch, Build, branch_id
from crashfarm.errors import Conflict, InputError
from crashfarm.programs import BUILD

Builds = dict[str, dict[str, Build]]
"""By build type and platform."""

TRIES = 5
"""How often a change is made again when somebody else changed the document in between."""


def load(status: Database) -> list[Branch]:
    """All branches, in the order of their ids."""
    return [Branch.from_doc(doc) for doc in status.documents("branch:")]


def save(status: Database, branch: Branch) -> Branch:
    """Add a branch, or its builds to the branch that is there. What others wrote on the document stays."""
    for _ in range(TRIES):
        found = status.get(branch.id)
        wanted = _with_builds(Branch.from_doc(found), branch) if found else branch
        if found and wanted.to_doc() == found:
            return wanted
        try:
            return wanted.evolve(rev=status.put(wanted.to_doc()))
        except Conflict:
            continue
    raise Conflict(f"{branch.id} keeps changing: try again")


def new(product: str, name: str, buildtype: str, platform: str, build: Build, older: str = "") -> Branch:
    """A branch with one build: its current one, or an `older` one of that name, which is the newest of the older ones.

    Raises InputError if its command nowhere takes the input, or speaks of a download that there is not.
    """
    for what, word in (("product", product), ("branch", name), ("build type", buildtype), ("platform", platform)):
        if not word.strip():
            raise InputError(f"the {what} has no name")
    if not any("{input}" in argument for argument in build.command[1:]):
        raise InputError("the command takes no input: put {input} where the file's path or the URL belongs")
    if build.artifact is None and any(BUILD in argument for argument in build.command):
        raise InputError(f"the command says {BUILD}, but there is nothing to download: name it with --artifact")
    builds = {buildtype: {platform: build}}
    branch = Branch(id=branch_id(product, name), product=product, branch=name, builds={})
    return branch.evolve(history=(older,), archive={older: builds}) if older else branch.evolve(builds=builds)


def choose(branches: Iterable[Branch], product: str | None, names: Iterable[str]) -> list[Branch]:
    """The branches of that product and of those names; all enabled ones where nothing is named.

    Raises InputError that lists what there is.
    """
    known = list(branches)
    if product is None:
        product = _only_product(known)
    of_product = [branch for branch in known if branch.product == product]
    if not of_product:
        raise InputError(f"unknown product {product!r}: {_listing(b.product for b in known)}")
    wanted = list(names)
    unknown = [name for name in wanted if name not in {branch.branch for branch in of_product}]
    if unknown:
        raise InputError(f"unknown branch {unknown[0]!r} of {product}: {_listing(b.branch for b in of_product)}")
    return [b for b in of_product if (b.branch in wanted if wanted else b.enabled)]


def _only_product(branches: list[Branch]) -> str:
    products = {branch.product for branch in branches}
    if len(products) == 1:
        return products.pop()
    if not products:
        raise InputError("the farm has no branches yet: add one with 'crashfarm branch add'")
    raise InputError(f"which product? {_listing(products)}")


def _listing(names: Iterable[str]) -> str:
    found = sorted(set(names))
    return f"known are {', '.join(found)}" if found else "none is known: add one with 'crashfarm branch add'"


def _with_builds(branch: Branch, other: Branch) -> Branch:
    """The branch with the other's builds over its own."""
    names = [*branch.history, *(name for name in other.history if name not in branch.history)]
    archive = branch.archive | {
        name: _joined(branch.archive.get(name, {}), builds) for name, builds in other.archive.items()
    }
    return branch.evolve(
        builds=_joined(branch.builds, other.builds),
        history=tuple(names),
        archive=archive,
        major_version=other.major_version or branch.major_version,
    )


def _joined(builds: Builds, others: Builds) -> Builds:
    return builds | {buildtype: builds.get(buildtype, {}) | platforms for buildtype, platforms in others.items()}
