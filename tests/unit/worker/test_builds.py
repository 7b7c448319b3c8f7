"""Which build a job runs on: its branch's current one, or the older one that it names."""

from pathlib import Path
from threading import Event

import pytest

from crashfarm.documents.branch import Artifact, Branch, Build, branch_id
from crashfarm.documents.job import Input, Job
from crashfarm.documents.result import Result
from crashfarm.times import utc_now
from tests import samples
from tests.fakes.couch import MemoryDatabase
from worker import names
from worker.allowed import Allowed
from worker.builds import Builds
from worker.config import LimitsConfig
from worker.executing import Executor
from worker.installing.trouble import InstallError
from worker.machine import Machine
from worker.outbox import Parcel
from worker.preparing import Rules
from worker.trouble import MachineTrouble

ALLOWED = Allowed(("/bin/sh", "/no/such/sh"))
MACHINE = Machine(hostname="barn", os_name="Linux", os_version="12", cpu_name="x86_64")


def shell(word: str) -> Build:
    """A build that says a word."""
    return Build(command=("/bin/sh", "-c", f"echo {word}", "{input}"))


BRANCH = Branch(
    id=branch_id("shell", "one"),
    product="shell",
    branch="one",
    builds={"release": {"Linux": shell("new")}},
    history=("gone", "monday", "tuesday"),
    archive={
        "monday": {"release": {"Linux": shell("old")}},
        "gone": {"release": {"Linux": Build(command=("/no/such/sh",))}},
    },
)


def job(build: str = "") -> Job:
    """A held job of that branch."""
    return Job.from_doc(samples.running()).evolve(product="shell", branch="one", build=build)


def builds(*branches: Branch) -> Builds:
    status = MemoryDatabase("status")
    for branch in branches:
        status.put(branch.to_doc())
    made = Builds(status, "Linux", ALLOWED)
    made.refresh()
    return made


def run(folder: Path, wanted: Job) -> Parcel:
    """What a worker makes of that job."""
    executor = Executor(
        machine=MACHINE, folder=folder, rules=Rules(ALLOWED, ("https",), ()), limits=LimitsConfig(), clock=utc_now
    )
    parcel = executor.execute(wanted, builds(BRANCH).of(wanted), lambda name: None, Event())
    assert parcel
    return parcel


def test_a_job_runs_on_the_build_that_it_names(tmp_path: Path) -> None:
    """And its result says on which; a job that names none runs on the branch's current one."""
    current, older = run(tmp_path, job()), run(tmp_path, job("monday"))
    assert (current.output, Result.from_doc(current.result).build) == (b"new\n", "")
    assert (older.output, Result.from_doc(older.result).build) == (b"old\n", "monday")


def test_a_job_that_names_an_unknown_build_ends_as_an_error(tmp_path: Path) -> None:
    """A name without instructions is as unknown as one that nobody ever heard of."""
    for name in ("tuesday", "friday"):
        parcel = run(tmp_path, job(name))
        assert (parcel.job_result, parcel.reason) == ("error", f"shell one has no release build '{name}' for Linux")
        assert parcel.result["outcome"] == "error"


def test_what_the_machine_lacks_is_no_end_of_the_job(tmp_path: Path) -> None:
    """A full disk, say: another machine may run it. A program that is not there is the build's trouble."""
    (tmp_path / "file").touch()
    with pytest.raises(MachineTrouble, match="cannot run '/bin/sh' here: Not a directory"):
        run(tmp_path / "file", job())
    with pytest.raises(InstallError, match="no such program on this worker"):
        run(tmp_path, job("gone"))


def test_an_input_that_fits_no_command_line_ends_the_job(tmp_path: Path) -> None:
    """Nowhere would it fit."""
    long = job().evolve(input=Input(url="https://example.org/" + "x" * 3_000_000))
    parcel = run(tmp_path, long)
    assert (parcel.job_result, parcel.reason) == (
        "error",
        "the input is too long for the command line of '/bin/sh'",
    )


@pytest.mark.parametrize("name", ["/etc", "../../x", "a/b", "x" * 300, "\0", "名", ".", ".."])
def test_a_job_of_whatever_name_stays_in_its_folder(tmp_path: Path, name: str) -> None:
    """Ids are what others made of them."""
    runs = tmp_path / "runs"
    odd = job().evolve(id=f"job:{name}")
    assert run(runs, odd).output == b"new\n"
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]
    assert names.of_job(odd.id, 1) != names.of_job(f"{odd.id}!", 1)
    assert len(names.of_job(odd.id, 1)) < 140
    assert "/" not in names.of_job(odd.id, 1)


def test_a_build_whose_program_is_not_here_can_not_be_run(tmp_path: Path) -> None:
    """Its jobs are for other machines, which may have it."""
    tool = tmp_path / "tool"
    status = MemoryDatabase("status")
    status.put(BRANCH.evolve(builds={"release": {"Linux": Build(command=(str(tool), "{input}"))}}).to_doc())
    now = 0.0
    made = Builds(status, "Linux", Allowed((str(tool),)), monotonic=lambda: now)
    made.refresh()
    assert not made.can_run("shell", "one", "release")
    assert made.lacking == (str(tool),)
    tool.touch(0o755)
    assert made.can_run("shell", "one", "release")
    now += 60.0
    made.refresh()
    assert made.lacking == ()


def test_a_disabled_branch_can_not_be_run() -> None:
    """Nor one whose program is not allowed, or that the farm does not have."""
    other = BRANCH.evolve(
        id=branch_id("shell", "two"), branch="two", builds={"release": {"Linux": Build(command=("/x",))}}
    )
    known = builds(BRANCH, other)
    assert known.can_run("shell", "one", "release")
    assert not known.can_run("shell", "two", "release")
    assert not known.can_run("shell", "three", "release")
    assert not builds(BRANCH.evolve(enabled=False)).can_run("shell", "one", "release")


def test_a_downloaded_build_can_be_run_only_from_where_the_owner_allows() -> None:
    """And by its own program, or one that is allowed; by default from nowhere; and not while it is broken."""
    artifact = Artifact(url="https://builds.example.org/a.tar", sha256="0" * 64)

    def can_run(program: str, *sources: str, rests: bool = False) -> bool:
        status = MemoryDatabase("status")
        build = Build(command=(program, "{input}"), artifact=artifact)
        status.put(BRANCH.evolve(builds={"release": {"Linux": build}}).to_doc())
        made = Builds(status, "Linux", Allowed(("/bin/sh",), sources), lambda build: rests)
        made.refresh()
        return made.can_run("shell", "one", "release")

    place = "https://builds.example.org/"
    assert can_run("{build}/bin/python", place)
    assert can_run("/bin/sh", place)
    assert not can_run("{build}/bin/python")
    assert not can_run("{build}/bin/python", "https://example.org/")
    assert not can_run("/bin/ls", place)
    assert not can_run("{build}/bin/python", place, rests=True)
