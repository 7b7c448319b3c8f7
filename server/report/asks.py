"""The commands that give a page's numbers, so that nobody has to take a report's word for them."""

import shlex

from server.report.model import Ask, BranchLine, Line, MachineLine


def overview(since: str) -> tuple[Ask, ...]:
    """Of the first page; `since` is the time from which on things are new, or empty."""
    first_seen = f"SELECT count(*) FROM signature WHERE first_seen >= '{since}'"  # noqa: S608 ours, for a person to ask
    return (
        Ask("runs", "Runs, by branch and outcome", "crashfarm results"),
        Ask("findings", "Findings, by kind", "crashfarm crashes --group type"),
        Ask("signatures", "Signatures", _sql("SELECT count(*) FROM signature")),
        *((Ask("news", "New signatures", _sql(first_seen)),) if since else ()),
        Ask("back", "What is back though fixed", "crashfarm crashes --regressed"),
        Ask("workers", "Workers, and what they ran", "crashfarm workers"),
        Ask("jobs", "Jobs", "crashfarm jobs --group state"),
    )


def signature(line: Line) -> tuple[Ask, ...]:
    """Of a signature's page."""
    what = ["--kind", line.kind, "--detail", line.detail, *(["--message", line.message] if line.message else [])]
    return (
        Ask(
            "seen",
            "How often it was seen, by tuple",
            shlex.join(["crashfarm", "crashes", *what, "--group", "cpu_name"]),
        ),
        Ask("who", "Which machines have seen it", shlex.join(["crashfarm", "workers", *what])),
        Ask("days", "When", shlex.join(["crashfarm", "results", *what, "--group", "day"])),
    )


def branch(line: BranchLine) -> tuple[Ask, ...]:
    """Of a branch's page."""
    here = ["--product", line.product, "--branch", line.branch]
    return (
        Ask("runs", "Runs, by outcome", shlex.join(["crashfarm", "results", *here, "--group", "outcome"])),
        Ask("findings", "Findings, by signature", shlex.join(["crashfarm", "crashes", *here])),
    )


def machine(line: MachineLine) -> tuple[Ask, ...]:
    """Of a machine's page."""
    names = ("--os-name", "--os-version", "--cpu-name")
    here = [word for pair in zip(names, line.parts, strict=True) for word in pair]
    return (
        Ask("workers", "Workers", shlex.join(["crashfarm", "workers", *here])),
        Ask("findings", "Findings, by signature", shlex.join(["crashfarm", "crashes", *here])),
    )


def _sql(question: str) -> str:
    return shlex.join(["crashfarm", "sql", question])
