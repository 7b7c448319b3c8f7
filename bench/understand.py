"""How well and how fast logs are understood.

    bench/understand.py [FOLDER] [--misses]

FOLDER is in the form of ../shared/corpora (which is taken if none is named): `logs/`, and `logs.json` with labels.
A kind is right when the label's words are ours, case and hyphens aside, with READ/WRITE and size where the label has
them. A frame is right when it is the label's once arguments, template arguments and hashes are taken off both; labels
keep 80 characters. A log that is labelled as no crash is a false alarm when it has a finding.
"""

import argparse
import json
import re
import statistics
import sys
import time
import tracemalloc
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from FTB.ProgramConfiguration import ProgramConfiguration
from FTB.Signatures.CrashInfo import CrashInfo

from crashfarm.documents.bug import Matcher
from crashfarm.documents.finding import Frame
from crashfarm.understand import Explained, explain, names, signatures, understand
from crashfarm.understand.known_bugs import KnownBugs, read_list

ROOT = Path(__file__).resolve().parents[1]
LABEL_LENGTH = 80


@dataclass
class Tally:
    """Counts of what was right, of how many, and what was not."""

    right: int = 0
    of: int = 0
    misses: list[str] = field(default_factory=list)

    def add(self, right: bool, miss: str) -> None:
        """One more log."""
        self.of += 1
        self.right += right
        if not right:
            self.misses.append(miss)

    @property
    def share(self) -> float:
        """What was right, 0 to 1."""
        return self.right / self.of if self.of else 1.0

    def __str__(self) -> str:
        return f"{self.right}/{self.of} = {100 * self.right / self.of:.1f} %" if self.of else "none"


@dataclass
class Tallies:
    """Everything that is counted over the labelled logs."""

    kind: Tally = field(default_factory=Tally)
    top: Tally = field(default_factory=Tally)
    order: Tally = field(default_factory=Tally)
    alarms: Tally = field(default_factory=Tally)
    ftb_class: Tally = field(default_factory=Tally)
    ftb_top: Tally = field(default_factory=Tally)
    exceptions: int = 0
    seconds: list[float] = field(default_factory=list)


def words(kind: str) -> list[str]:
    """A kind's words, case and hyphens aside."""
    return kind.lower().replace("-", " ").split()


def same_kind(label: str, ours: str) -> bool:
    """Whether our kind is the label's; what we say of access and size counts only where the label does too."""
    wanted, found = words(label), words(ours)
    if not {"read", "write"} & set(wanted):
        found = re.sub(r" (?:read|write)(?: \S+)?$", "", " ".join(found)).split()
    elif wanted[-1] in ("read", "write") and found and re.fullmatch(r"\d+|\{\*\}", found[-1]):
        found.pop()
    elif wanted[-1] == "{*}" and found and found[-1].isdigit():
        found[-1] = "{*}"
    return wanted == found


def plain(text: str) -> str:
    """A frame or headline as far as it can be compared."""
    return re.sub(r"\W+", "", signatures.name(Frame(function=names.plain(text[:LABEL_LENGTH]))) or text)


def same_frame(label: str, ours: str) -> bool:
    """Whether a frame is the label's."""
    ours = ours[: max(LABEL_LENGTH, len(label))]
    return label.strip().lower() == ours.strip().lower() or plain(label) == plain(ours)


def primary(output: bytes) -> Explained | None:
    """The finding that tells most of a log, with its signature."""
    told = explain(output=output)
    best = told.understanding.primary
    return next((one for one in told.explained if one.finding is best), None)


def ftb_view(lines: list[str]) -> tuple[str, list[str]] | None:
    """FTB's kind and frames of a log; None where it raises or has no class for it."""
    try:
        info = CrashInfo.fromRawCrashData([], lines, ProgramConfiguration("program", "x86-64", "linux"))
        if type(info).__name__ == "NoCrashInfo":
            return None
        return type(info).__name__, [str(name) for name in info.backtrace]
    except Exception:
        return None


def judge(folder: Path, show: bool) -> Tallies:
    """Right kinds and frames, ours and FTB's."""
    labels = json.loads((folder / "logs.json").read_text(encoding="utf-8"))
    tallies = Tallies()
    for name, label in labels.items():
        output = (folder / "logs" / name).read_bytes()
        started = time.perf_counter()
        try:
            told = primary(output)
        except Exception as fault:
            tallies.exceptions += 1
            print(f"exception: {name}: {fault!r}", file=sys.stderr)
            continue
        tallies.seconds.append(time.perf_counter() - started)
        count(tallies, name, label, told, output)
    print(f"logs: {len(labels)}, exceptions: {tallies.exceptions}")
    print(f"right kind: {tallies.kind}   (FTB alone gives a class to {tallies.ftb_class})")
    print(f"right top frame: {tallies.top}   (FTB alone: {tallies.ftb_top})")
    print(f"all frames in order: {tallies.order}")
    print(f"false alarms on logs that are no crash: {tallies.alarms.of - tallies.alarms.right}/{tallies.alarms.of}")
    milliseconds = [1000 * one for one in tallies.seconds]
    print(f"per log: median {statistics.median(milliseconds):.2f} ms, p99 {percentile(milliseconds, 99):.2f} ms")
    if show:
        named = {"kind": tallies.kind, "top frame": tallies.top, "order": tallies.order, "false alarms": tallies.alarms}
        for title, tally in named.items():
            print(f"\n{title}:", *tally.misses, sep="\n  ")
    return tallies


