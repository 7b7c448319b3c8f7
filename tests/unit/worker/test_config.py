"""What the owner of a worker machine decides, and what is said of what cannot be."""

from pathlib import Path

import pytest

from crashfarm.errors import ConfigError
from worker import config

LEASE = "a number more than 0 and at most 86400: seconds of silence after which others take its jobs over"


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("lease", 0.0, f"the options: lease is 0.0, but must be {LEASE}"),
        ("lease", float("nan"), f"lease is nan, but must be {LEASE}"),
        ("lease", 1e9, f"lease is 1000000000.0, but must be {LEASE}"),
        ("slots", 0, "slots is 0, but must be a whole number at least 1 and at most 200: how many jobs run at once"),
        ("name", "a b", "name is 'a b', but must be a letter or digit and up to 99 letters, digits, dots"),
    ],
)
def test_an_option_out_of_bounds_is_told_with_its_value_and_its_bounds(option: str, value: object, told: str) -> None:
    """In words of ours, which name the option."""
    with pytest.raises(ConfigError) as refused:
        config.load(None, **{option: value})
    assert told in str(refused.value)
    assert "`" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("heartbeat = -1", "heartbeat is -1, but must be a number more than 0"),
        ("slots = 2.5", "slots is 2.5, but must be a whole number"),
        ("tags = 'x'", "tags is 'x', but must be a list of texts"),
        ("tags = [1]", "tags is [1], but must be a list of texts"),
        ("limits = 3", "limits is 3, but must be a table of settings"),
        ("[limits]\nopen = 5", "limits.open is 5, but must be a whole number at least 2048"),
        ("[limits]\nopenn = 5", "there is no setting 'limits.openn'; those there are: seconds, memory"),
        ("colour = 1", "there is no setting 'colour'; those there are: name, slots"),
        ("colour = ", "Invalid"),
    ],
)
def test_a_setting_that_cannot_be_is_told_with_its_file_and_what_it_may_be(
    tmp_path: Path, text: str, told: str
) -> None:
    """Those of a table inside the file by both names."""
    path = tmp_path / "worker.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as refused:
        config.load(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert told in str(refused.value)
