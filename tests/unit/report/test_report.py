"""Reports of whole farms, made from documents in memory with the project's own views."""

import re
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from crashfarm.documents.bug import Bug, BugState, bug_id
from crashfarm.documents.finding import Kind, Severity
from crashfarm.documents.history import BugLists
from crashfarm.documents.worker import Worker
from crashfarm.errors import InputError
from server.report import ReportSummary, write_report
from tests import farms, samples
from tests.farms import HOSTILE, NOON, finding, result

LATER = NOON + timedelta(days=9)


class Page(HTMLParser):
    """What a page links to, what can be linked to on it, and its text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note addresses and ids."""
        self.tags.append(tag)
        given = dict(attrs)
        self.links += [value for name in ("href", "src") if (value := given.get(name))]
        self.ids += [given["id"] or ""] if "id" in given else []

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.text += data


def write(out: Path, results: list[farms.Result], **options: object) -> ReportSummary:
    """A report of a farm with these results."""
    return write_report(farms.in_memory(results), out, now=LATER, **options)  # type: ignore[arg-type]


def pages(out: Path) -> dict[Path, Page]:
    """All pages of a report."""
    return {path.resolve(): Page(path) for path in out.rglob("*.html")}


def test_every_link_and_fragment_resolves(tmp_path: Path) -> None:
    """From every page, without a server."""
    write(tmp_path / "out", farms.generate(), since=NOON)
    found = pages(tmp_path / "out")
    for path, page in found.items():
        for link in page.links:
            target, _, fragment = link.partition("#")
            file = (path.parent / target).resolve() if target else path
            assert file.is_file(), (path, link)
            assert not fragment or fragment in found[file].ids, (path, link)


def test_no_page_has_an_id_twice(tmp_path: Path) -> None:
    """A fragment means one place."""
    write(tmp_path / "out", farms.generate(), since=NOON)
    for page in pages(tmp_path / "out").values():
        assert len(page.ids) == len(set(page.ids))


def test_the_summary_counts_what_the_documents_hold(tmp_path: Path) -> None:
    """Runs, findings and signatures, counted from the documents themselves."""
    results = farms.generate()
    summary = write(tmp_path / "out", results, since=NOON)
    found = [one for run in results for one in run.findings]
    assert (summary.jobs, summary.findings) == (len(results), len(found))
    assert summary.signatures == len({(one.kind, one.detail) for one in found})
    assert summary.index.is_file()


def test_a_signature_differs_when_a_branch_that_ran_the_same_input_does_not_show_it(tmp_path: Path) -> None:
    """The crash is missing on 3.12, the hang on 3.11 and 3.12; all else is everywhere."""
    assert write(tmp_path / "out", farms.generate()).differing == 2


def test_a_branch_that_never_ran_the_input_makes_no_difference(tmp_path: Path) -> None:
    """Neither does a run that could not begin."""
    results = [
        result(1, finding(), branch="3.13"),
        result(2, branch="3.12", input_name="another.py"),
        result(3, branch="3.11", outcome="error"),
    ]
    assert write(tmp_path / "out", results).differing == 0


def test_what_was_first_seen_since_a_time_is_new(tmp_path: Path) -> None:
    """What was seen before and again since is not."""
    results = [result(1, finding()), result(50, finding(), finding(Kind.HANG, "hang | late"))]
    since = NOON + timedelta(minutes=10)
    assert write(tmp_path / "out", results, since=since).new_signatures == 1
    assert "1 signature is new" in Page(tmp_path / "out/index.html").text


def test_without_a_time_new_is_what_came_since_the_report_before(tmp_path: Path) -> None:
    """The first report calls nothing new, as everything in it is."""
    farm = farms.in_memory([result(1, finding())])
    assert write_report(farm, tmp_path / "out", now=NOON + timedelta(minutes=5)).new_signatures == 0
    later = farms.in_memory([result(1, finding()), result(9, finding(Kind.HANG, "hang | late"))])
    assert write_report(later, tmp_path / "out", now=LATER).new_signatures == 1


