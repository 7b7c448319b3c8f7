"""GitHub's issues: `GET /repos/{owner}/{name}/issues` in the order of their change. Pull requests are passed over."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import msgspec

from crashfarm.documents.bug import Bug, BugState, bug_id
from server.trackers.asking import UNCHANGED, Asker, shown
from server.trackers.errors import TrackerError
from server.trackers.source import MAX_MATCHERS, MAX_TITLE, Page, Position, Rules, following, moment

API = "https://api.github.com"
PER_PAGE = 100
"""Of issues; GitHub gives no more."""


class _Named(msgspec.Struct, frozen=True):
    name: str = ""


class _Milestone(msgspec.Struct, frozen=True):
    title: str = ""


class _Told(msgspec.Struct, frozen=True, kw_only=True):
    """What is needed of an issue."""

    number: int
    title: str = ""
    state: str
    state_reason: str | None = None
    html_url: str = ""
    updated_at: str
    closed_at: str | None = None
    labels: tuple[_Named | str, ...] = ()
    milestone: _Milestone | None = None


@dataclass(frozen=True, kw_only=True)
class GitHub:
    """The issues of one repository; with `labels`, only those that have all of them."""

    asker: Asker
    repository: str
    tracker: str
    rules: Rules
    labels: tuple[str, ...] = ()
    url: str = API
    limit: int = PER_PAGE

    @property
    def query(self) -> str:
        """Which issues are asked for."""
        return urlencode({"repository": self.repository, "labels": ",".join(self.labels)})

    def read(self, position: Position, now: str) -> Page:
        """The page that begins there. Raises TrackerError."""
        address = f"{self.url.rstrip('/')}/repos/{self.repository}/issues"
        known = {"If-None-Match": position.etag} if position.etag else {}
        answer = self.asker.get(address, self._query(position), known)
        if answer.status == UNCHANGED:
            return Page((), (), position, more=False)
        if not isinstance(answer.json, list):
            raise TrackerError(self.tracker, shown(address), "no list of issues", "is it GitHub's API?")
        return self._page(position, answer.json, answer.headers, now)

    def _page(self, position: Position, raw: list[Any], headers: Mapping[str, str], now: str) -> Page:
        times, bugs, bad = [], [], []
        for item in raw:
            try:
                told = msgspec.convert(item, _Told)
                times.append(moment(told.updated_at))
                bugs += [] if item.get("pull_request") else [self._bug(told)]
            except (msgspec.ValidationError, ValueError) as fault:
                bad.append(f"{_name(item)}: {fault}")
        if raw and not times:
            raise TrackerError(self.tracker, self.url, f"no issue can be read: {bad[0]}", "is it GitHub's API?")
        more = 'rel="next"' in headers.get("link", "") or len(raw) >= self.limit
        after = following(position, times, len(raw), now, more=more, etag=headers.get("etag", ""))
        return Page(tuple(bugs), tuple(bad), after, more)

    def _query(self, position: Position) -> dict[str, Any]:
        query = {"state": "all", "sort": "updated", "direction": "asc", "per_page": self.limit}
        query |= {"page": 1 + position.skip // self.limit}
        query |= {"labels": ",".join(self.labels)} if self.labels else {}
        return query | ({"since": position.since} if position.since else {})

    def _bug(self, told: _Told) -> Bug:
        number, title = str(told.number), told.title[:MAX_TITLE]
        labels = [("label", one if isinstance(one, str) else one.name) for one in told.labels]
        milestone = [("milestone", told.milestone.title)] if told.milestone else []
        changed, shut = moment(told.updated_at), told.state == BugState.CLOSED
        return Bug(
            id=bug_id(self.tracker, number),
            tracker=self.tracker,
            number=number,
            title=title,
            state=BugState.CLOSED if shut else BugState.OPEN,
            resolution=(told.state_reason or "") if shut else "",
            url=told.html_url,
            matchers=tuple(dict.fromkeys(self.rules.matchers(title)))[:MAX_MATCHERS],
            fixed_on=self.rules.branches([*labels, *milestone]) if shut else (),
            updated_at=changed,
            closed_at=(moment(told.closed_at) if told.closed_at else changed) if shut else "",
        )


def _name(item: Any) -> str:
    number = item.get("number") if isinstance(item, dict) else None
    return f"issue {number}" if isinstance(number, int) else "an issue without a number"
