"""Known bugs: which bugs explain a finding, and lists of bugs that others kept."""

import re
import time
from pathlib import Path

import pytest

from crashfarm.documents.bug import BugState, Matcher
from crashfarm.documents.finding import Finding, Kind
from crashfarm.understand import understand
from crashfarm.understand.known_bugs import InvalidList, KnownBugs, funfuzz, read_csv, read_json_lines, read_list

LISTS = Path(__file__).resolve().parents[4] / "shared" / "corpora" / "known-bugs"


def finding(**parts: object) -> Finding:
    """A finding, with what a test changes."""
    known: dict[str, object] = {
        "kind": Kind.ASSERTION,
        "title": "Assertion",
        "message": "bad width: 'width >= 0'",
        "detail": "layout/base/nsFoo.cpp",
        "file": "layout/base/nsFoo.cpp",
        "signature": "bad width: 'width >= 0'",
        "excerpt": "###!!! ASSERTION: bad width: 'width >= 0', file /b/layout/base/nsFoo.cpp, line 3",
    }
    return Finding(**(known | parts))  # type: ignore[arg-type]


def explains(matcher: Matcher, told: Finding | None = None, **place: str) -> bool:
    """Whether a bug with one matcher explains a finding."""
    return KnownBugs([("bug:t:1", [matcher])]).match(told or finding(), **place) == ("bug:t:1",)


@pytest.mark.parametrize(
    ("matcher", "fits"),
    [
        (Matcher(text="bad  width"), True),
        (Matcher(text="bad height"), False),
        (Matcher(text="bad width: 'width >= 0'", how="exact"), True),
        (Matcher(text="bad width", how="exact"), False),
        (Matcher(text=r"bad w\w+:", how="pattern"), True),
        (Matcher(text=r"^worse", how="pattern"), False),
        (Matcher(text="bad width", kind="assertion"), True),
        (Matcher(text="bad width", kind="crash"), False),
        (Matcher(file="nsFoo.cpp"), True),
        (Matcher(file="base/nsFoo.cpp"), True),
        (Matcher(file="Foo.cpp"), False),
        (Matcher(text="bad width", file="layout/base/"), True),
        (Matcher(text="bad width", file="layout/generic/"), False),
        (Matcher(signature="bad width: 'width >= 0'"), True),
        (Matcher(signature="bad width"), False),
    ],
)
def test_every_part_of_a_matcher_that_is_given_must_fit(matcher: Matcher, fits: bool) -> None:
    """Text by its manner, kind, file behind any folders, whole signature."""
    assert explains(matcher) is fits


def test_product_branch_and_version_narrow_a_matcher() -> None:
    """A bug of one branch does not explain what another branch does."""
    matcher = Matcher(text="bad width", product="browser", branch="beta", version="91")
    assert explains(matcher, product="browser", branch="beta", version="91")
    assert not explains(matcher, product="browser", branch="release", version="91")
    assert not explains(matcher)


def test_all_bugs_that_explain_a_finding_are_named_once_in_order() -> None:
    """Several matchers of a bug, several bugs."""
    bugs = KnownBugs([("b", [Matcher(text="bad"), Matcher(text="width")]), ("a", [Matcher(text="bad width")])])
    assert bugs.match(finding()) == ("a", "b")


@pytest.mark.parametrize(
    "matcher",
    [
        Matcher(text="(unclosed", how="pattern"),
        Matcher(text=r"(a)\1", how="pattern"),
        Matcher(kind="crash"),
        Matcher(text=" "),
        Matcher(text="x", how="like"),
        Matcher(text="x" * 1001, how="pattern"),
        Matcher(text=r"a.{900}b", how="pattern"),
    ],
)
def test_a_matcher_that_cannot_be_used_is_refused_with_its_reason(matcher: Matcher) -> None:
    """The others go on."""
    bugs = KnownBugs([("bad", [matcher]), ("good", [Matcher(text="bad width")])])
    assert bugs.match(finding()) == ("good",)
    assert [refused.bug for refused in bugs.refused] == ["bad"]
    assert bugs.refused[0].reason


def test_a_hostile_pattern_takes_bounded_time() -> None:
    """Patterns on which other engines take for ever."""
    bugs = KnownBugs([("b", [Matcher(text=r"(a+)+$", how="pattern"), Matcher(text=r"(.*a){20}z", how="pattern")])])
    started = time.process_time()
    bugs.match(finding(message="a" * 250 + "!", excerpt="a" * 4000))
    assert time.process_time() - started < 1


def test_a_text_is_found_in_any_line_of_a_log_with_its_file() -> None:
    """For logs of which no finding was made."""
    bugs = KnownBugs([("a", [Matcher(text="bad width", file="layout/x.cpp")]), ("b", [Matcher(file="dom/")])])
    assert bugs.match_text("noise\nbad width in c:\\b\\layout\\x.cpp\n") == ("a",)
    assert bugs.match_text("bad width in layout/y.cpp\nsomething in /b/dom/z.cpp\n") == ("b",)


