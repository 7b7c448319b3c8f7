"""Variants: alike signatures are suggested, a person decides, and what was decided is not asked again."""

from collections.abc import Sequence

import pytest

from crashfarm.documents.finding import Finding, Frame, Kind
from crashfarm.documents.signature import SignatureNote
from crashfarm.errors import InputError, NotFound
from crashfarm.settings import Farm
from server.certainty import variants
from server.certainty.variants import Known, Suggestion
from tests.unit.certainty.farm import Workers, clock, farm, finding, job


def crash(*functions: str, kind: Kind = Kind.CRASH, message: str = "SIGSEGV") -> Finding:
    """A crash in a stack of these functions, innermost first; its signature is the innermost two."""
    frames = tuple(Frame(function=name, file=f"{name}.c") for name in functions)
    return finding(" | ".join(functions[:2]), kind, frames=frames, message=message)


ONE = crash("insert", "grow", "put", "serve", "main")
ALIKE = crash("grow", "put", "serve", "main")
ALSO = crash("insert", "shrink", "put", "serve", "main")
OTHER = crash("parse", "read", "load", "start", "run")


def stored(*findings: Finding) -> Farm:
    """A farm whose results show these; the first ones more often."""
    here = farm()
    for number, found in enumerate(findings):
        for again in range(len(findings) - number):
            one = job(f"{number}-{again}")
            here.status.put(one.to_doc())
            Workers(here, lambda _: None).record(one.evolve(rev=(here.status.get(one.id) or {})["_rev"]), [found])
    return here


def suggested(here: Farm, threshold: float = 0.6) -> list[Suggestion]:
    """What is suggested now."""
    return variants.suggest(here.history, variants.known(here.history), lambda done: None, threshold)


def details(members: Sequence[Known]) -> list[str]:
    """What they are."""
    return [one.key[1] for one in members]


def name(found: Finding) -> str:
    """As the list names a signature."""
    return SignatureNote.of(found).id.removeprefix("signature:")[:16]


def confirm(here: Farm, *findings: Finding) -> list[str]:
    """Alice says that they are one bug; who has changed."""
    names = [name(one) for one in findings]
    return details(variants.confirm(here.history, variants.known(here.history), names, "alice", clock))


def reject(here: Farm, *findings: Finding) -> None:
    """Alice says that they are not."""
    names = [name(one) for one in findings]
    variants.reject(here.history, variants.known(here.history), names, "alice", clock)


def note(here: Farm, found: Finding) -> SignatureNote:
    """What is known of a finding's signature."""
    return SignatureNote.from_doc(here.history.get(SignatureNote.of(found).id) or {})


def test_alike_stacks_are_suggested_with_a_score() -> None:
    """The most frequent first; others are left alone, and nothing is written."""
    here = stored(ONE, ALIKE, OTHER)
    [suggestion] = suggested(here)
    assert details(suggestion.members) == [ONE.detail, ALIKE.detail]
    assert [one.findings for one in suggestion.members] == [3, 2]
    assert 0.6 <= suggestion.score < 1
    assert list(here.history.documents("signature:")) == []


def test_short_stacks_are_not_taken_for_certain() -> None:
    """Two exceptions on the outermost level have only that in common."""
    here = stored(
        finding("TypeError | <module>", Kind.EXCEPTION, frames=(Frame(function="<module>", file="a.py"),)),
        finding("NameError | <module>", Kind.EXCEPTION, frames=(Frame(function="<module>", file="a.py"),)),
    )
    assert suggested(here) == []


def test_confirmed_variants_name_their_leader_and_are_not_suggested_again() -> None:
    """With who said so, and when."""
    here = stored(ONE, ALIKE)
    assert confirm(here, ONE, ALIKE) == [ALIKE.detail]
    kept = note(here, ALIKE)
    assert (kept.variant_of, kept.confirmed_by) == (SignatureNote.of(ONE).id, "alice")
    assert kept.confirmed_at
    assert here.history.get(SignatureNote.of(ONE).id) is None
    assert suggested(here) == []


def test_further_variant_of_a_confirmed_group_is_suggested() -> None:
    """And joins under the same leader, whichever member is named first."""
    here = stored(ONE, ALIKE, ALSO)
    confirm(here, ONE, ALIKE)
    [suggestion] = suggested(here, 0.5)
    assert set(details(suggestion.members)) == {ONE.detail, ALIKE.detail, ALSO.detail}
    assert confirm(here, ALIKE, ALSO) == [ALSO.detail]
    assert note(here, ALSO).variant_of == SignatureNote.of(ONE).id


def test_two_groups_become_one_with_all_their_members() -> None:
    """Nobody follows somebody who follows another."""
    here = stored(ONE, ALIKE, ALSO, OTHER)
    confirm(here, ONE, ALIKE)
    confirm(here, ALSO, OTHER)
    assert set(confirm(here, ALIKE, OTHER)) == {ALSO.detail, OTHER.detail}
    assert {note(here, one).variant_of for one in (ALIKE, ALSO, OTHER)} == {SignatureNote.of(ONE).id}


def test_rejected_variants_are_not_suggested_again() -> None:
    """Neither way round; a third one still may be."""
    here = stored(ONE, ALIKE, ALSO)
    reject(here, ALIKE, ONE)
    assert note(here, ONE).not_variant_of == (SignatureNote.of(ALIKE).id,)
    assert note(here, ALIKE).not_variant_of == (SignatureNote.of(ONE).id,)
    assert [set(details(one.members)) for one in suggested(here)] == [{ONE.detail, ALSO.detail}]


def test_rejecting_undoes_a_confirmation_and_the_other_way_round() -> None:
    """People err."""
    here = stored(ONE, ALIKE)
    confirm(here, ONE, ALIKE)
    reject(here, ONE, ALIKE)
    assert note(here, ALIKE).variant_of == ""
    confirm(here, ONE, ALIKE)
    assert (note(here, ALIKE).variant_of, note(here, ALIKE).not_variant_of) == (SignatureNote.of(ONE).id, ())
    assert note(here, ONE).not_variant_of == ()


def test_assertions_are_told_apart_by_their_message() -> None:
    """Their detail is only a file."""
    one = finding("a.c", Kind.ASSERTION, message="a > b", frames=ONE.frames)
    other = finding("a.c", Kind.ASSERTION, message="a > c", frames=ONE.frames)
    [suggestion] = suggested(stored(one, other))
    assert [member.key for member in suggestion.members] == [
        ("assertion", "a.c", "a > b"),
        ("assertion", "a.c", "a > c"),
    ]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([], "name two signatures or more"),
        (["abcdef"], "name two signatures or more"),
        (["0000000", "1111111"], "no result shows a signature that begins with '0000000'"),
        (["0", "1"], "no result shows"),
    ],
)
def test_what_names_no_signature_is_said(names: list[str], words: str) -> None:
    """And nothing is written."""
    here = stored(ONE, ALIKE)
    with pytest.raises((InputError, NotFound), match=words):
        variants.confirm(here.history, variants.known(here.history), names, "alice", clock)
    assert list(here.history.documents("signature:")) == []
