"""What a shell can complete: names that the farm knows, and never an error."""

from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from crashfarm import settings
from crashfarm.documents.worker import Worker
from crashfarm.errors import ConfigError, DatabaseUnavailable
from server.cli import build
from tests import farms, samples
from tests.farms import finding, result


def complete(line: str) -> list[str]:
    """What bash is offered for the last word of a line."""
    words = line.split(" ")
    environ = {"_CRASHFARM_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    app: typer.Typer = build()
    ended = CliRunner().invoke(app, [], env=environ, prog_name="crashfarm", catch_exceptions=False)
    return ended.stdout.split()


@pytest.fixture
def _farm(monkeypatch: pytest.MonkeyPatch) -> None:
    """A farm of two branches and a worker that is not called as its host is."""
    worker = Worker.from_doc(samples.worker()).evolve(id="worker:barn")
    farm = farms.in_memory([result(1, finding()), result(2, branch="3.12", machine=1)], worker)
    monkeypatch.setattr(settings, "load", lambda data: None)
    monkeypatch.setattr(settings, "connect", lambda found, seconds: farm)


@pytest.mark.usefixtures("_farm")
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("crashfarm crashes --branch ", ["3.12", "3.13"]),
        ("crashfarm results --branch 3.13", ["3.13"]),
        ("crashfarm jobs --cpu-name ", ["aarch64", "x86_64"]),
        ("crashfarm workers --machine ", ["barn"]),
        ("crashfarm worker pause b", ["barn"]),
        ("crashfarm results --group o", ["os_name", "os_version", "outcome"]),
        ("crashfarm crashes --group m", ["message"]),
        ("crashfarm diff 3", ["3.12", "3.13"]),
        ("crashfarm crashes --regr", ["--regressed"]),
    ],
)
def test_names_that_the_farm_knows_are_completed(line: str, offered: list[str]) -> None:
    """Of parts of the key, of columns, of workers, of options."""
    assert complete(line) == offered


@pytest.mark.parametrize("error", [ConfigError("no store runs"), DatabaseUnavailable("it is away")])
def test_a_farm_that_cannot_be_asked_offers_nothing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """And the user's line stays as it is."""

    def fail(*asked: Any) -> Any:
        raise error

    monkeypatch.setattr(settings, "load", fail)
    assert complete("crashfarm crashes --branch ") == []
