"""Why a query uses the index that it uses, as `_explain` tells it."""

from collections.abc import Iterator, Sequence
from typing import Any

from server.store.mango import plan
from server.store.mango.indexes import IndexDef
from server.store.mango.normal import Selector
from server.store.mango.plan import Plan
from server.store.mango.request import FindOptions

#: What an index can be searched for.
_INDEXABLE = frozenset(("$lt", "$lte", "$eq", "$gte", "$gt", "$exists"))


def candidates(options: FindOptions, indexes: Sequence[IndexDef], chosen: Plan | None) -> list[dict[str, Any]]:
    """The indexes that are not used: whether they could be, why they are not, and how close each came."""
    conditions = list(plan.conjuncts(options.selector))
    fields = plan.required(options.selector)
    others = [index for index in indexes if chosen is None or index != chosen.index]
    # The index over ids has every document, so it can be used for all that is not to be in another order.
    always = not options.sort
    usable = [
        index for index in others if (index.is_special and always) or plan.is_usable(index, options, conditions, fields)
    ]
    ranked = sorted((Plan(index, plan.leading(index, conditions)) for index in usable), key=plan.rank)
    by_user = chosen is not None and plan.is_named(chosen.index, options.use_index)
    last = 1 if by_user else len(ranked) + 1
    unusable = [index for index in others[::-1] if index not in usable]
    found = [_candidate(index, options, False, _mismatch(index, options, fields), last) for index in unusable]
    found += [
        _candidate(each.index, options, True, _why_not(each, chosen, by_user), 1 if by_user else place)
        for place, each in enumerate(ranked, 1)
    ]
    return found


def _candidate(index: IndexDef, options: FindOptions, usable: bool, reason: str, ranking: int) -> dict[str, Any]:
    analysis = {
        "usable": usable,
        "reasons": [{"name": reason}],
        "ranking": ranking,
        "covering": covers(index, options),
    }
    return {"index": index.describe(), "analysis": analysis}


def _mismatch(index: IndexDef, options: FindOptions, fields: set[str]) -> str:
    """Why an index cannot be used."""
    columns = {name for name, _ in index.columns}
    fits = fields.issuperset(columns - {name for name, _ in options.sort})
    return "sort_order_mismatch" if fits and not index.is_special else "field_mismatch"


def _why_not(each: Plan, chosen: Plan | None, by_user: bool) -> str:
    """Why an index that could be used is not."""
    if by_user:
        return "excluded_by_user"
    if each.index.is_special:
        return "unfavored_type"
    if each.index.partial:
        return "is_partial"
    if chosen is None or plan.rank(each)[1] != plan.rank(chosen)[1]:
        return "less_overlap"
    return "too_many_fields" if len(each.index.columns) > len(chosen.index.columns) else "alphabetically_comes_after"


def hints(selector: Selector) -> list[dict[str, Any]]:
    """Which fields of a selector an index would help with."""
    good = {name for name, operator, _ in plan.conjuncts(selector) if operator in _INDEXABLE}
    bad = set(_mentioned(selector)) - good
    return [{"type": "json", "indexable_fields": sorted(good), "unindexable_fields": sorted(bad)}]


def covers(index: IndexDef, options: FindOptions) -> bool | None:
    """True when an index alone has all that is asked for; None for the one over ids, which has nothing else."""
    if index.is_special:
        return None
    held = {name for name, _ in index.columns} | {"_id"}
    return bool(options.fields) and held.issuperset(options.fields) and held.issuperset(_mentioned(options.selector))


def _mentioned(selector: Any) -> Iterator[str]:
    """Every field that a selector speaks of."""
    if isinstance(selector, list):
        for each in selector:
            yield from _mentioned(each)
    elif isinstance(selector, dict):
        for name, item in selector.items():
            if name.startswith("$"):
                yield from _mentioned(item)
            else:
                yield name
