"""`crashfarm worker`: the machines that lend themselves."""

import getpass
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from crashfarm import console, times
from crashfarm.documents.base import plain_name
from crashfarm.documents.worker import Wish, Worker, worker_id
from crashfarm.errors import ConfigError, NotFound
from server import accounts, workers
from server.cli import completing, options
from server.cli.spreading import spread

app = typer.Typer(help="Workers: the machines that run jobs.", no_args_is_help=True)


def register(parent: typer.Typer) -> None:
    """Add the commands of this room."""
    parent.add_typer(app, name="worker")


@app.command("list")
def show(data: options.Data = None, as_json: options.AsJson = False) -> None:
    """List all workers and how they do."""
    found = workers.load(options.connect(data).status)
    console.print_table(_COLUMNS, map(_cells, found), as_json=as_json)


@app.command("show")
def show_one(
    name: Annotated[str, typer.Argument(metavar="WORKER", show_default=False, autocompletion=completing.workers)],
    data: options.Data = None,
    as_json: options.AsJson = True,
) -> None:
    """Show a worker's whole document, always as JSON."""
    doc = options.connect(data).status.get(worker_id(name))
    if doc is None:
        raise NotFound(f"there is no worker {name}: see 'crashfarm worker list'")
    console.tell(json.dumps(doc, indent=1, ensure_ascii=False))


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What is asked of workers: of which, why, and how it is told."""

    names: options.WorkerNames
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; the worker's owner sees it.")] = ""
    as_json: options.AsJson = False
    data: options.Data = None

    def wish(self, desired: Wish) -> None:
        """Ask that of all."""
        status = options.connect(self.data).status
        changed = (workers.wish(status, name, desired, self.reason, getpass.getuser()) for name in self.names)
        self.tell(changed, f"is to {desired}")

    def tell(self, changed: Iterable[Worker], words: str) -> None:
        """Say of each worker what was done, as soon as it is; as JSON all at once."""
        if self.as_json:
            console.print_table(_COLUMNS, [_cells(worker) for worker in changed], as_json=True)
            return
        for worker in changed:
            console.tell(f"{plain_name(worker.id)} {words}")


@app.command("pause")
@spread
def pause(ask: Ask) -> None:
    """Let workers rest: what runs goes on, nothing new is begun until they are resumed."""
    ask.wish(Wish.PAUSE)


@app.command("resume")
@spread
def resume(ask: Ask) -> None:
    """End a pause, a drain, a stop that has not happened yet, or a quarantine."""
    ask.wish(Wish.RUN)


@app.command("drain")
@spread
def drain(ask: Ask) -> None:
    """Let workers end what runs and begin nothing more, and stay."""
    ask.wish(Wish.DRAIN)


@app.command("stop")
@spread
def stop(ask: Ask) -> None:
    """End workers at once; what runs goes back to the queue."""
    ask.wish(Wish.STOP)


@app.command("restart")
@spread
def restart(ask: Ask) -> None:
    """Let workers end what runs and begin anew."""
    ask.wish(Wish.RESTART)


@app.command("update")
@spread
def update(ask: Ask) -> None:
    """Let workers end what runs, run the update command of their own configuration, and begin anew."""
    ask.wish(Wish.UPDATE)


@app.command("quarantine")
@spread
def quarantine(ask: Ask) -> None:
    """Take workers out until they are resumed."""
    status, now = options.connect(ask.data).status, times.to_text(times.utc_now())
    reason, by = ask.reason or "taken out by an admin", getpass.getuser()
    ask.tell((workers.quarantine(status, name, reason, by, now) for name in ask.names), "is in quarantine")


@app.command("forget")
def forget(names: options.WorkerNames, data: options.Data = None, as_json: options.AsJson = False) -> None:
    """Delete the documents of workers that will not come back."""
    status = options.connect(data).status
    forgotten = (workers.forget(status, name) for name in names)
    Ask(names=names, as_json=as_json).tell(forgotten, "is forgotten")


@app.command("account")
def account(
    name: Annotated[str, typer.Argument(metavar="WORKER", help="The worker's name.", show_default=False)],
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the password here, readable by you alone.")
    ] = None,
    renew: Annotated[bool, typer.Option("--renew", help="Give an account that is there a new password.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Take the account away.")] = False,
    data: options.Data = None,
) -> None:
    """Make an account for a machine that is lent: it may write what a worker must, and no more.

    The password is shown once and kept nowhere. Example: crashfarm worker account barn --file barn.password
    """
    farm = options.connect(data)
    if remove:
        accounts.remove(farm.connection, name)
        console.tell(f"{name} has no account any more")
        return
    with _secret_file(file) as write:
        write(accounts.create(farm.connection, name, renew=renew))
    where = f"COUCHDB_URL={farm.connection.url} CRASHFARM_FARM={farm.status.name}"
    console.say(f"on that machine: {where} COUCHDB_USER={name} COUCHDB_PASSWORD_FILE={file or '…'}")
    console.say(f"                 crashfarm-worker run --name {name} --allow PROGRAM")


@contextmanager
def _secret_file(file: Path | None) -> Iterator[Callable[[str], None]]:
    """Where a password goes: a new file that nobody else can read, or standard output."""
    if file is None:
        yield console.tell
        return
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as exc:
        raise ConfigError(f"cannot write to {file}: {exc.strerror}") from exc
    try:
        with os.fdopen(descriptor, "w") as opened:
            yield lambda password: print(password, file=opened)
    except BaseException:
        file.unlink()
        raise


_COLUMNS = ("name", "state", "since", "wish", "running", "slots", "machine", "heartbeat", "version", "reason")


def _cells(worker: Worker) -> tuple[object, ...]:
    machine = f"{worker.os_name} {worker.os_version} {worker.cpu_name}"
    slots = (len(worker.running), worker.slots)
    # What an admin has said counts before the worker has come to know of it.
    wish, said = (
        ("quarantine", worker.quarantine.reason)
        if worker.quarantine
        else (worker.control.desired, worker.control.reason)
    )
    told = (worker.heartbeat_at, worker.version, worker.state_reason or said)
    return (plain_name(worker.id), worker.state, worker.state_since, wish, *slots, machine, *told)
