"""Whatever happens on two sites that are apart, and in whatever order they meet: both end with the same documents."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import two_sites
from tests.fakes.replica import Replica


@pytest.mark.parametrize("kinds", [two_sites.JOBS, two_sites.HISTORIES], ids=["job", "history"])
@settings(max_examples=100)
@given(data=st.data(), first=st.integers(0, 1))
def test_two_sites_end_with_the_same_documents(kinds: tuple[str, ...], data: st.DataObject, first: int) -> None:
    """Claims, ends, cancellations and edits of a job; sightings and decisions on a history document."""
    happened = data.draw(two_sites.events(kinds))
    sites = (Replica("one"), Replica("other"))
    two_sites.begin(sites)
    for event in happened:
        two_sites.happen(sites, event)
    two_sites.make_up(sites, first)


@pytest.mark.parametrize(
    ("shorter", "longer", "wins"),
    [
        (["claim", "finish"], ["fail", "fail", "fail", "cancel"], "shorter"),
        (["cancel"], ["fail", "fail", "claim"], "shorter"),
        (["claim"], ["fail", "fail", "annotate"], "shorter"),
        (["fail", "claim"], ["claim", "renew", "renew", "renew"], "shorter"),
        (["fail", "claim", "finish"], ["claim", "renew", "renew", "renew", "finish"], "shorter"),
        (["fail", "fail"], ["claim", "renew", "renew", "renew", "lose"], "shorter"),
        (["claim"], ["claim", "renew"], "longer"),
        (["claim"], ["claim", "renew", "renew"], "longer"),
        (["claim", "renew"], ["claim", "renew", "renew", "renew"], "longer"),
        (["claim", "finish"], ["claim", "renew", "finish"], "longer"),
    ],
    ids=[
        "completed before aborted",
        "aborted before running",
        "running before pending",
        "a later attempt that runs",
        "a later attempt that is completed",
        "more attempts that failed",
        "else CouchDB's winner that runs",
        "else CouchDB's winner, two revisions on",
        "else CouchDB's winner, of four that run",
        "else CouchDB's winner that is completed",
    ],
)
@pytest.mark.parametrize("where", [0, 1])
def test_each_part_of_the_rule_decides(shorter: list[str], longer: list[str], wins: str, where: int) -> None:
    """Though the other site went on through more revisions; what stays is what its own site wrote, to the letter."""
    sites = (Replica("one"), Replica("other"))
    two_sites.begin(sites)
    for site, names in ((where, shorter), (1 - where, longer)):
        for number, what in enumerate(names):
            two_sites.happen(sites, (what, site, number))
    written = sites[where if wins == "shorter" else 1 - where].get(two_sites.JOB.id)
    two_sites.make_up(sites, 1 - where)
    assert [site.get(two_sites.JOB.id) for site in sites] == [written, written]
