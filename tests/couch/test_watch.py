"""What happens on a farm is told as it happens, whatever the farm lacks when one begins to look."""

from server import watch
from tests import farms, samples
from tests.fresh import farm_settings, fresh_farm


def test_a_database_that_is_made_later_is_heard_of(couch_url: str) -> None:
    """Somebody watches while a farm is being set up: the other database is told of at once."""
    with fresh_farm(couch_url) as farm:
        farm.connection.create(farm.status.name)
        given = farm_settings(couch_url, farm=farm.status.name)
        with watch.following(given, farm) as events:
            told = (event for event in events if event)
            assert next(told).kind == "trouble"
            farm.status.put(samples.worker())
            assert next(told).kind == "worker"
            farm.connection.create(farm.history.name)
            farm.history.put(farms.histories([farms.result(1, farms.finding())])[0].to_doc())
            assert next(told).kind == "finding"
