"""Signatures group what is the same and keep apart what is not; variants are suggested; inputs are told apart."""

import pytest

from crashfarm.documents.finding import Finding, Frame, Kind
from crashfarm.understand import normalise, similarity, understand
from tests.unit.understand.samples import STACK, accessed


def crash(*functions: str, signature: str = "") -> Finding:
    """A crash with that stack."""
    frames = tuple(Frame(function=name) for name in functions)
    words = signature or " | ".join(functions[:3])
    return Finding(kind=Kind.CRASH, title="SIGSEGV", message="SIGSEGV", detail=words, signature=words, frames=frames)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("inner(char const*)", "inner(std::__1::basic_string<char>&) const"),
        ("Vector<int, 3>::at(int)", "Vector<blink::Member<X>, 0>::at(int)"),
        ("demo::run::h0123456789abcdef", "demo::run::hfedcba9876543210"),
        ("step.part.3", "step.isra.12"),
        ("_ZN2ns5Outer3runEv", "ns::Outer::run()"),
    ],
)
def test_what_varies_between_builds_does_not_split_a_bucket(one: str, other: str) -> None:
    """Arguments, template arguments, hashes, clones, mangling."""
    reports = (accessed("heap-use-after-free", "READ", 4).replace("inner(char const*)", name) for name in (one, other))
    first, second = (understand(output=report.encode()).findings[0].signature for report in reports)
    assert first == second


def test_methods_of_go_keep_the_type_that_they_belong_to() -> None:
    """A star in round brackets is no list of arguments."""
    log = (
        b"panic: runtime error: invalid memory address or nil pointer dereference\n\ngoroutine 1 [running]:\n"
        b"main.(*thing).measure(...)\n\t/src/crimes.go:11\nmain.main()\n\t/src/crimes.go:21 +0x55\nexit status 2\n"
    )
    assert understand(output=log).findings[0].signature == "main.(*thing).measure"


def test_text_and_file_of_an_assertion_split_buckets() -> None:
    """Different words, or the same words elsewhere, are different assertions."""
    lines = ["a.c:1: f: Assertion `x' failed.", "a.c:1: f: Assertion `y' failed.", "b.c:1: f: Assertion `x' failed."]
    found = [understand(output=f"t: {line}\n".encode()).findings[0] for line in lines]
    assert len({(finding.message, finding.detail) for finding in found}) == 3


@pytest.mark.parametrize(
    ("path", "plain"),
    [
        ("c:\\builds\\moz2_slave\\m-c\\build\\src\\layout\\base\\nsFoo.cpp", "layout/base/nsFoo.cpp"),
        ("/home/u/mozilla-central/js/src/vm/X.cpp", "js/src/vm/X.cpp"),
        ("../../third_party/foo/a.cc", "third_party/foo/a.cc"),
        ("/proc/self/cwd/a/b.cc", "a/b.cc"),
        ("/rustc/0123abcd/library/core/src/option.rs", "library/core/src/option.rs"),
        ("a.c", "a.c"),
        ("", ""),
    ],
)
def test_folders_of_a_machine_are_taken_off_source_paths(path: str, plain: str) -> None:
    """What is left is the same on every machine."""
    assert normalise.source_path(path) == plain


def test_messages_lose_what_varies() -> None:
    """Addresses, ids, numbers and folders; words and names stay."""
    text = "cannot open '/srv/run-81/data.json' at 0x7fff12 for job 3fa85f64-5717-4562-b3fc-2c963f66afa6 (42 bytes)"
    assert normalise.message(text) == "cannot open 'data.json' at ADDR for job ID (N bytes)"


def test_alike_stacks_are_suggested_as_variants_with_a_score() -> None:
    """An inlined frame more or less is the same bug; another function is not."""
    found = similarity.suggest(
        [crash("copy", "parse", "load", "run"), crash("copy", "helper", "parse", "load", "run"), crash("draw", "paint")]
    )
    assert [(group.signatures, 0.7 <= group.score < 1) for group in found] == [
        (("copy | helper | parse", "copy | parse | load"), True)
    ]


def test_the_score_is_one_for_equal_stacks_none_for_strangers_and_symmetric() -> None:
    """The inner frames count most."""
    base = [Frame(function=name) for name in "abcdef"]
    inner, outer = [Frame(function="x"), *base[1:]], [*base[:-1], Frame(function="x")]
    assert similarity.score(base, base) == pytest.approx(1)
    assert similarity.score(base, [Frame(function="z")]) == 0
    assert similarity.score(base, inner) == similarity.score(inner, base) < similarity.score(base, outer) < 1


def test_kinds_are_never_suggested_as_one() -> None:
    """An assertion and a crash with one stack are two things until a person says otherwise."""
    one = crash("a", "b", "c")
    other = Finding(kind=Kind.HANG, title="Hang", message="m", detail="d", signature="hang | a", frames=one.frames)
    assert similarity.suggest([one, other]) == ()


@pytest.mark.parametrize(
    ("begins", "ends"),
    [
        ("TEST-START | dom/{}.html", "TEST-END | x"),
        ("REFTEST TEST-LOAD | dom/{}.html | 1 / 2", ""),
        ("[ RUN      ] dom/{}.html", "[       OK ] x (0 ms)"),
        ("=== RUN   dom/{}.html", "--- FAIL: x"),
        ("Running: dom/{}.html", "Executed dom in 3 ms"),
        ("crashfarm-input: dom/{}.html", "crashfarm-input-end"),
    ],
)
def test_a_finding_belongs_to_the_input_that_was_running(begins: str, ends: str) -> None:
    """The same finding in two inputs is told of twice, each with its own."""
    report = f"a.c:1:2: runtime error: division by zero\n{STACK}"
    parts = [report, *(f"{begins.format(name)}\n{report}{ends}\n" for name in ("one", "two")), report]
    found = understand(output="".join(parts).encode()).findings
    named = [finding.input for finding in found]
    assert named == ["", "dom/one.html", "dom/two.html"]
    assert [finding.count for finding in found] == ([2, 1, 1] if ends else [1, 1, 2])
