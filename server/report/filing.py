"""A text for a new bug: what a person would write down of a signature, as plain text."""

from collections.abc import Iterator

from server.report.model import Sample, SignaturePage, count

BRANCHES = 20
INPUTS = 5
FRAMES = 12


def bug_text(page: SignaturePage) -> str:
    """The first line is the bug's title."""
    return "\n".join(_lines(page))


def _lines(page: SignaturePage) -> Iterator[str]:
    line = page.line
    branches = ", ".join(line.branches[:BRANCHES])
    yield f"{line.title}: {line.headline}"[:300]
    yield ""
    yield f"Seen {count(line.findings, 'time')} on {count(len(line.branches), 'branch', 'branches')}: {branches}"
    yield f"First {line.first_seen}, last {line.last_seen}."
    yield f"Inputs: {', '.join(place[:200] for place in page.places[:INPUTS])}"
    if page.note and page.note.minimal:
        yield f"Smallest input: {page.note.minimal.name}, {count(page.note.minimal.size, 'byte')}"
    if page.note and page.note.range and page.note.range.first_bad:
        yield f"Came in between the builds {page.note.range.last_good or '?'} and {page.note.range.first_bad}"
    if page.sample:
        yield from _stack(page.sample)


def _stack(sample: Sample) -> Iterator[str]:
    yield ""
    yield f"Message: {sample.finding.message[:600]}"
    for fold in sample.stack[:FRAMES]:
        yield f"#{fold.at} {fold.name}{' at ' if fold.where else ''}{fold.where}"[:400]