def test_a_fuzzers_list_is_read_by_the_numbers_in_its_comments() -> None:
    """Texts under a comment with a number are that bug's; others are bugs of their own."""
    text = (
        "# How to read this\n\n# Bug 1234 (old)\nASSERTION: bad: 'x', file layout/a.cpp\nABORT: oops: "
        "file gfx/b.cpp\n\n"
        "# No number\nnot implemented\n# Bug 77777\n[TMR] deepFunction\naccessible/\nAssertion failure: x == y,\n"
    )
    bugs = {bug.number: bug for bug in read_list(text, tracker="bugzilla")}
    assert bugs["1234"].matchers == (
        Matcher(kind="assertion", text="bad: 'x'", file="layout/a.cpp"),
        Matcher(kind="assertion", text="oops", file="gfx/b.cpp"),
    )
    assert bugs["1234"].id == "bug:bugzilla:1234"
    assert bugs["77777"].matchers[1:] == (Matcher(file="accessible/"), Matcher(kind="assertion", text="x == y"))
    assert sorted(len(bug.matchers) for bug in bugs.values()) == [1, 2, 3]


def test_too_much_recursion_is_asked_for_with_its_function() -> None:
    """[TMR] fits a stack overflow in the function, not another crash there."""
    matcher = funfuzz.matcher("[TMR] walk")
    overflow = finding(
        kind=Kind.SANITIZER, title="Stack-overflow", message="m", signature="recursion | walk", excerpt=""
    )
    assert explains(matcher, overflow)
    assert not explains(matcher, finding(title="SIGSEGV", message="SIGSEGV", signature="walk", excerpt=""))


def test_rows_of_one_number_are_one_bug() -> None:
    """JSON Lines and CSV tell the same."""
    first = '{"number": 7, "title": "t", "state": "closed", "text": "a"}'
    lines = first + '\n\n{"number": "7", "file": "b.c", "how": "exact"}\n'
    table = "number,title,state,text,file,how\n7,t,closed,a,,\n7,,,,b.c,exact\n"
    for bugs in (read_json_lines(lines, tracker="x"), read_csv(table, tracker="x")):
        (bug,) = bugs
        assert (bug.id, bug.state, bug.matchers) == (
            "bug:x:7",
            BugState.CLOSED,
            (Matcher(text="a"), Matcher(file="b.c", how="exact")),
        )


@pytest.mark.parametrize(
    ("read", "text", "says"),
    [
        (read_json_lines, '{"number": 1}\n<html>', "line 2: not JSON"),
        (read_json_lines, "[1]", "line 1: no JSON object"),
        (read_json_lines, '{"text": "a"}', "line 1: no number"),
        (read_json_lines, '{"number": 1, "text": ["a"]}', "line 1: text is neither"),
        (read_json_lines, '{"number": 1, "state": "lost"}', "line 1: state is 'lost'"),
        (read_csv, 'number,text\n1,"a', "not CSV"),
        (read_csv, "number,text\n1,y\n,x\n", "line 3: no number"),
        (read_json_lines, '{"number": 1, "text": "(a", "how": "pattern"}', "line 1: pattern: missing )"),
        (read_json_lines, '{"number": 1, "product": "a"}', "line 1: neither text nor signature nor file"),
        (read_json_lines, '{"number": "a b"}', "line 1: number is 'a b'"),
        (read_json_lines, '{"number": 1, "tracker": "a:b"}', "line 1: tracker is 'a:b'"),
        (read_json_lines, "[" * 100_000, "line 1: not JSON"),
        (read_csv, "title,text\nx,y\n", "line 1: not the names"),
    ],
)
def test_a_list_that_cannot_be_read_is_refused_with_its_line(read: object, text: str, says: str) -> None:
    """One clear sentence."""
    with pytest.raises(InvalidList, match=re.escape(says)):
        read(text, tracker="x")  # type: ignore[operator]


def lines_of(entry: str) -> str:
    """A log line in which an entry of the list stands, with its file behind other folders."""
    if not entry.startswith(("ASSERTION", "ABORT", "Assertion failure")):
        return f"###!!! ASSERTION: {entry}: 'x', file /builds/worker/obj/{entry.replace(chr(92), '/')}x.cpp, line 3"
    if entry.startswith("Assertion failure"):
        return f"{entry.rstrip(',')}, at /builds/worker/checkouts/gecko/dom/Own.cpp:3"
    before, named, file = entry.rpartition("file ")
    return (
        f"[7] ###!!! {before}file /builds/m-c/build/{file}, line 12"
        if named
        else f"###!!! {entry}: 'x', file /b/own.c, line 3"
    )


def test_every_entry_of_a_real_list_is_found_in_its_own_text_and_not_in_its_neighbours() -> None:
    """A browser's list of known assertions; neighbours of the same bug, or that hold the text, aside."""
    if not LISTS.is_dir():
        pytest.skip(f"no lists in {LISTS}")
    text = (LISTS / "assertions.txt").read_text(encoding="utf-8")
    bugs = read_list(text, tracker="b")
    index = KnownBugs((bug.id, bug.matchers) for bug in bugs)
    owners: dict[Matcher, set[str]] = {}
    for bug in bugs:
        for matcher in bug.matchers:
            owners.setdefault(matcher, set()).add(bug.id)
    entries = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    strangers = 0
    for before, entry in zip(["", *entries], entries, strict=False):
        (told,) = understand(output=lines_of(entry).encode()).findings
        own = owners[funfuzz.matcher(entry)]
        assert own & set(index.match(told)), entry
        if before and not own & owners[funfuzz.matcher(before)]:
            strangers += explains(funfuzz.matcher(before), told)
    assert len(entries) > 900
    assert strangers <= 5
