"""The commands that give a page's numbers, so that nobody has to take a report's word for them."""

import re
import shlex
from collections.abc import Sequence

from server.report.model import Ask, BranchLine, MachineLine, SignaturePage

STANDING = "SELECT * FROM signature JOIN standing USING (name)"
"""All that lists of signatures tell."""

DAY = "substr(completed_at, 1, 10) AS day"

_UNFILED = "NOT suppressed AND NOT open_bugs AND NOT closed_bugs"

_UNREADABLE = "SELECT * FROM unreadable WHERE id LIKE 'history_%'"

_PLAIN = re.compile(r"""[^"$`\\!]*""")
"""What a shell leaves as it is between double quotes."""


def overview(since: str, unreadable: bool = False) -> tuple[Ask, ...]:
    """Of the first page; `since` is the time from which on things are new, or empty; whether anything is unreadable."""
    return (
        Ask("runs", "Runs, by branch and outcome", "crashfarm results"),
        Ask("findings", "Findings, by kind", "crashfarm crashes --group type"),
        Ask("kinds", "Findings, by branch and kind", _found("product", "branch", "kind")),
        Ask("days", "Findings, by day and branch", _found(DAY, "product", "branch")),
        Ask("machines", "Findings and signatures, by machine", _found("os_name", "os_version", "cpu_name")),
        Ask("branches", "Findings and signatures, by branch", _found("product", "branch")),
        Ask("signatures", "Signatures", _sql("SELECT count(*) FROM signature")),
        *_stories(since),
        unfiled(),
        bugs(),
        listed(),
        Ask("back", "What is back though fixed", "crashfarm crashes --regressed"),
        Ask("workers", "Workers, and what they ran", "crashfarm workers"),
        Ask("jobs", "Jobs", "crashfarm jobs --group state"),
        *((Ask("unreadable", "What could not be read, and why", _sql(_UNREADABLE)),) if unreadable else ()),
    )


def _stories(since: str) -> Sequence[Ask]:
    """What the first page tells, as `lists.STORIES` has it."""
    differ = Ask("differ", "Signatures that are not the same on every branch", _standing("differs"))
    if not since:
        return (differ,)
    again = f"SELECT signature_name FROM tuple JOIN explains ON tuple = id WHERE regressed AND last_seen >= '{since}'"  # noqa: S608
    ran = f"substr(last_run, 1, 10) > '{since[:10]}'"
    quiet = f"last_seen < '{since}' AND findings > 2 AND NOT suppressed AND {ran}"
    fixed = "closed_bugs AND NOT open_bugs"
    return (
        Ask("new", "New signatures", _standing(f"first_seen >= '{since}'")),
        Ask("again", "Signatures that were seen again though fixed", _standing(f"name IN ({again})")),
        Ask("fixed", "Signatures that seem to be fixed", _standing(f"{quiet} AND {fixed}")),
        Ask("quiet", "Signatures that have gone quiet", _standing(f"{quiet} AND NOT ({fixed})")),
        differ,
    )


def listed() -> Ask:
    """Of every list of signatures."""
    return Ask("list", "All signatures, the commonest first", _sql(f"{STANDING} ORDER BY findings DESC"))


def unfiled() -> Ask:
    """Of what no known bug explains."""
    return Ask("unfiled", "Signatures that no bug explains", _standing(_UNFILED))


def bugs() -> Ask:
    """Of the list of known bugs."""
    explains = (
        "SELECT bug, count(DISTINCT signature_name) AS signatures FROM explains JOIN tuple ON tuple = id GROUP BY 1"
    )
    return Ask("bugs", "Known bugs, and how many signatures each explains", _sql(explains))


def bug(bug_id: str) -> tuple[Ask, ...]:
    """Of a bug's page."""
    names = f"SELECT signature_name FROM tuple JOIN explains ON tuple = id WHERE bug = {_text(bug_id)}"  # noqa: S608
    again = f"{names} AND regressed"
    return (
        Ask("list", "The signatures that this bug explains", _standing(f"name IN ({names})")),
        Ask("again", "Those that were seen again though fixed", _standing(f"name IN ({again})")),
    )


def signature(page: SignaturePage) -> tuple[Ask, ...]:
    """Of a signature's page."""
    line = page.line
    words = ["--kind", line.kind, "--detail", line.detail, *(["--message", line.message] if line.message else [])]
    what = _typed(words)
    return (
        Ask("seen", "How often it was seen, by tuple", f"crashfarm crashes {what} --group cpu_name"),
        Ask("who", "Which machines have seen it", f"crashfarm workers {what}"),
        *_repeated(page),
    )


