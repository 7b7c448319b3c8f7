"""When the disk does not do what it should: clear errors, and reads go on."""

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.couch.conftest import start_store, stop_store

pytestmark = pytest.mark.embedded_only
LIMIT = 1_000_000


class Small:
    """A store whose files cannot grow beyond LIMIT bytes, as on a full disk; the limit can be lifted."""

    def __init__(self, folder: Path) -> None:
        self.process, self.url = start_store(folder)
        self.db = self.url + "/db"
        assert requests.put(self.db, timeout=30).ok
        assert requests.put(self.db + "/kept", json={"n": 1}, timeout=30).ok
        _, self._hard = resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE)
        self.limit(LIMIT)

    def limit(self, size: int) -> None:
        """How large a file may become."""
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (size, self._hard))

    def fill(self) -> requests.Response:
        """Write until it is refused; the refusal."""
        for n in range(100):
            answer = requests.put(f"{self.db}/d{n}", json={"text": os.urandom(25_000).hex()}, timeout=30)
            if not answer.ok:
                return answer
        raise AssertionError("the disk never became full")


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Small]:
    """A store on a disk that is nearly full."""
    store = Small(tmp_path / "data")
    yield store
    store.limit(resource.RLIM_INFINITY)
    stop_store(store.process)


def test_full_disk_is_a_503_and_reads_go_on(small: Small) -> None:
    """What was acknowledged is still read, on a store that cannot write."""
    answer = small.fill()
    assert (answer.status_code, answer.json()["error"]) == (503, "service_unavailable")
    assert requests.get(small.db + "/kept", timeout=30).json()["n"] == 1
    rows = requests.get(small.db + "/_all_docs", timeout=30).json()["rows"]
    assert len(rows) == requests.get(small.db, timeout=30).json()["doc_count"]


def test_writing_goes_on_when_there_is_space_again(small: Small) -> None:
    """Nothing has to be started anew."""
    small.fill()
    small.limit(resource.RLIM_INFINITY)
    assert requests.put(small.db + "/after", json={}, timeout=30).status_code == 201
    assert requests.get(small.db + "/after", timeout=30).status_code == 200


def test_upload_that_finds_no_room_is_503(small: Small) -> None:
    """It fails where it waits, before any of it reaches the database; a smaller one is taken."""
    answer = requests.put(f"{small.db}/a/f", data=os.urandom(3_000_000), timeout=30)
    assert (answer.status_code, answer.json()["error"]) == (503, "service_unavailable")
    assert requests.get(f"{small.db}/a", timeout=30).status_code == 404
    assert requests.get(f"{small.db}/kept", timeout=30).json()["n"] == 1
    assert requests.put(f"{small.db}/a/f", data=os.urandom(1000), timeout=30).status_code == 201