def test_hostile_text_is_shown_as_text(tmp_path: Path) -> None:
    """Whatever is in a message, a signature, an input's name, a branch: no markup of it, no hidden character."""
    odd = result(
        1, finding(detail=HOSTILE, message=HOSTILE, title=HOSTILE, excerpt=HOSTILE), branch=HOSTILE, product=HOSTILE
    )
    write(tmp_path / "out", [odd.evolve(input_name=HOSTILE, worker=HOSTILE)])
    for page in pages(tmp_path / "out").values():
        assert page.tags.count("script") == sum(link.endswith(".js") for link in page.links)
        assert "b" not in page.tags
        assert "49" not in page.text
        assert not {"\u202e", "\x1b"} & set(page.text)
    assert "<script>alert(1)</script>" in Page(tmp_path / "out/index.html").text


def test_a_bug_is_a_link_only_when_its_address_is_of_the_web(tmp_path: Path) -> None:
    """An address that runs a script is not one."""
    run = result(1, finding())
    bugs = [
        Bug(id=bug_id("a", "1"), tracker="a", number="1", title="Known", url="https://bugs.example.org/1"),
        Bug(id=bug_id("a", "2"), tracker="a", number="2", title="Evil", url="javascript:alert(1)"),
    ]
    history = [one.evolve(bugs=BugLists(open=("bug:a:1", "bug:a:2", "bug:a:3"))) for one in farms.histories([run])]
    farm = farms.in_memory([run], *bugs)
    farm.history.docs |= {one.id: one.to_doc() for one in history}  # type: ignore[attr-defined]
    write_report(farm, tmp_path / "out", now=LATER)
    links = [link for page in pages(tmp_path / "out").values() for link in page.links]
    assert "https://bugs.example.org/1" in links
    assert not any("javascript" in link for link in links)
    text = Page(next((tmp_path / "out/signature").iterdir())).text
    assert "Evil" in text and "bug:a:3" in text


def news(out: Path) -> dict[str, str]:
    """The sections of the first page by their anchors."""
    parts = (out / "index.html").read_text().split('<section id="')[1:]
    return {part.partition('"')[0]: part for part in parts}


def with_bug(runs: list[farms.Result], detail: str, **parts: object) -> farms.Farm:
    """A farm in which a closed bug explains what has that detail."""
    bug = Bug(id=bug_id("a", "1"), tracker="a", number="1", state=BugState.CLOSED, **parts)  # type: ignore[arg-type]
    farm = farms.in_memory(runs, bug)
    explained = [one for one in farms.histories(runs) if one.detail == detail]
    docs = {one.id: one.evolve(bugs=BugLists(closed=(bug.id,))).to_doc() for one in explained}
    farm.history.docs |= docs  # type: ignore[attr-defined]
    return farm


SINCE = NOON + timedelta(minutes=60)


@pytest.mark.parametrize(("regressed", "last", "again"), [(True, 90, True), (True, 30, False), (False, 90, False)])
def test_what_was_fixed_and_comes_back_is_told(tmp_path: Path, regressed: bool, last: int, again: bool) -> None:
    """The history document says that it came back; the first page tells it if that was since the last report."""
    runs = [result(1, finding()), result(last, finding())]
    farm = with_bug(runs, finding().detail, fixed_on=("3.13",))
    if regressed:
        (one,) = farms.histories(runs)
        back = one.evolve(bugs=BugLists(closed=("bug:a:1",)), regressed=("bug:a:1",))
        farm.history.put(back.to_doc())
    write_report(farm, tmp_path / "out", now=LATER, since=SINCE)
    assert ("again" in news(tmp_path / "out")) is again
    bug_page = next((tmp_path / "out/bug").iterdir()).read_text()
    assert ("Seen again though fixed" in bug_page) is regressed


