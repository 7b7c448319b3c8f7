"""Names in the order that people expect."""

import pytest

from crashfarm.ordering import natural


@pytest.mark.parametrize(
    "names", [("3.9", "3.10", "3.15"), ("a2", "a10", "b1"), ("3.10", "main"), ("", "1"), ("1" * 9, "1" * 10_000)]
)
def test_numbers_in_names_count_as_numbers(names: tuple[str, ...]) -> None:
    """However long they are."""
    assert sorted(reversed(names), key=natural) == list(names)
