"""From files, folders, URLs and branches to jobs."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from crashfarm.documents.branch import Branch, Build
from crashfarm.documents.job import JobState
from crashfarm.errors import InputError
from server import branches, inputs, submit

NOW = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)


def make_branch(
    name: str, product: str = "cpython", buildtypes: tuple[str, ...] = ("release",), **more: bool
) -> Branch:
    """A branch with a build for Linux of each build type."""
    build = Build(command=("/bin/prog", "{input}"))
    return Branch(
        id=f"branch:{product}:{name}",
        product=product,
        branch=name,
        builds={buildtype: {"Linux": build} for buildtype in buildtypes},
        **more,
    )


def test_one_job_for_every_input_and_build() -> None:
    """Two inputs on three builds are six jobs, each with an id of its own."""
    found = list(inputs.from_lines(["http://a.example/", "", "# a remark", "http://b.example/"]))
    jobs = submit.make_jobs(
        found, [make_branch("1"), make_branch("2", buildtypes=("asan", "debug"))], submit.Plan(), NOW
    )
    assert len({job.id for job in jobs}) == 6
    assert {(job.branch, job.buildtype) for job in jobs} == {("1", "release"), ("2", "asan"), ("2", "debug")}
    assert {job.state for job in jobs} == {JobState.PENDING}
    assert all(job.requires.os_name == "Linux" for job in jobs)


def test_small_text_stands_on_the_job_and_bytes_travel_as_an_attachment(tmp_path: Path) -> None:
    """What a person can read in Fauxton is kept readable."""
    (tmp_path / "a.py").write_text("print(1)")
    (tmp_path / "b.bin").write_bytes(b"\xff\xfe")
    text, binary = inputs.from_path(tmp_path)
    assert (text.input.text, text.attachments()) == ("print(1)", {})
    assert binary.input.text is None
    (job,) = submit.make_jobs([binary], [make_branch("1")], submit.Plan(), NOW)
    assert job.to_doc()["_attachments"]["input"]["data"] == "//4="


def test_hidden_files_of_a_folder_are_passed_over(tmp_path: Path) -> None:
    """Editors' and version control's files are no inputs."""
    for name in (".hidden", "__init__.py", "crash.py"):
        (tmp_path / name).write_text("")
    assert [item.input.name for item in inputs.from_path(tmp_path)] == ["crash.py"]


@pytest.mark.parametrize(
    "url", ["-rf", "--help", "javascript:alert(1)", "http:// space", "no-scheme", "http://[", "file\x00:"]
)
def test_what_is_no_url_is_refused_by_name(url: str) -> None:
    """Nothing that a program could take for an option, or that no worker would open."""
    with pytest.raises(InputError, match="is not a URL"):
        inputs.from_url(url)


def test_missing_and_empty_inputs_are_refused(tmp_path: Path) -> None:
    """The message names the path."""
    with pytest.raises(InputError, match=r"nowhere\.py: No such file"):
        list(inputs.from_path(tmp_path / "nowhere.py"))
    with pytest.raises(InputError, match="no file in this folder"):
        list(inputs.from_path(tmp_path))


def test_unknown_branch_lists_the_known_ones() -> None:
    """A typing error is mended at a glance."""
    with pytest.raises(InputError, match=r"unknown branch '3\.14' of cpython: known are 3\.11, 3\.12"):
        branches.choose([make_branch("3.12"), make_branch("3.11")], None, ["3.14"])


def test_product_must_be_named_only_where_there_are_several() -> None:
    """One product is the product; of two, the question is asked."""
    assert branches.choose([make_branch("1")], None, []) == [make_branch("1")]
    with pytest.raises(InputError, match="which product"):
        branches.choose([make_branch("1"), make_branch("1", product="ruby")], None, [])
    with pytest.raises(InputError, match="no branches yet"):
        branches.choose([], None, [])


def test_disabled_branches_are_taken_only_by_name() -> None:
    """What an admin switched off stays off unless somebody asks for it."""
    off = make_branch("1", enabled=False)
    assert branches.choose([off, make_branch("2")], None, []) == [make_branch("2")]
    assert branches.choose([off], None, ["1"]) == [off]


def test_command_without_a_place_for_the_input_is_refused() -> None:
    """A branch that runs the same thing for every input finds nothing."""
    with pytest.raises(InputError, match=r"\{input\}"):
        branches.new("p", "b", "release", "Linux", Build(command=("/bin/prog", "-x")))


def test_unknown_build_type_makes_no_job() -> None:
    """Nothing is queued in silence."""
    with pytest.raises(InputError, match="'asan'"):
        submit.make_jobs([inputs.from_url("http://a/")], [make_branch("1")], submit.Plan(buildtype="asan"), NOW)


def test_jobs_of_an_older_build_are_experiments() -> None:
    """They run that build, and what they show is not what the branch shows; a wrong name lists the known ones."""
    branch = make_branch("1").evolve(archive={"1200": {"asan": {"Linux": Build(command=("/old/prog", "{input}"))}}})
    item = inputs.from_url("http://a/")
    (job,) = submit.make_jobs([item], [branch], submit.Plan(build="1200"), NOW)
    assert (job.build, job.buildtype, job.probe) == ("1200", "asan", True)
    with pytest.raises(InputError, match="no chosen branch has an older build called '1300'; known: 1200"):
        submit.make_jobs([item], [branch], submit.Plan(build="1300"), NOW)