@pytest.mark.parametrize(("later", "quiet"), [("3.13", True), ("3.12", False)])
def test_what_was_often_seen_and_is_not_any_more_has_gone_quiet(tmp_path: Path, later: str, quiet: bool) -> None:
    """If its branch ran since: a branch that rests has not gone quiet."""
    runs = [result(minute, finding()) for minute in (1, 2, 3)]
    runs.append(result(36 * 60, branch=later))
    write(tmp_path / "out", runs, since=NOON + timedelta(days=1))
    assert ("quiet" in news(tmp_path / "out")) is quiet


def test_what_has_gone_quiet_after_its_bug_was_closed_seems_fixed(tmp_path: Path) -> None:
    """It is not listed twice."""
    runs = [*(result(minute, finding()) for minute in (1, 2, 3)), result(36 * 60)]
    write_report(with_bug(runs, finding().detail), tmp_path / "out", now=LATER, since=NOON + timedelta(days=1))
    assert "fixed" in news(tmp_path / "out") and "quiet" not in news(tmp_path / "out")


def test_a_machine_has_a_page_with_its_workers_and_what_only_it_shows(tmp_path: Path) -> None:
    """Machines are told apart by operating system, version and processor."""
    runs = [
        result(1, finding(), machine=0),
        result(2, finding(), machine=1),
        result(3, finding(Kind.OOM, "oom"), machine=1),
    ]
    machine = dict(zip(("os_name", "os_version", "cpu_name"), farms.MACHINES[1], strict=True))
    worker = Worker.from_doc(samples.worker() | machine)
    stopped = Worker.from_doc(samples.worker() | machine | {"_id": "worker:beta", "state": "stopped"})
    write_report(farms.in_memory(runs, worker, stopped), tmp_path / "out", now=LATER)
    texts = {path.name[:9]: Page(path).text for path in (tmp_path / "out/machine").iterdir()}
    assert "Seen only here1" in texts["Linux-6.8"] and "alpha" in texts["Linux-6.8"]
    assert "Workers2" in texts["Linux-6.8"] and "beta" in texts["Linux-6.8"]
    assert "Seen only here0" in texts["Linux-6.1"] and "alpha" not in texts["Linux-6.1"]


def test_what_no_bug_explains_is_ready_to_file_worst_first(tmp_path: Path) -> None:
    """What a closed bug explains is filed."""
    runs = [result(1, finding(severity=Severity.LOW)), result(2, finding(detail="filed"))]
    runs.append(result(3, finding(detail="worse", severity=Severity.CRITICAL)))
    write_report(with_bug(runs, "filed"), tmp_path / "out", now=LATER)
    text = Page(tmp_path / "out/unfiled.html").text
    assert "2 signatures" in text and "filed" not in text.replace("Not filed", "")
    assert text.index("worse") < text.index(finding().detail)


def test_new_signatures_are_filed_before_old_and_worse_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And are not crowded out by them where the list is cut."""
    monkeypatch.setattr("server.report.facts.MAX_LINES", 2)
    old = [result(n, finding(detail=f"old {n}", severity="high"), finding(detail="older")) for n in range(3)]
    fresh = result(90, finding(detail="fresh", severity="low"))
    write(tmp_path / "out", [*old, fresh], since=SINCE)
    text = (tmp_path / "out/unfiled.html").read_text()
    assert text.index("<bdi>fresh</bdi>") < text.index("<bdi>old ")
    assert "5 signatures</a> that no known bug explains" in text and text.count("<bdi>old ") == 1


def test_the_worst_is_ready_to_file_however_seldom_it_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the list is cut, what is common and harmless does not crowd it out."""
    monkeypatch.setattr("server.report.facts.MAX_LINES", 2)
    common = [result(n, *(finding(detail=f"common {at}", severity="low") for at in range(3))) for n in range(4)]
    write(tmp_path / "out", [*common, result(9, finding(detail="worst", severity="critical"))])
    text = (tmp_path / "out/unfiled.html").read_text()
    assert "<bdi>worst</bdi>" in text and text.index("<bdi>worst</bdi>") < text.index("<bdi>common ")


