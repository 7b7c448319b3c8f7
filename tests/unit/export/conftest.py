"""One record, as a file and as a folder."""

from pathlib import Path

import pytest

from server.export import parquet
from tests import farms, samples
from tests.unit.export.record import MARKER, update


@pytest.fixture(scope="package")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with three days of results, branches, a worker and a bug."""
    path = tmp_path_factory.mktemp("export") / "farm.sqlite"
    farm = farms.in_memory(farms.generate(days=3), *(farms.branch(name) for name in farms.BRANCHES))
    for doc in (samples.worker(), samples.bug(), samples.completed()):
        farm.status.put(doc)
    update(farm, path)
    return path


@pytest.fixture(scope="package")
def folder(export: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as Parquet files."""
    path = tmp_path_factory.mktemp("export") / "tables"
    parquet.write(export, path, MARKER)
    return path
