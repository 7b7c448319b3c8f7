"""What every database must let the queue do: one contract, for the fake and for a real CouchDB."""

from tests.queue_contract.finding import FindingContract
from tests.queue_contract.given import ALPHA, BETA, LEASE, abilities, job
from tests.queue_contract.holding import HoldingContract
from tests.queue_contract.orders import OrdersContract

__all__ = ["ALPHA", "BETA", "LEASE", "QueueContract", "abilities", "job"]


class QueueContract(FindingContract, HoldingContract, OrdersContract):
    """Needs a fixture `status`: an empty database with the design documents `jobs` and `queue`."""