def test_bugs_are_read_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many with one request, for there may be many."""
    bugs = [Bug(id=bug_id("a", str(n)), tracker="a", number=str(n), title=f"Bug {n}") for n in range(5)]
    run = result(1, finding())
    farm = farms.in_memory([run], *bugs)
    (one,) = farms.histories([run])
    farm.history.put(one.evolve(bugs=BugLists(open=tuple(bug.id for bug in bugs))).to_doc())
    asked: list[str] = []
    get = farm.status.get
    monkeypatch.setattr(farm.status, "get", lambda name: asked.append(name) or get(name))
    monkeypatch.setattr("server.report.bugs.BUGS", 2)
    write_report(farm, tmp_path / "out", now=LATER)
    assert not any(name.startswith("bug:") for name in asked)
    assert all(f"Bug {n}" in (tmp_path / "out/bugs.html").read_text() for n in range(5))


def test_findings_are_told_by_day_and_branch(tmp_path: Path) -> None:
    """On the first page, and each branch's on its own."""
    day = 24 * 60
    runs = [result(1, finding()), result(day, finding(), finding()), result(day, finding(), branch="3.12")]
    write(tmp_path / "out", [run.evolve(id=f"result:{at}") for at, run in enumerate(runs)])
    table = "Findings by day and branch, in numbers.*?</table>"
    found = re.search(table, (tmp_path / "out/index.html").read_text(), re.DOTALL)
    assert found
    rows = re.findall(r'(2026-11-2\d)</bdi></th><td class="number">(\d+)</td><td class="number">(\d+)', found[0])
    assert rows == [("2026-11-22", "0", "1"), ("2026-11-23", "1", "2")]
    (page,) = (tmp_path / "out/branch").glob("*3.13*")
    assert re.findall(r'(2026-11-2\d)</bdi></th><td class="number">(\d+)</td></tr>', page.read_text()) == [
        ("2026-11-22", "1"),
        ("2026-11-23", "2"),
    ]


@pytest.mark.parametrize(("days", "bars"), [((0, 3), 4), ((0, 3, 400), 3)])
def test_days_on_which_nothing_was_found_are_told_too(tmp_path: Path, days: tuple[int, ...], bars: int) -> None:
    """A trend with gaps left out is none; but one clock that is far off does not spread it over years."""
    write(tmp_path / "out", [result(day * 24 * 60 + 1, finding()) for day in days])
    text = (tmp_path / "out/index.html").read_text()
    table = text.partition('day and branch, in numbers"')[2].partition("</table>")[0]
    assert table.count('<th scope="row">') == bars


def test_a_farm_without_results_gets_a_report_that_says_what_to_do(tmp_path: Path) -> None:
    """It is no error to ask too early."""
    summary = write(tmp_path / "out", [])
    assert (summary.jobs, summary.signatures) == (0, 0)
    text = Page(summary.index).text
    assert "Nothing has been run yet" in text and "crashfarm job add" in text


def test_results_whose_history_is_not_written_yet_are_counted(tmp_path: Path) -> None:
    """A worker writes the result first."""
    farm = farms.in_memory([])
    farm.history.docs = {"result:00001": result(1, finding()).to_doc()}  # type: ignore[attr-defined]
    summary = write_report(farm, tmp_path / "out", now=LATER)
    assert (summary.findings, summary.signatures) == (1, 1)
    page = Page(next((tmp_path / "out/signature").iterdir()))
    assert "2026-11-22 12:01" in page.text


def test_a_broken_document_does_not_cost_the_others_their_report(tmp_path: Path) -> None:
    """Somebody edited a history document into nonsense."""
    farm = farms.in_memory([result(1, finding())])
    broken = {"_id": "history_crash:x", "type": "history_crash", "message": 5, "places": "none"}
    farm.history.docs |= {"history_crash:x": broken}  # type: ignore[attr-defined]
    assert write_report(farm, tmp_path / "out", now=LATER).signatures == 1
    page = Page(tmp_path / "out/index.html")
    assert "history_crash:x" in page.text
    assert "#ask-unreadable" in page.links and "ask-unreadable" in page.ids


