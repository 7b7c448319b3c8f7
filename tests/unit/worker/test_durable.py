"""Files that are written whole or not at all."""

from pathlib import Path

import pytest

from worker import durable


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """And nothing lies beside it."""
    durable.write(tmp_path / "file", b"one")
    durable.write(tmp_path / "file", b"two")
    assert (tmp_path / "file").read_bytes() == b"two"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    """Least of all on a disk that is full."""
    (tmp_path / "file").mkdir()
    with pytest.raises(OSError, match="directory"):
        durable.write(tmp_path / "file", b"one")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
