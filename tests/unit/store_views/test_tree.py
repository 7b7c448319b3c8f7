"""The tree of counts and reductions always tells what its rows tell."""

import itertools

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.store.views import partials, tables, tree
from server.store.views.ranges import Range, Reader
from server.store.views.reduces import Count, Sum


@pytest.fixture(autouse=True)
def small_nodes(monkeypatch):
    """Few children per node, so that few rows make many levels."""
    monkeypatch.setattr(tree, "MAX_ROWS", 6)
    monkeypatch.setattr(tree, "MAX_NODES", 4)
    monkeypatch.setattr(tree, "LEAST", 1 / 3)


def new_index() -> apsw.Connection:
    connection = apsw.Connection(":memory:")
    tables.create(connection, "uuid", [True], 0)
    return connection


def change(connection: apsw.Connection, add: set[int], remove: set[int]) -> None:
    """Add and remove rows and tell the tree of it."""
    connection.executemany("DELETE FROM rows_0 WHERE k=?", [(key(one),) for one in remove])
    rows = [(key(one), b'{"id":"d","key":null,"value":%d}' % one) for one in add]
    connection.executemany("INSERT OR REPLACE INTO rows_0 VALUES(?, ?)", rows)
    changed = {key(one): -1 for one in remove} | {key(one): 1 for one in add}
    if changed:
        tree.Tree(connection, 0).apply(*zip(*sorted(changed.items()), strict=True))


def key(number: int) -> bytes:
    return b"%06d" % number + bytes(5)


def check_nodes(connection: apsw.Connection) -> None:
    """Every node counts what is below it, and begins where its first child does."""
    nodes = list(connection.execute("SELECT level, lo, n, kids FROM nodes_0 ORDER BY level, lo"))
    top = max(level for level, *_ in nodes)
    assert [lo for level, lo, *_ in nodes if level == top] == [b""]
    starts = {level: [lo for each, lo, *_ in nodes if each == level] for level in range(top + 1)}
    for level, lo, rows, kids in nodes:
        end = next((other for other in starts[level] if other > lo), b"\xff")
        query = "SELECT count(*) FROM rows_0 WHERE k>=? AND k<?"
        assert rows == connection.execute(query, (lo, end)).get, (level, lo)
        assert kids <= 6 + 2
        if level:
            below = [other for other in starts[level - 1] if lo <= other < end]
            assert below[0] == lo
            assert len(below) == kids
        else:
            assert kids == rows


OPERATIONS = st.lists(st.tuples(st.booleans(), st.sets(st.integers(0, 300), max_size=40)), min_size=1, max_size=12)


@given(OPERATIONS, st.integers(0, 300), st.integers(0, 300), st.booleans())
@settings(max_examples=60, deadline=None)
def test_any_changes_leave_a_true_tree(operations, low, high, descending):
    """After any additions and removals, counts, sums, skips and orders of any range are those of the rows."""
    connection = new_index()
    present: set[int] = set()
    for adding, numbers in operations:
        fresh, gone = (numbers - present, set()) if adding else (set(), numbers & present)
        change(connection, fresh, gone)
        present = (present | fresh) - gone
        check_nodes(connection)
        for _ in partials.store_missing(connection, 0, [Sum()]):
            pass
    within = Range(key(min(low, high)), key(max(low, high)))
    expected = sorted((one for one in present if within.start <= key(one) < within.end), reverse=descending)
    reader = Reader(connection, 0)
    assert reader.total() == len(present)
    assert reader.count(within) == len(expected)
    assert [int(k[:6]) for k, _ in reader.rows(within, descending, 0, -1)] == expected
    assert [int(k[:6]) for k, _ in reader.rows(within, descending, 3, 5)] == expected[3:8]
    assert [int(k[:6]) for k, _ in reader.rows(within, descending, 11, -1)] == expected[11:]
    for reducer, answer in ((Sum(), sum(expected)), (Count(), len(expected))):
        grouping = partials.Grouping(reader, reducer, 0)
        assert grouping.results([pieces for _, pieces in grouping.all(within)]) == ([answer] if expected else [])
        found = list(grouping.groups(within, lambda k: k[:5], descending))
        tens = [(prefix, list(part)) for prefix, part in itertools.groupby(expected, lambda one: b"%05d" % (one // 10))]
        assert [prefix for prefix, _ in found] == [prefix for prefix, _ in tens]
        totals = [sum(part) if isinstance(reducer, Sum) else len(part) for _, part in tens]
        assert grouping.results([pieces for _, pieces in found]) == totals


@given(st.sets(st.integers(0, 2_000), min_size=100, max_size=300), st.integers(1, 50))
@settings(max_examples=20, deadline=None)
def test_a_queue_leaves_no_debris(numbers, step):
    """Rows that come at the high end and go at the low end leave a tree as small as what is left."""
    connection = new_index()
    waiting = sorted(numbers)
    change(connection, set(waiting), set())
    while waiting:
        change(connection, set(), set(waiting[:step]))
        waiting = waiting[step:]
        check_nodes(connection)
    levels = connection.execute("SELECT max(level) FROM nodes_0").get
    assert connection.execute("SELECT count(*) FROM nodes_0").get <= levels * 6 + 1


def test_groups_are_read_from_nodes_and_the_ends_of_runs():
    """Grouping by the first byte gives each group's sum, in either direction."""
    connection = new_index()
    change(connection, set(range(0, 300, 3)), set())
    for _ in partials.store_missing(connection, 0, [Sum()]):
        pass
    grouping = partials.Grouping(Reader(connection, 0), Sum(), 0)
    for descending in (False, True):
        groups = list(grouping.groups(Range(b"", b"\xff"), lambda k: k[:4], descending))
        sums = dict(zip([p for p, _ in groups], grouping.results([g for _, g in groups]), strict=True))
        assert [p for p, _ in groups] == sorted((b"0000", b"0001", b"0002"), reverse=descending)
        assert sums[b"0001"] == sum(n for n in range(0, 300, 3) if 100 <= n < 200)
