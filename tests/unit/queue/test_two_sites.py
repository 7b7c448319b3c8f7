"""Whatever happens on two sites that are apart, and in whatever order they meet: both end with the same documents."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import two_sites
from tests.fakes.replica import Replica


@pytest.mark.parametrize("kinds", [two_sites.JOBS, two_sites.HISTORIES], ids=["job", "history"])
@given(data=st.data(), first=st.integers(0, 1))
def test_two_sites_end_with_the_same_documents(kinds: tuple[str, ...], data: st.DataObject, first: int) -> None:
    """Claims, ends, cancellations and edits of a job; sightings and decisions on a history document."""
    happened = data.draw(two_sites.events(kinds))
    sites = (Replica("one"), Replica("other"))
    two_sites.begin(sites)
    for event in happened:
        two_sites.happen(sites, event)
    two_sites.make_up(sites, first, happened)


def test_what_one_site_has_completed_stays_completed() -> None:
    """Though the other went on with it through many more revisions."""
    sites = (Replica("one"), Replica("other"))
    two_sites.begin(sites)
    for event in [("claim", 0, 0), ("finish", 0, 0), *[("claim", 1, 0), ("lose", 1, 0)] * 3, ("cancel", 1, 0)]:
        two_sites.happen(sites, event)
    two_sites.make_up(sites, 1)
    assert [(site.get(two_sites.JOB.id) or {})["state"] for site in sites] == ["completed"] * 2
