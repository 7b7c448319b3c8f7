"""Bugzilla's REST API (version 5 and newer): `GET /rest/bug` in the order of the bugs' change."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import msgspec

from crashfarm.documents.bug import Bug, BugState, Matcher, bug_id
from crashfarm.understand.known_bugs import refusal
from server.trackers.asking import Asker, shown
from server.trackers.errors import TrackerError
from server.trackers.source import MAX_MATCHERS, MAX_TITLE, Page, Position, Rules, following, moment

FIELDS = (
    "id",
    "summary",
    "status",
    "resolution",
    "is_open",
    "dupe_of",
    "last_change_time",
    "cf_last_resolved",
    "cf_crash_signature",
    "target_milestone",
    "keywords",
)
KEY_HEADER = "X-BUGZILLA-API-KEY"
CLOSED = frozenset({"RESOLVED", "VERIFIED", "CLOSED"})
FIXED_FLAGS = frozenset({"fixed", "verified", "fixed-in"})
"""Values of a branch's status flag that say the bug is fixed there."""

_SIGNATURE = re.compile(r"\[@\s*(?P<text>\S.*?)\s*\]\s*$")


class _Told(msgspec.Struct, frozen=True, kw_only=True):
    """What is needed of a bug; a server leaves out what it does not have."""

    id: int
    summary: str = ""
    status: str = ""
    resolution: str = ""
    is_open: bool | None = None
    dupe_of: int | None = None
    last_change_time: str
    cf_last_resolved: str | None = None
    cf_crash_signature: str | None = None
    target_milestone: str | None = None
    keywords: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Bugzilla:
    """One Bugzilla. `asked` are further members of the query: product, component, keywords, status, …"""

    asker: Asker
    url: str
    tracker: str
    asked: Mapping[str, tuple[str, ...]]
    rules: Rules
    limit: int = 500

    @property
    def query(self) -> str:
        """Which bugs are asked for."""
        return urlencode(sorted(self.asked.items()), doseq=True)

    def read(self, position: Position, now: str) -> Page:
        """The page that begins there. Raises TrackerError."""
        address = f"{self.url.rstrip('/')}/rest/bug"
        answer = self.asker.get(address, self._query(position))
        raw = answer.json.get("bugs") if isinstance(answer.json, dict) else None
        if not isinstance(raw, list):
            raise TrackerError(
                self.tracker, shown(address), f"no list of bugs{_said(answer.json)}", "is it a Bugzilla?"
            )
        times, bugs, bad = [], [], []
        for item in raw:
            try:
                told = msgspec.convert(item, _Told)
                bugs.append(self._bug(told, item))
                times.append(moment(told.last_change_time))
            except (msgspec.ValidationError, ValueError) as fault:
                bad.append(f"{_name(item)}: {fault}")
        if raw and not bugs:
            raise TrackerError(self.tracker, shown(address), f"no bug can be read: {bad[0]}", "is it a Bugzilla?")
        more = len(raw) >= self.limit
        return Page(tuple(bugs), tuple(bad), following(position, times, len(raw), now, more=more), more)

    def _query(self, position: Position) -> dict[str, Any]:
        flags = sorted(name for kind, name in self.rules.fixed if kind == "flag")
        query: dict[str, Any] = {name: list(values) for name, values in self.asked.items()}
        query |= {"include_fields": ",".join((*FIELDS, *flags)), "order": "changeddate,bug_id"}
        query |= {"limit": self.limit, "offset": position.skip}
        return query | ({"last_change_time": position.since} if position.since else {})

    def _bug(self, told: _Told, item: Mapping[str, Any]) -> Bug:
        number, title = str(told.id), told.summary[:MAX_TITLE]
        matchers = dict.fromkeys((*signatures(told.cf_crash_signature or ""), *self.rules.matchers(title)))
        changed, shut = moment(told.last_change_time), _is_closed(told)
        return Bug(
            id=bug_id(self.tracker, number),
            tracker=self.tracker,
            number=number,
            title=title,
            state=BugState.CLOSED if shut else BugState.OPEN,
            resolution=told.resolution,
            url=f"{self.url.rstrip('/')}/show_bug.cgi?id={number}",
            matchers=tuple(matchers)[:MAX_MATCHERS],
            fixed_on=self.rules.branches([*self._flags(item), ("milestone", told.target_milestone or "")]),
            updated_at=changed,
            closed_at=(moment(told.cf_last_resolved) if told.cf_last_resolved else changed) if shut else "",
            moved_to=bug_id(self.tracker, str(told.dupe_of)) if shut and told.dupe_of else "",
        )

    def _flags(self, item: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        """The status flags of branches where the bug is fixed."""
        for kind, name in self.rules.fixed:
            if kind == "flag" and item.get(name) in FIXED_FLAGS:
                yield kind, name


def signatures(field: str) -> list[Matcher]:
    """The matchers of a signature field: a line `[@ signature ]` each."""
    found = (_SIGNATURE.search(line[:MAX_TITLE]) for line in field.splitlines()[: 2 * MAX_MATCHERS])
    matchers = [Matcher(signature=one["text"]) for one in found if one]
    return [one for one in matchers if not refusal(one)]


def _is_closed(told: _Told) -> bool:
    if told.is_open is not None:
        return not told.is_open
    return bool(told.resolution) or told.status in CLOSED


def _said(answer: Any) -> str:
    """What an error says that came with status 200."""
    message = answer.get("message") if isinstance(answer, dict) else None
    return f": {message[:200]}" if isinstance(message, str) else ""


def _name(item: Any) -> str:
    number = item.get("id") if isinstance(item, dict) else None
    return f"bug {number}" if isinstance(number, int) else "a bug without a number"