def count(tallies: Tallies, name: str, label: dict[str, Any], told: Explained | None, output: bytes) -> None:
    """One log's part of the tallies."""
    title = told.finding.title if told else ""
    if not label["kind"]:
        tallies.alarms.add(told is None, f"{name}: {title}")
        return
    view = ftb_view(output.decode("utf-8", "replace").splitlines())
    tallies.ftb_class.add(view is not None, name)
    tallies.kind.add(same_kind(label["kind"], title), f"{name}: wanted {label['kind']!r}, got {title!r}")
    if not label["frames"]:
        return
    parts = list(told.signature.parts) if told else []
    right = [same_frame(*pair) for pair in zip(label["frames"], parts, strict=False)]
    miss = f"{name}: wanted {label['frames']}, got {parts}"
    tallies.top.add(bool(right and right[0]), miss)
    tallies.order.add(all(right) and len(label["frames"]) == len(parts), miss)
    tallies.ftb_top.add(bool(view and view[1] and same_frame(label["frames"][0], view[1][0])), name)


def percentile(values: list[float], rank: int) -> float:
    """The value below which `rank` per cent of the values are."""
    return sorted(values)[min(len(values) - 1, len(values) * rank // 100)]


def traces(folder: Path) -> None:
    """The logs without labels: how many have a finding, a top frame, an exception."""
    files = sorted((folder / "traces").glob("*")) if (folder / "traces").is_dir() else []
    told = [(file, primary(file.read_bytes())) for file in files]
    if told:
        found = [one for _, one in told if one]
        framed = sum(1 for one in found if one.signature.frames)
        print(f"traces: {len(told)}, with a finding {len(found)}, with frames {framed}")


def known_bugs(folder: Path) -> None:
    """A finding against a hundred thousand bugs, and the real list's own size."""
    bugs = [(f"bug:x:{n}", [Matcher(text=f"bad {n} thing in frame {n % 97}", how="contains")]) for n in range(100_000)]
    started = time.perf_counter()
    index = KnownBugs(bugs)
    built = time.perf_counter() - started
    (finding,) = understand(output=CRASH).findings
    times = []
    for _ in range(500):
        started = time.perf_counter()
        index.match(finding)
        times.append(1000 * (time.perf_counter() - started))
    found = f"a finding is matched in {statistics.median(times):.3f} ms (p99 {percentile(times, 99):.3f} ms)"
    print(f"100,000 known bugs: {found}, the index is built in {built:.1f} s")
    lists = folder / "known-bugs" / "assertions.txt"
    if lists.is_file():
        read = read_list(lists.read_text(encoding="utf-8"), tracker="list")
        print(f"{lists.name}: {len(read)} bugs, {sum(len(bug.matchers) for bug in read)} texts")


CRASH = (
    b"==77==ERROR: AddressSanitizer: heap-use-after-free on address 0x60200001 at pc 0x1 bp 0x2 sp 0x3\n"
    b"READ of size 4 at 0x60200001 thread T0\n    #0 0x51 in widget_draw(int) src/widget.c:10:3\n\n"
)


def large() -> None:
    """One log of 25 MB and 400,000 lines with a crash in its middle."""
    line = b"[task 2026-01-01T00:00:00.000Z] 10:11:12 INFO - loading libfoo\n"
    output = line * 200_000 + CRASH + line * 200_000
    started, worked = time.perf_counter(), time.process_time()
    seen = understand(exit_status=1, output=output)
    took, work = time.perf_counter() - started, time.process_time() - worked
    assert [finding.title for finding in seen.findings] == ["Heap-use-after-free READ 4"]
    tracemalloc.start()
    understand(exit_status=1, output=output)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    size = f"{len(output) / 1e6:.1f} MB, {output.count(10):,} lines"
    print(f"{size}: {took:.2f} s ({work:.2f} s of processor), {peak / 1e6:.0f} MB of memory besides the log")


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT.parent / "shared" / "corpora")
    parser.add_argument("--misses", action="store_true", help="list what was not right")
    options = parser.parse_args()
    if not (options.folder / "logs.json").is_file():
        sys.exit(f"no logs.json in {options.folder}")
    judge(options.folder, options.misses)
    traces(options.folder)
    large()
    known_bugs(options.folder)


if __name__ == "__main__":
    main()
