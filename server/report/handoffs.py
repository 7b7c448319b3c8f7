"""What other programs take from a report: a feed, a summary, SARIF, a mail."""

import re
from typing import Any
from urllib.parse import quote

import msgspec

from crashfarm.documents.finding import Severity
from server.report import summary
from server.report.facts import Facts
from server.report.junit import HANDED
from server.report.model import Farm, Line, Overview
from server.report.pages import Pages
from server.report.text import plain

FED = 100
"""Signatures in the feed, the newest."""

MAILED = 12
"""Signatures in each list of the mail."""

MAX_PATH = 1000
"""Characters of a source file's path that anybody takes for one."""

_LEVELS = {Severity.CRITICAL: "error", Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "note"}


def write(facts: Facts, overview: Overview, pages: Pages) -> None:
    """Write all of them but SARIF."""
    listed = list(facts.lines(limit=HANDED))
    pages.write("feed.xml.j2", "feed.xml", lines=facts.newest(FED))
    pages.write("mail.txt.j2", "mail.txt", page=overview, limit=MAILED)
    pages.put("summary.json", msgspec.json.format(msgspec.json.encode(summary.of(overview, pages.farm, listed))))
    pages.put("summary.schema.json", msgspec.json.format(msgspec.json.encode(summary.schema())))


def write_sarif(facts: Facts, pages: Pages) -> None:
    """Write SARIF. Where sources are is known when the pages of signatures are written."""
    pages.put("findings.sarif", msgspec.json.encode(_sarif(facts, pages.farm)))


def _sarif(facts: Facts, farm: Farm) -> dict[str, Any]:
    listed = list(facts.lines(limit=HANDED))
    rules = [_sarif_rule(kind) for kind in sorted({line.kind for line in listed})]
    driver = {"name": "crashfarm", "version": farm.version, "rules": rules}
    results = [_sarif_result(facts, farm, line) for line in listed if not line.suppressed]
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }


def _sarif_rule(kind: str) -> dict[str, Any]:
    """A kind of finding, with all the texts that code hosts ask of a rule."""
    text = {"text": f"A program under test ended in: {kind}"}
    return {"id": kind, "shortDescription": text, "fullDescription": text, "help": text}


def _sarif_result(facts: Facts, farm: Farm, line: Line) -> dict[str, Any]:
    severity = Severity(line.severity) if line.severity in {*Severity} else Severity.UNKNOWN
    return {
        "ruleId": line.kind,
        "level": _LEVELS.get(severity, "warning"),
        "message": {"text": plain(f"{line.title}: {line.headline}" if line.title else line.headline, 1000)},
        "locations": [{"physicalLocation": _location(facts, line)}],
        "partialFingerprints": {"crashfarm/v1": line.name},
        **({"baselineState": "new" if line.new else "unchanged"} if farm.since else {}),
        **({"hostedViewerUri": f"{farm.url}/{line.href}"} if farm.url else {}),
        "occurrenceCount": max(1, line.findings),
    }


def _location(facts: Facts, line: Line) -> dict[str, Any]:
    """Where its source is; else its page, for code hosts take no result that is nowhere."""
    file, number = facts.source(line) or ("", None)
    if not file or len(file) > MAX_PATH:
        return {"artifactLocation": {"uri": line.href}}
    region = {"region": {"startLine": number}} if number and number > 0 else {}
    return {"artifactLocation": {"uri": _uri(file)}} | region


def _uri(file: str) -> str:
    """A path, of whatever system, as a relative address: nothing in it is taken for a scheme or a host."""
    path = re.sub("/+", "/", file.replace("\\", "/"))
    return quote(path, errors="replace")
