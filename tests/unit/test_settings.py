"""Where the farm is: environment and data folder."""

from pathlib import Path

import pytest

from crashfarm import settings
from crashfarm.errors import ConfigError


def test_credentials_in_the_url_are_taken_out_of_it() -> None:
    """The address that is printed and logged holds no password, whatever characters that has."""
    found = settings.load(environ={"COUCHDB_URL": "http://ann:p%40ss%3A@db.example:5984/couch"})
    assert (found.url, found.user, found.password) == ("http://db.example:5984/couch", "ann", "p@ss:")
    assert "p@ss" not in repr(found)


def test_password_is_read_from_a_file(tmp_path: Path) -> None:
    """A secret need not stand in the environment."""
    (tmp_path / "secret").write_text("hush\n")
    environ = {"COUCHDB_URL": "http://[::1]:5984", "COUCHDB_USER": "a", "COUCHDB_PASSWORD_FILE": f"{tmp_path}/secret"}
    found = settings.load(environ=environ)
    assert (found.url, found.password) == ("http://[::1]:5984", "hush")


@pytest.mark.parametrize("url", ["db.example", "ftp://db.example", "http://", "http://db.example:port"])
def test_unusable_url_is_named(url: str) -> None:
    """What is wrong and what a good one looks like."""
    with pytest.raises(ConfigError, match="COUCHDB_URL"):
        settings.load(environ={"COUCHDB_URL": url})


def test_folder_without_a_store_says_what_to_do(tmp_path: Path) -> None:
    """The next step is part of the message."""
    with pytest.raises(ConfigError, match="crashfarm up"):
        settings.load(tmp_path, environ={})


def test_folder_of_a_running_store_gives_its_address(tmp_path: Path) -> None:
    """What the store wrote into its folder is all that a command needs."""
    (tmp_path / "store.json").write_text('{"url":"http://127.0.0.1:4711","pid":1,"version":"3.5"}')
    (tmp_path / "admin-password").write_text("pw\n")
    found = settings.load(tmp_path, environ={"CRASHFARM_FARM": "f"})
    assert (found.url, found.user, found.password, found.farm) == ("http://127.0.0.1:4711", "admin", "pw", "f")


def test_half_written_address_is_an_error_that_names_the_folder(tmp_path: Path) -> None:
    """A torn store.json is told apart from none."""
    (tmp_path / "store.json").write_text('{"url":"ht')
    with pytest.raises(ConfigError, match=str(tmp_path)):
        settings.load(tmp_path, environ={})


def test_data_folder_prefers_the_option_then_the_environment() -> None:
    """Option, CRASHFARM_DATA, XDG_DATA_HOME, in this order."""
    environ = {"CRASHFARM_DATA": "/b", "XDG_DATA_HOME": "/c"}
    assert settings.data_folder(Path("/a"), environ) == Path("/a")
    assert settings.data_folder(None, environ) == Path("/b")
    assert settings.data_folder(None, {"XDG_DATA_HOME": "/c"}) == Path("/c/crashfarm")
