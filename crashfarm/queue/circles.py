"""Jobs that wait for one another."""

from collections.abc import Iterable, Mapping, Sequence

SHOWN = 5
"""So many jobs of a circle are named."""


def circle(needs: Mapping[str, Iterable[str]]) -> list[str]:
    """Jobs that wait for one another for ever, in their order, or nothing; `needs` says what each waits for."""
    left = {job: set(others) for job, others in needs.items()}
    while free := [job for job, others in left.items() if not others & left.keys()]:
        for job in free:
            del left[job]
    if not left:
        return []
    walked = [min(left)]
    while (after := min(left[walked[-1]] & left.keys())) not in walked:
        walked.append(after)
    return walked[walked.index(after) :]


def words(found: Sequence[str]) -> str:
    """A circle as a text."""
    shown = [*found[:SHOWN], *(["…"] if len(found) > SHOWN else []), found[0]]
    return f"the dependencies go round in a circle: {' -> '.join(shown)}"