def named(name: str) -> tuple[Ask, ...]:
    """Of the page of the signature of that name, what follows from the name alone."""
    return (
        Ask("days", "How often it was seen on which day", _found(DAY, condition=f"signature_name = '{name}'")),
        Ask("about", "When it was first and last seen, on how many branches", _of("signature", "name", name)),
        Ask("inputs", "Inputs that show it", _inputs(name)),
        Ask("ran", "How often it was seen, in how many runs", _of("matrix", "signature_name", name)),
        Ask(
            "tuples", "How bad each tuple is, and when it was first and last seen", _of("tuple", "signature_name", name)
        ),
    )


def _repeated(page: SignaturePage) -> Sequence[Ask]:
    if not page.note:
        return ()
    noted = Ask("noted", "What was found out about it", _of("note", "signature_name", page.line.name))
    if not page.note.reproduction:
        return (noted,)
    return noted, Ask("repeated", "How often it came again", f"crashfarm reproduce show {page.line.name}")


def branch(line: BranchLine) -> tuple[Ask, ...]:
    """Of a branch's page."""
    here = ["--product", line.product, "--branch", line.branch]
    where = f"product = {_text(line.product)} AND branch = {_text(line.branch)}"
    return (
        Ask("runs", "Runs, by outcome", _typed(["crashfarm", "results", *here, "--group", "outcome"])),
        Ask("findings", "Findings, by signature", _typed(["crashfarm", "crashes", *here])),
        Ask("days", "Findings, by day", _found(DAY, condition=where)),
        _here(where),
        Ask("only", "Signatures of this branch alone", _only(where, "differs AND branches = 1")),
    )


def machine(line: MachineLine) -> tuple[Ask, ...]:
    """Of a machine's page."""
    names = ("os_name", "os_version", "cpu_name")
    here = [
        word for name, part in zip(names, line.parts, strict=True) for word in ("--" + name.replace("_", "-"), part)
    ]
    where = " AND ".join(f"{name} = {_text(part)}" for name, part in zip(names, line.parts, strict=True))
    machines = f"SELECT count(DISTINCT {' || char(10) || '.join(names)}) FROM tuple WHERE signature_name = name"  # noqa: S608
    return (
        Ask("workers", "Workers", _typed(["crashfarm", "workers", *here])),
        Ask("findings", "Findings, by signature", _typed(["crashfarm", "crashes", *here])),
        _here(where),
        Ask("only", "Signatures of this machine alone", _only(where, f"({machines}) = 1")),
    )


def _here(where: str) -> Ask:
    """Of the list of what was seen at one place."""
    seen = f"SELECT count(*) FROM finding JOIN result ON result = id WHERE signature_name = name AND {where}"  # noqa: S608
    about = f"SELECT *, ({seen}) AS seen_here FROM signature WHERE {_at(where)} ORDER BY seen_here DESC"  # noqa: S608
    return Ask("list", "Signatures, by how often they were seen here", _sql(about))


def _only(where: str, condition: str) -> str:
    return _standing(f"{_at(where)} AND {condition}")


def _at(where: str) -> str:
    return f"name IN (SELECT signature_name FROM tuple WHERE {where})"  # noqa: S608


def _text(value: str) -> str:
    """The value as SQL has it; no word of a command holds a NUL."""
    return "'" + value.replace("'", "''").replace("\0", "' || char(0) || '") + "'"


def _inputs(name: str) -> str:
    return _sql(f"SELECT DISTINCT place FROM place JOIN tuple ON tuple = id WHERE signature_name = '{name}'")  # noqa: S608


def _of(table: str, column: str, name: str) -> str:
    return _sql(f"SELECT * FROM {table} WHERE {column} = '{name}'")  # noqa: S608 ours, for a person to ask


def _standing(condition: str) -> str:
    return _sql(f"{STANDING} WHERE {condition}")


def _found(*columns: str, condition: str = "") -> str:
    """Findings and signatures by columns of the results that they are in."""
    what = (*columns, "count(*) AS findings", "count(DISTINCT signature_name) AS signatures")
    where = f" WHERE {condition}" if condition else ""
    groups = ", ".join(str(number) for number in range(1, len(columns) + 1))
    return _sql(f"SELECT {', '.join(what)} FROM finding JOIN result ON result = id{where} GROUP BY {groups}")  # noqa: S608


def _sql(question: str) -> str:
    plain = _PLAIN.fullmatch(question) and question.isprintable()
    return f'crashfarm sql "{question}"' if plain else _typed(["crashfarm", "sql", question])


def _typed(words: Sequence[str]) -> str:
    """The words as they are typed in a shell, so that nothing in them is hidden from who does."""
    return " ".join(shlex.quote(word) if word.isprintable() else _spelled(word) for word in words)


def _spelled(word: str) -> str:
    """The word as bash, zsh and ksh take it, with the bytes spelled out of what cannot be seen."""
    return "$'" + "".join(_letter(letter) for letter in word) + "'"


def _letter(letter: str) -> str:
    if letter in "\\'":
        return "\\" + letter
    if letter.isprintable():
        return letter
    return "".join(f"\\x{byte:02x}" for byte in letter.encode("utf-8", errors="replace"))
