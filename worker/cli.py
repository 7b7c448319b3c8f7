"""`crashfarm-worker`: the command on a worker machine."""

import fcntl
import logging
import os
import random
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

import crashfarm
from crashfarm import console, settings
from crashfarm.documents.worker import Wish, Worker, WorkerState, worker_id
from crashfarm.errors import ConfigError
from worker import assembly, config
from worker.ending import FAREWELL
from worker.farmhand import Farmhand
from worker.outbox import Outbox
from worker.parts import Until
from worker.updating import Updates

log = logging.getLogger("crashfarm.worker")

UPDATING = "the update command runs"
"""The reason on a worker's document meanwhile."""

app = typer.Typer(
    name="crashfarm-worker",
    help="Lends this machine to a crash farm: claims jobs, runs them, and tells the farm what it saw.",
    epilog="The farm is the one that COUCHDB_URL names (with COUCHDB_USER, and COUCHDB_PASSWORD or "
    "COUCHDB_PASSWORD_FILE), else the one whose store runs on the data folder.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Name = Annotated[str | None, typer.Option(help="The worker's name on the farm.", show_default="the host's name")]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="FOLDER",
        help="Where the worker keeps its files, and the embedded store its own.",
        envvar="CRASHFARM_DATA",
        show_default="~/.local/share/crashfarm",
    ),
]
File = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Settings in TOML; options go before them.")
]
Slots = Annotated[int | None, typer.Option(help="How many jobs run at once, up to 200.", show_default="1")]
Allow = Annotated[
    list[str] | None,
    typer.Option(metavar="PATH", help="A program that may be run; may be repeated. No other program ever is."),
]
AllowFrom = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-builds-from",
        metavar="URL",
        help="Builds below this address may be downloaded and run; may be repeated.",
        show_default="none",
    ),
]
Lease = Annotated[
    float | None,
    typer.Option(help="Seconds of silence, up to a day, after which others take our jobs over.", show_default="60"),
]


@app.callback()
def main_options(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more, and show where an error arose.")] = False,
) -> None:
    """Lends this machine to a crash farm."""
    console.be_verbose(verbose)


@app.command("run")
def run(
    name: Name = None,
    slots: Slots = None,
    allow: Allow = None,
    allow_builds_from: AllowFrom = None,
    lease: Lease = None,
    until_empty: Annotated[
        bool, typer.Option("--until-empty", help="End when nothing is pending for us and nothing runs anywhere.")
    ] = False,
    file: File = None,
    data: Data = None,
) -> None:
    """Work until told to stop. SIGTERM lets what runs finish, a second one gives it back to the queue at once.

    Example: crashfarm-worker run --slots 2 --allow /usr/bin/python3
    """
    settled = config.load(file, name=name, slots=slots, allow=allow, allow_builds_from=allow_builds_from, lease=lease)
    _work(settled, data, Until.EMPTY if until_empty else Until.TOLD)


@app.command("once")
def once(
    name: Name = None,
    slots: Slots = None,
    allow: Allow = None,
    allow_builds_from: AllowFrom = None,
    lease: Lease = None,
    file: File = None,
    data: Data = None,
) -> None:
    """Claim as many jobs as there are slots, run them, and end."""
    _work(
        config.load(file, name=name, slots=slots, allow=allow, allow_builds_from=allow_builds_from, lease=lease),
        data,
        Until.ONCE,
    )


@app.command("status")
def status(
    name: Name = None,
    file: File = None,
    data: Data = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Show how this worker does, as the farm knows it, and what waits on its disk to be told."""
    settled = config.load(file, name=name)
    farm = settings.connect(settings.load(data))
    doc = farm.status.get(worker_id(settled.name))
    if doc is None:
        raise ConfigError(f"the farm knows no worker of the name {settled.name!r}")
    waiting = len(Outbox(_home(data, farm.status.name, settled.name) / "outbox").waiting())
    console.print_table(("what", "value"), _facts(Worker.from_doc(doc), waiting), as_json=as_json)


@app.command("version")
def version() -> None:
    """Print the version."""
    console.tell(f"crashfarm-worker {crashfarm.__version__}")


def main() -> None:
    """The entry point."""
    console.run(app, "crashfarm-worker")


def _work(settled: config.Config, data: Path | None, until: Until) -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if not settled.allow and not settled.allow_builds_from:
        raise ConfigError("no program is allowed to be run: name some with --allow, or with allow = [...] in the file")
    farm = settings.connect(settings.load(data))
    home = _home(data, farm.status.name, settled.name)
    came: list[int] = []
    with _alone(home):
        updates = Updates(farm.status, settled.update, home, lambda: bool(came))
        hand = assembly.assemble(farm, settled, home, until, updates, random.Random())
        _heed_signals(came, hand)
        wish = hand.work()
        if wish == Wish.UPDATE:
            _update(updates, hand, settled.heartbeat)
    if wish in (Wish.RESTART, Wish.UPDATE) and not came:
        log.warning("beginning anew, to %s", wish)
        # With -P, a worker.py that lies in the present folder is not taken for us.
        os.execv(sys.executable, [sys.executable, "-P", "-m", "worker", *sys.argv[1:]])  # noqa: S606 - a list, no shell


def _heed_signals(came: list[int], hand: Farmhand) -> None:
    """Have the signals that ask for the end noted, and heeded."""

    def heed(number: int, _: object) -> None:
        came.append(number)
        hand.end()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, heed)


def _update(updates: Updates, hand: Farmhand, heartbeat: float) -> None:
    """Run the update command; the farm hears meanwhile that we live."""
    over = threading.Event()

    def tell() -> None:
        hand.tell(WorkerState.DRAINING, UPDATING)
        while not over.wait(heartbeat):
            hand.tell(WorkerState.DRAINING, UPDATING)
        hand.tell(WorkerState.STOPPED)

    teller = threading.Thread(target=tell, name="update", daemon=True)
    teller.start()
    if reason := updates.run():
        log.error("the update failed: %s", reason)
    over.set()
    teller.join(FAREWELL)


def _home(data: Path | None, farm: str, name: str) -> Path:
    """Where a worker keeps its files: what waits to be told to one farm must never be told to another."""
    return settings.data_folder(data) / "workers" / farm / name


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Keep a second process from working in the same folder. Raises ConfigError if there is one."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock = (home / "lock").open("a")
    except OSError as exc:
        raise ConfigError(f"cannot write to {home}: {exc.strerror}") from exc
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise ConfigError(f"another worker runs in {home}: give this one another --name") from exc
        yield


def _facts(worker: Worker, waiting: int) -> list[tuple[str, object]]:
    return [
        ("name", worker.id),
        ("state", worker.state),
        ("reason", worker.state_reason),
        ("wish", worker.control.desired),
        ("running", len(worker.running)),
        ("slots", worker.slots),
        ("heartbeat", worker.heartbeat_at),
        ("machine", f"{worker.os_name} {worker.os_version} {worker.cpu_name}"),
        ("incarnation", worker.incarnation),
        ("version", worker.version),
        ("core dumps", worker.metadata.get("core_dumps", "unknown")),
        ("stacks of hangs", worker.metadata.get("hang_stacks", "unknown")),
        ("waiting to be told", waiting),
    ]