def test_documents_of_types_that_nobody_knows_are_passed_over(tmp_path: Path) -> None:
    """The view has rows of whatever calls itself history."""
    farm = farms.in_memory([result(1, finding())])
    known = farms.histories([result(1, finding())])[0].to_doc()
    farm.history.put(known | {"_id": "history_odd:1", "type": "history_odd"})
    assert write_report(farm, tmp_path / "out", now=LATER).findings == 1


def test_a_signature_page_tells_how_often_it_shows_in_how_many_runs(tmp_path: Path) -> None:
    """Two of three runs on one branch, none of one on the other."""
    runs = [result(1, finding()), result(2, finding()), result(3), result(4, branch="3.12")]
    write(tmp_path / "out", runs)
    text = " ".join(Page(next((tmp_path / "out/signature").iterdir())).text.split())
    assert "3.13opt 2 of 3" in text
    assert "3.12opt 0 of 1" in text


def test_inputs_that_are_not_listed_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the command that gives them all is named there."""
    monkeypatch.setattr("server.report.gathering.MAX_ROWS", 2)
    runs = [result(n, finding(detail="d"), input_name=f"input {n}") for n in range(5)]
    write(tmp_path / "out", runs)
    (page,) = (tmp_path / "out/signature").iterdir()
    text = page.read_text()
    assert text.count("<li><code>") == 2
    assert '3 more inputs are not listed; <a href="#ask-inputs">' in text and 'id="ask-inputs"' in text


def test_an_output_folder_with_something_else_is_refused_and_stays(tmp_path: Path) -> None:
    """Nothing is written beside it either."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out/thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match="something else"):
        write(tmp_path / "out", farms.generate())
    assert (tmp_path / "out/thesis.tex").read_text() == "years of work"
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]


def test_the_report_of_another_farm_is_refused_and_stays(tmp_path: Path) -> None:
    """Its readers would miss it, and what is new would be reckoned from it."""
    write(tmp_path / "out", [result(1, finding())])
    before = (tmp_path / "out/index.html").read_bytes()
    farm = farms.in_memory([])
    farm.status.name = "another"
    with pytest.raises(InputError, match="another farm, crashfarm"):
        write_report(farm, tmp_path / "out", now=LATER)
    assert (tmp_path / "out/index.html").read_bytes() == before


def test_progress_is_told_phase_by_phase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In each phase the number done never goes back and never passes the total, so that a bar can be drawn from it."""
    monkeypatch.setattr("server.report.fetching.BATCH", 2)
    told: list[tuple[str, int, int]] = []
    write(tmp_path / "out", farms.generate(), progress=lambda done, total, what: told.append((what, done, total)))
    assert {what for what, _, _ in told} == {"reading tuples", "reading results", "reading runs", "writing pages"}
    reading = [done for what, done, _ in told if what.startswith("reading")]
    assert reading == sorted(set(reading)) and len(reading) > 10
    assert all(done <= total for _, done, total in told)


def test_a_static_file_has_its_content_in_its_name(tmp_path: Path) -> None:
    """Browsers may keep it for ever."""
    write(tmp_path / "out", [])
    styles = [path.name for path in (tmp_path / "out/static").glob("*.css")]
    assert len(styles) == 1 and len(styles[0].split(".")[1]) == 10


@pytest.mark.parametrize(("number", "words"), [(1, "1 distinct signature ("), (2, "2 distinct signatures (")])
def test_the_summary_is_one_line_with_plurals_where_they_belong(number: int, words: str) -> None:
    """The line is what the demonstration prints."""
    line = ReportSummary(jobs=5, findings=3, signatures=number, differing=1, new_signatures=0, index=Path("i")).line()
    assert words in line and "\n" not in line
