"""What people and the farm found out about a signature, on its page."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from crashfarm.documents.signature import BuildRange, Minimal, Reproduction, SignatureNote
from crashfarm.settings import Farm
from server.queries.signatures import short_name, signature
from server.report import write_report
from tests import farms
from tests.farms import NOON, finding, result

ONE, OTHER, THIRD = (finding(detail=detail) for detail in ("list_dealloc", "dict_dealloc", "set_dealloc"))

MINIMAL = Minimal(
    result="result:00001", attachment="minimal/a.py", name="a.py", size=9, original_size=900, tests=31, at="2026-11-22"
)
RANGE = BuildRange(
    product="cpython", branch="3.13", buildtype="opt", last_good="b7", first_bad="b9", skipped=("b8",), runs=4
)


def farm() -> Farm:
    """Three signatures, seen once each."""
    return farms.in_memory([result(number, one) for number, one in enumerate((ONE, OTHER, THIRD), 1)])


def page(of: Farm, folder: Path, found: Any, state: Path | None = None) -> str:
    """The page of a finding's signature in a report."""
    write_report(of, folder, now=NOON + timedelta(days=1), state=state)
    name = short_name(signature(found.kind, found.message, found.detail))
    return (folder / "signature" / f"{name}.html").read_text()


def test_a_page_shows_what_was_found_out(tmp_path: Path) -> None:
    """The smallest input with its text, the builds between which it came, how often it came again."""
    of = farm()
    doc = of.history.get("result:00001") or {}
    of.history.put(doc | {"_attachments": {"minimal/a.py": {"text": "crash(<&)"}}})
    again = Reproduction(result="result:00001", seen=9, ran=10)
    of.history.put(SignatureNote.of(ONE).evolve(minimal=MINIMAL, range=RANGE, reproduction=again).to_doc())
    text = page(of, tmp_path / "out", ONE)
    assert "9 bytes, down from 900 bytes, found in 31 tests" in text and "crash(&lt;&amp;)" in text
    assert "it came in with build <code><bdi>b9</bdi></code>, after <code><bdi>b7</bdi></code>" in text
    assert "could not be judged: <code><bdi>b8</bdi></code>" in text and "found in 4 runs" in text
    assert "Repeated 10 times" in text and "it came 9 times again: 90%" in text


def test_a_page_shows_nothing_where_nothing_was_found_out(tmp_path: Path) -> None:
    """No empty headings."""
    text = page(farm(), tmp_path / "out", ONE)
    assert not any(words in text for words in ("Smallest input", "Variants", "Repeated", "came in with"))


def test_variants_link_to_each_other(tmp_path: Path) -> None:
    """The leader is named as such; a signature of another bug is not among them."""
    of = farm()
    leader = SignatureNote.of(ONE)
    of.history.put(leader.to_doc())
    of.history.put(SignatureNote.of(OTHER).evolve(variant_of=leader.id, confirmed_by="ada").to_doc())
    text = page(of, tmp_path / "out", OTHER)
    assert 'list_dealloc</bdi></a> <span class="mark">leads the group' in text and "confirmed by <bdi>ada" in text
    assert "dict_dealloc</bdi></a></li>" in page(of, tmp_path / "out", ONE)
    assert "Variants" not in page(of, tmp_path / "out", THIRD)


def test_what_is_found_out_later_changes_the_pages_of_the_whole_group(tmp_path: Path) -> None:
    """A report that goes on from the one before says so on both pages, and forgets it with the document."""
    of, out, state = farm(), tmp_path / "out", tmp_path / "state.sqlite"
    leader = SignatureNote.of(ONE)
    of.history.put(leader.to_doc())
    assert "Variants" not in page(of, out, ONE, state)
    of.history.put(SignatureNote.of(OTHER).evolve(variant_of=leader.id).to_doc())
    assert "Variants" in page(of, out, ONE, state) and "Variants" in page(of, out, OTHER, state)
    of.history.delete(SignatureNote.of(OTHER).id)  # type: ignore[call-arg]
    assert "Variants" not in page(of, out, ONE, state)


def test_an_unreadable_note_costs_nothing_but_itself(tmp_path: Path) -> None:
    """Somebody is in the middle of editing it."""
    of = farm()
    of.history.put(SignatureNote.of(ONE).to_doc() | {"minimal": "soon"})
    assert "Smallest input" not in page(of, tmp_path / "out", ONE)
